"""every_protocol.py PROGRAM BENCH OUT: runs all protocols in a small form and writes the report of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SMALL = ["--shape", "demo", "--sizes", "256", "--counts", "3,6", "--repetitions", "1", "--threads", "1"]
# recall has its own test (tests/demo), and takes a minute.
LEFT_OUT = {"recall"}


def main() -> None:
    program, bench, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    shutil.rmtree(out, ignore_errors=True)
    protocols = sorted({path.stem for path in (bench / "protocols").glob("[a-z]*.py")} - LEFT_OUT)
    alone = {name: value for name, value in os.environ.items() if name not in ("KVASIR_BENCH_PEER", "KVASIR_BENCH_TRACE")}
    subprocess.run([sys.executable, str(bench / "run.py"), *protocols, "--program", program, "--out", str(out), *SMALL],
                   check=True, env=alone)
    for name in protocols:
        files = list(out.glob(f"{name}-demo-*.json"))
        if len(files) != 1:
            sys.exit(f"{name} wrote {len(files)} results")
        result = json.loads(files[0].read_text(encoding="utf-8"))
        if not any(row["server"] == "kvasir" for row in result["rows"]):
            sys.exit(f"{name} measured nothing of Kvasir")
    subprocess.run([sys.executable, str(bench / "report.py"), "--results", str(out), "--out", str(out / "performance.md")], check=True)
    page = (out / "performance.md").read_text(encoding="utf-8")
    if "met" not in page or not list((out / "performance").glob("*.svg")):
        sys.exit("the report has no verdicts or no plots")
    left = [path for path in out.iterdir() if path.is_dir() and path.name not in ("performance", "models")]
    if left:
        sys.exit(f"stores were left behind: {left}")


if __name__ == "__main__":
    main()
