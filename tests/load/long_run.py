"""Hours of mixed load on two servers: one that runs through, one that is killed, stopped, frozen and has files damaged.

    long_run.py PROGRAM MODEL --seconds N [--clients 6] [--quiet-every 30] [--stop-every 90] [--seed N] [--out FILE.csv]
    long_run.py --evaluate FILE.csv

First the largest of each kind of request (warm_up.py). Every --quiet-every seconds all clients pause, and memory,
descriptors, threads and disk of both are sampled: at rest, a descriptor more is one that leaked. After a warm-up, lines are
fitted: over the whole time for the server that runs through; for the other, over the samples that follow each start, so
across its lives. Resident memory, allocated memory, descriptors and threads of the first may rise by 0.1 % per hour. What is
resident of each mapping is beside the samples, in FILE.mappings, a JSON object a line. No answer may be wrong: a foreign code, a turn lost, done twice or out of order, or an error
that nothing was there to excuse. Controls: series that leak one descriptor in an hour or 0.2 % of memory are refused.
"""

import argparse
import csv
import json
import random
import sys
import threading
import time
from dataclasses import astuple, fields
from pathlib import Path

import agents_api
from long_load import LongLoad
from process_watch import Sample, fit_slope, mappings, take_sample
from server_process import ServerProcess
from warm_up import WarmUp

SLOPE_MAX_PER_HOUR = 0.001
WARM_UP_PART = 0.25
REST_S = 2.0  # from the last answer to the sample: KV is saved, connections are closed
OPTIONS = ["--max-agents", "4", "--ctx-size", "1024", "--memory-free-min", "0"]
RISES_JUDGED = ["resident_bytes", "heap_bytes", "descriptors", "threads"]


class Watched:
    """A server, its clients, and the samples of it."""

    def __init__(self, name: str, arguments: argparse.Namespace, stops: bool) -> None:
        self.name = name
        self.server = ServerProcess(arguments.program, arguments.model, OPTIONS)
        self.server.start()
        self.stops, self.life, self.stopping = stops, 0, threading.Lock()
        self.samples: list[Sample] = []
        self.load = LongLoad(lambda: self.server.url, arguments.clients, lambda: stops)
        if not stops:  # a start makes a new process, and the other one has many
            self.load.wrong += WarmUp(self.server.url).run(arguments.warm_up_clients)
        self.clients = [threading.Thread(target=self.load.run_client, args=(n,), daemon=True) for n in range(arguments.clients)]
        for client in self.clients:
            client.start()

    def sample(self, begin: float) -> Sample:
        with self.stopping:
            self.load.gate.close()
            time.sleep(REST_S)
            heap_bytes = self.server.metric("process_heap_bytes")
            self.samples.append(take_sample(self.server.pid, self.server.home, time.monotonic() - begin, self.life, heap_bytes))
            self.load.gate.open()
        return self.samples[-1]

    def damage_a_file(self) -> None:
        blocks = list((self.server.home / "blocks").rglob("*.safetensors"))
        if not blocks:
            return
        try:
            with random.choice(blocks).open("r+b") as file:
                at = random.randrange(file.seek(0, 2))
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << random.randrange(8)]))
            self.load.note("files damaged")
        except FileNotFoundError:
            pass

    def disturb(self) -> None:
        kind = random.choice(["kill", "kill", "terminate", "freeze", "damage", "damage"])
        with self.stopping:
            self.load.note(kind)
            if kind == "freeze":
                self.server.freeze(random.uniform(0.5, 3))
            elif kind == "damage":
                self.damage_a_file()
            else:
                self.server.kill() if kind == "kill" else self.server.terminate()
                self.server.start()
                self.life += 1

    def end(self) -> list[str]:
        self.load.over.set()
        for client in self.clients:
            client.join()
        self.server.terminate()
        wrong = list(self.load.wrong)
        if self.load.counts["knows its code"] <= 4 * self.load.counts["does not know its code"]:
            wrong.append("the agents know too little for this to show anything")
        print(f"{self.name}: {dict(self.load.counts)}; {len(wrong)} wrong")
        return [f"{self.name}: {what}" for what in wrong]


def disturb_until(over: threading.Event, watched: Watched, every_s: float) -> None:
    while not over.wait(random.uniform(0.5, 1.5) * every_s):
        watched.disturb()


def first_of_each_life(samples: list[Sample]) -> list[Sample]:
    return [now for before, now in zip(samples, samples[1:]) if now.life != before.life]


def judge(name: str, samples: list[Sample], judged: list[str]) -> list[str]:
    after = [sample for sample in samples if sample.at_s > WARM_UP_PART * samples[-1].at_s]
    if len(after) < 3:
        return [f"{name}: only {len(after)} samples after the warm-up"]
    wrong = []
    for what in [field.name for field in fields(Sample)][2:]:
        slope = fit_slope([(sample.at_s, float(getattr(sample, what))) for sample in after])
        told = f"{name}: {what} {slope.mean:.0f}, {100 * slope.part_per_hour:+.3f} % per hour (± {100 * slope.error_per_hour:.3f})"
        print(told)
        if what in judged and slope.part_per_hour > SLOPE_MAX_PER_HOUR:
            wrong.append(told)
    return wrong


def check_controls() -> None:
    """A line that rises by a little more than is allowed is seen, through noise like the real one's."""
    noise = random.Random(1)

    def series(descriptors: float, memory: float) -> list[Sample]:
        return [Sample(30.0 * i, 0, int(1e8 * (1 + memory * i / 120 + noise.gauss(0, 2e-4))), 1, int(30 + descriptors * i / 120),
                       9, 1, int(3e7 * (1 + memory * i / 120))) for i in range(240)]

    print("controls: a steady series, one that leaks a descriptor per hour, one that leaks 0.2 % of memory per hour")
    flat, leaks_descriptor, leaks_memory = series(0, 0), series(1, 0), series(0, 0.002)
    assert not judge("control", flat, RISES_JUDGED), "control: a steady series was refused"
    assert judge("control", leaks_descriptor, ["descriptors"]), "control: a leak of descriptors was not noticed"
    for what in ("resident_bytes", "heap_bytes"):
        assert judge("control", leaks_memory, [what]), f"control: a leak of memory was not noticed in {what}"


def judge_all(samples: dict[str, list[Sample]]) -> list[str]:
    starts = first_of_each_life(samples["restarted"])
    return judge("steady", samples["steady"], RISES_JUDGED) + (judge("restarted, after starts", starts, []) if len(starts) > 4 else [])


def evaluate(path: Path) -> list[str]:
    samples: dict[str, list[Sample]] = {"steady": [], "restarted": []}
    with path.open(encoding="ascii") as file:
        for name, at_s, *numbers in csv.reader(file):
            samples[name].append(Sample(float(at_s), *map(int, numbers)))
    return judge_all(samples)


def run(arguments: argparse.Namespace) -> list[str]:
    random.seed(arguments.seed)
    watched = []
    over = threading.Event()
    try:
        watched = [Watched("steady", arguments, False), Watched("restarted", arguments, True)]
        disturber = threading.Thread(target=disturb_until, args=(over, watched[1], arguments.stop_every), daemon=True)
        disturber.start()
        begin = time.monotonic()
        told_beside = arguments.out.with_name(arguments.out.name + ".mappings")
        with arguments.out.open("w", encoding="ascii", buffering=1) as file, told_beside.open("w", encoding="utf-8", buffering=1) as beside:
            while time.monotonic() - begin < arguments.seconds:
                time.sleep(arguments.quiet_every)
                for one in watched:
                    csv.writer(file).writerow([one.name, *astuple(one.sample(begin))])
                told = {"at_s": watched[0].samples[-1].at_s, "largest_body": agents_api.LARGEST["bytes"]}
                beside.write(json.dumps(told | {"mappings": mappings(watched[0].server.pid)}) + "\n")
        over.set()
        disturber.join()
        wrong = [what for one in watched for what in one.end()]
    finally:
        for one in watched:
            one.server.remove()
    print(f"seed {arguments.seed}: {arguments.seconds:.0f} s, {watched[1].life} restarts; samples: {arguments.out}")
    slopes = judge_all({one.name: one.samples for one in watched})
    return wrong if arguments.no_slopes else wrong + slopes


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path, nargs="?")
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, default=7200)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--warm-up-clients", type=int, default=12)
    parser.add_argument("--quiet-every", type=float, default=30)
    parser.add_argument("--stop-every", type=float, default=90)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--out", type=Path, default=Path("long_run.csv"))
    parser.add_argument("--no-slopes", action="store_true")  # of a run that is too short for them
    parser.add_argument("--evaluate", type=Path)
    arguments = parser.parse_args()
    check_controls()
    wrong = evaluate(arguments.evaluate) if arguments.evaluate else run(arguments)
    print("\n".join(wrong[:20]), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
