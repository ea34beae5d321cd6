# Sourced by the shell tests beside it: run a command, look at its status and at what it printed.
# shellcheck shell=bash
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
checks=0

# expect NAME STATUS PATTERN COMMAND...: status 0 or "fails"; PATTERN (extended regular expression) in stdout and stderr.
expect() {
    local name=$1 status=$2 pattern=$3 rc=0
    shift 3
    checks=$((checks + 1))
    "$@" >"$work/output" 2>&1 || rc=$?
    if { [ "$status" = fails ] && [ "$rc" -eq 0 ]; } || { [ "$status" != fails ] && [ "$rc" -ne "$status" ]; }; then
        failures=$((failures + 1))
        printf 'FAILED %s: status %s, expected %s\n' "$name" "$rc" "$status"
        sed 's/^/    /' "$work/output"
    elif [ -n "$pattern" ] && ! grep -qE -- "$pattern" "$work/output"; then
        failures=$((failures + 1))
        printf 'FAILED %s: nothing like "%s" in\n' "$name" "$pattern"
        sed 's/^/    /' "$work/output"
    fi
}

finish() {
    printf '%s of %s checks as expected\n' "$((checks - failures))" "$checks"
    [ "$failures" -eq 0 ]
}
