"""The feeds over HTTP: validators, compression, filters, secret addresses, and bytes that hold through everything."""

from __future__ import annotations

import asyncio
import gzip
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar
from sqlmodel import Session, SQLModel, select

from campaigns import feed_tokens
from campaigns.database import Database
from campaigns.feeds import PublishedEvent
from campaigns.models import FeedEvent
from campaigns.web.feedserver import FeedApplication, FeedStore, accepts_gzip, mask_access_log, masked_path
from tests.builders import make_campaign, make_occurrence, make_step
from tests.feedworld import BASE_URL, NOON, PUBLIC_PATH, FeedWorld, later, make_catalog, make_home

NOON_HTTP = "Mon, 23 Nov 2026 12:00:00 GMT"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def inner(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"inner"})


def ask(store: FeedStore, target: str, method: str = "GET", **headers: str) -> Answer:
    """One request. Header names are written with underscores; `target` may have a query."""
    path, _, query = target.partition("?")
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
    asyncio.run(FeedApplication(store, inner)(scope, receive, send))
    names = [name for name, _ in sent[0]["headers"]]
    assert len(names) == len(set(names)), "a header was sent twice"
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """SQLite alone: what the databases may do differently is tested with the feeds."""
    database = Database(f"sqlite:///{tmp_path / 'kampanjhjul.db'}")
    SQLModel.metadata.create_all(database.writer)
    yield database
    database.close()


def make_world(database: Database) -> FeedWorld:
    steps = (make_step(audiences=("foraldrar",), channels=("skarm",)),)
    midsommar = make_campaign(steps=(make_step(audiences=("syskon",), channels=("webb",)),))
    world = FeedWorld(database, make_catalog(campaigns=[midsommar, make_campaign("jul", steps=steps)]))
    world.occurrences = [
        make_occurrence("jul", day=date(2026, 12, 24)),
        make_occurrence(),
        make_occurrence("valborg", day=date(2027, 4, 30)),
    ]
    return world


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the calendars of `make_world` published, made once and copied by each test."""
    path = tmp_path_factory.mktemp("published") / "kampanjhjul.db"
    database = Database(f"sqlite:///{path}")
    SQLModel.metadata.create_all(database.writer)
    make_world(database).publish(posts=True)
    database.close()
    return path


@pytest.fixture
def world(published: Path, tmp_path: Path) -> Iterator[FeedWorld]:
    database = Database(f"sqlite:///{shutil.copy(published, tmp_path / 'published.db')}")
    yield make_world(database)
    database.close()


@pytest.fixture
def store(world: FeedWorld) -> FeedStore:
    return world.store()


def add_token(world: FeedWorld, municipality: str = "aneby") -> str:
    with world.database.write() as session:
        return feed_tokens.create_feed_token(session, municipality=municipality, name="Redaktionen", now=NOON)


def summaries(answer: Answer) -> list[str]:
    return [str(event["summary"]) for event in Calendar.from_ical(answer.body).walk("VEVENT")]


# -- the answer


def test_the_public_calendar_is_served_with_all_that_programs_need(store: FeedStore) -> None:
    answer = ask(store, PUBLIC_PATH)

    assert answer.status == 200
    assert summaries(answer) == ["Jul", "Valborg", "Midsommar"]
    etag = answer.headers.pop("etag")
    assert etag.startswith('"')
    assert etag.endswith('"')
    assert answer.headers == {
        "content-type": "text/calendar; charset=utf-8",
        "content-disposition": 'inline; filename="riskdatum-aneby.ics"',
        "content-length": str(len(answer.body)),
        "last-modified": NOON_HTTP,
        "vary": "Accept-Encoding",
        "x-content-type-options": "nosniff",
        "cache-control": "public, max-age=900",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "ETag",
    }


def test_head_is_get_without_the_body(store: FeedStore) -> None:
    get, head = ask(store, PUBLIC_PATH), ask(store, PUBLIC_PATH, "HEAD")

    assert (head.status, head.headers, head.body) == (200, get.headers, b"")
    assert ask(store, PUBLIC_PATH, "HEAD", if_none_match=get.headers["etag"]).status == 304


@pytest.mark.parametrize("accept", ["", "text/html", "application/calendar+json, text/calendar;q=0.5"])
def test_accept_and_user_agent_are_not_looked_at(store: FeedStore, accept: str) -> None:
    assert ask(store, PUBLIC_PATH, accept=accept, user_agent="curl/8").body == ask(store, PUBLIC_PATH).body


def test_everything_else_goes_on_to_the_inner_application(store: FeedStore) -> None:
    assert ask(store, "/sida/aneby").body == b"inner"
    assert ask(store, "/feeds/aneby/nyheter.rss").body == b"inner"


# -- validators

FORMS = [
    ("{etag}", 304),
    ("W/{etag}", 304),
    ('"annan", {etag}', 304),
    ('W/"annan",W/{etag} , "tredje"', 304),
    ("*", 304),
    (" * ", 304),
    ('"annan"', 200),
    ("skräp", 200),
    ("{bare}", 200),
    ('"{bare}', 200),
    ("", 200),
]


@pytest.mark.parametrize(("form", "status"), FORMS)
def test_if_none_match(store: FeedStore, form: str, status: int) -> None:
    etag = ask(store, PUBLIC_PATH).headers["etag"]
    given = form.format(etag=etag, bare=etag.strip('"'))

    answer = ask(store, PUBLIC_PATH, if_none_match=given)

    assert answer.status == status
    assert answer.headers["etag"] == etag
    assert (answer.body == b"") == (status == 304)
    assert answer.headers["cache-control"] == "public, max-age=900"


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (NOON_HTTP, 304),
        ("Mon, 23 Nov 2026 12:00:01 GMT", 304),
        ("Monday, 23-Nov-26 12:00:00 GMT", 304),
        ("Mon Nov 23 12:00:00 2026", 304),
        ("Mon, 23 Nov 2026 11:59:59 GMT", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("igår", 200),
        ("", 200),
        ("99999999999999999999", 200),
        ("\xe5\xe4\xf6", 200),
    ],
)
def test_if_modified_since(store: FeedStore, since: str, status: int) -> None:
    assert ask(store, PUBLIC_PATH, if_modified_since=since).status == status


def test_if_none_match_beats_if_modified_since(store: FeedStore) -> None:
    etag = ask(store, PUBLIC_PATH).headers["etag"]

    assert ask(store, PUBLIC_PATH, if_none_match='"annan"', if_modified_since=NOON_HTTP).status == 200
    assert ask(store, PUBLIC_PATH, if_none_match=etag, if_modified_since="igår").status == 304


def test_a_change_gives_a_new_etag_and_a_later_date(world: FeedWorld, store: FeedStore) -> None:
    before = ask(store, PUBLIC_PATH)
    world.occurrences.pop()
    world.publish(now=later(hours=1))

    assert store.refresh_from(world.database) == ["aneby"]

    after = ask(store, PUBLIC_PATH, if_none_match=before.headers["etag"], if_modified_since=NOON_HTTP)
    assert after.status == 200
    assert after.headers["last-modified"] == "Mon, 23 Nov 2026 13:00:00 GMT"
    assert "INSTÄLLT: Valborg" in summaries(after)


# -- compression


@pytest.mark.parametrize(
    ("accepted", "is_zipped"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5, br", True),
        ("GZIP; q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("identity", False),
        ("*", False),
        ("", False),
    ],
)
def test_gzip_only_when_asked_for(store: FeedStore, accepted: str, is_zipped: bool) -> None:
    plain = ask(store, PUBLIC_PATH)

    answer = ask(store, PUBLIC_PATH, accept_encoding=accepted)

    assert (answer.headers.get("content-encoding") == "gzip") is is_zipped
    assert (gzip.decompress(answer.body) if is_zipped else answer.body) == plain.body
    assert (answer.headers["etag"] != plain.headers["etag"]) is is_zipped
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-length"] == str(len(answer.body))


def test_either_tag_is_known_again_by_a_reader_that_takes_gzip(store: FeedStore) -> None:
    for etag in (
        ask(store, PUBLIC_PATH).headers["etag"],
        ask(store, PUBLIC_PATH, accept_encoding="gzip").headers["etag"],
    ):
        answer = ask(store, PUBLIC_PATH, accept_encoding="gzip", if_none_match=etag)

        assert (answer.status, answer.headers["etag"]) == (304, etag)


def test_compressed_bytes_are_the_same_each_time(world: FeedWorld) -> None:
    first, second = (ask(world.store(), PUBLIC_PATH, accept_encoding="gzip") for _ in range(2))

    assert first == second


def test_compression_can_be_switched_off(world: FeedWorld) -> None:
    store = FeedStore(world.catalog, base_url=BASE_URL, is_gzip_on=False)
    store.refresh_from(world.database)

    assert "content-encoding" not in ask(store, PUBLIC_PATH, accept_encoding="gzip").headers


# -- methods


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND", "REPORT", "PATCH"])
def test_a_calendar_can_only_be_read(world: FeedWorld, method: str) -> None:
    token = add_token(world)
    store = world.store()

    public, editorial = (
        ask(store, path, method) for path in (PUBLIC_PATH, f"/feeds/private/{token}/redaktion-aneby.ics")
    )

    assert (public.status, public.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert (editorial.status, editorial.headers["allow"]) == (405, "GET, HEAD")


def test_a_browser_calendar_may_ask_first(store: FeedStore) -> None:
    answer = ask(store, PUBLIC_PATH, "OPTIONS", origin="https://annan.se", access_control_request_method="GET")

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "If-None-Match" in answer.headers["access-control-allow-headers"]


# -- filters


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("campaign=midsommar", ["Midsommar"]),
        ("campaign=jul,midsommar", ["Jul", "Midsommar"]),
        ("campaign=jul&campaign=midsommar", ["Jul", "Midsommar"]),
        ("audience=foraldrar", ["Jul"]),
        ("audience=foraldrar%2Csyskon", ["Jul", "Midsommar"]),
        ("campaign=jul&audience=syskon", []),
        ("audience=unga-vuxna", []),
        ("lang=sv", ["Jul", "Valborg", "Midsommar"]),
        ("campaign=", ["Jul", "Valborg", "Midsommar"]),
        ("x=1", ["Jul", "Valborg", "Midsommar"]),
        ("channel=finns-inte", ["Jul", "Valborg", "Midsommar"]),  # not a filter of the public calendar
        ("x=1&campaign=jul", ["Jul"]),
    ],
)
def test_a_subscriber_may_choose(store: FeedStore, query: str, expected: list[str]) -> None:
    answer = ask(store, f"{PUBLIC_PATH}?{query}")

    assert answer.status == 200
    assert summaries(answer) == expected
    again = ask(store, f"{PUBLIC_PATH}?{query}", if_none_match=answer.headers["etag"])
    assert again.status == 304


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("campaign=pask", ["”pask”", "kampanj", "jul, midsommar"]),
        ("audience=alla", ["”alla”", "målgrupp", "foraldrar, syskon, unga-vuxna"]),
        ("lang=en", ["”en”", "språk", "sv"]),
        ("campaign=jul,pask", ["”pask”"]),
    ],
)
def test_an_unknown_choice_is_refused_with_the_valid_ones(store: FeedStore, query: str, told: list[str]) -> None:
    answer = ask(store, f"{PUBLIC_PATH}?{query}")

    assert answer.status == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert all(word in answer.body.decode() for word in told)


def test_the_calendars_are_in_swedish_whatever_languages_the_messages_are_in(world: FeedWorld) -> None:
    store = FeedStore(make_catalog(make_home(languages=("sv", "en"))), base_url=BASE_URL)
    store.refresh_from(world.database)

    assert ask(store, f"{PUBLIC_PATH}?lang=sv").status == 200
    assert ask(store, f"{PUBLIC_PATH}?lang=en").status == 404


def test_the_editorial_calendar_can_be_filtered_on_channel(world: FeedWorld) -> None:
    path = f"/feeds/private/{add_token(world)}/redaktion-aneby.ics"
    store = world.store()

    found = summaries(ask(store, f"{path}?channel=webb"))

    assert found == ["Publicering: Midsommar utan langning – Veckan före, till syskon (Webbsidan)", "Midsommar"]
    assert ask(store, f"{path}?channel=okand").status == 404


def test_no_number_of_choices_fills_the_memory(store: FeedStore) -> None:
    for number in range(200):
        audiences = ",".join(
            name for bit, name in enumerate(("foraldrar", "syskon", "unga-vuxna")) if number >> bit & 1
        )
        ask(store, f"{PUBLIC_PATH}?campaign=jul&audience={audiences}&x={number}")

    assert len(store.routes[PUBLIC_PATH]._variants) <= 8  # type: ignore[union-attr]  # it is a calendar


# -- secret addresses


def test_the_editorial_calendar_is_for_those_with_its_address(world: FeedWorld) -> None:
    token = add_token(world)

    answer = ask(world.store(), f"/feeds/private/{token}/redaktion-aneby.ics")

    assert answer.status == 200
    assert answer.headers["cache-control"] == "private, max-age=300"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-disposition"] == 'inline; filename="redaktion-aneby.ics"'
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert token.encode() not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/private/{token}x/redaktion-aneby.ics",
        "/feeds/private/{token}/redaktion-annan.ics",
        "/feeds/private/{token}/riskdatum-aneby.ics",
        "/feeds/private/{token}/",
        "/feeds/private/{token}",
        "/feeds/private//redaktion-aneby.ics",
        "/feeds/private/{token}/redaktion-aneby.ics/",
        "/feeds/finns-inte/riskdatum-finns-inte.ics",
        "/feeds/aneby/redaktion-aneby.ics",
    ],
)
def test_an_address_that_does_not_exist_is_404(world: FeedWorld, path: str) -> None:
    token = add_token(world)

    answer = ask(world.store(), path.format(token=token))

    assert answer.status == 404
    assert token not in answer.body.decode()


def test_a_revoked_address_is_410_from_the_next_look(world: FeedWorld) -> None:
    path = f"/feeds/private/{add_token(world)}/redaktion-aneby.ics"
    store = world.store()
    assert ask(store, path).status == 200
    with world.database.write() as session:
        feed_tokens.revoke_feed_token(session, 1, now=NOON)

    store.refresh_from(world.database)

    answer = ask(store, path)
    assert (answer.status, answer.headers["content-type"]) == (410, "text/plain; charset=utf-8")
    assert ask(store, path, "HEAD").body == b""


def test_the_access_log_does_not_show_the_secret() -> None:
    path = "/feeds/private/hemligt-token_1/redaktion-aneby.ics?campaign=jul"
    record = logging.LogRecord(
        "uvicorn.access", 20, "", 0, '%s - "%s %s HTTP/%s" %d', ("::1", "GET", path, "1.1", 200), None
    )

    assert mask_access_log(record) is True

    assert record.getMessage() == '::1 - "GET /feeds/private/***/redaktion-aneby.ics?campaign=jul HTTP/1.1" 200'
    assert masked_path("//feeds/private/hemligt") == "//feeds/private/***"
    assert masked_path(PUBLIC_PATH) == PUBLIC_PATH


# -- news feeds


def test_a_ready_feed_is_served_like_a_calendar(store: FeedStore) -> None:
    store.put_static("/feeds/aneby/nyheter.rss", b"<rss/>", "application/rss+xml; charset=utf-8", NOON)

    answer = ask(store, "/feeds/aneby/nyheter.rss?x=1")

    assert (answer.status, answer.body) == (200, b"<rss/>")
    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
    assert answer.headers["last-modified"] == NOON_HTTP
    again = ask(store, "/feeds/aneby/nyheter.rss", if_none_match=answer.headers["etag"])
    assert again.status == 304


# -- the store


def test_before_the_first_publication_a_reader_is_asked_to_wait(database: Database) -> None:
    world = FeedWorld(database)
    path = f"/feeds/private/{add_token(world)}/redaktion-aneby.ics"
    store = world.store()

    for answer in (ask(store, PUBLIC_PATH), ask(store, path)):
        assert (answer.status, answer.headers["retry-after"]) == (503, "60")


def test_a_restart_gives_the_same_bytes_and_tag(world: FeedWorld) -> None:
    store = world.store()
    world.occurrences[1] = make_occurrence(day=date(2027, 6, 18))
    world.publish(now=later(hours=1), posts=True)
    world.occurrences.pop()
    world.publish(now=later(hours=2), posts=True)
    store.refresh_from(world.database)
    world.publish(now=later(days=60), posts=True)
    store.refresh_from(world.database)

    assert ask(store, PUBLIC_PATH) == ask(world.store(), PUBLIC_PATH)
    assert store.editorial["aneby"].resource.body == world.store().editorial["aneby"].resource.body


def test_many_changes_in_one_second_are_all_seen(world: FeedWorld, store: FeedStore) -> None:
    for number in range(1, 6):
        world.occurrences[1] = make_occurrence(day=date(2027, 6, number))
        world.publish()
        store.refresh_from(world.database)

        assert ask(store, PUBLIC_PATH) == ask(world.store(), PUBLIC_PATH)


def test_nothing_is_loaded_when_nothing_has_changed(world: FeedWorld, store: FeedStore) -> None:
    before = store.routes[PUBLIC_PATH]

    assert store.refresh_from(world.database) == []

    assert store.routes[PUBLIC_PATH] is before


def test_a_change_of_many_events_at_once_gives_the_same_bytes_as_one_by_one(world: FeedWorld) -> None:
    template = world.rows()[0]
    events = [
        PublishedEvent(
            "public",
            f"uid-{number:03}",
            f"2027{number % 12 + 1:02}01",
            "",
            "",
            "",
            later(seconds=number),
            template.fragment.replace(template.uid.encode(), f"uid-{number:03}".encode()),
        )
        for number in range(200)
    ]
    at_once, one_by_one = world.store(), world.store()

    at_once.republish("aneby", events)
    for event in reversed(events):
        one_by_one.republish("aneby", [event])

    assert ask(at_once, PUBLIC_PATH) == ask(one_by_one, PUBLIC_PATH)
    removed = [event._replace(fragment=b"") for event in events]
    at_once.republish("aneby", removed)
    for event in removed:
        one_by_one.republish("aneby", [event])
    assert ask(at_once, PUBLIC_PATH) == ask(one_by_one, PUBLIC_PATH)
    assert len(summaries(ask(at_once, PUBLIC_PATH))) == 3


def test_a_feed_that_cannot_be_loaded_keeps_its_old_bytes_and_is_told_of_once(
    world: FeedWorld, store: FeedStore, caplog: pytest.LogCaptureFixture
) -> None:
    before = ask(store, PUBLIC_PATH)
    world.occurrences[1] = make_occurrence(day=date(2027, 6, 18))
    world.publish(now=later(hours=1))
    _spoil(world.database)

    with caplog.at_level(logging.ERROR):
        assert [store.refresh_from(world.database) for _ in range(3)] == [[], [], []]

    assert ask(store, PUBLIC_PATH) == before
    assert [record.__dict__["action"] for record in caplog.records] == ["feed_load_failed"]

    world.occurrences[1] = make_occurrence(day=date(2027, 6, 11))
    world.publish(now=later(hours=2))
    assert store.refresh_from(world.database) == ["aneby"]
    assert ask(store, PUBLIC_PATH).status == 200
    assert ask(store, PUBLIC_PATH).body != before.body


def _spoil(database: Database) -> None:
    with database.write() as session:
        row = _midsommar(session)
        row.fragment = row.fragment.replace(b"\r\n", b"\n")


def _midsommar(session: Session) -> FeedEvent:
    query = select(FeedEvent).where(FeedEvent.calendar == "public", FeedEvent.campaign == "midsommar")
    return session.exec(query).one()


def test_a_database_that_is_away_leaves_the_feeds_as_they_are(
    world: FeedWorld, store: FeedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = ask(store, PUBLIC_PATH)
    empty = Database(f"sqlite:///{tmp_path / 'tom.db'}")

    with caplog.at_level(logging.ERROR):
        assert store.refresh_from(empty) == []
    empty.close()

    assert ask(store, PUBLIC_PATH) == before
    assert [record.__dict__["action"] for record in caplog.records] == ["feed_load_failed"]


def test_a_municipality_that_leaves_the_configuration_takes_its_feeds_along(world: FeedWorld, store: FeedStore) -> None:
    store.use(replace(world.catalog, municipalities={"annan": make_home(id="annan")}))
    store.refresh_from(world.database)

    assert ask(store, PUBLIC_PATH).status == 404


def test_a_new_name_is_taken_up(world: FeedWorld, store: FeedStore) -> None:
    store.use(make_catalog(make_home(name="Nya Aneby kommun")))
    store.refresh_from(world.database)

    assert "X-WR-CALNAME:Riskdatum i Nya Aneby kommun" in ask(store, PUBLIC_PATH).body.decode()


def test_a_new_name_moves_the_date_that_readers_ask_by(world: FeedWorld) -> None:
    before = ask(world.store(), PUBLIC_PATH)
    renamed = make_catalog(make_home(name="Nya Aneby kommun"))
    world.catalog = replace(renamed, campaigns=world.catalog.campaigns)

    world.publish(posts=True, now=later(hours=1))
    after = ask(world.store(), PUBLIC_PATH)

    assert "X-WR-CALNAME:Riskdatum i Nya Aneby kommun" in after.body.decode()
    assert (before.headers["last-modified"], after.headers["last-modified"]) == (
        NOON_HTTP,
        "Mon, 23 Nov 2026 13:00:00 GMT",
    )
    assert ask(world.store(), PUBLIC_PATH, if_modified_since=NOON_HTTP).status == 200
    assert world.publish(posts=True, now=later(hours=2)) is False


def test_after_a_restart_a_damaged_event_takes_no_other_with_it(
    world: FeedWorld, caplog: pytest.LogCaptureFixture
) -> None:
    before = summaries(ask(world.store(), PUBLIC_PATH))
    _spoil(world.database)

    with caplog.at_level(logging.ERROR):
        after = summaries(ask(world.store(), PUBLIC_PATH))

    assert set(before) - set(after) == {"Midsommar"}
    assert len(after) == 2
    assert [record.__dict__["action"] for record in caplog.records] == ["feed_event_damaged"]

    world.publish(posts=True, now=later(hours=1))  # it has been written again
    with world.database.read() as session:
        assert _midsommar(session).sequence == 1
    assert summaries(ask(world.store(), PUBLIC_PATH)) == before


def test_a_damaged_event_that_is_called_off_stops_no_other(world: FeedWorld, caplog: pytest.LogCaptureFixture) -> None:
    with world.database.write() as session:
        row = _midsommar(session)
        row.fragment = row.fragment[:200]
    world.occurrences = [item for item in world.occurrences if item.risk_date != "midsommar"]
    world.occurrences.append(make_occurrence("valborg", day=date(2028, 4, 30)))

    with caplog.at_level(logging.ERROR):
        world.publish(now=later(hours=1))

    assert [record.__dict__["action"] for record in caplog.records] == ["feed_event_damaged"]
    after = summaries(ask(world.store(), PUBLIC_PATH))
    assert (after.count("Valborg"), "Midsommar" in after) == (2, False)


def test_many_tags_and_long_headers_take_no_time_and_no_memory(store: FeedStore) -> None:
    tag = ask(store, PUBLIC_PATH).headers["etag"]

    assert ask(store, PUBLIC_PATH, if_none_match=", ".join(['"x"'] * 1000 + [tag])).status == 304
    before = accepts_gzip.cache_info().currsize
    for number in range(5):
        assert "content-encoding" not in ask(store, PUBLIC_PATH, accept_encoding=f"gzip;x={number}{'x' * 300}").headers
    assert accepts_gzip.cache_info().currsize == before


def test_the_tag_changes_with_any_byte(store: FeedStore) -> None:
    answers = [
        ask(store, f"{PUBLIC_PATH}?{query}") for query in ("", "campaign=jul", "campaign=midsommar", "audience=syskon")
    ]

    tags = {sha256(answer.body).hexdigest(): answer.headers["etag"] for answer in answers}
    assert len(tags) == len(set(tags.values())) == 3  # midsommar and siblings are the same event
