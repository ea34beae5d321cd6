"""Rows of tokens for the training, made by processes of their own as fast as the model reads them."""
from __future__ import annotations

import multiprocessing as mp
import os
import queue
import random
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from .chat import SPECIAL, TURN_END, TURN_START, body
from .conversation import Kind
from .dialogue import converse
from .english import use_pieces

PARTS = 4  # a batch is made of so many, each by one process
LETTERS_PER_TOKEN = 4.4  # a little more than there are, so that a row is full
KNOWN_MAX = 400_000
WEIGHTS = {Kind.PROMPT: 0.03, Kind.CHAT: 0.6, Kind.ACKNOWLEDGE: 0.4, Kind.LIST: 0.8, Kind.SOURCE: 0.8}


class Encoder:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
        self.heads = {role: encode(f"{TURN_START}{role}\n") for role in ("system", "user", "assistant")}
        self.end, self.newline = encode(TURN_END)[0], encode("\n")
        self.pad = tokenizer.token_to_id(SPECIAL[0])
        use_pieces(sorted(tokenizer.get_vocab()))
        self._known: dict[str, list[int]] = {}  # what stands between two spaces, with the first of them

    def _encoded(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def tokens(self, text: str) -> list[int]:
        """The tokenizer's, several times faster: no token but a leading space reaches over a single space."""
        if "  " in text:
            return self._encoded(text)
        first, *others = text.split(" ")
        ids, known = self._encoded(first), self._known
        for part in others:
            found = known.get(part)
            if found is None:
                found = self._encoded(" " + part)
                if len(known) < KNOWN_MAX:
                    known[part] = found
            ids += found
        return ids

    def row(self, rng: random.Random, length: int, book: str = "trained") -> tuple[list[int], list[int]]:
        """Tokens and the kinds of them; length + 1 of each, since the last is only predicted."""
        turns = converse(rng, int(length * LETTERS_PER_TOKEN), book).turns
        ids: list[int] = []
        kinds: list[int] = []
        for turn in turns:
            role, text = body(turn)
            head, tokens = self.heads[role], self.tokens(text)
            ids += head + tokens + [self.end] + self.newline
            kinds += [0] * len(head) + [int(turn.kind)] * (len(tokens) + 1) + [0] * len(self.newline)
            if len(ids) > length:
                break
        missing = max(0, length + 1 - len(ids))
        return ids[:length + 1] + [self.pad] * missing, kinds[:length + 1] + [0] * missing

    def rows(self, rng: random.Random, length: int, count: int, book: str = "trained") -> tuple[np.ndarray, np.ndarray]:
        pairs = [self.row(rng, length, book) for _ in range(count)]
        return np.array([ids for ids, _ in pairs], np.int16), np.array([kinds for _, kinds in pairs], np.uint8)


def _produce(tokenizer: Path, seed: int, tokens: int, queues: dict[int, mp.Queue]) -> None:
    """Fills whichever queue is the emptiest."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.nice(5)
    encoder, rng = Encoder(Tokenizer.from_file(str(tokenizer))), random.Random(seed)
    while True:
        length = min(queues, key=lambda length: queues[length].qsize())
        queues[length].put(encoder.rows(rng, length, max(1, tokens // length)))


class Batches:
    """Draws batches of the asked length; a part is shown again when no new one is ready."""

    def __init__(self, tokenizer: Path, lengths: set[int], workers: int, tokens: int, seed: int) -> None:
        self._parts: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {length: [] for length in lengths}
        self._queues = {length: mp.Queue(64) for length in lengths}
        self._rng = random.Random(seed)
        self.repeated = self.fresh = 0
        self._processes = [mp.Process(target=_produce, daemon=True, args=(
            tokenizer, seed * 1000003 + worker, tokens // PARTS, self._queues)) for worker in range(workers)]
        for process in self._processes:
            process.start()

    def next(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        parts, taken = self._parts[length], []
        while len(taken) < PARTS:
            try:
                part = self._queues[length].get(block=len(parts) < 16)
                parts.append(part)
                del parts[:-1500]
                self.fresh += 1
            except queue.Empty:
                part = parts[int(self._rng.random() * len(parts))]
                self.repeated += 1
            taken.append(part)
        return np.concatenate([part[0] for part in taken]), np.concatenate([part[1] for part in taken])

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
