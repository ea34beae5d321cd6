"""Bytes to a server and back, without a client's good manners; and a server to attack."""

import json
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from server_process import ServerProcess

ANSWER_TIMEOUT_S = 120


@dataclass
class Answer:
    status: int  # 0: none came, the connection was closed or reset
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)


NONE = Answer(0, {}, b"")


class Connection:
    def __init__(self, url: str, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        at = urlsplit(url)
        self.socket = socket.create_connection((at.hostname, at.port), timeout=timeout_s)
        self.rest = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return False
        self.rest += data
        return bool(data)

    def answer(self, method: str = "GET") -> Answer:
        """The next response; TimeoutError when none comes, which is a hang."""
        while b"\r\n\r\n" not in self.rest:
            if not self._more():
                return NONE
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode("latin1").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        status = int(lines[0].split()[1])
        if status == 100:
            return self.answer(method)
        body = b"" if method == "HEAD" else self._body(headers)
        return Answer(status, headers, body)

    def _line(self) -> bytes:
        while b"\r\n" not in self.rest:
            if not self._more():
                return b""
        line, self.rest = self.rest.split(b"\r\n", 1)
        return line

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._line() or b"0", 16):
            while len(self.rest) < size + 2 and self._more():
                pass
            body, self.rest = body + self.rest[:size], self.rest[size + 2:]
        self._line()
        return body

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            return self._chunks()
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(self.rest) < length and self._more():
                pass
            body, self.rest = self.rest[:length], self.rest[length:]
            return body
        while self._more():
            pass
        body, self.rest = self.rest, b""
        return body

    def closed(self) -> bool:
        """Whether the server ends the connection; what it still says before is dropped."""
        try:
            while self._more():
                self.rest = b""
            return True
        except TimeoutError:
            return False


def request(method: str, path: str | bytes, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    given = {"Host": "localhost", "Content-Type": "application/json", **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items()).encode("utf-8", "surrogateescape")
    target = path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape")
    return method.encode() + b" " + target + b" HTTP/1.1\r\n" + lines + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


class Attacker:
    """One connection that is made anew when the server ends it; most attacks go one after the other through it."""

    def __init__(self, url: str) -> None:
        self.url, self.connection = url, Connection(url)

    def ask(self, data: bytes, method: str = "GET") -> Answer:
        for _ in range(2):
            sent = self.connection.send(data)
            answer = self.connection.answer(method) if sent or self.connection.rest else NONE
            ended = answer.status == 0 or answer.headers.get("connection") == "close"
            if ended:
                self.connection.socket.close()
                self.connection = Connection(self.url)
            if answer.status != 0:
                return answer
        return NONE

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        return self.ask(request("POST", path, body, headers), "POST")


class Findings:
    """What went wrong, and how much was tried."""

    def __init__(self) -> None:
        self.tried = 0
        self.wrong: list[str] = []
        self.slowest_s = 0.0
        self.dearest_cpu_s = 0.0
        self.dearest = ""
        self.cpu_seconds: Callable[[], float] = lambda: 0.0  # that the server has used so far

    def expect(self, holds: bool, what: str) -> None:
        self.tried += 1
        if not holds:
            self.wrong.append(what)

    def timed(self, ask: Callable[[], Answer], what: str = "") -> Answer:
        begin, begin_cpu_s = time.monotonic(), self.cpu_seconds()
        try:
            answer = ask()
        except TimeoutError:
            self.wrong.append(f"a hang: {what}")
            answer = NONE
        self.slowest_s = max(self.slowest_s, time.monotonic() - begin)
        used = self.cpu_seconds() - begin_cpu_s
        if used > self.dearest_cpu_s:
            self.dearest_cpu_s, self.dearest = used, what
        return answer


def run_attack(attack: Callable[[ServerProcess, Findings], str], context_tokens: int = 256) -> None:
    """The main function of an attack: PROGRAM MODEL on the command line. Ends the process; 0 when nothing was wrong.

    A small context bounds answers, which are not what is looked at; attacks on what may be read need a larger one."""
    server = ServerProcess(Path(sys.argv[1]), Path(sys.argv[2]), ["--ctx-size", str(context_tokens), "--max-agents", "8"])
    findings = Findings()
    try:
        server.start()
        findings.cpu_seconds = server.cpu_seconds
        told = attack(server, findings)
        findings.expect(server.get("/health")["status"] == "ok", "the server does not answer any more")
        server.terminate()
    finally:
        server.remove()
    print(f"{told}; {findings.tried} checks, slowest answer {1000 * findings.slowest_s:.0f} ms, "
          f"dearest {1000 * findings.dearest_cpu_s:.0f} ms of the server's CPU; {len(findings.wrong)} wrong")
    print("\n".join(findings.wrong[:30]), file=sys.stderr)
    sys.exit(1 if findings.wrong else 0)
