"""Errors as answers: problem+json (RFC 9457) for programs, a page for people. Always a sentence in Swedish."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from campaigns.errors import (
    DatabaseError,
    KampanjhjulError,
    NotFoundError,
    RefusedError,
    TemplateError,
    without_command,
)
from campaigns.web.pages import Pages
from campaigns.web.security import API_PREFIX

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5

_STATUSES: tuple[tuple[type[KampanjhjulError], HTTPStatus], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (RefusedError, HTTPStatus.CONFLICT),
    (TemplateError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (DatabaseError, HTTPStatus.SERVICE_UNAVAILABLE),
)
_TITLES = {
    HTTPStatus.BAD_REQUEST: "Felaktigt anrop",
    HTTPStatus.UNAUTHORIZED: "Nyckel saknas eller gäller inte",
    HTTPStatus.FORBIDDEN: "Får inte göras med den här nyckeln",
    HTTPStatus.NOT_FOUND: "Finns inte",
    HTTPStatus.METHOD_NOT_ALLOWED: "Går inte att göra här",
    HTTPStatus.CONFLICT: "Går inte att göra nu",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "För stort",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Något i anropet har fel form",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Fel i programmet",
    HTTPStatus.SERVICE_UNAVAILABLE: "Går inte att nå just nu",
}
_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "Det som skickades går inte att läsa. Skicka JSON i UTF-8.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Det är för långt eller för stort, så inget ändrades. "
    "Korta texten eller välj en mindre bild. Gå tillbaka i webbläsaren: det du skrev finns kvar där.",
    HTTPStatus.NOT_FOUND: "Adressen finns inte. Kontrollera den eller börja från startsidan.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Adressen finns men kan inte anropas så.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Ett fel i programmet avbröt det. Felet är loggat. Försök igen om en stund.",
}
# What people who have sent a form are told, where programs are told of JSON.
_UNREADABLE_FORM = "Formuläret gick inte att läsa. Inget ändrades. Gå tillbaka i webbläsaren och försök igen."
# How the reader of forms tells that there was too much of something. It has no type of its own for that.
_TOO_MUCH = re.compile(r"exceeded maximum size|Too many (fields|files)")
# What pydantic finds, as sentences. The rest are told as "har fel form".
_FAULTS = {
    "missing": "saknas",
    "extra_forbidden": "finns inte",
    "string_too_long": "är för lång",
    "string_too_short": "är för kort",
    "date_from_datetime_parsing": "ska vara ett datum som 2027-06-11",
    "date_parsing": "ska vara ett datum som 2027-06-11",
    "date_type": "ska vara ett datum som 2027-06-11",
    "int_parsing": "ska vara ett heltal",
    "int_type": "ska vara ett heltal",
    "bool_parsing": "ska vara true eller false",
    "bool_type": "ska vara true eller false",
    "model_attributes_type": "ska vara ett JSON-objekt, med Content-Type: application/json",
    "value_error": "har ett tecken som inte går att spara",
    "json_invalid": "är inte giltig JSON",
    "greater_than_equal": "är för litet",
    "less_than_equal": "är för stort",
}


class ForbiddenError(KampanjhjulError):
    """Nyckeln räcker inte till för det."""


def problem(
    status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    """A problem+json answer. `members` are extension members."""
    body = {"type": "about:blank", "title": _TITLES.get(status, status.phrase), "status": int(status), "detail": detail}
    return JSONResponse(body | members, status, headers=headers, media_type="application/problem+json")


def install(app: FastAPI, pages: Pages) -> None:
    """Give `app` its answers to errors."""

    def answer(request: Request, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> Response:
        if request.url.path.startswith(API_PREFIX):
            return problem(status, detail, headers=headers)
        try:
            page: Response = pages.fault(int(status), _TITLES.get(status, "Något gick fel"), detail)
        except Exception:  # the template of the page about faults may be what is broken
            logger.exception("Felsidan gick inte att visa.", extra={"action": "fault_page_broke"})
            page = PlainTextResponse(detail, status, headers={"Cache-Control": "no-cache"})
        page.headers.update(headers or {})
        return page

    def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, KampanjhjulError)
        status = status_of(error)
        retry = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
        is_program = request.url.path.startswith(API_PREFIX)
        return answer(request, status, error.message if is_program else without_command(error.message), retry)

    def from_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        is_nobodys = status is HTTPStatus.NOT_FOUND and "endpoint" not in request.scope  # no page has such an address
        if is_nobodys and request.method in ("GET", "HEAD") and request.url.path.endswith("/"):
            return _without_slash(request) or answer(request, status, _SENTENCES[status])
        is_program = request.url.path.startswith(API_PREFIX)
        status, sentence = _told_of(status, str(error.detail), is_program=is_program)
        return answer(request, status, sentence, error.headers)

    def malformed(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        faults = [_fault(item) for item in error.errors()]
        detail = " ".join(f"”{item['field']}” {item['message']}." for item in faults)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=faults)

    def unfit(request: Request, error: Exception) -> Response:
        # The database cannot hold the value: out of range, or a character that it does not know.
        logger.warning("Databasen tog inte emot ett värde.", exc_info=error, extra={"action": "value_refused"})
        return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, "Ett värde går inte att spara. Kontrollera anropet.")

    def broken(request: Request, error: Exception) -> Response:
        logger.error("Ett anrop gick sönder.", exc_info=error, extra={"action": "request_broke"})
        return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, _SENTENCES[HTTPStatus.INTERNAL_SERVER_ERROR], None)

    app.add_exception_handler(KampanjhjulError, ours)
    app.add_exception_handler(HTTPException, from_framework)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(DataError, unfit)
    app.add_exception_handler(Exception, broken)


def _told_of(status: HTTPStatus, detail: str, *, is_program: bool) -> tuple[HTTPStatus, str]:
    """How an error of the framework is told, to programs or to people."""
    if status is not HTTPStatus.BAD_REQUEST or is_program:
        return status, _SENTENCES.get(status, detail)
    if _TOO_MUCH.search(detail):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _SENTENCES[HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    return status, _UNREADABLE_FORM


def _without_slash(request: Request) -> Response | None:
    """On to the same address without what it ends with, on this host; None for the first page's own."""
    path = request.scope["path"].strip("/")
    if not path:
        return None
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{quote(path)}{query}", HTTPStatus.PERMANENT_REDIRECT)


class BoundedBody:
    """Refuses a body that says it is larger than `most` bytes, in our words. Others are cut off later.

    `larger` are the addresses, as patterns, that take more.
    """

    def __init__(
        self, app: ASGIApp, *, most: int, larger: Sequence[tuple[re.Pattern[str], int]] = (), pages: Pages
    ) -> None:
        self._app = app
        self._most = most
        self._larger = larger
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdecimal() and (len(length) > 15 or int(length) > self._bound(scope["path"])):
            await self._refusal(scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _bound(self, path: str) -> int:
        return next((most for pattern, most in self._larger if pattern.match(path)), self._most)

    def _refusal(self, path: str) -> Response:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if path.startswith(API_PREFIX):
            return problem(status, _SENTENCES[status])
        return self._pages.fault(int(status), _TITLES[status], _SENTENCES[status])


def status_of(error: KampanjhjulError) -> HTTPStatus:
    """The HTTP status that says what kind of error it is."""
    if isinstance(error, ForbiddenError):
        return HTTPStatus.FORBIDDEN
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def _fault(item: Mapping[str, Any]) -> dict[str, str]:
    location: Sequence[object] = item["loc"]
    # Of text that is not JSON the location is a position, which names no field.
    inner = () if item["type"] == "json_invalid" else location[1:]
    field = ".".join(str(part) for part in inner) or str(location[0])
    return {"field": field, "message": _FAULTS.get(item["type"], "har fel form")}
