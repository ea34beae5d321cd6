"""One connection's worth of a client that holds on: it asks again until it is answered."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

REQUEST_TIMEOUT_S = 60
GIVE_UP_AFTER_S = 120
PAUSE_S = 0.05


LARGEST = {"bytes": 0}  # of the bodies sent so far: told beside samples of memory


class Refused(Exception):
    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status


def request(url: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    """One request, one answer. OSError or HTTPException: none came."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=REQUEST_TIMEOUT_S)
    try:
        text = None if body is None else json.dumps(body)
        LARGEST["bytes"] = max(LARGEST["bytes"], len(text or ""))
        connection.request(method, path, text, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        answer = response.read().decode()
        if response.status >= 300:
            raise Refused(response.status, answer)
        return json.loads(answer)
    finally:
        connection.close()


@dataclass
class Acknowledged:
    user: str
    assistant: str
    turn: int


@dataclass
class PatientAgent:
    """Says messages to one agent, each under a key of its own, and notes what was acknowledged."""

    url: Callable[[], str]  # the server comes back on another port
    name: str
    retries: int = 0
    acknowledged: list[Acknowledged] = field(default_factory=list)

    def until_answered(self, method: str, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        give_up = time.monotonic() + GIVE_UP_AFTER_S
        while True:
            try:
                return request(self.url(), method, path, body, headers)
            except Refused as refused:
                if refused.status not in (429, 503) or time.monotonic() > give_up:
                    raise
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                if time.monotonic() > give_up:
                    raise
            self.retries += 1
            time.sleep(PAUSE_S)

    def create(self, system_prompt: str) -> None:
        try:
            self.until_answered("POST", "/agents", {"name": self.name, "system_prompt": system_prompt})
        except Refused as refused:
            if refused.status != 409:  # it was made, and the answer was lost
                raise

    def say(self, text: str, max_tokens: int = 24) -> str:
        key = f"{self.name}-{len(self.acknowledged)}"
        answer = self.until_answered("POST", f"/agents/{self.name}/messages",
                                     {"content": text, "max_tokens": max_tokens}, {"Idempotency-Key": key})
        self.acknowledged.append(Acknowledged(text, answer["content"], answer["turn"]))
        return answer["content"]
