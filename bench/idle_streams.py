"""What many idle and some rude connections cost a good client: p99 with and without them, and the server's memory.

    bench/idle_streams.py PROGRAM MODEL [--streams 3000] [--slow 50] [--repetitions 3] [--out FILE]

With: `streams` clients of GET /events, `slow` clients that ask for a stream and never read it, `slow` that send a request
a byte a second. The two states are measured in turns; goals: p99 at most 1.5 times, memory at most 24 MB above idle.
"""

import argparse
import asyncio
import json
import resource
import select
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "clients"))
from server_process import ServerProcess  # noqa: E402

P99_FACTOR_GOAL = 1.5
MEMORY_GOAL_BYTES = 24_000_000
HEALTH_REQUESTS = 3000
CHAT_REQUESTS = 150
CHAT = {"model": "any", "max_tokens": 12, "temperature": 0,
        "messages": [{"role": "user", "content": "Remember that the owner of the archive is Nora."}]}


def request_bytes(method: str, path: str, body: object = None, keep: str = "keep-alive") -> bytes:
    text = b"" if body is None else json.dumps(body).encode()
    return (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: {keep}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n").encode() + text


class Good:
    """One connection that asks and waits, over and over."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    async def times_ms(self, request: bytes, count: int) -> list[float]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n")[0]:
                raise RuntimeError(head.decode())
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                          if line.lower().startswith(b"content-length:"))
            await reader.readexactly(length)
            times.append(1000 * (time.perf_counter() - begin))
        writer.close()
        return times


class Crowd:
    """Connections that are there and do next to nothing, held by a process of its own, so that what the measuring client
    waits for is the server."""

    def __init__(self, host: str, port: int, streams: int, slow: int) -> None:
        self.process = subprocess.Popen([sys.executable, __file__, "--crowd", host, str(port), str(streams), str(slow)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "there\n":
            raise RuntimeError("the crowd did not come")

    def leave(self) -> None:
        self.process.communicate()  # its standard input ends


def be_a_crowd(host: str, port: int, streams: int, slow: int) -> None:
    def connect(first_bytes: bytes, receive_bytes: int = 0) -> socket.socket:
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.connect((host, port))
        connection.sendall(first_bytes)
        return connection

    held = [connect(request_bytes("GET", "/events")) for _ in range(streams)]
    never_read = request_bytes("POST", "/v1/chat/completions", {**CHAT, "stream": True, "max_tokens": 200})
    held += [connect(never_read, 1) for _ in range(slow)]
    drips = [connect(b"") for _ in range(slow)]
    print("there", flush=True)
    for byte in request_bytes("POST", "/v1/chat/completions", CHAT) * 100:
        for connection in drips:
            try:
                connection.sendall(bytes([byte]))
            except OSError:  # the server has waited long enough
                pass
        if select.select([sys.stdin], [], [], 1)[0]:
            break
    for connection in held + drips:
        connection.close()


def p(times: list[float], part: float) -> float:
    return sorted(times)[min(len(times) - 1, int(part * len(times)))]


async def measure(good: Good) -> dict[str, float]:
    health = await good.times_ms(request_bytes("GET", "/health"), HEALTH_REQUESTS)
    chat = await good.times_ms(request_bytes("POST", "/agents/good/v1/chat/completions", CHAT), CHAT_REQUESTS)
    return {"health_p50_ms": p(health, 0.5), "health_p99_ms": p(health, 0.99), "chat_p50_ms": p(chat, 0.5),
            "chat_p99_ms": p(chat, 0.99)}


async def warm_up(good: Good, slow: int) -> None:
    """What the crowd's answers need is used before idle is measured: their memory is not that of connections."""
    for _ in range(slow):
        await good.times_ms(request_bytes("POST", "/v1/chat/completions", {**CHAT, "max_tokens": 200}), 1)


async def answers_are_over(server: ServerProcess) -> None:
    """What nobody reads is answered all the same; that work is not what is measured here."""
    while server.metric("turns_active") + server.metric("turns_waiting") > 0:
        await asyncio.sleep(0.2)


async def run(server: ServerProcess, streams: int, slow: int, repetitions: int) -> dict:
    at = urlsplit(server.url)
    good = Good(str(at.hostname), int(at.port or 0))
    await warm_up(good, slow)
    await measure(good)
    without, beside, idle_bytes, crowd_bytes = [], [], [], []
    for _ in range(repetitions):
        without.append(await measure(good))
        idle_bytes.append(server.resident_bytes())
        crowd = Crowd(good.host, good.port, streams, slow)
        await answers_are_over(server)
        crowd_bytes.append(server.resident_bytes())
        listeners = server.metric("event_listeners")
        beside.append(await measure(good))
        crowd.leave()
        await asyncio.sleep(1)
    names = list(without[0])
    rows = {name: {"without": statistics.median(row[name] for row in without),
                   "beside": statistics.median(row[name] for row in beside),
                   "beside_min": min(row[name] for row in beside), "beside_max": max(row[name] for row in beside),
                   "factor": statistics.median(b[name] / w[name] for w, b in zip(without, beside))} for name in names}
    return {"streams": streams, "slow_readers": slow, "slow_senders": slow, "repetitions": repetitions,
            "listeners": listeners, "rows": rows, "memory_above_idle_bytes": max(crowd_bytes) - idle_bytes[0]}


def show(result: dict) -> None:
    print(f'{result["listeners"]} idle streams, {result["slow_readers"]} slow readers, {result["slow_senders"]} slow senders; '
          f'{result["repetitions"]} repetitions, medians')
    print(f'{"":<16}{"without":>10}{"beside":>10}{"factor":>8}')
    for name, row in result["rows"].items():
        goal = ""
        if "p99" in name:
            goal = "  goal 1.5: " + ("met" if row["factor"] <= P99_FACTOR_GOAL else "MISSED")
        print(f'{name:<16}{row["without"]:>10.2f}{row["beside"]:>10.2f}{row["factor"]:>8.2f}{goal}')
    above = result["memory_above_idle_bytes"]
    print(f'memory above idle {above / 1e6:.1f} MB; goal 24 MB: {"met" if above <= MEMORY_GOAL_BYTES else "MISSED"}')


def raise_descriptor_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    raise_descriptor_limit()
    if sys.argv[1:2] == ["--crowd"]:
        return be_a_crowd(sys.argv[2], *(int(number) for number in sys.argv[3:]))
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--streams", type=int, default=3000)
    parser.add_argument("--slow", type=int, default=50)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    server = ServerProcess(arguments.program, arguments.model)
    try:
        server.start()
        result = asyncio.run(run(server, arguments.streams, arguments.slow, arguments.repetitions))
    finally:
        server.remove()
    show(result)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
