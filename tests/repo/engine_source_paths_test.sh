#!/usr/bin/env bash
# cmake/Engine.cmake: the three ways to name llama.cpp's source, up to the point where it would be built. The build itself is
# a stand-in that says which source it was given. engine_source_paths_test.sh ROOT LLAMA_SOURCE
set -euo pipefail
root=$(cd "$1" && pwd)
llama_source=$2
. "$(dirname "$0")/expect.sh"

mkdir -p "$work/project/scripts"
cat > "$work/project/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(engine_paths LANGUAGES NONE)
add_library(Threads::Threads INTERFACE IMPORTED)
include("$root/cmake/Engine.cmake")
CMAKE
cat > "$work/project/scripts/engine.sh" <<'SH'
#!/bin/sh
if [ "$1" = source ]; then echo /pinned; exit 0; fi
echo "building from $2" >&2
[ "$2" = /pinned ] || [ -f "$2/include/llama.h" ] || exit 1
echo /built
SH
chmod +x "$work/project/scripts/engine.sh"

# An archive of the real source's headers, as a release archive has them: one folder at the top.
mkdir -p "$work/llama.cpp-0.5.0"
cp -r "$llama_source/include" "$llama_source/LICENSE" "$work/llama.cpp-0.5.0/"
tar -C "$work" -czf "$work/llama.tar.gz" llama.cpp-0.5.0
right=$(sha256sum "$work/llama.tar.gz" | cut -d' ' -f1)
wrong=$(printf '0%.0s' $(seq 64))

configure() { rm -rf "$work/build"; cmake -S "$work/project" -B "$work/build" "$@"; }

expect "the pinned source" 0 "building from /pinned" configure
expect "a checkout of one's own" 0 "building from $llama_source\$" configure "-DKVASIR_LLAMA_DIR=$llama_source"
expect "a folder that is none" 1 "llama.cpp was not built" configure "-DKVASIR_LLAMA_DIR=$work"
expect "an archive with the right SHA-256" 0 "building from $work/build/_deps/kvasir_llama_source-src" \
    configure "-DKVASIR_LLAMA_URL=file://$work/llama.tar.gz" "-DKVASIR_LLAMA_SHA256=$right"
expect "control: the wrong SHA-256 is refused" 1 "does not match expected value" \
    configure "-DKVASIR_LLAMA_URL=file://$work/llama.tar.gz" "-DKVASIR_LLAMA_SHA256=$wrong"
expect "no SHA-256" 1 "needs KVASIR_LLAMA_SHA256" configure "-DKVASIR_LLAMA_URL=file://$work/llama.tar.gz"
finish
