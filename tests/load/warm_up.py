"""The largest of each kind of request, several at once, before the memory of a server is measured.

A process takes memory for the largest that it has met: buffers of a step, pages of the catalog's cache, the deepest stack,
the most requests at once, code that runs for the first time. Under a random load a new largest comes now and then for
hours, which looks like a leak. Here all of it comes in the first minutes, larger and with more clients than later. It
hides no leak: what leaks goes on leaking afterwards, and is judged by the bytes in use, too, which free room does not cover.
"""

import http.client
import json
import os
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from agents_api import PatientAgent, Refused, request

TURNS = 4
WORDS_PER_TURN = 70
PROMPT_WORDS = [900, 700, 500, 350, 250]  # the largest that the context takes is found by trying
CONNECTIONS = 64
RUDE = [b"{" * 70_000, b"[" * 70_000, os.urandom(70_000), b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000]
PAGES = ["/health", "/ready", "/memory", "/metrics", "/agents", "/docs", "/openapi.json", "/v1/models"]


def words(count: int, number: int) -> str:
    return " ".join(f"harbour {(number + i) % 997}" for i in range(count))


class WarmUp:
    def __init__(self, url: str) -> None:
        self.url = url
        self.failures: list[str] = []

    def run(self, clients: int) -> list[str]:
        """What went wrong in a way that no warm-up should."""
        for part in (self.converse, self.long_prompts, self.protocols, self.be_rude, self.look):
            self.all_at_once(clients, part)
        self.all_at_once(1, self.remove)  # only now: all of it was in the catalog at the same time
        self.connect_often()
        return self.failures

    def all_at_once(self, clients: int, what: Callable[[int], None]) -> None:
        def guarded(client: int) -> None:
            try:
                what(client)
            except Exception as error:  # told by the caller
                self.failures.append(f"warm-up: {error!r}")

        threads = [threading.Thread(target=guarded, args=(client,)) for client in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def ask(self, method: str, path: str, body: dict | None) -> None:
        """Any refusal will do that is not the server's fault: a context is full, an agent busy, a queue long."""
        try:
            PatientAgent(lambda: self.url, "").until_answered(method, path, body)
        except Refused as refused:
            if refused.status >= 500:
                raise

    def converse(self, client: int) -> None:
        """Agents with many long turns: more than there are places, so that they are saved and restored."""
        for name in (f"warm-{client}", f"warm-too-{client}"):
            self.ask("POST", "/agents", {"name": name, "system_prompt": words(20, client)})
            for turn in range(TURNS):
                self.ask("POST", f"/agents/{name}/messages", {"content": words(WORDS_PER_TURN // 4, turn), "max_tokens": 60})
            self.ask("POST", f"/agents/{name}/fork", {"name": f"{name}-fork", "at": 1})
            for what in ("save", "evict", "load"):
                self.ask("POST", f"/agents/{name}/{what}", {})

    def long_prompts(self, client: int) -> None:
        for count in PROMPT_WORDS:
            body = {"model": "any", "messages": [{"role": "user", "content": words(count // 2, client)}], "max_tokens": 300, "temperature": 0}
            self.ask("POST", f"/agents/warm-long-{client}/v1/chat/completions", body)

    def protocols(self, client: int) -> None:
        tools = [{"type": "function", "function": {"name": f"tool_{i}", "description": words(4, i), "parameters": {"type": "object"}}}
                 for i in range(4)]
        messages = [{"role": "system", "content": words(10, client)}, {"role": "user", "content": words(30, client)}]
        chat = {"model": "any", "messages": messages, "max_tokens": 60, "temperature": 0}
        self.ask("POST", f"/agents/warm-{client}/v1/chat/completions", chat | {"tools": tools})
        self.ask("POST", f"/agents/warm-{client}/v1/messages", {"model": "any", "messages": messages[1:], "max_tokens": 60})
        self.ask("POST", f"/agents/warm-{client}/v1/responses", {"model": "any", "input": words(30, client), "max_output_tokens": 60})
        self.ask("POST", f"/agents/warm-{client}/v1/completions", {"model": "any", "prompt": words(30, client), "max_tokens": 60})
        for bytes_read_max in (1, 400, 1_000_000):
            self.stream(f"/agents/warm-{client}/v1/chat/completions", chat | {"stream": True}, bytes_read_max)

    def stream(self, path: str, body: dict, bytes_read_max: int) -> None:
        at = urlsplit(self.url)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        connection.getresponse().read(bytes_read_max)
        connection.close()

    def be_rude(self, _: int) -> None:
        at = urlsplit(self.url)
        for text in RUDE:
            try:
                with socket.create_connection((at.hostname, at.port), timeout=10) as connection:
                    connection.sendall(text)
                    connection.recv(1000)
            except OSError:
                pass  # that is what it was for

    def look(self, client: int) -> None:
        at = urlsplit(self.url)
        for path in [*PAGES, f"/agents/warm-{client}", f"/agents/warm-{client}/turns", f"/agents/warm-{client}/export"]:
            connection = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
            connection.request("GET", path)
            connection.getresponse().read()
            connection.close()

    def remove(self, _: int) -> None:
        """All of them; one whose turn is just being saved is busy for a moment, and removed when its turn comes again."""
        while names := [agent["name"] for agent in request(self.url, "GET", "/agents")["agents"]]:
            for name in names:
                self.ask("DELETE", f"/agents/{name}", None)

    def connect_often(self) -> None:
        at = urlsplit(self.url)
        connections = [socket.create_connection((at.hostname, at.port), timeout=10) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for connection in connections:
            connection.recv(1000)
            connection.close()
