"""Medians, spread and growth."""

import math
import statistics
from collections.abc import Sequence


def quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "n": len(values)}


def growth_exponent(points: Sequence[tuple[float, float]]) -> float | None:
    """b of y = a * x^b by least squares on logarithms; nothing when there are fewer than three points."""
    logs = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    if len(logs) < 3:
        return None
    mean_x, mean_y = (statistics.fmean(values) for values in zip(*logs))
    below = sum((x - mean_x) ** 2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / below if below else None
