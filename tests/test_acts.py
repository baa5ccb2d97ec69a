"""A person's act against a delivery under way: withdrawals, corrections, pauses, dates, settings and clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from campaigns import approval, news, posts
from campaigns.catalog import Catalog, Party, ReminderRole
from campaigns.channels.base import NotSentError, Pace, Receipt, Shipment, UnknownOutcomeError
from campaigns.database import Database
from campaigns.enqueue import left_posts
from campaigns.errors import RefusedError
from campaigns.models import ChannelAccount, ContentRow, Delivery, Notice, Post, PostState, Reminder
from campaigns.reminder_kinds import Kind
from campaigns.reminding import notices
from campaigns.sending import accounts, pauses, queue, recall
from campaigns.sending.accounts import Health, Lesson
from campaigns.sending.delivery import reap_leases, send_due
from campaigns.texts import write_text
from tests.fakes import Clock, FakeChannel, Town

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
TIDIGT = "valborg/2027/valborg/tidigt/foraldrar"
DUE = datetime(2027, 4, 30, 6, 0, tzinfo=UTC)
LAST = datetime(2027, 4, 30, 16, 0, tzinfo=UTC)
LATE = datetime(2027, 5, 1, 8, 0, tzinfo=UTC)
NEW = """+++
title = "Valborg: en rättelse {n}"
short = "Vi skrev fel. Köp inte ut alkohol till den som inte är 20 år."
+++

Vi skrev fel i går. Säg nej när någon yngre ber dig köpa ut. Det gäller {{{{ datum }}}}.
"""
UNK = UnknownOutcomeError("svarade inte.")
BUSY = NotSentError("upptagen.", is_permanent=False)
BAD = NotSentError("nej.", is_permanent=True)


@dataclass
class Undoing(FakeChannel):
    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        self.send(shipment, now=now)

    def correct(self, shipment: Shipment, *, now: datetime) -> Receipt:
        return self.send(shipment, now=now)


def mk(database: Database, catalog: Catalog, *keys: str) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    for k in keys:
        town.sign(k)
    return town


def go(town: Town, at: datetime, *chs: Any) -> None:
    town.clock.at = at
    s = town.sender(*chs)
    for local in (True, False):
        send_due(s, town.catalog, local=local)


def webb(*a: Any, **m: Any) -> Undoing:
    return replace(Undoing("webb", is_local=False, answers=list(a)), **m)


def st(town: Town, ch: str = "webb") -> list[tuple[str, str, bool]]:
    return [(i.act, i.state, i.maybe_sent) for i in town.deliveries() if i.channel == ch]


def ident(town: Town, ch: str = "webb", n: int = 0) -> int:
    return [i.id or 0 for i in town.deliveries() if i.channel == ch][n]


def text(town: Town, n: int, at: datetime, key: str = VALBORG) -> None:
    with town.database.write() as s:
        p = posts.find_post(s, f"aneby/{key}")
        write_text(s, town.catalog, p.id or 0, language="sv", channel="", source=NEW.format(n=n), author="Kim", now=at)


def correct(town: Town, n: int, at: datetime, key: str = VALBORG) -> Any:
    with town.database.write() as s:
        p = posts.find_post(s, f"aneby/{key}")
        recall.open_for_correction(s, p.id or 0, name="Kim", reason="fel", now=at)
    text(town, n, at, key)
    town.clock.at = at
    return town.sign(key)


def wd(town: Town, i: int, at: datetime) -> Delivery:
    with town.database.write() as s:
        return recall.withdraw(s, i, name="Kim", reason="x", now=at)


def done(town: Town, i: int, at: datetime) -> Delivery:
    with town.database.write() as s:
        return queue.done(s, town.catalog, i, name="Kim", url="", now=at)


def retry(town: Town, i: int, at: datetime) -> Delivery:
    with town.database.write() as s:
        return queue.retry(s, town.catalog, i, name="Kim", now=at)


NIGHT = datetime(2027, 5, 1, 21, 0, tzinfo=UTC)
MORN = datetime(2027, 5, 2, 5, 0, tzinfo=UTC)


def test_withdrawn_stays_withdrawn_when_a_correction_waits_for_morning(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    ch = (Undoing("webb"), Undoing("skarm"))
    go(town, DUE, *ch)
    correct(town, 1, NIGHT)
    wd(town, ident(town), NIGHT + timedelta(minutes=5))
    go(town, NIGHT + timedelta(minutes=6), *ch)
    with database.read() as s:
        assert news.published(s, "aneby", kind="webb", most=9) == []
    go(town, MORN, *ch)
    with database.read() as s:
        assert [m.content.title for m in news.published(s, "aneby", kind="webb", most=9)] == [], st(town)


def test_withdrawal_retrying_while_a_correction_lands(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(), Undoing("skarm"))
    wd(town, ident(town), LATE)
    go(town, LATE, webb(BUSY), Undoing("skarm"))
    correct(town, 1, LATE + timedelta(seconds=1))
    go(town, LATE + timedelta(seconds=2), webb(), Undoing("skarm"))
    go(town, LATE + timedelta(minutes=5), webb(), Undoing("skarm"))
    assert not [x for x in st(town) if x[1] == "published"], st(town)


def test_done_on_unknown_withdrawal_marks_it_withdrawn(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(), Undoing("skarm"))
    wd(town, ident(town), LATE)
    with database.write() as s:
        r = s.exec(select(Delivery).where(Delivery.act == "withdraw")).one()
        r.state = "unknown"
        s.add(r)
    done(town, ident(town, n=1), LATE)
    assert st(town) == [("publish", "withdrawn", False), ("withdraw", "withdrawn", False)], st(town)


def test_done_on_manual_correction_replaces_old(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, TIDIGT)
    with database.read() as s:
        due = posts.find_post(s, f"aneby/{TIDIGT}").due_at
    from campaigns.channels.manuell import Manuell

    chs = (Undoing("webb"), Undoing("skarm"), Manuell())
    go(town, due, *chs)
    m = next(i for i in town.deliveries() if i.kind == "manuell")
    done(town, m.id or 0, due)
    correct(town, 1, due + timedelta(hours=1), TIDIGT)
    go(town, due + timedelta(hours=1), *chs)
    c = [i for i in town.deliveries() if i.channel == m.channel][-1]
    assert (c.act, c.state) == ("correct", "manual")
    done(town, c.id or 0, due + timedelta(hours=2))
    assert [x[:2] for x in st(town, m.channel)] == [("publish", "replaced"), ("correct", "published")]


def test_what_failed_in_one_channel_goes_out_there_with_the_corrected_text(
    database: Database, catalog: Catalog
) -> None:
    town = mk(database, catalog, VALBORG)
    skarm = replace(Undoing("skarm", is_local=False), answers=[BAD])
    go(town, DUE, webb(), skarm)
    correct(town, 1, DUE + timedelta(hours=1))
    go(town, DUE + timedelta(hours=1), webb(), skarm)

    assert [(act, state) for act, state, _ in st(town, "skarm")] == [("publish", "failed"), ("publish", "published")]
    assert "rättelse 1" in skarm.sent[-1].content.title
    with pytest.raises(RefusedError, match="Den nya texten"):
        retry(town, ident(town, "skarm"), DUE + timedelta(hours=2))


def test_queued_in_a_slow_channel_is_not_lost_by_a_correction(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    sk = replace(Undoing("skarm", is_local=False), answers=[BUSY])
    go(town, DUE, webb(), sk)
    assert st(town, "skarm")[0][1] == "queued"
    correct(town, 1, DUE + timedelta(seconds=10))
    go(town, DUE + timedelta(minutes=10), webb(), sk)
    assert any(x[1] == "published" for x in st(town, "skarm")), st(town, "skarm")


def test_under_way_when_corrected_ends_with_the_corrected_text(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)

    did: list[int] = []

    def act(shipment: Shipment) -> None:
        if shipment.attempt == 1 and not did:
            did.append(1)
            correct(town, 1, DUE)

    w = Undoing("webb")
    sk = replace(Undoing("skarm", is_local=False), on_send=act)
    go(town, DUE, w, sk)
    go(town, DUE + timedelta(minutes=10), w, sk)
    assert sk.sent[-1].content.title.endswith("rättelse 1"), [s.content.title for s in sk.sent]


def test_maybe_sent_stays_unknown_or_is_looked_up_after_reject(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    sk = replace(Undoing("skarm", is_local=False, is_idempotent=False, can_find=True), answers=[UNK])
    go(town, DUE, Undoing("webb", answers=[BAD]), sk)
    assert st(town, "skarm") == [("publish", "queued", True)]
    p = town.post(VALBORG)
    with database.write() as s:
        approval.reject(s, town.catalog, p.id or 0, party="polis", name="Pia Polis", reason="nej", now=DUE)
    assert st(town, "skarm")[0][1] == "unknown", st(town, "skarm")


def test_maybe_sent_and_signed_again_same_text_is_not_silently_dropped(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    sk = replace(Undoing("skarm", is_local=False, is_idempotent=False, can_find=True), answers=[UNK])
    go(town, DUE, Undoing("webb"), sk)
    text(town, 1, DUE + timedelta(seconds=1))
    town.clock.at = DUE + timedelta(seconds=2)
    town.sign(VALBORG)
    go(town, DUE + timedelta(minutes=10), Undoing("webb"), sk)
    d = [i for i in town.deliveries() if i.channel == "skarm"]
    assert any(i.state in ("unknown", "published") for i in d), [(i.state, i.maybe_sent, i.reason) for i in d]


def test_failed_after_maybe_sent_then_retry_looks(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    sk = replace(Undoing("skarm", is_local=False, is_idempotent=False, can_find=True), answers=[UNK])
    go(town, DUE, Undoing("webb"), sk)
    full = town.catalog
    m = full.municipality("aneby")
    cut = replace(m, channels=tuple(c for c in m.channels if c.id != "skarm"))
    town.catalog = replace(full, municipalities={**full.municipalities, "aneby": cut})
    go(town, DUE + timedelta(minutes=10), Undoing("webb"), sk)
    d = next(i for i in town.deliveries() if i.channel == "skarm")
    first = (d.state, d.maybe_sent, d.reason)
    town.catalog = full
    retry(town, d.id or 0, DUE + timedelta(minutes=20))
    go(town, DUE + timedelta(minutes=20), Undoing("webb"), sk)
    assert first[0] == "unknown" or sk.sent[-1].maybe_sent, (first, [s.maybe_sent for s in sk.sent])


def test_clock_ahead_and_back_account_pace_does_not_hold_for_ever(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    with database.write() as s:
        accounts.book(s, {("aneby", "webb"): DUE + timedelta(days=365)}, now=DUE + timedelta(days=365))
    w = webb(pace=Pace(6, 1))
    for m in range(0, 601, 20):
        go(town, DUE + timedelta(minutes=m), w, Undoing("skarm"))
    go(town, LAST + timedelta(minutes=1), w, Undoing("skarm"))
    assert st(town)[0][1] == "published", [(i.state, i.reason) for i in town.deliveries() if i.channel == "webb"]


def test_clock_ahead_and_back_account_probe(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    ahead = DUE + timedelta(days=365)
    with database.write() as s:
        accounts.learn(s, [Lesson(("aneby", "webb"), Health.FAILING, "fel", ahead)] * 5)
    w = webb()
    for m in range(0, 601, 20):
        go(town, DUE + timedelta(minutes=m), w, Undoing("skarm"))
    go(town, LAST + timedelta(minutes=1), w, Undoing("skarm"))
    assert st(town)[0][1] == "published", [(i.state, i.reason) for i in town.deliveries() if i.channel == "webb"]


def test_a_throttled_account_can_be_started_by_a_person(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    w = webb(NotSentError("upptagen", is_permanent=False, retry_after=timedelta(days=7)))
    go(town, DUE, w, Undoing("skarm"))
    with database.write() as s:
        accounts.restart(s, "aneby", "webb", name="Kim", now=DUE)
    with database.read() as s:
        assert s.get_one(ChannelAccount, ("aneby", "webb")).probe_at is None


def test_due_in_a_pause_with_the_worker_down_is_missed(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    with database.write() as s:
        pauses.pause(s, town.catalog, municipality="", channel="", reason="x", name="Kim", now=DUE - timedelta(hours=1))
    with database.write() as s:
        pauses.resume(s, town.catalog, municipality="", channel="", name="Kim", now=DUE + timedelta(hours=1))
    go(town, DUE + timedelta(hours=1, seconds=1), webb(), Undoing("skarm"))
    assert st(town)[0][1] == "missed", st(town)


def test_kind_changed_in_config_is_not_sent_by_the_old_kind(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    full = town.catalog
    m = full.municipality("aneby")
    ch = tuple(
        replace(c, kind="webhook", url="https://x.example", secret="env:X") if c.id == "webb" else c for c in m.channels
    )
    town.plan(replace(full, municipalities={**full.municipalities, "aneby": replace(m, channels=ch)}))
    w = webb()
    go(town, DUE, w, Undoing("skarm"))
    assert not w.sent, (w.sent[0].channel.kind, st(town))


def test_failed_then_new_text_published_counts_as_left(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(BAD), Undoing("skarm", answers=[BAD]))
    text(town, 1, DUE + timedelta(minutes=1))
    town.clock.at = DUE + timedelta(minutes=1)
    town.sign(VALBORG)
    go(town, DUE + timedelta(minutes=2), webb(), Undoing("skarm"))
    number = town.post(VALBORG).id or 0
    with database.read() as s:
        assert left_posts(s, [number]) == {number}, st(town) + st(town, "skarm")


def test_correction_after_a_channel_left_the_config(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(), Undoing("skarm"))
    full = town.catalog
    m = full.municipality("aneby")
    cut = replace(m, channels=tuple(c for c in m.channels if c.id != "skarm"))
    town.plan(replace(full, municipalities={**full.municipalities, "aneby": cut}))
    correct(town, 1, DUE + timedelta(hours=1))
    go(town, DUE + timedelta(hours=1), webb(), Undoing("skarm"))
    assert st(town)[-1][:2] == ("correct", "published")


def test_recovery_does_not_hurry_a_look(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    w = webb(UNK, is_idempotent=False, can_find=True)
    with database.write() as s:
        accounts.learn(s, [Lesson(("aneby", "webb"), Health.FAILING, "fel", DUE - timedelta(hours=1))] * 5)
    go(town, DUE, w, Undoing("skarm"))
    assert st(town) == [("publish", "queued", True)]
    with database.write() as s:
        accounts.restart(s, "aneby", "webb", name="Kim", now=DUE + timedelta(seconds=5))
    go(town, DUE + timedelta(seconds=5), w, Undoing("skarm"))
    assert len(w.sent) == 1, "looked 5 s after the unknown outcome"


def test_clock_set_back_with_a_try_under_way_is_not_tried_beside_it(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    w = webb(is_idempotent=False, can_find=True)
    seen = []

    def inside(shipment: Shipment) -> None:
        if len(w.sent) == 1:
            town.clock.at = DUE + timedelta(hours=1) - timedelta(minutes=10)
            s = town.sender(w, Undoing("skarm"))
            seen.append(reap_leases(s, now=town.clock.at))
            send_due(s, town.catalog, local=False)

    w.on_send = inside
    go(town, DUE + timedelta(hours=1), w, Undoing("skarm"))
    assert len(w.sent) == 1, (seen, [(x.attempt, x.maybe_sent) for x in w.sent])


def test_moving_dates_does_not_move_the_look_of_a_maybe_sent(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog)
    town.set_date("2027-06-11")
    with database.read() as s:
        keys = [p.key for p in s.exec(select(Post).where(Post.campaign == "student"))]
    key = min(k for k in keys if "/2027/" in k and "holaveden" in k).removeprefix("aneby/")
    plain = NEW.format(n=1).replace("Det gäller {{ datum }}.", "")
    with town.database.write() as s:
        p = posts.find_post(s, f"aneby/{key}")
        write_text(s, town.catalog, p.id or 0, language="sv", channel="", source=plain, author="Kim", now=town.clock.at)
    town.sign(key)
    d0 = next(d for d in town.deliveries() if d.channel == "webb")
    w = webb(UNK, is_idempotent=False, can_find=True)
    town_due = d0.due_at
    go(town, town_due, w, Undoing("skarm"))
    d1 = next(d for d in town.deliveries() if d.channel == "webb")
    assert (d1.state, d1.maybe_sent) == ("queued", True)
    town.clock.at = town_due + timedelta(seconds=30)
    town.set_date("2027-06-12")
    d2 = next(d for d in town.deliveries() if d.channel == "webb")
    assert d2.state == "unknown" or d2.due_at == town_due, (d2.state, town_due, d2.due_at, d2.next_attempt_at)


def test_news_item_keeps_its_id_over_a_correction(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    ch = (Undoing("webb"), Undoing("skarm"))
    go(town, DUE, *ch)
    with database.read() as s:
        a = news.published(s, "aneby", kind="webb", most=9)
    correct(town, 1, LATE)
    go(town, LATE, *ch)
    with database.read() as s:
        b = news.published(s, "aneby", kind="webb", most=9)
    assert [m.id for m in a] == [m.id for m in b], ([m.published_at for m in a], [m.published_at for m in b])


def test_a_pause_of_a_channel_that_is_gone_can_be_ended(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    with database.write() as s:
        pauses.pause(s, town.catalog, municipality="aneby", channel="skarm", reason="x", name="Kim", now=DUE)
    full = town.catalog
    m = full.municipality("aneby")
    cut = replace(m, channels=tuple(c for c in m.channels if c.id != "skarm"))
    town.plan(replace(full, municipalities={**full.municipalities, "aneby": cut}))
    with database.write() as s:
        pauses.resume(s, town.catalog, municipality="aneby", channel="skarm", name="Kim", now=DUE)


def test_withdrawn_in_one_channel_is_not_published_again_by_the_next_signature(
    database: Database, catalog: Catalog
) -> None:
    town = mk(database, catalog, VALBORG)
    sk = replace(Undoing("skarm", is_local=False), answers=[BAD])
    go(town, DUE, webb(), sk)
    wd(town, ident(town), DUE + timedelta(minutes=1))
    w = webb()
    go(town, DUE + timedelta(minutes=1), w, sk)
    assert st(town)[0][1] == "withdrawn"
    text(town, 1, DUE + timedelta(minutes=2))
    town.clock.at = DUE + timedelta(minutes=2)
    town.sign(VALBORG)
    w = webb()
    go(town, DUE + timedelta(minutes=3), w, sk)
    assert not w.sent, st(town)


def test_one_posts_missing_channel_does_not_stop_everybodys_sending(database: Database, catalog: Catalog) -> None:
    """v1 held by a killed worker, v2 signed, then a channel of v2 leaves the config before the next planning."""
    other = VALBORG.replace("foraldrar", "syskon")
    town = mk(database, catalog, VALBORG, other)
    with database.write() as s:
        for d in s.exec(select(Delivery).where(Delivery.channel == "webb")):
            if "foraldrar" in d.key:
                d.state, d.lease_until, d.token = ("sending", DUE - timedelta(minutes=1), 1)
                s.add(d)
    text(town, 1, DUE - timedelta(minutes=3))
    town.clock.at = DUE - timedelta(minutes=2)
    town.sign(VALBORG)
    full = town.catalog
    m = full.municipality("aneby")
    town.catalog = replace(
        full,
        municipalities={
            **full.municipalities,
            "aneby": replace(m, channels=tuple(c for c in m.channels if c.id != "skarm")),
        },
    )
    w = webb()
    reap_leases(town.sender(w, Undoing("skarm")), now=DUE)
    go(town, DUE, w, Undoing("skarm"))
    assert any("syskon" in x.key for x in w.sent), "nothing of anybody's was sent"


def test_retry_of_a_failed_correction_after_withdrawal(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(), Undoing("skarm"))
    correct(town, 1, LATE)
    go(town, LATE, webb(BAD), Undoing("skarm"))
    wd(town, ident(town), LATE + timedelta(minutes=1))
    w = webb()
    go(town, LATE + timedelta(minutes=1), w, Undoing("skarm"))
    with pytest.raises(RefusedError, match="Stoppad"):
        retry(town, ident(town, n=1), LATE + timedelta(minutes=2))


def test_correction_while_publication_unknown_then_done(database: Database, catalog: Catalog) -> None:
    """skarm unknown; corrected; person says it did go out: the old wrong text stands. Is anything told or queued?"""
    town = mk(database, catalog, VALBORG)
    sk = replace(Undoing("skarm", is_local=False, is_idempotent=False), answers=[UNK])
    go(town, DUE, webb(), sk)
    correct(town, 1, DUE + timedelta(hours=1))
    done(town, ident(town, "skarm"), DUE + timedelta(hours=2))
    go(town, DUE + timedelta(hours=3), webb(), sk)
    assert any(x[0] == "correct" for x in st(town, "skarm")), st(town, "skarm")


def test_note_after_last(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)

    def inside(shipment: Shipment) -> None:
        town.clock.at = LAST + timedelta(microseconds=1)
        shipment.note("x")

    w = replace(webb(), on_send=inside)
    go(town, LAST, w, Undoing("skarm"))
    assert st(town)[0][1] == "skipped"


def test_overlapping_pauses(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)

    def p(municipality: str, channel: str, act: Callable[..., object], at: datetime) -> None:
        reason = {"reason": "x"} if act is pauses.pause else {}
        with database.write() as s:
            act(s, town.catalog, municipality=municipality, channel=channel, name="Kim", now=at, **reason)

    p("", "", pauses.pause, DUE - timedelta(hours=3))
    p("aneby", "", pauses.pause, DUE - timedelta(hours=2))
    p("aneby", "webb", pauses.pause, DUE - timedelta(hours=1))
    p("", "", pauses.resume, DUE - timedelta(minutes=30))
    p("aneby", "", pauses.resume, DUE - timedelta(minutes=20))
    go(town, DUE, webb(), Undoing("skarm"))
    assert (st(town)[0][1], st(town, "skarm")[0][1]) == ("missed", "published")


def test_withdraw_passes_pause_and_night_correct_does_not(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(), Undoing("skarm"))
    with database.write() as s:
        pauses.pause(s, town.catalog, municipality="", channel="", reason="x", name="Kim", now=DUE)
    wd(town, ident(town), NIGHT)
    correct(town, 1, LATE)
    go(town, NIGHT, webb(), Undoing("skarm"))
    assert st(town)[0][1] == "withdrawn"


def test_unsigned_correction_never_goes(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(), Undoing("skarm"))
    correct(town, 1, NIGHT)
    p = town.post(VALBORG)
    with database.write() as s:
        approval.void(s, s.get_one(Post, p.id), reason="x", now=NIGHT)
    w = webb()
    go(town, MORN, w, Undoing("skarm"))
    assert not w.sent
    town.clock.at = MORN
    town.approve(VALBORG, "kommun", "Kim Kommun")
    go(town, MORN, w, Undoing("skarm"))
    assert not w.sent


def test_stored_bytes_tampered(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(), Undoing("skarm"))
    correct(town, 1, LATE)
    with database.write() as s:
        c = s.exec(select(ContentRow).where(ContentRow.version == 2, ContentRow.channel == "webb")).one()
        c.payload = c.payload.replace(b"fel", b"ratt")
        s.add(c)
    w = webb()
    go(town, LATE, w, Undoing("skarm"))
    assert not w.sent


def test_a_cancelled_post_is_taken_back_and_not_corrected(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(), Undoing("skarm"))
    with database.write() as s:
        post = s.get_one(Post, town.post(VALBORG).id)
        post.state = PostState.CANCELLED
        s.add(post)

    with pytest.raises(RefusedError, match="inställt"):
        correct(town, 1, DUE + timedelta(hours=1))


def test_permanent_for_a_correction(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    go(town, DUE, webb(), Undoing("skarm"))
    correct(town, 1, LATE)
    with database.write() as s:
        d = s.exec(select(Delivery).where(Delivery.channel == "webb", Delivery.act == "correct")).one()
        d.state, d.lease_until = ("sending", LATE + timedelta(seconds=1))
        s.add(d)
    correct(town, 2, LATE + timedelta(seconds=2))
    full = town.catalog
    m = full.municipality("aneby")
    cut = replace(
        full,
        municipalities={
            **full.municipalities,
            "aneby": replace(m, channels=tuple(c for c in m.channels if c.id != "skarm")),
        },
    )
    town.clock.at = LATE + timedelta(hours=1)
    town.plan(cut)
    w = webb()
    reap_leases(town.sender(w, Undoing("skarm")), now=town.clock.at)
    go(town, LATE + timedelta(hours=1), w, Undoing("skarm"))


def test_clock_forward_with_a_try_under_way(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    w = webb(is_idempotent=False, can_find=True)

    def inside(shipment: Shipment) -> None:
        if len(w.sent) == 1:
            town.clock.at = DUE + timedelta(minutes=10)
            s = town.sender(w, Undoing("skarm"))
            reap_leases(s, now=town.clock.at)
            send_due(s, town.catalog, local=False)

    w.on_send = inside
    go(town, DUE, w, Undoing("skarm"))
    assert len(w.sent) == 1, [(x.attempt, x.maybe_sent) for x in w.sent]


def test_400_after_unknown_is_unknown_not_failed(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, VALBORG)
    w = webb(UNK, BAD)
    go(town, DUE, w, Undoing("skarm"))
    go(town, DUE + timedelta(minutes=5), w, Undoing("skarm"))
    assert st(town)[0][1] == "unknown", st(town)


def test_maybe_sent_stopped_in_claim(database: Database, catalog: Catalog) -> None:
    """_signed() stops what may have gone out, without saying unknown (a party is added while it backs off)."""
    from campaigns.catalog import Party

    town = mk(database, catalog, VALBORG)
    w = webb(UNK, is_idempotent=False, can_find=True)
    go(town, DUE, w, Undoing("skarm"))
    m = town.catalog.municipality("aneby")
    town.catalog = replace(
        town.catalog,
        municipalities={
            **town.catalog.municipalities,
            "aneby": replace(m, parties=(*m.parties, Party("skola", "Skolan"))),
        },
    )
    go(town, DUE + timedelta(minutes=5), w, Undoing("skarm"))
    a = st(town)
    town.clock.at = DUE + timedelta(minutes=6)
    town.approve(VALBORG, "skola", "Sara Skola")
    go(town, DUE + timedelta(minutes=10), w, Undoing("skarm"))
    assert st(town)[0][1] in ("unknown", "published"), (a, st(town), town.post(VALBORG).state)


@pytest.mark.parametrize("act", ["pause", "reject"])
def test_a_batch_is_stopped_by_a_person_in_the_middle(
    database: Database, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    monkeypatch.setattr("campaigns.sending.lanes.ASKED_AFTER", -1)
    keys = [VALBORG.replace("foraldrar", audience) for audience in ("foraldrar", "syskon", "unga-vuxna")]
    town = mk(database, catalog, *keys)
    w = webb()

    def stop(_: Shipment) -> None:
        if len(w.sent) > 1:
            return
        with database.write() as s:
            if act == "pause":
                pauses.pause(s, town.catalog, municipality="", channel="", reason="Olycka", name="Kim", now=DUE)
            else:
                for key in keys[1:]:
                    number = town.post(key).id or 0
                    approval.reject(s, town.catalog, number, party="polis", name="Pia Polis", reason="nej", now=DUE)

    w.on_send = stop
    go(town, DUE, w, Undoing("skarm"))

    assert len(w.sent) == 1
    assert [state for _, state, _ in st(town)] == ["published", *[{"pause": "missed", "reject": "stopped"}[act]] * 2]


def test_a_long_run_sees_a_party_that_must_sign_from_now_on(database: Database, catalog: Catalog) -> None:
    town = mk(database, catalog, *[VALBORG.replace("foraldrar", audience) for audience in ("foraldrar", "syskon")])
    newest = [town.catalog]
    w = webb(pace=Pace(6, 1))

    def add_party(_: Shipment) -> None:
        aneby = catalog.municipality("aneby")
        stricter = replace(aneby, parties=(*aneby.parties, Party("skola", "Skolan")))
        newest.append(replace(town.catalog, municipalities={"aneby": stricter}))
        town.clock.at = DUE + timedelta(seconds=30)

    w.on_send = add_party
    town.clock.at = DUE
    sender = replace(town.sender(w, Undoing("skarm")), newest=lambda: newest[-1])
    send_due(sender, town.catalog, local=False)

    assert len(w.sent) == 1


def test_a_failure_is_told_although_the_clock_was_a_year_ahead_once(database: Database, catalog: Catalog) -> None:
    staff = (ReminderRole("samordnare", email="a@example.se"),)
    aneby = replace(catalog.municipality("aneby"), reminders=staff)

    def told(key: str, at: datetime) -> datetime:
        with database.write() as s:
            row = Reminder(
                key=key,
                municipality="aneby",
                kind=Kind.DELIVERY_FAILED,
                subject="x",
                occurrence="",
                deadline_day=at.date(),
                created_at=at,
            )
            s.add(row)
            s.flush()
            notices.queue(s, aneby, [(row.id or 0, row.kind, ())], now=at)
            return s.exec(select(Notice).where(Notice.reminder_id == row.id)).one().send_at

    told("a", DUE + timedelta(days=365))

    assert told("b", DUE) <= DUE + timedelta(minutes=10)
