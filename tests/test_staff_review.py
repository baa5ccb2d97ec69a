"""The pages of Granska: whoever may sign does so with what was shown in front of them, and nobody else does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from campaigns import signing_links
from campaigns.database import Database
from campaigns.models import Approval, AuditEntry, DeliveryState, Post, PostState, Role, SigningLink
from tests.sites import Place, StaffClient, planned

pytestmark = pytest.mark.pages

VALBORG = "valborg/2027/valborg/"
FIRST, SECOND, THIRD = (f"{VALBORG}{key}" for key in ("tidigt/foraldrar", "veckan/foraldrar", "infor/syskon"))
GRANSKA = "/kommun/aneby/granska"


@pytest.fixture
def place(database: Database) -> Place:
    place = planned(Place(database))
    for key in (FIRST, SECOND):
        place.write(key)
    return place


def number(place: Place, key: str) -> int:
    return place.town.post(key).id or 0


def pia(place: Place) -> StaffClient:
    return place.staff(Role.APPROVER, party="polis", name="Pia Polis")


def form(page: str) -> dict[str, str]:
    """The hidden fields of the page's form that signs one post, as a browser would send them."""
    found = re.search(r'<form[^>]*/godkann".*?</form>', page, re.DOTALL)
    assert found is not None
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', found[0])
    return {name: value.replace("&#34;", '"').replace("&amp;", "&") for name, value in fields if name != "csrf"}


def live(place: Place) -> list[tuple[int, str, str]]:
    with place.database.read() as session:
        rows = session.exec(select(Approval)).all()
    return sorted((row.post_id, row.party, row.name) for row in rows if row.voided_at is None)


def test_the_inbox_counts_what_waits_and_leads_to_each_and_to_the_whole_campaign(place: Place) -> None:
    page = pia(place).page(GRANSKA)

    assert 'Godkänn för Lokalpolisområde Höglandet <span class="count">9</span>' in page
    assert f'href="{GRANSKA}/{number(place, FIRST)}"' in page
    assert f'href="{GRANSKA}/kampanj/valborg/2027?part=polis">Läs och godkänn alla 9</a>' in page


def test_signing_one_leads_to_the_next_and_says_what_was_done_with_a_way_back(place: Place) -> None:
    client, first = pia(place), number(place, FIRST)
    page = client.page(f"{GRANSKA}/{first}")
    assert "Godkänn för Lokalpolisområde Höglandet</button>" in page

    following = client.act(f"{GRANSKA}/{first}/godkann", **form(page))

    assert following == f"{GRANSKA}/{number(place, SECOND)}"
    assert live(place) == [(first, "polis", "Pia Polis")]
    told = client.page(following)
    assert "är godkänt för Lokalpolisområde Höglandet. Nu saknas Aneby kommun." in told
    undo = re.search(r'action="([^"]*angra[^"]*)"', told)
    assert undo is not None
    assert client.act(undo[1].replace("&amp;", "&")) == f"{GRANSKA}/{first}"
    assert live(place) == []
    assert "Godkännandet är tillbakataget" in client.page(f"{GRANSKA}/{first}")


def test_the_last_signature_waits_a_minute_so_that_it_can_be_taken_back(place: Place) -> None:
    place.clock.at = place.town.post(FIRST).due_at + timedelta(minutes=1)
    client, first = pia(place), number(place, FIRST)
    place.town.approve(FIRST, "kommun", "Kim Kommun")

    client.act(f"{GRANSKA}/{first}/godkann", **form(client.page(f"{GRANSKA}/{first}")))
    assert {item.next_attempt_at for item in place.town.deliveries()} == {place.clock.at + timedelta(seconds=60)}
    client.act(f"{GRANSKA}/angra?part=polis&budskap={first}")

    assert set(place.town.states().values()) == {DeliveryState.STOPPED}
    assert live(place) == [(first, "kommun", "Kim Kommun")]


def test_a_text_that_changed_meanwhile_is_not_signed_and_the_change_is_shown(place: Place) -> None:
    client, first = pia(place), number(place, FIRST)
    place.write(FIRST, title="Säg nej i dag")
    shown = form(client.page(f"{GRANSKA}/{first}"))
    place.write(FIRST, title="Säg nej i morgon")

    answer = client.post(f"{GRANSKA}/{first}/godkann", data=shown)

    assert answer.status_code == 422
    assert "Texten har ändrats sedan du såg den" in answer.text
    assert "Det här ändrades medan du läste" in answer.text
    assert re.search(r"<del>.*dag.*</del>.*<ins>.*morgon.*</ins>", answer.text)
    assert live(place) == []
    client.act(f"{GRANSKA}/{first}/godkann", **form(answer.text))
    assert live(place) == [(first, "polis", "Pia Polis")]


def test_a_form_sent_twice_signs_once(place: Place) -> None:
    client, first = pia(place), number(place, FIRST)
    shown = form(client.page(f"{GRANSKA}/{first}"))

    client.act(f"{GRANSKA}/{first}/godkann", **shown)
    client.act(f"{GRANSKA}/{first}/godkann", **shown)

    assert live(place) == [(first, "polis", "Pia Polis")]


def test_nobody_signs_for_a_party_that_is_not_their_own(place: Place) -> None:
    client, first = pia(place), number(place, FIRST)
    shown = form(client.page(f"{GRANSKA}/{first}"))
    editor = place.staff(name="Kim Kommun")

    assert client.post(f"{GRANSKA}/{first}/godkann", data={**shown, "part": "kommun"}).status_code == 403
    assert client.post(f"{GRANSKA}/{first}/avsla", data={"part": "kommun", "kommentar": "Nej"}).status_code == 403
    assert client.post(f"{GRANSKA}/angra?part=kommun&budskap={first}").status_code == 403
    assert editor.post(f"{GRANSKA}/{first}/godkann", data=shown).status_code == 403
    assert "Godkänn för" not in editor.page(f"{GRANSKA}/{first}")
    assert live(place) == []


def test_rejecting_needs_a_comment_keeps_what_was_typed_and_goes_on_to_the_next(place: Place) -> None:
    client, first = pia(place), number(place, FIRST)

    empty = client.post(f"{GRANSKA}/{first}/avsla", data={"part": "polis", "kommentar": "  "})
    assert empty.status_code == 422
    assert '<a href="#kommentar">Skriv varför' in empty.text
    following = client.act(f"{GRANSKA}/{first}/avsla", part="polis", kommentar="Fel ålder.\r\nSe <lagen>.")

    assert following == f"{GRANSKA}/{number(place, SECOND)}"
    assert place.town.post(FIRST).state == PostState.REJECTED
    page = client.page(f"{GRANSKA}/{first}")
    assert "Pia Polis, Lokalpolisområde Höglandet: Fel ålder.\nSe &lt;lagen&gt;." in page


def test_what_has_gone_out_cannot_be_rejected_and_the_comment_is_kept(place: Place) -> None:
    place.publish(FIRST)
    with place.database.write() as session:
        for item in place.town.deliveries():
            item.state = DeliveryState.PUBLISHED
            session.add(item)

    answer = pia(place).post(
        f"{GRANSKA}/{number(place, FIRST)}/avsla", data={"part": "polis", "kommentar": "För sent?"}
    )

    assert (answer.status_code, "redan gått ut" in answer.text) == (422, True)
    assert place.town.post(FIRST).state == PostState.APPROVED


def pairs(page: str) -> list[str]:
    return re.findall(r'name="budskap" value="([^"]*)"', page)


def test_a_whole_campaign_is_signed_by_one_button_that_says_how_many_and_for_whom(place: Place) -> None:
    client = pia(place)
    page = client.page(f"{GRANSKA}/kampanj/valborg/2027")
    assert "Godkänn 9 budskap för Lokalpolisområde Höglandet</button>" in page

    answer = client.post(f"{GRANSKA}/kampanj/valborg/2027", data={"part": "polis", "budskap": pairs(page)})

    assert (answer.status_code, answer.headers["location"]) == (303, GRANSKA)
    assert len(live(place)) == 9
    told = client.page(GRANSKA)
    assert "9 budskap är godkända för Lokalpolisområde Höglandet." in told
    undo = re.search(r'action="([^"]*angra[^"]*)"', told)
    assert undo is not None
    client.act(undo[1].replace("&amp;", "&"))
    assert live(place) == []
    assert "9 godkännanden är tillbakatagna." in client.page(GRANSKA)


def test_one_that_changed_meanwhile_is_told_by_name_and_the_others_are_signed(place: Place) -> None:
    client = pia(place)
    shown = pairs(client.page(f"{GRANSKA}/kampanj/valborg/2027"))
    place.write(SECOND, title="En annan rubrik")

    answer = client.post(f"{GRANSKA}/kampanj/valborg/2027", data={"part": "polis", "budskap": shown})

    assert answer.status_code == 422
    assert "8 budskap är godkända. Resten står kvar här." in answer.text
    assert f'<a href="#budskap-{number(place, SECOND)}">Texten har ändrats' in answer.text
    assert "Godkänn 1 budskap för Lokalpolisområde Höglandet" in answer.text
    assert len(live(place)) == 8


def test_an_empty_or_forged_form_for_a_campaign_signs_nothing(place: Place) -> None:
    client = pia(place)

    for budskap in ([], ["x"], [f"{number(place, FIRST)}:"], [f"{number(place, FIRST)}:{'0' * 64}"], ["99999:x"]):
        answer = client.post(f"{GRANSKA}/kampanj/valborg/2027", data={"part": "polis", "budskap": budskap})
        assert answer.status_code == 422
    assert live(place) == []


def test_another_municipalitys_numbers_get_the_page_of_what_does_not_exist(place: Place) -> None:
    client = pia(place)
    post_id = number(place, FIRST)
    with place.database.write() as session:
        post = session.get_one(Post, post_id)
        post.municipality = "eksjo"
        session.add(post)

    answers = [client.get(f"{GRANSKA}/{each}") for each in (post_id, 99_999)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text == answers[1].text
    for act in ("godkann", "avsla"):
        data = {"part": "polis", "kommentar": "Nej", "sigill": "x"}
        assert client.post(f"{GRANSKA}/{post_id}/{act}", data=data).status_code == 404
    assert client.get(f"{GRANSKA}/{post_id}/bild/{'0' * 64}").status_code == 404
    assert client.get(f"{GRANSKA}/kampanj/finns-inte/2027").status_code == 404


def test_an_editor_makes_a_link_that_is_shown_once_and_can_be_revoked(place: Place) -> None:
    kim = place.staff(name="Kim Kommun")
    page = kim.page(f"{GRANSKA}/lankar?vad={number(place, FIRST)}&part=polis")
    assert f'<option value="{number(place, FIRST)}" selected>' in page

    answer = kim.post(f"{GRANSKA}/lankar", data={"part": "polis", "namn": "Pia Polis", "vad": "valborg/2027"})

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
    found = re.search(r"https://kampanj\.example\.se(/signera/[\w-]{43})", answer.text)
    assert found is not None
    assert "Godkänn 9 budskap för Lokalpolisområde Höglandet" in place.page(found[1])
    listed = kim.page(f"{GRANSKA}/lankar")
    assert ("/signera/" in listed, "9 budskap, gäller till" in listed) == (False, True)

    assert kim.act(f"{GRANSKA}/lankar/1/dra-in") == f"{GRANSKA}/lankar"
    assert place.client.get(found[1]).status_code == 404
    with place.database.read() as session:
        entries = [entry.action for entry in session.exec(select(AuditEntry).where(AuditEntry.actor == "Kim Kommun"))]
    assert "gjorde en personlig länk för polis" in entries
    assert "drog in en personlig länk" in entries


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"part": "polis", "namn": " ", "vad": "valborg/2027"}, "namn"),
        ({"part": "polis", "namn": "Pia Polis", "vad": ""}, "vad"),
        ({"part": "polis", "namn": "Pia Polis", "vad": "student/2027"}, "vad"),
        ({"part": "finns-inte", "namn": "Pia Polis", "vad": "valborg/2027"}, "vad"),
        ({"part": "polis", "namn": "Pia Polis", "vad": "99999"}, "vad"),
    ],
)
def test_a_link_that_cannot_be_made_is_told_at_the_field_and_nothing_is_lost(
    place: Place, data: dict[str, str], field: str
) -> None:
    answer = place.staff(name="Kim Kommun").post(f"{GRANSKA}/lankar", data=data)

    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert f'value="{data["namn"]}"' in answer.text
    with place.database.read() as session:
        assert signing_links.known_links(session) == []


def test_an_approver_who_is_no_editor_sees_the_links_and_makes_none(place: Place) -> None:
    client = pia(place)

    assert "Gör en ny länk" not in client.page(f"{GRANSKA}/lankar")
    data = {"part": "polis", "namn": "Pia Polis", "vad": "valborg/2027"}
    assert client.post(f"{GRANSKA}/lankar", data=data).status_code == 403
    assert client.post(f"{GRANSKA}/lankar/1/dra-in").status_code == 403


def test_another_municipalitys_link_cannot_be_revoked(place: Place) -> None:
    kim = place.staff(name="Kim Kommun")
    kim.post(f"{GRANSKA}/lankar", data={"part": "polis", "namn": "Pia Polis", "vad": "valborg/2027"})
    with place.database.write() as session:
        link = session.get_one(SigningLink, 1)
        link.municipality = "eksjo"
        session.add(link)

    assert kim.post(f"{GRANSKA}/lankar/1/dra-in").status_code == 404
    assert "Ingen länk gäller just nu" in kim.page(f"{GRANSKA}/lankar")
