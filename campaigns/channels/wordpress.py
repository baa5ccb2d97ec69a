"""WordPress, by the REST API of its core (4.7, application passwords 5.6; developer.wordpress.org/rest-api).

In the configuration `url` is the site's address, `account` a user with the role author, and `secret` its application
password, spaces and all. A site without pretty links is given as `https://www.exempel.se/?rest_route=`.

A post is first made as a draft, which nobody sees, with a slug made from the delivery's key; then its id is noted; then
it is published by that id. A repeat of that is harmless, and the id or the slug tells what came of a try whose answer
was lost. What a person has thrown away or hidden in WordPress stays so, and is said.

The flow has been tried against WordPress 6.1. That its core sets no limits of pace is unconfirmed.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from uuid import NAMESPACE_URL, uuid5

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import (
    Environment,
    NotSentError,
    Outcome,
    Pace,
    Receipt,
    SendError,
    Shipment,
    UnknownOutcomeError,
)
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.social import shown_name
from campaigns.channels.wordpress_answers import Post, post_in
from campaigns.channels.wordpress_site import Site, root_of
from campaigns.content import Content, link_addresses

MOST_DIGITS = 18  # of an id
REHEARSAL = {"title": "Prov från Kampanjhjulet", "content": "Det här är ett prov. Det kan tas bort.", "status": "draft"}


@dataclass(frozen=True)
class WordPress:
    environment: Environment
    kind: str = "wordpress"
    is_local: bool = False
    is_idempotent: bool = False
    can_find: bool = True
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        site, content = self._site(shipment.channel, now), shipment.content
        post = _earlier(site, shipment)
        if post is not None and _is_out(site, post):
            return _receipt(post)
        with _unseen():
            fields = fields_of(content, _picture(site, shipment, content))
            if post is None:
                post = site.create(marker(shipment.key), fields)
        if _is_out(site, post):
            return _receipt(post)
        shipment.note(str(post.id))
        # All of it again: somebody may have edited the draft, and only what was signed may go out.
        return _published(site, post, {**fields, "status": "publish"})

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        """Put the post in the trash. On a site without one it becomes a draft, which nobody sees either."""
        site, number = self._site(shipment.channel, now), _receipted(shipment)
        done = ("rest_post_invalid_id", "rest_already_trashed", "rest_trash_not_supported")
        answer, hidden = site.ask("DELETE", f"posts/{number}", done=done), "trash"
        if answer.status == 501:
            answer, hidden = site.ask("POST", f"posts/{number}", json_body={"status": "draft"}), "draft"
        found = post_in(answer)
        if answer.status < 300 and (found is None or found.status != hidden):
            raise UnknownOutcomeError("Det är osäkert om WordPress tog bort inlägget. Kontrollera på webbplatsen.")

    def correct(self, shipment: Shipment, *, now: datetime) -> Receipt:
        """New content in the post, at the same address. Refused if a person has taken the post away."""
        site, number = self._site(shipment.channel, now), _receipted(shipment)
        with _unseen():
            post = site.post(number)
            if post.status != "publish":
                raise NotSentError("Inlägget är inte publicerat längre och går inte att rätta.", is_permanent=True)
            fields = fields_of(shipment.content, _picture(site, shipment, shipment.content))
        return _published(site, post, fields)

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        site = self._site(channel, now)
        answer = site.ask("GET", "users/me", {"context": "edit", "_fields": "id,name,roles,capabilities"})
        found = answer.json()
        may, roles = found.get("capabilities"), found.get("roles")
        if not isinstance(may, dict) or not isinstance(roles, list):
            raise NotSentError(f"{answer.host} svarar inte som WordPress. Rätta kanalens url.", is_permanent=False)
        if not may.get("publish_posts"):
            raise NotSentError(
                "Kontot i WordPress får inte publicera. Ge det rollen författare.",
                is_permanent=False,
                stops_channel=True,
            )
        role = ", ".join(map(shown_name, roles[:5])) or "saknas"
        told = [f"Kanalen publicerar på {answer.host} som {shown_name(found.get('name'))}, med rollen {role}."]
        if not may.get("upload_files"):
            told.append("Kontot får inte ladda upp bilder: ge det rollen författare.")
        if may.get("unfiltered_html"):
            told.append("Kontot får lägga in skript på webbplatsen, och det behövs inte: ge det rollen författare.")
        return " ".join(told)

    def rehearse(self, channel: ChannelConfig, *, now: datetime) -> str:
        site = self._site(channel, now)
        with _unseen():
            made = site.make(REHEARSAL)
            seen = site.post(made.id)
        try:
            site.delete(made.id)
        except SendError:
            title = REHEARSAL["title"]
            return f"WordPress tog emot ett prov men tog inte bort det. Ta bort utkastet ”{title}” för hand."
        if seen.status != "draft":
            raise NotSentError("WordPress gjorde inte provet till ett utkast. Det är borttaget.", is_permanent=False)
        return "WordPress tog emot ett prov som utkast, visade det för kontot och tog bort det igen."

    def _site(self, channel: ChannelConfig, now: datetime) -> Site:
        if not (channel.url and channel.account and channel.secret):
            raise CredentialError("WordPress-kanalen måste ha url, account och secret.")
        if ":" in channel.account or not channel.account.isprintable():  # RFC 7617 section 2
            raise CredentialError("Kanalens account ska vara ett användarnamn i WordPress, utan kolon.")
        secret = resolve(channel.secret, environ=self.environment.environ)
        login = base64.b64encode(f"{channel.account}:{secret}".encode()).decode()
        return Site(self.environment, channel, root_of(channel.url), f"Basic {login}", now)


def marker(key: str) -> str:
    """The slug of a delivery's post: from its key alone, and of letters that WordPress leaves as they are."""
    return f"kb-{uuid5(NAMESPACE_URL, key).hex}"


def fields_of(content: Content, picture: tuple[int, str] | None) -> dict[str, str]:
    """Title, excerpt and content as WordPress wants them: HTML, in blocks, so that it adds no line breaks.

    `picture` is its id in the media library and its address. Square brackets are written so that they are no shortcode.
    """
    blocks = [f"<!-- wp:html -->\n{content.html()}\n<!-- /wp:html -->"]
    if picture is not None:
        number, address = picture
        image = f'<img src="{escape(address)}" alt="{escape(content.alt)}" class="wp-image-{number}"/>'
        figure = f'<figure class="wp-block-image">{image}</figure>'
        blocks.insert(0, f'<!-- wp:image {{"id":{number}}} -->\n{figure}\n<!-- /wp:image -->')
    link = content.link
    if link.startswith(("https://", "http://")) and link not in link_addresses(content.body):
        paragraph = f'<p><a href="{escape(link)}">{escape(link)}</a></p>'
        blocks.append(f"<!-- wp:paragraph -->\n{paragraph}\n<!-- /wp:paragraph -->")
    return {
        "title": escape(content.title, quote=False),
        "excerpt": escape(content.short, quote=False),
        "content": "\n\n".join(blocks).replace("[", "&#91;"),
    }


def _earlier(site: Site, shipment: Shipment) -> Post | None:
    """What an earlier try left, if anything: by the id it noted, or by its slug.

    Looked for at the first try too: a database that was restored from yesterday's copy does not know its later tries.
    """
    number = _number(shipment.reference)
    try:
        return site.marked(marker(shipment.key)) if number is None else site.post(number)
    except NotSentError as error:
        # Where the post may be out a failed look says nothing of it; what says something of the channel still does.
        if not shipment.maybe_sent or error.stops_channel or error.retry_after:
            raise
        why = error.message
    except UnknownOutcomeError as error:
        why = error.message
    if shipment.maybe_sent:
        raise UnknownOutcomeError(f"Det går inte att se om inlägget är publicerat. {why}")
    raise NotSentError(f"Inget har publicerats. {why}", is_permanent=False)


def _is_out(site: Site, post: Post) -> bool:
    """Whether the post is published; False if it can be. Raises if a person has decided otherwise."""
    if post.status == "future":
        raise site.unscheduled(post)
    if post.status in ("trash", "gone"):
        raise NotSentError(
            "Någon har tagit bort inlägget i WordPress, så det publiceras inte igen. Återställ det från papperskorgen"
            " och försök igen om det ska ut.",
            is_permanent=True,
        )
    if post.status not in ("publish", "draft", "pending", "auto-draft"):
        raise NotSentError("Någon har dolt inlägget i WordPress. Gör det till ett utkast först.", is_permanent=True)
    return post.status == "publish"


def _published(site: Site, post: Post, fields: Mapping[str, str]) -> Receipt:
    found = post_in(site.ask("POST", f"posts/{post.id}", json_body=fields))
    if found is None or found.id != post.id:
        raise UnknownOutcomeError("WordPress svarade inte rätt. Det är osäkert om inlägget är publicerat.")
    if found.status == "pending":
        raise NotSentError(
            "WordPress lade inlägget för granskning: kontot får inte publicera. Ge det rollen författare.",
            is_permanent=False,
            stops_channel=True,
        )
    if found.status == "future":
        raise site.unscheduled(found)
    if found.status != "publish":
        raise UnknownOutcomeError("WordPress svarade inte att inlägget är publicerat. Kontrollera på webbplatsen.")
    return _receipt(found)


def _picture(site: Site, shipment: Shipment, content: Content) -> tuple[int, str] | None:
    picture = shipment.picture
    if picture is None and content.image:
        raise NotSentError("Bilden som godkändes går inte att hitta. Godkänn budskapet igen.", is_permanent=True)
    if picture is None:
        return None
    # The same picture with the same text beside it is uploaded once.
    return site.picture(picture, slug=marker(f"{sha256(picture.data).hexdigest()} {content.alt}"), alt=content.alt)


@contextmanager
def _unseen() -> Iterator[None]:
    """Around what nobody sees: if its outcome is unknown, the post surely is not out."""
    try:
        yield
    except UnknownOutcomeError as error:
        raise NotSentError(
            "WordPress svarade inte rätt medan inlägget förbereddes. Inget har publicerats.", is_permanent=False
        ) from error


def _receipt(post: Post) -> Receipt:
    return Receipt(Outcome.PUBLISHED, reference=str(post.id), url=post.link)


def _number(reference: str) -> int | None:
    is_id = reference.isascii() and reference.isdecimal() and len(reference) <= MOST_DIGITS and int(reference) > 0
    return int(reference) if is_id else None


def _receipted(shipment: Shipment) -> int:
    number = _number(shipment.reference)
    if number is None:
        why = "Kvittot säger inte vilket inlägg det gäller. Gör det för hand i WordPress."
        raise NotSentError(why, is_permanent=True)
    return number
