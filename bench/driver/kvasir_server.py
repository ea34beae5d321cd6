"""`kvasir serve` under test."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .machine import MemoryGroup
from .server import HOST, Conflict, Server


@dataclass(frozen=True)
class Room:
    """What both servers are given alike."""

    model: Path
    agents: int = 1
    context: int = 8192
    threads: int = 2
    kv_type: str = "f16"
    gpu_layers: int = 0

    def on_the_gpu(self) -> list[str]:
        return ["-ngl", str(self.gpu_layers)] if self.gpu_layers else []


class KvasirServer(Server):
    name = "kvasir"
    ready_path = "/ready"

    def __init__(self, program: Path, home: Path, room: Room, options: list[str] | None = None,
                 group: MemoryGroup | None = None) -> None:
        super().__init__(home, group)
        self._program, self._room, self._options = program, room, options or []

    def command(self) -> list[str]:
        room = self._room
        return [str(self._program), "serve", "--home", str(self.home / "store"), "--model", str(room.model), "--host", HOST,
                "--port", str(self.port), "--ctx-size", str(room.context), "--max-agents", str(room.agents),
                "--threads", str(room.threads), "-ctk", room.kv_type, "-ctv", room.kv_type, "--temp", "0",
                "--disk-budget", "40GB", "--disk-free-min", "1GB", *room.on_the_gpu(), *self._options]

    def headers(self, agent: str) -> dict[str, str]:
        return {"X-Kvasir-Agent": agent}

    def settle(self, agents: list[str]) -> None:
        for agent in agents:
            self._retried("POST", f"/agents/{agent}/save")

    def _retried(self, method: str, path: str) -> Any:
        """The agent is in the middle of a turn for a moment after its answer: it is being saved."""
        for _ in range(6000):
            try:
                return self.call(method, path, {})
            except Conflict:
                time.sleep(0.005)
        raise RuntimeError(f"{path}: in the middle of a turn for too long")

    def evict(self, agent: str) -> Any:
        return self._retried("POST", f"/agents/{agent}/evict")

    def load(self, agent: str) -> Any:
        return self._retried("POST", f"/agents/{agent}/load")

    def create(self, agent: str, system: str) -> Any:
        return self.call("POST", "/agents", {"name": agent, "system_prompt": system})

    def cache(self, agent: str) -> Any:
        return self.call("GET", f"/agents/{agent}/cache")

    def memory(self) -> Any:
        return self.call("GET", "/memory")

    def kv_bytes_of(self, agent: str) -> int:
        cache = self.cache(agent)
        return int(cache["append_bytes"] + cache["window_bytes"] + cache["snapshot_bytes"])

    def metric(self, name: str) -> float:
        found = re.search(rf"^kvasir_{name}(?:\{{[^}}]*\}})? (\S+)$", self.call("GET", "/metrics"), re.MULTILINE)
        if not found:
            raise RuntimeError(f"/metrics has no kvasir_{name}")
        return float(found.group(1))

    def kv_files(self) -> dict[str, int]:
        """Their sizes. A name stands for content: what was written again has another one."""
        store = self.home / "store"
        return {str(f.relative_to(store)): f.stat().st_size for folder in ("blocks", "snapshots")
                for f in (store / folder).rglob("*.safetensors")}

    def store_files(self) -> list[Path]:
        return [f for f in (self.home / "store").rglob("*") if f.is_file() and f.name not in ("reserve", "log")]
