"""The queue as people see it: tabs with counts, searched, paged, and one delivery with all that is known of it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.catalog import Catalog
from campaigns.channels.base import NotSentError, Outcome, Receipt, UnknownOutcomeError
from campaigns.database import Database
from campaigns.errors import NotFoundError
from campaigns.models import Delivery, DeliveryState
from campaigns.overviews import queue_board
from campaigns.overviews.pausing import pause_page
from campaigns.overviews.queue_board import BY_HAND, DRAFTS, MISSED, OUT, QUEUE, TABS, UNSURE, WAITING, Board, Tab
from campaigns.overviews.queue_delivery import DeliveryPage, delivery_page
from campaigns.overviews.searching import paging
from campaigns.overviews.spreadsheets import csv_file
from campaigns.sending import choices, pauses
from campaigns.sending.delivery import send_due
from tests.builders import make_municipality
from tests.fakes import Clock, FakeChannel, Town

pytestmark = pytest.mark.pages

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
DUE = datetime(2027, 4, 30, 6, 0, tzinfo=UTC)  # Fri 2027-04-30 08.00 summer time


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    """The valborg reminder to parents is signed for `webb` and `skarm`; one party has signed that to siblings."""
    town = Town(database, catalog, Clock(DUE - timedelta(days=1)))
    town.plan()
    town.sign(VALBORG)
    town.approve("valborg/2027/valborg/paminnelse/syskon", "kommun", "Kim Kommun")
    return town


def run(town: Town, *, at: datetime = DUE, webb: Receipt | Exception | None = None) -> None:
    town.clock.at = at
    channel = FakeChannel("webb", is_local=False, is_idempotent=False)
    if isinstance(webb, Receipt | NotSentError | UnknownOutcomeError):
        channel.answers.append(webb)
    sender = town.sender(channel, FakeChannel("skarm"))
    for local in (True, False):
        send_due(sender, town.catalog, local=local)


def board(town: Town, tab: Tab = QUEUE, **asked: str) -> Board:
    filters = queue_board.filters_from(
        **{"tab": tab.id, "channel": "", "campaign": "", "search": "", "page": "", **asked}
    )
    with town.database.read() as session:
        return queue_board.board(session, town.catalog, town.catalog.municipality("aneby"), filters, now=town.clock.at)


def counts(town: Town, **asked: str) -> dict[str, int]:
    return {item.tab.id: item.count for item in board(town, QUEUE, **asked).tabs if item.tab is not DRAFTS}


def one(town: Town, channel: str = "webb") -> DeliveryPage:
    with town.database.read() as session:
        return delivery_page(
            session, town.catalog, town.catalog.municipality("aneby"), number(town, channel), now=town.clock.at
        )


def number(town: Town, channel: str = "webb") -> int:
    return next(item.id or 0 for item in town.deliveries() if item.channel == channel)


def set_state(town: Town, state: DeliveryState, *, channel: str = "webb", reason: str = "", url: str = "") -> None:
    with town.database.write() as session:
        row = session.get_one(Delivery, number(town, channel))
        row.state, row.reason, row.url = state, reason, url
        session.add(row)


def test_each_tab_counts_its_own(town: Town) -> None:
    assert counts(town) == {WAITING.id: 1, QUEUE.id: 2, BY_HAND.id: 0, OUT.id: 0, UNSURE.id: 0, MISSED.id: 0}

    run(town, webb=UnknownOutcomeError("Kanalen svarade inte."))

    assert counts(town) == {WAITING.id: 1, QUEUE.id: 0, BY_HAND.id: 0, OUT.id: 1, UNSURE.id: 1, MISSED.id: 0}
    assert [item.is_urgent for item in board(town).tabs] == [item.tab is UNSURE for item in board(town).tabs]


@pytest.mark.parametrize("state", list(DeliveryState))
def test_every_state_has_one_tab_a_word_and_a_picture(town: Town, state: DeliveryState) -> None:
    set_state(town, state)

    found = [tab for tab in TABS if state in tab.states]

    assert len(found) == 1
    [row] = [row for row in board(town, found[0]).rows if row.id == number(town)]
    assert row.word
    assert row.icon


def test_a_text_that_one_party_has_signed_waits_for_the_other(town: Town) -> None:
    [post] = board(town, WAITING).posts

    assert post.name == "Valborg utan langning: Påminnelse samma dag, till syskon"
    assert post.missing == ("Lokalpolisområde Höglandet",)
    assert post.post_id not in [row.post_id for row in board(town, DRAFTS).posts]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"channel": "webb"}, 1),
        ({"campaign": "valborg"}, 2),
        ({"campaign": "jul"}, 0),
        ({"search": "VALBORG föräldrar"}, 2),
        ({"search": "valborg skärmar"}, 1),
        ({"search": "påminnelse"}, 2),
        ({"search": "syskon"}, 0),
        ({"search": "100%"}, 0),
        ({"search": "_"}, 0),
        ({"search": "\\"}, 0),
        ({"search": "'; DROP TABLE delivery; --"}, 0),
        ({"search": "x" * 5000}, 0),
        ({"search": "\0valborg\0"}, 2),
        ({"channel": "finns-inte"}, 0),
    ],
)
def test_the_queue_can_be_narrowed(town: Town, asked: dict[str, str], count: int) -> None:
    found = board(town, QUEUE, **asked)

    assert (found.paging.total, len(found.rows)) == (count, count)
    assert counts(town, **asked)[QUEUE.id] == count


def test_a_delivery_is_found_by_its_number_and_its_address(town: Town) -> None:
    set_state(town, DeliveryState.PUBLISHED, url="https://www.aneby.se/valborg-2027")

    assert [row.id for row in board(town, OUT, search="valborg-2027").rows] == [number(town)]
    assert number(town) in [row.id for row in board(town, OUT, search=str(number(town))).rows]


@pytest.mark.parametrize(
    ("wanted", "page"), [("", 1), ("2", 2), ("99", 3), ("0", 1), ("-1", 1), ("²", 1), ("9" * 30, 1)]
)
def test_a_page_that_there_is_not_is_the_nearest_one(wanted: str, page: int) -> None:
    assert (paging(101, wanted).page, paging(101, wanted).pages) == (page, 3)


def test_the_drafts_come_a_page_at_a_time_the_soonest_first(town: Town) -> None:
    first, second = board(town, DRAFTS), board(town, DRAFTS, page="2")

    assert len(first.posts) == 50
    assert not {post.post_id for post in first.posts} & {post.post_id for post in second.posts}


def test_what_gave_way_to_a_newer_text_is_not_shown_beside_it(town: Town) -> None:
    set_state(town, DeliveryState.STOPPED)
    assert len(board(town, MISSED).rows) == 1
    with town.database.write() as session:
        post = session.get_one(type(town.post(VALBORG)), town.post(VALBORG).id)
        post.content_version += 1
        session.add(post)

    assert board(town, MISSED).rows == []


@pytest.mark.parametrize(("state", "tab", "is_shown"), [("missed", MISSED, False), ("unknown", UNSURE, True)])
def test_old_misses_are_let_go_but_what_is_uncertain_is_never_hidden(
    town: Town, state: str, tab: Tab, is_shown: bool
) -> None:
    set_state(town, DeliveryState(state))
    town.clock.at = DUE + timedelta(days=400)

    assert bool(board(town, tab).rows) is is_shown


@pytest.mark.parametrize(
    ("state", "possible"),
    [
        ("queued", {"stoppa"}),
        ("sending", set()),
        ("manual", {"klar", "stoppa"}),
        ("unknown", {"klar", "igen"}),
        ("failed", {"igen"}),
        ("missed", {"skicka"}),
        ("stopped", {"skicka"}),
        ("published", {"dra-tillbaka", "ratta"}),
        ("withdrawn", set()),
    ],
)
def test_what_can_be_done_follows_from_the_state(town: Town, state: str, possible: set[str]) -> None:
    set_state(town, DeliveryState(state))

    assert {item.act for item in one(town).row.choices if item.is_possible} == possible


def test_what_cannot_be_done_says_why(town: Town) -> None:
    set_state(town, DeliveryState.MISSED)
    town.clock.at = DUE + timedelta(days=2)

    [choice] = one(town).row.choices

    assert choice.why_not.startswith("Det är för sent")


def test_one_delivery_tells_the_text_the_tries_and_who_did_what(town: Town) -> None:
    run(town, webb=NotSentError("Nyckeln gäller inte.", is_permanent=True))
    with town.database.write() as session:
        choices.try_again(
            session, town.catalog, town.catalog.municipality("aneby"), number(town), name="Kim Kommun", now=DUE
        )

    page = one(town)

    assert page.content is not None
    assert f'"title":"{page.content.title}"' in page.raw
    assert [(item.number, item.outcome, item.detail) for item in page.tries] == [
        (1, "Misslyckad", "Nyckeln gäller inte.")
    ]
    assert [(deed.actor, deed.action) for deed in page.history] == [
        ("Kim Kommun", "försöker igen"),
        ("Pia Polis", "godkände för Lokalpolisområde Höglandet"),
        ("Kim Kommun", "godkände för Aneby kommun"),
    ]
    assert page.is_under_way


@pytest.mark.parametrize("wanted", [0, 987_654, 10**30])
def test_a_delivery_that_there_is_not_or_that_is_anothers_is_not_found(town: Town, wanted: int) -> None:
    with town.database.read() as session:
        for municipality, item in ((town.catalog.municipality("aneby"), wanted), (make_municipality("eksjo"), 1)):
            with pytest.raises(NotFoundError):
                delivery_page(session, town.catalog, municipality, item, now=DUE)


def test_another_municipality_sees_nothing_of_the_queue(town: Town) -> None:
    filters = queue_board.filters_from(tab="ko", channel="", campaign="", search="", page="")
    with town.database.read() as session:
        other = queue_board.board(session, town.catalog, make_municipality("eksjo"), filters, now=DUE)
        paused = pause_page(session, town.catalog, make_municipality("eksjo"), now=DUE)

    assert [item.count for item in other.tabs] == [0] * len(TABS)
    assert (paused.within_a_day, paused.missed, paused.others) == (0, [], [])


def test_what_went_out_can_be_taken_along_as_a_file(town: Town) -> None:
    run(town)
    filters = queue_board.filters_from(tab="ute", channel="skarm", campaign="", search="", page="")
    with town.database.read() as session:
        body = queue_board.board_file(
            session, town.catalog, town.catalog.municipality("aneby"), filters, now=town.clock.at
        )

    header, row = csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";")
    assert body.startswith(b"\xef\xbb\xbf")
    assert dict(zip(header, row, strict=True))["Gick ut"] == "2027-04-30 08:00"
    assert dict(zip(header, row, strict=True))["Kanal"] == "Skärmar"


@pytest.mark.parametrize("cell", ["=1+1", "+46", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_no_cell_of_a_file_is_a_formula(cell: str) -> None:
    [[found]] = csv.reader(
        io.StringIO(csv_file(["x"], [[cell]]).decode("utf-8-sig").split("\r\n", 1)[1]), delimiter=";"
    )

    assert found == f"'{cell}"


def test_the_page_about_pauses_tells_what_a_pause_stops_and_what_was_missed(town: Town) -> None:
    with town.database.write() as session:
        pauses.pause(
            session, town.catalog, municipality="aneby", channel="webb", reason="Olycka", name="Kim", now=town.clock.at
        )
    run(town)

    with town.database.read() as session:
        page = pause_page(session, town.catalog, town.catalog.municipality("aneby"), now=town.clock.at)

    assert [(item.what, item.paused_by, item.is_own) for item in page.standing] == [("Webbsidan", "Kim", True)]
    assert [row.channel for row in page.missed] == ["Webbsidan"]
    assert "webb" not in dict(page.channels)
    assert page.can_pause_all


def test_a_task_shows_what_to_copy_without_markup(town: Town) -> None:
    run(town, webb=Receipt(Outcome.MANUAL))

    [row] = board(town, BY_HAND).rows

    assert [item.id for item in row.texts][:3] == ["amne", "kort", "text"]
    assert "**" not in row.texts[2].text
