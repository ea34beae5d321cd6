#!/usr/bin/env bash
# Measures, writes bench-out/ and prints what was found; then writes bench-out/performance.md of all that is in bench-out/.
# What runs (KVASIR_BENCH, default all of them; about three hours on two quiet cores):
#
#   first_token rates active written stall taking_turns shared capacity start recall     the goals
#   staggered routing interrogation replay original                                      workloads, and the original document
#   idle        thousands of idle and some rude clients beside good ones
#   overhead    what HTTP and the scheduler add to the engine
#   turns       load, save, restore and first tokens inside one process, on the demo model or yours (KVASIR_BENCH_MODEL)
#   mlx         mlx-lm's prompt cache on the CPU, where it installs
#   micro       codec, hashes, store and planner alone
#   report      the page alone, of what was measured before
#   publish     docs/performance.md, its plots, and the results behind it
#
# KVASIR_BENCH_SHAPES (default "qwen3-0.6b"; several are measured one after another), KVASIR_BENCH_SIZES (tokens, with
# commas), KVASIR_BENCH_REPETITIONS, KVASIR_BENCH_PROGRAM (another kvasir than the one built here), KVASIR_BENCH_PEER (a
# llama-server; none: without; not given: built from the same source, 10 minutes once).
set -euo pipefail
. "$(dirname "$0")/common.sh"

mkdir -p bench-out
stamp=$(date -u +%Y%m%dT%H%M%SZ)
repetitions=${KVASIR_BENCH_REPETITIONS:-3}
read -ra shapes <<<"${KVASIR_BENCH_SHAPES:-qwen3-0.6b}"
demo=models/demo/kvasir-demo.gguf
program=${KVASIR_BENCH_PROGRAM:-build/release/src/app/kvasir}

peer_known=
peer() {  # sees to the llama-server to measure beside
    [ -z "$peer_known" ] || return 0
    peer_known=yes
    if [ "${KVASIR_BENCH_PEER:-}" = none ]; then
        KVASIR_BENCH_PEER=
    elif [ -z "${KVASIR_BENCH_PEER:-}" ]; then
        KVASIR_BENCH_PEER="$(scripts/engine.sh build "$(scripts/engine.sh source)" server)/bin/llama-server"
        [ -x "$KVASIR_BENCH_PEER" ] || die "$KVASIR_BENCH_PEER was not built."
    fi
    export KVASIR_BENCH_PEER
}

# protocol NAME OPTIONS...: with what KVASIR_BENCH_SIZES and KVASIR_BENCH_REPETITIONS say in place of the options.
protocol() {
    local given=()
    [ -z "${KVASIR_BENCH_SIZES:-}" ] || given+=(--sizes "$KVASIR_BENCH_SIZES")
    [ -z "${KVASIR_BENCH_REPETITIONS:-}" ] || given+=(--repetitions "$KVASIR_BENCH_REPETITIONS")
    python3 bench/run.py "$1" --program "$program" --repetitions 3 "${@:2}" "${given[@]}" || die "$1 failed; the lines above say why."
}

with_shapes() {  # NAME OPTIONS...: for every shape, beside llama-server
    peer
    local shape
    for shape in "${shapes[@]}"; do protocol "$1" --shape "$shape" "${@:2}"; done
}

# Minutes on two quiet cores, by an estimate for qwen3-0.6b; llama3.2-1b takes twice as long.
bench_rates() { with_shapes rates --sizes 512,2048,4096; }                                       # 6
bench_active() { with_shapes active; }                                                           # 4
bench_first_token() { with_shapes first_token --sizes 1024,2048,4096,8192; }                     # 30
bench_written() { with_shapes written --sizes 1024,2048,4096,8192; }                             # 4
bench_stall() { with_shapes stall --sizes 1024,2048,4096; }                                      # 15
bench_taking_turns() { with_shapes taking_turns --sizes 1024 --repetitions 1; }                  # 10
bench_shared() { with_shapes shared; }                                                           # 3
bench_staggered() { with_shapes staggered --sizes 2048; }                                        # 8
bench_routing() { with_shapes routing --sizes 2048; }                                            # 15
bench_interrogation() { with_shapes interrogation --repetitions 1; }                             # 6
bench_replay() { with_shapes replay --sizes 8192; }                                              # 20
bench_original() { protocol original --shape gemma3-4b --sizes 1024; }                           # 15
bench_capacity() { protocol capacity --shape gemma3-12b --layers 6 --sizes 8192; }               # 3
bench_start() { protocol start --shape demo --threads 1; }                                       # 8
bench_recall() { protocol recall --shape demo --threads 1; }                                     # 5

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

build_programs() {
    scripts/setup.sh bench
    say "building $*"
    cmake -DKVASIR_BENCHMARKS=ON build/release >build/bench-configure.log || die "configuring failed: build/bench-configure.log"
    cmake --build build/release --target "$@" -j "$jobs" || die "the build failed; the lines above say where."
}

bench_overhead() {
    build_programs kvasir_overhead
    [ -s bench-out/shape-1b.gguf ] || ./kvasir synth --shape llama3.2-1b --vocabulary 32000 --out bench-out/shape-1b.gguf
    say "overhead (some minutes)"
    build/release/bench/kvasir_overhead bench-out/shape-1b.gguf "$repetitions" 32 | tee "bench-out/overhead-$stamp.txt"
}

bench_micro() {
    build_programs kvasir_micro
    say "micro-benchmarks (a minute)"
    (cd bench-out && ../build/release/bench/kvasir_micro --benchmark_repetitions="$repetitions" --benchmark_report_aggregates_only=true \
        --benchmark_out="micro-$stamp.json" --benchmark_out_format=json)
}

bench_mlx() {
    local venv=build/venv-mlx stamp
    stamp="$venv/.made-$(git hash-object bench/requirements.txt | cut -c1-12)"
    if [ ! -f "$stamp" ]; then
        say "installing the pinned mlx-lm (a minute)"
        rm -rf "$venv"
        { python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r bench/requirements.txt; } >build/mlx.log 2>&1 \
            || { say "mlx-lm does not install here, so it is left out; the whole log is build/mlx.log"; return 0; }
        : > "$stamp"
    fi
    "$venv/bin/python" bench/mlx_prompt_cache.py --repetitions "$repetitions"
}

bench_idle() {
    say "idle streams (some minutes)"
    python3 bench/idle_streams.py "$program" "$demo" --repetitions "$repetitions" --out "bench-out/idle-$stamp.json"
}

bench_report() { :; }  # below, always
bench_publish() { python3 bench/report.py --keep; }

all="rates active first_token written stall taking_turns shared capacity start recall staggered routing interrogation replay original
    idle overhead turns mlx micro"
for part in ${KVASIR_BENCH:-$all}; do
    declare -F "bench_$part" >/dev/null || die "there is no benchmark '$part'; there are ${all//$'\n'/}, report and publish."
    "bench_$part"
done
python3 bench/report.py --out bench-out/performance.md
