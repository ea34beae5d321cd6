# Sourced by train and evaluate: sets $python to one that has the pinned packages of requirements-$1.txt.
# shellcheck shell=bash
wanted=models/demo/requirements-$1.txt
environment=build/venv-demo-$1
# shellcheck disable=SC2034 # for those who source this
python=$environment/bin/python
made=$environment/.made-$(git hash-object "$wanted" | cut -c1-12)
if [ ! -f "$made" ]; then
    say "installing the pinned Python packages of $wanted"
    rm -rf "$environment"
    mkdir -p build
    { python3 -m venv "$environment" && "$environment/bin/pip" install -q --disable-pip-version-check --require-hashes -r "$wanted"; } >"build/venv-demo-$1.log" 2>&1 \
        || { tail -5 "build/venv-demo-$1.log" >&2; die "the packages of $wanted could not be installed. Check the network, then run this again; the whole log is build/venv-demo-$1.log."; }
    : > "$made"
fi
