"""Inställningar: the front page, and the pages that show what stands in the municipality's file; and the facts."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from campaigns import pack
from campaigns.errors import RefusedError
from campaigns.facts import confirm_fact
from campaigns.overviews import channels, facts, people, reminding
from campaigns.settings import shipped_directory
from campaigns.web.staff.frame import StaffPage, Visit, editors
from campaigns.written import day_in


def show(visit: Visit) -> Response:
    """What there is to set, with what needs somebody."""
    with visit.parts.database.read() as session:
        found = people.people_page(session, visit.municipality, visit.person)
        shown = channels.channels_page(
            session, visit.parts.catalog, visit.municipality, visit.parts.channels, environ=visit.parts.environ
        )
        stopping = facts.count_of_stopping(session, visit.parts.catalog, today=_today(visit))
    return visit.page(
        "installningar.html",
        people=found,
        held=[item for item in shown if item.is_held or item.is_secret_missing],
        stopping=stopping,
        problems=visit.parts.configuration.problems,
    )


def parties(visit: Visit) -> Response:
    """Who must sign, and what was promised."""
    with visit.parts.database.read() as session:
        found = people.parties(session, visit.municipality)
    catalog = visit.parts.catalog
    return visit.page(
        "parter.html",
        parties=found,
        promises=catalog.promises_of(visit.municipality),
        today=visit.now.astimezone(visit.municipality.zone).date(),
        file=f"config/municipalities/{visit.municipality.id}.toml",
    )


def reminders(visit: Visit) -> Response:
    """Who is reminded of what, and what was sent lately."""
    with visit.parts.database.read() as session:
        found = reminding.reminders_page(session, visit.parts.catalog, visit.municipality)
    settings = visit.parts.settings
    return visit.page(
        "paminnelser.html",
        found=found,
        has_mail=bool(settings.smtp_url and settings.mail_from),
        file=f"config/municipalities/{visit.municipality.id}.toml",
    )


def show_pack(visit: Visit) -> Response:
    """What our recipes and texts have become, and where the pack has moved on since."""
    settings = visit.parts.settings
    shipped = {name: shipped_directory(name) for name in ("config", "templates")}
    own = {"config": visit.parts.configuration.directory, "templates": settings.templates_dir}
    found = pack.standings(shipped, own)
    return visit.page("paket.html", found=[item for item in found if item.state is not pack.State.SAME])


def show_facts(visit: Visit) -> Response:
    """What texts rest on."""
    return _facts(visit, {})


def confirm(visit: Visit) -> Response:
    """Note that a fact has been checked, and until when it holds."""
    fact = visit.field("uppgift")
    try:
        with visit.parts.database.write() as session:
            confirm_fact(
                session,
                visit.parts.catalog,
                fact,
                name=visit.person.name,
                valid_until=_day(visit.field("till")),
                now=visit.now,
            )
    except RefusedError as error:
        return _facts(visit, {f"till-{fact}": error.message}, status=422)
    return visit.redirect("installningar/fakta", "Uppgiften är bekräftad.")


def _facts(visit: Visit, faults: dict[str, str], *, status: int = 200) -> Response:
    with visit.parts.database.read() as session:
        page = facts.facts_page(session, visit.parts.catalog, today=_today(visit))
    return visit.page(
        "fakta.html",
        status=status,
        found=page,
        faults=faults,
        written={visit.field("uppgift"): visit.field("till")},
        may_confirm=editors(visit.roles),
    )


def _day(text: str) -> date:
    try:
        return day_in(text)
    except ValueError:
        raise RefusedError("Skriv dagen som 2027-11-25.") from None


def _today(visit: Visit) -> date:
    return visit.now.astimezone(visit.municipality.zone).date()


PAGES = (
    StaffPage("installningar", get=show),
    StaffPage("installningar/parter", get=parties),
    StaffPage("installningar/paminnelser", get=reminders),
    StaffPage("installningar/paket", get=show_pack, needs=editors),
    StaffPage("installningar/fakta", get=show_facts, post=confirm, post_needs=editors),
)
