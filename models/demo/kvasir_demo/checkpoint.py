"""Weights in two files of half precision: enough to export from, or to go on training from."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

PARTS = 2


def save_weights(network: nn.Module, folder: Path) -> None:
    write_arrays({name: parameter.detach().float().cpu().numpy() for name, parameter in network.named_parameters()}, folder)


def write_arrays(arrays: dict[str, np.ndarray], folder: Path) -> None:
    names = sorted(arrays)
    for part in range(PARTS):
        path = folder / f"weights-{part}.npz"
        whole = path.with_suffix(".tmp.npz")
        np.savez(whole, **{name: arrays[name].astype(np.float16) for name in names[part::PARTS]})
        whole.rename(path)


def read_weights(folder: Path) -> dict[str, np.ndarray]:
    weights: dict[str, np.ndarray] = {}
    for part in range(PARTS):
        with np.load(folder / f"weights-{part}.npz") as file:
            weights.update({name: file[name].astype(np.float32) for name in file.files})
    return weights


def load_weights(network: nn.Module, folder: Path) -> None:
    weights = read_weights(folder)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(weights[name]))
