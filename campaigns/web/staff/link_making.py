"""Granska, personliga länkar: making an address at which somebody without an account signs, and taking it back."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.channels.base import Environment
from campaigns.errors import NotFoundError, RefusedError, without_command
from campaigns.overviews import links_list
from campaigns.reminding.ways import Ways
from campaigns.signing_links import Made, make_link, post_numbers, posts_of, revoke_link
from campaigns.signing_mail import mail_link, mail_roles
from campaigns.web.staff.frame import StaffPage, Visit, editors
from campaigns.written import WrittenError, number_in

BY_HAND = ""


def links(visit: Visit) -> Response:
    """The addresses that are in use, and the form for a new one."""
    return _page(visit, chosen=visit.query.get("vad", ""), party=visit.query.get("part", ""))


def make(visit: Visit) -> Response:
    """Make an address, and show it this once; mail it, if that was asked for."""
    chosen, party, name, role = (visit.field(field) for field in ("vad", "part", "namn", "till"))
    parts = visit.parts
    try:
        with parts.database.write() as session:
            posts = _chosen_posts(visit, chosen, party)
            made = make_link(
                session,
                parts.catalog,
                parts.messages,
                visit.municipality,
                posts,
                party=party,
                name=name,
                created_by=visit.person.name,
                now=visit.now,
            )
    except (RefusedError, NotFoundError) as error:
        is_about_name = isinstance(error, WrittenError) or not name.strip() or "får inte godkänna" in error.message
        field = "namn" if is_about_name else "vad"
        faults = {field: "Skriv vem länken är till." if not name.strip() else without_command(error.message)}
        return _page(visit, chosen=chosen, party=party, name=name, role=role, faults=faults)
    return _page(visit, made=made, told=_mailed(visit, made, role))


def revoke(visit: Visit) -> Response:
    """Make an address worthless."""
    with visit.parts.database.write() as session:
        link = revoke_link(
            session,
            visit.request.path_params["link"],
            municipality=visit.municipality,
            name=visit.person.name,
            now=visit.now,
        )
    return visit.redirect("granska/lankar", f"Länken till {link.name} gäller inte längre.")


def _chosen_posts(visit: Visit, chosen: str, party: str) -> list[int]:
    """A post as its number, or a campaign's year as ”valborg/2027”."""
    numbers = post_numbers([chosen])
    if numbers:
        return numbers
    campaign, _, year = chosen.partition("/")
    if number_in(year) is None or len(year) != 4:
        raise RefusedError("Välj vilka budskap länken ska gälla.")
    with visit.parts.database.read() as session:
        return posts_of(session, visit.municipality, campaign, int(year), party=party, now=visit.now)


def _mailed(visit: Visit, made: Made, role: str) -> str:
    wanted = next((item for item in mail_roles(visit.municipality, made.party) if item.role == role), None)
    if role == BY_HAND or wanted is None:
        return ""
    settings = visit.parts.settings
    ways = Ways(Environment(environ=visit.parts.environ), settings.smtp_url, settings.mail_from)
    return mail_link(ways, visit.municipality, made, wanted, base_url=settings.base_url, now=visit.now)


def _page(
    visit: Visit,
    *,
    chosen: str = "",
    party: str = "",
    name: str = "",
    role: str = "",
    faults: dict[str, str] | None = None,
    made: Made | None = None,
    told: str = "",
) -> Response:
    parts = visit.parts
    with parts.database.read() as session:
        found = links_list.links_list(session, parts.catalog, visit.municipality, chosen=chosen, now=visit.now)
    has_mail = bool(parts.settings.smtp_url and parts.settings.mail_from)
    return visit.page(
        "granska-lankar.html",
        status=422 if faults else 200,
        found=found,
        roles=[item for item in visit.municipality.reminders if item.email] if has_mail else [],
        chosen=chosen,
        party=party,
        name=name,
        role=role,
        faults=faults or {},
        made=made,
        url=made.url(parts.settings.base_url) if made else "",
        told=told,
    )


PAGES = (
    StaffPage("granska/lankar", get=links, post=make, post_needs=editors),
    StaffPage("granska/lankar/{link:int}/dra-in", post=revoke, needs=editors),
)
