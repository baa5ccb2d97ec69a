"""How far messages reached: numbers by hand with who and when, and clicks that are counted and never followed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from campaigns import reach, reach_numbers, texts
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.followup.gathering import gather
from campaigns.models import AuditEntry, ClickCount, ContentRow, CountedLink, Role
from campaigns.overviews.reach import reach_page
from campaigns.sending import delivery
from tests.sites import TEXT, Place, copied_config, planned

pytestmark = pytest.mark.longer

VECKAN = "valborg/2027/valborg/veckan/foraldrar"
SHORT = "https://kampanj.example.se"
LINKED = TEXT.replace('short = "{short}"', 'short = "{short}"\nlink = "https://nattvandring.nu/bli-med"')


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


@pytest.fixture
def counting(database: Database, tmp_path: Path) -> Place:
    """Aneby with clicks counted."""

    def change(folder: Path) -> None:
        file = folder / "municipalities" / "aneby.toml"
        own = f'count_clicks_at = "{SHORT}"\nwebsite ='
        file.write_text(file.read_text(encoding="utf-8").replace("website =", own, 1), encoding="utf-8")

    return planned(Place(database, config=copied_config(tmp_path, change)))


def publish(place: Place, *, link: str = "https://nattvandring.nu/bli-med") -> int:
    """A post with a link of its own that has gone out."""
    source = LINKED.replace("https://nattvandring.nu/bli-med", link)
    post = place.town.post(VECKAN)
    with place.database.write() as session:
        texts.write_text(
            session,
            place.parts.catalog,
            post.id or 0,
            language="sv",
            channel="",
            source=source.format(title="Gå ut", short="Gå med.", body="Var ute."),
            author="Kim",
            now=place.clock.at,
        )
    place.town.sign(VECKAN)
    place.clock.at = post.due_at
    delivery.send_due(place.parts.sender(), place.parts.catalog, local=True)
    return post.id or 0


def links(place: Place) -> dict[str, CountedLink]:
    with place.database.read() as session:
        return {row.channel: row for row in session.exec(select(CountedLink))}


def counted(place: Place) -> list[tuple[str, int]]:
    with place.database.read() as session:
        return [(str(row.day), row.clicks) for row in session.exec(select(ClickCount))]


def note(place: Place, post_id: int, number: int, *, channel: str = "webb", measure: str = "visningar") -> object:
    with place.database.write() as session:
        return reach.note_reach(
            session,
            place.parts.catalog.municipality("aneby"),
            post_id,
            channel=channel,
            measure=measure,
            number=number,
            name="Kim Kommun",
            now=place.clock.at,
        )


# Clicks.


def test_nothing_is_counted_unless_the_municipality_has_turned_it_on(place: Place) -> None:
    publish(place)

    assert links(place) == {}
    with place.database.read() as session:
        payloads = [row.payload.decode() for row in session.exec(select(ContentRow))]
    assert all('"link":"https://nattvandring.nu/bli-med"' in payload for payload in payloads)


def test_the_short_address_stands_in_the_very_bytes_that_are_signed_one_for_each_channel(counting: Place) -> None:
    publish(counting)

    found = links(counting)
    assert set(found) == {"webb", "sociala-medier"}
    assert {row.address for row in found.values()} == {"https://nattvandring.nu/bli-med"}
    with counting.database.read() as session:
        for row in session.exec(select(ContentRow)):
            assert f'"link":"{SHORT}/l/{found[row.channel].id}"' in row.payload.decode()


def test_a_click_leads_on_and_is_counted_for_the_day_without_a_cookie_or_an_address(counting: Place) -> None:
    publish(counting)
    path = f"/l/{links(counting)['webb'].id}"

    answer = counting.client.get(path, headers={"X-Forwarded-For": "198.51.100.7"})
    counting.client.get(path)

    assert (answer.status_code, answer.headers["location"]) == (302, "https://nattvandring.nu/bli-med")
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert counted(counting) == [("2027-04-23", 2)]
    with counting.database.read() as session:
        assert set(session.exec(select(ClickCount)).one().model_dump()) == {"link_id", "day", "clicks"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Purpose": "preview"},
        {"X-Moz": "prefetch"},
        {"User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
        {"User-Agent": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5"},
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"User-Agent": "WhatsApp/2.23.20.0"},
    ],
)
def test_who_looks_ahead_or_makes_a_preview_is_led_on_and_not_counted(counting: Place, headers: dict[str, str]) -> None:
    publish(counting)
    path = f"/l/{links(counting)['webb'].id}"

    answer = counting.client.get(path, headers=headers)

    assert (answer.status_code, counted(counting)) == (302, [])
    counting.client.get(path, headers={"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)"})
    assert counted(counting) == [("2027-04-23", 1)]


@pytest.mark.parametrize("method", ["HEAD", "prefetch"])
def test_a_look_without_a_reader_is_not_counted(counting: Place, method: str) -> None:
    publish(counting)
    path = f"/l/{links(counting)['webb'].id}"

    if method == "HEAD":
        answer = counting.client.head(path)
    else:
        answer = counting.client.get(path, headers={"Sec-Purpose": "prefetch"})

    assert answer.status_code == 302
    assert counted(counting) == []


@pytest.mark.parametrize(
    "path",
    ["/l/finns-inte", "/l/https:%2F%2Fexample.com", "/l?till=https://example.com", "/l/x?u=https://example.com"],
)
def test_it_leads_nowhere_but_to_what_stands_in_a_signed_text(counting: Place, path: str) -> None:
    publish(counting)

    answer = counting.client.get(path)

    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_a_query_changes_nothing_of_where_it_leads(counting: Place) -> None:
    publish(counting)

    answer = counting.client.get(f"/l/{links(counting)['webb'].id}?u=https://example.com")

    assert answer.headers["location"] == "https://nattvandring.nu/bli-med"


def test_a_text_that_nobody_has_signed_leads_nowhere(counting: Place) -> None:
    counting.write(VECKAN)

    assert links(counting) == {}


def test_those_who_sign_are_told_where_the_short_address_leads(counting: Place) -> None:
    counting.write(VECKAN)
    kim = counting.staff(Role.APPROVER)

    page = kim.page(f"/kommun/aneby/granska/{counting.town.post(VECKAN).id}")

    assert "leder till https://www.aneby.se" in page


def test_a_campaign_spread_by_a_short_address_counts_as_spread(counting: Place) -> None:
    publish(counting)

    with counting.database.read() as session:
        aneby = counting.parts.catalog.municipality("aneby")
        found = gather(session, counting.parts.catalog, aneby, years=(), now=counting.clock.at)

    assert set(found.spread.values()) == {("nattvandring",)}


def test_an_unchanged_text_keeps_its_short_address_and_its_signatures(counting: Place) -> None:
    counting.write(VECKAN)
    first = counting.town.approve(VECKAN, "kommun", "Kim Kommun")

    second = counting.town.approve(VECKAN, "polis", "Pia Polis")

    assert (first.digest, second.missing) == (second.digest, ())


# Numbers by hand.


def test_a_number_is_kept_with_who_and_when_and_a_later_one_takes_its_place(place: Place) -> None:
    post_id = publish(place)
    note(place, post_id, 240)
    note(place, post_id, 310)
    note(place, post_id, 12, measure="delningar")

    assert note(place, post_id, 310) is None
    with place.database.read() as session:
        found = reach_numbers.noted(session, [post_id])[post_id]
        entries = session.exec(select(AuditEntry.detail).where(AuditEntry.action == "noterade räckvidd")).all()
    assert [(item.measure, item.number, item.by, item.at) for item in found] == [
        ("visningar", 310, "Kim Kommun", place.clock.at),
        ("delningar", 12, "Kim Kommun", place.clock.at),
    ]
    assert entries == ["webb, visningar: 240", "webb, visningar: 310", "webb, delningar: 12"]


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"channel": "facebook"}, NotFoundError, "Budskapet går inte ut i kanalen"),
        ({"measure": "tittar"}, NotFoundError, "inget mått"),
        ({"number": -1}, RefusedError, "mellan 0 och"),
    ],
)
def test_a_number_that_cannot_be_is_refused(
    place: Place, changed: dict[str, object], error: type[Exception], told: str
) -> None:
    post_id = publish(place)

    with pytest.raises(error, match=told):
        note(place, post_id, **{"number": 1, **changed})  # type: ignore[arg-type]  # of any field


def test_nothing_is_noted_of_what_has_not_gone_out(place: Place) -> None:
    with pytest.raises(RefusedError, match="inte gått ut"):
        note(place, place.town.post(VECKAN).id or 0, 5)


def test_nothing_is_noted_where_the_time_has_come_and_nothing_went_out(place: Place) -> None:
    """A draft that nobody signed, and a channel where the task by hand is not done, although the time is past."""
    post = place.town.post(VECKAN)
    place.clock.at = post.due_at + timedelta(days=3)
    with pytest.raises(RefusedError, match="inte gått ut"):
        note(place, post.id or 0, 777)
    place.clock.at = post.due_at - timedelta(days=30)
    post_id = publish(place)

    with pytest.raises(RefusedError, match="inte gått ut i den kanalen"):
        note(place, post_id, 777, channel="sociala-medier")

    note(place, post_id, 777)
    with place.database.read() as session:
        assert set(reach_numbers.noted(session, [post_id])) == {post_id}
        found = reach_page(session, place.parts.catalog, place.parts.catalog.municipality("aneby"), now=place.clock.at)
    assert [(item.id, [(each.id, each.is_out) for each in item.channels]) for item in found] == [
        (post_id, [("webb", True), ("sociala-medier", False)])
    ]


def test_another_municipalitys_post_is_not_there(place: Place) -> None:
    post_id = publish(place)
    other = replace(place.parts.catalog.municipality("aneby"), id="eksjo")

    with place.database.write() as session, pytest.raises(NotFoundError):
        reach.note_reach(
            session, other, post_id, channel="webb", measure="visningar", number=1, name="Kim", now=place.clock.at
        )
