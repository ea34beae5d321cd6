"""One keep-alive connection to a server that speaks OpenAI's chat completions, with the time of every piece.

    chat = Chat("127.0.0.1", 8642)
    answer = chat.ask({"messages": [...], "max_tokens": 16}, {"X-Kvasir-Agent": "ada"})
    answer.first_ms, answer.gaps_ms(), answer.prompt_tokens, answer.cached_tokens
"""

import http.client
import json
import time
from dataclasses import dataclass, field
from typing import Any

IDLE_S = 2       # llama-server closes connections that were idle for 5 s, so they are made anew before
TIMEOUT_S = 3600  # a cold prompt of 32K tokens on two cores


class Refused(Exception):
    """The server said no."""


@dataclass
class Answer:
    """Times are milliseconds since the request was sent, and seconds of time.perf_counter() where they are called at."""

    sent_at: float = 0
    piece_at: list[float] = field(default_factory=list)
    end_at: float = 0
    text: str = ""
    finish_reason: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)  # the server's own words: `kvasir`, or llama-server's `timings`

    @property
    def first_ms(self) -> float:
        return 1000 * (self.piece_at[0] - self.sent_at)

    @property
    def total_ms(self) -> float:
        return 1000 * (self.end_at - self.sent_at)

    @property
    def prompt_tokens(self) -> int:
        return int(self.usage["prompt_tokens"])

    @property
    def answer_tokens(self) -> int:
        return int(self.usage["completion_tokens"])

    @property
    def cached_tokens(self) -> int:
        details = self.usage.get("prompt_tokens_details") or {}
        return int(details.get("cached_tokens", self.told.get("cache_n", 0)))

    @property
    def decode_per_s(self) -> float:
        """Tokens after the first, a second. The number is the server's: pieces may hold several."""
        return (self.answer_tokens - 1) / (self.piece_at[-1] - self.piece_at[0])

    def gaps_ms(self) -> list[float]:
        return [1000 * (b - a) for a, b in zip(self.piece_at, self.piece_at[1:])]


class Chat:
    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        self._used_at = 0.0

    def close(self) -> None:
        self._connection.close()

    def ask(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
        text = json.dumps({"model": "any", "temperature": 0, "stream": True, "stream_options": {"include_usage": True}, **body})
        if time.monotonic() - self._used_at > IDLE_S:
            self._connect()
        try:
            answer, response = self._send(text.encode(), headers or {})
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):  # so many requests were enough for it
            self._connect()
            answer, response = self._send(text.encode(), headers or {})
        if response.status != 200:
            raise Refused(f"{response.status} {response.read().decode(errors='replace')[:500]}")
        while line := response.readline():
            if line.startswith(b"data: ") and not line.startswith(b"data: [DONE]"):
                self._take(json.loads(line[6:]), answer)
        answer.end_at = time.perf_counter()
        self._used_at = time.monotonic()
        if not answer.piece_at or not answer.usage:
            raise Refused(f"an answer without words or usage: {answer}")
        return answer

    def _connect(self) -> None:
        self._connection.close()
        self._connection.connect()

    def _send(self, body: bytes, headers: dict[str, str]) -> tuple[Answer, http.client.HTTPResponse]:
        answer = Answer(sent_at=time.perf_counter())
        self._connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json", **headers})
        return answer, self._connection.getresponse()

    @staticmethod
    def _take(event: dict[str, Any], answer: Answer) -> None:
        if "error" in event:
            raise Refused(json.dumps(event["error"]))
        answer.told.update(event.get("kvasir") or event.get("timings") or {})
        answer.usage.update(event.get("usage") or {})
        for choice in event.get("choices", []):
            piece = choice["delta"].get("content") or choice["delta"].get("reasoning_content") or ""
            if piece:
                answer.piece_at.append(time.perf_counter())
                answer.text += piece
            answer.finish_reason = choice.get("finish_reason") or answer.finish_reason
