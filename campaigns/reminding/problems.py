"""What in the files keeps reminders from reaching anybody: found before the season, by `check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from campaigns.catalog import Catalog, Municipality
from campaigns.channels.base import Environment
from campaigns.reminder_kinds import Kind, Topic
from campaigns.reminding import texts
from campaigns.reminding.addressees import Way, addresses, receivers
from campaigns.reminding.ways import Ways, apprise_problem

# Whether it stops work, where it stands, and what is wrong.
Problem = tuple[bool, str, str]


def problems(catalog: Catalog, templates: Path, *, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Everything wrong with who is reminded, how, in what words. `templates` is the folder of templates."""
    municipalities = list(catalog.municipalities.values())
    for municipality in municipalities:
        yield from _unreached(municipality)
        yield from _unusable(municipality, environ)
    if any(address.way is Way.MAIL for item in municipalities for address in addresses(item).values()):
        ways = Ways(
            Environment(environ=environ), environ.get("KAMPANJHJUL_SMTP_URL"), environ.get("KAMPANJHJUL_MAIL_FROM")
        )
        for message in ways.problems():
            yield True, "miljön", message
    for is_error, name, message in texts.problems(templates):
        yield is_error, name, message


def _unreached(municipality: Municipality) -> Iterator[Problem]:
    where = f"municipalities/{municipality.id}.toml: reminders"
    if not addresses(municipality):
        yield False, where, "Ingen i personalen påminns: lägg till [[reminders]] med role och email eller apprise."
        return
    topics = [topic for topic in Topic if topic is not Topic.ESCALATION]
    missing = [topic.value for topic in topics if not receivers(municipality, topic)]
    if missing:
        yield False, where, f"Ingen påminns om {', '.join(missing)}."
    if not receivers(municipality, Kind.ESCALATION):
        message = "Ingen tar vid när ett budskap inte godkänns i tid: skriv escalate_to på den som påminns först."
        yield False, where, message


def _unusable(municipality: Municipality, environ: Mapping[str, str]) -> Iterator[Problem]:
    for address in addresses(municipality).values():
        if address.way is Way.APPRISE:
            message = apprise_problem(address.place, environ=environ)
            if message:
                yield True, f"municipalities/{municipality.id}.toml: reminders.{address.id}", message
