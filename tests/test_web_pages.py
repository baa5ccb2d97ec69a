"""The pages for people: the right words, in the right place, whatever stands in the rows."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jinja2 import TemplateSyntaxError
from sqlmodel import col, update

from campaigns import approval
from campaigns.checking import check
from campaigns.database import Database
from campaigns.facts import confirm_fact
from campaigns.models import Delivery, DeliveryState
from campaigns.overviews.shown import days_left, usual
from campaigns.web import freshness
from tests.builders import day
from tests.sites import Place, copied_config, planned

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


def test_what_goes_out_next_is_told_with_state_and_whose_signature_is_wanting(place: Place) -> None:
    number = place.write(EARLY).id
    place.town.approve(EARLY, "kommun", "Kim Kommun")

    text = words(place.page("/"))

    assert (
        f"Fre 16 apr 2027 kl. 16.30 Nr {number} Valborg utan langning: Tidigt till föräldrar "
        "Webbsidan, Skolplattformen Utkast Väntar på Lokalpolisområde Höglandet"
    ) in text
    # Two names: followed to the letter, one name for both parties would be refused.
    assert f'kampanjhjul approve {number} --party kommun --as "Ditt Namn"' in text
    assert f'kampanjhjul approve {number} --party polis --as "Namn från Lokalpolisområde Höglandet"' in text


def test_a_signed_post_waits_for_nobody(place: Place) -> None:
    place.write(EARLY)
    place.town.sign(EARLY)

    text = words(place.page("/"))

    assert "Tidigt till föräldrar Webbsidan, Skolplattformen Godkänt" in text


def test_the_audience_is_told_once_and_always_where_a_step_has_several(place: Place) -> None:
    text = words(place.page("/"))

    assert "Valborg utan langning: Tidigt till föräldrar Webbsidan, Skolplattformen Utkast" in text
    assert "Valborg utan langning: Inför, till syskon och unga vuxna Syskon · Webbsidan," in text
    assert "Valborg utan langning: Inför, till syskon och unga vuxna Unga vuxna · Webbsidan," in text


def test_a_rejected_text_is_to_be_put_right_and_the_reason_is_told(place: Place) -> None:
    number = place.town.post(EARLY).id
    assert number is not None
    with place.database.write() as session:
        approval.reject(
            session,
            place.parts.catalog,
            number,
            party="polis",
            name="Pia Polis",
            reason="Fel ålder <b>i andra stycket</b>.",
            now=place.clock.at,
        )
    rejected = words(place.page("/"))
    place.write(EARLY)
    mended = words(place.page("/"))

    why = "Avslaget av Pia Polis, polis: Fel ålder &lt;b&gt;i andra stycket&lt;/b&gt;."
    assert (
        f"Rätta texten Valborg utan langning, tidigt till föräldrar ska ut fre 16 apr 2027 kl. 16.30. {why}" in rejected
    )
    assert f"kampanjhjul text {number} min-text.md --as" in rejected
    assert f"Tidigt till föräldrar Webbsidan, Skolplattformen {why} Avslaget Väntar på" in rejected
    assert "8 budskap ska godkännas inom fyra veckor." in rejected  # the ninth waits for a new text
    assert "Rätta texten" not in mended
    assert "Fel ålder" not in mended


def test_posts_that_wait_for_the_same_date_are_one_row_without_a_time(place: Place) -> None:
    place.clock.at = datetime(2027, 5, 2, 8, 0, tzinfo=UTC)

    text = words(place.page("/"))

    assert text.count("Studenten utan langning: Tidigt till föräldrar") == 1
    assert "Tidigast mån 17 maj 2027 Studenten utan langning: Tidigt till föräldrar" in text
    assert "5 skolor eller platser Väntar på datum" in text


def test_what_needs_a_person_is_told_with_the_command_for_it(place: Place) -> None:
    place.publish(INFOR)
    with place.database.write() as session:
        session.execute(
            update(Delivery)
            .where(col(Delivery.channel) == "skarm")
            .values(state=DeliveryState.FAILED, reason="Skärmen svarade inte.", changed_at=place.clock.at)
        )
    numbers = {item.channel: item.id for item in place.town.deliveries()}

    text = words(place.page("/"))

    assert "Manuell uppgift Sociala medier: Valborg utan langning, inför, till syskon och unga vuxna (syskon)" in text
    assert f"kampanjhjul done {numbers['sociala-medier']} --as" in text
    assert "Misslyckad Skärmar:" in text
    assert "Skärmen svarade inte." in text
    assert f"kampanjhjul retry {numbers['skarm']} --as" in text
    assert "Bekräfta datum Studenten (" in text
    assert "kampanjhjul dates set aneby student 2027-MM-DD --place holaveden --as" in text


def test_unsigned_posts_are_called_for_together_until_it_is_urgent(place: Place) -> None:
    number = place.town.post(EARLY).id
    in_time = words(place.page("/"))
    place.clock.at = datetime(2027, 4, 15, 8, 0, tzinfo=UTC)
    urgent = words(place.page("/"))

    what = "Valborg utan langning, tidigt till föräldrar"
    assert f"9 budskap ska godkännas inom fyra veckor. Först ut, fre 16 apr 2027 kl. 16.30: {what}." in in_time
    assert f"kampanjhjul posts {number}" in in_time
    assert (
        f"Godkänn {what} ska ut fre 16 apr 2027 kl. 16.30. Väntar på Aneby kommun och Lokalpolisområde Höglandet."
    ) in urgent
    assert "8 budskap ska godkännas inom fyra veckor." in urgent


def test_an_unsigned_post_that_was_too_late_is_said_loudly(place: Place) -> None:
    place.clock.at = place.town.post(EARLY).not_after

    text = words(place.page("/"))

    assert "Missat Valborg utan langning, tidigt till föräldrar var inte godkänt i tid" in text


def test_a_fact_that_stops_the_coming_texts_is_named_until_somebody_confirms_it(place: Place) -> None:
    planned(place, at=datetime(2028, 4, 10, 8, 0, tzinfo=UTC))
    before = words(place.page("/"))
    with place.database.write() as session:
        confirm_fact(
            session,
            place.parts.catalog,
            "langning_lag",
            name="Kim Kommun",
            valid_until=date(2028, 12, 31),
            now=place.clock.at,
        )
    after = words(place.page("/"))

    assert "kampanjhjul facts confirm langning_lag --as" in before
    assert "kampanjhjul facts confirm langning_lag --as" not in after


def test_broken_configuration_is_told_where_people_look(database: Database, tmp_path: Path) -> None:
    place = planned(Place(database, config=copied_config(tmp_path, lambda folder: None)))
    place.page("/")
    (place.config / "audiences.toml").write_text("[foraldrar\n", encoding="utf-8")
    place.parts.configuration.reread()

    text = words(place.page("/"))

    assert "Inställningar audiences.toml:" in text
    assert "Nästa riskdatum Valborg" in text


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


@pytest.mark.parametrize("path", ["/", "/sida/aneby", "/skarm/aneby"])
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

    for path in ("/", "/sida/aneby", "/skarm/aneby", "/sida/finns-inte"):
        page = place.client.get(path).text
        assert "<script>" not in page
        assert "<img src=x" not in page


@pytest.mark.parametrize("path", ["/sida/tranas", "/skarm/tranas", "/?kommun=tranas", "/finns-inte"])
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
    assert "Aneby kommun Valborg, fredag 30 april 2027, vecka 17 9 att godkänna inom fyra veckor" in words(overview)
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
