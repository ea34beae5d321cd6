"""Two models swap under load in memory for one: each agent knows a code, and says only its own.

    two_models.py PROGRAM MODEL --seconds N [--agents 4] [--clients 6] [--lose | --mix]

The second model is the first one with bytes behind its end: for the server another one, with KV of its own. Nothing but 503
with Retry-After may be refused; what was said stays; whatever was known of a conversation is not read again, through any
number of swaps; no other agent's code comes out. --lose, --mix: the controls. KV files are removed while the server is
stopped, or an agent is told another's code: the same checks must notice.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from mixed_load import code_of, foreign_codes
from server_process import ServerProcess

SYSTEM = "You are a technical specialist. Answer briefly. " * 12
QUESTION = "What is the access code of the archive?"
NEW_TOKENS_MAX = 64  # a question, its frame, and the last token of what was there
TURNS_MAX = 5  # behind the fact; then a conversation goes on from the fact again, so that no context fills up
MODELS = ("first", "second")


class Refused(Exception):
    pass


def ask(url: str, path: str, body: dict, headers: dict | None = None) -> tuple[int, dict, dict]:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=90)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, json.loads(response.read())
    finally:
        connection.close()


class Talker:
    """One agent of each model under one session id, and one whose conversation the server holds."""

    def __init__(self, load: "Load", number: int) -> None:
        self.load, self.number = load, number
        self.model = MODELS[number % 2]
        self.lock = threading.Lock()  # of its conversations
        self.sent: dict[str, list[dict]] = {}
        self.held_turns = 0

    def request(self, path: str, body: dict, headers: dict | None = None) -> tuple[dict, dict]:
        while True:
            status, told, answer = ask(self.load.url, path, body, headers)
            if status < 300:
                return told, answer
            if status != 503 or "retry-after" not in told:
                raise Refused(f"{path}: {status} {answer}")
            self.load.note("503")
            time.sleep(0.1)

    def fact(self, code: str) -> str:
        return f"Remember that the access code of the archive is {code}."

    def create(self, code: str) -> None:
        self.request("/agents", {"name": f"held-{self.number}", "system_prompt": SYSTEM, "model": self.model})
        self.request(f"/agents/held-{self.number}/messages", {"content": self.fact(code), "max_tokens": 24})
        self.held_turns = 1
        for model in MODELS:
            self.sent[model] = [{"role": "user", "content": self.fact(code)}]
            self.answer_sent(model, first=True)

    def check(self, kind: str, text: str, told: dict, first: bool = False) -> None:
        wrong = [f"{kind} {self.number} says {code}, another's" for code in foreign_codes(text, self.number, self.load.agents)]
        read = int(told["x-kvasir-prompt-tokens"]) - int(told["x-kvasir-cached-tokens"])
        if not first and read > NEW_TOKENS_MAX:
            wrong.append(f"{kind} {self.number}: {read} tokens were read again: {told.get('x-kvasir-not-reused', '')}")
        self.load.note(kind, wrong)
        if not first:
            self.load.note("knows its code" if code_of(self.number) in text else "does not know its code")
        self.load.note("from " + told["x-kvasir-source"])

    def answer_sent(self, model: str, first: bool = False) -> None:
        told, answer = self.request("/v1/chat/completions", {
            "model": model, "messages": [{"role": "system", "content": SYSTEM}, *self.sent[model]], "max_tokens": 24,
            "temperature": 0}, {"x-session-id": f"session-{self.number}"})
        text = answer["choices"][0]["message"]["content"]
        self.check("sent", text, told, first)
        self.sent[model].append({"role": "assistant", "content": text})
        self.load.names.add(told["x-kvasir-agent"])

    def talk(self) -> None:
        with self.lock:
            if random.random() < 0.5:
                path = f"/agents/held-{self.number}"
                if self.held_turns > TURNS_MAX:
                    self.request(path + "/rollback", {"to": 1})
                    self.held_turns = 1
                told, answer = self.request(path + "/messages", {"content": QUESTION, "max_tokens": 24})
                self.held_turns += 1
                return self.check("held", answer["content"], told)
            model = random.choice(MODELS)
            if len(self.sent[model]) > 2 * TURNS_MAX:  # as a client that compacts
                del self.sent[model][2:]
            self.sent[model].append({"role": "user", "content": QUESTION})
            self.answer_sent(model)


class Load:
    def __init__(self, url: str, agents: int) -> None:
        self.url, self.agents = url, agents
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.names: set[str] = set()
        self.lock = threading.Lock()
        self.talkers = [Talker(self, number) for number in range(agents)]

    def note(self, kind: str, wrong: list[str] | None = None) -> None:
        with self.lock:
            self.counts[kind] += 1
            self.wrong += wrong or []

    def client(self, end: float) -> None:
        while time.monotonic() < end:
            talker = random.choice(self.talkers)
            try:
                talker.talk()
            except Exception as error:
                self.note("error", [repr(error)])

    def run(self, clients: int, seconds: float) -> None:
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=self.client, args=(end,), daemon=True) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def memory_for_one(program: Path, model: Path, options: list[str]) -> int:
    """A half more than one takes, by what it says itself."""
    server = ServerProcess(program, model, options)
    try:
        server.start()
        memory = server.get("/memory")
        return int(1.5 * (memory["weights_bytes"] + memory["kv_pool_bytes"] + memory["compute_bytes"])) + 70_000_000
    finally:
        server.remove()


def check_end(server: ServerProcess, load: Load) -> list[str]:
    wrong = []
    for talker in load.talkers:
        turns = server.get(f"/agents/held-{talker.number}/turns")["turns"]
        if len(turns) != talker.held_turns:
            wrong.append(f"held-{talker.number} has {len(turns)} turns and was answered {talker.held_turns} times")
    if len(load.names) != 2 * load.agents:
        wrong.append(f"two models under {load.agents} sessions made {len(load.names)} agents: {sorted(load.names)}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--agents", type=int, default=4)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--lose", action="store_true")
    parser.add_argument("--mix", action="store_true")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    control = arguments.lose or arguments.mix
    folder = tempfile.TemporaryDirectory(prefix="kvasir-models-")
    second = Path(folder.name) / "second.gguf"
    second.write_bytes(arguments.model.read_bytes() + b"\0" * 64)
    options = ["--ctx-size", "1024", "--kv-cells", "16384", "--threads", "1"]
    most = memory_for_one(arguments.program, arguments.model, options)
    server = ServerProcess(arguments.program, Path(f"first={arguments.model}"), [
        "--model", f"second,small={second}", "--models-memory", str(most), "--model-stay", "300", *options])
    try:
        server.start()
        load = Load(server.url, arguments.agents)
        for talker in load.talkers:
            talker.create(code_of((talker.number + 1) % load.agents if arguments.mix else talker.number))
        if arguments.lose:
            server.terminate()
            for file in (server.home / "blocks").rglob("*"):
                if file.is_file():
                    file.unlink()
            server.start()
            load.url = server.url
        load.run(arguments.clients, arguments.seconds)
        wrong = load.wrong + check_end(server, load)
        health = {model["name"]: model["state"] for model in server.get("/health")["models"]}
        loads = server.sum_of("model_loads_total")
        if sum(state == "loaded" for state in health.values()) > 1:
            wrong.append(f"memory was for one, and {health}")
        server.terminate()
    finally:
        server.remove()
        folder.cleanup()
    if loads < 4:
        wrong.append(f"they did not swap: {loads} loads")
    if not control and load.counts["knows its code"] <= 4 * load.counts["does not know its code"]:
        wrong.append("the agents know too little for this to show anything")
    print(f"seed {arguments.seed}: {arguments.agents} talkers, {arguments.clients} clients, {arguments.seconds:.0f} s, {loads} "
          f"loads in {most / 1e6:.0f} MB: {dict(load.counts)}; {len(wrong)} wrong")
    print("\n".join(wrong[:20]), file=sys.stderr)
    if control:
        return 0 if any("read again" in text or "another's" in text for text in wrong) else 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
