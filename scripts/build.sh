#!/usr/bin/env bash
# Configures and builds one preset (CMakePresets.json); the engine is fetched and built first when it is not there.
#
#   scripts/build.sh PRESET [TARGET...]
set -euo pipefail
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || { sed -n '2,4p' "$0" >&2; exit 2; }
preset=$1
shift
targets=()
[ $# -eq 0 ] || targets=(--target "$@")

log="build/$preset-configure.log"
mkdir -p build
say "configuring $preset"
cmake --preset "$preset" >"$log" || { tail -5 "$log" >&2; die "configuring failed; the whole log is $log. A package missing? Run 'make setup'."; }
say "building $preset"
cmake --build --preset "$preset" "${targets[@]}" -j "$jobs" || die "the build failed; the lines above say where."
if [ "$preset" = release ] && [ -x build/release/src/app/kvasir ]; then
    ln -sfn build/release/src/app/kvasir kvasir
fi
say "$preset is built"
