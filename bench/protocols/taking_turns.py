"""Ten agents take turns where memory has room for five, under one memory bound with the page cache in it; then a restart.

Both servers run in a control group of the same bound: weights, KV cells of five agents, and what is left over. llama-server
may use the rest as `--cache-ram`. Prompts and answer lengths are fixed. Wall time of the rounds after the first (which is cold
for both), and of one round after a restart; there llama-server once goes on by itself, and once restores slot files that the
driver had it save after every turn, whose cost counts. Without the right to make control groups the bound is left out, and said.
"""

import time

from driver.kvasir_server import KvasirServer
from driver.llama_server import LlamaServer
from driver.machine import MIB, MemoryGroup, forget_pages
from driver.prompts import Messages, Prompts, extended
from driver.results import Rows
from driver.server import Server
from driver.setting import Setting, padded

AGENTS, PLACES = 10, 5
ROUNDS = 3
ANSWER_TOKENS = 32
USER_TOKENS = 48
SPARE_BYTES = 600 * MIB  # compute buffers, both programs, a little of the page cache


class Play:
    def __init__(self, server: Server, prompts: Prompts, tokens: int, by_hand: bool = False) -> None:
        self.server, self.prompts, self.by_hand = server, prompts, by_hand
        self.conversations: list[Messages] = [prompts.conversation(tokens) for _ in range(AGENTS)]
        self.answer_tokens = self.read_tokens = 0

    def round(self) -> float:
        begin = time.perf_counter()
        for i in range(AGENTS):
            slot = self._before(i)
            answer = self.server.ask(f"agent-{i}", self.conversations[i], ANSWER_TOKENS, **slot)
            self.conversations[i] = extended(self.conversations[i], answer, self.prompts.user(USER_TOKENS))
            self.answer_tokens += answer.answer_tokens
            self.read_tokens += answer.prompt_tokens - answer.cached_tokens
            if slot and isinstance(self.server, LlamaServer):
                self.server.save_slot(slot["id_slot"], f"agent-{i}.bin")
        return time.perf_counter() - begin

    def _before(self, agent: int) -> dict[str, int]:
        if not self.by_hand or not isinstance(self.server, LlamaServer):
            return {}
        slot = agent % PLACES
        if self.server.slot_file(f"agent-{agent}.bin").exists():
            self.server.restore_slot(slot, f"agent-{agent}.bin")
        return {"id_slot": slot}


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    tokens = setting.sizes[0]
    grown = tokens + (ROUNDS + 2) * (ANSWER_TOKENS + USER_TOKENS + 16)
    room = setting.room(agents=PLACES, context=padded(grown))
    probe = setting.kvasir(room)
    probe.start()
    prompts.calibrate(probe)
    pool = int(probe.memory()["kv_pool_bytes"])
    probe.remove()
    bound = setting.model.stat().st_size + pool + SPARE_BYTES
    rows.add("both", "memory bound", "B", bound)
    rows.add("both", "KV cells for five agents", "B", pool)
    for _ in range(setting.repetitions):
        for kind in ("kvasir", "llama-server", "llama-server, slots by hand"):
            play_one(setting, rows, prompts, room, kind, bound, tokens, pool)


def play_one(setting: Setting, rows: Rows, prompts: Prompts, room, kind: str, bound: int, tokens: int, pool: int) -> None:
    if kind != "kvasir" and setting.llama is None:
        return
    group = bounded(rows, kind.split(",")[0], bound)
    cache_ram = max(1, (SPARE_BYTES // 2) // MIB)
    server = setting.kvasir(room, group=group) if kind == "kvasir" else setting.peer(room, cache_ram, group)
    assert server is not None
    forget_pages([setting.model])  # its pages count for who reads them first
    try:
        server.start()
        play = Play(server, prompts, tokens, by_hand="by hand" in kind)
        rows.add(kind, "first round, cold", "s", play.round())
        play.read_tokens = 0
        rows.add(kind, "later rounds", "s", sum(play.round() for _ in range(ROUNDS - 1)))
        rows.add(kind, "tokens read in later rounds", "tokens", play.read_tokens)
        if isinstance(server, KvasirServer):
            server.settle([f"agent-{i}" for i in range(AGENTS)])
        server.restart()
        play.read_tokens = 0
        rows.add(kind, "round after a restart", "s", play.round())
        rows.add(kind, "tokens read after a restart", "tokens", play.read_tokens)
        if group:
            rows.add(kind, "peak of the group", "B", group.peak_bytes())
    finally:
        server.remove()
        if group:
            group.remove()


def bounded(rows: Rows, name: str, bound: int) -> MemoryGroup | None:
    try:
        return MemoryGroup(name, bound)
    except OSError as error:
        rows.note(f"no memory bound: control groups cannot be made here ({error}); the page cache helps whoever uses it")
        return None
