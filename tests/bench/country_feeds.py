"""The calendars of 290 municipalities, all warm, against nginx with the same bytes as files, asked for in turn.

By one web process and by nginx, each alone on one core while wrk has the other; and with TLS and a new connection for
each request, as calendar programs do: nginx as the README says, with a web process behind it on the same core.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from tests.bench.country import TOWNS, Country, feed
from tests.bench.feed import static_nginx
from tests.bench.measuring import Row, at_least, at_most
from tests.bench.processes import SERVER_CORE, fetched, pinned, program, resident_mb
from tests.bench.wrk import Contestant, load
from tests.fronts import nginx

ROUNDS = 3
PATHS = [feed(town) for town in TOWNS]
Asked = list[tuple[str, Mapping[str, str]]]


def run(country: Country) -> Iterable[Row]:
    program("wrk", package="wrk")
    program("nginx", package="nginx-light")
    program("openssl", package="openssl")
    folder, before = country.folder / "static", country.folder / "before"
    folder.mkdir()
    before.mkdir()
    with ExitStack() as stack:
        environ = country.environ(country.copied("feeds"), "embedded")
        process, port = stack.enter_context(country.web(environ, "feeds", core=SERVER_CORE))
        answers = {path: fetched(port, path) for path in PATHS}
        files = {path: body for path, (_, _, body) in answers.items()}
        headers = answers[PATHS[0]][1]
        static = stack.enter_context(static_nginx(folder, files, headers))
        tls = stack.enter_context(static_nginx(folder, files, headers, is_tls=True))
        front = stack.enter_context(nginx(before, [port], prefix=pinned((), SERVER_CORE))).tls
        unchanged = {number: _tagged(number) for number in (port, static)}
        for tags in (unchanged, None):
            ours, theirs = (
                Contestant(name, number, many=tags[number] if tags else _plain())
                for name, number in (("Kampanjhjulet", port), ("nginx", static))
            )
            _in_turns(theirs, ours)
            yield _kept(ours, theirs, status=304 if tags else 200)
        behind, file = (
            Contestant(name, number, many=_plain(), is_tls=True, is_closing=True)
            for name, number in (("Kampanjhjulet", front), ("nginx", tls))
        )
        _in_turns(file, behind)
        yield at_least(
            "  bakom nginx med TLS, en fråga per anslutning",
            f"{behind} mot nginx {file}",
            ratio=behind.rate / file.rate,
            limit=0.70,
            of="nginx",
            ours=behind.rate,
            nginx=file.rate,
        )
        yield at_most(f"  webbprocessens minne, {len(TOWNS)} kommuner", resident_mb(process), limit=200, unit="MB")


def _in_turns(*contestants: Contestant) -> None:
    for _ in range(ROUNDS):
        for contestant in contestants:
            load(contestant)


def _kept(ours: Contestant, theirs: Contestant, *, status: int) -> Row:
    return at_least(
        f"{len(TOWNS)} kommuners flöden i tur och ordning, {status}",
        f"{ours} mot nginx {theirs}",
        ratio=ours.rate / theirs.rate,
        limit=0.25 if status == 304 else 0.30,
        of="nginx",
        ours=ours.rate,
        nginx=theirs.rate,
    )


def _plain() -> Asked:
    return [(path, {}) for path in PATHS]


def _tagged(port: int) -> Asked:
    """Each path with the ETag that it has at `port`, which is answered by 304."""
    asked: Asked = [(path, {"If-None-Match": fetched(port, path)[1]["etag"]}) for path in PATHS]
    assert fetched(port, *asked[0])[0] == 304
    return asked
