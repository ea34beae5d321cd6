"""Writes a trained model as GGUF: matrices in Q8_0, norms in F32. usage: python -m kvasir_demo.export FOLDER OUT.gguf"""
from __future__ import annotations

import json
import sys
from pathlib import Path

import gguf
import numpy as np

from .chat import END_OF_TEXT, SPECIAL, TEMPLATE, TURN_END
from .checkpoint import read_weights
from .tokenizer import PRE_TOKENIZER

_NORMAL, _CONTROL, _UNUSED = 1, 3, 5


def add_shape(writer: gguf.GGUFWriter, shape: dict) -> None:
    writer.add_name("Kvasir demo")
    writer.add_description("A very small model that answers from what it was told.")
    writer.add_license("apache-2.0")
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["embedding"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["feed_forward"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["heads_kv"])
    writer.add_key_length(shape["head"])
    writer.add_value_length(shape["head"])
    writer.add_layer_norm_rms_eps(shape["epsilon"])
    writer.add_rope_freq_base(shape["base_global"])
    writer.add_float32("gemma3.rope.freq_base_swa", shape["base_local"])
    writer.add_sliding_window(shape["window"])
    writer.add_uint32("gemma3.attention.sliding_window_pattern", shape["pattern"])


def add_tokenizer(writer: gguf.GGUFWriter, path: Path) -> None:
    model = json.loads(path.read_text(encoding="utf-8"))["model"]
    numbers: dict[str, int] = model["vocab"]
    pieces = sorted(numbers, key=numbers.__getitem__)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(pieces)
    writer.add_token_types([_CONTROL if piece in SPECIAL else _UNUSED if piece.startswith("<|unused-") else _NORMAL for piece in pieces])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(numbers[END_OF_TEXT])
    writer.add_eos_token_id(numbers[TURN_END])
    writer.add_pad_token_id(numbers[END_OF_TEXT])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def add_weights(writer: gguf.GGUFWriter, weights: dict[str, np.ndarray], kind: gguf.GGMLQuantizationType) -> None:
    for name, array in weights.items():
        if array.ndim == 1:
            writer.add_tensor(name, array.astype(np.float32))
        else:
            writer.add_tensor(name, gguf.quants.quantize(array, kind), raw_dtype=kind)


def export(folder: Path, target: Path, kind: str = "q8_0") -> None:
    writer = gguf.GGUFWriter(str(target), "gemma3")
    add_shape(writer, json.loads((folder / "shape.json").read_text()))
    add_tokenizer(writer, folder / "tokenizer.json")
    q8 = kind == "q8_0"
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if q8 else gguf.LlamaFileType.MOSTLY_F16)
    add_weights(writer, read_weights(folder), gguf.GGMLQuantizationType.Q8_0 if q8 else gguf.GGMLQuantizationType.F16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:4])
