#!/usr/bin/env bash
# scripts/engine.sh: what it refuses, and what it says. Needs no network: npm is a stand-in that serves a small package;
# for the cases that must pass, a copy of the script with the pins of that small package. engine_script_test.sh ROOT
set -euo pipefail
root=$(cd "$1" && pwd)
. "$(dirname "$0")/expect.sh"

export HOME="$work/home" KVASIR_CACHE="$work/cache" GIT_CONFIG_NOSYSTEM=1
mkdir -p "$HOME" "$work/bin" "$work/package/llama"
git config --global user.email nobody@example.org
git config --global user.name nobody

# The small package: a git bundle of one commit inside a tgz, laid out like the real one.
git init -q -b main "$work/tree"
mkdir -p "$work/tree/include"
echo "// stand-in" > "$work/tree/include/llama.h"
git -C "$work/tree" add . && git -C "$work/tree" commit -q -m source
git -C "$work/tree" bundle create -q "$work/package/llama/gitRelease.bundle" HEAD main
tar -C "$work" -czf "$work/small.tgz" package
package_sha512=$(sha512sum "$work/small.tgz" | cut -d' ' -f1)
bundle_sha256=$(sha256sum "$work/package/llama/gitRelease.bundle" | cut -d' ' -f1)
tree=$(git -C "$work/tree" rev-parse 'HEAD^{tree}')

npm_that() {  # npm_that serves | fails
    case "$1" in
        serves) printf '#!/bin/sh\ncp "%s" .\n' "$work/small.tgz" ;;
        fails) printf '#!/bin/sh\nexit 1\n' ;;
    esac > "$work/bin/npm"
    chmod +x "$work/bin/npm"
}

script_with() {  # script_with SHA512 SHA256 TREE: a copy with these pins
    sed -E -e "s/^(readonly package_sha512=).*/\1\"$1\"/" -e "s/^(readonly bundle_sha256=).*/\1\"$2\"/" \
        -e "s/^(readonly tree=).*/\1\"$3\"/" "$root/scripts/engine.sh" > "$work/engine.sh"
    chmod +x "$work/engine.sh"
}

export PATH="$work/bin:$PATH"
real="$root/scripts/engine.sh"
other=$(printf '0%.0s' $(seq 64))

npm_that fails
expect "no network" 1 "could not fetch node-llama-cpp.*Check the network.*-DKVASIR_LLAMA_DIR" "$real" source
npm_that serves
expect "another package than the pinned one" 1 "another SHA-512 than the pinned one. It was not used" "$real" source
expect "nothing of a refused package stays" 0 "^0$" sh -c "find '$KVASIR_CACHE' -name 'llama-src-*' | wc -l"
expect "no half-fetched folder stays" 0 "^0$" sh -c "find '$KVASIR_CACHE' -name 'fetch.*' | wc -l"

script_with "$package_sha512" "$other" "$tree"
expect "another bundle" 1 "bundle inside .* is not the pinned one" "$work/engine.sh" source
script_with "$package_sha512" "$bundle_sha256" "${other:0:40}"
expect "another tree" 1 "is not tree 0000.*It was not used" "$work/engine.sh" source
script_with "$package_sha512" "$bundle_sha256" "$tree"
expect "control: the right pins pass" 0 "^$KVASIR_CACHE/llama-src-${tree:0:12}$" "$work/engine.sh" source
npm_that fails
expect "what is there is not fetched again" 0 "^$KVASIR_CACHE/llama-src-${tree:0:12}$" "$work/engine.sh" source
rm "$KVASIR_CACHE/llama-src-${tree:0:12}/.verified"
expect "a half-finished source is not used" 1 "Check the network" "$work/engine.sh" source

mkdir "$work/empty"
expect "a folder without llama.cpp" 1 "is no llama.cpp checkout" "$real" build "$work/empty"
expect "an unknown target" 1 "unknown target 'everything'" "$real" build "$work/tree" everything
expect "no command" 2 "scripts/engine.sh source" "$real"

# A source that cannot be configured: the sentence names the log. Two different sources never share a build.
expect "a source that does not configure" 1 "could not be configured; the whole log is" "$real" build "$work/tree"
echo "// changed" >> "$work/tree/include/llama.h"
expect "a changed checkout" 1 "could not be configured" "$real" build "$work/tree"
expect "has a build of its own" 0 "^2$" sh -c "find '$KVASIR_CACHE' -name configure.log | wc -l"
finish
