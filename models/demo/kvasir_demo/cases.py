"""Held-out conversations of a given length, and questions about each whose answers are known.

usage: python -m kvasir_demo.cases MODEL.gguf > tests/demo/held_out.jsonl     the fixed ones of the tests
"""
from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gguf
from tokenizers import Tokenizer

from . import asking
from .chat import rendered
from .conversation import Conversation, Kind, Turn
from .dialogue import converse, use_tool
from .tokenizer import assembled

ASSISTANT = "<|im_start|>assistant\n"
ROOM = 160  # tokens left for the question and the answer within the length
_NOT_KNOWN = re.compile(r"\b(do not|don't|cannot) know\b|\bnobody has told me\b|\bhave no message\b|\bnot been told\b", re.I)


@dataclass(frozen=True)
class Question:
    kind: Kind
    text: str      # from the user's turn on, up to where the assistant speaks
    expected: str

    def right(self, answer: str) -> bool:
        if self.kind == Kind.UNKNOWN:
            return bool(_NOT_KNOWN.search(answer))
        if self.kind == Kind.CHECK:
            return answer.split(",")[0] == self.expected.split(",")[0]
        if self.kind == Kind.TOOL:
            return _call(answer) == _call(self.expected) if "<tool_call>" in self.expected else answer == self.expected
        return answer == self.expected


def _call(answer: str) -> tuple[str, dict] | None:
    found = re.fullmatch(r"<tool_call>\n(.*)\n</tool_call>", answer, re.S)
    try:
        call = json.loads(found.group(1)) if found else {}
        return call["name"], call["arguments"]
    except (ValueError, KeyError):
        return None


@dataclass(frozen=True)
class Case:
    prompt: str
    tokens: int
    questions: list[Question]


def tokenizer_of(model: Path) -> Tokenizer:
    reader = gguf.GGUFReader(str(model))
    pieces = reader.fields["tokenizer.ggml.tokens"].contents()
    merges = reader.fields["tokenizer.ggml.merges"].contents()
    return assembled({piece: number for number, piece in enumerate(pieces)}, [tuple(m.split(" ")) for m in merges])


def conversation_of(rng: random.Random, tokenizer: Tokenizer, length: int, tools: bool, book: str) -> tuple[Conversation, str, int]:
    """One that takes between 0.9 and 1.0 of the length, less what a question needs."""
    letters, most = length * 3.3, length - ROOM
    while True:
        c = converse(rng, int(letters), book, tools=tools)
        prompt = rendered(c.turns)
        tokens = len(tokenizer.encode(prompt, add_special_tokens=False).ids)
        if 0.9 * most <= tokens <= most and c.order:
            return c, prompt, tokens
        letters *= min(1.3, max(0.75, 0.95 * most / tokens))


def _asked(c: Conversation, ask: Callable[[], None]) -> list[Turn]:
    """The turns that a scene adds; the conversation is as before."""
    first = len(c.turns)
    ask()
    added = c.turns[first:]
    del c.turns[first:]
    return added


def _questions(turns: list[Turn]) -> list[Question]:
    questions = []
    for number, turn in enumerate(turns):
        if turn.kind != Kind.PROMPT:
            questions.append(Question(turn.kind, rendered(turns[:number]) + ASSISTANT, turn.text))
    return questions


def _some(c: Conversation, ask: Callable[[], None], kinds: tuple[Kind, ...], count: int) -> list[Question]:
    found: dict[str, Question] = {}
    for _ in range(count * 12):
        if len(found) >= count:
            break
        for question in _questions(_asked(c, ask)):
            if question.kind in kinds and len(found) < count:
                found.setdefault(question.text, question)
    return list(found.values())


def questions_about(c: Conversation, each: int) -> list[Question]:
    plain = [known for known in c.known.values() if not known.values_before]
    changed = [known for known in c.known.values() if known.values_before]
    questions: list[Question] = []
    for group, times in ((plain, 1), (changed, 3)):
        for known in c.rng.sample(group, min(each, len(group))):
            for _ in range(times):
                questions += _questions(_asked(c, lambda known=known: asking.recall(c, known)))
    questions += _some(c, lambda: asking.unknown(c), (Kind.UNKNOWN,), each)
    checks = _some(c, lambda: asking.check(c), (Kind.CHECK,), 6 * each)
    for verdict in ("Yes", "No"):
        questions += [check for check in checks if check.expected.startswith(verdict)][:each // 2]
    for scene, kind in ((asking.several, Kind.SEVERAL), (asking.about, Kind.LIST), (asking.who_told, Kind.SOURCE)):
        questions += _some(c, lambda scene=scene: scene(c), (kind,), max(1, each // 4))
    return questions


def cases(tokenizer: Tokenizer, length: int, count: int, each: int, seed: int, book: str = "held out") -> list[Case]:
    result = []
    for number in range(count):
        rng = random.Random(seed * 1000 + length + number)
        tools = number % 3 == 2
        c, prompt, tokens = conversation_of(rng, tokenizer, length, tools, book)
        if tools:
            questions = _some(c, lambda: use_tool(c), (Kind.TOOL, Kind.RESULT), 2 * each)
        else:
            questions = questions_about(c, each)
        result.append(Case(prompt, tokens, questions))
    return result


def main() -> None:
    """Recall only, from conversations that models/demo/evaluate does not use."""
    for case in cases(tokenizer_of(Path(sys.argv[1])), length=1024, count=12, each=8, seed=11):
        recalls = [question for question in case.questions if question.kind == Kind.RECALL]
        if recalls:
            print(json.dumps({"prompt": case.prompt, "questions": [question.text for question in recalls],
                              "expected": [question.expected for question in recalls]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
