#!/usr/bin/env python3
"""Draws the real output of a command as a terminal picture.

    ./kvasir demo 2>&1 | python3 scripts/demo_svg.py './kvasir demo' > docs/demo.svg

Nothing is left out or changed: lines longer than the picture are wrapped, colour codes are removed.
"""
import html
import re
import sys

COLUMNS = 100
CHAR_WIDTH = 7.8
LINE_HEIGHT = 18
MARGIN = 16


def wrapped(line):
    line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line.rstrip("\n").split("\r")[-1]).expandtabs(4)
    return [line[i:i + COLUMNS] for i in range(0, len(line), COLUMNS)] or [""]


def main():
    command = sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)
    lines = [("prompt", "$ " + command)]
    lines += [("text", part) for line in sys.stdin for part in wrapped(line)]
    width = round(2 * MARGIN + COLUMNS * CHAR_WIDTH)
    height = 2 * MARGIN + LINE_HEIGHT * len(lines)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
          f'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13">')
    print(f'<rect width="{width}" height="{height}" rx="8" fill="#16181d"/>')
    for number, (kind, text) in enumerate(lines):
        colour = "#7fd1a0" if kind == "prompt" else "#d7dae0"
        y = MARGIN + LINE_HEIGHT * number + 13
        print(f'<text x="{MARGIN}" y="{y}" fill="{colour}" xml:space="preserve">{html.escape(text)}</text>')
    print("</svg>")


if __name__ == "__main__":
    main()
