"""Cold prefill and the decode rate of one stream, both servers in turns."""

from driver.prompts import Prompts
from driver.results import Rows
from driver.setting import Setting, in_turns

ANSWER_TOKENS = 64


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    servers = setting.both(setting.room(agents=1))
    prompts.calibrate(servers[0])
    for server in servers:
        server.ask("warm-up", prompts.conversation(512), 4)
    for size in setting.sizes:
        for repetition in range(setting.repetitions):
            messages = prompts.conversation(size)
            for server in in_turns(servers, repetition):
                answer = server.ask(f"agent-{size}-{repetition}", messages, ANSWER_TOKENS)
                read = answer.prompt_tokens - answer.cached_tokens
                rows.add(server.name, "cold prefill", "tokens/s", 1000 * read / answer.first_ms, size=size)
                rows.add(server.name, "decode", "tokens/s", answer.decode_per_s, size=size)
                rows.add(server.name, "answer tokens", "tokens", answer.answer_tokens, size=size)
                if answer.cached_tokens > 64:
                    rows.note(f"{server.name} reused {answer.cached_tokens} tokens of a prompt that was meant to be new")
                server.settle([f"agent-{size}-{repetition}"])
