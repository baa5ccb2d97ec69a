"""Uppföljning: the figures of a period, and its follow-up from draft to published."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.errors import RefusedError
from campaigns.followup import drafts, signing
from campaigns.followup.announcing import announce
from campaigns.followup.document import Words
from campaigns.followup.periods import Period, period_from
from campaigns.followup.reporting import chosen_report
from campaigns.followup.stored import FollowUp, follow_up
from campaigns.overviews import follow_up as overview
from campaigns.overviews import paths
from campaigns.web import follow_up_files
from campaigns.web.problems import ForbiddenError
from campaigns.web.staff.frame import StaffPage, Visit, editors, signers

UNPROCESSABLE = 422


def page(visit: Visit) -> Response:
    """The figures of the period that the address names, or of the tertial under way."""
    parts = visit.parts
    with parts.database.read() as session:
        found = overview.room(session, parts.catalog, visit.municipality, visit.query.get("period", ""), now=visit.now)
        names, words = visit.municipality.party_names, overview.STATE_WORDS
        return visit.page("uppfoljning.html", room=found, names=names, words=words)


def file(visit: Visit) -> Response:
    """The same figures as a file."""
    wanted = visit.query.get("period", "")
    with visit.parts.database.read() as session:
        document = chosen_report(session, visit.parts.catalog, visit.municipality, wanted, now=visit.now)
    return follow_up_files.file_of(visit.pages, visit.municipality, document, _kind(visit))


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
    signatures = found.signatures if found.state == "published" else ()
    return follow_up_files.file_of(visit.pages, visit.municipality, found.document, _kind(visit), signatures=signatures)


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
            signed = signing.sign(
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
    told = f"Uppföljningen är godkänd för {visit.municipality.party_names[party]}."
    told += " Alla har godkänt, så den är publicerad." if signed.is_published else ""
    return visit.redirect(f"uppfoljning/{period.id}", told)


def take_back(visit: Visit) -> Response:
    """Take one's party's signature back."""
    period, party = _period(visit), _own_party(visit)
    with visit.parts.database.write() as session:
        signing.take_back(session, visit.municipality, period, party=party, name=visit.person.name, now=visit.now)
    return visit.redirect(f"uppfoljning/{period.id}", "Godkännandet är tillbakataget.")


def reject(visit: Visit) -> Response:
    """Send the draft back with what should be changed."""
    period, party = _period(visit), _own_party(visit)
    try:
        with visit.parts.database.write() as session:
            signing.reject(
                session,
                visit.municipality,
                period,
                party=party,
                name=visit.person.name,
                reason=visit.field("kommentar"),
                now=visit.now,
            )
    except RefusedError as error:
        found = _stored(visit)
        return _stored_page(visit, found, _given(found), errors={"kommentar": error.message})
    return visit.redirect(f"uppfoljning/{period.id}", "Utkastet är skickat tillbaka. Redaktören ser din kommentar.")


def reopen(visit: Visit) -> Response:
    """Take a published one down, to be put right."""
    period = _period(visit)
    try:
        with visit.parts.database.write() as session:
            signing.reopen(
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
    path = paths.follow_up(visit.municipality, found.document.period)
    with parts.database.write() as session:
        posts = announce(
            session,
            parts.catalog,
            visit.municipality,
            found,
            address=f"{parts.settings.base_url}{path}",
            name=visit.person.name,
            now=visit.now,
        )
        first, count = posts[0].id, len(posts)
    return visit.redirect(f"mallar/{first}", f"{count} budskap om uppföljningen är gjorda, ett till varje målgrupp.")


def _kind(visit: Visit) -> str:
    return visit.request.url.path.rpartition(".")[2]


def _period(visit: Visit) -> Period:
    return period_from(visit.request.path_params["period"])


def _stored(visit: Visit) -> FollowUp:
    with visit.parts.database.read() as session:
        return follow_up(session, visit.municipality, _period(visit).id)


def _given(found: FollowUp) -> dict[str, str]:
    words = found.document.words
    return {"inledning": words.introduction, "lart": words.lessons, "framat": words.ahead}


def _stored_page(
    visit: Visit, found: FollowUp, given: dict[str, str], *, errors: dict[str, str] | None = None
) -> Response:
    status = UNPROCESSABLE if errors else 200
    return visit.page(
        "uppfoljning-dokument.html",
        status=status,
        item=found,
        given=given,
        word=overview.STATE_WORDS[found.state],
        names=visit.municipality.party_names,
        errors=errors or {},
    )


def _own_party(visit: Visit) -> str:
    party = visit.field("part")
    if party not in visit.roles.parties:
        raise ForbiddenError("Du får inte godkänna för den parten. Be en administratör om du ska göra det.")
    return party


_ONE = "uppfoljning/{period}"
PAGES: tuple[StaffPage, ...] = (
    StaffPage("uppfoljning", get=page),
    *(StaffPage(f"uppfoljning.{kind}", get=file) for kind in follow_up_files.FORMATS),
    StaffPage("uppfoljning/utkast", post=make, needs=editors),
    StaffPage(_ONE, get=stored, post=rewrite, post_needs=editors),
    *(StaffPage(f"{_ONE}/fil.{kind}", get=stored_file) for kind in follow_up_files.FORMATS),
    StaffPage(f"{_ONE}/godkann", post=sign, needs=signers),
    StaffPage(f"{_ONE}/ta-tillbaka", post=take_back, needs=signers),
    StaffPage(f"{_ONE}/skicka-tillbaka", post=reject, needs=signers),
    StaffPage(f"{_ONE}/oppna", post=reopen, needs=editors),
    StaffPage(f"{_ONE}/budskap", post=tell, needs=editors),
)
