"""Many agents on few places: every kind of request, and clients that go away in the middle, for some time.

    mixed_load.py PROGRAM MODEL --seconds N [--agents 64] [--places 4] [--clients 16] [--seed N]

Nothing but 429 and 409 (a turn runs on the agent just now) may be refused; each agent's code may come out of no other; the
process must not grow: after a warm-up its memory is sampled, and the slope of a line through the samples is told and
bounded. Controls: a foreign code in an answer, and memory that does grow, are noticed.
"""

import argparse
import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from agents_api import Refused, request
from server_process import ServerProcess

SYSTEM = "You are a technical specialist. Answer briefly."
QUESTION = "What is the access code of the archive?"
WARM_UP_PART = 0.3
GROWTH_MAX_PART = 0.10  # of the memory after the warm-up, over the rest of the run
SAMPLE_EVERY_S = 0.5


def code_of(agent: int) -> str:
    return str(481_726 + 7_919 * agent)


def foreign_codes(text: str, own: int, agents: int) -> list[str]:
    return [code_of(other) for other in range(agents) if other != own and code_of(other) in text]


class Load:
    def __init__(self, url: str, agents: int) -> None:
        self.url, self.agents = url, agents
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.over = threading.Event()

    def note(self, kind: str, wrong: list[str] | None = None) -> None:
        with self.lock:
            self.counts[kind] += 1
            self.wrong += wrong or []

    def check_text(self, kind: str, agent: int, text: str) -> None:
        self.note(kind, [f"agent-{agent} says {code}, another's code" for code in foreign_codes(text, agent, self.agents)])
        if "access code of the archive" in text or code_of(agent) in text:
            self.note("knows its code" if code_of(agent) in text else "does not know its code")

    def tell(self, agent: int) -> None:
        path = f"/agents/agent-{agent}"
        request(self.url, "POST", "/agents", {"name": f"agent-{agent}", "system_prompt": SYSTEM})
        text = f"Remember that the access code of the archive is {code_of(agent)}."
        request(self.url, "POST", path + "/messages", {"content": text, "max_tokens": 24})

    def native(self, agent: int) -> None:
        answer = request(self.url, "POST", f"/agents/agent-{agent}/messages", {"content": QUESTION, "max_tokens": 24})
        self.check_text("native", agent, answer["content"])

    def conversation(self, agent: int) -> list[dict]:
        return [{"role": "system", "content": SYSTEM},
                {"role": "user", "content": f"Remember that the access code of the archive is {code_of(agent)}."},
                {"role": "assistant", "content": f"Got it, the access code of the archive is {code_of(agent)}."},
                {"role": "user", "content": QUESTION}]

    def openai(self, agent: int) -> None:
        answer = request(self.url, "POST", f"/agents/agent-{agent}/v1/chat/completions",
                         {"model": "any", "messages": self.conversation(agent), "max_tokens": 24, "temperature": 0})
        self.check_text("openai", agent, answer["choices"][0]["message"]["content"])

    def anthropic(self, agent: int) -> None:
        messages = self.conversation(agent)
        answer = request(self.url, "POST", f"/agents/agent-{agent}/v1/messages",
                         {"model": "any", "system": SYSTEM, "messages": messages[1:], "max_tokens": 24, "temperature": 0})
        self.check_text("anthropic", agent, "".join(block["text"] for block in answer["content"]))

    def stream(self, agent: int, bytes_read_max: int, kind: str) -> None:
        at = urlsplit(self.url)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
        body = {"model": "any", "messages": self.conversation(agent), "max_tokens": 24, "temperature": 0, "stream": True}
        connection.request("POST", f"/agents/agent-{agent}/v1/chat/completions", json.dumps(body),
                           {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise Refused(response.status, response.read().decode())
        events = response.read(bytes_read_max).decode(errors="replace")
        connection.close()
        whole_lines = events[:events.rfind("\n") + 1].splitlines()
        pieces = [json.loads(line[6:]) for line in whole_lines if line.startswith("data: {")]
        text = "".join(choice["delta"].get("content") or "" for piece in pieces for choice in piece["choices"])
        self.check_text(kind, agent, text)

    def whole_stream(self, agent: int) -> None:
        self.stream(agent, 1_000_000, "stream")

    def hang_up(self, agent: int) -> None:
        self.stream(agent, random.randrange(1, 1500), "hang up")

    def manage(self, agent: int) -> None:
        what = random.choice(["save", "load", "evict"])
        request(self.url, "POST", f"/agents/agent-{agent}/{what}", {})
        self.note(what)

    def look(self, _: int) -> None:
        request(self.url, "GET", random.choice(["/agents", "/memory", "/health", "/ready"]))
        self.note("look")

    def come_and_go(self, agent: int) -> None:
        name = f"guest-{agent}-{random.randrange(1_000_000)}"
        request(self.url, "POST", "/agents", {"name": name, "system_prompt": SYSTEM})
        request(self.url, "POST", f"/agents/{name}/messages", {"content": "Hello.", "max_tokens": 8})
        request(self.url, "DELETE", f"/agents/{name}")
        self.note("come and go")

    def run_client(self) -> None:
        kinds = [self.native, self.openai, self.anthropic, self.whole_stream, self.hang_up, self.manage, self.look,
                 self.come_and_go]
        weights = [5, 3, 2, 3, 3, 2, 1, 1]
        while not self.over.is_set():
            kind = random.choices(kinds, weights)[0]
            try:
                kind(random.randrange(self.agents))
            except Refused as refused:
                expected = refused.status in (409, 429)
                self.note(str(refused.status), None if expected else [f"{kind.__name__}: {refused}"])
            except Exception as error:
                self.note("error", [f"{kind.__name__}: {error!r}"])


def slope_part(samples: list[tuple[float, int]]) -> float:
    """Growth over all samples by the least-squares line, as a part of their mean."""
    mean_t = sum(t for t, _ in samples) / len(samples)
    mean_b = sum(b for _, b in samples) / len(samples)
    over = sum((t - mean_t) ** 2 for t, _ in samples) or 1.0
    slope = sum((t - mean_t) * (b - mean_b) for t, b in samples) / over
    return slope * (samples[-1][0] - samples[0][0]) / mean_b


def sample_memory(server: ServerProcess, seconds: float) -> list[tuple[float, int]]:
    begin = time.monotonic()
    samples = []
    while (now := time.monotonic() - begin) < seconds:
        if now > WARM_UP_PART * seconds:
            samples.append((now, server.resident_bytes()))
        time.sleep(SAMPLE_EVERY_S)
    return samples


def check_controls() -> None:
    assert foreign_codes(f"It is {code_of(1)}.", 0, 2), "control: a foreign code was not noticed"
    growing = [(float(i), 50_000_000 + 400_000 * i) for i in range(40)]
    assert slope_part(growing) > GROWTH_MAX_PART, "control: growth was not noticed"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--agents", type=int, default=64)
    parser.add_argument("--places", type=int, default=4)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    check_controls()
    server = ServerProcess(arguments.program, arguments.model, ["--max-agents", str(arguments.places)])
    try:
        server.start()
        load = Load(server.url, arguments.agents)
        for agent in range(arguments.agents):
            load.tell(agent)
        clients = [threading.Thread(target=load.run_client, daemon=True) for _ in range(arguments.clients)]
        for client in clients:
            client.start()
        samples = sample_memory(server, arguments.seconds)
        load.over.set()
        for client in clients:
            client.join()
        server.terminate()
    finally:
        server.remove()
    growth = slope_part(samples)
    wrong = load.wrong
    if growth > GROWTH_MAX_PART:
        wrong.append(f"memory grew by {100 * growth:.1f} %")
    if load.counts["knows its code"] <= 4 * load.counts["does not know its code"]:
        wrong.append("the agents know too little for this to show anything")
    print(f"seed {arguments.seed}: {arguments.agents} agents on {arguments.places} places, {arguments.clients} clients, "
          f"{arguments.seconds:.0f} s: {dict(load.counts)}; resident {samples[0][1] / 1e6:.1f} to "
          f"{samples[-1][1] / 1e6:.1f} MB, slope {100 * growth:+.2f} % of it; {len(wrong)} wrong")
    print("\n".join(wrong[:20]), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
