"""The pages of texts: listed, edited, shown as they will look, and never lost."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from campaigns.database import Database
from campaigns.models import Membership, Post, PostState, PostText, Role, UploadedPicture
from tests.sites import Place, StaffClient, copied_config, planned
from tests.test_pictures import exif, jpeg

pytestmark = pytest.mark.pages

VECKAN = "valborg/2027/valborg/veckan/foraldrar"
MALLAR = "/kommun/aneby/mallar"
FORM = {
    "kanal": "",
    "sprak": "sv",
    "utgick_fran": "0",
    "rubrik": "Prata hemma",
    "kort": "Prata om kvällen.",
    "text": "Bestäm hemvägen ihop.",
    "bild": "",
    "alt": "",
    "lank": "",
}
EVIL = '"><script>alert(1)</script>{{ 7 }}'


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


@pytest.fixture
def kim(place: Place) -> StaffClient:
    return place.staff()


def number(place: Place, key: str = VECKAN) -> int:
    return place.town.post(key).id or 0


def address(place: Place, rest: str = "", *, key: str = VECKAN) -> str:
    return f"{MALLAR}/{number(place, key)}{rest}"


def versions(place: Place) -> list[PostText]:
    with place.database.read() as session:
        return list(session.exec(select(PostText).order_by(col(PostText.id))).all())


def value(page: str, name: str) -> str:
    """What a field of the form holds."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page) or re.search(
        rf'<textarea[^>]* name="{name}"[^>]*>\n(.*?)</textarea>', page, re.DOTALL
    )
    assert found, name
    return html.unescape(found[1])


def told(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(page)).split())


# The list.


def test_the_list_tells_of_each_text_when_it_is_due_and_what_is_wanting(place: Place, kim: StaffClient) -> None:
    place.write(VECKAN)
    place.town.approve(VECKAN, "kommun", "Kim Kommun")

    page = told(kim.page(MALLAR))

    assert "Valborg utan langning Fredag 30 april 2027" in page
    assert "Veckan före till föräldrar , Föräldrar Går ut fre 23 apr 2027 kl. 16.30 Utkast" in page
    assert "Saknar godkännande från Lokalpolisområde Höglandet" in page
    assert "Ändrad av Kim Kommun, mån 12 apr 2027 kl. 09.00" in page


def test_texts_that_wait_for_a_date_at_several_schools_share_a_row(place: Place, kim: StaffClient) -> None:
    page = told(kim.page(f"{MALLAR}?kampanj=student&malgrupp=foraldrar"))

    assert page.count("Veckan före till föräldrar") == 1
    assert "Går ut när dagen är bekräftad 5 platser" in page


def test_the_list_is_narrowed_by_its_address(place: Place, kim: StaffClient) -> None:
    place.write(VECKAN)
    place.town.sign(VECKAN)

    every, signed, none = (
        kim.page(f"{MALLAR}{query}")
        for query in ("?kampanj=valborg&malgrupp=foraldrar", "?kampanj=valborg&lage=approved", "?kampanj=finns-inte")
    )

    assert "3 texter" in told(every)
    assert '<option value="valborg" selected>' in every
    assert "En text" in told(signed)
    assert "Inga texter passar valen." in told(none)


# Editing.


def test_a_text_is_edited_and_saved_as_a_new_version(place: Place, kim: StaffClient) -> None:
    page = kim.page(address(place))
    assert "Det här är texten som följer med. Ingen har ändrat den än." in page
    form = {name: value(page, name) for name in ("kanal", "sprak", "utgick_fran", "rubrik", "kort", "text")}

    leads = kim.act(address(place), **{**form, "rubrik": "Ny rubrik", "gor": "spara"})

    [row] = versions(place)
    assert leads == address(place)
    assert row.author == "Kim Kommun"
    assert 'title = "Ny rubrik"' in row.source
    after = kim.page(leads)
    assert f"Version {row.id} är sparad." in after
    assert (value(after, "rubrik"), value(after, "utgick_fran")) == ("Ny rubrik", str(row.id))
    assert value(after, "text") == form["text"]


def test_saving_an_untouched_text_makes_no_version(place: Place, kim: StaffClient) -> None:
    page = kim.page(address(place))
    names = ("kanal", "sprak", "utgick_fran", "rubrik", "kort", "text", "alt", "lank")
    facts = re.findall(r'name="uppgift" value="([^"]+)" checked', page)

    leads = kim.act(address(place), **{name: value(page, name) for name in names}, uppgift=facts, gor="spara")

    assert versions(place) == []
    assert "Inget var ändrat" in kim.page(leads)


def test_who_has_signed_is_said_before_a_change_is_saved(place: Place, kim: StaffClient) -> None:
    place.write(VECKAN)
    place.town.sign(VECKAN)

    page = told(kim.page(address(place)))
    kim.act(address(place), **{**FORM, "utgick_fran": str(versions(place)[0].id), "gor": "spara"})

    assert (
        "Texten är godkänd av Kim Kommun för Aneby kommun och Pia Polis för Lokalpolisområde Höglandet. "
        "Sparar du en ändring måste den godkännas igen." in page
    )
    assert place.town.post(VECKAN).state == PostState.DRAFT
    assert "Texten är godkänd av" not in kim.page(address(place))


def test_two_who_edit_at_once_lose_nothing(place: Place, kim: StaffClient) -> None:
    pia = place.staff(name="Pia Polis")
    pia.act(address(place), **{**FORM, "rubrik": "Pias rubrik", "gor": "spara"})

    clash = kim.post(address(place), data={**FORM, "rubrik": "Kims rubrik", "gor": "spara"})

    assert clash.status_code == 409
    page = told(clash.text)
    assert "Pia Polis sparade medan du skrev" in page
    assert "(borttaget:) Pias (slut)" in page
    assert "(tillagt:) Kims (slut)" in page
    assert [row.author for row in versions(place)] == ["Pia Polis"]
    names = ("kanal", "sprak", "utgick_fran", "rubrik", "kort", "text", "bild", "alt", "lank")
    kept = {name: value(clash.text, name) for name in names}
    assert (kept["rubrik"], kept["text"]) == ("Kims rubrik", FORM["text"])

    edited = kim.post(address(place), data={**kept, "gor": "visa"})
    assert (value(edited.text, "rubrik"), value(edited.text, "utgick_fran")) == ("Kims rubrik", kept["utgick_fran"])
    kim.act(address(place), **kept, gor="spara")

    assert [row.author for row in versions(place)] == ["Pia Polis", "Kim Kommun"]


@pytest.mark.parametrize("name", ["rubrik", "kort", "text", "bild", "alt", "lank"])
def test_a_megabyte_or_a_script_in_a_field_is_refused_leaks_nothing_and_is_given_back(
    place: Place, kim: StaffClient, name: str
) -> None:
    long = EVIL + "x" * 1_000_000

    answer = kim.post(address(place), data={**FORM, "alt": "Alt", name: long, "gor": "spara"})

    assert answer.status_code == 422
    assert f'<a href="#{name}">' in answer.text
    assert "Något behöver rättas" in answer.text
    assert "tecken, högst" in told(answer.text.replace(html.escape(long), ""))
    assert html.escape(long, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in answer.text
    assert "<script>alert" not in answer.text
    assert versions(place) == []


def test_a_script_is_shown_as_text_everywhere(place: Place, kim: StaffClient) -> None:
    evil = {**FORM, **dict.fromkeys(("rubrik", "kort", "text", "alt"), EVIL), "gor": "spara"}

    kim.act(address(place), **evil)
    kim.act(address(place), **{**FORM, "utgick_fran": str(versions(place)[0].id), "gor": "spara"})
    pages = [
        kim.page(address(place)),
        kim.page(address(place, "/versioner")),
        kim.page(MALLAR),
        kim.post(address(place, "/forhandsvisning"), data=evil).text,
        kim.post(address(place), data={**evil, "gor": "spara"}).text,  # a clash
    ]

    assert [page for page in pages if "<script>alert" in page] == []


def test_a_broken_placeholder_is_told_by_its_field_and_the_text_is_kept(place: Place, kim: StaffClient) -> None:
    answer = kim.post(address(place), data={**FORM, "kort": "Hej {{ komun }}", "gor": "spara"})

    assert answer.status_code == 422
    assert "”komun” finns inte. Menade du ”kommun”?" in answer.text
    assert value(answer.text, "kort") == "Hej {{ komun }}"
    assert "data-unsaved" in answer.text


def test_a_channels_own_text_is_written_on_its_own_tab(place: Place, kim: StaffClient) -> None:
    tab = kim.page(address(place, "?kanal=webb&sprak=sv"))
    assert "Det här är texten som följer med." in tab

    leads = kim.act(address(place), **{**FORM, "kanal": "webb", "gor": "spara"})

    assert leads == address(place, "?kanal=webb&sprak=sv")
    assert versions(place)[0].channel == "webb"
    assert '<span class="own">egen text</span>' in kim.page(address(place))


@pytest.mark.parametrize("query", ["?kanal=finns-inte", "?sprak=xx", "?kanal=skolplattform"])
def test_a_channel_or_language_that_the_post_does_not_have_is_not_found(
    place: Place, kim: StaffClient, query: str
) -> None:
    assert kim.get(address(place, query)).status_code == 404


# The preview.


def test_the_preview_follows_the_typing_and_saves_nothing(place: Place, kim: StaffClient) -> None:
    answer = kim.post(address(place, "/forhandsvisning"), data={**FORM, "rubrik": "Om {{ risktillfalle }}"})

    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "Om valborg" in answer.text
    assert "10 av högst 70 tecken." in answer.text
    assert versions(place) == []


def test_without_a_script_the_same_form_shows_the_preview(place: Place, kim: StaffClient) -> None:
    answer = kim.post(address(place), data={**FORM, "rubrik": "Om {{ risktillfalle }}", "gor": "visa"})

    assert answer.status_code == 200
    assert "Om valborg" in answer.text
    assert value(answer.text, "rubrik") == "Om {{ risktillfalle }}"
    assert "Det du har skrivit är inte sparat än." in answer.text


def test_characters_that_make_an_sms_dear_are_replaced_by_a_button(place: Place, kim: StaffClient) -> None:
    short = "Prata hemma – i dag. ”Nej” räcker {{ datum|datum }}"
    page = kim.post(address(place), data={**FORM, "kort": short, "gor": "visa"}).text
    assert 'name="ersatt" value="–"' in page

    one = kim.post(address(place), data={**FORM, "kort": short, "ersatt": "–"}).text
    every = kim.post(address(place), data={**FORM, "kort": short, "ersatt": "alla"}).text

    assert value(one, "kort") == "Prata hemma - i dag. ”Nej” räcker {{ datum|datum }}"
    assert value(every, "kort") == 'Prata hemma - i dag. "Nej" räcker {{ datum|datum }}'
    assert versions(place) == []


def test_the_placeholders_are_listed_with_what_they_say_in_this_text(place: Place, kim: StaffClient) -> None:
    page = told(kim.page(address(place)))

    assert "{{ datum }} Infoga {{ datum }} Dagen det gäller" in page
    assert "Nu: ”fredag 30 april”" in page
    assert "{{ fakta.nodnummer }}" in page


# Pictures.


def uploaded(kim: StaffClient, place: Place, data: bytes, *, name: str = "brasa.jpg", **more: Any) -> str:
    files = {"fil": (name, data, "image/jpeg")}
    answer = kim.post(address(place), data={**FORM, **more, "gor": "ladda"}, files=files)
    return str(answer.text)


def test_a_picture_is_uploaded_chosen_and_shown_while_the_typing_is_kept(place: Place, kim: StaffClient) -> None:
    page = uploaded(kim, place, jpeg(exif=exif()), rubrik="Halvskriven")

    assert "Bilden ”brasa.jpg” är uppladdad och vald." in page
    assert value(page, "rubrik") == "Halvskriven"
    assert '<option value="brasa.jpg" selected>' in page
    [source] = set(re.findall(r'src="(/kommun/aneby/mallar/bild/brasa\.jpg\?v=\w+)"', page))
    picture = kim.get(source)
    assert picture.headers["content-type"] == "image/jpeg"
    assert b"Exif" not in picture.content
    assert place.client.get(source).status_code == 303  # to the sign-in: no one else sees it yet

    refused = kim.post(address(place), data={**FORM, "bild": "brasa.jpg", "gor": "spara"})
    assert "Bilden saknar alternativtext." in refused.text
    kim.act(address(place), **{**FORM, "bild": "brasa.jpg", "alt": "En brasa.", "gor": "spara"})
    assert 'image = "brasa.jpg"\nalt = "En brasa."' in versions(place)[0].source


@pytest.mark.parametrize(
    ("data", "told_of"),
    [
        (b"MZ program", "varken JPEG eller PNG"),
        (b"", "Välj en bildfil"),
        (b"\xff\xd8" + b"x" * 15_000_000, "större än 15 MB"),
    ],
)
def test_a_file_that_is_no_picture_is_refused_and_the_typing_is_kept(
    place: Place, kim: StaffClient, data: bytes, told_of: str
) -> None:
    page = uploaded(kim, place, data, name="brasa.jpg" if data else "", rubrik="Halvskriven")

    assert told_of in page
    assert value(page, "rubrik") == "Halvskriven"
    with place.database.read() as session:
        assert session.exec(select(UploadedPicture)).all() == []


# History.


def test_the_history_shows_what_each_version_changed_and_restores_an_old_one(place: Place, kim: StaffClient) -> None:
    kim.act(address(place), **{**FORM, "rubrik": "Säg nej i kväll", "gor": "spara"})
    [first] = versions(place)
    kim.act(address(place), **{**FORM, "rubrik": "Säg ja i kväll", "utgick_fran": str(first.id), "gor": "spara"})
    second = versions(place)[1]

    page = told(kim.page(address(place, "/versioner")))
    leads = kim.act(
        address(place, "/versioner"), kanal="", sprak="sv", utgick_fran=str(second.id), version=str(first.id)
    )

    assert "Säg (borttaget:) nej (slut) (tillagt:) ja (slut) i kväll" in page
    assert "Texten som följde med" in page
    assert value(kim.page(leads), "rubrik") == "Säg nej i kväll"
    assert len(versions(place)) == 3
    late = {"kanal": "", "sprak": "sv", "utgick_fran": str(second.id), "version": "0"}
    assert "så inget återställdes." in kim.page(kim.act(address(place, "/versioner"), **late))
    assert len(versions(place)) == 3


# Who may what.


def test_one_who_only_signs_reads_the_text_and_cannot_change_it(place: Place) -> None:
    pia = place.staff(Role.APPROVER, party="polis", name="Pia Polis")

    page = pia.page(address(place))

    assert "Du kan läsa texten. Bara redaktörer kan ändra den." in page
    assert "Spara ny version" not in page
    assert pia.post(address(place), data={**FORM, "gor": "spara"}).status_code == 403
    assert pia.post(address(place, "/forhandsvisning"), data=FORM).status_code == 403
    assert versions(place) == []


@pytest.mark.parametrize("rest", ["", "/versioner"])
def test_another_municipalitys_text_is_as_if_it_did_not_exist(place: Place, kim: StaffClient, rest: str) -> None:
    mine = number(place)
    with place.database.write() as session:
        session.execute(update(Post).where(col(Post.id) == mine).values(municipality="eksjo"))

    theirs, none = kim.get(f"{MALLAR}/{mine}{rest}"), kim.get(f"{MALLAR}/{10**8}{rest}")
    act = kim.post(f"{MALLAR}/{mine}{rest}", data={**FORM, "gor": "spara", "version": "0"})

    assert (theirs.status_code, none.status_code, act.status_code) == (404, 404, 404)
    assert theirs.text == none.text.replace(str(10**8), str(mine))
    assert kim.get(f"{MALLAR}/{10**30}{rest}").status_code == 404


def test_a_text_that_has_gone_out_says_so_and_takes_no_changes(place: Place) -> None:
    key = "valborg/2027/valborg/paminnelse/foraldrar"
    place.publish(key)
    kim = place.staff()

    page = kim.page(address(place, key=key))
    answer = kim.post(address(place, key=key), data={**FORM, "gor": "spara"})

    assert "Budskapet har gått ut, så texten går inte att ändra." in page
    assert "Spara ny version" not in page
    restored = kim.act(address(place, "/versioner", key=key), kanal="", sprak="sv", utgick_fran="1", version="0")
    assert answer.status_code == 422
    assert "Texten är inte sparad, för den går inte längre att ändra." in answer.text
    assert FORM["text"] in answer.text
    assert "inget återställdes" in kim.page(restored)


def test_a_stranger_sees_nothing(place: Place, kim: StaffClient) -> None:
    with place.database.write() as session:
        session.execute(update(Membership).values(municipality="eksjo"))

    assert kim.get(MALLAR).status_code == 404
    assert place.client.get(address(place)).status_code == 303


def in_three_languages(config: Path) -> None:
    file = config / "municipalities" / "aneby.toml"
    file.write_text(file.read_text().replace('languages = ["sv"]', 'languages = ["sv", "en", "ar"]'))


@pytest.fixture
def abroad(database: Database, tmp_path: Path) -> Place:
    """Aneby writes in Swedish, English and Arabic too."""
    return planned(Place(database, config=copied_config(tmp_path, in_three_languages)))


def test_a_language_without_a_footer_is_shown_as_it_is_written_with_the_fault_beside_it(abroad: Place) -> None:
    client = abroad.staff()
    form = {**FORM, "sprak": "ar", "rubrik": "مرحبا", "kort": "نص قصير", "text": "نص طويل"}

    fragment = client.post(address(abroad, "/forhandsvisning"), data=form).text

    assert "نص قصير" in fragment
    assert "Sidfoten saknas, så texten visas utan. Lägg till footer.ar.md" in fragment


def test_signing_shows_the_languages_that_are_written_and_leads_to_the_one_that_is_not(abroad: Place) -> None:
    client = abroad.staff()
    abroad.write(VECKAN, title="Prata hemma", short="Prata om kvällen.")

    page = client.page(f"/kommun/aneby/granska/{number(abroad, VECKAN)}")

    assert "Prata om kvällen." in page
    assert "Texten på engelska är inte skriven än." in page
    assert "Det finns ingen mall" not in page
    assert f'{address(abroad)}?sprak=en">Skriv texten på engelska</a>' in page


def test_a_text_without_its_footer_cannot_be_signed(abroad: Place) -> None:
    client = abroad.staff(Role.EDITOR, Role.APPROVER, party="polis")
    abroad.write(VECKAN)
    for language in ("en", "ar"):
        client.act(address(abroad), **{**FORM, "sprak": language, "gor": "spara"})

    page = client.page(f"/kommun/aneby/granska/{number(abroad, VECKAN)}")

    assert "Texten kan inte godkännas än:" in page
    assert "Sidfoten saknas" in page
    assert "Godkänn för" not in page


def test_the_list_fills_in_no_text_and_shows_what_was_written(
    place: Place, kim: StaffClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(VECKAN, title="Prata hemma i kväll")

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("campaigns.drafts.render", never)
    page = kim.page(MALLAR)

    assert "”Prata hemma i kväll”" in page
    assert "Ändrad av Kim Kommun" in page


def test_versions_are_numbered_for_each_text_by_itself(place: Place, kim: StaffClient) -> None:
    place.write("valborg/2027/valborg/tidigt/foraldrar")
    kim.act(address(place), **FORM, gor="spara")
    kim.act(address(place), **{**FORM, "kanal": "webb", "gor": "spara", "rubrik": "Bara webben"})

    assert "Version 1 är sparad." in kim.page(address(place))
    first = str(versions(place)[1].id)
    kim.act(address(place), **{**FORM, "gor": "spara", "rubrik": "Andra", "utgick_fran": first})
    assert "Version 2 är sparad." in kim.page(address(place))
    history = kim.page(address(place, "/versioner"))
    assert re.findall(r"Version (\d+)", history)[:1] == ["2"]
    newest = str(versions(place)[-1].id)
    kim.act(address(place, "/versioner"), version=first, utgick_fran=newest, kanal="", sprak="sv")
    assert "sparad som version 3." in kim.page(address(place))
    log = kim.page("/kommun/aneby/logg")
    assert "version 3, sv, alla kanaler, från version 1" in log


def test_a_replacement_is_offered_only_where_it_helps(place: Place, kim: StaffClient) -> None:
    path = address(place, "/forhandsvisning")

    with_emoji = kim.post(path, data={**FORM, "kort": "Prata – nu 😀"}).text
    without = kim.post(path, data={**FORM, "kort": "Prata – nu"}).text

    assert 'name="ersatt"' not in with_emoji
    assert "på grund av – och 😀" in with_emoji
    assert 'name="ersatt"' in without


def test_a_fault_of_a_fact_names_no_command_on_a_page(place: Place, kim: StaffClient) -> None:
    page = kim.post(address(place, "/forhandsvisning"), data={**FORM, "text": "{{ fakta.langning-straff }}"}).text
    page += kim.page(address(place))
    page += kim.page(f"/kommun/aneby/granska/{number(place)}")

    assert "kampanjhjul facts" not in page


def test_a_number_of_another_script_is_no_number(place: Place, kim: StaffClient) -> None:
    year = "/kommun/aneby/kampanjer/valborg/2027"
    arabic = str(number(place)).translate({ord(str(digit)): chr(0x660 + digit) for digit in range(10)})

    answer = kim.post(f"{year}/hoppa-over/{number(place)}", data={"budskap": arabic, "skal": "Fel."})

    assert answer.status_code == 404


def test_a_channel_can_be_given_the_common_text_back(place: Place, kim: StaffClient) -> None:
    kim.act(address(place), **FORM, gor="spara")
    of_channel = address(place) + "?kanal=webb&sprak=sv"
    assert "Använd den gemensamma texten" not in kim.page(of_channel)
    kim.act(address(place), **{**FORM, "kanal": "webb", "gor": "spara", "rubrik": "Bara webben"})
    assert value(kim.page(of_channel), "rubrik") == "Bara webben"
    place.town.sign(VECKAN)
    assert "Använd den gemensamma texten" in kim.page(of_channel)

    begun = value(kim.page(of_channel), "utgick_fran")
    kim.act(address(place), **{**FORM, "kanal": "webb", "gor": "gemensam", "utgick_fran": begun})

    page = kim.page(of_channel)
    assert value(page, "rubrik") == "Prata hemma"
    assert "använder den gemensamma texten" in page
    assert '<span class="own">egen text</span>' not in page
    assert place.town.post(VECKAN).state == PostState.DRAFT
    newest = value(kim.page(address(place)), "utgick_fran")
    kim.act(address(place), **{**FORM, "gor": "spara", "rubrik": "Ny gemensam", "utgick_fran": newest})
    assert value(kim.page(of_channel), "rubrik") == "Ny gemensam"
    history = kim.page(address(place, "/versioner") + "?kanal=webb&sprak=sv")
    assert "Version 2, den gemensamma texten" in history
    assert "Bara webben" in history


def test_a_channels_own_text_that_another_has_changed_is_not_thrown_away(place: Place, kim: StaffClient) -> None:
    kim.act(address(place), **{**FORM, "kanal": "webb", "gor": "spara", "rubrik": "Bara webben"})
    given = {**FORM, "kanal": "webb", "gor": "gemensam", "utgick_fran": "0"}

    kim.act(address(place), **given)

    assert value(kim.page(address(place) + "?kanal=webb&sprak=sv"), "rubrik") == "Bara webben"
