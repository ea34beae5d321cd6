#!/usr/bin/env python3
"""mlx-lm's prompt cache on the CPU backend: cold prefill, decode, and a cache file saved, loaded and gone on from.

    VENV/bin/python bench/mlx_prompt_cache.py [--shape llama3.2-1b] [--sizes 64,128] [--repetitions 3] [--out bench-out]

VENV has bench/requirements.txt. mlx-lm has no server with a prompt cache on disk, so this is its library in one process, random
weights of the same shape in 4 bits, with a vocabulary of 32,000 since more takes minutes to make: no HTTP and no template,
which is in its favour. The extended prompt has 16 tokens more. Sizes are small because that backend reads a few tokens a second.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))
import mlx.core as mx  # noqa: E402
import mlx.nn as nn  # noqa: E402
from driver import machine, results  # noqa: E402
from mlx_lm.models import llama  # noqa: E402
from mlx_lm.models.cache import load_prompt_cache, make_prompt_cache, save_prompt_cache  # noqa: E402

CHUNK_TOKENS, EXTENSION_TOKENS, ANSWER_TOKENS = 512, 16, 16
SHAPES = {"llama3.2-1b": {"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16, "intermediate_size": 8192,
                          "num_attention_heads": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-5, "vocab_size": 32000,
                          "head_dim": 64, "rope_theta": 500000.0, "tie_word_embeddings": True}}


def model_of(shape: str, layers: int) -> nn.Module:
    arguments = dict(SHAPES[shape])
    arguments["num_hidden_layers"] = layers or arguments["num_hidden_layers"]
    model = llama.Model(llama.ModelArgs.from_dict(arguments))
    nn.quantize(model, group_size=64, bits=4)
    mx.eval(model.parameters())
    return model


def read(model: nn.Module, tokens: list[int], cache: list) -> int:
    """Reads a prompt; the likeliest next token."""
    for begin in range(0, len(tokens), CHUNK_TOKENS):
        logits = model(mx.array([tokens[begin:begin + CHUNK_TOKENS]]), cache=cache)
        mx.eval([part.state for part in cache])
    return int(mx.argmax(logits[0, -1]).item())


def milliseconds(action) -> tuple[float, object]:
    begin = time.perf_counter()
    value = action()
    return 1000 * (time.perf_counter() - begin), value


def one_size(model: nn.Module, rows: results.Rows, size: int, seed: int, work: Path) -> None:
    def say(what: str, unit: str, value: float, **keys: object) -> None:
        rows.add("mlx-lm", what, unit, value, size=size, **keys)

    mx.random.seed(seed)
    tokens = mx.random.randint(0, 1000, (size,)).tolist()
    longer = mx.random.randint(0, 1000, (EXTENSION_TOKENS,)).tolist()
    cache = make_prompt_cache(model)
    cold_ms, token = milliseconds(lambda: read(model, tokens, cache))
    say("cold prefill", "tokens/s", 1000 * size / cold_ms)
    file = work / "cache.safetensors"
    save_ms, _ = milliseconds(lambda: (save_prompt_cache(str(file), cache), os.sync()))
    say("save", "ms", save_ms)
    say("KV bytes written", "B", file.stat().st_size)
    resident_ms, token = milliseconds(lambda: read(model, longer, cache))
    say("first token", "ms", resident_ms, state="resident", kind="extended")
    begin = time.perf_counter()
    for _ in range(ANSWER_TOKENS):
        token = read(model, [token], cache)
    say("decode", "tokens/s", ANSWER_TOKENS / (time.perf_counter() - begin))
    for state in ("page-cached", "page cache dropped"):
        if state == "page cache dropped":
            machine.forget_pages([file])
        loaded_ms, _ = milliseconds(lambda: read(model, longer, load_prompt_cache(str(file))))
        say("first token", "ms", loaded_ms, state=state, kind="extended")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="llama3.2-1b", choices=sorted(SHAPES))
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[64, 128])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out")
    arguments = parser.parse_args()
    rows, others = results.Rows(), machine.OtherWork()
    model = model_of(arguments.shape, arguments.layers)
    read(model, [1] * 16, make_prompt_cache(model))
    with tempfile.TemporaryDirectory(dir=arguments.out) as work:
        for size in arguments.sizes:
            for repetition in range(arguments.repetitions):
                one_size(model, rows, size, repetition, Path(work))
    about = {"commit": machine.commit_of(ROOT), "command": "bench/mlx_prompt_cache.py " + " ".join(sys.argv[1:]),
             "model": {"shape": arguments.shape, "weights": "4 bits, groups of 64", "layers": arguments.layers or None, "file_bytes": 0},
             "kv_type": "f16", "threads": os.cpu_count(), "servers": {"mlx-lm": [f"mlx {mx.__version__}, CPU backend, in one process"]}}
    path = results.write(arguments.out, "mlx_prompt_cache", rows, about, others.told())
    results.show(rows)
    print(path)


if __name__ == "__main__":
    main()
