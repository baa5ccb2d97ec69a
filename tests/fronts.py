"""Who comes to the web processes: a visitor, and nginx with deploy/nginx.conf as it stands, but for paths and ports."""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import free_port, is_listening, program, running
from tests.conftest import CONFIG
from tests.machines import until

EXAMPLE = CONFIG.parent / "deploy" / "nginx.conf"
_PARTS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: str = ""  # all that it sets, as a Cookie header sends them back


@dataclass
class Web:
    """One web process, as a browser without cookies sees it."""

    port: int
    is_tls: bool = False

    def ask(self, method: str, path: str, body: dict[str, str] | None = None, **headers: str) -> Answer:
        """One request on a connection of its own. Header names are written with underscores."""
        if self.is_tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the test's own certificate
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=20, context=context
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        form = None
        if body is not None:
            form = urllib.parse.urlencode(body)
            named |= {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        try:
            connection.request(method, path, form, named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            cookies = "; ".join(item.split(";")[0] for item in answer.headers.get_all("set-cookie", []))
            return Answer(answer.status, found, answer.read(), cookies)
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, body: dict[str, str], **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)


@dataclass(frozen=True)
class Front:
    """The ports nginx listens on, for TLS and without, and its log of errors."""

    tls: int
    plain: int
    errors: Path


def certified(home: Path) -> tuple[Path, Path]:
    """A certificate of our own making and its key, as files in `home`."""
    certificate, key = home / "kampanj.pem", home / "kampanj.key"
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    command = [*request.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return certificate, key


@contextmanager
def nginx(
    folder: Path,
    ports: Sequence[int],
    *,
    files: Path | None = None,
    metrics_for: str = "",
    prefix: Sequence[str] = (),
) -> Iterator[Front]:
    """nginx in front of the web processes on `ports`. `files` is where they write feeds; `metrics_for` who may read
    /metrics, this machine unless told."""
    home = folder / "nginx"
    home.mkdir()
    for part in (home, *home.parents):
        if Path(tempfile.gettempdir()) in part.parents:
            part.chmod(0o755)  # its workers are another user
    certificate, key = certified(home)
    front = Front(free_port(), free_port(), home / "errors")
    example = EXAMPLE.read_text(encoding="utf-8")
    for written, ours in (
        ("server 127.0.0.1:8000;", " ".join(f"server 127.0.0.1:{port};" for port in ports)),
        ("listen 443 ssl;", f"listen 127.0.0.1:{front.tls} ssl;"),
        ("listen 80;", f"listen 127.0.0.1:{front.plain};"),
        ("/etc/ssl/certs/kampanj.pem", str(certificate)),
        ("/etc/ssl/private/kampanj.key", str(key)),
        ("/var/cache/nginx/kampanjhjul", str(home / "cache")),
        ("root /run/kampanjhjul;", f"root {files or home / 'none'};"),
        ("location = /metrics { allow 127.0.0.1;", f"location = /metrics {{ allow {metrics_for or '127.0.0.1'};"),
    ):
        assert written in example, written
        example = example.replace(written, ours)
    paths = "".join(f"{kind}_temp_path {home}/{kind};\n" for kind in _PARTS)
    # As root it would give its folders and its work to a user who may not reach them.
    user = "user root;\n" if os.geteuid() == 0 else ""
    configuration = home / "nginx.conf"
    configuration.write_text(
        f"daemon off;\n{user}pid {home}/pid;\nerror_log {front.errors};\nevents {{ worker_connections 4096; }}\n"
        f"http {{\naccess_log off;\n{paths}{example}}}\n",
        encoding="utf-8",
    )
    binary = program("nginx", package="nginx-light")
    tested = subprocess.run(
        [binary, "-t", "-p", str(home), "-c", str(configuration)], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stderr
    with running([*prefix, binary, "-p", str(home), "-c", str(configuration)], log=home / "out"):
        assert until(lambda: is_listening(front.tls), seconds=20), front.errors.read_text()
        yield front
