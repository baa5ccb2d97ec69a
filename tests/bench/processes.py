"""Programs that a measurement starts, asks over loopback and stops."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
SERVER_CORE, CLIENT_CORE = 0, 1


class NotAvailableError(Exception):
    """A program that the measurement needs is not there, or does not start."""


def program(name: str, *, package: str) -> str:
    """The path of `name`. Raises NotAvailableError with how to get it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise NotAvailableError(f"{name} saknas (apt install {package})")
    return found


def pinned(command: Sequence[str], core: int) -> list[str]:
    """`command` held to one core, where there is more than one."""
    taskset = shutil.which("taskset")
    if taskset is None or len(os.sched_getaffinity(0)) < 2:
        return list(command)
    return [taskset, "-c", str(sorted(os.sched_getaffinity(0))[core]), *command]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], *, log: Path, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The program while the block lasts. Its words go to `log`."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, **(environ or {})}, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def kampanjhjul(*arguments: str) -> list[str]:
    """The product's own command, by this interpreter."""
    return [sys.executable, "-c", "import sys; from campaigns.cli import main; sys.exit(main())", *arguments]


def settings(data: Path, port: int, *, config: Path | None = None) -> dict[str, str]:
    """The environment that a site of its own runs in."""
    values = {"KAMPANJHJUL_DATA_DIR": str(data), "KAMPANJHJUL_PORT": str(port), "KAMPANJHJUL_HOST": LOOPBACK}
    return values | ({"KAMPANJHJUL_CONFIG_DIR": str(config)} if config else {})


def wait_for(port: int, path: str, process: subprocess.Popen[bytes], *, status: int = 200, within: float = 30) -> None:
    """Return when `path` is answered with `status`. Raises NotAvailableError if it is not, `within` seconds."""
    until = time.monotonic() + within
    while time.monotonic() < until and process.poll() is None:
        if _status(port, path) == status:
            return
        time.sleep(0.003)
    raise NotAvailableError(f"{Path(str(process.args[0])).name if isinstance(process.args, list) else ''} svarar inte")


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait_until_listening(port: int, process: subprocess.Popen[bytes], *, within: float = 30) -> None:
    """Return when somebody listens on `port`. Raises NotAvailableError if nobody does, `within` seconds."""
    until = time.monotonic() + within
    while time.monotonic() < until and process.poll() is None:
        if is_listening(port):
            return
        time.sleep(0.01)
    raise NotAvailableError(f"ingen lyssnar på port {port}")


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def fetched(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers in lower case, and body."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def resident_mb(process_id: int) -> float:
    """What the process holds in memory now, MB (1024 × 1024 bytes)."""
    for line in Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise NotAvailableError("VmRSS saknas i /proc")
