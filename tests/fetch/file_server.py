"""A server of one file that can be told to misbehave, on a port of its own, with or without TLS."""

import hashlib
import http.server
import json
import ssl
import threading
import time
from pathlib import Path


class FileServer:
    """What it does is set between requests; what it was asked is kept in `asked`: (path, range, bytes sent)."""

    def __init__(self, content: bytes, tls: tuple[Path, Path] | None = None) -> None:
        self.content = content
        self.etag: str | None = '"one"'
        self.checksum_header = False
        self.sidecar: str | None = None     # of FILE.sha256
        self.ranges = True
        self.status = 200
        self.status_times = 0               # so often, then it is well
        self.break_after: list[int] = []    # the next answers end after so many bytes
        self.stall_after: list[int] = []    # or say no more
        self.bytes_per_s = 0
        self.length: int | None = None      # announced instead of the true one
        self.tail: bytes | None = None      # sent where the rest is asked for
        self.redirects = 0
        self.redirect_to: str | None = None
        self.files = ["tiny.Q4_K_M.gguf", "tiny.Q8_0.gguf", "README.md"]
        self.asked: list[list] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.close_connection = True
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}"

    def url(self, name: str = "tiny.gguf") -> str:
        return f"{self.base}/{name}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        path, wanted = handler.path, handler.headers.get("Range")
        record = [path, wanted, 0]
        self.asked.append(record)
        if path.startswith("/api/models/"):
            return self.send(handler, json.dumps({"siblings": [{"rfilename": name} for name in self.files]}).encode(), record)
        if path.endswith(".sha256"):
            if self.sidecar is None:
                return handler.send_error(404)
            return self.send(handler, self.sidecar.encode(), record)
        if "redirect" in path or self.redirect_to:
            return self.send_on(handler, path)
        if self.status != 200 and self.status_times != 0:
            self.status_times -= 1
            return handler.send_error(self.status)
        self.send_file(handler, wanted, record)

    def send_on(self, handler: http.server.BaseHTTPRequestHandler, path: str) -> None:
        left = int(path.rsplit("-", 1)[1].split(".")[0]) if "redirect-" in path else 0
        target = self.redirect_to or (self.url(f"redirect-{left - 1}.gguf") if left > 1 else self.url())
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def send(self, handler: http.server.BaseHTTPRequestHandler, body: bytes, record: list) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        record[2] = len(body)

    def send_file(self, handler: http.server.BaseHTTPRequestHandler, wanted: str | None, record: list) -> None:
        condition = handler.headers.get("If-Range")
        begin = 0
        if wanted and self.ranges and (condition is None or condition == self.etag):
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
        body = self.content[begin:]
        if begin and self.tail is not None:
            body = self.tail[:len(body)].ljust(len(body), b"\0")
        if begin >= len(self.content) and begin:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(self.content)}")
            handler.send_header("Content-Length", "0")
            return handler.end_headers()
        handler.send_response(206 if begin else 200)
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}")
        handler.send_header("Content-Length", str(self.length if self.length is not None else len(body)))
        if self.etag:
            handler.send_header("ETag", self.etag)
        if self.checksum_header:
            handler.send_header("X-Linked-ETag", '"' + hashlib.sha256(self.content).hexdigest() + '"')
        handler.end_headers()
        self.send_body(handler, body, record)

    def send_body(self, handler: http.server.BaseHTTPRequestHandler, body: bytes, record: list) -> None:
        stop = self.break_after.pop(0) if self.break_after else None
        stall = self.stall_after.pop(0) if self.stall_after else None
        end = min(len(body), *(limit for limit in (stop, stall, len(body)) if limit is not None))
        step = 64 * 1024
        try:
            while record[2] < end:
                part = body[record[2]:min(end, record[2] + step)]
                handler.wfile.write(part)
                record[2] += len(part)
                if self.bytes_per_s:
                    time.sleep(len(part) / self.bytes_per_s)
            if stall is not None:
                time.sleep(20)
        except OSError:
            pass
