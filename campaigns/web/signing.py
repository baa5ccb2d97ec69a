"""Signing by a personal address: no account, no cookie. Parse, call one use case, show or go on.

The address is the secret: it must not be kept by caches, found by search engines or told to other sites. A look
changes nothing, since mail servers look at what is in a mail before its reader does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from campaigns.approval import reject
from campaigns.enqueue import REGRET
from campaigns.errors import NotFoundError, RefusedError, without_command
from campaigns.overviews import review
from campaigns.overviews.link_page import LinkPage, Standing, link_page
from campaigns.people import throttle
from campaigns.signing import approve_many, post_in, take_back
from campaigns.signing_links import PATH, THROUGH, post_numbers, shown_pairs, signable
from campaigns.web.pages import Pages
from campaigns.wiring import Parts
from campaigns.written import WrittenError

MOST_FIELDS = 300
LONGEST_FIELD = 20_000
_GUESSING = "signing link"
_CHANGED = "Texten har ändrats sedan länken skickades, så den blev inte godkänd. Be om en ny länk."


class SigningPages:
    """The page behind a personal address, and its acts."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self.parts = parts
        self.pages = pages

    def routes(self) -> list[BaseRoute]:
        return [
            Route(PATH + "{secret}", self._threaded(self.page), methods=["GET", "POST"], name="signera"),
            Route(PATH + "{secret}/bild/{post:int}/{digest}", self._threaded(self.picture), name="signera-bild"),
        ]

    def _threaded(self, view: Callable[[Request, FormData], Response]) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            form = FormData()
            if request.method == "POST":
                form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD)
            answer = await run_in_threadpool(self._guarded, view, request, form)
            answer.headers["X-Robots-Tag"] = "noindex, nofollow"
            return answer

        return endpoint

    def _guarded(self, view: Callable[[Request, FormData], Response], request: Request, form: FormData) -> Response:
        """Whatever is wrong with the address, the answer is the same; too many wrong ones are not looked at."""
        try:
            return view(request, form)
        except NotFoundError as error:
            return self._refused(request, error.message)

    def _refused(self, request: Request, sentence: str) -> Response:
        now = self.parts.clock()
        origin = request.client.host if request.client else ""
        try:
            with self.parts.database.read() as session:
                throttle.refuse_origin_if_too_many(session, _GUESSING, origin, now=now)
        except RefusedError as error:
            return self.pages.page("signera-stopp.html", status=429, sentence=error.message)
        with self.parts.database.write() as session:
            throttle.count_guess(session, _GUESSING, origin, now=now)
        return self.pages.page("signera-stopp.html", status=404, sentence=sentence)

    def page(self, request: Request, form: FormData) -> Response:
        """All posts of the address; and signing, rejecting or taking back those that it was made for."""
        found = self._link(request)
        if request.method != "POST":
            return self._shown(request, found)
        acts = {"godkann": self._approve, "avsla": self._reject, "aterta": self._take_back}
        act = acts.get(_text(form, "gor"))
        faults = act(request, found, form) if act else {"": "Formuläret gick inte att läsa. Inget har ändrats."}
        if faults:
            return self._shown(request, self._link(request), status=422, faults=faults, form=form)
        return RedirectResponse(request.url.path, 303)

    def picture(self, request: Request, _form: FormData) -> Response:
        """A picture that belongs to one of the address's posts."""
        now, params = self.parts.clock(), request.path_params
        item = self._link(request).item(params["post"])
        with self.parts.database.read() as session:
            found = review.picture(
                session,
                self.parts.catalog,
                self.parts.messages,
                post_in(session, self._link(request).municipality, item.review.id),
                params["digest"],
                now=now,
            )
        return Response(found[0], media_type=found[1])

    def _link(self, request: Request) -> LinkPage:
        parts = self.parts
        with parts.database.read() as session:
            return link_page(session, parts.catalog, parts.messages, request.path_params["secret"], now=parts.clock())

    def _shown(
        self,
        request: Request,
        found: LinkPage,
        *,
        status: int = 200,
        faults: dict[str, str] | None = None,
        form: FormData | None = None,
    ) -> Response:
        values: dict[str, Any] = {"link": found, "here": request.url.path, "faults": faults or {}}
        values["comment"] = _text(form, "kommentar") if form else ""
        values["commented"] = next(iter(post_numbers([_text(form, "post")])), 0) if form else 0
        return self.pages.page("signera.html", status=status, **values)

    def _approve(self, _request: Request, found: LinkPage, form: FormData) -> dict[str, str]:
        now = self.parts.clock()
        given = shown_pairs(form.getlist("budskap"))
        items = signable(given, found.allowed)
        with self.parts.database.write() as session:
            outcomes = approve_many(
                session,
                self.parts.catalog,
                self.parts.messages,
                found.municipality,
                items,
                party=found.party.id,
                name=found.name,
                now=now,
                earliest=now + REGRET,
                through=THROUGH,
                link_maker=found.created_by,
            )
        faults = {f"budskap-{post_id}": _CHANGED for post_id, _ in given if post_id not in dict(items)}
        faults |= {f"budskap-{item.post_id}": without_command(item.refusal) for item in outcomes if item.refusal}
        return faults or ({} if outcomes else {"": "Det fanns inget att godkänna. Läs texterna igen."})

    def _reject(self, request: Request, found: LinkPage, form: FormData) -> dict[str, str]:
        comment = _text(form, "kommentar")
        post_id = found.item(next(iter(post_numbers([_text(form, "post")])), 0)).review.id
        parts, now = self.parts, self.parts.clock()
        try:
            with parts.database.write() as session:
                # Looked at again within the act: nobody rejects a text that came after the one that was shown.
                secret = request.path_params["secret"]
                item = link_page(session, parts.catalog, parts.messages, secret, now=now).item(post_id)
                if item.standing not in (Standing.OPEN, Standing.SIGNED):
                    return {f"budskap-{post_id}": item.why}
                reject(
                    session,
                    parts.catalog,
                    post_id,
                    party=found.party.id,
                    name=found.name,
                    reason=comment,
                    now=now,
                    through=THROUGH,
                )
        except RefusedError as error:
            return {f"kommentar-{post_id}" if isinstance(error, WrittenError) else f"budskap-{post_id}": error.message}
        return {}

    def _take_back(self, _request: Request, found: LinkPage, form: FormData) -> dict[str, str]:
        item = found.item(next(iter(post_numbers([_text(form, "post")])), 0))
        try:
            with self.parts.database.write() as session:
                take_back(
                    session,
                    self.parts.catalog,
                    item.review.id,
                    party=found.party.id,
                    name=found.name,
                    now=self.parts.clock(),
                    through=THROUGH,
                )
        except RefusedError as error:
            return {f"budskap-{item.review.id}": error.message}
        return {}


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""
