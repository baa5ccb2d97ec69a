"""What every page for staff has around it: who is asking, where, with what form; the menu, the pause, the message.

A view takes a Visit and returns an answer. It runs in a thread, since it reads the database.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns.catalog import Municipality
from campaigns.errors import NotFoundError
from campaigns.people import sign_ins
from campaigns.people.roles import Roles, roles_in
from campaigns.people.sign_ins import SignedIn
from campaigns.sending import pauses
from campaigns.sending.pauses import Standing
from campaigns.web.pages import Pages
from campaigns.web.problems import ForbiddenError
from campaigns.wiring import Parts

SEE_OTHER = 303
MOST_FIELDS = 500
# Bytes of one field's value, on pages that take no larger form than others.
LONGEST_FIELD = 400_000
NO_MUNICIPALITY = "Kommunen finns inte här, eller så har du ingen roll i den. Kontrollera adressen."

# In the order of the menu: the path under the municipality's, and the word.
MENU = (
    ("idag", "Idag"),
    ("kalender", "Kalender"),
    ("arshjul", "Årshjul"),
    ("kampanjer", "Kampanjer"),
    ("mallar", "Mallar"),
    ("granska", "Granska"),
    ("ko", "Kö"),
    ("prenumerera", "Prenumerera"),
    ("uppfoljning", "Uppföljning"),
    ("logg", "Logg"),
    ("hjalp", "Hjälp"),
    ("installningar", "Inställningar"),
)

# Single keys that lead to a page, by its path. Each person can turn them off (WCAG 2.1.4).
SHORTCUTS = {"idag": "i", "kalender": "k", "granska": "g", "hjalp": "h"}


@dataclass(frozen=True)
class Message:
    """What the next page tells: a sentence, and perhaps a way back, as a form that posts to `undo_path`."""

    text: str
    undo_path: str = ""
    undo_word: str = "Ångra"


@dataclass(frozen=True)
class Visit:
    """One request by somebody who is signed in, for one municipality's page. `form` is empty but for a POST."""

    request: Request
    parts: Parts
    pages: Pages
    person: SignedIn
    municipality: Municipality
    roles: Roles
    standing: Standing
    now: datetime
    form: FormData
    secret: str

    @property
    def query(self) -> QueryParams:
        return self.request.query_params

    def path(self, rest: str) -> str:
        """The address of another of the municipality's pages."""
        return f"/kommun/{self.municipality.id}/{rest}"

    def field(self, name: str) -> str:
        """The text that a field of the form was sent with, with line feeds as line ends; "" if it was not."""
        value = self.form.get(name, "")
        return value.replace("\r\n", "\n") if isinstance(value, str) else ""

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """The template rendered inside the frame."""
        return self.pages.page(
            template,
            status=status,
            visit=self,
            municipality=self.municipality,
            here=self.request.url.path,
            menu=MENU,
            shortcuts=SHORTCUTS,
            paused=self.standing.of(self.municipality),
            message=_read_message(self.person.message),
            csrf_field=lambda: csrf_field(self.parts.secret_key, self.secret),
            **values,
        )

    def redirect(self, rest: str, message: str = "", *, undo_path: str = "", undo_word: str = "Ångra") -> Response:
        """Go on to another of the municipality's pages (303), which tells `message` once.

        With `undo_path` (as `rest`) the message has a button that posts there.
        """
        if message:
            told = json.dumps([message, self.path(undo_path) if undo_path else "", undo_word])
            with self.parts.database.write() as session:
                sign_ins.leave_message(session, self.secret, told)
        return RedirectResponse(self.path(rest), SEE_OTHER)


View = Callable[[Visit], Response]
Needs = Callable[[Roles], bool]


def editors(roles: Roles) -> bool:
    """Those who may change texts, steps, dates and the queue."""
    return roles.is_editor


def administrators(roles: Roles) -> bool:
    """Those who may change who may do what."""
    return roles.is_administrator


def signers(roles: Roles) -> bool:
    """Those who sign for a party."""
    return bool(roles.parties)


def staff(roles: Roles) -> bool:
    """Everybody with a role."""
    return bool(roles)


@dataclass(frozen=True)
class StaffPage:
    """A page under /kommun/<municipality>/. `needs` bounds both views, `post_needs` only the act.

    `largest` is how many bytes a form may be sent with, where that is more than others' are: those with pictures.
    """

    path: str
    get: View | None = None
    post: View | None = None
    needs: Needs = staff
    post_needs: Needs | None = None
    largest: int | None = None

    @property
    def address(self) -> str:
        """The route's path."""
        return f"/kommun/{{municipality}}/{self.path}"


class Frame:
    """Lets the right people in to the views."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self.parts = parts
        self.pages = pages
        self.cookie = cookie_name(parts)

    def routes(self, found: Sequence[StaffPage]) -> list[BaseRoute]:
        return [self._route(page) for page in found]

    def _route(self, page: StaffPage) -> BaseRoute:
        async def endpoint(request: Request) -> Response:
            form = FormData()
            if request.method == "POST":
                form = await request.form(
                    max_files=2, max_fields=MOST_FIELDS, max_part_size=page.largest or LONGEST_FIELD
                )
            try:
                return await run_in_threadpool(self._answer, page, request, form)
            finally:
                await form.close()

        methods = [method for method, view in (("GET", page.get), ("POST", page.post)) if view]
        return Route(
            f"/kommun/{{municipality}}/{page.path}",
            endpoint,
            methods=methods,
            name=page.path,
            max_body_size=page.largest,
        )

    def _answer(self, page: StaffPage, request: Request, form: FormData) -> Response:
        now = self.parts.clock()
        secret = request.cookies.get(self.cookie, "")
        with self.parts.database.read() as session:
            person = sign_ins.find(session, secret, now=now) if secret else None
            standing = pauses.standing(session)
        is_act = request.method == "POST"
        if person is None:
            return self._outside(request, form)
        if is_act and not is_own_form(self.parts.secret_key, secret, form):
            return self._outside(request, form)
        municipality = self.parts.catalog.municipalities.get(request.path_params["municipality"])
        roles = roles_in(person.memberships, municipality.id) if municipality else Roles()
        if municipality is None or not roles:
            raise NotFoundError(NO_MUNICIPALITY)
        needs = (is_act and page.post_needs) or page.needs
        if not needs(roles):
            raise ForbiddenError("Din roll räcker inte till för det. Be en administratör om du behöver den.")
        if not is_act and (person.message or now - person.seen_at > sign_ins.SEEN_EVERY):
            with self.parts.database.write() as session:
                sign_ins.see(session, secret, now=now)
        visit = Visit(request, self.parts, self.pages, person, municipality, roles, standing, now, form, secret)
        view = page.post if is_act else page.get
        assert view is not None
        return view(visit)

    def _outside(self, request: Request, form: FormData) -> Response:
        """Not signed in (any more). What had been written is shown, so that it can be saved."""
        here = request.url.path
        if request.method != "POST":
            target = here + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/logga-in?till={quote(target, safe='/')}", SEE_OTHER)
        written = [
            value for name, value in form.multi_items() if isinstance(value, str) and len(value) > 20 and name != "csrf"
        ]
        return self.pages.page("utloggad.html", status=403, written=written, here=here)


def cookie_name(parts: Parts) -> str:
    """The sign-in's cookie. Over https browsers refuse a __Host- cookie that anything but this host has set."""
    return "__Host-kampanjhjul" if parts.settings.base_url.startswith("https://") else "kampanjhjul"


def csrf_token(secret_key: bytes, secret: str) -> str:
    """What a form must carry to be one of this sign-in's own pages (OWASP: HMAC-based token pattern)."""
    return hmac.new(secret_key, f"csrf\0{secret}".encode(), hashlib.sha256).hexdigest()


def csrf_field(secret_key: bytes, secret: str) -> Markup:
    """The hidden field for a form that posts."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(csrf_token(secret_key, secret))


def is_own_form(secret_key: bytes, secret: str, form: FormData) -> bool:
    """Whether the form came from a page of this sign-in."""
    given = form.get("csrf", "")
    return isinstance(given, str) and hmac.compare_digest(given.encode(), csrf_token(secret_key, secret).encode())


def _read_message(stored: str) -> Message | None:
    return Message(*json.loads(stored)) if stored else None
