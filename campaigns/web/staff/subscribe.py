"""Prenumerera: the public calendar with filters, the news, the page to put into another site, one's own calendar."""

from __future__ import annotations

from starlette.responses import Response

from campaigns import feed_tokens
from campaigns.overviews import subscriptions
from campaigns.web.staff.frame import StaffPage, Visit, administrators


def show(visit: Visit) -> Response:
    """The page, with the calendar of what is chosen in the address."""
    return _page(visit)


def create(visit: Visit) -> Response:
    """A new personal address. It is on the answer to this one request, and nowhere after that."""
    with visit.parts.database.write() as session:
        secret = feed_tokens.create_feed_token(
            session,
            municipality=visit.municipality.id,
            name=visit.person.name,
            now=visit.now,
            actor=visit.person.name,
        )
    return _page(visit, secret=secret)


def renew(visit: Visit) -> Response:
    """A new address in place of an own one, which answers no more."""
    with visit.parts.database.write() as session:
        secret = feed_tokens.renew_feed_token(
            session,
            visit.request.path_params["token"],
            municipality=visit.municipality.id,
            owner=visit.person.name,
            now=visit.now,
        )
    return _page(visit, secret=secret)


def revoke(visit: Visit) -> Response:
    """Let an own address answer no more; an administrator may do it to anybody's."""
    with visit.parts.database.write() as session:
        feed_tokens.revoke_feed_token(
            session,
            visit.request.path_params["token"],
            municipality=visit.municipality.id,
            owner=None if visit.roles.is_administrator else visit.person.name,
            now=visit.now,
            actor=visit.person.name,
        )
    return visit.redirect("prenumerera#egen", "Adressen är indragen. Kalenderprogram som använder den får inget mer.")


def _page(visit: Visit, *, secret: str = "") -> Response:
    base_url = visit.parts.settings.base_url
    with visit.parts.database.read() as session:
        own = subscriptions.own_addresses(session, visit.municipality, visit.person.name)
        everybody = subscriptions.all_addresses(session, visit.municipality) if administrators(visit.roles) else ()
    answer = visit.page(
        "prenumerera.html",
        choice=subscriptions.public_calendar(
            visit.parts.catalog,
            visit.municipality,
            campaigns=visit.query.getlist("campaign"),
            audiences=visit.query.getlist("audience"),
            base_url=base_url,
        ),
        own=own,
        others=[item for item in everybody if item.name != visit.person.name],
        embed_code=subscriptions.embed_code(visit.municipality, base_url=base_url),
        follow_up_code=subscriptions.follow_up_code(visit.municipality, base_url=base_url),
        fresh=subscriptions.private_address(visit.municipality, secret, base_url=base_url) if secret else "",
    )
    if secret:
        answer.headers["Cache-Control"] = "no-store"
    return answer


PAGES = (
    StaffPage("prenumerera", get=show, post=create),
    StaffPage("prenumerera/{token:int}/ny", post=renew),
    StaffPage("prenumerera/{token:int}/dra-in", post=revoke),
)
