#!/usr/bin/env bash
# clang-tidy over our source files. A file that passed is skipped until it, any header of ours or the configuration changes.
#
#   scripts/tidy.sh [FILE...]
set -euo pipefail
. "$(dirname "$0")/common.sh"

database=${KVASIR_TIDY_DATABASE:-build/release}
[ -f "$database/compile_commands.json" ] || die "no $database/compile_commands.json. Run 'make' first."
stamps=build/tidy
mkdir -p "$stamps"

newest=$(find src tests .clang-tidy -name '*.h' -newer "$stamps/.headers" 2>/dev/null || true)
if [ ! -f "$stamps/.headers" ] || [ -n "$newest" ] || [ .clang-tidy -nt "$stamps/.headers" ]; then
    find "$stamps" -name '*.ok' -delete
    : > "$stamps/.headers"
fi
if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(find src -name '*.cpp' | sort); fi

tidy_one() {
    local stamp="$2/${1//\//_}.ok" out
    [ "$stamp" -nt "$1" ] && return 0
    if out=$(clang-tidy-14 -p "$3" --quiet --extra-arg=-Wno-unknown-warning-option --warnings-as-errors='*' "$1" 2>/dev/null); then
        : > "$stamp"
        printf 'tidy: %s\n' "$1"
    else
        printf '%s\n' "$out"
        return 1
    fi
}
export -f tidy_one
printf '%s\n' "${files[@]}" | xargs -P "$jobs" -I{} bash -c 'tidy_one "$@"' tidy {} "$stamps" "$database" \
    || die "clang-tidy found something; see above."
