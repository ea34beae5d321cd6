"""What a browser would send for pages of others, and names that an attacker's DNS gives to this machine.

Every route, with foreign Host and Origin headers as browsers make them: refused with 403 before anything is done, and
without a CORS header. Control: the same requests to a server that was told to allow all hosts and origins are answered.
"""

import sys
from pathlib import Path

from raw_http import Answer, Attacker, Findings, request, run_attack
from server_process import ServerProcess

HOSTS = ["evil.example", "evil.example:80", "localhost.evil.example", "evil.example.localhost.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io",
         "0x7f000001", "2130706433", "017700000001", "127.1", "0", "0.0.0.0", "[::]", "[::ffff:10.0.0.1]", "192.168.0.1", "169.254.169.254",
         "localhost@evil.example", "localhost:80@evil.example", "evil.example#localhost", "localhost/evil", "localhost evil.example",
         "localhost:", "localhost:99999", "localhost:-1", "localhost:80:80", "[::1", "::1]", "[localhost]", "", ".", "..", "*", "null", "%6cocalhost"]
ORIGINS = ["http://evil.example", "https://evil.example", "null", "http://localhost.evil.example", "http://evil.example:80", "file://",
           "chrome-extension://abcdefgh", "http://localhost:1", "https://localhost", "http://127.0.0.1:1", "http://localhost@evil.example",
           "http://localhost#evil.example", "http://localhost/evil.example", "http://localhost, http://evil.example", "", "javascript:", "http://", "localhost"]
# As a page's form, image, script, fetch, worker and websocket send them.
BROWSER = [{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}, {"Content-Type": "text/plain"},
           {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Mode": "navigate"}, {"Content-Type": "multipart/form-data; boundary=x"},
           {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "AAAA", "Sec-WebSocket-Version": "13"},
           {"Content-Type": "application/json", "Referer": "http://localhost/"}]


def routes_of(attacker: Attacker) -> list[tuple[str, str]]:
    document = attacker.ask(request("GET", "/openapi.json")).json()
    return [(method.upper(), path.replace("{name}", "victim").replace("{id}", "x")) for path, methods in document["paths"].items() for method in methods]


def is_refused(answer: Answer) -> bool:
    return answer.status in (400, 403) and not any(name.startswith("access-control-") for name in answer.headers)


def attack(server: ServerProcess, findings: Findings) -> str:
    attacker = Attacker(server.url)
    port = server.url.rsplit(":", 1)[1]
    routes = routes_of(attacker)
    assert attacker.post("/agents", b'{"name": "victim"}').status == 201
    for method, path in routes:
        for host in HOSTS:
            answer = findings.timed(lambda: attacker.ask(request(method, path, b"{}", {"Host": host}), method))
            findings.expect(is_refused(answer), f"{method} {path} of Host {host!r}: {answer.status}")
        for origin in ORIGINS:
            for headers in BROWSER[:2]:
                answer = findings.timed(lambda: attacker.ask(request(method, path, b"{}", {"Host": f"localhost:{port}", "Origin": origin, **headers}), method))
                findings.expect(is_refused(answer), f"{method} {path} from {origin!r}: {answer.status} {answer.headers}")
    for headers in BROWSER:
        answer = findings.timed(lambda: attacker.ask(request("POST", "/agents", b'{"name": "made"}', {"Origin": "http://evil.example", **headers})))
        findings.expect(is_refused(answer), f"{headers}: {answer.status}")
    absolute = attacker.ask(request("GET", "http://evil.example/agents"))
    findings.expect(is_refused(absolute), f"an absolute target of another host: {absolute.status}")
    preflight = attacker.ask(request("OPTIONS", "/agents", b"", {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST",
                                                                 "Access-Control-Request-Private-Network": "true"}))
    findings.expect(is_refused(preflight), f"a preflight: {preflight.status}")
    agents = [agent["name"] for agent in attacker.ask(request("GET", "/agents")).json()["agents"]]
    findings.expect(agents == ["victim"], f"agents at the end: {agents}")
    own = attacker.ask(request("GET", "/agents", b"", {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}))
    findings.expect(own.status == 200, f"a page of this server itself: {own.status}")
    check_control(findings)
    return f"{len(routes)} routes, {len(HOSTS)} hosts, {len(ORIGINS)} origins"


def check_control(findings: Findings) -> None:
    open_server = ServerProcess(Path(sys.argv[1]), Path(sys.argv[2]), ["--allow-host", "*", "--allow-origin", "*"])
    try:
        open_server.start()
        attacker = Attacker(open_server.url)
        by_host = attacker.ask(request("GET", "/agents", b"", {"Host": "evil.example"}))
        by_origin = attacker.ask(request("GET", "/agents", b"", {"Origin": "http://evil.example"}))
        findings.expect(by_host.status == 200 and not is_refused(by_host), f"control: an open server refuses a Host: {by_host.status}")
        findings.expect(by_origin.status == 200 and not is_refused(by_origin), f"control: an open server refuses an Origin: {by_origin.status}")
    finally:
        open_server.remove()


if __name__ == "__main__":
    run_attack(attack)
