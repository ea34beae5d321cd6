"""How many held-out answers a network in training would give, without generating one.

Where the likeliest token is right all along an answer, a greedy answer is that answer; so one pass over whole
conversations tells the share that is exact. Yes or no is told by the first token, and so is what has several forms.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .conversation import Kind

SHOWN = (Kind.RECALL, Kind.LATEST, Kind.UNKNOWN, Kind.CHECK, Kind.TOOL, Kind.RESULT, Kind.SEVERAL, Kind.LIST, Kind.SOURCE, Kind.CHAT)


@dataclass
class Progress:
    right: dict[Kind, list[bool]] = field(default_factory=lambda: {kind: [] for kind in SHOWN})
    wrong: list[tuple[Kind, int, int, int, np.ndarray]] = field(default_factory=list)  # kind, row, first, end, what was said

    def __str__(self) -> str:
        return ", ".join(f"{kind.name.lower()} {np.mean(some):.3f} of {len(some)}" for kind, some in self.right.items() if some)


def spans(kinds: np.ndarray) -> list[tuple[Kind, int, int]]:
    """Where the answers of a row begin and end; one that the row's end cuts off is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kinds]))).tolist()
    return [(Kind(int(kinds[first])), first, end) for first, end in zip(edges, edges[1:]) if kinds[first] != Kind.PROMPT]


def measured(hidden_of: Callable[[Tensor], Tensor], embedding: Tensor, ids: np.ndarray, kinds: np.ndarray) -> Progress:
    tokens = torch.from_numpy(ids).to(embedding.device).long()
    hidden = hidden_of(tokens[:, :-1]).detach()
    with torch.no_grad():
        said = torch.stack([(row @ embedding.to(row.dtype).T).argmax(-1) for row in hidden]).cpu().numpy()
    wanted = ids[:, 1:]
    answers = [(row, *span) for row, row_kinds in enumerate(kinds[:, 1:]) for span in spans(row_kinds)]
    not_known = {wanted[row, first] for row, kind, first, _ in answers if kind == Kind.UNKNOWN}
    progress = Progress()
    for row, kind, first, end in answers:
        if kind not in progress.right:
            continue
        if kind == Kind.UNKNOWN:
            right = said[row, first] in not_known
        else:
            last = first + 1 if kind == Kind.CHECK else end
            right = bool((said[row, first:last] == wanted[row, first:last]).all())
        progress.right[kind].append(right)
        if not right:
            progress.wrong.append((kind, row, first, end, said[row, first:end]))
    return progress
