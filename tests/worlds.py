"""Aneby's site in three states, for tests of how pages look: nothing done yet, a season half done, and a full month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sqlmodel import col, select

from campaigns import approval, efforts, new_year, reach, signing_links
from campaigns.activities import Outcome as Outcomes
from campaigns.activities import Told, add_extra_activity, tell_activity
from campaigns.channels.base import NotSentError, Outcome, Receipt, UnknownOutcomeError
from campaigns.followup import drafts, signing
from campaigns.followup.document import Words
from campaigns.followup.periods import period_from
from campaigns.models import ActivityRow, Delivery, DeliveryState, FollowUpRow, Person, Post, Role
from campaigns.people import links, persons
from campaigns.season import season
from campaigns.sending import delivery, pauses
from tests.fakes import FakeChannel
from tests.sites import Place, planned

# June 2027: every school's day is known, and with midsommar there are more than sixty posts in a month.
SCHOOLS = {
    ("student", "jonkoping"): "2027-06-10",
    ("student", "holaveden"): "2027-06-11",
    ("student", "eksjo"): "2027-06-04",
    ("student", "nassjo"): "2027-06-08",
    ("student", "vetlanda"): "2027-06-09",
    ("skolavslutning", "furulidsskolan"): "2027-06-15",
}
LONG_TITLE = "Midsommarafton närmar sig med stormsteg: bestäm hemvägen nu"
# A word that nobody can break, as long as a name may be.
ENDLESS = "Å" * 100
BODY = "Köp **inte** ut.\n\n- Ring\n- Hämta\n\n[Läs mer](https://www.iq.se)"


def empty(place: Place) -> Place:
    """Nobody has done anything, and no year has been planned yet."""
    return place


def typical(place: Place) -> Place:
    """Valborg half done: sent, failed, uncertain, by hand, rejected, signed by one, waiting; one channel is paused."""
    planned(place)
    town = place.town
    early = "valborg/2027/valborg/tidigt/foraldrar"
    place.publish(early, body=BODY)
    place.write("valborg/2027/valborg/infor/syskon", title=LONG_TITLE)
    town.sign("valborg/2027/valborg/infor/syskon")
    answers = (NotSentError("Kanalen nekade: texten är för lång.", is_permanent=True),)
    place.clock.at = town.post("valborg/2027/valborg/infor/syskon").due_at
    sender = town.sender(
        FakeChannel("webb", answers=list(answers)),
        FakeChannel("skarm", answers=[UnknownOutcomeError("Svaret kom aldrig.")], is_idempotent=False),
        FakeChannel("manuell", answers=[Receipt(Outcome.MANUAL)] * 4),
    )
    delivery.send_due(sender, place.parts.catalog, local=True)
    reject = town.post("valborg/2027/valborg/narmast/unga-vuxna").id or 0
    with place.database.write() as session:
        approval.reject(
            session,
            place.parts.catalog,
            reject,
            party="polis",
            name="Pia Polis",
            reason=f"Fel ålder. {ENDLESS}",
            now=place.clock.at,
        )
        pauses.pause(
            session,
            place.parts.catalog,
            municipality="aneby",
            channel="sociala-medier",
            reason=f"Olycka vid skolan. Vi väntar med allt annat. {ENDLESS}",
            name="Kim Kommun",
            now=place.clock.at,
        )
    place.write("valborg/2027/valborg/narmast/syskon")
    town.approve("valborg/2027/valborg/narmast/syskon", "kommun", "Kim Kommun")
    _followed_up(place)
    _reached(place, early)
    return place


def _reached(place: Place, key: str) -> None:
    """Numbers that somebody has read, and a new year that somebody has begun, with an effort of last year's left."""
    catalog, now = place.parts.catalog, place.clock.at
    aneby = catalog.municipality("aneby")
    with place.database.write() as session:
        for measure, number in (("visningar", 1240), ("delningar", 12)):
            reach.note_reach(
                session,
                aneby,
                place.town.post(key).id or 0,
                channel="webb",
                measure=measure,
                number=number,
                name="Sam Samordnare",
                now=now,
            )
        add_extra_activity(
            session,
            catalog,
            aneby,
            campaign="valborg",
            occurrence=place.town.post(key).occurrence,
            title="Korvgrillning vid brasan",
            day=date(2027, 4, 30),
            responsible="Föreningen",
            description="",
            name="Sam Samordnare",
            now=now,
        )
        new_year.begin_year(session, catalog, aneby, 2028, keys=(), name="Sam Samordnare", now=now)


def _followed_up(place: Place) -> None:
    """A published follow-up, a draft that one party has signed, and an effort outside the campaigns that was done."""
    catalog, now = place.parts.catalog, place.clock.at
    aneby = catalog.municipality("aneby")
    with place.database.write() as session:
        row = efforts.add_effort(
            session,
            catalog,
            aneby,
            promise="trafik",
            title="Hastighetskontroll vid skolan",
            day=date(2026, 12, 18),
            responsible="Polisen",
            situation="Fler kör för fort vid skolan.",
            name="Sam Samordnare",
            now=now,
        )
        told = Told(Outcomes.DONE, "Lugnt.", 31, "https://www.aneby.se/nyheter")
        tell_activity(session, catalog, aneby, row.key, told=told, name="Sam Samordnare", now=now)
        for name, parties in (("2026-t3", ("kommun", "polis")), ("2026", ("kommun",))):
            period = period_from(name)
            made = drafts.make(session, catalog, aneby, period, name="Sam Samordnare", now=now)
            words = Words("Här är det vi gjorde.\n\nTack till alla.", "Vi började sent.", "Vi börjar tidigare.")
            made = drafts.rewrite(
                session,
                catalog,
                aneby,
                period,
                words=words,
                digest=made.digest,
                is_counted_again=False,
                name="Sam Samordnare",
                now=now,
            )
            for party in parties:
                signing.sign(session, aneby, period, party=party, name=f"{party} Namn", digest=made.digest, now=now)


def full(place: Place) -> Place:
    """The end of May 2027, with every date known: more than sixty posts in the coming month, half of them signed."""
    planned(place, at=datetime(2027, 5, 27, 7, 0, tzinfo=UTC))
    for (risk_date, school), day in SCHOOLS.items():
        place.town.set_date(day, place=school, risk_date=risk_date)
    coming = [post for post in _posts(place) if post.due_at > place.clock.at]
    coming = [post for post in coming if post.due_at < place.clock.at + timedelta(days=31) and not post.merged_into]
    for post in coming[::2]:
        key = post.key.removeprefix("aneby/")
        place.write(key, title=f"Säg nej inför {post.campaign}")
        place.town.sign(key)
    return place


def _posts(place: Place) -> list[Post]:
    with place.database.read() as session:
        return list(session.exec(select(Post).order_by(col(Post.due_at))))


WORLDS: dict[str, Callable[[Place], Place]] = {"tom": empty, "vanlig": typical, "full": full}


def staffed(place: Place) -> str:
    """The cookie of somebody who may do everything in Aneby, signs for the police, and runs the service."""
    client = place.staff(Role.ADMINISTRATOR, Role.APPROVER, party="polis", name="Alva Administratör")
    with place.database.write() as session:
        alva = session.exec(select(Person).where(Person.name == "Alva Administratör")).one()
        persons.give_role(session, None, alva, role=Role.OPERATOR, actor="testet", now=place.clock.at)
    return client.cookie


def published_first(place: Place) -> list[Delivery]:
    """The deliveries, those that have been published on the municipality's page first."""
    with place.database.read() as session:
        found = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
    return sorted(found, key=lambda item: (item.channel, item.state) != ("webb", DeliveryState.PUBLISHED))


def examples(place: Place) -> dict[str, object]:
    """A value for each parameter in the addresses of pages; None where the world has nothing of the kind."""
    posts = [post for post in _posts(place) if not post.merged_into and post.due_at > place.clock.at]
    return {
        "municipality": "aneby",
        "campaign": posts[0].campaign if posts else None,
        "year": 2027,
        "post": posts[0].id if posts else None,
        "delivery": next((item.id for item in published_first(place)), None),
        "digest": None,  # a picture is no page
        "person": _first_person(place),
        "period": _first_of(place, FollowUpRow.period),
        "effort": _first_of(place, ActivityRow.id, col(ActivityRow.promise) != ""),
    }


def questions(place: Place) -> dict[str, str | None]:
    """What must be asked of the pages that show nothing by themselves; None where the world has nothing to show."""
    campaign = str(examples(place)["campaign"])
    with place.database.read() as session:
        laid = season(session, place.parts.catalog, place.parts.catalog.municipality("aneby"), years=[2027])
    activity = next((item.key for item in laid.plan.activities if item.campaign == campaign), None)
    student = next(item.key for item in laid.occurrences if item.risk_date == "student")
    is_out = any(item.state == DeliveryState.PUBLISHED for item in published_first(place))
    form = "kampanjer/{campaign}/{year:int}"
    return {
        f"{form}/aktivitet": f"?nyckel={quote(activity)}" if activity else None,
        "ko/{delivery:int}/dra-tillbaka": "" if is_out else None,
        "ko/{delivery:int}/ratta": "" if is_out else None,
        f"{form}/datum": f"?tillfalle={quote(student)}" if campaign == "student" else None,
    }


def _first_person(place: Place) -> int | None:
    found: int | None = _first_of(place, Person.id)
    return found


def _first_of(place: Place, wanted: Any, *where: Any) -> Any:
    with place.database.read() as session:
        return session.exec(select(wanted).where(*where).order_by(col(wanted).desc()).limit(1)).first()


def variants(place: Place) -> list[str]:
    """Pages that look otherwise by what is asked of them."""
    paths = (
        "kalender?vy=lista",
        "kalender?vecka=17&ar=2027",
        "kalender?ar=2027&manad=6&kanal=webb",
        "arshjul?ar=2028",
        "prenumerera?campaign=valborg&audience=syskon",
        "uppfoljning?period=20250101-20261231",
        "nytt-ar/2028",
        *(f"uppfoljning/rackvidd/{item.post_id}" for item in published_first(place)[:1]),
    )
    return [f"/kommun/aneby/{path}" for path in paths]


def open_pages(place: Place) -> list[str]:
    """The pages that need no sign-in."""
    with place.database.write() as session:
        secret = links.first_link(session, now=place.clock.at)
    return [
        "/",
        "/?kommun=aneby",
        "/sida/aneby",
        "/sida/aneby?malgrupp=foraldrar",
        "/sida/aneby/inbaddad",
        "/sida/aneby/tillganglighet",
        "/sida/aneby/uppfoljning",
        "/sida/aneby/uppfoljning/inbaddad",
        "/skarm/aneby",
        "/logga-in",
        "/logga-ut",
        f"/valkommen/{secret}",
        *signing_pages(place),
    ]


def signing_pages(place: Place) -> list[str]:
    """A personal link to all that can be signed of a campaign, where the world has anything to sign."""
    catalog, now = place.parts.catalog, place.clock.at
    aneby = catalog.municipality("aneby")
    with place.database.write() as session:
        posts = signing_links.posts_of(session, aneby, "midsommar", 2027, party="polis", now=now)
        if not posts:
            return []
        made = signing_links.make_link(
            session,
            catalog,
            place.parts.messages,
            aneby,
            posts[:6],
            party="polis",
            name=ENDLESS,
            created_by="Kim Kommun",
            now=now,
        )
    return [made.url("")]
