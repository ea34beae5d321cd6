"""Makes a folder to train on from of a GGUF: the way back of export.py, but for what Q8_0 has rounded.

usage: python -m kvasir_demo.unpack MODEL.gguf FOLDER
"""
from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import gguf
import numpy as np

from .cases import tokenizer_of
from .checkpoint import write_arrays
from .network import Shape

_FIELDS = {"embedding": "embedding_length", "layers": "block_count", "heads": "attention.head_count", "heads_kv": "attention.head_count_kv",
           "head": "attention.key_length", "feed_forward": "feed_forward_length", "window": "attention.sliding_window",
           "context": "context_length"}


def unpack(model: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(str(model))
    shape = {name: int(reader.fields[f"gemma3.{field}"].contents()) for name, field in _FIELDS.items()}
    tokenizer = tokenizer_of(model)
    tokenizer.save(str(folder / "tokenizer.json"))
    shape["vocabulary"] = tokenizer.get_vocab_size()
    (folder / "shape.json").write_text(json.dumps(asdict(Shape(**shape)), indent=1) + "\n")
    write_arrays({tensor.name: np.asarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32).reshape(
        tuple(reversed(tensor.shape.tolist()))) for tensor in reader.tensors}, folder)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
