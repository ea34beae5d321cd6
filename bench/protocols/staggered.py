"""Staggered arrivals: A comes cold, B two seconds later; B's first token from when it wanted to come, A's longest gap.

Concurrent against sequential (B is sent when A is over). Both prompts are cold and of the first of --sizes.
"""

import threading
import time

from driver.chat import Answer
from driver.prompts import Prompts
from driver.results import Rows
from driver.server import Server
from driver.setting import Setting, in_turns

DELAY_S = 2.0
ANSWER_TOKENS = 64


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    servers = setting.both(setting.room(agents=2, context=setting.sizes[0] + 512))
    prompts.calibrate(servers[0])
    for server in servers:
        server.ask("warm-up", prompts.conversation(256), 4)
    for repetition in range(setting.repetitions):
        for server in in_turns(servers, repetition):
            for how in ("concurrent", "sequential"):
                one(server, rows, prompts, setting.sizes[0], how)


def one(server: Server, rows: Rows, prompts: Prompts, size: int, how: str) -> None:
    answers: dict[str, Answer] = {}
    first, second = prompts.conversation(size), prompts.conversation(size)
    tag = time.monotonic_ns()

    def ask(name: str, messages: list[dict[str, str]]) -> None:
        chat = server.chat()
        answers[name] = server.ask(f"{name}-{tag}", messages, ANSWER_TOKENS, chat)
        chat.close()

    begin = time.perf_counter()
    a = threading.Thread(target=ask, args=("a", first))
    a.start()
    time.sleep(DELAY_S)
    if how == "sequential":
        a.join()
    ask("b", second)
    a.join()
    end = max(answer.end_at for answer in answers.values())
    rows.add(server.name, "wall", "s", end - begin, how=how)
    rows.add(server.name, "B's first token from its arrival", "s", answers["b"].piece_at[0] - begin - DELAY_S, how=how)
    rows.add(server.name, "A's first token", "s", answers["a"].piece_at[0] - begin, how=how)
    rows.add(server.name, "A's longest gap", "ms", max(answers["a"].gaps_ms()), how=how)
    server.settle([f"{name}-{tag}" for name in ("a", "b")])
