#!/usr/bin/env python3
"""A workload of agents after published distributions, as CSV: one row per request, a closed loop per session.

    bench/workload.py [--agents 8] [--sessions 12] [--seed 1] [--tokens-by 16] [--waits-by 30] > trace.csv

Columns: session_id, arrival_time (s), round_idx, prefix_len (tokens known before), input_len (new tokens), output_len,
tool_wait_after_ms, after (first, tool, human, late, side), parent (the session that a fork goes on from), agent and
system_len (sessions of an agent begin with the same system prompt of that length). Lengths and waits of
coding agents (TraceLab 2026), system prompts of clients seen on the wire. --tokens-by and --waits-by divide them, for small
machines; the kind of a wait (`late`: a human after more than 5 minutes) is that of the undivided one.
"""

import argparse
import csv
import math
import random
import sys
from dataclasses import asdict, dataclass, fields
from typing import TextIO

SYSTEM_TOKENS = (1400, 3000, 7700, 9700, 12500)
REQUESTS_MEAN = 6.0          # of a user in a session
STEPS_MEAN = 8.8             # of the model per request
TOOL_WAITS = ((0.609, 0.02, 1), (0.273, 1, 10), (0.078, 10, 60), (0.04, 60, 600))
FORK_SHARE = 0.1
ARRIVAL_MEAN_S, ARRIVAL_CV = 60.0, 2.0
LATE_S = 300
SIDE_INPUT, SIDE_OUTPUT = 600, 15


@dataclass(frozen=True)
class Request:
    session_id: str
    arrival_time: float
    round_idx: int
    prefix_len: int
    input_len: int
    output_len: int
    tool_wait_after_ms: int
    after: str
    parent: str = ""
    agent: str = ""          # sessions of one agent begin with the same system prompt
    system_len: int = 0


@dataclass(frozen=True)
class Shape:
    agents: int = 8
    sessions: int = 12
    seed: int = 1
    tokens_by: int = 16
    waits_by: int = 30
    context: int = 8192      # a session ends before its tokens would not fit
    wait_max_ms: int = 20000  # a wait is cut there after it was divided


class Generator:
    def __init__(self, shape: Shape) -> None:
        self.shape, self.random = shape, random.Random(shape.seed)
        self.systems = [max(16, self.random.choice(SYSTEM_TOKENS) // shape.tokens_by) for _ in range(shape.agents)]

    def tokens(self, mu: float, sigma: float, low: int, high: int) -> int:
        return max(1, round(min(high, max(low, self.random.lognormvariate(mu, sigma))) / self.shape.tokens_by))

    def geometric(self, mean: float) -> int:
        return 1 + int(math.log(1 - self.random.random()) / math.log(1 - 1 / mean))

    def tool_wait_s(self) -> float:
        _, low, high = self.random.choices(TOOL_WAITS, [wait[0] for wait in TOOL_WAITS])[0]
        return self.random.uniform(low, high)

    def human_gap_s(self) -> float:
        return min(86400.0, max(2.0, self.random.lognormvariate(4.43, 2.10)))

    def divided_ms(self, wait_s: float) -> int:
        return min(self.shape.wait_max_ms, round(1000 * wait_s / self.shape.waits_by))

    def all(self) -> list[Request]:
        requests: list[Request] = []
        at = 0.0
        for number in range(self.shape.sessions):
            agent = self.random.choices(range(self.shape.agents), [1 / (rank + 1) for rank in range(self.shape.agents)])[0]
            requests += self.session(f"s{number}", f"a{agent}", at, self.systems[agent])
            shape = 1 / ARRIVAL_CV ** 2  # a renewal process of Gamma gaps
            at += self.random.gammavariate(shape, ARRIVAL_MEAN_S / shape) / self.shape.waits_by
        return requests

    def session(self, name: str, agent: str, at: float, system: int) -> list[Request]:
        out = [Request(f"{name}-title", at, 0, 0, max(8, SIDE_INPUT // self.shape.tokens_by), SIDE_OUTPUT, 0, "side")]
        tokens, after, number = system, "first", 0
        for _ in range(self.geometric(REQUESTS_MEAN)):
            gap_s = self.human_gap_s()
            steps = self.geometric(STEPS_MEAN)
            for step in range(steps):
                new, answer = self.tokens(6.30, 1.90, 16, 32000), self.tokens(5.34, 1.34, 1, 4000)
                if tokens + new + answer + 64 > self.shape.context:
                    return out
                wait_s = gap_s if step == steps - 1 else self.tool_wait_s()
                prefix = tokens if number else 0
                out.append(Request(name, at, number, prefix, new + (0 if number else system), answer, self.divided_ms(wait_s), after,
                                   agent=agent, system_len=system))
                tokens, number = tokens + new + answer, number + 1
                after = ("late" if gap_s > LATE_S else "human") if step == steps - 1 else "tool"
            if self.random.random() < FORK_SHARE and number > 1:
                out += self.children(name, at, number, tokens)
        return out

    def children(self, parent: str, at: float, rounds: int, tokens: int) -> list[Request]:
        out = []
        for child in range(self.random.randint(2, 4)):
            new, answer = self.tokens(6.30, 1.90, 16, 32000), self.tokens(5.34, 1.34, 1, 4000)
            if tokens + new + answer + 64 <= self.shape.context:
                out.append(Request(f"{parent}-f{rounds}.{child}", at, rounds, tokens, new, answer, 0, "fork", parent))
        return out


def write_csv(requests: list[Request], file: TextIO) -> None:
    writer = csv.DictWriter(file, [field.name for field in fields(Request)])
    writer.writeheader()
    for request in requests:
        writer.writerow({**asdict(request), "arrival_time": f"{request.arrival_time:.3f}"})


def read_csv(file: TextIO) -> list[Request]:
    """Also traces of others with the first seven columns."""
    return [Request(row["session_id"], float(row["arrival_time"]), int(row["round_idx"]), int(row["prefix_len"]),
                    int(row["input_len"]), int(row["output_len"]), int(row["tool_wait_after_ms"]),
                    row.get("after") or ("tool" if int(row["round_idx"]) else "first"), row.get("parent") or "",
                    row.get("agent") or "", int(row.get("system_len") or 0))
            for row in csv.DictReader(file)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("agents", "sessions", "seed", "tokens_by", "waits_by", "context"):
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=getattr(Shape, name))
    write_csv(Generator(Shape(**vars(parser.parse_args()))).all(), sys.stdout)


if __name__ == "__main__":
    main()
