"""Results as bench/run.py writes them, and the choice among several of one protocol and shape: quiet before noisy, then new."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass
class Result:
    path: Path
    data: dict[str, Any]

    @property
    def protocol(self) -> str:
        return str(self.data["protocol"])

    @property
    def shape(self) -> str:
        return str(self.data["model"]["shape"])

    @property
    def noisy(self) -> bool:
        return bool(self.data["noise"]["noisy"])

    @property
    def key(self) -> str:
        kv = "" if self.data["kv_type"] == "f16" else f", KV {self.data['kv_type']}"
        where = "GPU" if self.data.get("gpu_layers") else f"{self.data['threads']} threads"
        layers = f", {self.data['model']['layers']} layers" if self.data["model"].get("layers") else ""
        return f"{self.shape} ({self.data['model']['weights']}{layers}{kv}, {where})"

    @property
    def slug(self) -> str:
        """The same, as a part of a file's name."""
        return re.sub(r"[^a-z0-9.]+", "-", self.key.lower()).strip("-")

    def rows(self, what: str, **keys: Any) -> list[Row]:
        return [row for row in self.data["rows"] if row["what"] == what and all(row.get(k) == v for k, v in keys.items())]

    def row(self, what: str, **keys: Any) -> Row | None:
        found = self.rows(what, **keys)
        return found[0] if found else None

    def median(self, what: str, **keys: Any) -> float | None:
        row = self.row(what, **keys)
        return float(row["median"]) if row else None

    def values_of(self, key: str) -> list[Any]:
        return sorted({row[key] for row in self.data["rows"] if key in row})

    def servers(self) -> list[str]:
        return [name for name in ("kvasir", "llama-server") if any(row["server"] == name for row in self.data["rows"])]


def read_all(folder: Path) -> list[Result]:
    """The chosen ones, by protocol and shape."""
    chosen: dict[tuple[str, str], Result] = {}
    for path in sorted(folder.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or "protocol" not in data:
            continue
        result = Result(path, data)
        key = (result.protocol, result.key)
        if key not in chosen or (not result.noisy, result.data["at"]) >= (not chosen[key].noisy, chosen[key].data["at"]):
            chosen[key] = result
    return sorted(chosen.values(), key=lambda result: (result.protocol, result.data["model"]["file_bytes"]))


def newest(folder: Path, pattern: str) -> dict[str, Any] | None:
    """A file of another form: those of `idle` and `micro`."""
    found = sorted(folder.glob(pattern))
    return json.loads(found[-1].read_text(encoding="utf-8")) if found else None
