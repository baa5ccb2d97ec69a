"""An organisation's page on LinkedIn, by the Posts and Images APIs (learn.microsoft.com, LinkedIn Marketing).

`account` is `urn:li:organization:N`, and the secret a token with w_organization_social. A version (`api_version`, as
202608) works for about a year from its month; then LinkedIn answers 426 and the channel stops until a newer is set.

LinkedIn drops a text that the page already has: it answers 422 DUPLICATE_POST and names the post. A repeat is thus
both the look-up and the sending: either the post is named, or it surely was not out and now is. The picture's URN is
noted, so that a repeat is the same to the letter. Known to be wrong in one case: a post that has been deleted may
still be named for a while. How long LinkedIn remembers a text is nowhere said: a repeat is made only within an hour of
the first try that may have got through, whose time is noted too, and after that a person must look.

The text is in "little" format (learn.microsoft.com, little Text Format): what is not escaped can cut the post short.
Addresses are left as they are, to be clickable. That reserved characters in them do no harm is unconfirmed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import (
    Environment,
    NotSentError,
    Outcome,
    Pace,
    Picture,
    Receipt,
    Shipment,
    UnknownOutcomeError,
)
from campaigns.channels.http import Response, accepted, call
from campaigns.channels.social import base_of, picture_of, setting, text_of, token_header

ADDRESS = "https://api.linkedin.com"
VERSION = "202608"
MOST_CHARACTERS = 3000  # of the text as people read it: whether escapes count is unconfirmed
REMEMBERED = timedelta(hours=1)  # our choice

_IMAGE = re.compile(r"urn:li:image:[A-Za-z0-9_-]{1,200}")
_NOTED = re.compile(rf"(?:(?P<image>{_IMAGE.pattern})|text)(?:@(?P<seconds>[0-9]{{1,11}}))?")
_POST = re.compile(r"urn:li:(share|ugcPost):[0-9]{1,32}")
_DUPLICATE_OF = re.compile(r"duplicate of (urn:li:(?:share|ugcPost):[0-9]{1,32})", re.IGNORECASE)
_UPLOAD = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[!-~]*")
_KEPT = re.compile(r"https?://[^\s<>\"\\|{}]+[^\s<>\"\\|{}.,;:!?)\]'”’*_~]|(?<![\w#])#(?=\w*[^\W\d_])[^\W_]+(?!\w)")
_RESERVED = re.compile(r"[\\|{}@\[\]()<>#*_~]")


@dataclass(frozen=True)
class LinkedIn:
    environment: Environment
    kind: str = "linkedin"
    is_local: bool = False
    is_idempotent: bool = False
    can_find: bool = True
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        channel = shipment.channel
        text = little(text_of(shipment.content, most=MOST_CHARACTERS))
        picture = picture_of(shipment)
        image, first = _noted(shipment, now)
        if shipment.maybe_sent and now - first > REMEMBERED:
            raise UnknownOutcomeError(
                "Det är osäkert om ett tidigare försök gick ut, och för sent att fråga LinkedIn genom att försöka igen."
                " Kontrollera på sidan.",
                needs_person=True,
            )
        if picture is not None and not image:
            image = self._upload(channel, picture, now=now)
        media = {"media": {"id": image, "altText": shipment.content.alt}} if picture is not None else None
        body = post_body(_author(channel), text, media)
        shipment.note(f"{image or 'text'}@{int(first.timestamp())}")
        response = self._call("POST", channel, "/rest/posts", json_body=body)
        if response.status == 422 and _is_duplicate(response):
            return _double(response, shipment)
        _settled(response, shipment, now=now)
        urn = unquote(response.headers.get("x-restli-id") or "")
        if not _POST.fullmatch(urn):
            raise UnknownOutcomeError("LinkedIn svarade utan inläggets id. Det är osäkert om budskapet gick ut.")
        return _receipt(urn)

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        """Delete the post. LinkedIn answers the same (204) for one that is already deleted."""
        if not _POST.fullmatch(shipment.reference):
            raise NotSentError("Kvittot har inget inläggs-id. Ta bort inlägget på LinkedIn.", is_permanent=True)
        path = f"/rest/posts/{quote(shipment.reference, safe='')}"
        response = self._call("DELETE", shipment.channel, path, headers={"X-RestLi-Method": "DELETE"})
        if response.status != 404:
            _accepted(response, now=now)

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        """Ask for a place to upload a picture to, and leave it: it needs the right to post, and nobody sees it."""
        self._place(channel, now=now)
        return f"Nyckeln får lägga upp för organisation {_author(channel).rpartition(':')[2]} på LinkedIn."

    def _upload(self, channel: ChannelConfig, picture: Picture, *, now: datetime) -> str:
        """The URN of an uploaded picture. Nobody sees it, so nothing has been sent whatever goes wrong."""
        place, image = self._place(channel, now=now)
        headers = {**token_header(channel, environment=self.environment), "Content-Type": picture.media_type}
        try:
            response = call(
                "PUT", place, environment=self.environment, channel=channel, headers=headers, body=picture.data
            )
            _accepted(response, now=now)
        except UnknownOutcomeError as error:
            raise _before_sending() from error
        return image

    def _place(self, channel: ChannelConfig, *, now: datetime) -> tuple[str, str]:
        """Where a picture is to be uploaded, and the URN that it gets."""
        body = {"initializeUploadRequest": {"owner": _author(channel)}}
        try:
            response = self._call("POST", channel, "/rest/images?action=initializeUpload", json_body=body)
            value = _accepted(response, now=now).json().get("value")
        except UnknownOutcomeError as error:
            raise _before_sending() from error
        found = value if isinstance(value, dict) else {}
        place, image = str(found.get("uploadUrl")), str(found.get("image"))
        if not (_IMAGE.fullmatch(image) and _is_linkedins(place, channel)):
            raise NotSentError("LinkedIn anvisade ingen plats att ladda upp bilden på.", is_permanent=False)
        return place, image

    def _call(
        self,
        method: str,
        channel: ChannelConfig,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json_body: Mapping[str, Any] | None = None,
    ) -> Response:
        told = "Kanalens api_version ska skrivas som 202608 (år och månad), eller saknas."
        version = setting(channel.api_version or VERSION, "20[0-9]{2}(0[1-9]|1[0-2])", told=told)
        return call(
            method,
            f"{base_of(channel, ADDRESS)}{path}",
            environment=self.environment,
            channel=channel,
            headers={
                **token_header(channel, environment=self.environment),
                "LinkedIn-Version": version,
                "X-Restli-Protocol-Version": "2.0.0",
                **(headers or {}),
            },
            json_body=json_body,
        )


def post_body(author: str, commentary: str, content: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is posted: the same for the same arguments, since LinkedIn knows doubles by it."""
    return {
        "author": author,
        "commentary": commentary,
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        **({"content": content} if content is not None else {}),
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }


def little(text: str) -> str:
    """`text` in little format: reserved characters escaped, but addresses and #hashtags left to be clickable."""
    parts, end = [], 0
    for kept in _KEPT.finditer(text):
        parts += [_escaped(text[end : kept.start()]), kept.group()]
        end = kept.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return _RESERVED.sub(r"\\\g<0>", text)


def _noted(shipment: Shipment, now: datetime) -> tuple[str, datetime]:
    """The picture that an earlier try uploaded, if any, and when the first try that may have got through was made."""
    found = _NOTED.fullmatch(shipment.reference)
    image = (found["image"] or "") if found else ""
    if not shipment.maybe_sent:
        return image, now
    seconds = found["seconds"] if found else None
    return image, datetime.fromtimestamp(int(seconds), UTC) if seconds else shipment.due_at


def _author(channel: ChannelConfig) -> str:
    told = "Kanalens account ska vara urn:li:organization: följt av organisationens nummer."
    return setting(channel.account or "", "urn:li:organization:[0-9]{1,32}", told=told)


def _is_linkedins(place: str, channel: ChannelConfig) -> bool:
    """Whether our token and picture may be sent there: LinkedIn's own hosts, or that of the channel's own url."""
    if not _UPLOAD.fullmatch(place):
        return False
    host, own = urlsplit(place).hostname or "", urlsplit(base_of(channel, ADDRESS)).hostname
    return host == own or host == "linkedin.com" or host.endswith(".linkedin.com")


def _accepted(response: Response, *, now: datetime) -> Response:
    if response.status == 426:
        raise NotSentError(
            "LinkedIn har tagit bort den version av API:et som kanalen använder. Sätt en nyare i api_version.",
            is_permanent=False,
            stops_channel=True,
        )
    return accepted(response, now=now)


def _settled(response: Response, shipment: Shipment, *, now: datetime) -> None:
    """Raise what the answer means, if it is a refusal: one for good says nothing of what an earlier try did."""
    try:
        _accepted(response, now=now)
    except NotSentError as error:
        if not (shipment.maybe_sent and error.is_permanent):
            raise
        raise UnknownOutcomeError(f"{error.message} Det är osäkert om ett tidigare försök gick ut.") from error


def _is_duplicate(response: Response) -> bool:
    found = response.json()
    details = found.get("errorDetails")
    errors = details.get("inputErrors") if isinstance(details, dict) else None
    codes = [item.get("code") for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
    return "DUPLICATE_POST" in codes or bool(_DUPLICATE_OF.search(str(found.get("message"))))


def _double(response: Response, shipment: Shipment) -> Receipt:
    """The post that is already there: ours if an earlier try may have got through, otherwise somebody else's."""
    named = _DUPLICATE_OF.search(response.body.decode(errors="replace"))
    if not shipment.maybe_sent:
        where = f" som {named.group(1)}" if named else ""
        raise NotSentError(f"LinkedIn har redan samma text på sidan{where}. Ändra texten.", is_permanent=True)
    if named is None:
        raise UnknownOutcomeError("LinkedIn har redan samma text på sidan, men säger inte var. Kontrollera på sidan.")
    return _receipt(named.group(1))


def _receipt(urn: str) -> Receipt:
    return Receipt(Outcome.PUBLISHED, urn, f"https://www.linkedin.com/feed/update/{urn}")


def _before_sending() -> NotSentError:
    return NotSentError("LinkedIn svarade inte rätt innan inlägget hade skickats.", is_permanent=False)
