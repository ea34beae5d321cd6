"""Numbers and tables in Markdown."""

from collections.abc import Iterable, Sequence


def number(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 10 ** digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def human_bytes(value: float | None) -> str:
    if value is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000 or unit == "GB":
            return f"{value:.3g} {unit}"
        value /= 1000
    return ""


def spread(row: dict | None, digits: int = 3) -> str:
    """Median and, in brackets, the least and the most."""
    if row is None:
        return "–"
    return f"{number(row['median'], digits)} ({number(row['min'], digits)}–{number(row['max'], digits)})"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    out += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(out) + "\n"
