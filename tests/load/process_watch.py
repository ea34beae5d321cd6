"""What a process holds, sampled from /proc and from its metrics, and the slope of a line through the samples."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

# What the operator is told to clear, and what is set aside once: neither is growth of the store.
NOT_COUNTED = {"quarantine", "reserve"}


@dataclass(frozen=True)
class Sample:
    at_s: float
    life: int  # how often the server was started before
    resident_bytes: int
    anonymous_bytes: int  # without what is mapped from files
    descriptors: int
    threads: int
    disk_bytes: int
    heap_bytes: int  # allocated and not freed, as the server's allocator counts it


@dataclass(frozen=True)
class Slope:
    mean: float
    part_per_hour: float  # of the mean
    error_per_hour: float  # standard error of it


def disk_bytes(home: Path) -> int:
    total = 0
    for folder, folders, files in os.walk(home):
        folders[:] = [name for name in folders if name not in NOT_COUNTED]
        for name in files:
            try:
                total += 0 if name in NOT_COUNTED else os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                pass  # a temporary file that was renamed meanwhile
    return total


def mappings(pid: int) -> dict[str, int]:
    """Resident bytes of each mapping, so that a later step can be told to be of the heap, a stack, a file."""
    resident: dict[str, int] = {}
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        if re.match(r"[0-9a-f]+-[0-9a-f]+$", words[0]):
            name = f"{words[0].split('-')[0]} {words[1]} {words[5] if len(words) > 5 else ''}"
        elif words[0] == "Rss:":
            resident[name] = int(words[1]) * 1024
    return resident


def take_sample(pid: int, home: Path, at_s: float, life: int, heap_bytes: int) -> Sample:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")

    def number(name: str) -> int:
        return int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE).group(1))

    return Sample(at_s, life, number("VmRSS") * 1024, number("RssAnon") * 1024, len(os.listdir(f"/proc/{pid}/fd")),
                  number("Threads"), disk_bytes(home), heap_bytes)


def fit_slope(points: list[tuple[float, float]]) -> Slope:
    """Least squares over (seconds, value)."""
    count = len(points)
    mean_t = sum(t for t, _ in points) / count
    mean_v = sum(v for _, v in points) / count
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    slope = sum((t - mean_t) * (v - mean_v) for t, v in points) / spread
    rest = sum((v - mean_v - slope * (t - mean_t)) ** 2 for t, v in points)
    error = (rest / max(count - 2, 1) / spread) ** 0.5
    return Slope(mean_v, slope * 3600 / mean_v, error * 3600 / mean_v)
