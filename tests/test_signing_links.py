"""Personal links: they sign exactly what they were made for, for one person and party, and nothing after their time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from campaigns import signing_links, signing_mail
from campaigns.catalog import Party, ReminderRole
from campaigns.channels.base import Environment
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import Approval, AuditEntry, DeliveryState, Post, PostState, Role, SigningLink
from campaigns.people import throttle
from campaigns.reminding.ways import Ways
from campaigns.signing_links import Made
from tests.conftest import Run
from tests.fakes import MORNING
from tests.post_office import post_office
from tests.sites import Place, planned

pytestmark = pytest.mark.pages

VALBORG = "valborg/2027/valborg/"
FIRST, SECOND = f"{VALBORG}tidigt/foraldrar", f"{VALBORG}veckan/foraldrar"


@pytest.fixture
def place(database: Database) -> Place:
    place = planned(Place(database))
    for key in (FIRST, SECOND):
        place.write(key, title=f"Rubrik {key[-16:]}", short="Kort sagt.", body="Köp inte ut.")
    return place


def number(place: Place, key: str) -> int:
    return place.town.post(key).id or 0


def made(place: Place, *keys: str, party: str = "polis", name: str = "Pia Polis") -> Made:
    with place.database.write() as session:
        return signing_links.make_link(
            session,
            place.parts.catalog,
            place.parts.messages,
            place.parts.catalog.municipality("aneby"),
            [number(place, key) for key in keys or (FIRST, SECOND)],
            party=party,
            name=name,
            created_by="Kim Kommun",
            now=place.clock.at,
        )


def path(link: Made) -> str:
    return link.url("")


def post(place: Place, link: Made, **data: object) -> tuple[int, str]:
    """Send the page's form, as a browser without a cookie does."""
    answer = place.client.post(path(link), data=data, headers={"Origin": place.base_url})
    return answer.status_code, answer.text


def digests(place: Place, link: Made) -> dict[int, str]:
    with place.database.read() as session:
        return signing_links.find_link(session, link.secret, now=place.clock.at)[1]


def signatures(place: Place) -> list[tuple[int, str, str]]:
    with place.database.read() as session:
        rows = session.exec(select(Approval).order_by(Approval.post_id)).all()  # type: ignore[arg-type]  # a column
        return [(row.post_id, row.party, row.name) for row in rows if row.voided_at is None]


def test_all_texts_of_the_link_are_shown_and_signed_in_one_act_without_an_account(place: Place) -> None:
    link = made(place)
    page = place.page(path(link))
    assert "2 texter att godkänna" in page
    assert "Godkänn 2 budskap för Lokalpolisområde Höglandet" in page
    assert page.count("Köp inte ut.") >= 4  # each post in each of its two channels

    pairs = [f"{post_id}:{digest}" for post_id, digest in digests(place, link).items()]
    status, _ = post(place, link, gor="godkann", budskap=pairs)

    assert status == 303
    first, second = number(place, FIRST), number(place, SECOND)
    assert signatures(place) == [(first, "polis", "Pia Polis"), (second, "polis", "Pia Polis")]
    assert "Tack, Pia Polis!" in place.page(path(link))
    with place.database.read() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.actor == "Pia Polis")).all()
    assert {entry.action for entry in entries} == {"godkände för polis genom personlig länk"}


def test_a_look_signs_nothing_since_mail_servers_look_at_links_too(place: Place) -> None:
    link = made(place)

    place.client.get(path(link))
    place.client.head(path(link))

    assert signatures(place) == []


def test_the_page_is_kept_by_nobody_found_by_nobody_and_needs_no_cookie(place: Place) -> None:
    answer = place.client.get(path(made(place)))

    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "set-cookie" not in answer.headers


def test_a_text_that_has_changed_since_is_not_signed(place: Place) -> None:
    link = made(place)
    shown = digests(place, link)
    place.write(FIRST, title="En helt annan rubrik")

    page = place.page(path(link))
    assert "Texten har ändrats sedan länken skickades. Be Kim Kommun om en ny länk" in page
    assert "Godkänn för Lokalpolisområde Höglandet" in page  # the other one alone

    pairs = [f"{post_id}:{digest}" for post_id, digest in shown.items()]
    status, text = post(place, link, gor="godkann", budskap=pairs)
    assert status == 422
    assert "Texten har ändrats sedan du såg den" in text
    assert signatures(place) == [(number(place, SECOND), "polis", "Pia Polis")]


def test_a_form_with_another_digest_or_another_post_signs_nothing(place: Place) -> None:
    link = made(place, FIRST)
    other = number(place, f"{VALBORG}infor/syskon")

    for pair in (f"{number(place, FIRST)}:{'0' * 64}", f"{other}:{digests(place, link)[number(place, FIRST)]}", "x:y"):
        status, _ = post(place, link, gor="godkann", budskap=[pair])
        assert status == 422
    assert signatures(place) == []


def test_one_can_be_rejected_with_a_comment_and_never_without(place: Place) -> None:
    link = made(place)
    first = number(place, FIRST)

    status, text = post(place, link, gor="avsla", post=first, kommentar=" ")
    assert (status, "Skriv varför" in text) == (422, True)
    assert post(place, link, gor="avsla", post=first, kommentar="Fel ålder")[0] == 303

    assert place.town.post(FIRST).state == PostState.REJECTED
    assert place.town.post(FIRST).reason == "Pia Polis, Lokalpolisområde Höglandet: Fel ålder"
    assert "Avslaget av Pia Polis, Lokalpolisområde Höglandet: Fel ålder" in place.page(path(link))
    assert place.town.post(SECOND).state == PostState.DRAFT


def test_a_rejection_of_a_post_outside_the_link_does_nothing(place: Place) -> None:
    link = made(place, FIRST)

    status, _ = post(place, link, gor="avsla", post=number(place, SECOND), kommentar="Nej")

    assert (status, place.town.post(SECOND).state) == (404, PostState.DRAFT)


def test_a_signature_that_queued_the_post_can_be_taken_back_for_a_minute(place: Place) -> None:
    place.clock.at = place.town.post(FIRST).due_at + timedelta(minutes=5)
    place.town.approve(FIRST, "kommun", "Kim Kommun")
    link = made(place, FIRST)
    pairs = [f"{post_id}:{digest}" for post_id, digest in digests(place, link).items()]

    assert post(place, link, gor="godkann", budskap=pairs)[0] == 303
    starts = {item.next_attempt_at for item in place.town.deliveries()}
    assert starts == {place.clock.at + timedelta(seconds=60)}
    assert "Ångra godkännandet" in place.page(path(link))
    assert post(place, link, gor="aterta", post=number(place, FIRST))[0] == 303

    assert set(place.town.states().values()) == {DeliveryState.STOPPED}
    assert [party for _, party, _ in signatures(place)] == ["kommun"]


def test_forged_expired_and_revoked_links_get_the_same_page_which_tells_nothing(place: Place) -> None:
    expired, revoked, alive = made(place), made(place), made(place)
    with place.database.write() as session:
        signing_links.revoke_link(session, revoked.id, municipality=None, name="Kim Kommun", now=place.clock.at)
        row = session.get_one(SigningLink, expired.id)
        row.expires_at = place.clock.at
        session.add(row)

    answers = [place.client.get(address) for address in ("/signera/gissad", path(expired), path(revoked))]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.text for answer in answers}) == 1
    assert "Be den som skickade den om en ny" in answers[0].text
    assert "Aneby" not in answers[0].text
    assert "Pia" not in answers[0].text
    assert post(place, expired, gor="godkann", budskap=["1:x"])[0] == 404
    assert place.client.get(path(alive)).status_code == 200


def test_who_guesses_is_stopped_and_whoever_has_a_link_is_not(place: Place) -> None:
    link = made(place)
    with place.database.write() as session:
        for _ in range(throttle.MOST_PER_ORIGIN):
            throttle.count_guess(session, "signing link", "127.0.0.1", now=place.clock.at)

    assert place.client.get("/signera/gissad").status_code == 429
    assert place.client.get(path(link)).status_code == 200
    place.clock.at += throttle.WINDOW
    assert place.client.get("/signera/gissad").status_code == 404


def test_a_form_from_another_site_is_refused(place: Place) -> None:
    link = made(place)
    data = {"gor": "godkann", "budskap": [f"{post_id}:{digest}" for post_id, digest in digests(place, link).items()]}

    for headers in ({"Origin": "https://ond.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        assert place.client.post(path(link), data=data, headers=headers).status_code == 403
    assert signatures(place) == []


def test_the_link_ends_in_a_week_or_when_the_last_post_is_too_late(place: Place) -> None:
    assert made(place).expires_at == MORNING + signing_links.LASTS
    place.clock.at = place.town.post(SECOND).not_after - timedelta(days=2)

    assert made(place, SECOND).expires_at == place.town.post(SECOND).not_after


def test_only_the_hash_of_the_secret_is_kept(place: Place) -> None:
    link = made(place)

    with place.database.read() as session:
        row = session.get_one(SigningLink, link.id)
    assert link.secret not in str(row.model_dump())
    assert link.secret not in repr(link)
    assert len(link.secret) >= 43  # 256 bits


def test_what_cannot_be_signed_is_left_out_and_a_link_to_nothing_is_refused(place: Place) -> None:
    place.write(SECOND, short="x" * 600)

    link = made(place)
    assert link.post_ids == (number(place, FIRST),)
    assert [(post_id, "600 tecken" in why) for post_id, why in link.left_out] == [(number(place, SECOND), True)]
    with pytest.raises(RefusedError, match="inget att godkänna"):
        made(place, SECOND)
    with pytest.raises(RefusedError, match="inget att godkänna"):
        made(place, "student/2027/student.holaveden/tidigt/foraldrar")


def test_another_municipalitys_post_is_as_one_that_does_not_exist(place: Place) -> None:
    with place.database.write() as session:
        row = session.get_one(Post, number(place, FIRST))
        row.municipality = "eksjo"
        session.add(row)

    first = number_of(place)
    with pytest.raises(NotFoundError, match="finns inte"):
        made_for(place, first)


def number_of(place: Place) -> int:
    with place.database.read() as session:
        return session.exec(select(Post.id).where(Post.municipality == "eksjo")).one() or 0


def made_for(place: Place, post_id: int) -> Made:
    with place.database.write() as session:
        return signing_links.make_link(
            session,
            place.parts.catalog,
            place.parts.messages,
            place.parts.catalog.municipality("aneby"),
            [post_id],
            party="polis",
            name="Pia Polis",
            created_by="Kim Kommun",
            now=place.clock.at,
        )


def test_somebody_who_may_no_longer_sign_for_the_party_has_no_link(place: Place) -> None:
    link = made(place)
    aneby = place.parts.catalog.municipality("aneby")
    listed = replace(aneby, parties=(aneby.parties[0], Party("polis", "Polisen", ("Olle Polis",))))
    place.parts.configuration._catalog = replace(place.parts.catalog, municipalities={"aneby": listed})

    answer = place.client.get(path(link))

    assert answer.status_code == 404
    assert "Olle" not in answer.text


def test_the_same_person_cannot_sign_for_both_parties_by_link(place: Place) -> None:
    place.town.approve(FIRST, "kommun", "Pia Polis")

    page = place.page(path(made(place, FIRST)))

    assert "Parterna måste vara två olika personer" in page


def signed_by_link(place: Place, party: str, name: str) -> tuple[int, str]:
    link = made(place, FIRST, party=party, name=name)
    return post(
        place, link, gor="godkann", budskap=[f"{number(place, FIRST)}:{digests(place, link)[number(place, FIRST)]}"]
    )


def test_one_persons_links_never_approve_a_post_alone(place: Place) -> None:
    status, _ = signed_by_link(place, "kommun", "Kajsa Kommun")
    assert status == 303

    status, page = signed_by_link(place, "polis", "Pia Polis")

    assert status == 422
    assert "Kim Kommun har gjort alla länkar som budskapet är godkänt genom." in page
    assert [item[1] for item in signatures(place)] == ["kommun"]
    with place.database.read() as session:
        assert session.exec(select(Post.state).where(Post.id == number(place, FIRST))).one() == "draft"


def test_a_link_completes_what_somebody_signed_with_an_account(place: Place) -> None:
    place.town.approve(FIRST, "kommun", "Kim Kommun")

    status, _ = signed_by_link(place, "polis", "Pia Polis")

    assert status == 303
    assert sorted(item[1] for item in signatures(place)) == ["kommun", "polis"]


@pytest.mark.parametrize("name", ["\uff2bim Kommun", "KIM KOMMUN"])
def test_one_name_written_otherwise_is_the_same_person(place: Place, name: str) -> None:
    place.town.approve(FIRST, "kommun", "Kim Kommun")

    status, page = signed_by_link(place, "polis", name)

    assert status == 422
    assert "Parterna måste vara två olika personer" in page
    assert [item[1] for item in signatures(place)] == ["kommun"]


def test_a_name_of_letters_that_look_like_others_is_no_name(place: Place) -> None:
    with pytest.raises(RefusedError, match="olika alfabet"):
        made(place, FIRST, name="Кim Kommun")


def test_no_link_is_made_in_the_name_of_somebody_with_an_account_for_another_party(place: Place) -> None:
    place.staff(Role.APPROVER, party="kommun", name="Karl Kommun")

    with pytest.raises(RefusedError, match="har ett konto här"):
        made(place, FIRST, party="polis", name="karl kommun")

    assert made(place, FIRST, party="kommun", name="Karl Kommun").party == "kommun"


def test_the_link_can_be_mailed_to_the_address_in_the_municipalitys_file(place: Place) -> None:
    link = made(place)
    aneby = place.parts.catalog.municipality("aneby")
    role = ReminderRole("Kommunpolis", parties=("polis",), email="pia@polisen.example")
    with post_office() as office:
        ways = Ways(Environment({}, (1, 1), 5), office.url, "Kampanjhjulet <kampanj@aneby.example>")
        told = signing_mail.mail_link(ways, aneby, link, role, base_url=place.base_url, now=place.clock.at)

    [mail] = office.mails
    assert told == "Länken är skickad till Kommunpolis."
    assert mail.recipients == ("pia@polisen.example",)
    assert link.url(place.base_url) in str(mail.message.get_content())


def test_a_mail_that_does_not_leave_is_told_of(place: Place) -> None:
    aneby = place.parts.catalog.municipality("aneby")
    role = ReminderRole("Kommunpolis", email="pia@polisen.example")

    told = signing_mail.mail_link(
        Ways(Environment({})), aneby, made(place), role, base_url=place.base_url, now=place.clock.at
    )

    assert told.startswith("Mejlet gick inte iväg")
    assert told.endswith("Kopiera länken och skicka den själv.")


def test_the_command_line_makes_lists_and_revokes_links(run: Run, tmp_path: Path) -> None:
    listed = json.loads(run("posts", "--json")[1])
    own = next(row for row in listed if row["state"] == "draft")
    text = tmp_path / "min.md"
    text.write_text('+++\ntitle = "Säg nej"\nshort = "Köp inte ut."\n+++\n\nKöp inte ut.\n', encoding="utf-8")
    assert run("text", str(own["id"]), str(text), "--as", "Kim Kommun")[0] == 0

    words = ("--party", "polis", "--name", "Pia Polis", "--post", str(own["id"]), "--as", "Kim Kommun")
    code, out, err = run("sign-link", "create", "aneby", *words)
    assert (code, err) == (0, "")
    assert "/signera/" in out
    assert run("sign-link", "create", "aneby", *words, "--campaign", "jul")[0] == 1

    code, out, _ = run("sign-link", "list")
    assert code == 0
    assert "Pia Polis" in out
    assert "/signera/" not in out
    assert run("sign-link", "revoke", "1", "--as", "Kim Kommun")[0] == 0
    assert "indragen" in run("sign-link", "list")[1]
    assert run("sign-link", "revoke", "99", "--as", "Kim")[0] == 1
