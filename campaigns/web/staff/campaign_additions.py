"""Kampanjer: adding posts and activities, and telling what became of activities."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from campaigns.activities import (
    add_extra_activity,
    cancel_extra_activity,
    restore_extra_activity,
    tell_activity,
)
from campaigns.errors import RefusedError
from campaigns.extras import add_extra_post
from campaigns.localtime import chosen
from campaigns.overviews.timeline import CampaignYear
from campaigns.overviews.timeline_work import Row, ShownActivity
from campaigns.swedish import long_date
from campaigns.web.staff.campaign_forms import (
    TELLING,
    UNPROCESSABLE,
    YEAR,
    day_of,
    path_of,
    texts_of,
    told_by,
    year_of,
)
from campaigns.web.staff.frame import StaffPage, Visit, editors

# When a day has been chosen, and no time yet.
USUAL_TIME = "16:00"


@dataclass(frozen=True)
class _Addition:
    """What a person wrote in the form for something added."""

    kind: str = "budskap"
    occurrence: str = ""
    title: str = ""
    audiences: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    due: str = ""
    last: str = ""
    day: str = ""
    responsible: str = ""
    description: str = ""


def add_form(visit: Visit) -> Response:
    """An empty form; with `dag` in the address, as the calendar has it, for that day."""
    kind = "aktivitet" if visit.query.get("slag") == "aktivitet" else "budskap"
    try:
        day = day_of(visit.query.get("dag", "")).isoformat()
    except RefusedError:
        return _add_page(visit, year_of(visit), _Addition(kind), {})
    return _add_page(visit, year_of(visit), _Addition(kind, due=f"{day}T{USUAL_TIME}", day=day), {})


def add(visit: Visit) -> Response:
    year = year_of(visit)
    given = _Addition(
        kind="aktivitet" if visit.field("slag") == "aktivitet" else "budskap",
        occurrence=visit.field("tillfalle") or year.occurrences[0].key,
        title=visit.field("namn"),
        audiences=tuple(texts_of(visit, "malgrupp")),
        channels=tuple(texts_of(visit, "kanal")),
        due=visit.field("tid"),
        last=visit.field("senast"),
        day=visit.field("dag"),
        responsible=visit.field("ansvarig"),
        description=visit.field("beskrivning"),
    )
    year.occurrence(given.occurrence)
    return (_add_activity if given.kind == "aktivitet" else _add_post)(visit, year, given)


def _add_post(visit: Visit, year: CampaignYear, given: _Addition) -> Response:
    zone, parts = visit.municipality.zone, visit.parts
    where = "tid"
    try:
        due = chosen(given.due, zone)
        where = "senast"
        last = chosen(given.last, zone) if given.last.strip() else None
        where = ""
        with parts.database.write() as session:
            made = add_extra_post(
                session,
                parts.catalog,
                visit.municipality,
                campaign=year.campaign,
                occurrence=given.occurrence,
                audiences=given.audiences,
                title=given.title,
                channels=given.channels,
                due=due,
                last=last,
                name=visit.person.name,
                now=visit.now,
            )
    except RefusedError as error:
        return _add_page(visit, year, given, {where: error.message}, status=UNPROCESSABLE)
    many = "Budskapet är tillagt" if len(made) == 1 else f"{len(made)} budskap är tillagda"
    told = f"{many}: ”{made[0].step}”. Skriv texten, så kan det godkännas. {due.note}".strip()
    return visit.redirect(path_of(year), told)


def _add_activity(visit: Visit, year: CampaignYear, given: _Addition) -> Response:
    parts = visit.parts
    try:
        day = day_of(given.day)
        with parts.database.write() as session:
            row = add_extra_activity(
                session,
                parts.catalog,
                visit.municipality,
                campaign=year.campaign,
                occurrence=given.occurrence,
                title=given.title,
                day=day,
                responsible=given.responsible,
                description=given.description,
                name=visit.person.name,
                now=visit.now,
            )
            key, title = row.key, row.name
    except RefusedError as error:
        where = "dag" if not given.day else ""
        return _add_page(visit, year, given, {where: error.message}, status=UNPROCESSABLE)
    undo = f"{path_of(year)}/stall-in-aktivitet?{urlencode({'nyckel': key})}"
    return visit.redirect(path_of(year), f"Aktiviteten är tillagd: {title}, {long_date(day)}.", undo_path=undo)


def _add_page(
    visit: Visit, year: CampaignYear, given: _Addition, errors: dict[str, str], *, status: int = 200
) -> Response:
    return visit.page(
        "kampanj-lagg-till.html",
        status=status,
        year=year,
        given=given,
        errors=errors,
        audiences=visit.parts.catalog.audiences.values(),
        channels=visit.municipality.channels,
        earliest=f"{visit.now.astimezone(visit.municipality.zone):%Y-%m-%dT%H:%M}",
    )


# -- what became of an activity


def activity_form(visit: Visit) -> Response:
    year = year_of(visit)
    row, item = year.activity(visit.query.get("nyckel", ""))
    number = "" if item.number is None else str(item.number)
    given = dict(zip(TELLING, (item.outcome, number, item.note, item.link), strict=True))
    return _activity_page(visit, year, row, item, given, {})


def _activity_page(
    visit: Visit, year: CampaignYear, row: Row, item: ShownActivity, given: dict[str, str], errors: dict[str, str]
) -> Response:
    shown = {"year": year, "row": row, "item": item, "given": given, "errors": errors}
    return visit.page("kampanj-aktivitet.html", status=UNPROCESSABLE if errors else 200, **shown)


def tell(visit: Visit) -> Response:
    year = year_of(visit)
    key = visit.field("nyckel")
    row, item = year.activity(key)
    given = {name: visit.field(name) for name in TELLING}
    told, errors = told_by(given)
    if told is None:
        return _activity_page(visit, year, row, item, given, errors)
    try:
        with visit.parts.database.write() as session:
            tell_activity(
                session,
                visit.parts.catalog,
                visit.municipality,
                key,
                told=told,
                name=visit.person.name,
                now=visit.now,
            )
    except RefusedError as error:
        return _activity_page(visit, year, row, item, given, {"": error.message})
    return visit.redirect(path_of(year), f"Noterat: {row.name}.")


def cancel_activity(visit: Visit) -> Response:
    """Call off an activity that somebody has added."""
    year = year_of(visit)
    key = visit.field("nyckel") or visit.query.get("nyckel", "")
    year.activity(key)
    with visit.parts.database.write() as session:
        row = cancel_extra_activity(session, visit.municipality, key, name=visit.person.name, now=visit.now)
        name = row.name
    undo = f"{path_of(year)}/ta-tillbaka-aktivitet?{urlencode({'nyckel': key})}"
    return visit.redirect(path_of(year), f"Aktiviteten är borttagen: {name}.", undo_path=undo)


def restore_activity(visit: Visit) -> Response:
    year = year_of(visit)
    with visit.parts.database.write() as session:
        key = visit.query.get("nyckel", "")
        row = restore_extra_activity(session, visit.municipality, key, name=visit.person.name, now=visit.now)
        name = row.name
    return visit.redirect(path_of(year), f"Aktiviteten är tillbaka: {name}.")


PAGES: tuple[StaffPage, ...] = (
    StaffPage(f"{YEAR}/lagg-till", get=add_form, post=add, needs=editors),
    StaffPage(f"{YEAR}/aktivitet", get=activity_form, post=tell, needs=editors),
    StaffPage(f"{YEAR}/stall-in-aktivitet", post=cancel_activity, needs=editors),
    StaffPage(f"{YEAR}/ta-tillbaka-aktivitet", post=restore_activity, needs=editors),
)
