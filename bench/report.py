#!/usr/bin/env python3
"""Writes docs/performance.md and its plots from what was measured (bench/run.py, bench/idle_streams.py, kvasir_micro).

    bench/report.py [--results bench-out] [--results docs/performance/results] [--out docs/performance.md] [--keep]

--keep copies the results that were used to docs/performance/results, so that the page can be written again.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))
from reporting import goals, growth, original  # noqa: E402
from reporting.read import Result, newest, read_all  # noqa: E402
from reporting.tables import human_bytes, number, spread, table  # noqa: E402

NOT_MEASURED = "not measured"


def head(results: list[Result]) -> Iterator[str]:
    yield "# Performance\n"
    yield ("Written by `bench/report.py` from the JSON that `make bench` leaves in `bench-out/`; the results that stand behind it are "
           "in `docs/performance/results`. Figures are medians, with the least and the most in brackets. Ratios were measured side by "
           "side in one run on one machine; absolute times mean nothing elsewhere. Models have true shapes and random weights "
           "(`kvasir synth`), since speed does not depend on weights. Why goals are missed: "
           "[where the time goes](performance/where-the-time-goes.md).\n")
    machines = {json.dumps(result.data["machine"], sort_keys=True) for result in results}
    for text in sorted(machines):
        machine = json.loads(text)
        yield (f"Machine: {machine['cpu']}, {machine['cores']} cores{given(machine)}, {human_bytes(machine['memory_bytes'])}"
               f"{', ' + machine['gpu'] if 'gpu' in machine else ''}.\n")
    commits = sorted({result.data["commit"] for result in results})
    yield f"Commits: {', '.join(commits)}. llama-server is built from the same llama.cpp source (`scripts/engine.sh build . server`).\n"
    if any(result.noisy for result in results):
        yield ("**Noisy**: while results marked so were measured, other programs used more than 5 % of the machine. Their ratios are "
               "hints, not findings.\n")


def given(machine: dict) -> str:
    return f", of which a run had {machine['cores_given']}" if "cores_given" in machine else ""


def summary(results: list[Result], idle: dict | None) -> Iterator[str]:
    yield "## Goals\n"
    lines = []
    for goal in goals.GOALS:
        verdicts = goal.verdicts(results)
        lines.append([str(goal.number), goal.text, state_of(verdicts), f"`{goal.command}`"])
    met = NOT_MEASURED if idle is None else ("met" if idle["memory_above_idle_bytes"] <= 24e6 else "**missed**")
    lines.append(["12", "3,000 idle streams: at most 24 MB", met, "`KVASIR_BENCH=idle make bench`"])
    yield table(["#", "goal", "state", "command"], sorted(lines, key=lambda line: int(line[0])))


def state_of(verdicts: list[goals.Verdict]) -> str:
    if not verdicts:
        return NOT_MEASURED
    good = sum(verdict.met for verdict in verdicts)
    noisy = " (noisy)" if any(verdict.result.noisy for verdict in verdicts) else ""
    return f"met, {good} of {len(verdicts)}{noisy}" if good == len(verdicts) else f"**missed**, {good} of {len(verdicts)} met{noisy}"


def each_goal(results: list[Result], idle: dict | None) -> Iterator[str]:
    for goal in goals.GOALS:
        if goal.number == 13:
            yield from idle_goal(idle)
        yield f"### {goal.number}. {goal.text}\n"
        verdicts = goal.verdicts(results)
        if not verdicts:
            yield "Not measured.\n"
            continue
        yield table(["shape", "what", "figure", ""], ([v.result.key + (", noisy" if v.result.noisy else ""), v.what, v.figure,
                                                       "met" if v.met else "**missed**"] for v in verdicts))
        for note in sorted({note for v in verdicts for note in v.result.data["notes"]}):
            yield f"Note: {note}.\n"


def idle_goal(idle: dict | None) -> Iterator[str]:
    yield "### 12. 3,000 idle streams: at most 24 MB\n"
    yield "Not measured.\n" if idle is None else (
        f"{idle['listeners']} streams, {idle['slow_readers']} slow readers, {idle['slow_senders']} slow senders: "
        f"{human_bytes(idle['memory_above_idle_bytes'])} above idle; p99 of a good client's chat turn "
        f"{number(idle['rows']['chat_p99_ms']['factor'])} times what it is without them.\n")


OTHER = ("staggered", "routing", "interrogation", "replay", "mlx_prompt_cache")
DETAIL = ("first_token", "rates", "active", "residents", "taking_turns")


def details(results: list[Result], protocols: tuple[str, ...], title: str) -> Iterator[str]:
    yield f"## {title}\n"
    for result in (r for r in results if r.protocol in protocols):
        yield f"### {result.protocol}, {result.key}{', noisy' if result.noisy else ''}\n"
        yield f"`{result.data['command']}`, {result.data['noise']['wall_s']:.0f} s\n"
        yield table(["server", "what", "of", "", "unit", "n"], ([row["server"], row["what"], keys_of(row), spread(row), row["unit"],
                                                               str(row["n"])] for row in result.data["rows"]))
        for note in result.data["notes"]:
            yield f"Note: {note}.\n"
    missing = [name for name in protocols if not any(r.protocol == name for r in results)]
    if missing:
        yield f"Not measured: {', '.join(missing)}.\n"


def keys_of(row: dict) -> str:
    known = ("server", "what", "unit", "values", "median", "min", "max", "n", "p99")
    return ", ".join(f"{key} {value}" for key, value in row.items() if key not in known)


def commands(results: list[Result]) -> Iterator[str]:
    yield "## Servers and flags\n"
    seen: set[str] = set()
    for result in results:
        for lines in result.data["servers"].values():
            seen.update(lines)
    yield "Ports are free ones, `WORK` is a directory of the run.\n"
    yield "```\n" + "\n".join(sorted(seen)) + "\n```\n"
    yield "llama-server saves and restores slots only when it is told to: the driver does so where \"by hand\" is said.\n"


def micro(found: dict | None) -> Iterator[str]:
    yield "## Parts alone\n"
    if found is None:
        yield "Not measured (`KVASIR_BENCH=micro make bench`).\n"
        return
    rows = [row for row in found["benchmarks"] if row.get("aggregate_name", "median") == "median"]
    yield table(["part", "time", "rate"], ([row["name"].removesuffix("_median"), f"{number(row['real_time'])} {row['time_unit']}",
                                            f"{human_bytes(row['bytes_per_second'])}/s" if "bytes_per_second" in row else ""] for row in rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "bench-out")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/performance.md")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    results, pictures = read_all(arguments.results), arguments.out.with_suffix("")
    idle, parts = newest(arguments.results, "idle-*.json"), newest(arguments.results, "micro-*.json")
    pieces = [*head(results), *summary(results, idle), "## Each goal\n", *each_goal(results, idle), *growth.section(results, pictures),
              *original.section(results), *details(results, OTHER, "Workloads"), *details(results, DETAIL, "All figures"), *micro(parts),
              *commands(results)]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(pieces), encoding="utf-8")
    if arguments.keep:
        (pictures / "results").mkdir(parents=True, exist_ok=True)
        for path in [result.path for result in results] + [path for pattern in ("idle-*.json", "micro-*.json")
                                                           for path in sorted(arguments.results.glob(pattern))[-1:]]:
            shutil.copy(path, pictures / "results" / path.name)
    print(f"{arguments.out}: {len(results)} results")


if __name__ == "__main__":
    main()
