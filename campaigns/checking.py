"""The check before a season: what in texts and facts would stop an approval, and what is worth a look."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError
from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.content.phrases import UNCONFIRMED
from campaigns.drafts import faults_by_channel, render_post
from campaigns.enqueue import LEFT_OUT
from campaigns.errors import NotFoundError, TemplateError, suggestion
from campaigns.facts import facts_at
from campaigns.faults import FaultCode, Severity
from campaigns.models import Post
from campaigns.occurrences import OccurrenceStatus
from campaigns.reminding import problems
from campaigns.season import planned_years, season
from campaigns.swedish import long_date
from campaigns.translation_files import translation_files
from campaigns.translations import vouched_for


@dataclass(frozen=True)
class Finding:
    """Something found, where it stands, and whether it stops work (an error) or is only worth knowing."""

    is_error: bool
    where: str
    message: str


def check(
    session: Session, catalog: Catalog, messages: Path, *, now: datetime, environ: Mapping[str, str]
) -> list[Finding]:
    """Everything that would stop the coming posts, and everything worth a look: errors first."""
    found: dict[Finding, None] = dict.fromkeys(_missing_secrets(catalog, environ))
    facts = facts_at(session, catalog)
    coming = (
        select(Post)
        .where(Post.not_after > now, col(Post.merged_into).is_(None), col(Post.state).not_in(LEFT_OUT))
        .order_by(col(Post.due_at))
    )
    for post in session.exec(coming):
        municipality = catalog.municipalities.get(post.municipality)
        if municipality is None:
            continue
        name = f"{post.campaign}/{post.step}.{post.audience}"
        try:
            draft = render_post(session, catalog, messages, post, now=now, facts=facts)
        except (TemplateError, NotFoundError) as error:
            found[Finding(is_error=True, where=name, message=error.message)] = None
            continue
        for fault, channels in faults_by_channel(draft):
            # A fact to confirm is work for the season, not a fault in what has been written.
            is_error = fault.severity is Severity.ERROR and not fault.is_about_a_fact
            if (
                fault.code is FaultCode.REFUSED_PHRASE
                and _has_unconfirmed(municipality)
                and UNCONFIRMED in fault.message
            ):
                found[_unconfirmed(municipality)] = None  # once, and not for every text
                continue
            found[Finding(is_error, f"{name} ({', '.join(channels)})", fault.message)] = None
    others = (
        *(_stray_messages(catalog, messages), _lone_parties(catalog), _idle_channels(catalog)),
        _open_dates(session, catalog, now=now),
        _unread_translations(session, catalog, messages),
    )
    reminding = (Finding(*item) for item in problems.problems(catalog, messages.parent, environ=environ))
    for item in (*_broken_pages(messages.parent), *reminding, *itertools.chain(*others)):
        found[item] = None
    return sorted(found, key=lambda item: not item.is_error)


def _has_unconfirmed(municipality: Municipality) -> bool:
    told = (municipality.name, municipality.short_name, municipality.police_area, municipality.website)
    return any(UNCONFIRMED in item for item in told)


def _unconfirmed(municipality: Municipality) -> Finding:
    return Finding(
        is_error=True,
        where=f"municipalities/{municipality.id}.toml",
        message=f"”{UNCONFIRMED}” står kvar i det som texterna tar ur filen. Rätta det, så kan budskapen godkännas.",
    )


def _broken_pages(templates: Path) -> list[Finding]:
    """The templates of pages and news feeds in the municipality's own folder that cannot be read."""
    found: list[Finding] = []
    for path in sorted((*templates.glob("web/*.html"), *templates.glob("news/*.xml"))):
        name = path.relative_to(templates).as_posix()
        try:
            Environment(autoescape=True).parse(path.read_text(encoding="utf-8"), name=name)
        except TemplateSyntaxError as error:
            where, fault = f"{name}, rad {error.lineno}", f"Mallen går inte att läsa: {error.message}"
            found.append(Finding(is_error=True, where=where, message=fault))
        except (OSError, UnicodeDecodeError):
            fault = "Mallen går inte att läsa. Spara den som UTF-8."
            found.append(Finding(is_error=True, where=name, message=fault))
    return found


def _stray_messages(catalog: Catalog, messages: Path) -> Iterator[Finding]:
    """Message files that no step will ever read: most often a name with a slip of the pen."""
    municipalities = catalog.municipalities.values()
    borrowed = {extra.id: extra.campaign for item in municipalities for extra in item.extra_dates if extra.campaign}
    steps = {campaign.id: [step.id for step in campaign.steps] for campaign in catalog.campaigns.values()}
    steps.update({extra: steps[campaign] for extra, campaign in borrowed.items() if campaign in steps})
    channels = {channel for item in municipalities for channel in item.channel_ids}
    languages = catalog.languages
    for path in sorted(messages.glob("*/*.md")):
        campaign, (step, *rest) = path.parent.name, path.stem.split(".")
        audience, variants = (rest[0], rest[1:]) if rest else ("", [])
        if campaign not in steps:
            why = f"ingen kampanj heter ”{campaign}”. {suggestion(campaign, steps)}"
        elif step not in steps[campaign]:
            why = f"kampanjen har inget steg ”{step}”. {suggestion(step, steps[campaign])}"
        elif audience not in catalog.audiences:
            why = f"ingen målgrupp heter ”{audience}”. {suggestion(audience, catalog.audiences)}"
        elif set(variants) - channels - languages:
            odd = sorted(set(variants) - channels - languages)[0]
            why = f"”{odd}” är varken en kanal eller ett språk. {suggestion(odd, sorted(channels | languages))}"
        else:
            continue
        yield Finding(is_error=False, where=f"{campaign}/{path.name}", message=f"Mallen används inte: {why}")


def _unread_translations(session: Session, catalog: Catalog, messages: Path) -> Iterator[Finding]:
    """Translations in files that nobody has said hold for the Swedish files as they are: the posts tell what stops."""
    read = vouched_for(session)
    for item in translation_files(messages, catalog.languages):
        is_read = all((item.language, each, item.digest) in read for each in item.originals.values())
        if not (item.is_current or is_read):
            told = item.fault or (
                f"Översättningen är inte läst mot {' och '.join(item.originals)} som den är nu. Läs den, och kör "
                f"kampanjhjul translations vouch {item.name}"
            )
            yield Finding(is_error=False, where=item.name, message=told)


def _lone_parties(catalog: Catalog) -> Iterator[Finding]:
    for municipality in catalog.municipalities.values():
        if len(municipality.parties) < 2:
            yield Finding(
                is_error=False,
                where=f"municipalities/{municipality.id}.toml: parties",
                message="Bara en part godkänner budskapen. Löftet är gemensamt: lägg till polisen om de ska läsa med.",
            )


def _idle_channels(catalog: Catalog) -> Iterator[Finding]:
    """Channels of a municipality that no step names: nothing will ever be sent there."""
    named = {name for campaign in catalog.campaigns.values() for step in campaign.steps for name in step.channels}
    for municipality in catalog.municipalities.values():
        for channel in municipality.channels:
            if channel.id not in named:
                yield Finding(
                    is_error=False,
                    where=f"municipalities/{municipality.id}.toml: channels.{channel.id}",
                    message=f"Kanalen {channel.id} används inte i något steg. Lägg till ”{channel.id}” i channels för"
                    " de steg i config/campaigns/ som ska dit, eller ta bort kanalen.",
                )


def _missing_secrets(catalog: Catalog, environ: Mapping[str, str]) -> Iterator[Finding]:
    for municipality in catalog.municipalities.values():
        for channel in municipality.channels:
            if channel.secret:
                try:
                    resolve(channel.secret, environ=environ)
                except CredentialError as error:
                    where = f"municipalities/{municipality.id}.toml: channels.{channel.id}.secret"
                    yield Finding(is_error=True, where=where, message=error.message)


def _open_dates(session: Session, catalog: Catalog, *, now: datetime) -> list[Finding]:
    found: list[Finding] = []
    for municipality in catalog.municipalities.values():
        today = now.astimezone(municipality.zone).date()
        laid = season(session, catalog, municipality, years=planned_years(now, municipality))
        found.extend(
            Finding(
                is_error=False,
                where=item.key,
                message=f"{item.title} {item.year}: datumet är inte bekräftat.",
            )
            for item in laid.occurrences
            if item.status is OccurrenceStatus.PRELIMINARY and item.last_day >= today
        )
        found.extend(
            Finding(
                is_error=False,
                where=f"{municipality.id}, {long_date(clash.day)}",
                message=f"{clash.first} och {clash.second} krockar i {clash.channel}. {clash.proposal}",
            )
            for clash in laid.plan.clashes
            if clash.day >= today
        )
    return found
