"""Line plots on two logarithmic axes, as small SVG files. No library is needed for that."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

COLOURS = ("#1f5fa8", "#c2410c", "#15803d", "#7e22ce", "#b45309", "#0e7490", "#be123c", "#4d4d4d")
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 400, 70, 40, 200, 50
Points = Sequence[tuple[float, float]]


class Axis:
    def __init__(self, values: list[float], begin: float, end: float) -> None:
        self.low, self.high = math.log10(min(values)), math.log10(max(values))
        if self.high - self.low < 0.3:
            self.low, self.high = self.low - 0.2, self.high + 0.2
        self.begin, self.end = begin, end

    def at(self, value: float) -> float:
        return self.begin + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.begin)

    def ticks(self) -> list[float]:
        found = [step * 10.0 ** power for power in range(math.floor(self.low), math.ceil(self.high) + 1) for step in (1, 2, 5)]
        inside = [value for value in found if self.low - 1e-9 <= math.log10(value) <= self.high + 1e-9]
        return inside if len(inside) <= 9 else [value for value in inside if f"{value:e}".startswith("1.0")] or inside[::3]


def label(value: float) -> str:
    for bound, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= bound:
            return f"{value / (1e3 if unit == 'k' else bound):g}{unit}"
    return f"{value:g}"


def plot(path: Path, title: str, x_name: str, y_name: str, series: Mapping[str, Points], x_ticks: Sequence[float] = ()) -> bool:
    """False, and no file: there is nothing to show."""
    series = {name: [(x, y) for x, y in points if x > 0 and y > 0] for name, points in series.items()}
    series = {name: points for name, points in series.items() if len(points) >= 2}
    if not series:
        return False
    every = [point for points in series.values() for point in points]
    x, y = Axis([p[0] for p in every], LEFT, WIDTH - RIGHT), Axis([p[1] for p in every], HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
           f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_name)}</text>',
           f'<text transform="translate(16 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle">{escape(y_name)}</text>']
    for tick in x_ticks or x.ticks():
        out.append(f'<path d="M{x.at(tick):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                   f'<text x="{x.at(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{label(tick)}</text>')
    for tick in y.ticks():
        out.append(f'<path d="M{LEFT} {y.at(tick):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y.at(tick) + 4:.1f}" text-anchor="end">{label(tick)}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="6 4"' if "llama-server" in name else ""
        line = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in sorted(points))
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        out += [f'<circle cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" r="3" fill="{colour}"/>' for a, b in points]
        at = TOP + 10 + 18 * number
        out.append(f'<path d="M{WIDTH - RIGHT + 10} {at}h18" stroke="{colour}" stroke-width="2"{dash}/>'
                   f'<text x="{WIDTH - RIGHT + 34}" y="{at + 4}">{escape(name)}</text>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*out, "</svg>"]) + "\n", encoding="utf-8")
    return True
