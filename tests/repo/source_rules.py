#!/usr/bin/env python3
"""Rules that keep the source tree readable, checked on every test run.

    source_rules.py ROOT        prints each violation, exits 1 if there is one

A rule that a file must break stands in EXCEPTIONS with the reason; an exception that is not needed is a violation too.
"""
import pathlib
import re
import sys

# A layer includes itself and what stands below it.
LAYERS = {
    "base": {"base"},
    "fetch": {"base", "fetch"},
    "http": {"base", "http"},
    "store": {"base", "store"},
    "engine": {"base", "engine"},
    "api": {"base", "engine", "api"},
    "memory": {"base", "store", "engine", "memory"},
    "sched": {"base", "store", "engine", "memory", "sched"},
    "library": {"base", "store", "engine", "memory", "library"},
    "server": {"base", "store", "engine", "memory", "sched", "http", "api", "server"},
    "app": {"base", "store", "engine", "memory", "sched", "fetch", "http", "api", "server", "app"},
}

# Libraries that only some folders may include: pattern of the include, folders, name for the message.
LIBRARIES = [
    (r"(llama|ggml|gguf|llama-.*|ggml-.*)(\.h|/)", {"engine/llama"}, "llama.cpp"),
    (r"sqlite3", {"store"}, "SQLite"),
    (r"openssl/", {"base", "http"}, "OpenSSL"),
    (r"curl/", {"fetch"}, "libcurl"),
    (r"xxhash", {"base"}, "xxHash"),
    (r"spdlog/", {"base"}, "spdlog"),
    (r"CLI/", {"app"}, "CLI11"),
    (r"(histedit|editline)", {"app"}, "libedit"),
    (r"boost/", {"store", "engine/llama", "api", "memory", "http", "server", "app"}, "Boost"),
    (r"filesystem$", {"base"}, "<filesystem>"),
    (r"fstream$", {"base"}, "<fstream>"),
    (r"(fcntl|dirent|sys/stat|sys/file|sys/mman|sys/statvfs)\.h", {"base"}, "file system calls"),
]

FILE_CALLS = re.compile(r"(?<![\w.>])(?:std::)?(fopen|freopen|opendir|remove_all)\s*\(|(?<![\w>])::(open|openat|unlink|rename|mkdir|fsync|mmap|stat)\s*\(")
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX)\b")
LINES_MAX = 400

# (rule, path): reason.
EXCEPTIONS = {
    ("library", "src/http/listener.cpp"): "removes its own unix socket at the end",
    ("file-calls", "src/http/listener.cpp"): "the same",
    ("library", "src/http/listen.cpp"): "a unix socket is a file to the system; its mode is set and a stale one removed",
    ("file-calls", "src/http/listen.cpp"): "the same",
    ("library", "src/base/boost_json.cpp"): "Boost.JSON has no library of its own here; it is compiled once for all layers",
    ("library", "src/store/catalog.cpp"): "SQLite makes its file itself; only its mode is set",
    ("library", "src/store/store.cpp"): "the size of the whole disk, once at start; FileSystem tells only what is free",
    ("library", "src/app/config.cpp"): "where the program and the shipped model lie; nothing of a store",
    ("library", "src/app/cmd_demo.cpp"): "a temporary store of its own, removed as a whole at the end",
    ("file-calls", "src/app/cmd_demo.cpp"): "the same",
    ("library", "src/app/cmd_bench.cpp"): "the same, and the name of the CPU",
    ("file-calls", "src/app/cmd_bench.cpp"): "the same",
    ("library", "src/app/interrupt.cpp"): "flags of the pipe that a signal handler writes to; no file",
    ("library", "src/app/line_editor.cpp"): "libedit writes the history of the prompt itself; only its mode is set",
}


def strip_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def folder_of(path):
    return "/".join(path.split("/")[1:-1])


def check_includes(path, text):
    folder = folder_of(path)
    layer = folder.split("/")[0]
    for opener, name in re.findall(r'^\s*#\s*include\s*(["<])([^">]+)[">]', text, flags=re.M):
        first = name.split("/")[0]
        if opener == '"' and first in LAYERS and "/" in name:
            if first not in LAYERS.get(layer, set()):
                yield "layer", f'{layer} must not include "{name}"'
            if name.startswith("engine/llama/") and folder != "engine/llama":
                yield "layer", f'only engine/llama includes "{name}"'
            continue
        if opener == '"' and folder != "engine/llama":
            yield "layer", f'"{name}": our headers are included by their path from src/, others with <>'
        for pattern, folders, library in LIBRARIES:
            if re.match(pattern, name) and folder not in folders and layer not in folders:
                yield "library", f"{library} ({name}) belongs to {', '.join(sorted(folders))} only"


def check_source(path, text):
    folder = folder_of(path)
    code = strip_comments(text)
    if path.startswith("src/"):
        yield from check_includes(path, code)
        if folder != "base" and (call := FILE_CALLS.search(code)):
            yield "file-calls", f"{call.group(0).strip('( ')}(): files are reached through base/file_system.h only"
    if path.endswith(".h"):
        if not text.startswith("//"):
            yield "header", "a header opens with a comment: what it is, who owns it, which thread may call it"
        if "#pragma once" not in text:
            yield "header", "no #pragma once"


def check_links(root, path, text):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target) and not (root / path).parent.joinpath(target).exists():
            yield "link", f"link to {target}, which is not there"


def check_file(root, path):
    text = (root / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        yield from check_links(root, path, text)
        return
    if (count := text.count("\n")) > LINES_MAX:
        yield "length", f"{count} lines; {LINES_MAX} at most: one file, one reason to exist"
    if not path.startswith("tests/repo/source_rules") and (word := LEFTOVERS.search(text)):
        yield "leftover", f"{word.group(0)}: finish it or take it out"
    if path.endswith((".h", ".cpp")):
        yield from check_source(path, text)


def files_of(root):
    patterns = [("src", "*"), ("tests", "*"), ("cmake", "*"), ("scripts", "*"), ("docs", "*"), (".", "*.md")]
    suffixes = {".h", ".cpp", ".py", ".sh", ".cmake", ".md"}
    for folder, pattern in patterns:
        base = root / folder
        found = base.glob(pattern) if folder == "." else base.rglob(pattern)
        ours = (f for f in found if "node_modules" not in f.parts)
        yield from sorted(str(f.relative_to(root)) for f in ours if f.is_file() and f.suffix in suffixes)


def violations(root, exceptions):
    unused = dict(exceptions)
    for path in files_of(root):
        for rule, message in check_file(root, path):
            if (rule, path) in exceptions:
                unused.pop((rule, path), None)
            else:
                yield f"{path}: {rule}: {message}"
    for rule, path in unused:
        yield f"{path}: exception for '{rule}' is not needed any more"


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = list(violations(pathlib.Path(sys.argv[1]).resolve(), EXCEPTIONS))
    print("\n".join(found) if found else "source rules: nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
