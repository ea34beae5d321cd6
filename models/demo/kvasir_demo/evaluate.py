"""Measures a GGUF through llama.cpp, greedily, on held-out phrasings and values.

usage: models/demo/evaluate [MODEL.gguf] [--out FIGURES.json]
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .cases import Case, Question, cases, tokenizer_of
from .conversation import Kind

CONTEXTS = {1024: 84, 4096: 27, 8192: 18}  # conversations of each length
QUESTIONS_EACH = {1024: 8, 4096: 16, 8192: 24}
LABELS = {Kind.RECALL: "recall, whole answer exact", Kind.UNKNOWN: "says that it does not know, by meaning",
          Kind.CHECK: "yes/no checks", Kind.LATEST: "latest value wins", Kind.TOOL: "tool call well-formed and right",
          Kind.RESULT: "tool result used", Kind.SEVERAL: "several questions in one turn, whole answer exact",
          Kind.LIST: "lists what it knows about something, exact", Kind.SOURCE: "who told it"}
GOALS = {kind: dict(zip(CONTEXTS, least)) for kind, least in {
    Kind.RECALL: (0.99, 0.97, 0.90), Kind.UNKNOWN: (0.95, 0.95, 0.90), Kind.CHECK: (0.95, 0.90), Kind.LATEST: (0.97, 0.95),
    Kind.TOOL: (0.95, 0.90), Kind.RESULT: (0.95, 0.90)}.items()}


@dataclass
class Score:
    right: int = 0
    asked: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, question: Question, answer: str) -> None:
        self.asked += 1
        if question.right(answer):
            self.right += 1
        else:
            self.wrong.append((question.text, question.expected, answer))

    @property
    def share(self) -> float:
        return self.right / max(1, self.asked)


class Asker:
    """Asks a model through llama.cpp, several cases at a time, each in a process of one thread."""

    def __init__(self, program: Path, model: Path, jobs: int) -> None:
        self._program, self._model, self._pool = program, model, ThreadPoolExecutor(jobs)

    def _answers(self, case: Case, kv_type: str) -> list[str]:
        line = json.dumps({"prompt": case.prompt, "questions": [question.text for question in case.questions]}) + "\n"
        run = subprocess.run([str(self._program), str(self._model), kv_type, "1"], input=line.encode(), stdout=subprocess.PIPE, check=True)
        given = json.loads(run.stdout.decode(errors="replace"))
        if given["tokens"] != case.tokens:
            raise SystemExit(f"llama.cpp reads {given['tokens']} tokens where the tokenizer made {case.tokens}")
        return given["answers"]

    def scores(self, kv_type: str, asked: list[Case]) -> Callable[[], dict[Kind, Score]]:
        """Begins to ask; what is returned waits for the end."""
        begun = [(case, self._pool.submit(self._answers, case, kv_type)) for case in asked]

        def wait() -> dict[Kind, Score]:
            result: dict[Kind, Score] = defaultdict(Score)
            for case, answers in begun:
                for question, answer in zip(case.questions, answers.result(), strict=True):
                    result[question.kind].add(question, answer)
            return result
        return wait


def only(kind: Kind, asked: list[Case]) -> list[Case]:
    return [Case(case.prompt, case.tokens, questions) for case in asked
            if (questions := [question for question in case.questions if question.kind == kind])]


def table(measured: dict[int, dict[Kind, Score]]) -> str:
    lengths = sorted(measured)
    lines = ["| | " + " | ".join(f"{length // 1024}K tokens" for length in lengths) + " |", "|---" * (len(lengths) + 1) + "|"]
    for kind, label in LABELS.items():
        cells = []
        for length in lengths:
            score = measured[length][kind]
            least = GOALS.get(kind, {}).get(length)
            goal = f" (goal {least:.2f}{'' if score.share >= least else ', missed'})" if least else ""
            cells.append(share(score) + goal if score.asked else "-")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def control(asked: list[Case]) -> list[Case]:
    """The same questions after somebody else's conversation: whoever still answers does not answer from the context."""
    recalls = only(Kind.RECALL, asked)
    return [Case(other.prompt, other.tokens, case.questions) for case, other in zip(recalls, recalls[1:] + recalls[:1], strict=True)]


def share(score: Score) -> str:
    return f"{score.right}/{score.asked} = {score.share:.3f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--answers", type=Path, required=True, help="the program made of answers.cpp")
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 4096, 8192])
    parser.add_argument("--share", type=float, default=1.0, help="share of the questions to ask; less is quicker and coarser")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--blind", action="store_true", help="ask in the phrasings and for the tools of blind.py instead")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--kv-types", nargs="*", default=["q8_0", "q4_0"], help="measured beside f16, at 1K and 4K")
    parser.add_argument("--out", type=Path, help="figures and every wrong answer, as JSON")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    tokenizer = tokenizer_of(options.model)
    asker = Asker(options.answers, options.model, options.jobs)
    asked, begun = {}, {}
    for length in options.lengths:
        asked[length] = cases(tokenizer, length, max(3, round(CONTEXTS[length] * options.share)), QUESTIONS_EACH[length], options.seed,
                              "blind" if options.blind else "held out")
        begun[length] = asker.scores("f16", asked[length])
    controlled = asker.scores("f16", control(asked[1024])) if 1024 in asked else None
    short = [length for length in options.lengths if length <= 4096]
    by_type = {kv_type: {n: asker.scores(kv_type, only(Kind.RECALL, asked[n])) for n in short} for kv_type in options.kv_types}

    measured = {length: wait() for length, wait in begun.items()}
    print(table(measured))
    if controlled:
        print(f"\nControl, recall after another conversation at 1K: {share(controlled()[Kind.RECALL])}")
    if by_type:
        print("\n| KV type | " + " | ".join(f"recall, {length // 1024}K" for length in short) + " |\n|---" + "|---" * len(short) + "|")
        print("| f16 | " + " | ".join(share(measured[n][Kind.RECALL]) for n in short) + " |")
        for kv_type, waits in by_type.items():
            print(f"| {kv_type} | " + " | ".join(share(waits[n]()[Kind.RECALL]) for n in short) + " |", flush=True)
    if options.out:
        figures = {length: {kind.name.lower(): {"right": s.right, "asked": s.asked, "wrong": s.wrong} for kind, s in by_kind.items()}
                   for length, by_kind in measured.items()}
        options.out.write_text(json.dumps(figures, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
