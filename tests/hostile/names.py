"""Hostile names in every place that takes one: path, header, body, session, and the command line.

    names.py PROGRAM MODEL [--command-line N]     N names through the command line too (300)

No file may appear outside the store or under a name that came from outside, no answer may be 500, and every name that is
no name is refused with a 400 (or, where the slash of it makes another path, a 404 or 405) and a sentence. Session ids may
be anything: they become names that are names. Controls: good names are taken, in all of those places.
"""

import argparse
import itertools
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from raw_http import Answer, Attacker, Findings, request, run_attack
from server_process import ServerProcess

RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CHAT = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
# Of a store, by docs/format.md.
STORE_FILES = re.compile(
    r"kvasir\.db(-wal|-journal|-shm)?|reserve|write-probe|weights-hashes|lock|kvasir\.sock|chat-history|quarantine|blocks|snapshots"
    r"|(blocks|snapshots)/[0-9a-f]{2}|snapshots/[0-9a-f]{2}/[0-9a-f]{64}\.safetensors(\.tmp-\d+-\d+)?|blocks/[0-9a-f]{2}/[0-9a-f]{64}(\.window)?\.safetensors(\.tmp-\d+-\d+)?")

ROOTS = ["..", "../..", "../../../../etc/passwd", "/etc/passwd", "..\\..\\x", "....//....//x", "C:\\x", "\\\\host\\share", ".", ".hidden",
         "~", "~root", "-", "--help", "-rf", "a/b", "a\\b", "a//b", "a/../b", "a/.", "CON", "NUL", "aux.txt", "a.", "a ", " a", "a\tb",
         "a\nb", "a\rb", "a\0b", "\0", "a\x7fb", "a\x1b[2Jb", "é", "e\u0301", "Ａ", "ſ", "K", "İ", "\u202eevil", "a\u200bb", "\ufeffa",
         "😀", "\ud800", "\udcff", "%2e%2e", "%2e%2e%2f", "%252e", "%00", "..%c0%af", "..%ef%bc%8f", "%u002e", "a%0d%0aX: y",
         "$(id)", "`id`", "a;b", "a|b", "a&b", "a>b", "${HOME}", "{{7*7}}", "%s%n", "*", "?", "[a]", "'", '"', "a' OR '1'='1",
         "a'); DROP TABLE agents;--", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "a@b", "@",
         "kvasir.db", "../kvasir.db", "blocks", "lock", "blocks/00", "0x00", "\\x00", "null", "undefined", "true", "[]", "{}"]


def hostile_names(count: int) -> list[str]:
    """Roots, then longer ones, ones made of two, and random bytes; none of them is a name by the rule."""
    names = list(ROOTS)
    names += ["a" * n for n in (65, 255, 256, 4095, 4096, 20_000)] + ["../" * n + "etc/passwd" for n in range(1, 40)]
    names += [chr(c) + "a" for c in range(1, 0x30)] + ["a" + chr(c) for c in range(1, 0x30)]
    names += [a + b for a, b in itertools.product(ROOTS[:40], ROOTS[:40])]
    rng = random.Random(8)
    while len(names) < 2 * count:
        names.append("".join(chr(rng.choice([rng.randrange(1, 256), rng.randrange(0x3000), ord("."), ord("/")])) for _ in range(rng.randrange(1, 40))))
    return [name for name in dict.fromkeys(names) if not RULE.fullmatch(name)][:count]


def encoded(name: str) -> bytes:
    return quote(name.encode("utf-8", "surrogatepass"), safe="").encode()


def header_safe(name: str) -> str:
    return name.encode("utf-8", "surrogatepass").decode("latin1")


def body(fields: dict) -> bytes:
    return json.dumps(fields).encode()


def refused(answer: Answer) -> bool:
    if answer.status not in (400, 404, 405, 431):
        return False
    return bool(answer.body) and answer.json()["error"]["message"] != ""


def check_paths(attacker: Attacker, name: str, findings: Findings) -> None:
    for method, path, sent in [("GET", b"/agents/%s", b""), ("DELETE", b"/agents/%s", b""), ("POST", b"/agents/%s/evict", b""),
                               ("POST", b"/agents/%s/messages", body({"content": "x", "max_tokens": 1})),
                               ("POST", b"/agents/%s/v1/chat/completions", body(CHAT))]:
        answer = findings.timed(lambda: attacker.ask(request(method, path % encoded(name), sent)))
        findings.expect(refused(answer), f"{method} {path!r} with {name!r}: {answer}")
    raw = name.encode("utf-8", "surrogatepass")
    if not set(raw) & set(b" \t\r\n") and b"\0" not in raw:
        answer = findings.timed(lambda: attacker.ask(request("GET", b"/agents/" + raw)))
        findings.expect(refused(answer) or answer.status == 200 and b"?" in raw, f"raw path {name!r}: {answer}")


def check_fields(attacker: Attacker, name: str, findings: Findings) -> None:
    places = [("/agents", {"name": name}), ("/agents/good/fork", {"name": name}), ("/v1/chat/completions", {**CHAT, "agent": name}),
              ("/v1/chat/completions", {**CHAT, "metadata": {"agent_id": name}}), ("/v1/completions", {"prompt": "x", "agent": name}),
              ("/v1/messages", {**CHAT, "model": "m", "agent": name})]
    if "@" not in name:
        places.append(("/v1/chat/completions", {**CHAT, "model": "m@" + name}))
    for path, fields in places:
        answer = findings.timed(lambda: attacker.post(path, body(fields)))
        findings.expect(refused(answer), f"{path} {fields!r}: {answer}")


def check_headers(attacker: Attacker, name: str, findings: Findings) -> None:
    if set(name) & set("\r\n\0"):
        return  # that is another header, or none: smuggling.py
    answer = findings.timed(lambda: attacker.post("/v1/messages/count_tokens", body({**CHAT, "model": "m"}), {"X-Kvasir-Agent": header_safe(name)}))
    good = refused(answer) or RULE.fullmatch(name.strip(" \t")) is not None or name.strip(" \t") == ""
    findings.expect(good, f"X-Kvasir-Agent {name!r}: {answer}")
    for header in ("X-Session-Id", "x-claude-code-session-id", "X-Request-Id", "Idempotency-Key"):
        answer = findings.timed(lambda: attacker.post("/v1/messages/count_tokens", body({**CHAT, "model": "m"}), {header: header_safe(name)}))
        findings.expect(answer.status in (200, 400, 404, 431), f"{header} {name!r}: {answer}")


def check_command_line(server: ServerProcess, names: list[str], findings: Findings) -> None:
    for name in names:
        if "\0" in name:
            continue  # no argument can hold one
        text = os.fsdecode(name.encode("utf-8", "surrogatepass"))
        for verb in (["agents", "show"], ["agents", "rm"]):
            done = subprocess.run([sys.argv[1], "--home", str(server.home), *verb, "--", text], capture_output=True, timeout=30, check=False)
            told = done.stderr.decode(errors="replace")
            findings.expect(done.returncode in (1, 2, 3) and told != "" and "\x1b[2J" not in told, f"{verb} {name!r}: {done.returncode} {told[:200]}")


def check_store(home: Path, before: set[str], findings: Findings) -> None:
    for path in home.rglob("*"):
        findings.expect(STORE_FILES.fullmatch(str(path.relative_to(home))) is not None, f"a file of another name: {path}")
    findings.expect(set(os.listdir(home.parent)) - before == set(), "something appeared beside the store")


def attack(server: ServerProcess, findings: Findings) -> str:
    names = hostile_names(ARGUMENTS.names)
    attacker = Attacker(server.url)
    for place, answer in [("body", attacker.post("/agents", b'{"name": "good"}')), ("path", attacker.ask(request("GET", "/agents/good"))),
                          ("header", attacker.post("/v1/messages", body({**CHAT, "model": "m"}), {"X-Kvasir-Agent": "Good.2_-"}))]:
        findings.expect(answer.status in (200, 201), f"control: a good name in the {place}: {answer}")
    before = set(os.listdir(server.home.parent))
    for name in names:
        check_paths(attacker, name, findings)
        check_fields(attacker, name, findings)
        check_headers(attacker, name, findings)
    check_command_line(server, names[:ARGUMENTS.command_line], findings)
    check_store(server.home, before | {entry for entry in os.listdir(server.home.parent) if not entry.startswith("..")}, findings)
    agents = [agent["name"] for agent in attacker.ask(request("GET", "/agents")).json()["agents"]]
    findings.expect(all(RULE.fullmatch(agent) for agent in agents) and "good" in agents, f"agents: {agents}")
    return f"{len(names)} names in paths, bodies and headers, {ARGUMENTS.command_line} on the command line; {len(agents)} agents"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--names", type=int, default=2000)
    parser.add_argument("--command-line", type=int, default=100)
    ARGUMENTS = parser.parse_args()
    run_attack(attack)
