#!/usr/bin/env python3
"""Runs protocols of bench/protocols against real servers and writes what they measured to bench-out/.

    bench/run.py PROTOCOL... --shape SHAPE [--quant q4_0] [--llama-server FILE] [--sizes 1024,4096] [--repetitions N]
    bench/run.py --list

SHAPE: `demo`, or one that `kvasir synth` knows: its file is made in bench-out/models/ when it is not there. Without
--llama-server (or KVASIR_BENCH_PEER) Kvasir is measured alone.
"""

import argparse
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))
from driver import machine, prompts, results  # noqa: E402
from driver.setting import Setting  # noqa: E402

PROTOCOLS = sorted(path.stem for path in (Path(__file__).resolve().parent / "protocols").glob("[a-z]*.py"))


def model_file(arguments: argparse.Namespace) -> Path:
    if arguments.model:
        return arguments.model
    if arguments.shape == "demo":
        return ROOT / "models" / "demo" / "kvasir-demo.gguf"
    layers = f"-{arguments.layers}layers" if arguments.layers else ""
    path = arguments.out / "models" / f"{arguments.shape}-{arguments.quant}{layers}.gguf"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        options = ["--layers", str(arguments.layers)] if arguments.layers else []
        subprocess.run([str(arguments.program), "synth", "--shape", arguments.shape, "--quant", arguments.quant, "--out",
                        str(unfinished), *options], check=True, stdout=sys.stderr)
        unfinished.rename(path)
    return path


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocols", nargs="*", metavar="PROTOCOL", help=", ".join(PROTOCOLS))
    parser.add_argument("--list", action="store_true", help="say what each protocol measures")
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/src/app/kvasir")
    parser.add_argument("--llama-server", type=Path, default=os.environ.get("KVASIR_BENCH_PEER") or None)
    parser.add_argument("--shape", default="demo")
    parser.add_argument("--quant", default="q4_0", help="of the weights")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--model", type=Path, help="a file of your own; --shape is its name in the results then")
    parser.add_argument("--kv-type", default="f16")
    parser.add_argument("--gpu-layers", type=int, default=0, help="layers on the GPU, of both servers")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[1024, 2048, 4096, 8192])
    parser.add_argument("--counts", type=lambda text: [int(n) for n in text.split(",")], default=[10, 100, 1000, 10000])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--tokens-by", type=int, default=16, help="token counts of the workload are divided by it")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out")
    arguments = parser.parse_args()
    unknown = set(arguments.protocols) - set(PROTOCOLS)
    if unknown:
        parser.error(f"there is no protocol {', '.join(sorted(unknown))}; there are {', '.join(PROTOCOLS)}")
    return arguments


def run(name: str, arguments: argparse.Namespace) -> None:
    protocol = importlib.import_module(f"protocols.{name}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    model = model_file(arguments)
    rows, work = results.Rows(), Path(tempfile.mkdtemp(prefix=f"{name}-", dir=arguments.out.resolve()))
    setting = Setting(arguments.program.resolve(), arguments.llama_server and arguments.llama_server.resolve(), model.resolve(),
                      arguments.shape, work, arguments.threads, arguments.kv_type, arguments.sizes, arguments.repetitions,
                      arguments.counts, arguments.gpu_layers, arguments.tokens_by)
    print(f"== {name}, {arguments.shape}: {first_line(protocol.__doc__)}", flush=True)
    begin, others = time.monotonic(), machine.OtherWork()
    try:
        protocol.measure(setting, rows, prompts.Prompts())
    finally:
        setting.remove_servers()
        subprocess.run(["rm", "-rf", str(work)], check=True)
    about = {"commit": machine.commit_of(ROOT), "command": command_of(name, arguments),
             "model": {"shape": arguments.shape, "weights": arguments.quant if arguments.shape != "demo" else "its own",
                       "layers": arguments.layers, "file_bytes": model.stat().st_size},
             "kv_type": arguments.kv_type, "threads": arguments.threads, "gpu_layers": arguments.gpu_layers, "servers": setting.commands()}
    noise = others.told()
    path = results.write(arguments.out, name, rows, about, noise)
    results.show(rows)
    print(f"== {time.monotonic() - begin:.0f} s; others used {noise['others_cpu_share']:.1%} of the machine; {path}", flush=True)


def command_of(name: str, arguments: argparse.Namespace) -> str:
    """What measures it again, without the paths of this machine."""
    words = ["bench/run.py", name, "--shape", arguments.shape]
    if arguments.shape != "demo":
        words += ["--quant", arguments.quant, *(["--layers", str(arguments.layers)] if arguments.layers else [])]
    words += ["--kv-type", arguments.kv_type, "--threads", str(arguments.threads), "--repetitions", str(arguments.repetitions)]
    words += ["--gpu-layers", str(arguments.gpu_layers)] if arguments.gpu_layers else []
    words += ["--sizes", ",".join(map(str, arguments.sizes))]
    return " ".join(words + (["--llama-server", "FILE"] if arguments.llama_server else []))


def first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers and stores go on every way out
    arguments = parse()
    if arguments.list or not arguments.protocols:
        for name in PROTOCOLS:
            print(f"{name:<14} {first_line(importlib.import_module(f'protocols.{name}').__doc__)}")
        return
    for name in arguments.protocols:
        run(name, arguments)


if __name__ == "__main__":
    main()
