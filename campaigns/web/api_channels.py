"""The API's channels: how they are doing, a marked test, and starting one that was stopped."""

from __future__ import annotations

from fastapi import APIRouter

from campaigns import probing
from campaigns.channels.base import SendError
from campaigns.errors import RefusedError
from campaigns.sending import accounts
from campaigns.web.api import Who
from campaigns.web.api_models import Answer

router = APIRouter(prefix="/api/v1")


class ChannelAnswer(Answer):
    """`state` is working, resting or stopped, and `reason` why it is not working."""

    municipality: str
    channel: str
    kind: str
    name: str
    state: str
    reason: str
    can_withdraw: bool
    can_correct: bool
    can_probe: bool
    can_rehearse: bool


class TestAnswer(Answer):
    message: str


@router.get("/channels")
def list_channels(who: Who) -> list[ChannelAnswer]:
    """The municipality's channels: how they are doing and what they can do beside sending."""
    with who.parts.database.read() as session:
        found = probing.standings(session, who.parts.catalog, municipality=who.municipality.id)
    return [ChannelAnswer.model_validate(item) for item in found]


@router.post("/channels/{channel}/test")
def test_channel(who: Who, channel: str) -> TestAnswer:
    """Send a marked test that only the channel's editors see, and remove it where that can be done."""
    try:
        sentence = probing.rehearse(who.municipality, channel, who.parts.channels, now=who.now)
    except SendError as error:
        raise RefusedError(error.message) from error
    return TestAnswer(message=sentence)


@router.post("/channels/{channel}/start", status_code=204)
def start_channel(who: Who, channel: str) -> None:
    """Start a channel that was stopped: what is wrong has been put right, and what waits is tried at once."""
    who.municipality.channel(channel)
    with who.parts.database.write() as session:
        accounts.restart(session, who.municipality.id, channel, name=who.name, now=who.now)
