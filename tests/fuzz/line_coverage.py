"""Line coverage of the parsers of one fuzz target, from `llvm-cov export -summary-only`, against a floor.

    line_coverage.py TARGET FLOOR_PERCENT FILE PARSER...

llvm-cov takes no relative paths, so the parsers (src/...) are picked here; one that the program does not have is an error.
"""

import json
import sys
from pathlib import Path


def main() -> int:
    target, floor, path = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    files = json.loads(path.read_text(encoding="utf-8"))["data"][0]["files"]
    wanted = {name.removeprefix("src/") for name in sys.argv[4:]}
    all_lines = {file["filename"].split("/src/")[-1]: file["summary"]["lines"] for file in files}
    lines = {name: found for name, found in all_lines.items() if name in wanted}
    below = 0
    for name in sorted(wanted - lines.keys()):
        below = 1
        print(f"{target:<15} {name:<36} is not in the program")
    for name, found in sorted(lines.items()):
        mark = ""
        if found["percent"] < floor:
            below, mark = 1, f"  below {floor:.0f} %"
        print(f"{target:<15} {name:<36} {found['covered']:>4} of {found['count']:>4} lines {found['percent']:6.1f} %{mark}")
    return below if lines else 1


if __name__ == "__main__":
    sys.exit(main())
