"""How many held-out answers a network in training would give, without generating one.

Where the likeliest token is right all along an answer, a greedy answer is that answer; so one pass over whole
conversations tells the share that is exact. Yes or no is told by the first token, and so is what has several forms.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .conversation import Kind

SHOWN = (Kind.RECALL, Kind.LATEST, Kind.UNKNOWN, Kind.CHECK, Kind.TOOL, Kind.RESULT, Kind.SEVERAL, Kind.LIST, Kind.SOURCE, Kind.CHAT)


def spans(kinds: np.ndarray) -> list[tuple[Kind, int, int]]:
    """Where the answers of a row begin and end; one that the row's end cuts off is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kinds]))).tolist()
    return [(Kind(int(kinds[first])), first, end) for first, end in zip(edges, edges[1:]) if kinds[first] != Kind.PROMPT]


def measured(hidden_of: Callable[[Tensor], Tensor], embedding: Tensor, ids: np.ndarray, kinds: np.ndarray) -> str:
    tokens = torch.from_numpy(ids).to(embedding.device).long()
    hidden = hidden_of(tokens[:, :-1]).detach()
    with torch.no_grad():
        said = torch.stack([(row @ embedding.to(row.dtype).T).argmax(-1) for row in hidden]).cpu().numpy()
    wanted = ids[:, 1:]
    answers = [(row, *span) for row, row_kinds in enumerate(kinds[:, 1:]) for span in spans(row_kinds)]
    not_known = {wanted[row, first] for row, kind, first, _ in answers if kind == Kind.UNKNOWN}
    right: dict[Kind, list[bool]] = {kind: [] for kind in SHOWN}
    for row, kind, first, end in answers:
        if kind == Kind.UNKNOWN:
            right[kind].append(said[row, first] in not_known)
        elif kind in right:
            end = first + 1 if kind == Kind.CHECK else end
            right[kind].append(bool((said[row, first:end] == wanted[row, first:end]).all()))
    return ", ".join(f"{kind.name.lower()} {np.mean(some):.3f} of {len(some)}" for kind, some in right.items() if some)
