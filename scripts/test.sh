#!/usr/bin/env bash
# Builds and runs tests. The last thing printed is one ctest summary over all of them.
#
#   scripts/test.sh          every test, optimised build
#   scripts/test.sh asan     the tests of our own code under AddressSanitizer and UBSan
#   scripts/test.sh soak     the long tests of the optimised build (label soak; not part of the above)
#   scripts/test.sh tsan     the tests of our own code under ThreadSanitizer
set -euo pipefail
. "$(dirname "$0")/common.sh"

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1

run_ctest() {
    local dir=$1
    shift
    say "running tests"
    ctest --test-dir "$dir" -j "$jobs" --output-on-failure --no-tests=error --output-junit "$root/build/tests.xml" "$@"
}

case "${1:-all}" in
    all)
        scripts/build.sh release all
        run_ctest build/release -LE soak ;;
    asan)
        scripts/build.sh dev kvasir_tests
        run_ctest build/dev -LE soak ;;
    soak)
        scripts/build.sh release all
        run_ctest build/release -L soak --timeout 7200 ;;
    tsan)
        scripts/build.sh tsan kvasir_tests
        run_ctest build/tsan -LE soak ;;
    *) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
