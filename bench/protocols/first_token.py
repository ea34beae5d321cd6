"""First tokens: cold, resident, after a restart with and without the page cache; an identical prompt and an extended one.

Per size and repetition one agent speaks. An identical prompt is compared with identical ones only, an extended one (by a
message of 16 tokens) with extended ones only: what comes after a restart hangs on the same answer as the resident turn, and
is of the same length. After a restart nothing was asked of the server before the measured turn. llama-server is given a
file of its slot before the restart and asked to restore it after; that call is counted.
"""

from driver.chat import Answer
from driver.kvasir_server import KvasirServer
from driver.llama_server import LlamaServer
from driver.machine import forget_pages, memcpy_per_s, sequential_read_per_s
from driver.prompts import Messages, Prompts, extended
from driver.results import Rows
from driver.server import Server
from driver.setting import Setting, padded

ANSWER_TOKENS = 8
EXTENSION_TOKENS = 16
AGENT = "reader"


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    rows.add("machine", "memcpy", "B/s", memcpy_per_s())
    for size in setting.sizes:
        for repetition in range(setting.repetitions):
            rows.add("machine", "sequential read", "B/s", sequential_read_per_s(setting.work))
            room = setting.room(agents=2, context=padded(size + 1024))
            ours, peer = setting.kvasir(room), setting.peer(room)
            for server in [ours] + ([peer] if peer else []):
                server.start()
                prompts.calibrate(server)
                One(server, rows, prompts, size).run(check_pages=repetition == 0)
                server.remove()


class One:
    """One life, death and second life of one agent."""

    def __init__(self, server: Server, rows: Rows, prompts: Prompts, size: int) -> None:
        self.server, self.rows, self.prompts, self.size = server, rows, prompts, size
        self.slot = {"id_slot": 0} if isinstance(server, LlamaServer) else {}

    def turn(self, state: str, kind: str, messages: Messages, agent: str = AGENT, before_ms: float = 0) -> Answer:
        answer = self.server.ask(agent, messages, ANSWER_TOKENS, **self.slot)
        keys = {"size": self.size, "state": state, "kind": kind}
        self.rows.add(self.server.name, "first token", "ms", before_ms + answer.first_ms, **keys)
        self.rows.add(self.server.name, "reused tokens", "tokens", answer.cached_tokens, **keys)
        self.rows.add(self.server.name, "prompt tokens", "tokens", answer.prompt_tokens, **keys)
        if answer.told.get("restore_ms", 0) > 0:
            self.rows.add(self.server.name, "restore", "ms", answer.told["restore_ms"], **keys)
        return answer

    def run(self, check_pages: bool) -> None:
        prompts = self.prompts
        self.server.ask("warm-up", prompts.conversation(64), 2, **self.slot)
        said = Answer(text=prompts.words(ANSWER_TOKENS))
        self.turn("cold", "extended", extended(prompts.conversation(self.size), said, prompts.user(EXTENSION_TOKENS)), "cold")
        messages = prompts.conversation(self.size)
        first = self.turn("cold", "identical", messages)
        # llama-server restores what its slot held last: the extended turn comes after the identical one everywhere.
        self.turn("resident", "identical", messages)
        longer = [extended(messages, first, prompts.user(EXTENSION_TOKENS)) for _ in range(5)]
        self.turn("resident", "extended", longer[0])
        self.server.settle([AGENT])
        for state, number in (("page-cached", 1), ("page cache dropped", 3)):
            self.turn(state, "extended", longer[number], before_ms=self.come_back(state))
            self.server.settle([AGENT])
            self.turn(state, "identical", messages, before_ms=self.come_back(state))
            self.server.settle([AGENT])
        if isinstance(self.server, KvasirServer):
            self.rows.add("kvasir", "stored KV of the agent", "B", self.server.cache(AGENT)["append_bytes"], size=self.size)

    def come_back(self, state: str) -> float:
        """A restart; milliseconds that restoring by hand takes."""
        server = self.server
        if isinstance(server, LlamaServer):
            saved = server.save_slot(0, "reader.bin")
            self.rows.add(server.name, "slot save", "ms", saved["timings"]["save_ms"], size=self.size)
            self.rows.add(server.name, "slot file", "B", saved["n_written"], size=self.size)
        server.restart()
        if state == "page cache dropped":
            files = [server.slot_file("reader.bin")] if isinstance(server, LlamaServer) else server.store_files()  # type: ignore[attr-defined]
            stayed = forget_pages(files)
            self.rows.add(server.name, "pages that stayed in the page cache", "share", stayed, size=self.size)
        if not isinstance(server, LlamaServer):
            return 0
        restored = server.restore_slot(0, "reader.bin")
        self.rows.add(server.name, "slot restore", "ms", restored["timings"]["restore_ms"], size=self.size, state=state)
        return float(restored["timings"]["restore_ms"])
