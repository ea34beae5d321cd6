"""The machine of a run: what it is, how busy others kept it, how fast it copies and reads, what it keeps in memory.

Linux only: /proc, posix_fadvise, mincore, control groups of version 1 or 2.
"""

import ctypes
import mmap
import os
import re
import resource
import subprocess
import time
from pathlib import Path

MIB = 1 << 20
CGROUP_ROOT = Path("/sys/fs/cgroup")


def describe() -> dict[str, object]:
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
    told = {"cpu": cpu.group(1) if cpu else "unknown", "cores": os.cpu_count(),
            "memory_bytes": int(memory.group(1)) * 1024 if memory else 0}
    if len(given_cores()) < (os.cpu_count() or 1):
        told["cores_given"] = len(given_cores())
    return {**told, "gpu": name} if (name := gpu_name()) else told


def given_cores() -> set[int]:
    """All of them, unless this program was bound to some (taskset)."""
    return os.sched_getaffinity(0)


def gpu_name() -> str:
    """Of the first one; nothing where there is none."""
    try:
        asked = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True,
                               text=True, check=False)
    except FileNotFoundError:
        return ""
    return asked.stdout.splitlines()[0].strip() if asked.returncode == 0 and asked.stdout.strip() else ""


def commit_of(root: Path) -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False).stdout.strip()
    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")


class OtherWork:
    """How much of the given cores others used meanwhile. Own servers count as own once they were waited for."""

    def __init__(self) -> None:
        self._busy_s, self._own_s, self._begin = self._busy(), self._own(), time.monotonic()
        self.load_before = os.getloadavg()[0]

    @staticmethod
    def _busy() -> float:
        wanted = {f"cpu{core}" for core in given_cores()}
        lines = [line.split() for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()]
        times = [[int(n) for n in line[1:]] for line in lines if line and line[0] in wanted]
        # Without idle and waiting for the disk.
        return sum(sum(fields[:3]) + sum(fields[5:8]) for fields in times) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _own() -> float:
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(use.ru_utime + use.ru_stime for use in both)

    def told(self) -> dict[str, float]:
        wall_s = time.monotonic() - self._begin
        others_s = max(0.0, (self._busy() - self._busy_s) - (self._own() - self._own_s))
        return {"wall_s": round(wall_s, 1), "load_before": self.load_before, "load_after": os.getloadavg()[0],
                "others_cpu_share": round(others_s / (wall_s * len(given_cores())), 4)}


def memcpy_per_s(size: int = 256 * MIB, times: int = 5) -> float:
    """Bytes a second of one thread, the best of some: both buffers were touched before."""
    source, target = memoryview(bytearray(os.urandom(MIB)) * (size // MIB)), memoryview(bytearray(size))
    best = 0.0
    for _ in range(times):
        begin = time.perf_counter()
        target[:] = source
        best = max(best, size / (time.perf_counter() - begin))
    return best


def sequential_read_per_s(folder: Path, size: int = 512 * MIB) -> float:
    """Bytes a second of a file of that folder that the page cache does not have."""
    path = folder / "sequential-read"
    piece = os.urandom(MIB)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    try:
        forget_pages([path])
        buffer = bytearray(4 * MIB)
        begin = time.perf_counter()
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
        return size / (time.perf_counter() - begin)
    finally:
        path.unlink()


def forget_pages(files: list[Path]) -> float:
    """Takes files out of the page cache; the share of their pages that stayed all the same."""
    pages = stayed = 0
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            count, resident = _pages_of(descriptor)
            pages, stayed = pages + count, stayed + resident
        finally:
            os.close(descriptor)
    return stayed / max(1, pages)


def _pages_of(descriptor: int) -> tuple[int, int]:
    size = os.fstat(descriptor).st_size
    if size == 0:
        return 0, 0
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    count = (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE
    where = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if where in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "mmap")
    states = ctypes.create_string_buffer(count)
    libc.mincore(where, size, states)
    libc.munmap(where, size)
    return count, sum(byte & 1 for byte in states.raw[:count])


class MemoryGroup:
    """A control group with a bound of memory, page cache included. Raises OSError where the machine does not let us."""

    def __init__(self, name: str, limit_bytes: int) -> None:
        old = (CGROUP_ROOT / "memory").is_dir()
        self._path = (CGROUP_ROOT / "memory" if old else CGROUP_ROOT) / f"kvasir-bench-{name}-{os.getpid()}"
        self._path.mkdir()
        self._usage = "memory.max_usage_in_bytes" if old else "memory.peak"
        (self._path / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(limit_bytes), encoding="ascii")
        self.limit_bytes = limit_bytes

    def join(self) -> None:
        """In the child, before it becomes the server."""
        (self._path / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def peak_bytes(self) -> int:
        return int((self._path / self._usage).read_text(encoding="ascii"))

    def remove(self) -> None:
        self._path.rmdir()
