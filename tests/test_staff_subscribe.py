"""Prenumerera: an address for what one wants, and a secret one of one's own that others can neither see nor touch."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from sqlmodel import col, select

from campaigns.database import Database
from campaigns.models import AuditEntry, Role, Token
from campaigns.publishing import refresh_stale
from tests.sites import Place, StaffClient, copied_config, planned

pytestmark = pytest.mark.pages

PAGE = "/kommun/aneby/prenumerera"
BASE = "https://kampanj.example.se/feeds"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def secret_on(page: str) -> str:
    """The secret address that the page shows."""
    found = re.findall(r'data-copy="(https://[^"]+/feeds/private/[^"]+)"', page)
    assert len(found) == 1, page
    return str(found[0])


def path_of(address: str) -> str:
    return address.removeprefix("https://kampanj.example.se")


def created(client: StaffClient) -> str:
    answer = client.post(PAGE)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    return secret_on(answer.text)


def numbers(place: Place) -> list[int]:
    with place.database.read() as session:
        return [item or 0 for item in session.exec(select(Token.id).order_by(col(Token.id)))]


def test_everybody_with_a_role_may_read_it(place: Place) -> None:
    page = place.staff(Role.APPROVER, party="polis", name="Pia Polis").page(PAGE)

    assert f'data-copy="{BASE}/aneby/riskdatum-aneby.ics"' in page
    assert 'href="webcal://kampanj.example.se/feeds/aneby/riskdatum-aneby.ics"' in page
    assert page.count('class="qr"') == 1
    for program in ("Outlook", "Google Kalender", "Iphone, Ipad och Mac", "Thunderbird"):
        assert f"<summary>{program}</summary>" in page
    for name in ("nyheter.rss", "nyheter.atom", "nyheter.json"):
        assert f'data-copy="{BASE}/aneby/{name}"' in page


def test_what_is_chosen_becomes_an_address_that_the_feed_answers(place: Place) -> None:
    refresh_stale(place.database, place.parts.catalog, now=place.clock.at, base_url=place.base_url)
    place.site.freshness.refresh()

    page = place.staff().page(f"{PAGE}?campaign=valborg&campaign=jul&audience=syskon&audience=finns-inte")

    address = f"{BASE}/aneby/riskdatum-aneby.ics?campaign=jul,valborg&amp;audience=syskon"
    assert f'data-copy="{address}"' in page
    assert "BEGIN:VEVENT" in place.page(path_of(unescape(address)))
    assert 'value="jul" checked' in page
    assert 'value="midsommar">' in page
    assert "finns-inte" not in page


def test_hostile_choices_stay_outside_the_page(place: Place) -> None:
    page = place.staff().page(PAGE + '?campaign="><script>alert(1)</script>&audience=%00')

    assert "<script>alert" not in page


def test_an_own_address_is_shown_once_and_opens_the_calendar(place: Place) -> None:
    kim = place.staff()
    refresh_stale(place.database, place.parts.catalog, now=place.clock.at, base_url=place.base_url)

    address = created(kim)
    place.site.freshness.refresh()

    assert address.endswith("/redaktion-aneby.ics")
    assert "BEGIN:VCALENDAR" in place.page(path_of(address))
    assert address.split("/")[-2] not in kim.page(PAGE)
    assert "Din adress nummer 1" in kim.page(PAGE)
    with place.database.read() as session:
        [row] = session.exec(select(Token)).all()
        acts = [(item.actor, item.action) for item in session.exec(select(AuditEntry))]
    assert (row.name, row.purpose) == ("Kim Kommun", "feed")
    assert address.split("/")[-2] not in row.token_hash
    assert ("Kim Kommun", "skapade prenumerationsadress") in acts


def test_renewing_gives_another_and_the_old_one_ends(place: Place) -> None:
    kim = place.staff()
    old = created(kim)
    [number] = numbers(place)

    fresh = secret_on(kim.post(f"{PAGE}/{number}/ny").text)

    place.site.freshness.refresh()
    assert fresh != old
    assert place.client.get(path_of(old)).status_code == 410
    assert place.client.get(path_of(fresh)).status_code != 410
    assert f"Din adress nummer {number}<" not in kim.page(PAGE)


def test_revoking_ends_it(place: Place) -> None:
    kim = place.staff()
    address = created(kim)
    [number] = numbers(place)

    assert kim.act(f"{PAGE}/{number}/dra-in") == f"{PAGE}#egen"

    place.site.freshness.refresh()
    assert place.client.get(path_of(address)).status_code == 410
    assert "Du har ingen adress än." in kim.page(PAGE)


def test_others_addresses_are_for_their_owners_and_administrators_may_end_them(place: Place) -> None:
    created(place.staff())
    [number] = numbers(place)
    bo = place.staff(name="Bo Berg")
    anna = place.staff(Role.ADMINISTRATOR, name="Anna Andersson")

    assert "Kim Kommun" not in bo.page(PAGE)
    assert bo.post(f"{PAGE}/{number}/dra-in").status_code == 404
    assert bo.post(f"{PAGE}/{number}/ny").status_code == 404
    assert anna.post(f"{PAGE}/{number}/ny").status_code == 404
    assert "adressen för Kim Kommun" in anna.page(PAGE)
    anna.act(f"{PAGE}/{number}/dra-in")
    assert "adressen för Kim Kommun" not in anna.page(PAGE)


def test_another_municipalitys_addresses_and_keys_are_as_if_they_did_not_exist(
    database: Database, tmp_path: Path
) -> None:
    def add_neighbour(folder: Path) -> None:
        text = (folder / "municipalities" / "aneby.toml").read_text(encoding="utf-8")
        neighbour = text.replace('name = "Aneby kommun"', 'name = "Tranås kommun"', 1)
        (folder / "municipalities" / "tranas.toml").write_text(neighbour, encoding="utf-8")

    place = planned(Place(database, config=copied_config(tmp_path, add_neighbour)))
    created(place.staff())
    place.token()
    feed, key = numbers(place)
    stranger = place.staff(Role.ADMINISTRATOR, name="Kim Kommun", municipality="tranas")

    for path in (
        f"/kommun/tranas/prenumerera/{feed}/dra-in",
        f"/kommun/tranas/prenumerera/{feed}/ny",
        f"/kommun/tranas/prenumerera/{key}/dra-in",
        f"/kommun/tranas/installningar/nycklar/{key}/dra-in",
        f"/kommun/tranas/installningar/nycklar/{feed}/dra-in",
    ):
        assert stranger.post(path).status_code == 404, path
    with place.database.read() as session:
        assert [item.revoked_at for item in session.exec(select(Token))] == [None, None]


def test_the_code_for_another_site_can_be_pasted_whatever_the_municipality_is_called(
    database: Database, tmp_path: Path
) -> None:
    def rename(folder: Path) -> None:
        file = folder / "municipalities" / "aneby.toml"
        text = file.read_text(encoding="utf-8").replace('name = "Aneby kommun"', "name = '''A\" onload=\"x'''", 1)
        file.write_text(text, encoding="utf-8")

    place = planned(Place(database, config=copied_config(tmp_path, rename)))

    page = place.staff().page(PAGE)

    assert "&lt;iframe src=&#34;https://kampanj.example.se/sida/aneby/inbaddad&#34;" in page
    assert "title=&#34;Aktuellt från A&amp;#34; onload=&amp;#34;x och polisen" in page
