"""What a protocol measured, as JSON: rows of samples with everything needed to do it again.

{"protocol", "machine", "commit", "command", "model", "servers": {name: [commands]}, "noise", "notes": [...],
 "rows": [{"server", "what", "unit", ...keys, "values": [...], "median", "min", "max", "n"}]}
"""

import datetime
import json
from pathlib import Path
from typing import Any

from . import machine
from .stats import quantile, spread

NOISY_SHARE = 0.05  # of the machine used by others


class Rows:
    def __init__(self) -> None:
        self._values: dict[tuple[tuple[str, Any], ...], list[float]] = {}
        self.notes: list[str] = []

    def add(self, server: str, what: str, unit: str, *values: float, **keys: Any) -> None:
        key = tuple({"server": server, "what": what, "unit": unit, **keys}.items())
        self._values.setdefault(key, []).extend(values)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def as_json(self) -> list[dict[str, Any]]:
        out = []
        for key, values in self._values.items():
            row = {**dict(key), **spread(values)}
            if len(values) >= 20:
                row["p99"] = quantile(values, 0.99)
            rounded = [float(f"{value:.6g}") for value in values]
            out.append({**row, "values": rounded if len(values) <= 50 else []})
        return out


def write(out: Path, protocol: str, rows: Rows, about: dict[str, Any], noise: dict[str, float]) -> Path:
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    path = out / f"{protocol}-{about['model']['shape']}-{stamp}.json"
    noise_told = {**noise, "noisy": noise["others_cpu_share"] > NOISY_SHARE}
    result = {"protocol": protocol, "at": stamp, "machine": machine.describe(), **about, "noise": noise_told,
              "notes": rows.notes, "rows": rows.as_json()}
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return path


def show(rows: Rows) -> None:
    for row in rows.as_json():
        keys = " ".join(f"{k}={v}" for k, v in row.items()
                        if k not in ("server", "what", "unit", "median", "min", "max", "n", "p99", "values"))
        print(f'{row["server"]:<13} {row["what"]:<34} {keys:<34} {row["median"]:>12.4g} {row["unit"]:<9}'
              f' ({row["min"]:.4g} to {row["max"]:.4g}, n={row["n"]})')
    for note in rows.notes:
        print("note:", note)
