"""Granska: what waits to be signed, one post or a whole campaign read and signed, and personal addresses to sign at."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.responses import Response

from campaigns.approval import reject
from campaigns.enqueue import REGRET
from campaigns.errors import KampanjhjulError, NotFoundError, RefusedError, without_command
from campaigns.overviews import inbox, review
from campaigns.overviews.comparisons import Comparison, compared, packed, unpacked
from campaigns.overviews.inbox import Inbox
from campaigns.overviews.review import Review, Viewer
from campaigns.signing import Outcome, approve_many, post_in, take_back
from campaigns.signing_links import post_numbers, shown_pairs
from campaigns.swedish import language_name
from campaigns.web.problems import ForbiddenError
from campaigns.web.staff.frame import StaffPage, Visit, signers
from campaigns.written import WrittenError


def waiting(visit: Visit) -> Response:
    """The inbox."""
    return visit.page("granska.html", box=_inbox(visit))


def one(visit: Visit) -> Response:
    """One post: everything that is signed, and the buttons."""
    return _page_of_one(visit, _review(visit), faults={})


def approve_one(visit: Visit) -> Response:
    """Sign what was shown, and go on to the next that waits."""
    party = _own_party(visit)
    post_id = visit.request.path_params["post"]
    [outcome] = _signed(visit, [(post_id, visit.field("sigill"))], party)
    if not outcome.is_signed:
        return _not_signed(visit, outcome)
    name = visit.municipality.party(party).name
    found = _review(visit)
    told = f"”{found.name}” är godkänt för {name}."
    if outcome.queued:
        told += " Alla har godkänt, så det går ut på sin tid."
    elif found.missing:
        told += f" Nu saknas {review.names_of(found.missing)}."
    return _go_on(visit, post_id, told, undo=_undo_path([post_id], party))


def _not_signed(visit: Visit, outcome: Outcome) -> Response:
    found = _review(visit)
    seen = unpacked(visit.field("visat"))
    changes = None
    if seen and found.text.digest != visit.field("sigill"):
        changes = compared(visit.municipality, seen, found.text.pieces, against="du såg nyss")
    return _page_of_one(visit, found, faults={"": without_command(outcome.refusal)}, changes=changes)


def reject_one(visit: Visit) -> Response:
    """Reject with a comment, and go on to the next that waits."""
    party = _own_party(visit)
    post_id = visit.request.path_params["post"]
    comment = visit.field("kommentar")
    try:
        with visit.parts.database.write() as session:
            post_in(session, visit.municipality, post_id)
            reject(
                session,
                visit.parts.catalog,
                post_id,
                party=party,
                name=visit.person.name,
                reason=comment,
                now=visit.now,
            )
    except RefusedError as error:
        field = "kommentar" if isinstance(error, WrittenError) else ""
        return _page_of_one(visit, _review(visit), faults={field: error.message}, comment=comment)
    told = f"”{_review(visit).name}” är avslaget. Den som ändrar texten ser din kommentar."
    return _go_on(visit, post_id, told)


def undo(visit: Visit) -> Response:
    """Take signatures back, while nothing has left."""
    party = visit.query.get("part", "")
    _refuse_other_party(visit, party)
    ids = post_numbers(visit.query.getlist("budskap"))
    kept = []
    with visit.parts.database.write() as session:
        for post_id in ids:
            try:
                with session.begin_nested():
                    post_in(session, visit.municipality, post_id)
                    take_back(session, visit.parts.catalog, post_id, party=party, name=visit.person.name, now=visit.now)
            except (RefusedError, NotFoundError) as error:
                kept.append(error.message)
    rest = f"granska/{ids[0]}" if len(ids) == 1 else "granska"
    if len(ids) == 1:
        return visit.redirect(rest, kept[0] if kept else "Godkännandet är tillbakataget. Inget har gått ut.")
    told = f"{len(ids) - len(kept)} godkännanden är tillbakatagna."
    return visit.redirect(rest, f"{told} {len(kept)} stod kvar: {kept[0]}" if kept else told)


def campaign(visit: Visit) -> Response:
    """Every text of a campaign's year, to be signed in one act."""
    return _campaign_page(visit, visit.query.get("part", ""), outcomes=())


def approve_campaign(visit: Visit) -> Response:
    """Sign all that were shown. What could not be signed is told, with why, on the page that it was on."""
    party = _own_party(visit)
    outcomes = _signed(visit, shown_pairs(visit.form.getlist("budskap")), party)
    ids = [item.post_id for item in outcomes if item.is_signed]
    if not ids or len(ids) < len(outcomes):
        return _campaign_page(visit, party, outcomes=outcomes)
    told = f"{count_of(len(ids))} är godkända för {visit.municipality.party(party).name}."
    told = told.replace("budskap är godkända", "budskap är godkänt") if len(ids) == 1 else told
    return visit.redirect("granska", told, undo_path=_undo_path(ids, party))


def picture(visit: Visit) -> Response:
    """A picture that belongs to a post's text: before its time nobody else may see it."""
    with visit.parts.database.read() as session:
        post = post_in(session, visit.municipality, visit.request.path_params["post"])
        digest = visit.request.path_params["digest"]
        data, media_type = review.picture(
            session, visit.parts.catalog, visit.parts.messages, post, digest, now=visit.now
        )
    return Response(data, media_type=media_type)


def count_of(number: int) -> str:
    """”3 budskap”."""
    return f"{number} budskap"


def _signed(visit: Visit, items: Sequence[tuple[int, str]], party: str) -> list[Outcome]:
    with visit.parts.database.write() as session:
        return approve_many(
            session,
            visit.parts.catalog,
            visit.parts.messages,
            visit.municipality,
            items,
            party=party,
            name=visit.person.name,
            now=visit.now,
            earliest=visit.now + REGRET,
        )


def _own_party(visit: Visit) -> str:
    party = visit.field("part")
    _refuse_other_party(visit, party)
    return party


def _refuse_other_party(visit: Visit, party: str) -> None:
    if party not in visit.roles.parties:
        raise ForbiddenError("Du får inte godkänna för den parten. Be en administratör om du ska göra det.")


def _viewer(visit: Visit) -> Viewer:
    return Viewer(visit.person.name, visit.roles.parties)


def _inbox(visit: Visit) -> Inbox:
    parts = visit.parts
    with parts.database.read() as session:
        return inbox.inbox(
            session, parts.catalog, parts.messages, visit.municipality, viewer=_viewer(visit), now=visit.now
        )


def _review(visit: Visit) -> Review:
    parts = visit.parts
    with parts.database.read() as session:
        return review.review(
            session,
            parts.catalog,
            parts.messages,
            visit.municipality,
            visit.request.path_params["post"],
            viewer=_viewer(visit),
            now=visit.now,
        )


def _page_of_one(
    visit: Visit, found: Review, *, faults: dict[str, str], changes: Comparison | None = None, comment: str = ""
) -> Response:
    return visit.page(
        "granska-budskap.html",
        status=422 if faults else 200,
        post=found,
        pictures=visit.path(f"granska/{found.id}/bild"),
        language_name=language_name,
        packed=packed(found.text.pieces),
        faults=faults,
        changes=changes,
        comment=comment,
        undo={party.id: visit.path(_undo_path([found.id], party.id)) for party in found.can_take_back},
    )


def _campaign_page(visit: Visit, party: str, *, outcomes: Sequence[Outcome]) -> Response:
    parts, params = visit.parts, visit.request.path_params
    party = party if party in visit.roles.parties else next(iter(visit.roles.parties), "")
    with parts.database.read() as session:
        found = inbox.campaign_review(
            session,
            parts.catalog,
            parts.messages,
            visit.municipality,
            params["campaign"],
            params["year"],
            party=party,
            viewer=_viewer(visit),
            now=visit.now,
        )
    refused = {f"budskap-{item.post_id}": without_command(item.refusal) for item in outcomes if item.refusal}
    if visit.request.method == "POST" and not outcomes:
        refused[""] = "Det fanns inget budskap att godkänna i formuläret. Läs texterna igen."
    return visit.page(
        "granska-kampanj.html",
        status=422 if refused else 200,
        found=found,
        mine=[item for item in visit.municipality.parties if item.id in visit.roles.parties],
        refused=refused,
        done=sum(item.is_signed for item in outcomes),
    )


def _go_on(visit: Visit, post_id: int, told: str, *, undo: str = "") -> Response:
    """To the next post that waits for the same person, else back to the inbox, with word of what was done."""
    try:
        following = _inbox(visit).after(post_id)
    except KampanjhjulError:  # what was done is done: it must be told
        following = None
    rest = f"granska/{following}" if following else "granska"
    return visit.redirect(rest, told, undo_path=undo)


def _undo_path(post_ids: Sequence[int], party: str) -> str:
    return "granska/angra?" + urlencode([("part", party), *(("budskap", post_id) for post_id in post_ids)])


PAGES = (
    StaffPage("granska", get=waiting),
    StaffPage("granska/angra", post=undo, needs=signers),
    StaffPage("granska/{post:int}", get=one),
    StaffPage("granska/{post:int}/godkann", post=approve_one, needs=signers),
    StaffPage("granska/{post:int}/avsla", post=reject_one, needs=signers),
    StaffPage("granska/{post:int}/bild/{digest}", get=picture),
    StaffPage("granska/kampanj/{campaign}/{year:int}", get=campaign, post=approve_campaign, post_needs=signers),
)
