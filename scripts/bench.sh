#!/usr/bin/env bash
# Measures, writes bench-out/ and prints the tables. What runs (KVASIR_BENCH, default all of them):
#
#   turns      load, save, restore and first tokens, on the demo model or yours (KVASIR_BENCH_MODEL)
#   overhead   what HTTP and the scheduler add to the engine, on random weights of a 1B shape (0.6 GB in bench-out/)
#   idle       thousands of idle and some rude clients beside good ones
set -euo pipefail
. "$(dirname "$0")/common.sh"

mkdir -p bench-out
stamp=$(date -u +%Y%m%dT%H%M%SZ)
repetitions=${KVASIR_BENCH_REPETITIONS:-5}
demo=models/demo/kvasir-demo.gguf

bench_turns() {
    local model=() out="bench-out/turns-$stamp.json"
    [ -z "${KVASIR_BENCH_MODEL:-}" ] || model=(-m "$KVASIR_BENCH_MODEL")
    say "turns (some minutes)"
    ./kvasir "${model[@]}" --json bench --repetitions "$repetitions" >"$out" || die "the benchmark failed; the line above says why."
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
}

bench_overhead() {
    say "building the programs of the benchmark"
    cmake -DKVASIR_BENCHMARKS=ON build/release >build/bench-configure.log || die "configuring failed: build/bench-configure.log"
    cmake --build build/release --target kvasir_overhead kvasir_synth_model -j "$jobs" || die "the build failed; the lines above say where."
    [ -s bench-out/shape-1b.gguf ] || build/release/bench/kvasir_synth_model "$demo" bench-out/shape-1b.gguf
    say "overhead (some minutes)"
    build/release/bench/kvasir_overhead bench-out/shape-1b.gguf "$repetitions" 32 | tee "bench-out/overhead-$stamp.txt"
}

bench_idle() {
    say "idle streams (some minutes)"
    python3 bench/idle_streams.py build/release/src/app/kvasir "$demo" --repetitions "$repetitions" --out "bench-out/idle-$stamp.json"
}

for part in ${KVASIR_BENCH:-turns overhead idle}; do
    declare -F "bench_$part" >/dev/null || die "there is no benchmark '$part'; there are turns, overhead and idle."
    "bench_$part"
done
