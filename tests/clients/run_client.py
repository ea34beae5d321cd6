"""Runs one client against the real server: it tells a fact, the server is killed, it asks for the fact.

    run_client.py PROGRAM MODEL [--without-memory] -- CLIENT COMMAND...

The client is started twice, as `COMMAND tell URL STATE` and `COMMAND ask URL STATE`, and keeps in the file STATE
what such a client keeps of a conversation. On stdout it prints one JSON line for every answer it got, with what
its own library says of tokens: {"prompt", "cached", "completion"}.
Their sum must be what the engine says that it evaluated. --without-memory: the store is taken away between the
two, and the checks must notice.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from server_process import ServerProcess

CLIENT_TIMEOUT_S = 120
# Of a conversation that goes on, only the new message, the template around it and one token are read.
NEW_TOKENS_MAX = 48


class Failed(Exception):
    pass


@dataclass(frozen=True)
class Usage:
    prompt: int
    cached: int
    completion: int

    def evaluated(self) -> int:
        """The last token of an answer is sampled and never evaluated."""
        return self.prompt - self.cached + self.completion - 1


def run(command: list[str], phase: str, url: str, state: Path) -> list[Usage]:
    done = subprocess.run([*command, phase, url, str(state)], capture_output=True, text=True,
                          timeout=CLIENT_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise Failed(f"{phase}: the client ended with {done.returncode}\n{done.stdout}{done.stderr}")
    usages = [Usage(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]
    if not usages:
        raise Failed(f"{phase}: the client reported no usage\n{done.stdout}{done.stderr}")
    return usages


def check_phase(server: ServerProcess, command: list[str], phase: str, state: Path) -> list[Usage]:
    before = server.metric("engine_evaluated_rows_total")
    usages = run(command, phase, server.url, state)
    evaluated = server.metric("engine_evaluated_rows_total") - before
    told = sum(usage.evaluated() for usage in usages)
    if told != evaluated:
        raise Failed(f"{phase}: by the client's usage {told} rows were evaluated, by the engine {evaluated}: {usages}")
    print(f"{phase}: {len(usages)} answers, {evaluated} rows evaluated, as told; {usages}")
    return usages


def ask(server: ServerProcess, command: list[str], state: Path) -> None:
    first = check_phase(server, command, "ask", state)[0]
    if first.prompt - first.cached > NEW_TOKENS_MAX:
        raise Failed(f"ask: after the restart {first.prompt - first.cached} of {first.prompt} tokens were read again")


def check(server: ServerProcess, command: list[str], state: Path) -> None:
    server.start()
    check_phase(server, command, "tell", state)
    server.kill()
    server.start()
    ask(server, command, state)


def check_control(server: ServerProcess, command: list[str], state: Path) -> None:
    server.start()
    check_phase(server, command, "tell", state)
    server.kill()
    server.forget_everything()
    server.start()
    try:
        ask(server, command, state)
    except Failed as noticed:
        print(f"without memory, as it should be: {noticed}")
        return
    raise Failed("the server had lost everything, and nothing was noticed")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--without-memory", action="store_true")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    server = ServerProcess(arguments.program, arguments.model)
    try:
        with tempfile.TemporaryDirectory() as folder:
            checked = check_control if arguments.without_memory else check
            checked(server, arguments.command, Path(folder) / "state.json")
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        server.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
