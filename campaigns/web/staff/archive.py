"""Inställningar: the archive, for administrators."""

from __future__ import annotations

from starlette.responses import Response

from campaigns import audit
from campaigns.errors import NotFoundError, RefusedError
from campaigns.overviews.archive_rows import archived_campaigns
from campaigns.web import archive_files
from campaigns.web.staff.frame import StaffPage, Visit, administrators

UNPROCESSABLE = 422
_YEARS = 6  # that the page offers: this one and those before it


def page(visit: Visit) -> Response:
    return _page(visit, {})


def make(visit: Visit) -> Response:
    """The archive of the chosen year as one zip file."""
    year, campaign = visit.field("ar"), visit.field("kampanj")
    try:
        if not (year.isascii() and year.isdecimal() and len(year) == 4):
            raise RefusedError("Välj ett år.")
        made, files = archive_files.whole(
            visit.parts, visit.pages, visit.municipality, int(year), campaign, name=visit.person.name, now=visit.now
        )
    except (RefusedError, NotFoundError) as error:
        return _page(visit, {"ar": error.message}, status=UNPROCESSABLE)
    name = f"kampanjarkiv-{made.name}"
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"', "Cache-Control": "no-store"}
    return Response(archive_files.zipped(files, name), media_type="application/zip", headers=headers)


def _page(visit: Visit, errors: dict[str, str], *, status: int = 200) -> Response:
    catalog = visit.parts.catalog
    this = visit.now.astimezone(visit.municipality.zone).year
    with visit.parts.database.read() as session:
        chain = audit.verify(session)
        campaigns = archived_campaigns(session, catalog, visit.municipality)
    return visit.page(
        "arkiv.html",
        status=status,
        errors=errors,
        years=range(this, this - _YEARS, -1),
        campaigns=campaigns,
        chosen=(visit.field("ar"), visit.field("kampanj")),
        chain=chain,
    )


PAGES: tuple[StaffPage, ...] = (StaffPage("installningar/arkiv", get=page, post=make, needs=administrators),)
