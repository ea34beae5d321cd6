"""What one agent's stream waits for while another agent is saved, restored or prefilled: gaps between its tokens.

The stream answers all the time. Beside it another agent of each size is prefilled, saved, evicted and restored; a gap belongs
to what ran in it. Goals: at most one decode step for save and restore, at most one chunk for a prefill; the step is the median
of undisturbed gaps, the chunk the prefill of 256 tokens at this rate.
"""

import statistics
import threading
import time

from driver.kvasir_server import KvasirServer
from driver.llama_server import LlamaServer
from driver.prompts import Messages, Prompts, extended
from driver.results import Rows
from driver.server import Server
from driver.setting import Setting

CHUNK_TOKENS = 256
QUIET_S = 3.0
STREAM_TOKENS = 192  # an answer; the next one begins at once
Span = tuple[str, float, float]


class Stream:
    """An agent that answers without end; the times of its pieces, answer by answer."""

    def __init__(self, server: Server, messages: Messages) -> None:
        self._server, self._messages = server, messages
        self._over = threading.Event()
        self.answers: list[list[float]] = []
        self._thread = threading.Thread(target=self._run)
        self._failed: Exception | None = None
        self._thread.start()

    def _run(self) -> None:
        chat = self._server.chat()
        slot = {"id_slot": 0} if isinstance(self._server, LlamaServer) else {}
        try:
            while not self._over.is_set():
                answer = self._server.ask("stream", self._messages, STREAM_TOKENS, chat, **slot)
                self.answers.append(answer.piece_at)
        except Exception as error:  # told by end()
            self._failed = error
        chat.close()

    def end(self) -> None:
        self._over.set()
        self._thread.join()
        if self._failed:
            raise self._failed

    def gaps_ms(self, begin: float, end: float) -> list[float]:
        """Gaps that overlap with that time."""
        return [1000 * (b - a) for pieces in self.answers for a, b in zip(pieces, pieces[1:]) if a < end and b > begin]


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    room = setting.room(agents=3)
    for server in [s for s in (setting.kvasir(room), setting.peer(room)) if s is not None]:
        server.start()
        prompts.calibrate(server)
        warm = server.ask("warm-up", prompts.conversation(1024), 4)
        rows.add(server.name, "one chunk alone", "ms", warm.first_ms * CHUNK_TOKENS / warm.prompt_tokens)
        for size in setting.sizes:
            for repetition in range(setting.repetitions):
                one_size(server, rows, prompts, size, f"other-{size}-{repetition}")
        server.stop()


def one_size(server: Server, rows: Rows, prompts: Prompts, size: int, agent: str) -> None:
    stream = Stream(server, prompts.conversation(128))
    spans: list[Span] = []

    def during(what: str, action) -> None:
        begin = time.perf_counter()
        action()
        spans.append((what, begin, time.perf_counter()))

    time.sleep(1)
    during("nothing", lambda: time.sleep(QUIET_S))
    messages = prompts.conversation(size)
    if isinstance(server, KvasirServer):
        kept: list = []
        during("prefill", lambda: kept.append(server.ask(agent, messages, 1)))
        during("save", lambda: server.settle([agent]))
        server.evict(agent)
        during("restore", lambda: server.load(agent))
        rows.add(server.name, "first token beside the stream", "ms", kept[0].first_ms, size=size)
    elif isinstance(server, LlamaServer):
        during("prefill", lambda: server.ask(agent, messages, 1, id_slot=1))
        during("save", lambda: server.save_slot(1, "other.bin"))
        server.call("POST", "/slots/1?action=erase")
        during("restore", lambda: server.restore_slot(1, "other.bin"))
    stream.end()
    step = statistics.median(stream.gaps_ms(spans[0][1], spans[0][2]))
    rows.add(server.name, "decode step", "ms", step, size=size)
    for what, begin, end in spans:
        gaps = stream.gaps_ms(begin, end)
        if gaps:
            rows.add(server.name, f"gaps: {what}", "ms", *gaps, size=size)
            rows.add(server.name, f"longest gap: {what}", "ms", max(gaps), size=size)
            rows.add(server.name, f"longest stall: {what}", "steps", (max(gaps) - step) / step, size=size)
        rows.add(server.name, f"duration: {what}", "ms", 1000 * (end - begin), size=size)
