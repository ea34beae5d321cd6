"""`kvasir pull` against a server that is told to misbehave.

    pull_test.py PROGRAM MODEL

A model takes its place only when it is whole, has its checksum, and is a model; what came before a break is not fetched
again. Controls: a wrong checksum and a wrong rest of a file are noticed.
"""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from file_server import FileServer

MIB = 1024 * 1024
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Case:
    """A home of its own, a server of its own."""

    def __init__(self, program: Path, model: Path, tls: tuple[Path, Path] | None = None) -> None:
        self.program, self.home = program, Path(tempfile.mkdtemp(prefix="kvasir-pull-"))
        self.content = model.read_bytes()
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        self.server = FileServer(self.content, tls)

    def __enter__(self) -> "Case":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def command(self, *arguments: str) -> list[str]:
        return [str(self.program), "--home", str(self.home), *arguments]

    def pull(self, *arguments: str, expect: int = 0, said: str = "", limit_bytes: int = 0) -> str:
        def limit() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

        done = subprocess.run(self.command("pull", *arguments), capture_output=True, text=True, timeout=120, check=False,
                              preexec_fn=limit if limit_bytes else None)
        told = done.stdout + done.stderr
        assert done.returncode == expect, f"ended with {done.returncode}, not {expect}: {told}"
        assert said in told, f"'{said}' was not said: {told}"
        return done.stdout

    def file(self, name: str = "tiny.gguf") -> Path:
        return self.home / "models" / name

    def left(self) -> list[str]:
        folder = self.home / "models"
        return sorted(f.name for f in folder.iterdir() if not f.name.endswith(".lock")) if folder.exists() else []

    def expect_whole(self, name: str = "tiny.gguf") -> None:
        assert self.file(name).read_bytes() == self.content, "the file is another one"
        assert self.left() == [name], self.left()
        assert self.file(name).stat().st_mode & 0o777 == 0o600

    def sent(self) -> int:
        return sum(record[2] for record in self.server.asked)


@test
def whole_and_used_by_its_name(case: Case) -> None:
    case.server.checksum_header = True
    told = json.loads(case.pull(case.server.url(), "--json"))
    assert told["sha256"] == case.sha256 and told["compared"] and told["bytes"] == len(case.content)
    case.expect_whole()
    made = subprocess.run(case.command("--model", "tiny", "agents", "create", "ada"), capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    case.pull(case.server.url(), "--sha256", case.sha256, said="is there already")
    case.pull(case.server.url(), expect=1, said="exists")


@test
def goes_on_after_breaks(case: Case) -> None:
    case.server.break_after = [2 * MIB, MIB, 1, 0]
    case.pull(case.server.url(), "--sha256", case.sha256.upper())
    case.expect_whole()
    assert case.sent() == len(case.content), "bytes came twice"
    assert [r[1] for r in case.server.asked][1] == f"bytes={2 * MIB}-"


@test
def goes_on_after_kill(case: Case) -> None:
    case.server.bytes_per_s = 4 * MIB
    process = subprocess.Popen(case.command("pull", case.server.url()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    part = case.file("tiny.gguf.part")
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > MIB):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.02)
    process.kill()
    process.wait()
    there = part.stat().st_size
    case.server.bytes_per_s = 0
    told = json.loads(case.pull(case.server.url(), "--json"))
    assert told["bytes_before"] == there, told
    case.expect_whole()


@test
def interrupted_keeps_what_came(case: Case) -> None:
    case.server.bytes_per_s = 2 * MIB
    process = subprocess.Popen(case.command("pull", case.server.url()), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "goes on with it" in said, said
    assert "tiny.gguf.part" in case.left()


@test
def another_file_since_then_starts_over(case: Case) -> None:
    case.server.break_after = [2 * MIB]
    case.pull(case.server.url(), "--retries", "0", expect=1, said="are kept")
    case.server.etag = '"two"'
    case.pull(case.server.url())
    case.expect_whole()
    assert case.sent() == len(case.content) + 2 * MIB


@test
def without_a_mark_it_starts_over(case: Case) -> None:
    case.server.etag = None
    case.server.break_after = [2 * MIB]
    case.pull(case.server.url(), said="nobody tells")
    case.expect_whole()
    assert case.sent() == len(case.content) + 2 * MIB


@test
def without_ranges_it_starts_over(case: Case) -> None:
    case.server.ranges = False
    case.server.break_after = [2 * MIB]
    case.pull(case.server.url())
    case.expect_whole()


@test
def always_broken_has_an_end(case: Case) -> None:
    case.server.ranges = False
    case.server.break_after = [MIB] * 50
    case.pull(case.server.url(), "--retries", "2", expect=1, said="same command goes on")
    assert len(case.server.asked) <= 5


@test
def stalls_are_noticed(case: Case) -> None:
    case.server.stall_after = [MIB]
    begin = time.monotonic()
    case.pull(case.server.url(), "--stall-timeout", "1", said="nothing came for 1 s")
    assert time.monotonic() - begin < 15
    case.expect_whole()


@test
def wrong_checksum_leaves_nothing(case: Case) -> None:
    case.pull(case.server.url(), "--sha256", "0" * 64, expect=1, said="has the checksum")
    assert case.left() == [], case.left()
    case.server.sidecar = "1" * 64 + "  tiny.gguf\n"
    case.pull(case.server.url(), expect=1, said="1" * 64)
    assert case.left() == []
    case.server.sidecar = case.sha256 + "  tiny.gguf\n"
    assert json.loads(case.pull(case.server.url(), "--json"))["compared"]
    case.expect_whole()


@test
def wrong_rest_is_noticed(case: Case) -> None:
    case.server.checksum_header = True
    case.server.break_after = [MIB]
    case.server.tail = b"another file's end" * 1000
    case.pull(case.server.url(), expect=1, said="has the checksum")
    assert case.left() == []


@test
def refusals_are_told(case: Case) -> None:
    case.server.status, case.server.status_times = 404, -1
    case.pull(case.server.url(), expect=3, said="is not there")
    case.server.status = 403
    case.pull(case.server.url(), expect=1, said="not for everybody")
    case.server.status = 418
    case.pull(case.server.url(), expect=1, said="answered 418")
    case.server.status, case.server.status_times = 503, 1
    case.pull(case.server.url(), said="answered 503")
    case.expect_whole()


@test
def redirects_have_a_limit(case: Case) -> None:
    case.pull(case.server.url("redirect-5.gguf"), "--name", "tiny")
    case.expect_whole()
    case.pull(case.server.url("redirect-6.gguf"), expect=1, said="more than 5 times")
    case.server.redirect_to = "file:///etc/passwd"
    case.pull(case.server.url("other.gguf"), expect=2, said="sent on to one that is none")


@test
def full_disk_keeps_what_came(case: Case) -> None:
    case.pull(case.server.url(), expect=7, said="free some space", limit_bytes=2 * MIB)
    assert case.file("tiny.gguf.part").stat().st_size == 2 * MIB
    case.pull(case.server.url())
    case.expect_whole()
    # What was sent counts for little: the sockets' buffers take megabytes that nobody reads.
    assert [record[1] for record in case.server.asked if record[0] == "/tiny.gguf"] == [None, f"bytes={2 * MIB}-"], case.server.asked


@test
def too_large_is_refused_before_a_byte(case: Case) -> None:
    case.server.length = 3_000_000_000_000
    case.pull(case.server.url(), expect=6, said="could not be used here")
    case.pull(case.server.url(), "--force", expect=7, said="of disk are free")
    case.server.length = 5_000_000_000_000
    case.pull(case.server.url(), "--force", expect=2, said="larger than any model")
    assert case.file("tiny.gguf.part").stat().st_size == 0


@test
def what_is_no_model_is_removed(case: Case) -> None:
    case.server.content = b"<html>please log in</html>" * 100
    case.pull(case.server.url(), expect=6, said="no GGUF file")
    case.server.content = case.content[:MIB]
    case.pull(case.server.url(), expect=6, said="truncated")
    assert case.left() == []


@test
def two_at_a_time_are_not(case: Case) -> None:
    case.server.bytes_per_s = 2 * MIB
    first = subprocess.Popen(case.command("pull", case.server.url()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not case.file("tiny.gguf.part").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    case.pull(case.server.url(), expect=4)
    case.server.bytes_per_s = 0
    assert first.wait(timeout=60) == 0
    case.expect_whole()


@test
def hub_names(case: Case) -> None:
    hub = ["--hub", case.server.base]
    case.pull("owner/tiny", *hub, expect=3, said="more than one file")
    case.pull("owner/tiny:q5", *hub, expect=3, said="no file")
    case.server.files = ["README.md"]
    case.pull("owner/tiny", *hub, expect=3, said="has no GGUF file")
    case.server.files = ["tiny.Q4_K_M.gguf", "tiny.Q8_0.gguf"]
    case.pull("owner/tiny:q4_k_m", *hub, "--sha256", case.sha256)
    case.expect_whole("tiny.Q4_K_M.gguf")
    assert case.server.asked[-1][0] == "/owner/tiny/resolve/main/tiny.Q4_K_M.gguf"
    case.pull("owner/tiny:tiny.Q8_0.gguf", *hub, "--name", "eight")
    assert case.file("eight.gguf").exists()


@test
def what_is_no_source_is_told(case: Case) -> None:
    case.pull("http://example.com/tiny.gguf", expect=2, said="no https URL")
    case.pull("http://localhost:80@example.com/tiny.gguf", expect=2, said="user name")
    case.pull("ftp://127.0.0.1/tiny.gguf", expect=2, said="no https URL")
    case.pull("nothing", expect=2, said="neither an https URL")
    case.pull("../x", expect=2, said="neither an https URL")
    case.pull(case.server.url("tiny-00001-of-00002.gguf"), expect=2, said="several files")
    case.pull(case.server.url(), "--name", "../x", expect=2, said="cannot be a model's name")
    case.pull(case.server.url(), "--sha256", "12", expect=2, said="64 hexadecimal digits")
    case.pull("http://127.0.0.1:1/tiny.gguf", expect=1, said="cannot reach")
    assert case.server.asked == []


def make_certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate),
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    return certificate, key


def over_tls(program: Path, model: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="kvasir-pull-tls-"))
    try:
        tls = make_certificate(folder)
        with Case(program, model, tls) as case:
            case.pull(case.server.url(), expect=1, said="is not trusted")
            case.server.redirect_to = "http://127.0.0.1:1/tiny.gguf"
            case.pull(case.server.url(), "--ca-file", str(tls[0]), expect=2, said="sent on to one that is none")
            case.server.redirect_to = None
            case.server.break_after = [MIB]
            case.pull(case.server.url(), "--ca-file", str(tls[0]), "--sha256", case.sha256)
            case.expect_whole()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    program, model = Path(sys.argv[1]), Path(sys.argv[2])
    only = sys.argv[3:]
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "KVASIR_HUB"):
        os.environ.pop(name, None)
    failed = 0
    for function in TESTS:
        if only and function.__name__ not in only:
            continue
        try:
            with Case(program, model) as case:
                function(case)
            print(f"good  {function.__name__}")
        except Exception:  # every case is told
            failed += 1
            print(f"WRONG {function.__name__}\n{traceback.format_exc()}")
    if not only or "over_tls" in only:
        try:
            over_tls(program, model)
            print("good  over_tls")
        except Exception:
            failed += 1
            print(f"WRONG over_tls\n{traceback.format_exc()}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
