"""The pages for people: the right words, in the right place, whatever stands in the rows."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jinja2 import TemplateSyntaxError
from sqlmodel import select

from campaigns import approval
from campaigns.checking import check
from campaigns.content import Content
from campaigns.database import Database
from campaigns.models import ContentRow, Delivery
from campaigns.overviews.shown import days_left
from campaigns.swedish import usual
from campaigns.web import freshness
from tests.builders import day
from tests.sites import Place, copied_config, planned

pytestmark = pytest.mark.pages

INFOR, NARMAST = "valborg/2027/valborg/infor/syskon", "valborg/2027/valborg/narmast/syskon"
EARLY = "valborg/2027/valborg/tidigt/foraldrar"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def words(page: str) -> str:
    """The text of a page as it is read."""
    body = re.sub(r"<(script|svg)\b.*?</\1>", " ", page[page.index("<body") :], flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split()).replace(" ,", ",").replace(" .", ".")


def test_the_start_page_tells_the_next_risk_date_and_how_long_it_is_to_it(place: Place) -> None:
    text = words(place.page("/"))

    assert "Nästa riskdatum Valborg Fredag 30 april 2027, vecka 17 Om 18 dagar" in text


def test_the_start_page_tells_strangers_what_goes_out_next_and_nothing_of_how_it_stands(place: Place) -> None:
    place.write(EARLY)
    place.town.approve(EARLY, "kommun", "Kim Kommun")
    with place.database.write() as session:
        approval.reject(
            session,
            place.parts.catalog,
            place.town.post(INFOR).id or 0,
            party="polis",
            name="Pia Polis",
            reason="Fel ålder.",
            now=place.clock.at,
        )

    text = words(place.page("/"))

    assert "Fre 16 apr 2027 Valborg utan langning: Tidigt till föräldrar" in text
    assert text.count("Valborg utan langning: Inför, till syskon och unga vuxna") == 1
    told_to_staff = ("Utkast", "Avslaget", "Väntar på", "Fel ålder", "Pia", "Kim", "Nr ", "kampanjhjul ", "Godkänt")
    assert [word for word in told_to_staff if word in text] == []
    assert "Logga in" in text


def test_the_start_page_never_shows_a_guessed_day_as_the_day(place: Place) -> None:
    place.clock.at = datetime(2027, 5, 2, 8, 0, tzinfo=UTC)

    text = words(place.page("/"))

    assert text.count("Studenten utan langning: Tidigt till föräldrar") == 1
    assert "Tidigast mån 17 maj 2027 Studenten utan langning: Tidigt till föräldrar" in text


def test_the_start_page_leads_staff_on_to_their_work(place: Place) -> None:
    answer = place.staff().get("/")

    assert (answer.status_code, answer.headers["location"]) == (303, "/mina-kommuner")


def test_a_date_that_nobody_has_confirmed_is_said_and_not_guessed(place: Place) -> None:
    for path in ("/", "/sida/aneby"):
        text = words(place.page(path))

        assert "Datum inte bekräftat än – brukar vara 31 maj–16 juni 2027" in text
        assert "Njudungsgymnasiet, Vetlanda" in text
        assert "måndag 31 maj 2027" not in text.lower()


def test_a_confirmed_date_takes_its_place_with_its_school(place: Place) -> None:
    place.town.set_date("2027-06-11")

    text = words(place.page("/sida/aneby"))

    assert re.search(r"11 Studenten om \d+ dagar .{0,80}11 juni 2027, vecka 23 Holavedsgymnasiet, Tranås", text)


def test_the_calendar_is_offered_by_address_by_link_and_by_camera(place: Place) -> None:
    address = "kampanj.example.se/feeds/aneby/riskdatum-aneby.ics"

    for path in ("/", "/sida/aneby"):
        page = place.page(path)

        assert f'data-copy="https://{address}"' in page
        assert f'href="webcal://{address}"' in page
        assert 'class="qr"' in page
        for program in ("Outlook", "Google Kalender", "Iphone, Ipad och Mac", "Thunderbird"):
            assert f"<summary>{program}</summary>" in page
        assert "brådskande ändringar aldrig bara med kalendern" in page


def test_the_public_page_shows_messages_newest_first_each_with_its_anchor(place: Place) -> None:
    first = place.publish(INFOR, title="Först", body="Köp *inte* ut.")
    second = place.publish(NARMAST, title="Sedan")

    page = place.page("/sida/aneby")

    assert page.index(f'id="{second.id}"') < page.index(f'id="{first.id}"')
    assert "<p>Köp <em>inte</em> ut.</p>" in page
    assert page.count(f'id="{first.id}"') == 1
    assert "Söndag 25 april 2027 Syskon Valborg Först".lower() in words(page).lower()


def test_the_public_page_shows_what_is_over_below_what_is_current(place: Place) -> None:
    past = place.publish(INFOR, title="Inför valborg")
    place.clock.at = datetime(2027, 5, 1, 8, 0, tzinfo=UTC)

    page = place.page("/sida/aneby")

    assert page.index("Det finns inget budskap just nu") < page.index('id="tidigare"') < page.index(f'id="{past.id}"')


def test_the_public_page_is_narrowed_by_links_that_can_be_passed_on(place: Place) -> None:
    place.publish(EARLY, title="Till föräldrar")
    place.publish(INFOR, title="Till syskon")

    everything, some = place.page("/sida/aneby"), place.page("/sida/aneby?malgrupp=syskon")

    assert 'href="/sida/aneby?malgrupp=syskon#budskap"' in everything
    assert "Till föräldrar" in everything
    assert "Till föräldrar" not in words(some).replace("Tidigt till föräldrar", "")
    assert 'href="/sida/aneby#budskap" target="_self">Alla</a>' in some
    assert 'aria-current="true">Syskon</a>' in some
    assert "Till föräldrar" in place.page('/sida/aneby?malgrupp="><script>')


def in_arabic(place: Place) -> None:
    """A published message, and the same in a language that is read from the right."""
    post = place.publish(INFOR, title="På svenska")
    with place.database.write() as session:
        for swedish in session.exec(select(Delivery).where(Delivery.post_id == post.id)).all():
            if swedish.kind not in ("webb", "skarm"):
                continue
            old = session.get_one(ContentRow, swedish.content_id)
            content = replace(Content.from_bytes(old.payload), title="بالعربية", language="ar")
            row = ContentRow(**{**old.model_dump(), "id": None, "language": "ar", "payload": content.to_bytes()})
            session.add(row)
            session.flush()
            session.add(
                Delivery(
                    **{
                        **swedish.model_dump(),
                        "id": None,
                        "key": swedish.key.replace(":sv:", ":ar:") + "x",
                        "language": "ar",
                        "content_id": row.id,
                    }
                )
            )


def test_the_public_page_can_be_read_in_one_language_right_to_left_where_it_is(place: Place) -> None:
    in_arabic(place)

    every, arabic = place.page("/sida/aneby"), place.page("/sida/aneby?lang=ar")

    assert 'href="/sida/aneby?lang=ar#budskap" target="_self" lang="ar" dir="rtl" hreflang="ar">العربية</a>' in every
    assert "På svenska" in every
    assert '<article class="message" lang="ar" dir="rtl">' in arabic
    assert "På svenska" not in arabic
    assert "English" not in every
    assert "På svenska" in place.page("/sida/aneby?lang=xx")


def test_a_screen_can_show_one_language_and_stay_in_it(place: Place) -> None:
    in_arabic(place)

    arabic = place.page("/skarm/aneby?lang=ar")

    assert 'lang="ar" dir="rtl"' in arabic
    assert 'url=/skarm/aneby?lang=ar"' in arabic
    assert "url=/skarm/aneby?n=" in place.page("/skarm/aneby?lang=xx")


def test_the_page_for_other_sites_stands_alone_and_only_it_may_be_framed(place: Place) -> None:
    place.publish(INFOR, title="Säg nej")

    answer = place.client.get("/sida/aneby/inbaddad")

    assert "frame-ancestors *" in answer.headers["content-security-policy"]
    assert "Säg nej" in answer.text
    assert "<header" not in answer.text
    assert "<footer" not in answer.text
    for path in ("/sida/aneby", "/sida/aneby/tillganglighet", "/", "/sida/aneby/inbaddad/mer"):
        assert "frame-ancestors 'none'" in place.client.get(path).headers["content-security-policy"]


def test_the_page_about_accessibility_marks_what_nobody_has_confirmed(place: Place) -> None:
    page = place.page("/sida/aneby/tillganglighet")

    assert "2018:1937" in page
    assert page.count("Inte bekräftat") >= 4
    assert "digg.se" in page
    for path in ("/", "/sida/aneby"):
        assert 'href="/sida/aneby/tillganglighet"' in place.page(path)


def test_the_public_page_says_who_is_behind_it_and_what_was_promised(place: Place) -> None:
    text = words(place.page("/sida/aneby"))

    assert "Aneby kommun och Lokalpolisområde Höglandet, i samarbete." in text
    assert "Förebygga barn och ungas brottslighet." in text
    assert "med syfte att motverka langning av alkohol och tobak." in text


def test_an_unpublished_text_is_nowhere_on_the_public_page(place: Place) -> None:
    place.write(INFOR, title="Hemlig än så länge")
    place.town.sign(INFOR)

    assert "Hemlig än så länge" not in place.page("/sida/aneby")
    assert "Hemlig än så länge" not in place.page("/skarm/aneby")


HOSTILE = "<script>alert('x')</script> \"><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("path", ["/sida/aneby", "/sida/aneby/inbaddad", "/skarm/aneby"])
def test_hostile_text_in_a_message_stays_text(place: Place, path: str) -> None:
    place.publish(INFOR, title=HOSTILE, body=HOSTILE + "\n\n[länk](javascript:alert(1))")

    page = place.page(path)

    assert "<script>" not in page
    assert "<img src=x" not in page
    assert 'href="javascript:' not in page
    assert "&lt;script&gt;" in page


def test_hostile_names_stay_text(database: Database, tmp_path: Path) -> None:
    def rename(folder: Path) -> None:
        file = folder / "municipalities" / "aneby.toml"
        text = file.read_text(encoding="utf-8").replace('name = "Aneby kommun"', f"name = '''{HOSTILE}'''")
        file.write_text(text, encoding="utf-8")

    place = planned(Place(database, config=copied_config(tmp_path, rename)))

    for path in (
        "/",
        "/sida/aneby",
        "/sida/aneby/inbaddad",
        "/sida/aneby/tillganglighet",
        "/skarm/aneby",
        "/sida/finns-inte",
    ):
        page = place.client.get(path).text
        assert "<script>" not in page
        assert "<img src=x" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/sida/tranas",
        "/sida/tranas/inbaddad",
        "/sida/tranas/tillganglighet",
        "/skarm/tranas",
        "/?kommun=tranas",
        "/finns-inte",
    ],
)
def test_what_does_not_exist_is_told_in_swedish_with_a_way_on(place: Place, path: str) -> None:
    response = place.client.get(path)

    assert response.status_code == 404
    assert '<html lang="sv">' in response.text
    assert "Finns inte" in response.text
    assert 'href="/sida/aneby"' in response.text


def test_several_municipalities_get_an_overview_and_a_page_each(database: Database, tmp_path: Path) -> None:
    def add_neighbour(folder: Path) -> None:
        text = (folder / "municipalities" / "aneby.toml").read_text(encoding="utf-8")
        neighbour = text.replace('name = "Aneby kommun"', 'name = "Tranås kommun"', 1)
        (folder / "municipalities" / "tranas.toml").write_text(neighbour, encoding="utf-8")

    place = planned(Place(database, config=copied_config(tmp_path, add_neighbour)))

    overview = place.page("/")

    assert 'href="/?kommun=tranas"' in overview
    assert "Aneby kommun Valborg, fredag 30 april 2027, vecka 17 Tranås kommun" in words(overview)
    assert "Tranås kommun Inget riskdatum är känt än." in words(overview)
    assert "<h1>Tranås kommun</h1>" in place.page("/?kommun=tranas")


def test_a_screen_without_messages_shows_the_next_risk_date(place: Place) -> None:
    text = words(place.page("/skarm/aneby"))

    assert text.startswith("Aneby kommun Valborg: fredag 30 april 2027, vecka 17")


def test_a_screen_goes_round_its_messages_by_itself(place: Place) -> None:
    place.publish(INFOR, title="Den ena")
    place.publish(NARMAST, title="Den andra")

    first, second = place.page("/skarm/aneby"), place.page("/skarm/aneby?n=1")

    assert "<h1>Den andra</h1>" in first
    assert '<meta http-equiv="refresh" content="60; url=/skarm/aneby?n=1">' in first
    assert "<h1>Den ena</h1>" in second
    assert '<meta http-equiv="refresh" content="60; url=/skarm/aneby?n=0">' in second


@pytest.mark.parametrize("number", ["7", "-1", "x", "99999999999999999999", ""])
def test_a_screen_with_a_number_that_is_no_more_still_shows_something(place: Place, number: str) -> None:
    place.publish(INFOR, title="Den enda")

    assert "<h1>Den enda</h1>" in place.page(f"/skarm/aneby?n={number}")


def test_news_are_served_as_soon_as_they_have_been_published(place: Place) -> None:
    place.site.freshness.refresh()
    before = place.page("/feeds/aneby/nyheter.atom")
    place.publish(INFOR, title="Nytt")
    place.site.freshness.refresh()

    assert "<entry" not in before
    for format_name in ("rss", "atom", "json"):
        assert "Nytt" in place.page(f"/feeds/aneby/nyheter.{format_name}")
    answer = place.client.get("/feeds/aneby/nyheter.rss")
    again = place.client.get("/feeds/aneby/nyheter.rss", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_background_thread_sees_a_commit_by_itself(place: Place) -> None:
    site = place.site
    site.start()
    end = time.monotonic() + 10
    try:
        place.publish(INFOR, title="Nytt")
        while "Nytt" not in place.page("/feeds/aneby/nyheter.json"):
            assert time.monotonic() < end
            time.sleep(0.02)
    finally:
        site.stop()


@pytest.mark.parametrize(
    ("first", "last", "today", "left"),
    [
        ("Fri 2027-04-30", "Fri 2027-04-30", "Wed 2027-04-28", "om 2 dagar"),
        ("Fri 2027-04-30", "Fri 2027-04-30", "Thu 2027-04-29", "i morgon"),
        ("Fri 2027-04-30", "Fri 2027-04-30", "Fri 2027-04-30", "i dag"),
        ("Fri 2027-06-25", "Sat 2027-06-26", "Fri 2027-06-25", "pågår"),
        ("Fri 2027-06-25", "Sat 2027-06-26", "Sat 2027-06-26", "pågår"),
    ],
)
def test_days_left_are_said_as_people_say_them(first: str, last: str, today: str, left: str) -> None:
    assert days_left(day(first), day(last), day(today)) == left


def test_a_usual_window_names_its_month_once() -> None:
    assert usual(date(2027, 6, 5), date(2027, 6, 16)) == "5–16 juni 2027"
    assert usual(date(2027, 5, 31), date(2027, 6, 16)) == "31 maj–16 juni 2027"


def test_the_shipped_stylesheet_asks_no_other_host(place: Place) -> None:
    page = place.page("/")
    address = re.findall(r'rel="stylesheet" href="([^"]+)"', page)[0]

    style = place.client.get(address)

    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in style.headers["cache-control"]
    assert "url(" not in style.text
    assert "@import" not in style.text


def test_a_broken_template_stops_neither_the_start_nor_the_last_good_news(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TemplateSyntaxError("fel", 1)

    place.publish(INFOR)
    place.site.freshness.refresh()
    before = place.client.get("/feeds/aneby/nyheter.rss").content
    place.publish(NARMAST)
    monkeypatch.setattr(freshness, "news_feeds", broken)

    place.site.freshness.refresh()
    place.site.freshness.refresh()

    assert place.client.get("/feeds/aneby/nyheter.rss").content == before
    assert [getattr(record, "action", "") for record in caplog.records].count("news_load_failed") == 1


def test_when_the_page_about_faults_is_broken_there_is_still_a_sentence(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TemplateSyntaxError("fel", 1)

    monkeypatch.setattr("campaigns.web.pages.Pages.page", broken)

    response = place.client.get("/")

    assert response.status_code == 500
    assert "Felet är loggat" in response.text
    assert "frame-ancestors" in response.headers["content-security-policy"]


def test_the_check_tells_of_pages_that_cannot_be_read(place: Place, tmp_path: Path) -> None:
    for name in ("web/bas.html", "news/nyheter.rss.xml"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("{% if %}", encoding="utf-8")

    with place.database.read() as session:
        found = check(session, place.parts.catalog, tmp_path / "messages", now=place.clock.at, environ={})

    assert {"web/bas.html, rad 1", "news/nyheter.rss.xml, rad 1"} <= {item.where for item in found if item.is_error}
