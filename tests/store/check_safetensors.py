#!/usr/bin/env python3
"""Opens block files of ours with the safetensors package: they are what docs/format.md says, to others too.

    check_safetensors.py WRITER     runs the program that writes the files, then checks them
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy
from safetensors import SafetensorError, safe_open

METADATA = ["fingerprint", "first_position", "format_version", "frames", "kind", "kv_type_k", "kv_type_v", "name", "parent"]

APPEND = {
    "metadata": {"format_version": "1", "kind": "append", "name": "11" * 32, "parent": "", "fingerprint": "22" * 32,
                 "first_position": "0", "kv_type_k": "f16", "kv_type_v": "f16"},
    "tensors": [("layer_0.key", "F16", [5, 8]), ("layer_0.value", "F16", [5, 8]), ("layer_3.key", "F16", [5, 8]),
                ("layer_3.value", "F16", [5, 8])],
    "tokens": [1, 2, 151643, 0, -1],
}
WINDOW = {
    "metadata": {"format_version": "1", "kind": "window", "name": "33" * 32, "parent": "44" * 32, "fingerprint": "22" * 32,
                 "first_position": "700", "kv_type_k": "q8_0", "kv_type_v": ""},
    "tensors": [("layer_1.key", "U8", [3, 34])],
    "tokens": [7, 8, 9],
}
SNAPSHOT = {
    "metadata": {"format_version": "1", "kind": "snapshot", "name": "55" * 32, "parent": "44" * 32, "fingerprint": "22" * 32,
                 "first_position": "256", "kv_type_k": "", "kv_type_v": ""},
    "tensors": [("layer_1.r", "F32", [1, 6]), ("layer_1.s", "F32", [1, 16])],
    "tokens": [5, 6],
}
NUMPY_TYPES = {"F32": numpy.float32, "F16": numpy.float16, "U8": numpy.uint8}


def check(path, expected):
    """Raises when the file is not what is expected."""
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        assert sorted(metadata) == METADATA, metadata
        frames = metadata.pop("frames")
        assert len(frames) == 32 and int(frames, 16) >= 0, frames
        assert metadata == expected["metadata"], metadata
        names = [name for name, _, _ in expected["tensors"]]
        assert sorted(file.keys()) == sorted([*names, "tokens"]), list(file.keys())
        first = 0
        for name, dtype, shape in expected["tensors"]:
            piece = file.get_slice(name)
            assert (piece.get_dtype(), piece.get_shape()) == (dtype, shape), (name, piece.get_dtype(), piece.get_shape())
            rows = file.get_tensor(name)
            assert rows.dtype == NUMPY_TYPES[dtype] and rows.flags.c_contiguous, (name, rows.dtype)
            counting = (numpy.arange(first, first + rows.nbytes) % 256).astype(numpy.uint8).tobytes()
            assert rows.tobytes() == counting, f"{name}: other rows"
            first += rows.nbytes
        tokens = file.get_tensor("tokens")
        assert tokens.dtype == numpy.int32 and tokens.tolist() == expected["tokens"], tokens


def must_refuse(path, data, expected, what):
    """A control: the check above sees the damage."""
    spoiled = path.with_name("spoiled.safetensors")
    spoiled.write_bytes(data)
    try:
        check(spoiled, expected)
    except (AssertionError, SafetensorError):
        return
    sys.exit(f"{what} went unseen: the check is worth nothing")


def main():
    with tempfile.TemporaryDirectory() as directory:
        written = subprocess.run([sys.argv[1], directory], check=True, capture_output=True, text=True).stdout.split()
        paths = [pathlib.Path(path) for path in written]
        names = ["/".join(path.parts[-3:]) for path in paths]
        assert names == ["blocks/11/" + "11" * 32 + ".safetensors", "blocks/33/" + "33" * 32 + ".window.safetensors",
                         "snapshots/55/" + "55" * 32 + ".safetensors"], names
        for path, expected in zip(paths, (APPEND, WINDOW, SNAPSHOT)):
            check(path, expected)
            data = path.read_bytes()
            header_bytes = 8 + int.from_bytes(data[:8], "little")
            assert header_bytes % 64 == 0, header_bytes
            must_refuse(path, data[:-1], expected, "a file cut short")
            must_refuse(path, data + b"\0", expected, "a trailing byte")
            must_refuse(path, data.replace(b'"first_position":"', b'"first_position":"1', 1), expected, "another position")
            must_refuse(path, data[:header_bytes] + b"\xff" + data[header_bytes + 1:], expected, "another row")
            must_refuse(path, data[:-1] + b"\x55", expected, "another token")
    print(f"{len(paths)} files are as documented")


if __name__ == "__main__":
    main()
