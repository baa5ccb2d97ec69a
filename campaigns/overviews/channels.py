"""A municipality's channels as its editors see them: how they are doing, what they can, if their secrets are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from campaigns import probing
from campaigns.catalog import Catalog, ChannelConfig, Municipality
from campaigns.channels.base import Channel
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.models import AccountState
from campaigns.probing import Standing

_KINDS = {
    "webb": "den offentliga sidan",
    "skarm": "infoskärmar",
    "manuell": "görs för hand",
    "webhook": "signerat anrop",
    "sitevision": "Sitevision",
    "smtp": "e-post",
    "sms": "SMS",
    "wordpress": "WordPress",
    "facebook": "Facebook",
    "instagram": "Instagram",
    "linkedin": "LinkedIn",
    "mastodon": "Mastodon",
    "bluesky": "Bluesky",
    "teams": "Teams",
}


@dataclass(frozen=True)
class ShownChannel:
    """`secret` says whether the channel's secret is in place, never what it is; it is empty for one that needs none."""

    id: str
    name: str
    kind: str
    languages: str
    state: str
    state_name: str
    reason: str
    abilities: Sequence[str]
    secret: str
    is_secret_missing: bool
    can_probe: bool
    can_rehearse: bool
    is_held: bool


def channels_page(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    channels: Mapping[str, Channel],
    *,
    environ: Mapping[str, str],
) -> Sequence[ShownChannel]:
    """The municipality's channels, in the order of its file. Reads secrets to see that they are there, nothing more."""
    found = probing.standings(session, catalog, municipality=municipality.id)
    return [_shown(municipality.channel(item.channel), item, channels[item.kind], environ=environ) for item in found]


def _shown(config: ChannelConfig, item: Standing, channel: Channel, *, environ: Mapping[str, str]) -> ShownChannel:
    missing = _missing_secret(config, environ)
    return ShownChannel(
        id=config.id,
        name=config.name,
        kind=_KINDS.get(config.kind, config.kind),
        languages=", ".join(config.languages),
        state=item.state,
        state_name=item.state_name,
        reason=item.reason,
        abilities=list(_abilities(item, channel)),
        secret="" if config.secret is None else missing or "på plats",
        is_secret_missing=bool(missing),
        can_probe=item.can_probe,
        can_rehearse=item.can_rehearse,
        is_held=item.state != AccountState.WORKING,
    )


def _abilities(item: Standing, channel: Channel) -> Iterable[str]:
    if item.can_withdraw:
        yield "dra tillbaka"
    if item.can_correct:
        yield "rätta"
    if channel.can_find:
        yield "leta upp efter ett osäkert svar"
    if channel.is_idempotent and not channel.is_local:
        yield "skicka om utan dubblett"


def _missing_secret(config: ChannelConfig, environ: Mapping[str, str]) -> str:
    """What is wrong with the channel's secret, or nothing. Names where it should be, never what is there."""
    if config.secret is None:
        return ""
    try:
        resolve(config.secret, environ=environ)
    except CredentialError as error:
        return error.message
    return ""
