"""The real server on a store of its own, started, killed and started again."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60


class ServerProcess:
    def __init__(self, program: Path, model: Path, options: list[str] | None = None, descriptors: int = 0) -> None:
        self._home = tempfile.mkdtemp(prefix="kvasir-clients-")
        self._command = [str(program), "serve", "--home", self._home, "--model", str(model), "--port", "0",
                         "--disk-free-min", "1", "--temp", "0",
                         "--restore", "always",  # tiny models can read faster than a busy disk, and restores are looked at
                         *(options or [])]
        if descriptors > 0:  # as many as the process may have; else as many as this one
            self._command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *self._command]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(r" on (http://\S+)", line)
            if found:
                self.url = found.group(1)
                break
        else:
            raise RuntimeError(f"the server ended with {self._process.wait()} before it served")
        urllib.request.urlopen(self.url + "/ready", timeout=START_TIMEOUT_S).read()

    def kill(self) -> None:
        """No chance to save or to say good-bye."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        """As a service manager stops it: it finishes, saves, and ends with 0."""
        assert self._process is not None
        self._process.terminate()
        ended = self._process.wait(timeout=STOP_TIMEOUT_S)
        if ended != 0:
            raise RuntimeError(f"the server ended with {ended} after SIGTERM")

    def freeze(self, seconds: float) -> None:
        """As a machine that swaps, or a debugger: nothing moves, then all goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def home(self) -> Path:
        return Path(self._home)

    def resident_bytes(self) -> int:
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE).group(1)) * 1024

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_everything(self) -> None:
        """What a server without memory would start with."""
        shutil.rmtree(self._home)

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def metric(self, name: str) -> int:
        text = urllib.request.urlopen(self.url + "/metrics", timeout=10).read().decode()
        found = re.search(rf"^kvasir_{name}\{{[^}}]*\}} (\S+)$", text, re.MULTILINE)
        if not found:
            raise RuntimeError(f"/metrics has no kvasir_{name}")
        return int(float(found.group(1)))

    def sum_of(self, name: str) -> int:
        """Of a metric, over all models."""
        text = urllib.request.urlopen(self.url + "/metrics", timeout=10).read().decode()
        return sum(int(float(value)) for value in re.findall(rf"^kvasir_{name}\{{[^}}]*\}} (\S+)$", text, re.MULTILINE))

    def get(self, path: str) -> dict:
        return json.load(urllib.request.urlopen(self.url + path, timeout=10))
