"""A server under test: started, asked, killed, started again. Subclasses know one program each."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from .chat import Answer, Chat
from .machine import MemoryGroup

START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 120
HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Conflict(RuntimeError):
    """Not now: 409."""


class Server:
    name = ""
    ready_path = "/health"

    def __init__(self, home: Path, group: MemoryGroup | None = None) -> None:
        self.home = home
        self.port = 0
        self.ready_ms = 0.0  # of the last start: from exec to the first answer of `ready_path`
        self._group = group
        self._process: subprocess.Popen[bytes] | None = None
        self._chat: Chat | None = None
        home.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        raise NotImplementedError

    def body(self, options: dict[str, Any]) -> dict[str, Any]:
        """What this server needs in the body of a request beside the rest."""
        return options

    def headers(self, agent: str) -> dict[str, str]:
        return {}

    def start(self) -> None:
        self.port = free_port()
        join = self._group.join if self._group else None
        begin = time.perf_counter()
        log = (self.home / "log").open("ab")
        self._process = subprocess.Popen(self.command(), stdout=log, stderr=log, preexec_fn=join)
        log.close()
        while not self._is_ready():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode}; the last of its log:\n"
                                   + (self.home / "log").read_text(errors="replace")[-2000:])
            if time.perf_counter() - begin > START_TIMEOUT_S:
                raise RuntimeError(f"{self.name} was not ready after {START_TIMEOUT_S} s")
            time.sleep(0.002)
        self.ready_ms = 1000 * (time.perf_counter() - begin)

    def _is_ready(self) -> bool:
        try:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
            connection.request("GET", self.ready_path)
            status = connection.getresponse().status
            connection.close()
            return status == 200
        except OSError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._chat:
            self._chat.close()
            self._chat = None
        if self._process and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)

    def chat(self) -> Chat:
        """A connection of its own, for another thread."""
        return Chat(HOST, self.port)

    def ask(self, agent: str, messages: list[dict[str, str]], tokens: int, chat: Chat | None = None, **options: Any) -> Answer:
        if chat is None:
            self._chat = self._chat or self.chat()
            chat = self._chat
        return chat.ask(self.body({"messages": messages, "max_tokens": tokens, **options}), self.headers(agent))

    def call(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=3600)
        text = None if body is None else json.dumps(body).encode()
        connection.request(method, path, text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if response.status == 409:
            raise Conflict(answer.decode(errors="replace"))
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {answer.decode(errors='replace')[:500]}")
        return json.loads(answer) if answer.startswith((b"{", b"[")) else answer.decode()

    def count_tokens(self, messages: list[dict[str, str]]) -> int:
        body = {"model": "any", "max_tokens": 1, "messages": [m for m in messages if m["role"] != "system"]}
        system = "".join(m["content"] for m in messages if m["role"] == "system")
        return int(self.call("POST", "/v1/messages/count_tokens", {**body, **({"system": system} if system else {})})["input_tokens"])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def settle(self, agents: list[str]) -> None:
        """Until what was said is kept as the server keeps it."""

    def io(self) -> dict[str, int]:
        text = Path(f"/proc/{self.pid}/io").read_text(encoding="ascii")
        return {key: int(value) for key, value in re.findall(r"(\w+): (\d+)", text)}

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        return int(found.group(1)) * 1024 if found else 0

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
