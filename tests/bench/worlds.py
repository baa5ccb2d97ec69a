"""Configurations that the measurements need, made from the shipped one."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from campaigns.posts import materialise
from campaigns.publishing import refresh_stale
from campaigns.settings import shipped_directory
from campaigns.wiring import Parts

FEED = "/feeds/aneby/riskdatum-aneby.ics"


def with_extra_dates(folder: Path, count: int) -> Path:
    """The shipped configuration with `count` dates of Aneby's own: a calendar as large as a busy municipality's."""
    config = folder / "config"
    shutil.copytree(shipped_directory("config"), config)
    first = date.today() + timedelta(days=30)  # noqa: DTZ011 - any day ahead will do
    tables = (
        f'[[extra_dates]]\nid = "marknad-{number}"\nname = "Marknaden på torget, dag {number}"\n'
        f"day = {first + timedelta(days=7 * number)}\n"
        for number in range(count)
    )
    _append(config, tables)
    return config


def _append(config: Path, tables: Iterable[str]) -> None:
    path = config / "municipalities" / "aneby.toml"
    path.write_text("\n".join((path.read_text(encoding="utf-8"), *tables)), encoding="utf-8")


def published(parts: Parts) -> None:
    """Plan and write the calendars, as `serve` does at its start."""
    for municipality in parts.catalog.municipalities.values():
        with parts.database.write() as session:
            materialise(session, parts.catalog, parts.messages, municipality, now=parts.clock())
    refresh_stale(parts.database, parts.catalog, now=parts.clock(), base_url=parts.settings.base_url)


def daytime_zone(now: datetime) -> str:
    """A zone where it is between 12 and 13 now: the hours in which nothing is sent must not decide the figures."""
    offset = 12 - now.hour
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/UTC"


def with_moments(
    folder: Path, moments: Sequence[datetime], early: int, *, webhook: str, secret: str
) -> tuple[Path, Path]:
    """Config and templates with a webhook as only channel and one campaign today.

    It has one step due at each of `moments` and, in a campaign of its own, `early` steps that were due an hour ago.
    """
    zone = daytime_zone(moments[0])
    local = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    config, messages = folder / "config", folder / "templates" / "messages"
    shutil.copytree(shipped_directory("config"), config)
    messages.mkdir(parents=True)
    shutil.copy(shipped_directory("templates") / "messages" / "footer.md", messages)
    for path in (config / "campaigns").iterdir():
        path.unlink()
    hour_ago = (local[0] - timedelta(hours=1)).time()
    plans = {"punktlig": [moment.time() for moment in local], "vackt": [hour_ago] * early}
    for extra, (name, times) in zip(("punktligt", "for-sent"), plans.items(), strict=True):
        steps = [_step(number, at.isoformat()) for number, at in enumerate(times)]
        _write(config / "campaigns" / f"{name}.toml", _campaign(name, steps))
        for number in range(len(times)):
            # An extra date borrows the campaign's steps and has words of its own.
            _write(messages / extra / f"steg-{number}.foraldrar.md", _TEXT)
    _write(config / "municipalities" / "aneby.toml", _municipality(zone, local[0].date(), webhook, secret))
    return config, messages.parent


_TEXT = """+++
title = "Köp inte ut alkohol"
short = "Köp inte ut alkohol till den som inte är 20 år."
+++

Säg nej när någon yngre ber dig köpa ut. Ett lugnt nej räcker. Det gäller {{ datum }}.
"""


def _campaign(name: str, steps: Iterable[str]) -> str:
    # The risk date is one that is off: only the municipality's own date, which borrows the campaign, has its steps.
    return "\n".join((f'name = "{name.capitalize()}"\nrisk_date = "lucia"\npromises = ["langning"]', *steps))


def _step(number: int, at: str) -> str:
    return (
        f'[[steps]]\nid = "steg-{number}"\nname = "Steg {number}"\naudiences = ["foraldrar"]\nchannels = ["webhook"]\n'
        f"offset_days = 0\nat = {at}\nnot_after = {{ offset_days = 0, at = 20:59:00 }}\n"
    )


def _municipality(zone: str, day: date, webhook: str, secret: str) -> str:
    return f"""
name = "Aneby kommun"
short_name = "Aneby"
code = "0604"
zone = "{zone}"
police_area = "lokalpolisområde Höglandet"
website = "https://www.aneby.se"
languages = ["sv"]
promises = ["langning"]

[parties.kommun]
name = "Aneby kommun"

[parties.polis]
name = "Lokalpolisområde Höglandet"

[channels.webhook]
kind = "webhook"
url = "{webhook}"
secret = "{secret}"
allow_private_addresses = true

[[extra_dates]]
id = "punktligt"
name = "En dag"
day = {day}
campaign = "punktlig"

[[extra_dates]]
id = "for-sent"
name = "Samma dag"
day = {day}
campaign = "vackt"
"""


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
