"""Signing in and out, and choosing a password by a one-time address."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns.errors import RefusedError
from campaigns.people import links, sign_ins
from campaigns.people.passwords import SHORTEST
from campaigns.people.roles import is_operator, roles_in
from campaigns.people.sign_ins import SignedIn
from campaigns.web.pages import Pages
from campaigns.web.staff.frame import SEE_OTHER, cookie_name, csrf_field, is_own_form
from campaigns.wiring import Parts

MOST_FIELDS = 10
KNOWN = "kampanjhjul-kand"
KNOWN_FOR = timedelta(days=365)


class SignInPages:
    """The way in. Pages behind it know only the sign-in that `sign_ins.begin` made."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self.parts = parts
        self.pages = pages
        self.cookie = cookie_name(parts)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._threaded(self.front), methods=["GET"], name="start"),
            Route("/logga-in", self._threaded(self.sign_in), methods=["GET", "POST"], name="logga-in"),
            Route("/logga-ut", self._threaded(self.sign_out), methods=["GET", "POST"], name="logga-ut"),
            Route("/valkommen/{secret}", self._threaded(self.welcome), methods=["GET", "POST"], name="valkommen"),
            Route("/mina-kommuner", self._threaded(self.towns), methods=["GET"], name="mina-kommuner"),
        ]

    def _threaded(self, view: Callable[[Request, FormData], Response]) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            form = FormData()
            if request.method == "POST":
                form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=10_000)
            return await run_in_threadpool(view, request, form)

        return endpoint

    def front(self, request: Request, _form: FormData) -> Response:
        """The front page, or on to where one works."""
        if self._visitor(request) is not None:
            return RedirectResponse("/mina-kommuner", SEE_OTHER)
        return self.pages.start(request)

    def sign_in(self, request: Request, form: FormData) -> Response:
        """Sign in with e-mail address and password."""
        target = _local(_text(form, "till") or request.query_params.get("till", ""))
        if request.method != "POST":
            if self._visitor(request) is not None:
                return RedirectResponse(target, SEE_OTHER)
            return self.pages.page("logga-in.html", target=target, email="", fault="")
        email = _text(form, "email")
        origin = request.client.host if request.client else ""
        try:
            secret = sign_ins.sign_in(
                self.parts.database,
                email=email,
                password=_text(form, "losenord"),
                origin=origin,
                now=self.parts.clock(),
                is_known=hmac.compare_digest(request.cookies.get(KNOWN, "").encode(), self._mark(email).encode()),
            )
        except RefusedError as error:
            return self.pages.page("logga-in.html", status=422, target=target, email=email, fault=error.message)
        return self._let_in(secret, target, email)

    def sign_out(self, request: Request, form: FormData) -> Response:
        """Sign out. Asked by link it is a page with the button, so that no other page can do it."""
        secret = request.cookies.get(self.cookie, "")
        key = self.parts.secret_key
        if request.method != "POST":
            return self.pages.page("logga-ut.html", csrf_field=lambda: csrf_field(key, secret))
        if is_own_form(key, secret, form):
            with self.parts.database.write() as session:
                sign_ins.sign_out(session, secret)
        answer = RedirectResponse("/logga-in", SEE_OTHER)
        answer.delete_cookie(self.cookie, path="/", secure=self._is_secure, httponly=True, samesite="lax")
        return answer

    def welcome(self, request: Request, form: FormData) -> Response:
        """Choose a password by a one-time address; the first administrator also says who it is."""
        now = self.parts.clock()
        secret = request.path_params["secret"]
        with self.parts.database.read() as session:
            person = links.whose(session, secret, now=now)
        name, email = _text(form, "namn"), _text(form, "email")

        def again(fault: str, status: int) -> Response:
            return self.pages.page(
                "valkommen.html", status=status, fault=fault, person=person, shortest=SHORTEST, name=name, email=email
            )

        if request.method != "POST":
            return again("", 200)
        password = _text(form, "losenord")
        if password != _text(form, "losenord-igen"):
            return again("Lösenorden är inte lika. Skriv samma i båda fälten.", 422)
        try:
            with self.parts.database.write() as session:
                chosen = links.use(session, secret, email=email, name=name, password=password, now=now)
                cookie = sign_ins.begin(session, chosen.id or 0, now=now)
        except RefusedError as error:
            return again(error.message, 422)
        return self._let_in(cookie, "/mina-kommuner", chosen.email)

    def towns(self, request: Request, _form: FormData) -> Response:
        """To the only municipality, or the choice between several."""
        person = self._visitor(request)
        if person is None:
            return RedirectResponse("/logga-in", SEE_OTHER)
        mine = [item for item in self.parts.catalog.municipalities.values() if _is_mine(person, item.id)]
        runs_service = is_operator(person.memberships)
        if runs_service and not mine:
            return RedirectResponse("/drift", SEE_OTHER)
        if len(mine) == 1 and not runs_service:
            return RedirectResponse(f"/kommun/{mine[0].id}/idag", SEE_OTHER)
        return self.pages.page("mina-kommuner.html", mine=mine, person=person, is_operator=runs_service)

    def _visitor(self, request: Request) -> SignedIn | None:
        secret = request.cookies.get(self.cookie, "")
        if not secret:
            return None
        with self.parts.database.read() as session:
            return sign_ins.find(session, secret, now=self.parts.clock())

    @property
    def _is_secure(self) -> bool:
        return self.parts.settings.base_url.startswith("https://")

    def _let_in(self, secret: str, target: str, email: str) -> Response:
        answer = RedirectResponse(target, SEE_OTHER)
        for name, value, lasts in ((self.cookie, secret, sign_ins.LONGEST), (KNOWN, self._mark(email), KNOWN_FOR)):
            answer.set_cookie(
                name,
                value,
                max_age=int(lasts / timedelta(seconds=1)),
                path="/",
                secure=self._is_secure,
                httponly=True,
                samesite="lax",
            )
        return answer

    def _mark(self, email: str) -> str:
        """What a browser keeps that has signed in with the address. It lets nobody in: it only says that it has."""
        return hmac.new(
            self.parts.secret_key, f"known\0{email.strip().casefold()}".encode(), hashlib.sha256
        ).hexdigest()


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _local(target: str) -> str:
    """`target` if it is one of the staff's own pages, else the first of them: no address of another site."""
    is_own = target.startswith("/kommun/") and "\\" not in target and target.isprintable()
    return target if is_own else "/mina-kommuner"


def _is_mine(person: SignedIn, municipality: str) -> bool:
    return bool(roles_in(person.memberships, municipality))
