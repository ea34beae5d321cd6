"""Clients that hold connections and give nothing, in a process of their own: rude_crowd.py HOST PORT KIND:COUNT...

    silent    connects, says nothing            headers   a header line every few seconds, without end
    body      a byte of the body a second       reader    asks for a long streamed answer and never reads
    events    GET /events, never reads          endless   header bytes as fast as they are taken; again when refused

Says "there" when all have connected, then every line of standard input is answered with {"cut": {KIND: N}, "held": {KIND: N}}:
how many the server has ended, and how many it still holds. Leaves when standard input ends.
"""

import json
import os
import resource
import select
import socket
import subprocess
import sys
import time
from collections import Counter

CHAT = {"model": "any", "messages": [{"role": "user", "content": "Tell me all you know."}], "max_tokens": 400, "stream": True}
DRIP_EVERY_S = {"headers": 3.0, "body": 1.0, "endless": 0.0}


def post(path: str, body: bytes, length: int | None = None) -> bytes:
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
            f"{len(body) if length is None else length}\r\n\r\n").encode() + body


FIRST = {"silent": b"", "headers": b"GET /health HTTP/1.1\r\nHost: localhost\r\n", "body": post("/v1/chat/completions", b"{", 100_000),
         "reader": post("/v1/chat/completions", json.dumps(CHAT).encode()), "events": b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
         "endless": b"GET /health HTTP/1.1\r\nHost: localhost\r\n"}
DRIP = {"headers": b"X-More: yes\r\n", "body": b" ", "endless": b"X-More: " + b"y" * 4000 + b"\r\n"}


class Rude:
    def __init__(self, host: str, port: int, kind: str) -> None:
        self.host, self.port, self.kind, self.cut = host, port, kind, 0
        self.held = True
        self.connect()

    def connect(self) -> None:
        self.socket = socket.socket()
        if self.kind in ("reader", "events"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self.socket.settimeout(20)
        self.socket.connect((self.host, self.port))
        self.socket.sendall(FIRST[self.kind])
        self.socket.setblocking(False)
        self.next_drip = time.monotonic() + DRIP_EVERY_S.get(self.kind, 1e9)

    def ended(self) -> bool:
        """By the server. A reader that never reads learns it from the error of its socket only."""
        if self.kind in ("reader", "events"):
            return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0 or self.peer_state() in (7, 8)
        try:
            while data := self.socket.recv(65536):
                if b" 4" in data[:16] or b" 503" in data[:16]:
                    return True
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    def peer_state(self) -> int:
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]  # 7: closed, 8: the peer has closed

    def step(self, now: float) -> None:
        if not self.held:
            return
        if self.ended():
            self.cut += 1
            self.socket.close()
            self.held = False
            if self.kind == "endless":
                self.held = True
                self.connect()
            return
        if now >= self.next_drip:
            self.next_drip = now + DRIP_EVERY_S[self.kind]
            try:
                self.socket.send(DRIP[self.kind])
            except OSError:
                pass  # seen by ended()


def yield_to_others() -> None:
    """A crowd has machines of its own: from now on this one's cores are its only when nobody else wants them."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def be_rude(host: str, port: int, kinds: list[str]) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = []
    for kind, count in (kind.split(":") for kind in kinds):
        for _ in range(int(count)):
            try:
                crowd.append(Rude(host, port, kind))
            except OSError:
                pass  # refused: the server is full
    yield_to_others()
    print("there", flush=True)
    while True:
        begin = time.monotonic()
        for one in crowd:
            one.step(time.monotonic())
        pause = max(0.05, 0.5 - (time.monotonic() - begin))
        if select.select([sys.stdin], [], [], pause)[0]:
            if not sys.stdin.readline():
                return
            cut: Counter[str] = Counter()
            held: Counter[str] = Counter()
            for one in crowd:
                cut[one.kind] += one.cut
                held[one.kind] += one.held
            print(json.dumps({"cut": cut, "held": held}), flush=True)


class Crowd:
    """That process, for a test."""

    def __init__(self, host: str, port: int, *kinds: str) -> None:
        self.process = subprocess.Popen([sys.executable, __file__, host, str(port), *kinds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "there\n":
            raise RuntimeError("the crowd did not come")

    def count(self) -> dict:
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def leave(self) -> None:
        self.process.communicate()  # its standard input ends


if __name__ == "__main__":
    be_rude(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
