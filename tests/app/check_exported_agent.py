#!/usr/bin/env python3
"""Opens an exported agent with the safetensors package: it is what docs/format.md says, to others too.

    check_exported_agent.py FILE
"""
import json
import sys

import numpy
from safetensors import safe_open


def check(path):
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        assert metadata["format"] == "kvasir-agent" and metadata["format_version"] == "1", metadata
        for name in ("agent_id", "agent_type", "system_prompt", "timestamp", "cache_tokens", "model", "fingerprint",
                     "model.weights", "model.tokenizer", "conversation_history", "turns"):
            assert name in metadata, name
        history = json.loads(metadata["conversation_history"])
        assert [message["role"] for message in history[:2]] == ["system", "user"], history
        assert history[0]["content"] == metadata["system_prompt"], history
        cached = int(metadata["cache_tokens"])
        tokens = file.get_tensor("tokens")
        assert tokens.dtype == numpy.int32 and 0 < cached <= len(tokens), (tokens.dtype, cached, len(tokens))
        turns = json.loads(metadata["turns"])
        assert sum(turn["tokens"] for turn in turns) == len(file.get_tensor("turn_tokens"))
        keys = [name for name in file.keys() if name.endswith("/key")]
        assert keys, list(file.keys())
        for name in keys:
            rows = file.get_tensor(name)
            assert rows.shape[0] == cached, (name, rows.shape)
            assert file.get_tensor(name.replace("/key", "/value")).shape[0] == cached
            assert numpy.isfinite(rows.astype(numpy.float32)).all() and numpy.any(rows != 0), name
        assert file.get_tensor("mac").shape[1] == 32


if __name__ == "__main__":
    check(sys.argv[1])
