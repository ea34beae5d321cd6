#!/usr/bin/env bash
# Fetches and builds the inference engine (llama.cpp), once, outside the build tree.
#
#   scripts/engine.sh source              print the directory of the pinned, verified source (fetched if missing)
#   scripts/engine.sh build [SRC] [T..]   build it (targets: libs by default, archs, server); print the build directory
#
# Everything but the one printed line goes to stderr. Can be run again at any time: what is there is kept, a
# half-finished step is done anew. KVASIR_CACHE moves the cache (default: ~/.cache/kvasir).
# KVASIR_ENGINE_FLAGS adds CMake flags (for example -DGGML_CUDA=ON); other flags give another cache entry.
set -euo pipefail

# The pin: npm package, its SHA-512, the git bundle inside it, the tree of its one commit (llama.cpp v0.5.0).
readonly package="node-llama-cpp@3.22.1"
readonly package_sha512="6e5b488a9b9699cd76dc7eed30880318a4ac4ab866865418795502e3c5d38d55bb5c624988927209d95333343f2e25a83e4183a5c2f816f883a60c3ba9f4e20f"
readonly bundle_sha256="5f5d1105d5df040738d87b8290e5d17e7362131cdcfdb0831618e0ea528b4a51"
readonly tree="fd570ef54b10ec5fecb739e7e04c8ce44a6f415a"
readonly build_wait_s=3600
readonly no_amx="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"

cache="${KVASIR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kvasir}"

say() { printf 'engine: %s\n' "$*" >&2; }
die() { printf 'engine: error: %s\n' "$*" >&2; exit 1; }
need() { command -v "$1" >/dev/null 2>&1 || die "'$1' is not installed. Run 'make setup' (Debian) or install it, then try again."; }
sha() { if command -v "sha$1sum" >/dev/null 2>&1; then "sha$1sum" "$2" | cut -d' ' -f1; else shasum -a "$1" "$2" | cut -d' ' -f1; fi; }

with_lock() {  # one set-up at a time; a second one waits instead of building the same files
    mkdir -p "$cache"
    exec 9>"$cache/engine.lock"
    if command -v flock >/dev/null 2>&1; then
        flock -n 9 || { say "another set-up is running, waiting for it"; flock -w "$build_wait_s" 9 || die "another set-up still holds $cache/engine.lock after $build_wait_s s. End it, then try again."; }
    fi
}

fetch_source() {
    local dest="$cache/llama-src-${tree:0:12}" tmp started=$SECONDS
    if [ -f "$dest/.verified" ]; then printf '%s\n' "$dest"; return; fi
    need git; need npm; need tar
    say "fetching llama.cpp v0.5.0 (npm package $package, 36 MB)"
    tmp=$(mktemp -d "$cache/fetch.XXXXXX")
    # shellcheck disable=SC2064  # expand now: tmp is local
    trap "rm -rf '$tmp'" EXIT
    (cd "$tmp" && npm pack "$package" --ignore-scripts --silent >/dev/null) \
        || die "could not fetch $package from the npm registry. Check the network, or give your own checkout with -DKVASIR_LLAMA_DIR=/path/to/llama.cpp."
    local tgz; tgz=$(ls "$tmp"/*.tgz)
    [ "$(sha 512 "$tgz")" = "$package_sha512" ] || die "the package $package has another SHA-512 than the pinned one. It was not used. Do not go on before you know why."
    tar -xzf "$tgz" -C "$tmp" package/llama/gitRelease.bundle
    [ "$(sha 256 "$tmp/package/llama/gitRelease.bundle")" = "$bundle_sha256" ] || die "the git bundle inside $package is not the pinned one. It was not used."
    rm -rf "$dest"
    git -c advice.detachedHead=false clone -q "$tmp/package/llama/gitRelease.bundle" "$tmp/src" 2>/dev/null
    [ "$(git -C "$tmp/src" rev-parse 'HEAD^{tree}')" = "$tree" ] || die "the source in $package is not tree $tree. It was not used."
    : > "$tmp/src/.verified"
    mv "$tmp/src" "$dest"
    say "source verified (tree ${tree:0:12}) in $((SECONDS - started)) s"
    printf '%s\n' "$dest"
}

cpu_key() {  # a native build runs on this kind of CPU only
    if [ -r /proc/cpuinfo ]; then grep -m1 -E '^(flags|Features)' /proc/cpuinfo | tr ' ' '\n' | sort | git hash-object --stdin
    else { sysctl -n machdep.cpu.brand_string 2>/dev/null || uname -m; } | git hash-object --stdin; fi | cut -c1-8
}

source_id() {  # names the content of a source: two different ones never share a build
    local src="$1" id=""
    if [ -e "$src/.git" ]; then  # not a folder inside somebody else's repository
        id=$(git -C "$src" rev-parse --short=12 'HEAD^{tree}' 2>/dev/null || true)
        if [ -n "$id" ] && ! git -C "$src" diff --quiet HEAD 2>/dev/null; then
            id="$id-$(git -C "$src" diff HEAD | git hash-object --stdin | cut -c1-8)"
        fi
    fi
    [ -n "$id" ] || id=$(cd "$src" && find . -type f -size -2048k -not -path './build*' -not -path './docs/*' -not -path './.git/*' | LC_ALL=C sort \
        | git hash-object --no-filters --stdin-paths | git hash-object --stdin | cut -c1-12)
    printf '%s\n' "$id"
}

build_engine() {
    local src="$1"; shift
    [ -f "$src/include/llama.h" ] || die "'$src' is no llama.cpp checkout (include/llama.h is missing)."
    need cmake; need git
    local id; id=$(source_id "$src")
    local flags=(-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON
        -DLLAMA_BUILD_COMMON=ON -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF
        -DLLAMA_BUILD_TESTS=ON -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
        -DLLAMA_OPENSSL=OFF -DGGML_OPENMP=OFF)
    # No AMX: gcc 12 drops what llama.cpp writes into a tile configuration before it loads it, and the first tile instruction
    # ends the process (docs/decisions/0035).
    case "$(uname -m)" in
        x86_64) flags+=("-DCMAKE_C_FLAGS=$no_amx" "-DCMAKE_CXX_FLAGS=$no_amx") ;;
    esac
    # shellcheck disable=SC2206  # several flags in one variable
    flags+=(${KVASIR_ENGINE_FLAGS:-})
    local flag_key; flag_key=$(printf '%s\n' "${flags[@]}" "${CC:-cc}" "${CXX:-c++}" | git hash-object --stdin | cut -c1-8)
    local dir; dir="$cache/llama-$id-$flag_key-$(cpu_key)"
    local targets=() missing=() want
    for want in "${@:-libs}"; do
        case "$want" in
            libs) targets+=(llama llama-common) ;;
            archs) targets+=(test-llama-archs) ;;
            server) targets+=(llama-server) ;;
            *) die "unknown target '$want' (libs, archs, server)" ;;
        esac
        [ -f "$dir/.done-$want" ] || missing+=("$want")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        local started=$SECONDS generator=() launcher=()
        command -v ninja >/dev/null 2>&1 && generator=(-G Ninja)
        command -v ccache >/dev/null 2>&1 && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
        say "building ${missing[*]} into $dir (once; 6 to 12 minutes on 2 cores, seconds when ccache is warm)"
        [[ " ${missing[*]} " == *" server "* ]] && flags+=(-DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_SERVER=ON)
        mkdir -p "$dir"
        CCACHE_BASEDIR="$cache" cmake -S "$src" -B "$dir" "${generator[@]}" "${launcher[@]}" "${flags[@]}" >"$dir/configure.log" 2>&1 \
            || { tail -20 "$dir/configure.log" >&2; die "llama.cpp could not be configured; the whole log is $dir/configure.log"; }
        CCACHE_BASEDIR="$cache" cmake --build "$dir" --target "${targets[@]}" -j "$(getconf _NPROCESSORS_ONLN)" 2>&1 | tee "$dir/build.log" | progress \
            || { grep -m5 -E 'error|FAILED' "$dir/build.log" >&2; die "llama.cpp could not be built; the whole log is $dir/build.log. Out of memory? Free some and run this again: it goes on where it stopped."; }
        for want in "${missing[@]}"; do : > "$dir/.done-$want"; done
        say "built in $((SECONDS - started)) s"
    fi
    printf '%s\n' "$dir"
}

progress() {  # one line that moves on a terminal, a line now and then in a log
    awk -v tty="$([ -t 2 ] && echo 1 || echo 0)" '
        /^\[[0-9]+\/[0-9]+\]|^\[ *[0-9]+%\]/ { n++; split($1, p, " "); if (tty) printf "\rengine: %s ", $1; else if (n % 20 == 1) printf "engine: %s\n", $1; fflush() }
        END { if (tty) printf "\n" }' >&2
}

case "${1:-}" in
    source) with_lock; fetch_source ;;
    build) shift; with_lock
        if [ $# -gt 0 ] && [ -d "$1" ]; then src="$1"; shift; else src=$(fetch_source); fi
        build_engine "$src" "$@" ;;
    *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
