"""Scripts in names and texts: whatever comes back from the server, no browser may run it.

Every answer that holds what a client sent must be of a type that browsers do not render, and say that it is not to be
guessed; the page /docs holds nothing of it and allows no script at all. Control: the texts do come back in JSON.
"""

import json
import re
from urllib.parse import quote

from raw_http import Answer, Attacker, Findings, request, run_attack
from server_process import ServerProcess

MARK = "zqx9"
SCRIPTS = [f"<script>{MARK}</script>", f"<img src=x onerror={MARK}>", f"</script><svg onload={MARK}>", f"javascript:{MARK}", f"'-{MARK}-'", f'"><b>{MARK}',
           f"{{{{{MARK}}}}}", f"${{{MARK}}}", f"\u2028{MARK}", f"<!--{MARK}-->", f"&lt;{MARK}&gt;", f"+ADw-script+AD4-{MARK}", f"%3Cscript%3E{MARK}", f"data:text/html,{MARK}"]
PLAIN = re.compile(r"application/json|text/event-stream|text/plain; version=0\.0\.4")


def check(answer: Answer, what: str, findings: Findings) -> None:
    kind = answer.headers.get("content-type", "")
    findings.expect(PLAIN.fullmatch(kind.split("; charset")[0]) is not None or kind == "", f"{what}: content type {kind}")
    findings.expect(answer.headers.get("x-content-type-options") == "nosniff", f"{what}: the type may be guessed")
    findings.expect(not any(MARK in value for name, value in answer.headers.items() if name != "x-request-id"), f"{what}: in a header: {answer.headers}")


def check_docs(attacker: Attacker, findings: Findings) -> None:
    for path in ["/docs", "/docs?x=" + quote(SCRIPTS[0]), "/docs?" + quote(SCRIPTS[1])]:
        answer = attacker.ask(request("GET", path, b"", {"Referer": SCRIPTS[0], "User-Agent": SCRIPTS[0], "X-Request-Id": MARK}))
        findings.expect(answer.status == 200 and MARK.encode() not in answer.body, f"{path} tells what it was sent")
        policy = answer.headers.get("content-security-policy", "")
        findings.expect("default-src 'none'" in policy and "script" not in policy and "frame-ancestors 'none'" in policy, f"{path}: policy {policy!r}")
        findings.expect(answer.headers.get("x-content-type-options") == "nosniff", f"{path}: the type may be guessed")
        findings.expect(re.search(rb"<script|on[a-z]+=|javascript:|https?://", answer.body) is None, f"{path} has a script or loads from elsewhere")


def attack(server: ServerProcess, findings: Findings) -> str:
    attacker = Attacker(server.url)
    came_back = 0
    for number, script in enumerate(SCRIPTS):
        name = f"agent-{number}"
        answers = {
            "create": attacker.post("/agents", json.dumps({"name": name, "type": script, "system_prompt": script}).encode()),
            "bad name": attacker.post("/agents", json.dumps({"name": script}).encode()),
            "message": attacker.post(f"/agents/{name}/messages", json.dumps({"content": script, "max_tokens": 4}).encode()),
            "chat": attacker.post("/v1/chat/completions", json.dumps({"model": script, "messages": [{"role": "user", "content": script}], "max_tokens": 2}).encode()),
            "role": attacker.post("/v1/chat/completions", json.dumps({"messages": [{"role": script, "content": script}]}).encode()),
            "anthropic": attacker.post("/v1/messages", json.dumps({"model": script, "messages": [{"role": script, "content": "x"}], "max_tokens": 2}).encode()),
            "show": attacker.ask(request("GET", f"/agents/{name}")), "turns": attacker.ask(request("GET", f"/agents/{name}/turns")), "list": attacker.ask(request("GET", "/agents")),
            "no route": attacker.ask(request("GET", "/" + quote(script, safe=""))), "no agent": attacker.ask(request("GET", "/agents/" + quote(script, safe=""))),
            "model": attacker.ask(request("GET", "/v1/models/" + quote(script, safe=""))), "metrics": attacker.ask(request("GET", "/metrics")),
            "raw path": attacker.ask(request("GET", "/" + script.replace(" ", "/"))), "host": attacker.ask(request("GET", "/", b"", {"Host": script.encode().decode("latin1")})),
            "key": attacker.post("/agents", b"{" + script.encode()),
        }
        for what, answer in answers.items():
            check(answer, f"{what} with {script!r}", findings)
            came_back += MARK.encode() in answer.body
    check_docs(attacker, findings)
    findings.expect(came_back > 3 * len(SCRIPTS), f"control: only {came_back} answers hold what was sent")
    return f"{len(SCRIPTS)} scripts in 16 places; {came_back} answers held them, as data"


if __name__ == "__main__":
    run_attack(attack)
