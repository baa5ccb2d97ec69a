"""Several machines on PostgreSQL: planning the whole country there, and what is measured of one that is planned."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests import machines
from tests.bench import country_feeds, due_at_once, sweden, sweden_day
from tests.bench.country import copied, country
from tests.bench.measuring import Row, guarded

ROUNDS = 3


def run(folder: Path) -> Iterable[Row]:
    with machines.postgresql() as server:
        urls = [copied(server, "template1", f"plan{turn}") for turn in range(ROUNDS)]
        yield from sweden.planned(urls, ", PostgreSQL", first=20, again=4, memory=200)
    with country(folder) as planned:
        for part in (due_at_once, country_feeds, sweden_day):
            name = part.__name__.rpartition(".")[2]
            yield from guarded(name, partial(part.run, planned))
