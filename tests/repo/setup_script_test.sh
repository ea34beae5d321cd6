#!/usr/bin/env bash
# scripts/setup.sh: what it installs and what it says, on systems played by stand-ins for apt-get, dpkg-query and sudo.
# setup_script_test.sh ROOT
set -euo pipefail
root=$(cd "$1" && pwd)
. "$(dirname "$0")/expect.sh"

copy="$work/repo"
mkdir -p "$copy/scripts" "$work/bin" "$work/few"
cp "$root"/scripts/*.sh "$copy/scripts/"
cp "$root/requirements.txt" "$copy/"
mkdir "$copy/.venv"
: > "$copy/.venv/.made-$(git hash-object "$root/requirements.txt" | cut -c1-12)"  # its making needs the network
mkdir -p "$copy/tests/clients" "$copy/.venv-clients"
cp "$root"/tests/clients/requirements.txt "$root"/tests/clients/package-lock.json "$copy/tests/clients/"
clients_stamp="$copy/.venv-clients/.made-$(cd "$root/tests/clients" && git hash-object requirements.txt package-lock.json | git hash-object --stdin | cut -c1-12)"
: > "$clients_stamp"
mkdir -p "$copy/tests/hostile" "$copy/.venv-hostile"
cp "$root"/tests/hostile/requirements.txt "$copy/tests/hostile/"
fuzzer_stamp="$copy/.venv-hostile/.made-$(git hash-object "$root/tests/hostile/requirements.txt" | cut -c1-12)"
: > "$fuzzer_stamp"

stand_in() { printf '#!/bin/bash\n%s\n' "$2" > "$work/bin/$1"; chmod +x "$work/bin/$1"; }
# shellcheck disable=SC2016  # text of a script
installed_all='for name in "$@"; do case "$name" in -*) ;; *) echo "$name installed" ;; esac; done'
installed_some="$installed_all | grep -v -e libfmt-dev -e libedit-dev"
for tool in g++ cmake ninja ccache npm pkg-config clang++-14 clang-format-14 clang-tidy-14 shellcheck llvm-cov-14; do stand_in "$tool" ''; done
stand_in python3 ''
stand_in id 'echo 0'
stand_in apt-get "echo \"apt-get \$*\" >> '$work/apt.log'"
setup() { : > "$work/apt.log"; PATH="$work/bin:$PATH" "$copy/scripts/setup.sh" "$@"; }

stand_in dpkg-query "$installed_all"
expect "nothing missing" 0 "" setup build
expect "then apt-get is not called" 0 "^0$" sh -c "wc -l < '$work/apt.log'"

stand_in dpkg-query "$installed_some"
expect "two libraries missing" 0 "installing 2 Debian packages: libedit-dev libfmt-dev" setup build
expect "only these are installed" 0 "install --no-install-recommends libedit-dev libfmt-dev$" cat "$work/apt.log"

stand_in apt-get "[ \"\${*: -1}\" != update ]"
expect "no package lists" 1 "package lists could not be read. Check the network" setup build
stand_in apt-get "case \"\$*\" in *install*) exit 100 ;; esac"
expect "a package that cannot be had" 1 "could not be installed. This list is for Debian 12" setup build

stand_in id 'echo 1000'
rm -f "$work/bin/sudo"
no_sudo="$work/bin"
for tool in bash sh cat grep sed awk sort comm git cut mkdir basename dirname getconf tail env rm date; do
    ln -sf "$(command -v "$tool")" "$work/few/$tool"
done
expect "neither root nor sudo" 1 "there is no sudo. As root, run: apt-get install" env PATH="$no_sudo:$work/few" "$copy/scripts/setup.sh" build

rm "$work/bin/apt-get" "$work/bin/cmake"
expect "not Debian, a tool missing" 1 "no Debian system.*Missing tools: cmake.*brew install cmake" env PATH="$no_sudo:$work/few" "$copy/scripts/setup.sh" build
stand_in cmake ''
expect "not Debian, all tools there" 0 "" env PATH="$no_sudo:$work/few" "$copy/scripts/setup.sh" build
stand_in id 'echo 0'
stand_in apt-get ''
stand_in dpkg-query "$installed_all"
stand_in python3 'exit 1'  # neither venv nor pip
expect "tests need python3-venv" 0 "installing 1 Debian packages: python3-venv" setup test
rm "$fuzzer_stamp"
expect "tests without the API fuzzer" 1 "packages of tests/hostile could not be installed. Check the network" setup test
mkdir "$copy/.venv-hostile"
: > "$fuzzer_stamp"
expect "fuzzing needs no clients and no .venv" 0 "" setup fuzz
rm "$clients_stamp"
expect "tests without the clients" 1 "packages of tests/clients could not be installed. Check the network" setup test
rm "$copy"/.venv/.made-*
expect "a build needs no .venv" 0 "" setup build
expect "tests without the Python packages" 1 "requirements.txt could not be installed. Check the network" setup test
expect "an unknown word" 2 "scripts/setup.sh build" setup everything
finish
