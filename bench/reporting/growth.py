"""How figures grow with the context and with the number of stored agents: curves, exponents, plots."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from driver.stats import growth_exponent

from .read import Result
from .svg_plot import Points, plot
from .tables import number, table

EXTENDED = {"kind": "extended"}


@dataclass(frozen=True)
class Curve:
    name: str
    what: str
    server: str
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Plot:
    file: str
    title: str
    protocol: str
    along: str
    unit: str
    curves: tuple[Curve, ...]


def _first(name: str, state: str, server: str = "kvasir") -> Curve:
    return Curve(name, "first token", server, (("state", state), ("kind", "extended")))


PLOTS = (
    Plot("first-token", "First token of an extended prompt", "first_token", "size", "ms", (
        _first("cold", "cold"), _first("resident", "resident"), _first("after a restart, page-cached", "page-cached"),
        _first("after a restart, from disk", "page cache dropped"), _first("llama-server, cold", "cold", "llama-server"),
        _first("llama-server, slot by hand", "page-cached", "llama-server"))),
    Plot("restore", "Restore", "first_token", "size", "ms", (
        Curve("page-cached", "restore", "kvasir", (("state", "page-cached"), ("kind", "extended"))),
        Curve("from disk", "restore", "kvasir", (("state", "page cache dropped"), ("kind", "extended"))),
        Curve("llama-server, slot", "slot restore", "llama-server", (("state", "page-cached"),)))),
    Plot("written", "KV bytes written by a turn of 32 tokens", "written", "size", "B", (
        Curve("kvasir", "KV bytes written", "kvasir"), Curve("all by the process", "written by the process", "kvasir"),
        Curve("llama-server, slot file", "KV bytes written", "llama-server"))),
    Plot("stall", "Longest gap of another stream", "stall", "size", "ms", (
        Curve("save", "longest gap: save", "kvasir"), Curve("restore", "longest gap: restore", "kvasir"),
        Curve("prefill", "longest gap: prefill", "kvasir"), Curve("nothing", "longest gap: nothing", "kvasir"),
        Curve("llama-server, save", "longest gap: save", "llama-server"),
        Curve("llama-server, restore", "longest gap: restore", "llama-server"),
        Curve("llama-server, prefill", "longest gap: prefill", "llama-server"))),
    Plot("start", "Ready after the start", "start", "agents", "ms", (
        Curve("ready", "ready", "kvasir"), Curve("catalog from disk", "ready, catalog not in the page cache", "kvasir"))),
)


def points_of(result: Result, one: Plot, curve: Curve) -> Points:
    rows = result.rows(curve.what, server=curve.server, **dict(curve.keys))
    return [(row[one.along], row["median"]) for row in rows if row.get(one.along)]


def section(results: list[Result], folder: Path) -> Iterator[str]:
    yield "## Growth\n"
    yield ("The exponent b of y = a · x^b by least squares on logarithms; 0: it does not grow, 1: in proportion. `n` points. "
           "Of small figures the constant part hides the growth.\n")
    lines, pictures = [], []
    for one in PLOTS:
        for result in (r for r in results if r.protocol == one.protocol):
            series = {curve.name: points_of(result, one, curve) for curve in one.curves}
            for name, points in series.items():
                exponent = growth_exponent(points)
                if exponent is not None:
                    first, last = min(points), max(points)
                    lines.append([one.title, result.key, name, f"{exponent:.2f}", str(len(points)),
                                  f"{number(first[1])} → {number(last[1])} {one.unit} ({number(first[0])} → {number(last[0])})"])
            path = folder / f"{one.file}-{result.slug}.svg"
            ticks = sorted({x for points in series.values() for x, _ in points})
            along = "tokens" if one.along == "size" else "stored agents"
            if plot(path, f"{one.title}, {result.key}", along, one.unit, series, ticks):
                pictures.append(f"![{one.title}, {result.key}](performance/{path.name})")
    yield table(["figure", "shape", "of", "b", "n", "from → to"], lines) if lines else "Not measured.\n"
    yield "\n".join(pictures) + "\n"
