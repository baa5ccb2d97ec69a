"""Uppföljning: the figures of a period, and its follow-up from draft to published."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.errors import NotFoundError, RefusedError
from campaigns.followup import drafts
from campaigns.followup.announcing import announce
from campaigns.followup.document import Words
from campaigns.followup.drafts import FollowUp
from campaigns.followup.periods import Period, period_from
from campaigns.followup.reporting import report
from campaigns.overviews import follow_up
from campaigns.web import follow_up_files
from campaigns.web.problems import ForbiddenError
from campaigns.web.staff.frame import StaffPage, Visit, editors, signers

UNPROCESSABLE = 422
# What a post about a follow-up goes out through, of the channels that the municipality has.
_TELLING = ("webb", "sociala-medier")


def page(visit: Visit) -> Response:
    """The figures of the period that the address names, or of the tertial under way."""
    parts = visit.parts
    with parts.database.read() as session:
        found = follow_up.room(session, parts.catalog, visit.municipality, visit.query.get("period", ""), now=visit.now)
        return visit.page("uppfoljning.html", room=found, names=_names(visit))


def file(visit: Visit) -> Response:
    """The same figures as a file."""
    parts = visit.parts
    today = visit.now.astimezone(visit.municipality.zone).date()
    period = follow_up.chosen_period(parts.catalog, visit.municipality, visit.query.get("period", ""), today=today)
    if period is None:
        raise NotFoundError("Kommunen har inget löfte att följa upp.")
    with parts.database.read() as session:
        document = report(session, parts.catalog, visit.municipality, period, now=visit.now)
    wanted = visit.request.url.path.rpartition(".")[2]
    return follow_up_files.file_of(visit.pages, visit.municipality, document, wanted)


def make(visit: Visit) -> Response:
    """A draft of a period that is over."""
    period = period_from(visit.field("period"))
    with visit.parts.database.write() as session:
        drafts.make(session, visit.parts.catalog, visit.municipality, period, name=visit.person.name, now=visit.now)
    return visit.redirect(f"uppfoljning/{period.id}", "Utkastet är gjort. Läs det, skriv era egna ord och godkänn.")


def stored(visit: Visit) -> Response:
    """A stored follow-up: as it will be, with the signatures and the forms."""
    found = _stored(visit)
    return _stored_page(visit, found, _given(found))


def stored_file(visit: Visit) -> Response:
    """A stored follow-up as a file."""
    found = _stored(visit)
    wanted = visit.request.url.path.rpartition(".")[2]
    signatures = found.signatures if found.is_published else ()
    return follow_up_files.file_of(visit.pages, visit.municipality, found.document, wanted, signatures=signatures)


def rewrite(visit: Visit) -> Response:
    """Change the words, and count again if asked to."""
    period = _period(visit)
    given = {name: visit.field(name) for name in ("inledning", "lart", "framat")}
    try:
        with visit.parts.database.write() as session:
            changed = drafts.rewrite(
                session,
                visit.parts.catalog,
                visit.municipality,
                period,
                words=Words(given["inledning"], given["lart"], given["framat"]),
                digest=visit.field("sigill"),
                is_counted_again=visit.field("rakna") == "ja",
                name=visit.person.name,
                now=visit.now,
            )
    except RefusedError as error:
        return _stored_page(visit, _stored(visit), given, errors={"": error.message})
    fallen = "" if changed.signatures else " Den väntar på alla parters godkännande."
    return visit.redirect(f"uppfoljning/{period.id}", f"Sparat.{fallen}")


def sign(visit: Visit) -> Response:
    """Sign what was shown. The last party's signature publishes it."""
    period, party = _period(visit), _own_party(visit)
    try:
        with visit.parts.database.write() as session:
            signed = drafts.sign(
                session,
                visit.municipality,
                period,
                party=party,
                name=visit.person.name,
                digest=visit.field("sigill"),
                now=visit.now,
            )
    except RefusedError as error:
        found = _stored(visit)
        return _stored_page(visit, found, _given(found), errors={"": error.message})
    told = f"Uppföljningen är godkänd för {_names(visit)[party]}."
    told += " Alla har godkänt, så den är publicerad." if signed.is_published else ""
    return visit.redirect(f"uppfoljning/{period.id}", told)


def take_back(visit: Visit) -> Response:
    """Take one's party's signature back."""
    period, party = _period(visit), _own_party(visit)
    with visit.parts.database.write() as session:
        drafts.take_back(session, visit.municipality, period, party=party, name=visit.person.name, now=visit.now)
    return visit.redirect(f"uppfoljning/{period.id}", "Godkännandet är tillbakataget.")


def reopen(visit: Visit) -> Response:
    """Take a published one down, to be put right."""
    period = _period(visit)
    try:
        with visit.parts.database.write() as session:
            drafts.reopen(
                session, visit.municipality, period, reason=visit.field("skal"), name=visit.person.name, now=visit.now
            )
    except RefusedError as error:
        found = _stored(visit)
        return _stored_page(visit, found, _given(found), errors={"skal": error.message})
    return visit.redirect(
        f"uppfoljning/{period.id}", "Uppföljningen är öppnad för rättelse och syns inte för invånare."
    )


def tell(visit: Visit) -> Response:
    """Draft a post about a published one."""
    found, parts = _stored(visit), visit.parts
    period = found.document.period
    address = f"{parts.settings.base_url}/sida/{visit.municipality.id}/uppfoljning/{period}"
    channels = [name for name in visit.municipality.channel_ids if name in _TELLING]
    with parts.database.write() as session:
        posts = announce(
            session,
            parts.catalog,
            visit.municipality,
            found,
            channels=channels or visit.municipality.channel_ids[:1],
            address=address,
            name=visit.person.name,
            now=visit.now,
        )
        first, count = posts[0].id, len(posts)
    return visit.redirect(f"mallar/{first}", f"{count} budskap om uppföljningen är gjorda, ett till varje målgrupp.")


def _period(visit: Visit) -> Period:
    return period_from(visit.request.path_params["period"])


def _stored(visit: Visit) -> FollowUp:
    with visit.parts.database.read() as session:
        return drafts.follow_up(session, visit.municipality, _period(visit).id)


def _given(found: FollowUp) -> dict[str, str]:
    words = found.document.words
    return {"inledning": words.introduction, "lart": words.lessons, "framat": words.ahead}


def _stored_page(
    visit: Visit, found: FollowUp, given: dict[str, str], *, errors: dict[str, str] | None = None
) -> Response:
    status = UNPROCESSABLE if errors else 200
    return visit.page(
        "uppfoljning-dokument.html", status=status, item=found, given=given, names=_names(visit), errors=errors or {}
    )


def _own_party(visit: Visit) -> str:
    party = visit.field("part")
    if party not in visit.roles.parties:
        raise ForbiddenError("Du får inte godkänna för den parten. Be en administratör om du ska göra det.")
    return party


def _names(visit: Visit) -> dict[str, str]:
    return {party.id: party.name for party in visit.municipality.parties}


_ONE = "uppfoljning/{period}"
PAGES: tuple[StaffPage, ...] = (
    StaffPage("uppfoljning", get=page),
    *(StaffPage(f"uppfoljning.{kind}", get=file) for kind in follow_up_files.FORMATS),
    StaffPage("uppfoljning/utkast", post=make, needs=editors),
    StaffPage(_ONE, get=stored, post=rewrite, post_needs=editors),
    *(StaffPage(f"{_ONE}/fil.{kind}", get=stored_file) for kind in follow_up_files.FORMATS),
    StaffPage(f"{_ONE}/godkann", post=sign, needs=signers),
    StaffPage(f"{_ONE}/ta-tillbaka", post=take_back, needs=signers),
    StaffPage(f"{_ONE}/oppna", post=reopen, needs=editors),
    StaffPage(f"{_ONE}/budskap", post=tell, needs=editors),
)
