"""Gemma 3's architecture as llama.cpp computes it: norms before and after, q and k normed, windows and global layers."""
from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    vocabulary: int = 4096
    embedding: int = 256
    layers: int = 8
    heads: int = 4
    heads_kv: int = 2
    head: int = 64
    feed_forward: int = 768
    window: int = 256
    pattern: int = 2          # every second layer is global
    epsilon: float = 1e-6
    base_global: float = 1e6
    base_local: float = 1e4
    context: int = 8192


class Norm(nn.Module):
    def __init__(self, width: int, start: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((width,), start))
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), (self.width,), self.weight.float(), 1e-6).to(x.dtype)


def rotation(length: int, width: int, base: float, device: torch.device) -> Tensor:
    inverse = base ** (-torch.arange(0, width, 2, device=device).float() / width)
    angles = torch.arange(length, device=device).float()[:, None] * inverse[None]
    return torch.stack([angles.cos(), angles.sin()])


def rotated(x: Tensor, turn: Tensor) -> Tensor:
    """The first half of a head turns with its second half."""
    cos, sin = turn[0], turn[1]
    one, other = x.float().chunk(2, dim=-1)
    return torch.cat([one * cos - other * sin, other * cos + one * sin], -1).to(x.dtype)


class Block(nn.Module):
    def __init__(self, shape: Shape, index: int) -> None:
        super().__init__()
        e, d = shape.embedding, shape.head
        self.local = (index + 1) % shape.pattern != 0
        self.head, self.window = d, shape.window
        self.attn_norm, self.post_attention_norm, self.ffn_norm, self.post_ffw_norm = Norm(e), Norm(e), Norm(e), Norm(e)
        self.attn_q_norm, self.attn_k_norm = Norm(d, 1.2), Norm(d, 1.2)
        linear = lambda i, o: nn.Linear(i, o, bias=False)
        self.attn_q, self.attn_output = linear(e, shape.heads * d), linear(shape.heads * d, e)
        self.attn_k, self.attn_v = linear(e, shape.heads_kv * d), linear(e, shape.heads_kv * d)
        self.ffn_gate, self.ffn_up = linear(e, shape.feed_forward), linear(e, shape.feed_forward)
        self.ffn_down = linear(shape.feed_forward, e)

    def forward(self, x: Tensor, turn: Tensor, mask: object) -> Tensor:
        batch, length, _ = x.shape
        y = self.attn_norm(x)
        q = rotated(self.attn_q_norm(self.attn_q(y).view(batch, length, -1, self.head)).transpose(1, 2), turn)
        k = rotated(self.attn_k_norm(self.attn_k(y).view(batch, length, -1, self.head)).transpose(1, 2), turn)
        v = self.attn_v(y).view(batch, length, -1, self.head).transpose(1, 2)
        o = self.attend(q, k, v, mask)
        x = x + self.post_attention_norm(self.attn_output(o.transpose(1, 2).reshape(batch, length, -1)))
        y = self.ffn_norm(x)
        return x + self.post_ffw_norm(self.ffn_down(F.gelu(self.ffn_gate(y), approximate="tanh") * self.ffn_up(y)))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: object) -> Tensor:
        if not self.local:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        if isinstance(mask, Tensor):
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
        from torch.nn.attention.flex_attention import flex_attention
        return flex_attention(q, k, v, block_mask=mask, enable_gqa=True)


class Network(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.embedding)
        self.blk = nn.ModuleList(Block(shape, index) for index in range(shape.layers))
        self.output_norm = Norm(shape.embedding)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=shape.embedding ** -0.5 if "token_embd" in name else 0.02)
        self._turns: dict[tuple[int, bool], Tensor] = {}
        self._masks: dict[int, object] = {}

    def _turn(self, length: int, local: bool, device: torch.device) -> Tensor:
        key = (length, local)
        if key not in self._turns:
            base = self.shape.base_local if local else self.shape.base_global
            self._turns[key] = rotation(length, self.shape.head, base, device)
        return self._turns[key]

    def _mask(self, length: int, device: torch.device) -> object:
        if length not in self._masks:
            window = self.shape.window
            if device.type == "cuda":
                from torch.nn.attention.flex_attention import create_block_mask
                near = lambda b, h, q, k: (q >= k) & (q - k < window)
                self._masks[length] = create_block_mask(near, None, None, length, length, device="cuda")
            else:
                distance = torch.arange(length)[:, None] - torch.arange(length)[None]
                self._masks[length] = (distance >= 0) & (distance < window)
        return self._masks[length]

    def forward(self, ids: Tensor) -> Tensor:
        length, device = ids.shape[1], ids.device
        mask = self._mask(length, device)
        x = self.token_embd(ids) * math.sqrt(self.shape.embedding)
        if device.type == "cuda":
            x = x.to(torch.bfloat16)
        for block in self.blk:
            x = block(x, self._turn(length, block.local, device), mask)
        return self.output_norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.token_embd.weight.to(hidden.dtype))


def weighted_loss(hidden: Tensor, embedding: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    logits = F.linear(hidden, embedding.to(hidden.dtype)).float()
    losses = F.cross_entropy(logits, targets, reduction="none")
    return (losses * weights).sum() / weights.sum()
