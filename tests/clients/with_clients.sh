#!/usr/bin/env bash
# with_clients.sh REPOSITORY PROGRAM MODEL [--without-memory] python|node|bash SCRIPT: run_client.py with the interpreter in
# which that kind of client is installed.
set -euo pipefail
repository=$1 program=$2 model=$3
shift 3
options=()
if [ "$1" = --without-memory ]; then options=("$1"); shift; fi
case "$1" in
    python) interpreter=$repository/.venv-clients/bin/python ;;
    node) interpreter=$(echo "$repository"/tests/clients/node_modules/node-linux-*/bin/node) ;;
    *) interpreter=$(command -v "$1") ;;
esac
if [ ! -x "$interpreter" ]; then
    echo "the clients are not installed ($interpreter is missing): run scripts/setup.sh test" >&2
    exit 1
fi
# What a user's own settings would add to the clients.
unset OPENAI_API_KEY ANTHROPIC_API_KEY OPENAI_BASE_URL ANTHROPIC_BASE_URL ANTHROPIC_AUTH_TOKEN LANGSMITH_TRACING
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
exec python3 "$repository/tests/clients/run_client.py" "$program" "$model" "${options[@]}" "$interpreter" "$2"
