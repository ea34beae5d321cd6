#!/usr/bin/env bash
# Installs what the build needs and is not there yet. Safe to run again; does nothing, in under a second, when all is there.
#
#   scripts/setup.sh build    compilers and libraries (the default)
#   scripts/setup.sh test     also .venv, with which tests read block files, the clients that tests run and the API fuzzer
#   scripts/setup.sh check    also the linters of `make check`
#   scripts/setup.sh fuzz     also the compiler and run-time library of `make fuzz`
#   scripts/setup.sh bench    also the library of the micro-benchmarks
set -euo pipefail
. "$(dirname "$0")/common.sh"

# Tools count as there when their command is found, however it was installed; libraries when Debian's package is.
tools=(g++:g++ cmake:cmake ninja:ninja-build ccache:ccache git:git npm:npm pkg-config:pkg-config python3:python3)
libraries=(ca-certificates libboost1.81-dev libcurl4-openssl-dev libssl-dev libsqlite3-dev libxxhash-dev libfmt-dev libspdlog-dev libcli11-dev
    libedit-dev libexpected-dev libgtest-dev libgmock-dev librapidcheck-dev)
check_tools=(clang++-14:clang-14 clang-format-14:clang-format-14 clang-tidy-14:clang-tidy-14 shellcheck:shellcheck)
fuzz_tools=(clang++-14:clang-14 llvm-cov-14:llvm-14)
brew_names="cmake ninja ccache node pkg-config python boost curl openssl@3 sqlite xxhash fmt spdlog cli11 tl-expected googletest google-benchmark"

missing_tools() {  # prints the packages whose command is not found
    local pair
    for pair in "$@"; do command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s\n' "${pair#*:}"; done
}

missing_libraries() {
    local installed
    installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${libraries[@]}" 2>/dev/null | awk '$2 == "installed" { print $1 }' || true)
    comm -23 <(printf '%s\n' "${libraries[@]}" | sort) <(printf '%s\n' "$installed" | sort)
}

install_packages() {
    local log=build/setup.log as_root=()
    mkdir -p build
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || die "these packages are missing and there is no sudo. As root, run: apt-get install --no-install-recommends $*"
        as_root=(sudo)
    fi
    say "installing $# Debian packages: $*"
    "${as_root[@]}" apt-get -q -o Acquire::Retries=3 update >"$log" 2>&1 \
        || { tail -5 "$log" >&2; die "the package lists could not be read. Check the network and /etc/apt/sources.list; the whole log is $log."; }
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends "$@" >>"$log" 2>&1 \
        || { tail -5 "$log" >&2; die "the packages could not be installed. This list is for Debian 12; elsewhere install the like of them and run make again. The whole log is $log."; }
    say "packages are there"
}

not_debian() {
    [ $# -eq 0 ] && return
    die "this is no Debian system, so nothing was installed. Missing tools: $*. With Homebrew: brew install $brew_names. Elsewhere install the like of: ${libraries[*]}. Then run make again."
}

make_venv() {
    local stamp
    stamp=".venv/.made-$(git hash-object requirements.txt | cut -c1-12)"
    [ -f "$stamp" ] && return
    say "making .venv with the pinned Python packages"
    rm -rf .venv
    mkdir -p build
    { python3 -m venv .venv && .venv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt; } >build/venv.log 2>&1 \
        || { tail -5 build/venv.log >&2; die "the Python packages of requirements.txt could not be installed. Check the network, then run this again; the whole log is build/venv.log."; }
    : > "$stamp"
}

# The SDKs and frameworks that tests/clients runs against the server, and the Node.js that runs the JavaScript ones.
install_clients() {
    local stamp log=build/clients.log
    stamp=".venv-clients/.made-$(git hash-object tests/clients/requirements.txt tests/clients/package-lock.json | git hash-object --stdin | cut -c1-12)"
    [ -f "$stamp" ] && return
    say "installing the pinned clients under test (Python and JavaScript, about a minute)"
    rm -rf .venv-clients tests/clients/node_modules
    mkdir -p build
    { python3 -m venv .venv-clients && .venv-clients/bin/pip install -q --disable-pip-version-check --require-hashes -r tests/clients/requirements.txt; } >"$log" 2>&1 \
        || { tail -5 "$log" >&2; die "the Python packages of tests/clients could not be installed. Check the network, then run this again; the whole log is $log."; }
    npm ci --prefix tests/clients --ignore-scripts --no-audit --no-fund >>"$log" 2>&1 \
        || { tail -5 "$log" >&2; die "the npm packages of tests/clients could not be installed. Check the network, then run this again; the whole log is $log."; }
    : > "$stamp"
    say "the clients are there"
}

# The fuzzer that tests/hostile makes requests with.
install_api_fuzzer() {
    local stamp
    stamp=".venv-hostile/.made-$(git hash-object tests/hostile/requirements.txt | cut -c1-12)"
    [ -f "$stamp" ] && return
    say "installing the pinned API fuzzer"
    rm -rf .venv-hostile
    mkdir -p build
    { python3 -m venv .venv-hostile && .venv-hostile/bin/pip install -q --disable-pip-version-check --require-hashes -r tests/hostile/requirements.txt; } >build/hostile.log 2>&1 \
        || { tail -5 build/hostile.log >&2; die "the Python packages of tests/hostile could not be installed. Check the network, then run this again; the whole log is build/hostile.log."; }
    : > "$stamp"
}

wanted=("${tools[@]}")
case "${1:-build}" in
    build|test) ;;
    check) wanted+=("${check_tools[@]}") ;;
    bench) libraries+=(libbenchmark-dev) ;;
    fuzz)
        wanted+=("${fuzz_tools[@]}")
        libraries+=(libclang-rt-14-dev) ;;
    *) sed -n '2,8p' "$0" >&2; exit 2 ;;
esac
mapfile -t missing < <(missing_tools "${wanted[@]}")
if [[ "${1:-build}" =~ ^(test|check)$ ]] && ! python3 -c 'import ensurepip' >/dev/null 2>&1; then missing+=(python3-venv); fi
if command -v apt-get >/dev/null 2>&1; then
    mapfile -t -O "${#missing[@]}" missing < <(missing_libraries)
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
else
    not_debian "${missing[@]}"
fi
if [[ "${1:-build}" =~ ^(test|check)$ ]]; then
    make_venv
    install_clients
    install_api_fuzzer
fi
