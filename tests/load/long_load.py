"""Clients of a long run: conversations of bounded length, of every kind, again and again; all of them pause together.

Each client has two agents: one that it holds a conversation with natively, under idempotency keys, checked turn by turn at
the end; and one that it talks to as the protocols do, with clients that hang up, requests cut off in the middle and
garbage in between. Both are deleted after a round, so that neither the conversations nor the store grow with time.
"""

import http.client
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from agents_api import PatientAgent, Refused
from kill_under_load import differences
from mixed_load import QUESTION, SYSTEM, Load, code_of

STEPS_PER_ROUND = 12
PAUSE_S = (0.05, 0.5)


class Gate:
    """Steps happen while it is open; close() waits until nobody is in a step."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._inside = 0
        self._open = True

    def __enter__(self) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._open)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._condition:
            self._inside -= 1
            self._condition.notify_all()

    def close(self) -> None:
        with self._condition:
            self._open = False
            self._condition.wait_for(lambda: self._inside == 0)

    def open(self) -> None:
        with self._condition:
            self._open = True
            self._condition.notify_all()


class LongLoad(Load):
    def __init__(self, url: Callable[[], str], clients: int, stops_expected: Callable[[], bool]) -> None:
        self._url_now = url
        super().__init__("", clients)
        self.stops_expected = stops_expected
        self.gate = Gate()

    @property
    def url(self) -> str:
        return self._url_now()

    @url.setter
    def url(self, _: str) -> None:
        pass

    def rude(self, _: int) -> None:
        """Sends what no client should, or half of a request, and is gone."""
        at = urlsplit(self.url)
        with socket.create_connection((at.hostname, at.port), timeout=10) as connection:
            head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
            connection.sendall(random.choice([head, head[:random.randrange(len(head))], os.urandom(300), b"{" * 70_000]))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", random.randrange(2), 0))
        self.note("rude")

    def step(self, client: int) -> None:
        kinds = [self.openai, self.anthropic, self.whole_stream, self.hang_up, self.manage, self.look, self.rude]
        kind = random.choices(kinds, [3, 2, 3, 3, 2, 1, 2])[0]
        try:
            kind(client)
        except Refused as refused:
            # 404: only a request that was cut off had made the agent, or none had; it was deleted after the last round.
            expected = refused.status in (409, 429) or (kind == self.manage and refused.status == 404) or self.stops_expected()
            self.note(str(refused.status), None if expected else [f"{kind.__name__}: {refused}"])
        except (OSError, http.client.HTTPException, ValueError) as error:
            # Ours to expect while the server is stopped: refused, reset, or an answer that is cut off.
            cut_off = self.stops_expected() or (kind == self.rude and isinstance(error, OSError))
            self.note("no answer", None if cut_off else [f"{kind.__name__}: {error!r}"])

    def remove(self, agent: PatientAgent, name: str) -> None:
        while True:
            try:
                agent.until_answered("DELETE", f"/agents/{name}", None)
                return
            except Refused as refused:
                if refused.status == 404:
                    return
                if refused.status != 409:  # its last turn is being saved, or a client that hung up is not noticed yet
                    raise
            time.sleep(PAUSE_S[0])

    def round(self, client: int, number: int) -> None:
        held = PatientAgent(lambda: self.url, f"held-{client}-{number}")
        with self.gate:
            held.create(SYSTEM)
            held.say(f"Remember that the access code of the archive is {code_of(client)}.")
        for _ in range(STEPS_PER_ROUND):
            with self.gate:
                self.step(client)
            if self.over.wait(random.uniform(*PAUSE_S)):
                break
        with self.gate:
            held.say("Remember that the owner of the harbour is Nora.")
            self.check_text("native", client, held.say(QUESTION))
            turns = held.until_answered("GET", f"/agents/{held.name}/turns", None)["turns"]
            self.note("rounds", [f"{held.name}: {what}" for what in differences(turns, held.acknowledged)])
            self.remove(held, held.name)
            self.remove(held, f"agent-{client}")
        with self.lock:
            self.counts["retries"] += held.retries

    def run_client(self, client: int = 0) -> None:
        number = 0
        while not self.over.is_set():
            try:
                self.round(client, number)
            except Exception as error:  # told at the end
                self.note("error", [f"client {client}, round {number}: {error!r}"])
            number += 1
