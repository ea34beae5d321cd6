#!/usr/bin/env bash
# Measures on the demo model or on a model of yours (KVASIR_BENCH_MODEL); writes bench-out/ and prints the table.
set -euo pipefail
. "$(dirname "$0")/common.sh"

mkdir -p bench-out
model=()
[ -z "${KVASIR_BENCH_MODEL:-}" ] || model=(-m "$KVASIR_BENCH_MODEL")
./kvasir bench "${model[@]}" --out "bench-out/$(date -u +%Y%m%dT%H%M%SZ).json"
