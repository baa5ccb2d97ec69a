"""No way in this service leads from one municipality to another: not by page, form, file, feed, key or number.

The addresses are found from the application and the forms' fields from the code, so that none is forgotten: one that
nobody has thought of fails the test that finds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from campaigns.database import Database
from campaigns.web import staff
from campaigns.web.app import create_app
from campaigns.web.pages import Pages
from tests.strangers import MARK, PERIOD, THEIRS, Neighbours, neighbours

pytestmark = pytest.mark.pages

_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
# What is for everybody, of every municipality. Nothing that Grannby has not published may stand there.
OPEN = (
    "/",
    "/api/v1/openapi.json",
    "/sida/{municipality}",
    "/sida/{municipality}/inbaddad",
    "/sida/{municipality}/tillganglighet",
    "/sida/{municipality}/uppfoljning",
    "/sida/{municipality}/uppfoljning/inbaddad",
    "/sida/{municipality}/uppfoljning/{period}",
    "/sida/{municipality}/uppfoljning/{period}/fil.{kind}",
    "/skarm/{municipality}",
    "/utseende/{municipality}.css",
    "/utseende/{municipality}/{digest}.{ending}",
    "/static/{name:path}",
    "/healthz",
    "/readyz",
    "/robots.txt",
    "/logga-in",
    "/logga-ut",
    "/mina-kommuner",
)
# Numbers of all municipalities, for those who run the service; no text, name or address.
FIGURES = ("/metrics",)
# For those who are listed as operators: how all municipalities stand, without texts and names.
OPERATORS = ("/drift",)
# Addresses that are secrets themselves: they open for whoever has them, and the stranger has not.
SECRETS = (
    "/valkommen/{secret}",
    "/signera/{secret}",
    "/signera/{secret}/bild/{post:int}/{digest}",
    "/rapport/{name}",
    "/bilder/{name}",
    "/l/{link}",
)
# The names in addresses that are the same in every municipality, and say nothing of whose a thing is.
SHARED = {
    "campaign": "valborg",
    "year": 2027,
    "channel": "webb",
    "ending": "svg",
    "risk_date": "student",
    "period": PERIOD,
    "kind": "csv",
}

# Every field of the forms and questions: what of Grannby's a stranger could write there, None where nothing would be.
FIELDS: dict[str, str | None] = {
    "adress": None,
    "accentfarg": None,
    "ansvarig": None,
    "antal": None,
    "ar": None,
    "audience": None,
    "avsandare": None,
    "beskrivning": None,
    "budskap": "post",
    "budskap-skal": None,
    "campaign": None,
    "dag": None,
    "epost": None,
    "ersatt": "name",
    "fil": None,
    "fran": None,
    "godkand-av": None,
    "godkand-den": None,
    "gor": None,
    "huvudfarg": None,
    "kampanj": None,
    "kanal": None,
    "kommentar": None,
    "kortkommandon": None,
    "lage": None,
    "lank": None,
    "losenord": None,
    "losenord-igen": None,
    "malgrupp": None,
    "namn": None,
    "nar": None,
    "notering": None,
    "nuvarande": None,
    "nyckel": "activity",
    "part": None,
    "period": None,
    "rakna": None,
    "ratt": None,
    "roll": None,
    "senast": None,
    "sigill": "digest",
    "skal": None,
    "slag": None,
    "sprid": None,
    "sprak": None,
    "svenska": None,
    "ta-med": "activity",
    "tid": None,
    "till": None,
    "tillbaka": None,
    "tillfalle": "student",
    "uppgift": None,
    "utfall": None,
    "utgick_fran": "text",
    "vad": "post",
    "version": "text",
    "visat": "digest",
}
# What a form is filled in with, so that it gets as far as the number that is tried.
FILLED = {
    "namn": "Vandring",
    "skal": "Skäl",
    "tid": "2027-04-28T16:00",
    "dag": "2027-06-10",
    "senast": "2027-04-29T16:00",
    "slag": "budskap",
    "malgrupp": "foraldrar",
    "kanal": "webb",
    "part": "polis",
    "kommentar": "Nej.",
    "utfall": "done",
    "roll": "editor",
    "epost": "ny@example.se",
    "title": "Rubrik",
    "ratt": "ja",
    "till": "2027-12-31",
}


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Neighbours:
    return neighbours(database, tmp_path)


def routes(world: Neighbours) -> Iterator[tuple[str, frozenset[str]]]:
    """Every page's path and methods."""
    app = create_app(world.place.parts, Pages(world.place.parts))
    for route in app.routes:
        if isinstance(route, Route):
            yield route.path, frozenset(route.methods or ()) - {"HEAD"}


def staff_routes(world: Neighbours) -> list[tuple[str, str]]:
    return [
        (path, method) for path, methods in routes(world) if path.startswith("/kommun/") for method in sorted(methods)
    ]


def filled(world: Neighbours, path: str, keys: dict[str, Any]) -> str:
    """The address with a value for each parameter. A parameter that nobody knows a value for fails the test."""
    if path.endswith("/nycklar/{token:int}/dra-in"):
        keys = {**keys, "token": keys["key"]}
    if "/bild/{" in path or path.startswith("/utseende"):
        keys = {**keys, "digest": keys["picture"]}
    return _PARAMETER.sub(lambda found: str(keys[found[1]]), path)


def _of(values: Mapping[str, Any], found: re.Match[str]) -> str:
    return str(values[found[1]])


def no_leak(answer: httpx.Response, where: str) -> None:
    told = answer.text + str(answer.headers)
    assert MARK not in told, where
    assert MARK.lower() not in told.lower(), where


def test_every_route_is_known_to_be_open_secret_or_for_staff(world: Neighbours) -> None:
    found = {path for path, _ in routes(world)}

    assert {path for path in found if not path.startswith("/kommun/{municipality}/")} == {
        *OPEN,
        *FIGURES,
        *OPERATORS,
        *SECRETS,
    }
    assert len(found) > 80


def test_every_page_and_act_of_another_municipality_answers_as_if_it_did_not_exist(world: Neighbours) -> None:
    before = world.everything()
    tried = staff_routes(world)

    for path, method in tried:
        address = filled(world, path, {**SHARED, **world.theirs})
        answer = world.client.request(method, address, **({"data": FILLED} if method == "POST" else {}))
        assert answer.status_code == 404, f"{method} {address}"
        no_leak(answer, f"{method} {address}")

    assert world.everything() == before
    assert len(tried) > 90


def test_nobody_signed_in_gets_no_further_than_the_sign_in(world: Neighbours) -> None:
    before = world.everything()

    for path, method in staff_routes(world):
        address = filled(world, path, {**SHARED, **world.theirs})
        headers = {"Origin": world.place.base_url}
        answer = world.place.client.request(method, address, headers=headers)
        assert answer.status_code == (303 if method == "GET" else 403), f"{method} {address}"
        assert method == "POST" or answer.headers["location"].startswith("/logga-in"), address
        no_leak(answer, address)

    assert world.everything() == before


def test_numbers_of_another_municipality_are_unknown_under_ones_own(world: Neighbours) -> None:
    """Grannby's posts, deliveries, links, keys, people and pictures, asked for under Aneby's address."""
    own = {**SHARED, **world.ours}
    before = world.everything()
    tried = 0

    for path, method in staff_routes(world):
        for name in _PARAMETER.findall(path):
            if name == "municipality" or name in SHARED:
                continue
            tried += 1
            stolen = {name: world.theirs[name], "key": world.theirs["key"], "picture": world.theirs["picture"]}
            address = filled(world, path, {**own, **(stolen if name != "post" else {"post": stolen["post"]})})
            answer = world.client.request(method, address, **({"data": FILLED} if method == "POST" else {}))
            # A picture's name is the only one that is not a number: it is refused as one that nobody has uploaded.
            assert answer.status_code == (422 if name == "name" else 404), f"{method} {address}: {answer.status_code}"
            no_leak(answer, f"{method} {address}")

    assert world.everything() == before
    assert tried >= 38


def test_every_field_of_every_form_is_known() -> None:
    """The fields are found in the code that reads them."""
    folder = Path(staff.__path__[0])
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    found = set(
        re.findall(
            r"""(?:visit\.field|query\.get|getlist|form\.get|texts_of\(visit,|_text\(form,)\(?\s*"([\w-]+)"\)""", code
        )
    )

    assert found - set(FIELDS) - {"csrf", "email"} == set()
    assert len(found) > 40


@pytest.mark.parametrize("name", sorted(name for name, key in FIELDS.items() if key))
def test_what_is_another_municipalitys_does_nothing_in_a_form_or_question(world: Neighbours, name: str) -> None:
    """Grannby's numbers, keys and digests in each field of each of Aneby's own pages."""
    own, before = {**SHARED, **world.ours}, world.snapshot()
    key = FIELDS[name]
    assert key is not None
    stolen = [str(world.theirs[key])]
    if key == "post":
        stolen = [str(world.theirs[each]) for each in ("post", "waiting", "sent", "skipped")]
        stolen += [f"{number}:{world.theirs['digest']}" for number in stolen]
    if key == "student":
        stolen.append(str(world.theirs["occurrence"]))

    for path, method in staff_routes(world):
        if path.endswith(("/logga-ut", "/jag/losenord")):
            continue  # the visitor would be signed out; nothing of what stands in the form is read
        address = filled(world, path, own)
        # First all of them at once, as a form with many boxes, and then one alone.
        for value in (stolen, stolen[0]):
            if method == "POST":
                answer = world.client.post(address, data={**FILLED, name: value})
            else:
                answer = world.client.get(address, params={name: value})
            assert answer.status_code < 500, f"{method} {address} {name}={value}"
            assert not answer.headers.get("location", "").startswith("/logga-in"), address
            no_leak(answer, f"{method} {address} {name}={value}")
    assert world.snapshot() == before


def api_calls(world: Neighbours) -> list[tuple[str, str]]:
    described = world.place.client.get("/api/v1/openapi.json").json()["paths"]
    return [(path, method.upper()) for path, methods in described.items() for method in methods]


# What each kind of call says, so that it gets as far as the number in its address.
BODIES: dict[str, dict[str, Any]] = {
    "/text": {"source": '+++\ntitle = "A"\nshort = "B"\n+++\n\nC\n'},
    "/approve": {"digest": "0" * 64},
    "/reject": {"reason": "Nej"},
    "/done": {},
    "/crisis": {"reason": "Kris"},
    "/correct": {"reason": "Fel"},
    "/withdraw": {"reason": "Fel"},
    "/{year}": {"day": "2027-06-10", "place": "holaveden", "confirmed": True, "force": True},
}


def test_a_program_with_a_key_sees_and_changes_only_its_own_municipality(world: Neighbours) -> None:
    """Each call of the API, with Aneby's key and Grannby's numbers."""
    headers = {"Authorization": f"Bearer {world.ours['bearer']}"}
    before, tried = world.snapshot(), 0

    for path, method in api_calls(world):
        values = {**SHARED, **world.theirs}
        address = path.replace("{fact_id}", "finns-inte")
        address = re.sub(_PARAMETER, partial(_of, values), address)
        body = next((item for end, item in BODIES.items() if path.endswith(end)), {})
        answer = world.place.client.request(
            method,
            address,
            headers=headers,
            params={"municipality": THEIRS},
            **({} if method == "GET" else {"json": body}),
        )
        no_leak(answer, f"{method} {address}")
        if set(_PARAMETER.findall(path)) & {"post_id", "delivery_id", "municipality"}:
            tried += 1
            assert answer.status_code in (403, 404), f"{method} {address}: {answer.text}"

    assert world.snapshot() == before
    assert tried >= 11


def test_a_program_without_a_key_or_with_somebody_elses_kind_of_secret_is_refused(world: Neighbours) -> None:
    before = world.everything()
    secrets = ("", world.theirs["address"], world.theirs["secret"], world.theirs["welcome"], world.client.cookie)

    for path, method in api_calls(world):
        address = _PARAMETER.sub(lambda found: str({**SHARED, **world.theirs, "fact_id": "x"}[found[1]]), path)
        for secret in secrets:
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            answer = world.place.client.request(method, address, headers=headers)
            assert answer.status_code in (401, 422), f"{method} {address}: {answer.status_code}"
            no_leak(answer, address)

    assert world.everything() == before


def test_a_secret_calendar_opens_for_its_own_municipality_only(world: Neighbours) -> None:
    client = world.place.client
    ours, theirs = world.ours["address"], world.theirs["address"]
    assert client.get(f"/feeds/private/{theirs}/redaktion-grannby.ics").status_code == 200

    for path in (
        f"/feeds/private/{ours}/redaktion-grannby.ics",
        f"/feeds/private/{theirs}/redaktion-aneby.ics",
        f"/feeds/private/{world.theirs['bearer']}/redaktion-grannby.ics",
        f"/feeds/private/{world.theirs['secret']}/redaktion-grannby.ics",
        "/feeds/private//redaktion-grannby.ics",
        "/feeds/grannby/redaktion-grannby.ics",
        "/feeds/private/../grannby/redaktion-grannby.ics",
    ):
        answer = client.get(path)
        assert answer.status_code == 404, path
        no_leak(answer, path)


def test_what_is_open_shows_nothing_that_has_not_been_published(world: Neighbours) -> None:
    paths = [filled(world, path, {**SHARED, **world.theirs}) for path in (*OPEN, *FIGURES)]
    feeds = [
        f"/feeds/{THEIRS}/{name}" for name in ("riskdatum-grannby.ics", "nyheter.rss", "nyheter.atom", "nyheter.json")
    ]
    answers = [(path, world.place.client.get(path)) for path in (*paths, *feeds)]

    for path, answer in answers:
        no_leak(answer, path)
    assert [answer.status_code for path, answer in answers if path in feeds] == [200] * 4


def test_a_personal_link_opens_only_what_it_was_made_for(world: Neighbours) -> None:
    """Aneby's link, with the numbers of Grannby's posts; and Grannby's with none but its own secret."""
    before, client = world.snapshot(), world.place.client
    path = f"/signera/{world.ours['secret']}"
    headers = {"Origin": world.place.base_url}

    for act in ("godkann", "avsla", "aterta"):
        for number in ("post", "waiting", "sent"):
            data = {
                "gor": act,
                "post": str(world.theirs[number]),
                "budskap": f"{world.theirs[number]}:{world.theirs['digest']}",
                "kommentar": "Nej.",
            }
            answer = client.post(path, data=data, headers=headers)
            assert answer.status_code in (404, 422), f"{act} {number}"
            no_leak(answer, act)
    picture = client.get(f"{path}/bild/{world.theirs['post']}/{world.theirs['picture']}")
    mixed = client.get(f"{path}/bild/{world.ours['post']}/{world.theirs['picture']}")

    assert (picture.status_code, mixed.status_code) == (404, 404)
    assert world.snapshot() == before


def test_a_picture_and_a_report_need_their_own_address(world: Neighbours) -> None:
    before, client = world.everything(), world.place.client

    hidden = client.get(f"/bilder/{world.theirs['picture']}.jpg")
    forged = client.post(f"/rapport/{world.theirs['delivery']}-{'0' * 64}", data={"status": "delivered"})
    guessed = client.get("/valkommen/gissning")

    assert (hidden.status_code, forged.status_code) == (404, 404)
    no_leak(guessed, "/valkommen")
    assert world.everything() == before
