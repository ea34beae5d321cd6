"""Trains the demo model for a given time. One command: python -m kvasir_demo.train OUT --minutes 25

OUT gets tokenizer.json, shape.json, weights-*.npz and log.txt. --from continues from the weights in another folder or a GGUF.
A run writes its weights now and then, so that one that is stopped has not been in vain, and tells how many held-out
answers are exact.
"""
from __future__ import annotations

import argparse
import json
import os
import random
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from . import tokenizer as tokenizers
from .batches import WEIGHTS, Batches, Encoder
from .checkpoint import load_weights, save_weights
from .conversation import Kind
from .network import Network, Shape, weighted_loss
from .optimizer import Optimizer
from .parallel import Team
from .progress import measured

# Until which part of the run which lengths are drawn how often.
CURRICULUM = ((0.12, {512: 1.0}), (0.55, {512: 0.5, 2048: 0.5}), (0.80, {512: 0.2, 2048: 0.5, 8192: 0.3}),
              (1.01, {512: 0.1, 2048: 0.3, 8192: 0.6}))
SAVED_EVERY, MEASURED_EVERY = 60, 100  # seconds
CURRICULUM_CONTINUED = ((1.01, {2048: 0.55, 8192: 0.45}),)
SEED_MEASURED = 101  # of the held-out conversations whose misses may be read


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--from", dest="start", type=Path, help="folder of an earlier run, or GGUF, to go on from")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--tokens", type=int, default=131072, help="tokens of a step")
    parser.add_argument("--workers", type=int, default=14, help="processes that make rows, for each GPU")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cooldown", type=float, default=0.45, help="share of the run in which the rate falls to nothing")
    parser.add_argument("--shape", default="{}", help="changes of the network's shape, as JSON")
    parser.add_argument("--longest", type=int, default=8192, help="longest row; longer ones become this long")
    parser.add_argument("--misses", type=int, default=0, help="batches of held-out rows whose wrong answers are written to misses.txt at the end")
    return parser.parse_args()


class Training:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.out = options, options.out
        self.started, self.team = time.time(), Team()
        self.out.mkdir(parents=True, exist_ok=True)
        self.log = (self.out / "log.txt").open("w", buffering=1) if self.team.rank == 0 else None
        torch.manual_seed(options.seed)
        self.tokenizer_path = self.out / "tokenizer.json"
        if options.start:
            self.tokenizer_path.write_bytes((options.start / "tokenizer.json").read_bytes())
        elif self.team.rank == 0:
            tokenizers.train().save(str(self.tokenizer_path))
        while self.team.rank > 0 and not self.tokenizer_path.exists():
            time.sleep(0.2)
        self.tokenizer = tokenizers.load(self.tokenizer_path)
        self.encoder = Encoder(self.tokenizer)
        self.say(f"{self.tokenizer.get_vocab_size()} tokens")
        stages = CURRICULUM_CONTINUED if options.start else CURRICULUM
        self.stages = [(until, self._shortened(shares)) for until, shares in stages]
        lengths = {length for _, shares in self.stages for length in shares}
        self.batches = Batches(self.tokenizer_path, lengths, options.workers, options.tokens, options.seed + 7919 * self.team.rank)
        self.team.meet()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        rng = random.Random(SEED_MEASURED)
        self.held_out = {length: self.encoder.rows(rng, length, max(1, options.tokens // length), "held out")
                         for length in sorted(lengths)[-2:]} if self.team.rank == 0 else {}
        shape = replace(Shape(), vocabulary=self.tokenizer.get_vocab_size(), **json.loads(options.shape))
        if options.start:
            shape = Shape(**json.loads((options.start / "shape.json").read_text()))
        self.shape = shape
        (self.out / "shape.json").write_text(json.dumps(asdict(shape), indent=1) + "\n")
        self.network = Network(shape).to(self.device)
        if options.start:
            load_weights(self.network, options.start)
        self.optimizer = Optimizer(self.network)
        self.seen_lengths: set[int] = set()  # others would first have to be compiled
        self.loss = weighted_loss
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")
            torch._dynamo.config.cache_size_limit = 64
            for block in self.network.blk:
                block.compile(dynamic=False)
            self.loss = torch.compile(weighted_loss, dynamic=False)
        table = torch.ones(len(Kind))
        for kind, weight in WEIGHTS.items():
            table[kind] = weight
        self.weights = table.to(self.device)
        self.say(f"{sum(p.numel() for p in self.network.parameters()) / 1e6:.2f} M parameters, {self.team.size} GPUs or CPUs")

    def say(self, text: str) -> None:
        if not self.log:
            return
        line = f"{time.time() - self.started:6.1f} s  {text}"
        print(line, flush=True)
        print(line, file=self.log)

    def _shortened(self, shares: dict[int, float]) -> dict[int, float]:
        result: dict[int, float] = {}
        for length, share in shares.items():
            length = min(length, self.options.longest)
            result[length] = result.get(length, 0) + share
        return result

    def rate(self, step: int, part: float) -> float:
        warm = min(1.0, (step + 1) / 150)
        cool = min(1.0, (1 - part) / self.options.cooldown)
        return self.options.rate * warm * max(cool, 0.01)

    def hidden(self, ids: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            return self.network(ids)

    def step(self, step: int, part: float, length: int) -> float:
        ids_array, kinds_array = self.batches.next(length)
        ids = torch.from_numpy(ids_array).to(self.device, non_blocking=True).long()
        kinds = torch.from_numpy(kinds_array).to(self.device, non_blocking=True).long()
        hidden = self.hidden(ids[:, :-1])
        loss = self.loss(hidden.flatten(0, 1), self.network.token_embd.weight, ids[:, 1:].flatten(),
                         self.weights[kinds[:, 1:].flatten()])
        self.optimizer.zero(self.network)
        loss.backward()
        self.team.average_gradients(self.network)
        self.optimizer.step(self.rate(step, part))
        return loss

    def measure(self) -> None:
        for length, (ids, kinds) in self.held_out.items():
            if length in self.seen_lengths:
                self.say(f"held out, {length}: {measured(self.hidden, self.network.token_embd.weight, ids, kinds)}")

    def write_misses(self) -> None:
        """What a row said where an answer was wrong, each with the words before it."""
        rng = random.Random(SEED_MEASURED + 1)
        text = lambda ids: self.tokenizer.decode(ids.tolist(), skip_special_tokens=False)
        with (self.out / "misses.txt").open("w") as file:
            for length in self.held_out:
                for _ in range(self.options.misses):
                    ids, kinds = self.encoder.rows(rng, length, max(1, self.options.tokens // length), "held out")
                    progress = measured(self.hidden, self.network.token_embd.weight, ids, kinds)
                    self.say(f"held out, {length}, more: {progress}")
                    for kind, row, first, end, said in progress.wrong:
                        print(f"== {length} {kind.name} at {first}\n... {text(ids[row, max(0, first - 70):first + 1])}\n"
                              f"WANTED {text(ids[row, first + 1:end + 1])}\nSAID   {text(said)}", file=file)

    def run(self) -> None:
        begin = time.time()
        seconds = max(1.0, self.started + self.options.minutes * 60 - begin)
        rng, step, seen, told, saved, looked, smooth = random.Random(self.options.seed), 0, 0, begin, begin, begin, None
        pace_at, pace_seen = begin, 0
        first = self.team.rank == 0
        while True:
            part = (time.time() - begin) / seconds
            shares = next(shares for until, shares in self.stages if min(part, 1.0) < until)
            part, length = self.team.agree(part, rng.choices(list(shares), list(shares.values()))[0])
            length = int(length)
            if part >= 1:
                break
            self.seen_lengths.add(length)
            loss = self.step(step, part, length)
            step, seen = step + 1, seen + self.options.tokens * self.team.size
            if step % 20 == 0:
                value = loss.item()
                if value != value:
                    raise SystemExit("the loss is not a number any more; train with a lower --rate")
                smooth = value if smooth is None else 0.9 * smooth + 0.1 * value
            if time.time() - told > 10:
                now = time.time()
                self.say(f"step {step}, {seen / 1e6:.0f} M tokens, loss {smooth or 0:.4f}, rate {self.rate(step, part):.5f}, "
                         f"{(seen - pace_seen) / (now - pace_at) / 1e6:.2f} M tokens/s, length {length}, "
                         f"parts fresh {self.batches.fresh} repeated {self.batches.repeated}")
                told, pace_at, pace_seen = now, now, seen
            if first and time.time() - saved > SAVED_EVERY:
                save_weights(self.network, self.out)
                saved = time.time()
            if time.time() - looked > MEASURED_EVERY:
                self.measure()
                looked = time.time()
        if first:
            save_weights(self.network, self.out)
        self.batches.close()
        self.team.leave()
        self.measure()
        if first and self.options.misses:
            self.write_misses()
        self.say("done")


def main() -> None:
    options = arguments()
    if options.start and options.start.suffix == ".gguf":
        model, options.start = options.start, options.out / "start"
        if "RANK" not in os.environ:  # the first process, before it starts the others
            from .unpack import unpack
            unpack(model, options.start)
    Training(options).run()


if __name__ == "__main__":
    main()
