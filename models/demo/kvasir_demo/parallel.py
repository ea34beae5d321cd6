"""Training on several GPUs of one machine: a process for each, all with the same weights and rows of their own."""
from __future__ import annotations

import os
import subprocess
import sys

import torch
import torch.distributed as distributed
from torch import Tensor, nn


class Team:
    """This process among those of a training; the first one starts the others with its own command line."""

    def __init__(self) -> None:
        self.size = max(1, torch.cuda.device_count())
        self.rank = int(os.environ.get("RANK", "0"))
        self._others: list[subprocess.Popen] = []
        if self.size > 1 and self.rank == 0:
            os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
            os.environ.setdefault("MASTER_PORT", "29517")
            self._others = [subprocess.Popen([sys.executable, "-m", "kvasir_demo.train", *sys.argv[1:]], env={**os.environ, "RANK": str(rank)})
                            for rank in range(1, self.size)]

    def meet(self) -> None:
        """After processes have been forked: what talks to the others has threads."""
        if self.size > 1:
            torch.cuda.set_device(self.rank)
            distributed.init_process_group("cpu:gloo,cuda:nccl", rank=self.rank, world_size=self.size)

    def agree(self, *values: float) -> list[float]:
        """The first one's values."""
        if self.size == 1:
            return list(values)
        told = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(told, 0)
        return told.tolist()

    def average_gradients(self, network: nn.Module) -> None:
        if self.size == 1:
            return
        gradients: list[Tensor] = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat, distributed.ReduceOp.AVG)
        parts = flat.split([gradient.numel() for gradient in gradients])
        torch._foreach_copy_(gradients, [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)])

    def leave(self) -> None:
        if self.size > 1:
            distributed.destroy_process_group()
        for other in self._others:
            if other.wait() != 0:
                raise SystemExit("a process of the training failed")
