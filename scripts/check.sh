#!/usr/bin/env bash
# What a change must pass. Cheap checks first; stops at the first that fails. Set KVASIR_CHECK=lint to leave out the tests.
set -euo pipefail
. "$(dirname "$0")/common.sh"

say "format"
scripts/format.sh check

say "shell scripts"
git ls-files -co --exclude-standard -- '*.sh' .ci/run | xargs shellcheck -x -P SCRIPTDIR

say "rules for source files (layers, length, words)"
python3 tests/repo/source_rules.py .

scripts/build.sh release all
say "clang-tidy (files that did not change since they passed are skipped)"
scripts/tidy.sh

say "the other compiler"
scripts/build.sh clang all

[ "${KVASIR_CHECK:-}" = lint ] || scripts/test.sh
