"""Requests that two readers could take for different ones: hidden in each is a second request, which deletes an agent.

It must never be done, and the connection must end after the error. Control: the same second request, sent as an honest
one behind an honest first, is done.
"""

from raw_http import Answer, Attacker, Connection, Findings, request, run_attack
from server_process import ServerProcess

HIDDEN = b"DELETE /agents/victim HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"POST /agents/nobody/messages HTTP/1.1\r\nHost: localhost\r\n"


def length(text: str) -> bytes:
    return HEAD + b"Content-Length: " + text.encode() + b"\r\n\r\n" + HIDDEN


def coding(text: str, chunk: bytes = b"0\r\n\r\n") -> bytes:
    return HEAD + b"Transfer-Encoding: " + text.encode() + b"\r\n\r\n" + chunk + HIDDEN


def both(first: str, second: str) -> bytes:
    return HEAD + first.encode() + b"\r\n" + second.encode() + b"\r\n\r\n0\r\n\r\n" + HIDDEN


def chunk(size: str, data: bytes = b"ab") -> bytes:
    return coding("chunked", size.encode("latin1") + b"\r\n" + data + b"\r\n0\r\n\r\n")


PATTERNS: dict[str, bytes] = {
    "length and chunked": both("Content-Length: 0", "Transfer-Encoding: chunked"),
    "chunked and length": both("Transfer-Encoding: chunked", "Content-Length: 0"),
    "length and a coding that is almost chunked": both("Content-Length: 0", "Transfer-Encoding: xchunked"),
    "two lengths": both("Content-Length: 0", "Content-Length: 5"),
    "two lengths in one": length("0, 5"),
    "two codings": both("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    "coding list": coding("identity, chunked"), "coding list, chunked not last": coding("chunked, identity"),
    "gzip": coding("gzip"), "coding with a vertical tab": coding("\x0bchunked"),
    "coding quoted": coding('"chunked"'), "coding with a comma": coding("chunked,"), "coding empty": coding(""),
    "space before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "space before the name": HEAD + b" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "obsolete fold": HEAD + b"X: a\r\n Content-Length: 0\r\n\r\n" + HIDDEN,
    "folded coding": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "bare line feed behind a header": HEAD[:-2] + b"\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "bare line feeds": HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n" + HIDDEN,
    "bare carriage return": HEAD + b"X: a\rContent-Length: 0\r\n\r\n" + HIDDEN,
    "NUL in a name": HEAD + b"Content\0-Length: 0\r\n\r\n" + HIDDEN,
    "NUL in a value": HEAD + b"Content-Length: 0\0\r\n\r\n" + HIDDEN,
    "negative length": length("-1"), "length with a plus": length("+0"), "length in hex": length("0x0"),
    "length beyond 64 bits": length("18446744073709551616"), "length empty": length(""), "length with an underscore": length("0_0"),
    "negative chunk": chunk("-2"), "chunk beyond 64 bits": chunk("10000000000000000"), "largest chunk": chunk("FFFFFFFFFFFFFFFF"),
    "chunk in 0x": chunk("0x2"), "chunk empty": chunk(""), "chunk with a space": chunk(" 2"), "chunk with letters": chunk("2z"),
    "chunk of wrong length": chunk("1"), "chunk ended by a line feed": coding("chunked", b"2\nab\r\n0\r\n\r\n"),
    "chunk data not ended": coding("chunked", b"2\r\nabX0\r\n\r\n"),
    "chunk extension with a line feed": coding("chunked", b"2;a\nb\r\nab\r\n0\r\n\r\n"),
    "chunked in HTTP/1.0": coding("chunked").replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "two hosts": HEAD + b"Host: other\r\nContent-Length: 0\r\n\r\n" + HIDDEN,
    "no colon": HEAD + b"Content-Length 0\r\n\r\n" + HIDDEN,
    "HTTP/0.9": b"GET /health\r\n" + HIDDEN, "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "HTTP/9.9": b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n" + HIDDEN,
    "target of two words": b"GET /health x HTTP/1.1\r\nHost: localhost\r\n\r\n" + HIDDEN,
    "CONNECT": b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n" + HIDDEN,
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + HIDDEN,
    "1 MB in one line": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n" + HIDDEN,
    "1 MB in one header": HEAD + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n" + HIDDEN,
    "100,000 headers": HEAD + b"a: b\r\n" * 100_000 + b"\r\n" + HIDDEN,
}

# Answered as the HTTP/1.1 request that it also is; what follows is the honest next one, so nothing hides in it.
HARMLESS: dict[str, bytes] = {
    "websocket": b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "HTTP/2 upgrade": b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
    "trailers": b"POST /agents HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 9\r\nX-Kvasir-Agent: x\r\n\r\n",
}


def send(url: str, data: bytes) -> Answer:
    """The first answer; the rest is read until the server ends the connection, so that what it does is done."""
    with Connection(url, 5) as connection:
        connection.send(data)
        answer = connection.answer()
        if not connection.closed():
            raise TimeoutError
        return answer


def there(attacker: Attacker) -> bool:
    return attacker.ask(request("GET", "/agents/victim")).status == 200


def make_victim(attacker: Attacker) -> None:
    made = attacker.post("/agents", b'{"name": "victim"}')
    assert made.status == 201 or made.status == 409, made


def attack(server: ServerProcess, findings: Findings) -> str:
    attacker = Attacker(server.url)
    make_victim(attacker)
    for name, data in PATTERNS.items():
        answer = findings.timed(lambda data=data: send(server.url, data))
        findings.expect(answer.status == 0 or 400 <= answer.status < 600 and answer.status != 500, f"{name}: {answer.status}")
        findings.expect(there(attacker), f"{name}: the hidden request was done")
        make_victim(attacker)
    for name, data in HARMLESS.items():
        answer = findings.timed(lambda data=data: attacker.ask(data))
        findings.expect(answer.status in (200, 400), f"{name}: {answer.status}")
        findings.expect("upgrade" not in answer.headers, f"{name}: something was upgraded")
    with Connection(server.url) as connection:  # the control
        connection.send(request("GET", "/health") + HIDDEN)
        both_done = connection.answer().status == 200 and connection.answer().status == 200
    findings.expect(both_done and not there(attacker), "control: an honest second request was not done")
    return f"{len(PATTERNS)} ways to hide a request"


if __name__ == "__main__":
    run_attack(attack)
