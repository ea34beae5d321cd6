#!/usr/bin/env bash
# Measures on the demo model or on a model of yours (KVASIR_BENCH_MODEL); writes bench-out/ and prints the table.
set -euo pipefail
. "$(dirname "$0")/common.sh"

mkdir -p bench-out
model=()
[ -z "${KVASIR_BENCH_MODEL:-}" ] || model=(-m "$KVASIR_BENCH_MODEL")
out="bench-out/$(date -u +%Y%m%dT%H%M%SZ).json"
say "measuring (some minutes)"
./kvasir "${model[@]}" --json bench --repetitions "${KVASIR_BENCH_REPETITIONS:-5}" >"$out" || die "the benchmark failed; the line above says why."
python3 - "$out" <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1]))
machine, model = result["machine"], result["model"]
print(f'{machine["cpu"]}, {machine["threads"]} threads; {model["name"]} ({model["description"]}); {result["prompt_tokens"]} prompt tokens')
print(f'{"milliseconds":<28}{"median":>10}{"min":>10}{"max":>10}{"samples":>9}')
for name, row in result["rows"].items():
    print(f'{name:<28}{row["median_ms"]:>10.1f}{row["min_ms"]:>10.1f}{row["max_ms"]:>10.1f}{row["samples"]:>9}')
PYTHON
say "written to $out"
