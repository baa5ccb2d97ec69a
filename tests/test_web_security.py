"""What is refused before any page sees it, and what the browser is told of every page."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from campaigns.database import Database
from campaigns.web.security import SameOriginOnly
from tests.sites import Client, Place, planned

PAGES = ["/", "/sida/aneby", "/skarm/aneby", "/finns-inte", "/api/v1/posts", "/readyz", "/static/finns-inte.css"]


def _done(request: Request) -> Response:
    return PlainTextResponse("utfört")


@pytest.fixture
def guarded() -> Client:
    app = Starlette(
        routes=[
            Route("/godkann", _done, methods=["GET", "POST", "PUT", "DELETE"]),
            Route("/api/v1/posts", _done, methods=["POST"]),
        ]
    )
    return Client(SameOriginOnly(app))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://kampanj.example.se"}, 403),
        ({"Origin": "https://kampanj.example.se"}, 200),
        ({"Origin": "https://kampanj.example.se.ond.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_an_act_must_come_from_our_own_pages(
    guarded: Client, method: str, headers: dict[str, str], status: int
) -> None:
    assert guarded.request(method, "/godkann", headers=headers).status_code == status


def test_reading_is_open_and_the_api_has_its_own_lock(guarded: Client) -> None:
    assert guarded.get("/godkann", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert guarded.post("/api/v1/posts", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_keeps_the_browser_to_our_own_origin(place: Place, path: str) -> None:
    response = place.client.get(path)
    headers = response.headers
    policy = headers["content-security-policy"]

    assert response.status_code < 500 or path == "/readyz"
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy or path.startswith("/skarm/")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize("path", ["/", "/sida/aneby", "/skarm/aneby", "/finns-inte"])
def test_no_page_needs_what_the_policy_forbids(place: Place, path: str) -> None:
    place.publish("valborg/2027/valborg/narmast/syskon")
    response = place.client.get(path)
    page = response.text

    assert response.status_code == (404 if path == "/finns-inte" else 200)
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert not re.search(r"<[^>]+ (style|on[a-z]+)=", page)
    assert "<style" not in page
    assert re.findall(r'(?:src|rel="stylesheet" href)="(?!/static/)([^"]*)"', page) == []


def test_no_cookie_is_ever_set(place: Place) -> None:
    assert [path for path in PAGES if "set-cookie" in place.client.get(path).headers] == []


@pytest.mark.pages
@pytest.mark.parametrize(
    "path",
    [
        "/kommun/aneby/logg",
        "/kommun/aneby/logg.csv",
        "/kommun/aneby/ko.csv",
        "/kommun/aneby/finns-inte",
        "/kommun/aneby/mallar/bild/finns-inte.jpg",
        "/kommun",
        "/signera/finns-inte",
        "/mina-kommuner",
        "/valkommen/finns-inte",
    ],
)
def test_no_browser_keeps_what_is_private(place: Place, path: str) -> None:
    answer = place.staff().get(path)

    assert answer.headers["cache-control"] == "private, no-store"


def test_what_is_open_may_be_kept(place: Place) -> None:
    assert [place.client.get(path).headers["cache-control"] for path in ("/", "/sida/aneby")] == ["no-cache"] * 2


@pytest.mark.parametrize(
    "path", ["/sida/aneby/?lang=en", "//evil.example/sida/aneby/", "/sida/%5Cevil.example/", "/sida/aneby//"]
)
def test_an_address_that_ends_with_a_slash_leads_on_within_this_host(place: Place, path: str) -> None:
    answer = place.client.request("GET", place.base_url + path, headers={"Host": "evil.example"})

    assert answer.status_code == 308
    leads_to = answer.headers["location"]
    assert re.fullmatch(r"/[^/\\].*[^/]", leads_to)
    assert leads_to == "/sida/aneby?lang=en" or "?" not in path
    assert place.client.post("/logga-ut/").status_code in (403, 404)
