# Sourced by the scripts beside it: where the repository is, and one way to talk. The name of the script is the prefix.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
script_name=$(basename "$0" .sh)
jobs=$(getconf _NPROCESSORS_ONLN)
export root jobs

say() { printf '%s: [%s s] %s\n' "$script_name" "$SECONDS" "$*" >&2; }
die() { printf '%s: error: %s\n' "$script_name" "$*" >&2; exit 1; }
