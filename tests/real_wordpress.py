"""A real WordPress from Debian's packages, on this machine and in a folder of its own, for as long as it is asked for.

Nothing is installed and nothing outside the folder is written. MariaDB listens on a socket and `php -S` on 127.0.0.1.
`Cutting` stands in front of it, and can cut the line when WordPress has done its work and not yet been heard.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.contracts import unused_port

PACKAGES = "wordpress php-cli php-mysql mariadb-server"
SHARED = Path("/usr/share/wordpress")
PATIENCE = 60  # seconds for a server to start
USERS = {"forfattare": "author", "redaktor": "editor", "medarbetare": "contributor"}

_THEME = """<?php /* As little as a theme can be. */ ?><!doctype html>
<html <?php language_attributes(); ?>><head><meta charset="utf-8"><title><?php wp_title(''); ?></title></head><body>
<?php while (have_posts()) { the_post(); ?><main><h1><?php the_title(); ?></h1><?php the_content(); ?></main><?php } ?>
</body></html>
"""
_CONFIG = """<?php
define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{folder}/mariadb.sock'); define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_HOME', 'http://' . $_SERVER['HTTP_HOST']); define('WP_SITEURL', WP_HOME);
define('WP_CONTENT_DIR', '{folder}/site/wp-content'); define('WP_CONTENT_URL', WP_HOME . '/wp-content');
define('WP_ENVIRONMENT_TYPE', 'local'); define('DISABLE_WP_CRON', true); define('WP_HTTP_BLOCK_EXTERNAL', true);
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {{
    define($name . '_KEY', $name); define($name . '_SALT', $name . '2');
}}
$table_prefix = 'wp_';
require_once ABSPATH . 'wp-settings.php';
"""
# PHP resolves links before it asks for a file's folder: ABSPATH must be said, or the system's own settings are read.
_ROUTER = """<?php
$path = rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
if (str_starts_with($path, '/wp-content/uploads/') && is_file(__DIR__ . '/site' . $path)) return false;
define('ABSPATH', __DIR__ . '/site/');
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
require ABSPATH . 'index.php';
"""
_INSTALL = """<?php
define('ABSPATH', __DIR__ . '/site/'); define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = 'localhost';
function wp_new_blog_notification() {{}}
require ABSPATH . 'wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Provkommun', 'admin', 'admin@kommun.example', true, '', 'ett losenord');
switch_theme('prov');
update_option('permalink_structure', '/%year%/%postname%/');
flush_rewrite_rules();
$made = [];
foreach (json_decode('{users}') as $name => $role) {{
    $id = wp_insert_user(['user_login' => $name, 'user_pass' => wp_generate_password(), 'role' => $role,
                          'user_email' => "$name@kommun.example", 'display_name' => "Åsa $name"]);
    [$password] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'Kampanjhjulet']);
    $made[$name] = WP_Application_Passwords::chunk_password($password);
}}
echo json_encode($made);
"""


@dataclass(frozen=True)
class RealWordPress:
    """A running site. `passwords` holds each user's application password, in groups with spaces between."""

    port: int
    passwords: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running_wordpress() -> Iterator[RealWordPress]:
    """A fresh WordPress with one user for each role in USERS. Takes some seconds to start."""
    missing = [name for name in ("mariadbd", "mariadb-install-db", "mariadb", "php") if not _program(name)]
    if missing or not (SHARED / "wp-load.php").is_file() or "mysqli" not in _run("php", "-m"):
        raise RuntimeError(f"Needs Debian's packages: apt-get install --no-install-recommends {PACKAGES}")
    folder = Path(tempfile.mkdtemp(prefix="kampanjhjul-wordpress-"))  # short: a socket's path has at most 107 bytes
    try:
        _lay_out(folder)
        with _database(folder):
            passwords = json.loads(_run("php", str(folder / "install.php")))
            with _web(folder) as port:
                yield RealWordPress(port, passwords)
    finally:
        shutil.rmtree(folder)


def _lay_out(folder: Path) -> None:
    site, theme = folder / "site", folder / "site/wp-content/themes/prov"
    theme.mkdir(parents=True)
    for found in SHARED.iterdir():
        if found.name not in ("wp-config.php", "wp-content", ".htaccess"):
            (site / found.name).symlink_to(found)
    (theme / "index.php").write_text(_THEME, encoding="utf-8")
    (theme / "style.css").write_text("/* Theme Name: Prov */", encoding="utf-8")
    (site / "wp-config.php").write_text(_CONFIG.format(folder=folder), encoding="utf-8")
    (folder / "router.php").write_text(_ROUTER, encoding="utf-8")
    (folder / "install.php").write_text(_INSTALL.format(users=json.dumps(USERS)), encoding="utf-8")


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    data, socket = folder / "data", folder / "mariadb.sock"
    user = ["--user=root"] if os.geteuid() == 0 else []
    _run("mariadb-install-db", "--no-defaults", *user, f"--datadir={data}", "--skip-test-db", "--skip-name-resolve")
    server = ["mariadbd", "--no-defaults", *user, f"--datadir={data}", f"--socket={socket}", f"--tmpdir={folder}"]
    # The data is thrown away: nothing is gained by waiting for the disk, and nobody else can reach the socket.
    server += ["--skip-networking", "--skip-grant-tables", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"]
    with _server(server, folder, is_up=socket.exists):
        _run("mariadb", "--no-defaults", f"--socket={socket}", "-e", "CREATE DATABASE wordpress CHARACTER SET utf8mb4")
        yield


@contextmanager
def _web(folder: Path) -> Iterator[int]:
    port = unused_port()
    options = ["-d", "opcache.enable_cli=1", "-d", "display_errors=0", "-d", f"upload_tmp_dir={folder}"]
    server = ["php", *options, "-S", f"127.0.0.1:{port}", "-t", str(folder / "site"), str(folder / "router.php")]

    def is_up() -> bool:
        try:
            return get(port, "/wp-json/?_fields=name")[0] == 200
        except OSError:
            return False

    with _server(server, folder, is_up=is_up):
        yield port


@contextmanager
def _server(command: list[str], folder: Path, *, is_up: Callable[[], bool]) -> Iterator[None]:
    program = _program(command[0]) or command[0]
    with (folder / f"{command[0]}.log").open("wb") as log:
        process = subprocess.Popen([program, *command[1:]], stdout=log, stderr=log, cwd=folder)
    try:
        until = time.monotonic() + PATIENCE
        while not is_up():
            if process.poll() is not None or time.monotonic() > until:
                said = (folder / f"{command[0]}.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{command[0]} did not start:\n{said}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _run(name: str, *arguments: str) -> str:
    done = subprocess.run([_program(name) or name, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def get(port: int, path: str) -> tuple[int, str]:
    """What anybody sees at `path`: the status and the page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


class Cutting(ThreadingHTTPServer):
    """A proxy that passes everything on, and cuts the line once when the next request that `cuts` likes is done."""

    cuts: Callable[[str, str, bytes], bool] | None = None  # of a method, a path and a body

    def __init__(self, behind: int) -> None:
        self.behind = behind
        super().__init__(("127.0.0.1", 0), _Passing)

    @property
    def has_cut(self) -> bool:
        return self.cuts is None


class _Passing(BaseHTTPRequestHandler):
    server: Cutting

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        line = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=30)
        line.request(self.command, self.path, sent, dict(self.headers.items()))
        answer = line.getresponse()
        found = answer.read()  # the work is done
        line.close()
        if self.server.cuts is not None and self.server.cuts(self.command, self.path, sent):
            self.server.cuts = None
            return  # and nobody hears of it
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    do_GET = do_DELETE = do_POST  # noqa: N815 - the base class looks for these names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def cutting(behind: int) -> Iterator[Cutting]:
    """A proxy before the server on port `behind`. Its own port is `server_port`."""
    with Cutting(behind) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
