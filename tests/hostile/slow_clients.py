"""Slow and rude clients beside a good one, which must be served every time and hardly later.

    slow_clients.py PROGRAM MODEL [--slow 200] [--readers 20] [--connections 10000] [--judge-times]

Slow senders of headers and bodies must be cut off when their time is up, endless headers be refused at once, readers that
never read cost no more than their buffer; and with more connections than the server holds, those it has are served, and
when they leave, new ones are. The good client's p99 is taken in turns, without and beside them; with --judge-times it may grow
1.5 times, for turns and for health checks. Controls: a connection that is only idle is not cut off, and the crowd sees what is.
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
P99_FACTOR_MAX = 1.5
MEMORY_MAX_BYTES = 64_000_000
ROUNDS = 3


def measure(good: Good) -> dict[str, float]:
    health = asyncio.run(good.times_ms(request_bytes("GET", "/health"), 1000))
    chat = asyncio.run(good.times_ms(request_bytes("POST", "/agents/good/v1/chat/completions", CHAT), 100))
    return {"health": p(health, 0.99), "chat": p(chat, 0.99)}


def answers_are_over(server: ServerProcess) -> None:
    """What nobody reads is answered all the same; that work is not what is measured here."""
    while server.metric("turns_active") + server.metric("turns_waiting") > 0:
        time.sleep(0.2)


def factor_beside(server: ServerProcess, good: Good, slow: int, readers: int, findings: Findings) -> str:
    measure(good)
    without, beside, again = [], [], []
    for _ in range(ROUNDS):
        without.append(measure(good))
        crowd = Crowd(good.host, good.port, f"headers:{slow // 2}", f"body:{slow // 2}", f"reader:{readers}", f"events:{readers}", "endless:4")
        answers_are_over(server)
        beside.append(measure(good))
        crowd.leave()
        time.sleep(1)
        again.append(measure(good))
    told = []
    for what in without[0]:
        factors = [b[what] / w[what] for w, b in zip(without, beside)]
        noise = [a[what] / w[what] for w, a in zip(without, again)]
        told.append(f"{what} p99 {statistics.median(w[what] for w in without):.1f} ms, beside {statistics.median(b[what] for b in beside):.1f} ms: "
                    f"x{statistics.median(factors):.2f} ({min(factors):.2f} to {max(factors):.2f}; without and without again x{statistics.median(noise):.2f})")
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


def check_full_house(server: ServerProcess, good: Good, connections: int, findings: Findings) -> str:
    before = server.resident_bytes()
    with Connection(server.url) as early:
        early.send(request("GET", "/health"))
        findings.expect(early.answer().status == 200, "a client that came early is served")
        crowd = Crowd(good.host, good.port, f"silent:{connections}")
        held = crowd.count()["held"]["silent"]
        findings.expect(held <= CONNECTIONS_MAX, f"{held} connections are held")
        served = 0
        for _ in range(500):
            early.send(request("GET", "/health"))
            served += early.answer().status == 200
        findings.expect(served == 500, f"the client that came early was served {served} times of 500")
        with Connection(server.url) as late:
            late.send(request("GET", "/health"))
            late_status = late.answer().status
        grown = server.resident_bytes() - before
        crowd.leave()
    findings.expect(late_status in ((0, 503) if connections > CONNECTIONS_MAX else (200,)), f"one more connection: {late_status}")
    findings.expect(grown < MEMORY_MAX_BYTES, f"memory grew by {grown / 1e6:.0f} MB")
    time.sleep(1)
    with Connection(server.url) as later:
        later.send(request("GET", "/health"))
        findings.expect(later.answer().status == 200, "when they have left, new ones are served")
    return f"{connections} connections: {held} held, the early client served, a late one told {late_status}, memory {grown / 1e6:+.1f} MB"


def attack(server: ServerProcess, findings: Findings) -> str:
    at = urlsplit(server.url)
    good = Good(str(at.hostname), int(at.port))
    told = [factor_beside(server, good, ARGUMENTS.slow, ARGUMENTS.readers, findings), check_cut_off(server, good, ARGUMENTS.slow, ARGUMENTS.readers, findings),
            check_full_house(server, good, ARGUMENTS.connections, findings)]
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
