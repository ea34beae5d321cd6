"""Line coverage of the parsers of one fuzz target, from `llvm-cov export -summary-only`, against a floor.

    line_coverage.py TARGET FLOOR_PERCENT FILE
"""

import json
import sys
from pathlib import Path


def main() -> int:
    target, floor, path = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    files = json.loads(path.read_text(encoding="utf-8"))["data"][0]["files"]
    lines = {file["filename"].split("/src/")[-1]: file["summary"]["lines"] for file in files}
    below = 0
    for name, found in sorted(lines.items()):
        mark = ""
        if found["percent"] < floor:
            below, mark = 1, f"  below {floor:.0f} %"
        print(f"{target:<15} {name:<36} {found['covered']:>4} of {found['count']:>4} lines {found['percent']:6.1f} %{mark}")
    return below if lines else 1


if __name__ == "__main__":
    sys.exit(main())
