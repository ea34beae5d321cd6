"""llama-server of the same llama.cpp source under test, with the flags that do most for many agents.

The same threads, KV types and batch sizes as Kvasir's; one pool of KV cells for all slots; idle slots kept in host memory
(`--cache-ram`); slots saved to and restored from files by hand, since it does neither by itself. `ignore_eos` so that
answers have the length asked for. Where it matters how cells are laid out, other pools are measured beside that one.
"""

from enum import Enum
from pathlib import Path
from typing import Any

from .kvasir_server import Room
from .machine import MemoryGroup
from .server import HOST, Server

BATCH_TOKENS = 512  # Kvasir's


class Pool(Enum):
    """How the cells of slots are laid out: a name and flags."""

    ONE = ("llama-server", ("--kv-unified",))  # idle slots leave it for host memory when another is asked
    ONE_KEPT = ("llama-server, idle slots stay", ("--kv-unified", "--no-cache-idle-slots"))
    SPLIT = ("llama-server, a part for each slot", ("--no-kv-unified", "--no-cache-idle-slots"))


class LlamaServer(Server):
    def __init__(self, program: Path, home: Path, room: Room, cache_ram_mib: int = 8192, pool: Pool = Pool.ONE,
                 group: MemoryGroup | None = None) -> None:
        super().__init__(home, group)
        self._program, self._room, self._cache_ram_mib = program, room, cache_ram_mib
        self.name, self._pool_flags = pool.value
        (home / "slots").mkdir(exist_ok=True)

    def command(self) -> list[str]:
        room = self._room
        return [str(self._program), "-m", str(room.model), "--host", HOST, "--port", str(self.port),
                "-c", str(room.context * room.agents), "-np", str(room.agents), *self._pool_flags,
                "-t", str(room.threads), "-tb", str(room.threads), "-b", str(BATCH_TOKENS), "-ub", str(BATCH_TOKENS),
                "-ctk", room.kv_type, "-ctv", room.kv_type, "-fa", "on", "--cache-ram", str(self._cache_ram_mib),
                "--slot-save-path", str(self.home / "slots"), "--jinja", "--no-ui", *room.on_the_gpu()]

    def body(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"cache_prompt": True, "ignore_eos": True, "timings_per_token": False, **options}

    def save_slot(self, slot: int, file: str) -> Any:
        return self.call("POST", f"/slots/{slot}?action=save", {"filename": file})

    def restore_slot(self, slot: int, file: str) -> Any:
        return self.call("POST", f"/slots/{slot}?action=restore", {"filename": file})

    def slot_file(self, file: str) -> Path:
        return self.home / "slots" / file
