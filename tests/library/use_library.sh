#!/usr/bin/env bash
# use_library.sh CMAKE BUILD EXAMPLES MODEL CXX: installs the library into a new folder, builds the examples against it as a
# user would, runs them, and looks at what they say.
set -euo pipefail
cmake=$1 build=$2 examples=$3 model=$4 cxx=$5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() { echo "not so: $1" >&2; exit 1; }

"$cmake" --install "$build" --component library --prefix "$folder/prefix" > "$folder/install.log"
# Nothing of the source tree may be needed.
"$cmake" -S "$examples" -B "$folder/build" -DCMAKE_PREFIX_PATH="$folder/prefix" -DCMAKE_CXX_COMPILER="$cxx" \
    -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" > "$folder/configure.log"
"$cmake" --build "$folder/build" > "$folder/build.log" || { tail -30 "$folder/build.log"; fail "the examples compile"; }

cd "$folder"
build/remember store "$model" "Remember that the owner of the archive is Nora." > first.out 2> first.err
build/remember store "$model" "What is the owner of the archive?" > second.out 2> second.err
grep -q Nora second.out || fail "it remembers: $(cat second.out)"
grep -q "(disk)" second.err || fail "what it knew came from disk: $(cat second.err)"
build/branches store-b "$model" > branches.out
[ "$(grep -c Nora branches.out)" -ge 2 ] || fail "both ways on know the beginning: $(cat branches.out)"
# The control: another store knows nothing.
build/remember store-c "$model" "What is the owner of the archive?" > third.out 2> third.err
grep -q "(disk)" third.err && fail "a new store has nothing: $(cat third.err)"
if build/remember store "$folder/no-such.gguf" hello > fourth.out 2> fourth.err; then fail "a missing model is refused"; fi
[ "$(wc -l < fourth.err)" -eq 1 ] || fail "in one sentence: $(cat fourth.err)"
echo "installed, found, compiled, remembered"
