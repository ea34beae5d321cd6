"""What the original document put in figures, measured the same way everywhere: load, save, turns, memory, disk of three agents.

System prompts of 100 to 200 tokens, three agents, a turn of 64 answer tokens behind a conversation of the first of --sizes:
cold (nobody knows it) against the same with the agent stored, after a restart.
"""

import time

from driver.kvasir_server import KvasirServer
from driver.machine import forget_pages
from driver.prompts import Prompts, extended
from driver.results import Rows
from driver.setting import Setting

AGENTS = 3
ANSWER_TOKENS = 64
SYSTEM_TOKENS = (100, 150, 200)


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    size = setting.sizes[0]
    for _ in range(setting.repetitions):
        server = setting.kvasir(setting.room(agents=AGENTS, context=size + 1024))
        forget_pages([setting.model])
        server.start()
        rows.add("kvasir", "model load, page cache dropped", "s", server.ready_ms / 1000)
        server.restart()
        rows.add("kvasir", "model load, page-cached", "s", server.ready_ms / 1000)
        prompts.calibrate(server)
        server.ask("warm-up", prompts.conversation(64), 2)
        three_agents(server, rows, prompts, size)
        server.remove()


def three_agents(server: KvasirServer, rows: Rows, prompts: Prompts, size: int) -> None:
    kept = []
    for number, system_tokens in enumerate(SYSTEM_TOKENS):
        system = prompts.conversation(system_tokens)[1]["content"]
        created = server.create(f"agent-{number}", system)
        rows.add("kvasir", "creation", "ms", created["prefill_ms"] + created["save_ms"], system_tokens=system_tokens)
        messages = [{"role": "system", "content": system}, prompts.user(size - system_tokens)]
        answer = server.ask(f"agent-{number}", messages, ANSWER_TOKENS)
        begin = time.perf_counter()
        server.settle([f"agent-{number}"])
        rows.add("kvasir", "save, from the answer until it is on disk", "ms", 1000 * (time.perf_counter() - begin))
        rows.add("kvasir", "turn, cold", "s", answer.total_ms / 1000)
        kept.append(extended(messages, answer, prompts.user(32)))
    memory = server.memory()
    rows.add("kvasir", "memory of the process with three agents", "B", memory["total_bytes"])
    rows.add("kvasir", "of it, weights", "B", memory["weights_bytes"])
    for number in range(AGENTS):
        rows.add("kvasir", "disk of an agent", "B", server.kv_bytes_of(f"agent-{number}"))
        rows.add("kvasir", "tokens of an agent", "tokens", server.cache(f"agent-{number}")["agent"]["tokens"])
    server.restart()
    for number in range(AGENTS):
        begin = time.perf_counter()
        server.load(f"agent-{number}")
        rows.add("kvasir", "load of an agent, page-cached", "ms", 1000 * (time.perf_counter() - begin))
    server.restart()
    for number in range(AGENTS):
        answer = server.ask(f"agent-{number}", kept[number], ANSWER_TOKENS)
        rows.add("kvasir", "turn, stored, after a restart", "s", answer.total_ms / 1000)
        rows.add("kvasir", "of it, until the first token", "s", answer.first_ms / 1000)
