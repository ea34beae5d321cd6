"""URLs in every field that could hold one, pointing at a server of ours that counts: nothing may come there.

There is no field whose URL is followed; this keeps it so. Control: a connection of the test's own is counted.
"""

import json
import socket
import threading

from raw_http import Attacker, Findings, run_attack
from server_process import ServerProcess

FORMS = ["http://127.0.0.1:{port}/{n}", "http://localhost:{port}/{n}", "http://[::ffff:127.0.0.1]:{port}/{n}", "http://0x7f000001:{port}/{n}",
         "http://2130706433:{port}/{n}", "http://user:pass@127.0.0.1:{port}/{n}", "http://169.254.169.254@127.0.0.1:{port}/{n}", "//127.0.0.1:{port}/{n}",
         "ftp://127.0.0.1:{port}/{n}", "gopher://127.0.0.1:{port}/{n}", "file:///etc/passwd#{port}{n}", "data:text/plain,{port}{n}"]


class Sink(threading.Thread):
    """Counts who comes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.came = self.listener.getsockname()[1], 0
        self.changed = threading.Condition()

    def run(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            connection.close()
            with self.changed:
                self.came += 1
                self.changed.notify_all()


def bodies(url: str) -> list[tuple[str, dict]]:
    def chat(content: object) -> dict:
        return {"model": "m", "messages": [{"role": "user", "content": content}], "max_tokens": 2}

    image = {"type": "image_url", "image_url": {"url": url}}
    text = {"type": "text", "text": url}
    tool = {"type": "function", "function": {"name": "f", "description": url, "parameters": {"$schema": url, "$id": url, "$ref": url, "type": "object"}}}
    return [("/v1/chat/completions", chat([image])), ("/v1/chat/completions", chat([text, {"type": "input_audio", "input_audio": {"data": url}}])),
            ("/v1/chat/completions", chat([{"type": "file", "file": {"file_data": url, "file_id": url}}])), ("/v1/chat/completions", chat(url)),
            ("/v1/chat/completions", {**chat("x"), "tools": [tool]}), ("/v1/chat/completions", {**chat("x"), "web_search_options": {"url": url}}),
            ("/v1/chat/completions", {**chat("x"), "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"$ref": url}}}}),
            ("/v1/chat/completions", {**chat("x"), "model": url}), ("/v1/completions", {"prompt": url, "max_tokens": 2, "model": url}),
            ("/v1/messages", chat([{"type": "image", "source": {"type": "url", "url": url}}])), ("/v1/messages", chat([{"type": "document", "source": {"type": "url", "url": url}}])),
            ("/v1/messages", {**chat("x"), "mcp_servers": [{"type": "url", "url": url, "name": "n"}]}),
            ("/v1/messages", {**chat("x"), "tools": [{"type": "web_fetch_20250910", "name": "web_fetch", "allowed_domains": [url]}]}),
            ("/v1/messages", {**chat("x"), "metadata": {"user_id": url}, "container": url}), ("/agents", {"name": "a", "system_prompt": url, "type": url, "webhook": url, "callback_url": url}),
            ("/agents/x/messages", {"content": url, "image_url": url, "max_tokens": 2}), ("/agents/x/fork", {"name": url, "url": url})]


def attack(server: ServerProcess, findings: Findings) -> str:
    sink = Sink()
    sink.start()
    attacker = Attacker(server.url)
    sent = 0
    for number, form in enumerate(FORMS):
        url = form.format(port=sink.port, n=number)
        headers = {"Referer": url, "X-Forwarded-Host": url, "Forwarded": f"host={url}", "X-Original-URL": url, "X-Callback": url}
        for path, fields in bodies(url):
            answer = findings.timed(lambda path=path, fields=fields: attacker.post(path, json.dumps(fields).encode(), headers))
            findings.expect(answer.status in range(200, 500), f"{path} {fields}: {answer}")
            sent += 1
    findings.expect(sink.came == 0, f"{sink.came} connections came to the URLs")
    with sink.changed:  # the control
        socket.create_connection(("127.0.0.1", sink.port)).close()
        counted = sink.changed.wait_for(lambda: sink.came == 1, timeout=10)
    findings.expect(counted, "control: a connection was not counted")
    return f"{sent} requests with URLs, 0 of them followed"


if __name__ == "__main__":
    run_attack(attack)
