"""What the KV of idle residents costs the one that speaks: its prefill and decode with 0, 1, 3 and 7 others resident.

All cells of one pool are looked at in every step, so cells of others may cost time though nobody asks for them. llama-server's
residents have a slot each; it moves idle ones out of its one pool when another is asked, so it is measured with that pool, with
that pool while they stay, and with a part for each slot. The one that speaks is new in every sample, of the same length, and
leaves before the next.
"""

from driver.kvasir_server import KvasirServer
from driver.llama_server import Pool
from driver.prompts import Prompts
from driver.results import Rows
from driver.server import Server
from driver.setting import Setting, in_turns

OTHERS = (0, 1, 3, 7)
SPEAKER_TOKENS = 512
ANSWER_TOKENS = 64


def slot_of(server: Server, number: int) -> dict[str, int]:
    return {} if isinstance(server, KvasirServer) else {"id_slot": number}


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    size = setting.sizes[0]
    room = setting.room(agents=max(OTHERS) + 1, context=size + 1024)
    servers = setting.both(room, *Pool)
    prompts.calibrate(servers[0])
    for server in servers:
        server.ask("warm-up", prompts.conversation(256), 4, **slot_of(server, 0))
        if isinstance(server, KvasirServer):
            server.evict("warm-up")
    there = 0
    for others in OTHERS:
        while there < others:
            there += 1
            conversation = prompts.conversation(size)
            for server in servers:
                server.ask(f"other-{there}", conversation, 1, **slot_of(server, there))
                server.settle([f"other-{there}"])
        for repetition in range(setting.repetitions):
            conversation = prompts.conversation(SPEAKER_TOKENS)
            for server in in_turns(servers, repetition):
                speaker = f"speaker-{others}-{repetition}"
                answer = server.ask(speaker, conversation, ANSWER_TOKENS, **slot_of(server, 0))
                keys = {"size": size, "residents": others}
                rows.add(server.name, "prefill", "tokens/s", 1000 * (answer.prompt_tokens - answer.cached_tokens) / answer.first_ms, **keys)
                rows.add(server.name, "decode", "tokens/s", answer.decode_per_s, **keys)
                if isinstance(server, KvasirServer):
                    server.evict(speaker)
