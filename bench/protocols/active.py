"""Tokens a second of all streams with 4 agents that answer at the same time, the servers in turns.

llama-server is measured with one pool of cells for all slots and with a part for each slot.
"""

import threading
import time

from driver.chat import Answer
from driver.llama_server import Pool
from driver.prompts import Messages, Prompts, extended
from driver.results import Rows
from driver.server import Server
from driver.setting import Setting, in_turns

AGENTS = 4
PROMPT_TOKENS = 512
ANSWER_TOKENS = 128


def together(server: Server, conversations: dict[str, Messages], tokens: int) -> tuple[dict[str, Answer], float]:
    """All answers, and the seconds from the first request to the last piece."""
    answers: dict[str, Answer] = {}

    def one(agent: str, messages: Messages) -> None:
        chat = server.chat()
        answers[agent] = server.ask(agent, messages, tokens, chat)
        chat.close()

    threads = [threading.Thread(target=one, args=item) for item in conversations.items()]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(answers) < len(conversations):
        raise RuntimeError(f"{server.name}: {len(conversations) - len(answers)} answers did not come")
    return answers, time.perf_counter() - begin


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    servers = setting.both(setting.room(agents=AGENTS, context=PROMPT_TOKENS + 3 * ANSWER_TOKENS), Pool.ONE, Pool.SPLIT)
    prompts.calibrate(servers[0])
    for server in servers:
        server.ask("warm-up", prompts.conversation(256), 4)
    for repetition in range(setting.repetitions):
        conversations = {f"agent-{repetition}-{i}": prompts.conversation(PROMPT_TOKENS) for i in range(AGENTS)}
        for server in in_turns(servers, repetition):
            answers, wall_s = together(server, conversations, ANSWER_TOKENS)
            rows.add(server.name, "with their prompts", "tokens/s", sum(a.answer_tokens for a in answers.values()) / wall_s)
            longer = {name: extended(conversations[name], answers[name], prompts.user(16)) for name in conversations}
            answers, wall_s = together(server, longer, ANSWER_TOKENS)
            rows.add(server.name, "prompts resident", "tokens/s", sum(a.answer_tokens for a in answers.values()) / wall_s)
            begin, end = (pick(a.piece_at[i] for a in answers.values()) for pick, i in ((max, 0), (min, -1)))
            steps = sum(1 for a in answers.values() for at in a.piece_at if begin < at <= end)
            if end > begin:
                rows.add(server.name, "while all four decode", "tokens/s", steps / (end - begin))
            server.settle(list(conversations))
