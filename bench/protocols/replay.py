"""A trace of agents (bench/workload.py) is replayed, a closed loop per session, with a restart at half of it.

First tokens by what the request came after (first, tool, human, late human, fork, side call, and the first of every session
after the restart), known tokens that were read again, bytes written, wrong branches (an answer that says it reused more than the
conversation had; must be 0). KVASIR_BENCH_TRACE names a trace of your own.
"""

import io
import os
import threading
import time
from pathlib import Path

import workload
from driver.chat import Answer
from driver.prompts import Messages, Prompts
from driver.results import Rows
from driver.server import Server
from driver.setting import Setting, padded

PLACES = 4
TEMPLATE_TOKENS = 24  # around a message and its answer, at most


def trace_of(setting: Setting) -> list[workload.Request]:
    if given := os.environ.get("KVASIR_BENCH_TRACE"):
        with Path(given).open(encoding="utf-8") as file:
            return workload.read_csv(file)
    context = setting.context()
    small = setting.shape == "demo"  # to see that it works: waits next to none
    return workload.Generator(workload.Shape(sessions=4 if small else 12, context=context - 512, tokens_by=setting.tokens_by,
                                             wait_max_ms=100 if small else workload.Shape.wait_max_ms)).all()


def measure(setting: Setting, rows: Rows, prompts: Prompts) -> None:
    trace = trace_of(setting)
    file = io.StringIO()
    workload.write_csv(trace, file)
    rows.note(f"{len(trace)} requests of {len({r.session_id for r in trace})} sessions, {sum(r.input_len for r in trace)} new and "
              f"{sum(r.output_len for r in trace)} answer tokens, {PLACES} places")
    longest = max(r.prefix_len + r.input_len + r.output_len + TEMPLATE_TOKENS * (r.round_idx + 1) for r in trace)
    room = setting.room(agents=PLACES, context=padded(longest))
    for server in [s for s in (setting.kvasir(room), setting.peer(room)) if s]:
        server.start()
        prompts.calibrate(server)
        Replay(server, rows, Prompts(3), trace).run()
        server.remove()


class Replay:
    def __init__(self, server: Server, rows: Rows, prompts: Prompts, trace: list[workload.Request]) -> None:
        self.server, self.rows, self.prompts = server, rows, prompts
        prompts.calibrate(server)
        self.sessions: dict[str, list[workload.Request]] = {}
        for request in trace:
            self.sessions.setdefault(request.session_id, []).append(request)
        self.systems: dict[str, str] = {}
        self.histories: dict[str, Messages] = {}
        self.heads: dict[tuple[str, int], Messages] = {}  # what a session was before a round; forks begin there
        self.lock = threading.Lock()
        self.left, self.half = len(trace), len(trace) // 2
        self.running = 0
        self.may_go = threading.Condition(self.lock)
        self.restarting = False
        self.spoken_since: set[str] = set()
        self.restarted = False
        self.failed: list[Exception] = []

    def run(self) -> None:
        begin = time.monotonic()
        written = self.server.io()["write_bytes"]
        threads = [threading.Thread(target=self._guarded, args=(name, begin)) for name in self.sessions]
        for thread in threads:
            thread.start()
        self._restart_at_half(written)
        for thread in threads:
            thread.join()
        if self.failed:
            raise self.failed[0]
        self.rows.add(self.server.name, "wall", "s", time.monotonic() - begin)

    def _restart_at_half(self, written_before: int) -> None:
        with self.may_go:
            self.may_go.wait_for(lambda: self.left <= self.half or self.failed)
            self.restarting = True
            self.may_go.wait_for(lambda: self.running == 0)
            if self.server.name == "kvasir":
                time.sleep(1)  # what was said is being saved
            self.rows.add(self.server.name, "written before the restart", "B", self.server.io()["write_bytes"] - written_before)
            self.server.restart()
            self.restarting, self.restarted = False, True
            self.may_go.notify_all()

    def _guarded(self, name: str, begin: float) -> None:
        try:
            self._session(name, self.sessions[name], begin)
        except Exception as error:  # the main thread raises it
            with self.may_go:
                self.failed.append(error)
                self.may_go.notify_all()

    def _session(self, name: str, requests: list[workload.Request], begin: float) -> None:
        time.sleep(max(0.0, begin + requests[0].arrival_time - time.monotonic()))
        for request in requests:
            with self.may_go:
                if request.parent and name not in self.histories:
                    self.may_go.wait_for(lambda r=request: (r.parent, r.round_idx) in self.heads or self.failed)
                    self.histories[name] = list(self.heads.get((request.parent, request.round_idx), []))
                self.may_go.wait_for(lambda: not self.restarting or self.failed)
                if self.failed:
                    return
                self.running += 1
            answer = None
            try:
                answer = self._ask(name, request)
            finally:
                with self.may_go:
                    self.running -= 1
                    self.left -= 1
                    self.may_go.notify_all()
            assert answer is not None
            time.sleep(request.tool_wait_after_ms / 1000)

    def _beginning(self, request: workload.Request) -> Messages:
        if not request.system_len:
            return self.prompts.conversation(request.input_len)
        system = self.systems.setdefault(request.agent, self.prompts.conversation(request.system_len)[1]["content"])
        return [{"role": "system", "content": f"{request.agent} {system}"}, self.prompts.user(request.input_len - request.system_len)]

    def _ask(self, name: str, request: workload.Request) -> Answer:
        with self.lock:
            history = self.histories.setdefault(name, [])
            known = request.prefix_len if history else 0
            history += [self.prompts.user(request.input_len)] if history else self._beginning(request)
            after = request.after
            if self.restarted and name not in self.spoken_since and known:
                after = "restart"
            self.spoken_since |= {name} if self.restarted else set()
        chat = self.server.chat()
        answer = self.server.ask(name, history, request.output_len, chat)
        chat.close()
        with self.may_go:
            history.append({"role": "assistant", "content": answer.text})
            self.heads[(name, request.round_idx + 1)] = list(history)
            self.rows.add(self.server.name, "first token", "ms", answer.first_ms, after=after)
            new = answer.prompt_tokens - answer.cached_tokens
            again = max(0, new - request.input_len - 32) if known else 0  # the template and rounding take some
            self.rows.add(self.server.name, "known tokens read again", "tokens", again, after=after)
            self.rows.add(self.server.name, "wrong branch", "requests", float(answer.cached_tokens >= answer.prompt_tokens))
        return answer
