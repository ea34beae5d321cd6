#!/usr/bin/env python3
"""Writes tests/golden/store: a small store as the present program writes it, with the demo model.

    make_golden_store.py KVASIR OUT

The catalog is written as SQL text. Make it anew only when the demo model is another one, or when a format number was
raised on purpose: what is there shows that stores of earlier programs are still of use.
"""
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile

CONVERSATION = [("ada", "Remember that the owner of the archive is Nora.", ["--create", "--system", "You are Ada."])]


def main():
    program, out = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as home:
        for agent, text, more in CONVERSATION:
            subprocess.run([program, "chat", agent, text, "--home", home, "--threads", "1", "--disk-free-min", "1", *more], check=True)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        catalog = sqlite3.connect(f"{home}/kvasir.db")
        catalog.execute("UPDATE agents SET model_path = 'kvasir-demo.gguf'")
        lines = [line for line in catalog.iterdump() if "sqlite_sequence" not in line]
        for name in ("application_id", "user_version"):
            lines.append(f"PRAGMA {name} = {catalog.execute(f'PRAGMA {name}').fetchone()[0]};")
        (out / "catalog.sql").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for folder in ("blocks", "snapshots"):
            for path in sorted(pathlib.Path(home, folder).rglob("*.safetensors")):
                target = out / path.relative_to(home)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


if __name__ == "__main__":
    main()
