"""Requests made from the server's own OpenAPI document by schemathesis, good ones and bad ones.

    api_fuzz.py PROGRAM MODEL --schemathesis PROGRAM [--requests N] [--seed N]

Rounds with one seed after the other until so many requests were made: no answer of 500 or above, none later than 30 s, and
the server is the process that was started. Control: a server beside it that answers 500 now and then fails the same run.
"""

import argparse
import http.server
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.request import urlopen

from server_process import ServerProcess

# A context of 256 tokens bounds every answer; nobody reads them here.
OPTIONS = ["--ctx-size", "256", "--turn-timeout", "5", "--max-agents", "4", "--memory-free-min", "0"]
EXAMPLES_PER_OPERATION = 50
REQUEST_TIMEOUT_S = "30"


class Fuzzer:
    def __init__(self, program: Path, log: Path) -> None:
        self.program, self.log = program, log

    def run(self, document: str, seed: int, examples: int) -> tuple[int, int, str]:
        """Exit code, requests made, and what was printed."""
        command = [str(self.program), "run", document, "--checks", "not_a_server_error", "--max-examples", str(examples), "--seed", str(seed),
                   "--exclude-path", "/events", "--request-timeout", REQUEST_TIMEOUT_S, "--phases", "examples,coverage,fuzzing,stateful",
                   "--suppress-health-check", "all", "--workers", "1", "--continue-on-failure", "--warnings", "off"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.log)
        made = sum(int(count) for count in re.findall(r"(\d+) generated", done.stdout.replace(",", "")))
        return done.returncode, made, done.stdout + done.stderr


class Breaking(http.server.BaseHTTPRequestHandler):
    """Every tenth answer is a 500."""

    count = 0

    def answer(self) -> None:
        Breaking.count += 1
        document = self.path == "/openapi.json"
        body = DOCUMENT if document else b"{}"
        self.send_response(500 if not document and Breaking.count % 10 == 0 else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        pass


def control_fails(fuzzer: Fuzzer) -> bool:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Breaking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code, _, told = fuzzer.run(f"http://127.0.0.1:{server.server_port}/openapi.json", 1, 2)
    server.shutdown()
    return code != 0 and "Server error" in told


def main() -> int:
    global DOCUMENT  # of the real server, for the one that breaks
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--schemathesis", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    if not arguments.schemathesis.exists():
        print(f"{arguments.schemathesis} is not there: run scripts/setup.sh test", file=sys.stderr)
        return 1
    server = ServerProcess(arguments.program, arguments.model, OPTIONS)
    made, rounds, wrong = 0, 0, []
    try:
        server.start()
        fuzzer = Fuzzer(arguments.schemathesis.absolute(), server.home)
        process = server.pid
        DOCUMENT = urlopen(server.url + "/openapi.json", timeout=10).read()
        if not control_fails(fuzzer):
            wrong.append("control: answers of 500 were not noticed")
        begin = time.monotonic()
        while made < arguments.requests and not wrong:
            code, count, told = fuzzer.run(server.url + "/openapi.json", arguments.seed + rounds, EXAMPLES_PER_OPERATION)
            made, rounds = made + count, rounds + 1
            print(f"round {rounds}: {made} requests, {made / (time.monotonic() - begin):.1f} a second", flush=True)
            if code != 0 or count == 0:
                wrong.append(f"seed {arguments.seed + rounds - 1}: schemathesis ended with {code}:\n{told[-6000:]}")
            if server.pid != process or server.get("/health")["status"] != "ok":
                wrong.append("the server is not there any more")
        agents = len(server.get("/agents")["agents"])
        server.terminate()
    finally:
        server.remove()
    print(f"seed {arguments.seed}: {made} requests in {rounds} rounds, {agents} agents made by them; {len(wrong)} wrong")
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
