"""One WordPress site as one account sees it: the calls of its REST API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, NotSentError, Picture, SendError, UnknownOutcomeError
from campaigns.channels.credentials import CredentialError
from campaigns.channels.http import Response, call
from campaigns.channels.social import shown_address
from campaigns.channels.wordpress_answers import (
    NO_POST,
    Post,
    code_of,
    fault,
    items_in,
    number_in,
    post_from,
    post_in,
)

WITHOUT_PRETTY_LINKS = "?rest_route="
STATUSES = "publish,future,draft,pending,private,trash"  # "any" leaves the trash out
FILES = {"image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True)
class Site:
    """Every call raises as a sending does. `root` is what all addresses begin with: see `root_of`."""

    environment: Environment
    channel: ChannelConfig
    root: str
    login: str = field(repr=False)
    now: datetime

    def ask(
        self,
        method: str,
        route: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        json_body: Mapping[str, Any] | None = None,
        done: Sequence[str] = (),
    ) -> Response:
        """The answer, if it is 2xx or its code is one of `done`."""
        # Few fields: of an answer only the beginning is read.
        asked = urlencode({"_fields": "id,status,slug,link", **(query or {})})
        response = call(
            method,
            f"{self.root}{route}{'&' if WITHOUT_PRETTY_LINKS in self.root else '?'}{asked}",
            environment=self.environment,
            channel=self.channel,
            headers={"Authorization": self.login, **(headers or {})},
            body=body,
            json_body=json_body,
        )
        wrong = None if code_of(response) in done else fault(response, now=self.now)
        if wrong is not None:
            raise wrong
        return response

    def post(self, number: int) -> Post:
        """The post, whatever its status."""
        answer = self.ask("GET", f"posts/{number}", {"context": "edit"}, done=(NO_POST,))
        if answer.status == 404:
            return Post(number, "gone")
        found = post_in(answer)
        if found is None or found.id != number:
            raise UnknownOutcomeError(f"{answer.host} svarar inte som WordPress: det går inte att se inlägget.")
        return found

    def marked(self, slug: str) -> Post | None:
        """The post with the slug, in the trash too: first one that is out, then one that somebody threw away."""
        slugs = (slug, f"{slug}__trashed")
        answer = self.ask("GET", "posts", {"slug": ",".join(slugs), "status": STATUSES})
        found = [post for post in map(post_from, items_in(answer)) if post is not None and post.slug in slugs]
        order = {"publish": 0, "trash": 1}
        return min(found, key=lambda post: (order.get(post.status, 2), post.id), default=None)

    def create(self, slug: str, fields: Mapping[str, object]) -> Post:
        """A draft with the slug: a new one, or whatever had the slug already."""
        made = self.make({**fields, "slug": slug, "status": "draft"})
        if made.slug == slug:
            return made
        # WordPress has added "-2": an earlier try's draft came in after all.
        found = self.marked(slug)
        with suppress(SendError):  # nobody sees it
            self.delete(made.id)
        if found is None:
            raise NotSentError(
                "I WordPress finns redan ett inlägg med det här budskapets märke, och kontot får inte se det. Leta"
                " upp det på webbplatsen och avgör vad som ska gälla.",
                is_permanent=True,
            )
        return found

    def make(self, fields: Mapping[str, object]) -> Post:
        answer = self.ask("POST", "posts", json_body=fields)
        found = post_in(answer)
        if found is None:
            raise UnknownOutcomeError(f"{answer.host} svarar inte som WordPress. Inget har publicerats.")
        return found

    def delete(self, number: int) -> None:
        """Past the trash: for what nobody has seen."""
        self.ask("DELETE", f"posts/{number}", {"force": "true", "_fields": "deleted"}, done=(NO_POST,))

    def unscheduled(self, post: Post) -> SendError:
        """What to say of a post that WordPress would publish later, out of our hands, once that has been undone."""
        try:
            found = post_in(self.ask("POST", f"posts/{post.id}", json_body={"status": "draft"}))
        except SendError:
            found = None
        if found is None or found.status != "draft":
            return UnknownOutcomeError(
                "Inlägget har ett datum i framtiden i WordPress och kan gå ut då. Gör det till ett utkast."
            )
        return NotSentError(
            "Inlägget har ett datum i framtiden i WordPress och är inte publicerat. Ta bort datumet och försök igen.",
            is_permanent=True,
        )

    def picture(self, picture: Picture, *, slug: str, alt: str) -> tuple[int, str]:
        """The picture's id in the media library and its address. It is put there unless it is there already."""
        asked = {"slug": slug, "_fields": "id,source_url"}
        found = next(iter(items_in(self.ask("GET", "media", asked))), None)
        if found is None:
            suffix = FILES.get(picture.media_type)
            if suffix is None:
                raise NotSentError("Bilden ska vara en JPEG eller PNG.", is_permanent=True)
            headers = {
                "Content-Type": picture.media_type,
                "Content-Disposition": f'attachment; filename="{slug}.{suffix}"',
            }
            found = self.ask("POST", "media", {**asked, "alt_text": alt}, headers=headers, body=picture.data).json()
        place = found.get("source_url") if isinstance(found, dict) else None
        number, address = number_in(found), shown_address(place, or_http=True)
        if number is None or not address:
            raise UnknownOutcomeError("WordPress svarade inte rätt om bilden.")
        return number, address


def root_of(url: str) -> str:
    """What the addresses of a site's API begin with. Raises CredentialError if `url` is not the address of a site."""
    site, mark, _ = url.partition(WITHOUT_PRETTY_LINKS)
    if "?" in site or "#" in site:
        raise CredentialError(
            "WordPress-kanalens url ska vara webbplatsens adress, till exempel https://www.exempel.se, eller sluta med"
            f" {WITHOUT_PRETTY_LINKS} om webbplatsen saknar läsbara länkar."
        )
    return f"{site}{mark}/wp/v2/" if mark else f"{site.rstrip('/')}/wp-json/wp/v2/"
