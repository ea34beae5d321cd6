"""What a run is given, and the servers it makes of it. Every command line that was used is kept for the result."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from .kvasir_server import KvasirServer, Room
from .llama_server import LlamaServer, Pool
from .machine import MemoryGroup
from .server import Server


def padded(tokens: int) -> int:
    """A context of so many tokens, as both servers round it."""
    return (tokens + 255) // 256 * 256


@dataclass
class Setting:
    program: Path
    llama: Path | None  # nothing: Kvasir alone
    model: Path
    shape: str
    work: Path  # stores and scratch files
    threads: int = 2
    kv_type: str = "f16"
    sizes: list[int] = field(default_factory=lambda: [1024, 2048, 4096, 8192])
    repetitions: int = 3
    counts: list[int] = field(default_factory=lambda: [10, 100, 1000, 10000])
    gpu_layers: int = 0
    tokens_by: int = 16  # what token counts of the workload are divided by
    _servers: list[Server] = field(default_factory=list)
    _commands: dict[str, list[str]] = field(default_factory=dict)
    _made: int = 0

    def room(self, agents: int = 1, context: int | None = None, kv_type: str | None = None) -> Room:
        return Room(self.model, agents, context or self.context(), self.threads, kv_type or self.kv_type,
                    self.gpu_layers)

    def context(self) -> int:
        """Of the largest size, with room for answers."""
        return padded(max(self.sizes) + 1024)

    def kvasir(self, room: Room, options: list[str] | None = None, group: MemoryGroup | None = None, home: Path | None = None) -> KvasirServer:
        server = KvasirServer(self.program, home or self._home("kvasir"), room, options, group)
        self._servers.append(server)
        return server

    def peer(self, room: Room, cache_ram_mib: int = 8192, group: MemoryGroup | None = None, pool: Pool = Pool.ONE) -> LlamaServer | None:
        if self.llama is None:
            return None
        server = LlamaServer(self.llama, self._home("llama-server"), room, cache_ram_mib, pool, group)
        self._servers.append(server)
        return server

    def both(self, room: Room, *pools: Pool) -> list[Server]:
        """Started, ours first; the peer with each of these pools."""
        peers = [self.peer(room, pool=pool) for pool in pools or (Pool.ONE,)]
        servers = [server for server in (self.kvasir(room), *peers) if server is not None]
        for server in servers:
            server.start()
        return servers

    def _home(self, name: str) -> Path:
        self._made += 1
        return self.work / f"{name}-{self._made}"

    def commands(self) -> dict[str, list[str]]:
        for server in self._servers:
            told = self._commands.setdefault(server.name, [])
            words = [Path(word).name if number == 0 or word.endswith(".gguf") else word.replace(str(self.work.resolve()), "WORK")
                     for number, word in enumerate(server.command())]
            line = " ".join(words).replace(f"--port {server.port}", "--port 0")
            line = re.sub(r"WORK/[a-z-]+-\d+", "WORK", line)
            if line not in told:
                told.append(line)
        return self._commands

    def remove_servers(self) -> None:
        self.commands()
        for server in self._servers:
            server.remove()
        self._servers.clear()


def in_turns(servers: list[Server], repetition: int) -> list[Server]:
    """A before B, then B before A: what drifts meets both."""
    return servers if repetition % 2 == 0 else servers[::-1]
