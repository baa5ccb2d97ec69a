"""Inställningar: the channels, how they are doing, and the buttons that prove them by calling their servers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from campaigns import probing
from campaigns.channels.base import SendError
from campaigns.errors import NotFoundError, RefusedError
from campaigns.overviews import channels
from campaigns.sending import accounts
from campaigns.web.staff.frame import StaffPage, Visit, editors

CHANNELS = "installningar/kanaler"


def show(visit: Visit) -> Response:
    """All of them."""
    return _page(visit, {})


def prove(visit: Visit) -> Response:
    """Prove the settings and the login, without anybody seeing anything."""
    proof = probing.prove(
        visit.parts.database,
        visit.municipality,
        visit.request.path_params["channel"],
        visit.parts.channels,
        name=visit.person.name,
        now=visit.now,
    )
    name = visit.municipality.channel(proof.channel).name
    if proof.is_ok is False:
        return _page(visit, {f"kanal-{proof.channel}": f"{name}: {proof.sentence}"})
    return visit.redirect(CHANNELS, f"{name}: {proof.sentence}")


def rehearse(visit: Visit) -> Response:
    """Send a marked test that only the editors see."""
    channel = visit.request.path_params["channel"]
    name = visit.municipality.channel(channel).name
    try:
        sentence = probing.rehearse_as(
            visit.parts.database,
            visit.municipality,
            channel,
            visit.parts.channels,
            name=visit.person.name,
            now=visit.now,
        )
    except (SendError, RefusedError) as error:
        return _page(visit, {f"kanal-{channel}": f"{name}: {error.message}"})
    return visit.redirect(CHANNELS, f"{name}: {sentence}")


def start(visit: Visit) -> Response:
    """Somebody has put it right: what waits is tried at once."""
    channel = visit.municipality.channel(visit.request.path_params["channel"])
    try:
        with visit.parts.database.write() as session:
            accounts.restart(session, visit.municipality.id, channel.id, name=visit.person.name, now=visit.now)
    except NotFoundError:
        return visit.redirect(CHANNELS, f"{channel.name} är redan i gång.")
    return visit.redirect(CHANNELS, f"{channel.name} är i gång igen. Det som väntar skickas nu.")


def _page(visit: Visit, faults: Mapping[str, str]) -> Response:
    with visit.parts.database.read() as session:
        found = channels.channels_page(
            session, visit.parts.catalog, visit.municipality, visit.parts.channels, environ=visit.parts.environ
        )
    return visit.page(
        "kanaler.html",
        status=422 if faults else 200,
        found=found,
        faults=faults,
        may_act=editors(visit.roles),
        file=f"config/municipalities/{visit.municipality.id}.toml",
    )


PAGES = (
    StaffPage(CHANNELS, get=show),
    StaffPage(f"{CHANNELS}/{{channel}}/prova", post=prove, needs=editors),
    StaffPage(f"{CHANNELS}/{{channel}}/prov", post=rehearse, needs=editors),
    StaffPage(f"{CHANNELS}/{{channel}}/starta", post=start, needs=editors),
)
