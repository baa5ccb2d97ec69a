"""A whole site for tests: the real application over a test's database, with a clock that stands still."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from campaigns import channels, texts
from campaigns.database import Database
from campaigns.models import Post, Role
from campaigns.people import persons, sign_ins
from campaigns.sending import delivery
from campaigns.settings import read_settings
from campaigns.tokens import create_api_token
from campaigns.web.app import Site, build
from campaigns.web.staff.frame import cookie_name, csrf_token
from campaigns.wiring import Configuration, Parts
from tests.conftest import CONFIG
from tests.fakes import Clock, Town

BASE_URL = "https://kampanj.example.se"
# A text with no facts in it, so that it can be signed on any day.
TEXT = '+++\ntitle = "{title}"\nshort = "{short}"\n+++\n\n{body}\n'


class Client:
    """Asks an ASGI application as a browser or program would, without a server in between."""

    def __init__(self, app: ASGIApp, *, base_url: str = BASE_URL) -> None:
        self._app = app
        self._base_url = base_url

    def request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=self._base_url) as client:
                return await client.request(method, path, **rest)

        return asyncio.run(ask())

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.request("GET", path, **rest)

    def head(self, path: str, **rest: Any) -> httpx.Response:
        return self.request("HEAD", path, **rest)

    def post(self, path: str, **rest: Any) -> httpx.Response:
        return self.request("POST", path, **rest)

    def put(self, path: str, **rest: Any) -> httpx.Response:
        return self.request("PUT", path, **rest)


class StaffClient(Client):
    """A browser that is signed in. What it posts carries the form's hidden field, as a page's own form does."""

    def __init__(self, app: ASGIApp, parts: Parts, secret: str, *, base_url: str = BASE_URL) -> None:
        super().__init__(app, base_url=base_url)
        self.cookie = secret
        self._cookies = {cookie_name(parts): secret}
        self._csrf = csrf_token(parts.secret_key, secret)

    def request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if method == "POST":
            headers["Origin"] = self._base_url
            rest["data"] = {"csrf": self._csrf, **(rest.get("data") or {})}
        return super().request(method, path, **{**rest, "headers": {**headers, **rest.get("headers", {})}})

    def page(self, path: str) -> str:
        """The page at `path`, which must be there."""
        response = self.get(path)
        assert response.status_code == 200, f"{response.status_code} {response.headers}\n{response.text}"
        return response.text

    def act(self, path: str, **data: Any) -> str:
        """Post a form that is to be accepted. Returns where it leads."""
        response = self.post(path, data=data)
        assert response.status_code == 303, f"{response.status_code}\n{response.text}"
        return response.headers["location"]


@dataclass
class Place:
    """Aneby's (or another folder's) site at one moment. `client` is an ordinary browser's, without a token."""

    database: Database
    config: Path = CONFIG
    base_url: str = BASE_URL
    clock: Clock = field(default_factory=Clock)
    feed_files: Path | None = None

    @cached_property
    def parts(self) -> Parts:
        settings = read_settings(
            {
                "KAMPANJHJUL_BASE_URL": self.base_url,
                "KAMPANJHJUL_FEED_FILES_DIR": str(self.feed_files or ""),
            }
        )
        made = channels.build(channels.Environment(environ={}))
        return Parts(settings, self.database, Configuration(self.config), made, self.clock)

    @cached_property
    def site(self) -> Site:
        return build(self.parts)

    @cached_property
    def client(self) -> Client:
        return Client(self.site.application, base_url=self.base_url)

    @cached_property
    def town(self) -> Town:
        return Town(self.database, self.parts.catalog, self.clock)

    def staff(
        self,
        *roles: Role,
        party: str = "",
        name: str = "Kim Kommun",
        municipality: str | None = "aneby",
    ) -> StaffClient:
        """Somebody signed in with these roles (editor if none is named) in the municipality, or in all of them.

        An approver signs for `party`, else for the first party of the municipality.
        """
        catalog = self.parts.catalog
        where = catalog.municipality(municipality) if municipality else None
        with self.database.write() as session:
            email = f"{name.lower().replace(' ', '.')}@example.se"
            person = persons.add_person(session, email=email, name=name, now=self.clock.at)
            for role in roles or (Role.EDITOR,):
                own = party or (where.parties[0].id if where else "")
                persons.give_role(session, where, person, role=role, party=own, actor="testet", now=self.clock.at)
            secret = sign_ins.begin(session, person.id or 0, now=self.clock.at)
        return StaffClient(self.site.application, self.parts, secret, base_url=self.base_url)

    def page(self, path: str) -> str:
        response = self.client.get(path)
        assert response.status_code == 200, response.text
        return response.text

    def token(self, party: str = "", name: str = "Kim Kommun", *, municipality: str = "aneby") -> dict[str, str]:
        """The header that a program with a new token for this person sends."""
        with self.database.write() as session:
            secret = create_api_token(
                session,
                municipality=self.parts.catalog.municipality(municipality),
                party=party,
                name=name,
                now=self.clock.at,
            )
        return {"Authorization": f"Bearer {secret}"}

    def write(self, key: str, *, title: str = "Säg nej", short: str = "Kort sagt.", body: str = "Köp inte ut.") -> Post:
        """Give the post a text of the test's own."""
        post = self.town.post(key)
        assert post.id is not None
        with self.database.write() as session:
            texts.write_text(
                session,
                self.parts.catalog,
                post.id,
                language="sv",
                channel="",
                source=TEXT.format(title=title.replace('"', '\\"'), short=short, body=body),
                author="Kim Kommun",
                now=self.clock.at,
            )
        return post

    def publish(
        self, key: str, *, title: str = "Säg nej", short: str = "Kort sagt.", body: str = "Köp inte ut."
    ) -> Post:
        """Write, sign and send a post at its time, and let the clock stand there."""
        post = self.write(key, title=title, short=short, body=body)
        self.town.sign(key)
        self.clock.at = post.due_at
        delivery.send_due(self.parts.sender(), self.parts.catalog, local=True)
        return post


def copied_config(folder: Path, change: Callable[[Path], None]) -> Path:
    """The shipped configuration in a folder of the test's own, changed."""
    target = folder / "config"
    shutil.copytree(CONFIG, target)
    change(target)
    return target


def planned(place: Place, *, at: datetime | None = None) -> Place:
    """The place with its years planned."""
    if at is not None:
        place.clock.at = at
    place.town.plan()
    return place
