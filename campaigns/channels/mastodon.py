"""Mastodon, and what speaks its API (docs.joinmastodon.org/methods: statuses, media, accounts, instance).

`url` is the instance, and the secret an access token with the scopes write:statuses, write:media, read:statuses and
read:accounts.

The instance keeps our Idempotency-Key for an hour and answers a repeat with the first status. A try whose outcome is
unknown may be longer ago than that, so a repeat never rests on the key alone: the account's own statuses since the post
was due are first looked through by their source text, and the key then guards against what came in between. Two posts
of an account with the very same text, due at the same time, are thus taken for one. One that somebody has edited since
may be ours too: then a person must look.

The key is written after the status is stored, so one worker at a time may send for an account.

A picture that the instance is still at work on (202, for pictures only before Mastodon 4) is asked for a few times and
then left to a later try, which finds it in what was noted.

The totals of a status (docs.joinmastodon.org/entities/Status) are those that the instance knows of, which other
instances may have more of. Quotes are not among what is asked for.

A correction (Mastodon 3.5) is shown as an edit with its history. Media that it does not name are taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from urllib3 import encode_multipart_formdata

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
from campaigns.channels.mastodon_api import Instance, identity, moment
from campaigns.channels.social import counts_of, inside, picture_of, shown_address, shown_name, text_of, words

MOST_CHARACTERS = 500  # an instance may allow more, which `probe` tells
BEFORE_DUE = timedelta(minutes=10)  # clocks differ
PAGE_SIZE, MOST_PAGES = 10, 4
MOST_LOOKS = 5  # for a picture, in one try
PICTURE_WAIT = timedelta(seconds=30)
PACE = Pace(per_minute=30, burst=10)  # a sending is a few calls, and 300 in five minutes are allowed

_NOTED = re.compile(r"media:([A-Za-z0-9]{1,64})")


@dataclass(frozen=True)
class Mastodon:
    environment: Environment
    kind: str = "mastodon"
    is_local: bool = False
    is_idempotent: bool = False
    can_find: bool = True
    pace: Pace | None = PACE

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        instance = Instance(self.environment, shipment.channel, now)
        text = text_of(shipment.content, most=MOST_CHARACTERS)
        earlier = _find(instance, text, since=shipment.due_at - BEFORE_DUE) if shipment.maybe_sent else None
        if earlier is not None:
            return earlier
        key = str(uuid5(NAMESPACE_URL, shipment.key))
        form = {"status": text, "language": shipment.content.language, "visibility": "public"}
        picture = picture_of(shipment)
        if picture is not None:
            form["media_ids[]"] = _prepared(instance, shipment, picture)
        shipment.note(f"media:{form['media_ids[]']}" if picture else f"key:{key}")
        response = instance.ask("POST", "v1/statuses", form=form, headers={"Idempotency-Key": key})
        receipt = _receipt(instance.checked(response).json())
        if not receipt.reference:
            raise UnknownOutcomeError(f"{response.host} svarade utan id. Det är osäkert om budskapet gick ut.")
        return receipt

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        instance = Instance(self.environment, shipment.channel, now)
        path = f"v1/statuses/{_published(shipment)}"
        response = instance.ask("DELETE", path)
        if response.status != 404:
            instance.checked(response)
            return
        # The same answer for one that is gone, one that is another account's, and at the wrong address.
        if instance.prepare("GET", path).status == 404 and "error" in response.json():
            return
        raise NotSentError(
            "Inlägget finns kvar eller syns inte för kontot som kanalen har nu. Ta bort det för hand.",
            is_permanent=True,
        )

    def correct(self, shipment: Shipment, *, now: datetime) -> Receipt:
        instance = Instance(self.environment, shipment.channel, now)
        status = _published(shipment)
        content = shipment.content
        form = {"status": text_of(content, most=MOST_CHARACTERS), "language": content.language}
        picture = picture_of(shipment)
        if picture is not None:
            form["media_ids[]"] = media = _upload(instance, picture, alt=content.alt)
            if not _is_ready(instance, media):
                raise _still_at_work()
        response = instance.ask("PUT", f"v1/statuses/{status}", form=form)
        if response.status == 404:
            raise NotSentError("Inlägget finns inte kvar på Mastodon och kan inte rättas.", is_permanent=True)
        receipt = _receipt(instance.checked(response).json())
        if receipt.reference != status:
            raise UnknownOutcomeError(f"{response.host} svarade utan id. Det är osäkert om rättelsen gick ut.")
        return receipt

    def count(self, shipment: Shipment, *, now: datetime) -> Mapping[str, int]:
        instance = Instance(self.environment, shipment.channel, now)
        response = instance.prepare("GET", f"v1/statuses/{_published(shipment)}")
        if response.status == 404:  # somebody has removed it
            return {}
        told = instance.ready(response).json()
        return counts_of(
            {
                "reaktioner": told.get("favourites_count"),
                "delningar": told.get("reblogs_count"),
                "kommentarer": told.get("replies_count"),
            }
        )

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        instance = Instance(self.environment, channel, now)
        response = instance.ready(instance.prepare("GET", "v1/accounts/verify_credentials"))
        account = response.json()
        if not identity(account.get("id")):
            raise NotSentError(f"{response.host} svarade inte som Mastodon.", is_permanent=False, stops_channel=True)
        told = instance.ready(instance.prepare("GET", "v2/instance")).json()
        most = inside(told, "configuration", "statuses", "max_characters")
        length = f" Ett inlägg får där vara högst {most} tecken." if isinstance(most, int) else ""
        return f"Inlägg görs på {response.host} som @{shown_name(account.get('acct'))}.{length}"


def _find(instance: Instance, text: str, *, since: datetime) -> Receipt | None:
    """The account's status since then with this very text, or None if there surely is none.

    Raises UnknownOutcomeError if that cannot be told.
    """
    was_edited = False
    for status in _statuses(instance, since=since):
        if words(_source(instance, status["id"])) == words(text):
            return _receipt(status)
        was_edited = was_edited or bool(status.get("edited_at"))
    if was_edited:
        raise UnknownOutcomeError("Ett inlägg på kontot har ändrats efteråt. Se efter om det är det här budskapet.")
    return None


def _statuses(instance: Instance, *, since: datetime) -> Iterator[dict[str, Any]]:
    """The account's own statuses since then, latest first."""
    account = identity(instance.found("v1/accounts/verify_credentials").json().get("id"))
    if not account:
        raise _unseen()
    listing = f"v1/accounts/{account}/statuses?exclude_reblogs=true&exclude_replies=true&limit={PAGE_SIZE}"
    page = listing
    for _ in range(MOST_PAGES):
        found = instance.found(page).json().get("items")
        if not isinstance(found, list):
            raise _unseen()
        for status in found:
            made = moment(status.get("created_at")) if isinstance(status, dict) else None
            if made is None or not identity(status.get("id")):
                raise _unseen()
            if made < since:
                return
            yield status
        if not found:
            return
        page = f"{listing}&max_id={found[-1]['id']}"
    raise _unseen()


def _source(instance: Instance, status: str) -> str:
    source = instance.found(f"v1/statuses/{status}/source").json().get("text")
    if not isinstance(source, str):
        raise _unseen()
    return source


def _unseen() -> UnknownOutcomeError:
    return UnknownOutcomeError("Kontots inlägg går inte att se igenom. Det är osäkert om budskapet gick ut.")


def _receipt(status: dict[str, Any]) -> Receipt:
    return Receipt(Outcome.PUBLISHED, identity(status.get("id")), shown_address(status.get("url")))


def _published(shipment: Shipment) -> str:
    status = identity(shipment.reference)
    if not status:
        raise NotSentError("Kvittot har inget inläggs-id. Gör det för hand på Mastodon.", is_permanent=True)
    return status


def _prepared(instance: Instance, shipment: Shipment, picture: Picture) -> str:
    """The id of the picture once the instance is done with it: what was noted, or a new one. Raises NotSentError."""
    noted = _NOTED.fullmatch(shipment.reference)
    is_ready = _is_ready(instance, noted[1]) if noted else None
    media = noted[1] if noted and is_ready is not None else _upload(instance, picture, alt=shipment.content.alt)
    if is_ready or _is_ready(instance, media):
        return media
    shipment.note(f"media:{media}")
    raise _still_at_work()


def _upload(instance: Instance, picture: Picture, *, alt: str) -> str:
    name = f"bild.{'png' if picture.media_type == 'image/png' else 'jpg'}"
    body, content_type = encode_multipart_formdata(
        {"file": (name, picture.data, picture.media_type), "description": alt}
    )
    response = instance.prepare("POST", "v2/media", body=body, headers={"Content-Type": content_type})
    media = identity(instance.ready(response).json().get("id"))
    if not media:
        raise NotSentError(f"{response.host} tog inte emot bilden som den skulle.", is_permanent=False)
    return media


def _is_ready(instance: Instance, media: str) -> bool | None:
    """Whether the instance is done with the picture; None if it has it no more."""
    for _ in range(MOST_LOOKS):
        response = instance.prepare("GET", f"v1/media/{media}")
        if response.status == 404:
            return None
        if instance.ready(response).status == 200:
            return True
    return False


def _still_at_work() -> NotSentError:
    return NotSentError(
        "Mastodon arbetar fortfarande med bilden. Ett nytt försök görs strax.",
        is_permanent=False,
        retry_after=PICTURE_WAIT,
    )
