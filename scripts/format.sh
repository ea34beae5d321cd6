#!/usr/bin/env bash
# Formats our C++ files, or says which ones are not formatted.
#
#   scripts/format.sh check | write
set -euo pipefail
. "$(dirname "$0")/common.sh"

mapfile -t files < <(find src tests -name node_modules -prune -o \( -name '*.h' -o -name '*.cpp' \) -print | sort)
case "${1:-}" in
    write) clang-format-14 -i "${files[@]}" ;;
    check) clang-format-14 --dry-run --Werror "${files[@]}" || die "some files are not formatted. Run 'make format'." ;;
    *) sed -n '2,4p' "$0" >&2; exit 2 ;;
esac
