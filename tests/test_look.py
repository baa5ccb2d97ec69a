"""How a municipality looks: colours that can be read on, a logo that is a picture, and nothing else beside them."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from PIL import Image
from sqlmodel import select

from campaigns.colours import BLACK, WHITE, Colour, contrast, moved, text_on
from campaigns.database import Database
from campaigns.look import Look, colour_faults, stylesheet
from campaigns.models import AuditEntry, Role, Setting
from tests.sites import Place, StaffClient, planned

pytestmark = pytest.mark.pages

PAGE = "/kommun/aneby/installningar/utseende"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


@pytest.fixture
def anna(place: Place) -> StaffClient:
    return place.staff(Role.ADMINISTRATOR, name="Anna Andersson")


def png(width: int = 40, height: int = 20) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "#a01030").save(out, "PNG")
    return out.getvalue()


def upload(client: StaffClient, data: bytes, *, name: str = "vapen.png", **fields: str) -> tuple[int, str]:
    answer = client.post(f"{PAGE}/logotyp", data={"beskrivning": "Aneby kommun", **fields}, files={"fil": (name, data)})
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    first, second = Colour.read(one), Colour.read(other)
    assert first is not None
    assert second is not None

    assert contrast(first, second) == pytest.approx(ratio, abs=0.01)
    assert contrast(second, first) == contrast(first, second)


@pytest.mark.parametrize(
    "text", ["", "red", "#fff", "#12345g", "#1234567", "0c5563", "#0c5563;}", "url(//ond.example)"]
)
def test_only_six_digits_are_a_colour(text: str) -> None:
    assert Colour.read(text) is None


def test_the_proposed_shade_is_the_nearest_that_passes() -> None:
    pink = Colour.read("#ff69b4")
    assert pink is not None

    nearest = moved(pink, towards=BLACK, beside=[WHITE], ratio=4.5)

    assert 4.5 <= contrast(nearest, WHITE) < 4.7
    assert (
        min(contrast(text_on(Colour(shade, shade, shade)), Colour(shade, shade, shade)) for shade in range(256)) > 4.5
    )


@pytest.mark.parametrize("main", ["#0c5563", "#000000", "#7a0019", "#004b23", "#5b2a86", "#767676", "#0000ff"])
@pytest.mark.parametrize("accent", ["#ffc24b", "#ffffff", "#ff9e1b"])
def test_every_pair_that_is_let_through_can_be_read_in_light_and_dark(main: str, accent: str) -> None:
    if colour_faults(main, accent):
        accent = "#ffffff"
    assert colour_faults(main, accent) == {}
    light, dark = stylesheet(Look("aneby", main, accent)).split("@media")
    tokens = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", part)) for part in (light, light + dark)]

    for each in tokens:
        colours = {name: Colour.read(value) for name, value in each.items()}
        for ground, text, least in (
            ("main", "on-main", 4.5),
            ("main-deep", "on-main", 4.5),
            ("accent", "on-accent", 4.5),
            ("soft", "on-soft", 4.5),
            ("main", "accent", 3),
            ("main-deep", "accent", 3),
        ):
            one, other = colours[ground], colours[text]
            assert one is not None
            assert other is not None
            assert contrast(one, other) >= least, (ground, text)


def test_colours_are_chosen_and_stand_on_every_page_of_the_municipality(place: Place, anna: StaffClient) -> None:
    before = place.page("/sida/aneby")

    assert anna.act(f"{PAGE}/farger", huvudfarg="#7A0019", accentfarg="#ffcc33") == PAGE

    assert "/utseende/" not in before
    addresses = set()
    for page in (place.page("/sida/aneby"), place.page("/skarm/aneby"), place.page("/"), anna.page(PAGE)):
        addresses |= set(re.findall(r'href="(/utseende/aneby\.css\?v=[0-9a-f]{12})"', page))
    [address] = addresses
    style = place.client.get(address)
    assert "--main: #7a0019;" in style.text
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in style.headers["cache-control"]
    assert "immutable" not in place.client.get("/utseende/aneby.css").headers["cache-control"]
    with place.database.read() as session:
        assert "look:aneby" in session.exec(select(Setting.name)).all()
        acts = [(item.actor, item.action) for item in session.exec(select(AuditEntry))]
    assert ("Anna Andersson", "valde färger #7a0019 #ffcc33") in acts


def test_colours_that_cannot_be_read_on_are_refused_with_the_ratio_and_a_shade_that_can(
    place: Place, anna: StaffClient
) -> None:
    answer = anna.post(f"{PAGE}/farger", data={"huvudfarg": "#ff69b4", "accentfarg": "#ffcc33"})

    assert answer.status_code == 422
    assert "Vit text på #ff69b4 har kontrasten 2,6:1. Det behövs minst 4,5:1." in answer.text
    [proposed] = set(re.findall(r"Närmaste nyans som duger är (#[0-9a-f]{6})", answer.text))
    assert 'value="#ff69b4"' in answer.text
    assert 'href="#huvudfarg"' in answer.text
    assert "/utseende/" not in place.page("/sida/aneby")
    anna.act(f"{PAGE}/farger", huvudfarg=proposed, accentfarg="#ffffff")


def test_an_accent_that_does_not_stand_out_is_refused_too(anna: StaffClient) -> None:
    answer = anna.post(f"{PAGE}/farger", data={"huvudfarg": "#0c5563", "accentfarg": "#0f6a7b"})

    assert answer.status_code == 422
    [proposed] = set(re.findall(r"Närmaste nyans som duger är (#[0-9a-f]{6})", answer.text))
    anna.act(f"{PAGE}/farger", huvudfarg="#0c5563", accentfarg=proposed)


@pytest.mark.parametrize(
    "hostile", ["#000;}body{display:none", "red;background:url(//ond.example)", "</style><script>"]
)
def test_nothing_but_colours_reaches_the_stylesheet(place: Place, anna: StaffClient, hostile: str) -> None:
    answer = anna.post(f"{PAGE}/farger", data={"huvudfarg": hostile, "accentfarg": "#ffcc33"})

    assert answer.status_code == 422
    assert "<script>" not in answer.text
    assert place.client.get("/utseende/aneby.css").status_code == 404


def test_the_standard_colours_come_back(place: Place, anna: StaffClient) -> None:
    anna.act(f"{PAGE}/farger", huvudfarg="#7a0019", accentfarg="#ffcc33")

    anna.act(f"{PAGE}/standard")

    assert "--main: #0c5563;" in place.page("/utseende/aneby.css")


def test_a_logo_is_shown_with_its_words_and_its_approval_and_can_be_taken_away(place: Place, anna: StaffClient) -> None:
    fields = {"godkand-av": "Kommunpolisen", "godkand-den": "2027-04-01"}

    status, text = upload(anna, png(), **fields)

    assert status == 303, text
    page = place.page("/sida/aneby")
    [path] = re.findall(r'<img class="logo" src="(/utseende/aneby/[0-9a-f]{64}\.png)" alt="Aneby kommun"', page)
    picture = place.client.get(path)
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    assert path in place.page("/skarm/aneby")
    assert "Godkänd av Kommunpolisen, 2027-04-01." in anna.page(PAGE)
    anna.act(f"{PAGE}/logotyp/ta-bort")
    assert place.client.get(path).status_code == 404
    assert "/utseende/aneby/" not in place.page("/sida/aneby")


@pytest.mark.parametrize(
    ("data", "name", "fields", "sentence"),
    [
        (b"<svg onload=alert(1)>", "x.svg", {}, "varken JPEG eller PNG"),
        (png()[:40], "x.png", {}, "skadad eller avbruten"),
        (b"", "x.png", {}, "varken JPEG eller PNG"),
        (png(3001, 1), "x.png", {}, "högst 3000 punkter"),
        (png() + b"\0" * 500_000, "x.png", {}, "högst 500 kB"),
        (png(), "x.png", {"beskrivning": "  "}, "Skriv vad logotypen föreställer"),
        (png(), "x.png", {"beskrivning": "x" * 151}, "Skriv vad logotypen föreställer"),
        (png(), "x.png", {"godkand-av": "Pia"}, "vem som har godkänt"),
        (png(), "x.png", {"godkand-av": "Pia", "godkand-den": "i går"}, "2026-11-25"),
        (png(), "x.png", {"godkand-av": "Pia", "godkand-den": "2030-01-01"}, "har inte varit än"),
        (png(), '"><script>.png', {"beskrivning": ""}, "Skriv vad logotypen"),
    ],
)
def test_what_is_no_logo_is_refused_and_what_was_written_is_kept(
    place: Place, anna: StaffClient, data: bytes, name: str, fields: dict[str, str], sentence: str
) -> None:
    status, text = upload(anna, data, name=name, **fields)

    assert status == 422
    assert sentence in text
    assert "<script>." not in text
    assert f'value="{fields.get("beskrivning", "Aneby kommun")}"' in text
    assert "/utseende/" not in place.page("/sida/aneby")


def test_only_administrators_choose_the_look(place: Place) -> None:
    kim = place.staff(Role.EDITOR)

    assert kim.get(PAGE).status_code == 403
    assert kim.post(f"{PAGE}/farger", data={"huvudfarg": "#7a0019", "accentfarg": "#ffcc33"}).status_code == 403
    assert upload(kim, png())[0] == 403


@pytest.mark.parametrize("path", ["/utseende/finns-inte.css", "/utseende/aneby/x.png", "/utseende/../x.css"])
def test_a_look_that_nobody_has_chosen_is_not_there(place: Place, path: str) -> None:
    assert place.client.get(path).status_code == 404
