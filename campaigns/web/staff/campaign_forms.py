"""What the pages of a campaign's year share: reading their addresses and their forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from campaigns.activities import Outcome, Told
from campaigns.errors import NotFoundError, RefusedError
from campaigns.overviews.timeline import CampaignYear, campaign_year
from campaigns.overviews.timeline_work import Row
from campaigns.web.staff.frame import Visit

UNPROCESSABLE = 422
# The fields in which it is told what became of an activity.
TELLING = ("utfall", "antal", "notering", "lank")
# Of all the pages, under the municipality's path.
YEAR = "kampanjer/{campaign}/{year:int}"


def path_of(year: CampaignYear) -> str:
    """The page of the campaign's year, as `Visit.path` and `redirect` want it."""
    return f"kampanjer/{year.campaign}/{year.year}"


def year_of(visit: Visit) -> CampaignYear:
    """The campaign's year that the address names."""
    given = visit.request.path_params
    with visit.parts.database.read() as session:
        return campaign_year(
            session, visit.parts.catalog, visit.municipality, given["campaign"], given["year"], now=visit.now
        )


def step_of(visit: Visit) -> tuple[CampaignYear, Row]:
    """The campaign's year, and the step in it that holds the post that the address names."""
    year = year_of(visit)
    return year, year.row_of(visit.request.path_params["post"])


def texts_of(visit: Visit, name: str) -> list[str]:
    """All values that the form has under `name`."""
    return [value for value in visit.form.getlist(name) if isinstance(value, str)]


def chosen_ids(visit: Visit) -> list[int]:
    """The posts' numbers, from the form or, for an undo, from the address."""
    words = [word for text in (*texts_of(visit, "budskap"), visit.query.get("budskap", "")) for word in text.split()]
    if not all(word.isdecimal() and len(word) < 10 for word in words):
        raise NotFoundError("Budskapet finns inte.")
    return [int(word) for word in words]


def joined(ids: Sequence[int]) -> str:
    """Posts' numbers as `chosen_ids` reads them."""
    return " ".join(str(item) for item in ids)


def day_of(text: str) -> date:
    """The day that a field holds. Raises RefusedError for none."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise RefusedError("Välj en dag, till exempel 2027-06-11.") from error


def told_by(given: Mapping[str, str]) -> tuple[Told | None, dict[str, str]]:
    """What a form tells of an activity, by the fields in TELLING; or None, and by field what is wrong."""
    where = "utfall"
    try:
        outcome = _outcome(given["utfall"])
        where = "antal"
        number = _number(given["antal"])
        where = "notering"
        if outcome is Outcome.NOT_DONE and not given["notering"].strip():
            raise RefusedError("Skriv varför den inte blev av.")
    except RefusedError as error:
        return None, {where: error.message}
    return Told(outcome, given["notering"], number, given["lank"]), {}


def _outcome(text: str) -> Outcome:
    try:
        return Outcome(text)
    except ValueError as error:
        raise RefusedError("Välj om aktiviteten blev av.") from error


def _number(text: str) -> int | None:
    text = text.replace(" ", "").replace("\u00a0", "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise RefusedError("Antalet ska vara ett heltal, till exempel 14.")
    return int(text)
