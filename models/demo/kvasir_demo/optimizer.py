"""Muon for the matrices inside the layers, AdamW for the embedding and the norms.

Muon (Jordan et al., 2024) gives each matrix's momentum the same singular values before the step; the scale is such that
a step is as large as one of AdamW's, so that both take one learning rate.
"""
from __future__ import annotations

import torch
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonal(stack: Tensor, steps: int = 5) -> Tensor:
    """Newton-Schulz on a stack of matrices."""
    a, b, c = _COEFFICIENTS
    x = stack.bfloat16() if stack.is_cuda else stack.float()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


class Optimizer:
    def __init__(self, network: nn.Module, decay: float = 0.1, momentum: float = 0.95) -> None:
        inside = [p for name, p in network.named_parameters() if p.dim() == 2 and "token_embd" not in name]
        groups: dict[tuple[int, ...], list[nn.Parameter]] = {}
        for parameter in inside:
            groups.setdefault(tuple(parameter.shape), []).append(parameter)
        self._stacks = [(group, torch.zeros(len(group), *shape, device=group[0].device)) for shape, group in groups.items()]
        self._decay, self._momentum = decay, momentum
        embedding = [p for name, p in network.named_parameters() if "token_embd" in name]
        norms = [p for p in network.parameters() if p.dim() == 1]
        fused = inside[0].is_cuda
        self._adam = torch.optim.AdamW([{"params": embedding, "weight_decay": 0.0}, {"params": norms, "weight_decay": 0.0}],
                                       betas=(0.9, 0.98), eps=1e-10, fused=fused)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for group in self._adam.param_groups:
            group["lr"] = rate
        self._adam.step()
        for parameters, momenta in self._stacks:
            gradients = torch.stack([p.grad for p in parameters]).float()
            momenta.lerp_(gradients, 1 - self._momentum)
            update = orthogonal(gradients.lerp(momenta, self._momentum))
            scale = 0.2 * max(momenta.shape[-2:]) ** 0.5
            updates = (update.to(parameters[0].dtype) * (-rate * scale)).unbind(0)
            torch._foreach_mul_(parameters, 1 - rate * self._decay)
            torch._foreach_add_(parameters, list(updates))

    def zero(self, network: nn.Module) -> None:
        for parameter in network.parameters():
            parameter.grad = None
