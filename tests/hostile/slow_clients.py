"""Slow and rude clients beside a good one, which must be served every time and hardly later.

    slow_clients.py PROGRAM MODEL [--slow 200] [--readers 20] [--connections 10000] [--judge-times]

Slow senders of headers and bodies must be cut off when their time is up, endless headers be refused at once, readers that
never read cost no more than their buffer; and with more connections than the server holds, those it has are served, and
new ones too: who asks for nothing, or never comes to an end with it, makes room. The same where the system allows the server
few descriptors: then turns must still be made durable. The good client's p99 is taken in turns: with nobody else there, beside a crowd of the same kind
that besets another server of this machine, and beside one that besets this server. With --judge-times the last may be 1.5 times
the second, for turns and for health checks: what a crowd takes from a machine with few cores by being there itself is in
both. Controls: a connection that is only idle is not cut off, and the crowd sees what is.
"""

import argparse
import asyncio
import resource
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from raw_http import Connection, Findings, request, run_attack
from rude_crowd import Crowd
from server_process import ServerProcess

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from idle_streams import CHAT, Good, p, request_bytes  # noqa: E402

REQUEST_TIMEOUT_S = 30  # of the server, for a whole request
CONNECTIONS_MAX = 4096
FEW_DESCRIPTORS = 600
P99_FACTOR_MAX = 1.5
MEMORY_MAX_BYTES = 64_000_000
ROUNDS = 5
CROWDED_OPTIONS = ["--ctx-size", "1024", "--max-agents", "8"]


def measure(good: Good) -> dict[str, float]:
    health = asyncio.run(good.times_ms(request_bytes("GET", "/health"), 3000))
    chat = asyncio.run(good.times_ms(request_bytes("POST", "/agents/good/v1/chat/completions", CHAT), 100))
    return {"health": p(health, 0.99), "chat": p(chat, 0.99)}


def answers_are_over(server: ServerProcess) -> None:
    """What nobody reads is answered all the same; that work is not what is measured here."""
    while server.metric("turns_active") + server.metric("turns_waiting") > 0:
        time.sleep(0.2)


def beset(beset_server: ServerProcess, good: Good, slow: int, readers: int) -> dict[str, float]:
    at = urlsplit(beset_server.url)
    crowd = Crowd(str(at.hostname), int(at.port), f"headers:{slow // 2}", f"body:{slow // 2}", f"reader:{readers}", f"events:{readers}", "endless:4",
                  *(["yielding"] if ARGUMENTS.judge_times else []))
    answers_are_over(beset_server)
    measured = measure(good)
    crowd.leave()
    time.sleep(1)
    return measured


def factor_beside(server: ServerProcess, good: Good, slow: int, readers: int, findings: Findings) -> str:
    other = ServerProcess(Path(ARGUMENTS.program), Path(ARGUMENTS.model), CROWDED_OPTIONS)
    other.start()
    measure(good)
    alone, elsewhere, here = [], [], []
    for _ in range(ROUNDS):
        alone.append(measure(good))
        elsewhere.append(beset(other, good, slow, readers))
        here.append(beset(server, good, slow, readers))
    other.terminate()
    other.remove()
    told = []
    for what in alone[0]:
        middle = [statistics.median(m[what] for m in measured) for measured in (alone, elsewhere, here)]
        factors = [h[what] / e[what] for e, h in zip(elsewhere, here)]
        told.append(f"{what} p99 {middle[0]:.2f} ms alone, {middle[1]:.2f} with the crowd at another server, {middle[2]:.2f} with it here: "
                    f"x{statistics.median(factors):.2f} ({min(factors):.2f} to {max(factors):.2f})")
        if ARGUMENTS.judge_times:
            findings.expect(statistics.median(factors) <= P99_FACTOR_MAX, told[-1])
    return "; ".join(told)


def check_cut_off(server: ServerProcess, good: Good, slow: int, readers: int, findings: Findings) -> str:
    before = server.resident_bytes()
    begin = time.monotonic()
    crowd = Crowd(good.host, good.port, f"headers:{slow // 2}", f"body:{slow // 2}", f"reader:{readers}", "silent:20", "endless:4")
    came = time.monotonic()
    answers_are_over(server)
    grown = server.resident_bytes() - before
    time.sleep(max(0.0, came + REQUEST_TIMEOUT_S + 8 - time.monotonic()))
    counts = crowd.count()
    findings.expect(counts["held"]["headers"] == 0 and counts["held"]["body"] == 0, f"slow senders are still held: {counts}")
    findings.expect(counts["cut"]["endless"] > 4, f"endless headers are taken: {counts}")
    findings.expect(counts["held"]["silent"] == 20, f"control: connections that are only idle were cut off: {counts}")
    findings.expect(grown < MEMORY_MAX_BYTES, f"memory grew by {grown / 1e6:.0f} MB")
    crowd.leave()
    return f"all {slow} slow senders cut off within {time.monotonic() - begin:.0f} s, {counts['cut']['endless']} endless headers refused, memory {grown / 1e6:+.1f} MB"


def status_of_new_client(server: ServerProcess) -> int:
    with Connection(server.url) as client:
        client.send(request("GET", "/health"))
        return client.answer().status


def served_of(times: int, client: Connection) -> int:
    served = 0
    for _ in range(times):
        client.send(request("GET", "/health"))
        served += client.answer().status == 200
    return served


def check_full_house(server: ServerProcess, kind: str, connections: int, findings: Findings) -> str:
    """All at once: silent ones, or such that have begun a header, or a body."""
    at = urlsplit(server.url)
    before = server.resident_bytes()
    with Connection(server.url) as early:
        findings.expect(served_of(1, early) == 1, "a client that came early is served")
        crowd = Crowd(str(at.hostname), int(at.port), f"{kind}:{connections}")
        held = crowd.count()["held"][kind]
        findings.expect(held <= CONNECTIONS_MAX, f"{held} connections are held")
        late = [status_of_new_client(server) for _ in range(50)]
        served = served_of(500, early)
        grown = server.resident_bytes() - before
        crowd.leave()
    findings.expect(served == 500, f"the client that came early was served {served} times of 500, beside {kind} ones")
    findings.expect(late == [200] * 50, f"new clients beside {kind} ones: {late}")
    findings.expect(grown < MEMORY_MAX_BYTES, f"memory grew by {grown / 1e6:.0f} MB")
    time.sleep(1)
    findings.expect(status_of_new_client(server) == 200, "when they have left, new ones are served")
    return (f"{connections} {kind} connections: {held} held, the early client served, {late.count(200)} of 50 late ones served, "
            f"memory {grown / 1e6:+.1f} MB")


def check_few_descriptors(findings: Findings) -> str:
    server = ServerProcess(Path(ARGUMENTS.program), Path(ARGUMENTS.model), CROWDED_OPTIONS, descriptors=FEW_DESCRIPTORS)
    server.start()
    try:
        at = urlsplit(server.url)
        crowd = Crowd(str(at.hostname), int(at.port), f"silent:{2 * FEW_DESCRIPTORS}")
        good = Good(str(at.hostname), int(at.port))
        asyncio.run(good.times_ms(request_bytes("POST", "/agents/good/v1/chat/completions", CHAT), 20))
        late = [status_of_new_client(server) for _ in range(50)]
        findings.expect(late == [200] * 50, f"new clients, with few descriptors: {late}")
        store = server.get("/health")["status"]
        findings.expect(store == "ok" and server.metric("turns_total") >= 20, f"with few descriptors: {store}")
        held = crowd.count()["held"]["silent"]
        crowd.leave()
        server.terminate()
    finally:
        server.remove()
    return f"with {FEW_DESCRIPTORS} descriptors {held} of {2 * FEW_DESCRIPTORS} silent connections held, turns made durable"


def attack(server: ServerProcess, findings: Findings) -> str:
    at = urlsplit(server.url)
    good = Good(str(at.hostname), int(at.port))
    told = [factor_beside(server, good, ARGUMENTS.slow, ARGUMENTS.readers, findings), check_cut_off(server, good, ARGUMENTS.slow, ARGUMENTS.readers, findings),
            *(check_full_house(server, kind, ARGUMENTS.connections, findings) for kind in ("silent", "headers", "body")),
            check_few_descriptors(findings)]
    return "; ".join(told)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--slow", type=int, default=200)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--judge-times", action="store_true")
    ARGUMENTS = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    run_attack(attack, 1024)
