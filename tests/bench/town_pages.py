"""A municipality's pages on PostgreSQL, alone there and as one of 290: every page, asked for in turns."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.posts import materialise
from tests import machines, worlds
from tests.bench.country import copied, settle_down
from tests.bench.measuring import Row, at_most, seconds
from tests.bench.sweden import MUNICIPALITIES
from tests.conftest import CONFIG
from tests.sites import Place, StaffClient
from tests.test_rooms import OF_OPERATORS, addresses

TRIES = 7


def run(folder: Path) -> Iterable[Row]:
    others = dict.fromkeys((f"kommun-{number:03}" for number in range(1, MUNICIPALITIES)), "webhook")
    many = machines.configured(folder, others, "http://127.0.0.1:9")
    own = (CONFIG / "municipalities" / "aneby.toml").read_text(encoding="utf-8")
    (many / "municipalities" / "aneby.toml").write_text(own, encoding="utf-8")
    promises = many / "promises.toml"
    words = promises.read_text(encoding="utf-8").replace("municipalities = [", 'municipalities = ["aneby", ')
    promises.write_text(words, encoding="utf-8")
    with machines.postgresql() as server:
        visits = [
            _visit(copied(server, "template1", name), config) for name, config in (("one", CONFIG), ("all", many))
        ]
        yield from _compared(visits)
        for visit in visits:
            visit.place.database.close()


@dataclass(frozen=True)
class Visit:
    """Somebody of Aneby's, and the pages that are asked for."""

    place: Place
    client: StaffClient
    paths: Sequence[str]


def _visit(url: str, config: Path) -> Visit:
    database = Database(url)
    upgrade(database)
    place = worlds.full(Place(database, config=config))
    client = StaffClient(place.site.application, place.parts, worlds.staffed(place))
    # While there are Aneby's rows only. The operators' page is about all municipalities.
    paths = [path for path in addresses(place) if path != OF_OPERATORS]
    for municipality in place.parts.catalog.municipalities.values():
        with database.write() as session:
            materialise(session, place.parts.catalog, place.parts.messages, municipality, now=place.clock.at)
    settle_down(database)
    return Visit(place, client, paths)


def _compared(visits: Sequence[Visit]) -> Iterable[Row]:
    ratios, middles = {}, []
    for paths in zip(*(visit.paths for visit in visits), strict=True):
        pair = _took([visit.client for visit in visits], paths)
        ratios[paths[0]] = pair[1] / pair[0]
        middles.append(pair)
    worst = max(ratios, key=ratios.__getitem__)
    alone, among = (statistics.median(pair[which] for pair in middles) for which in (0, 1))
    yield at_most(
        f"En kommuns {len(ratios)} sidor, PostgreSQL, {MUNICIPALITIES} kommuner mot en",
        statistics.median(ratios.values()),
        limit=1.3,
        unit="gånger",
        detail=f"median; {among:.1f} mot {alone:.1f} ms; mest {ratios[worst]:.1f}: {worst}".replace(".", ","),
    )


def _took(clients: Sequence[StaffClient], paths: Sequence[str]) -> list[float]:
    """The median milliseconds of each client's page."""
    took: list[list[float]] = [[] for _ in clients]
    for client, path in zip(clients, paths, strict=True):
        client.page(path)  # its template is read the first time
    for _ in range(TRIES):
        for times, client, path in zip(took, clients, paths, strict=True):
            times.append(1000 * seconds(partial(client.page, path)))
    return [statistics.median(times) for times in took]
