#!/usr/bin/env python3
"""Every rule of source_rules.py against a tree that breaks it (must be caught) and one that does not (must pass)."""
import pathlib
import sys
import tempfile

from source_rules import LINES_MAX, violations

HEADER = "// A thing. One thread.\n#pragma once\n"

# name: (path, text, rule that must catch it; None: nothing may be found)
CASES = {
    "clean header": ("src/store/good.h", HEADER + '#include <vector>\n#include "base/hash.h"\n#include "store/good.h"\n', None),
    "commented include": ("src/store/note.cpp", '// #include "engine/engine.h"\n', None),
    "sqlite in store": ("src/store/db.cpp", "#include <sqlite3.h>\n", None),
    "llama in its folder": ("src/engine/llama/a.cpp", "#include <llama.h>\n#include \"chat.h\"\n", None),
    "member named open": ("src/app/a.cpp", "void f() { Store::open(x); files.rename(a, b); }\n", None),
    "store includes engine": ("src/store/bad.cpp", '#include "engine/engine.h"\n', "layer"),
    "engine includes store": ("src/engine/bad.cpp", '#include "store/store.h"\n', "layer"),
    "base includes memory": ("src/base/bad.h", HEADER + '#include "memory/agent_memory.h"\n', "layer"),
    "private header of llama folder": ("src/memory/bad.cpp", '#include "engine/llama/cells.h"\n', "layer"),
    "header without its path": ("src/memory/bad.cpp", '#include "agent_memory.h"\n', "layer"),
    "llama.h in engine": ("src/engine/bad.cpp", "#include <llama.h>\n", "library"),
    "ggml in app": ("src/app/bad.cpp", "#include <ggml-backend.h>\n", "library"),
    "sqlite in memory": ("src/memory/bad.cpp", "#include <sqlite3.h>\n", "library"),
    "filesystem in store": ("src/store/bad.cpp", "#include <filesystem>\n", "library"),
    "fopen in store": ("src/store/bad.cpp", 'auto* f = std::fopen("x", "r");\n', "file-calls"),
    "::open in memory": ("src/memory/bad.cpp", 'int fd = ::open("x", 0);\n', "file-calls"),
    "header without a comment": ("src/base/bad.h", "#pragma once\n", "header"),
    "header without a guard": ("src/base/bad.h", "// A thing.\n", "header"),
    "file too long": ("tests/store/bad_test.cpp", "int x;\n" * (LINES_MAX + 1), "length"),
    "longest file": ("tests/store/good_test.cpp", "int x;\n" * LINES_MAX, None),
    "leftover": ("src/app/bad.cpp", "// TO" + "DO later\n", "leftover"),
    "broken link": ("docs/bad.md", "see [it](nowhere.md)\n", "link"),
    "outside link": ("docs/good.md", "see [it](https://example.org/x)\n", None),
}


def check_case(path, text, rule):
    with tempfile.TemporaryDirectory() as name:
        file = pathlib.Path(name) / path
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        found = list(violations(pathlib.Path(name), {}))
    if rule is None:
        return not found, found
    return len(found) == 1 and f": {rule}: " in found[0], found


def check_exceptions():
    with tempfile.TemporaryDirectory() as name:
        file = pathlib.Path(name) / "src/app/bad.cpp"
        file.parent.mkdir(parents=True)
        file.write_text("#include <sqlite3.h>\n", encoding="utf-8")
        excused = list(violations(pathlib.Path(name), {("library", "src/app/bad.cpp"): "reason"}))
        stale = list(violations(pathlib.Path(name), {("library", "src/app/bad.cpp"): "reason", ("length", "src/x.cpp"): "reason"}))
    return not excused and len(stale) == 1


def main():
    failed = 0
    for name, case in CASES.items():
        ok, found = check_case(*case)
        if not ok:
            failed += 1
            print(f"FAILED {name}: expected {case[2]}, found {found}")
    if not check_exceptions():
        failed += 1
        print("FAILED exceptions: one must excuse, an unneeded one must be told")
    print(f"{len(CASES) + 1 - failed} of {len(CASES) + 1} cases as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
