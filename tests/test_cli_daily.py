"""What a communicator does day by day: reads lists, takes back slips, mends rejected texts, gives addresses out."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlmodel import col, select

from campaigns import approval
from campaigns.cli import posts as posts_cli
from campaigns.cli import sending, stopping
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.local_dates import unset_local_date
from campaigns.models import Approval, AuditEntry, Delivery, DeliveryState, LocalDateRow, OccurrenceRow, PostState
from campaigns.overviews.actions import example_names
from campaigns.publishing import claim_address
from tests.conftest import CONFIG, Run
from tests.sites import Place, planned

pytestmark = pytest.mark.longer

SERVED = "http://127.0.0.1:8155"
NEXT = datetime.now(UTC).year + 1
HOLAVEDEN = "student/2027/student.holaveden/tidigt/foraldrar"
TEXT = '+++\ntitle = "Egen"\nshort = "Egen text."\n+++\nVår egen text om {{ datum }}.\n'


def listed(run: Run, *words: str) -> list[dict[str, Any]]:
    code, out, _ = run(*words, "--json")
    assert code == 0
    found: list[dict[str, Any]] = json.loads(out)
    return found


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


# -- addresses


@pytest.fixture
def served(run: Run, tmp_path: Path) -> Run:
    """A shell without the settings of the server, which answers at SERVED."""
    assert run("posts")[0] == 0
    database = Database(f"sqlite:///{tmp_path / 'data' / 'kampanjhjul.db'}")
    claim_address(database, SERVED)
    database.close()
    return run


def test_a_secret_address_is_the_servers_and_not_the_shells(served: Run) -> None:
    out = served("token", "feed", "aneby", "--as", "Kim Kommun")[1]

    assert re.search(rf"^  {SERVED}/feeds/private/[^/]+/redaktion-aneby\.ics$", out, re.MULTILINE)


@pytest.mark.parametrize("which", ["public", "editorial", "news"])
def test_a_feed_is_what_the_server_answers_whatever_the_shell_is_set_to(
    served: Run, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    elsewhere = served("feed", which)[1]
    monkeypatch.setenv("KAMPANJHJUL_PORT", "8155")

    assert served("feed", which)[1] == elsewhere
    assert "127.0.0.1:8000" not in elsewhere


# -- rejected texts


def test_a_rejections_reason_is_shown_until_the_text_is_another(run: Run, tmp_path: Path) -> None:
    number = str(listed(run, "posts")[0]["id"])
    run("reject", number, "--party", "polis", "--as", "Pia Polis", "--reason", "Fel ålder.")

    code, out, _ = run("posts", number)
    assert (code, "Avslaget av Pia Polis, Lokalpolisområde Höglandet: Fel ålder." in out) == (0, True)
    assert listed(run, "posts")[0]["reason"] == "Pia Polis, Lokalpolisområde Höglandet: Fel ålder."
    assert (
        json.loads(run("posts", number, "--json")[1])["reason"] == "Pia Polis, Lokalpolisområde Höglandet: Fel ålder."
    )

    (tmp_path / "egen.md").write_text(TEXT, encoding="utf-8")
    run("text", number, "egen.md", "--as", "Kim Kommun")

    assert "Fel ålder" not in run("posts", number)[1]
    assert listed(run, "posts")[0]["reason"] == ""


def test_a_rejected_text_that_one_party_signs_waits_for_the_other_and_the_reason_stays(place: Place) -> None:
    key = "valborg/2027/valborg/tidigt/foraldrar"
    place.write(key)
    post_id = place.town.post(key).id
    assert post_id is not None
    with place.database.write() as session:
        approval.reject(
            session, place.parts.catalog, post_id, party="polis", name="Pia Polis", reason="Fel.", now=place.clock.at
        )

    place.town.approve(key, "kommun", "Kim Kommun")
    waiting = place.town.post(key)
    place.town.approve(key, "polis", "Pia Polis")
    signed = place.town.post(key)

    assert (waiting.state, waiting.reason) == (
        PostState.DRAFT,
        "Avslogs förut av Pia Polis, Lokalpolisområde Höglandet: Fel.",
    )
    assert (signed.state, signed.reason) == (PostState.APPROVED, "")


def test_the_names_that_are_shown_can_be_used_as_they_stand(place: Place) -> None:
    key = "valborg/2027/valborg/tidigt/foraldrar"
    place.write(key)

    for party, name in example_names(place.parts.catalog.municipality("aneby")).items():
        signed = place.town.approve(key, party, name)

    assert signed.missing == ()


# -- dates


def enter(run: Run, day: str, *more: str, where: str = "holaveden") -> tuple[int, str, str]:
    return run("dates", "set", "aneby", "student", day, "--place", where, "--as", "Sam", *more)


def take_back(run: Run, *, year: int = NEXT, where: str = "holaveden") -> tuple[int, str, str]:
    return run("dates", "unset", "aneby", "student", str(year), "--place", where, "--as", "Sam")


def student(run: Run) -> dict[str, Any]:
    rows = listed(run, "calendar", "--year", str(NEXT))
    return next(row for row in rows if row["key"] == f"aneby/student/{NEXT}/holaveden")


def test_a_date_entered_by_mistake_is_taken_back(run: Run) -> None:
    enter(run, f"{NEXT}-06-10")
    assert (student(run)["day"], student(run)["status"]) == (f"{NEXT}-06-10", "confirmed")

    code, out, _ = take_back(run)

    assert (code, out.splitlines()[0]) == (
        0,
        "Datumet är borttaget. Dagen är inte beslutad, och budskapen väntar på datum.",
    )
    assert (student(run)["day"], student(run)["status"]) == (None, "preliminary")
    code, _, err = take_back(run)
    assert (code, f"Ingen har lagt in något datum för Studenten {NEXT}" in err) == (1, True)


def test_when_a_persons_date_is_taken_back_the_files_date_holds_again(run: Run, tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path / "config")
    aneby = tmp_path / "config" / "municipalities" / "aneby.toml"
    own = f'\n[[local_dates]]\nrisk_date = "student"\nplace = "holaveden"\nday = {NEXT}-06-09\nconfirmed = true\n'
    aneby.write_text(aneby.read_text(encoding="utf-8") + own, encoding="utf-8")
    enter(run, f"{NEXT}-06-10")

    code, out, _ = take_back(run)

    assert (code, "Nu gäller kommunens fil: " in out, f"9 juni {NEXT}, bekräftat." in out) == (0, True, True)
    assert (student(run)["day"], student(run)["status"]) == (f"{NEXT}-06-09", "confirmed")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("studenten", "2027", "--place", "holaveden"), "Menade du ”student”"),
        (("student", "2027", "--place", "holavedn"), "Menade du ”holaveden”"),
        (("student", "2027"), "Ange vilken plats"),
        (("valborg", "2027"), "beslutas inte lokalt"),
    ],
)
def test_what_cannot_be_taken_back_is_told(run: Run, words: tuple[str, ...], sentence: str) -> None:
    code, _, err = run("dates", "unset", "aneby", *words, "--as", "Sam")

    assert (code, sentence in err) == (1, True)


def test_signatures_are_said_to_fall_only_where_there_were_any(run: Run, tmp_path: Path) -> None:
    first = enter(run, f"{NEXT}-06-10")[1]
    (tmp_path / "egen.md").write_text(TEXT, encoding="utf-8")
    rows = listed(run, "posts", "--campaign", "student", "--all")
    own = next(row for row in rows if row["occurrence"] == f"aneby/student/{NEXT}/holaveden" and row["step"] == "infor")
    run("text", str(own["id"]), "egen.md", "--as", "Kim Kommun")
    run("approve", str(own["id"]), "--party", "kommun", "--as", "Kim Kommun")

    moved = enter(run, f"{NEXT}-06-09")[1]
    again = enter(run, f"{NEXT}-06-11")[1]

    assert "gäller inte längre" not in first
    assert "1 godkännande gäller inte längre: dagen ändrade texten." in moved
    assert "budskap fick nya tider." in again
    assert "gäller inte längre" not in again


def test_an_unusual_day_is_taken_only_when_it_is_meant(run: Run) -> None:
    code, _, err = enter(run, f"{NEXT}-10-08")
    assert (code, "Inget har ändrats. Stämmer den, lägg till --force" in err) == (1, True)
    assert student(run)["day"] is None

    assert enter(run, f"{NEXT}-10-08", "--preliminary")[0] == 0
    assert (student(run)["day"], student(run)["status"]) == (f"{NEXT}-10-08", "preliminary")

    code, out, _ = enter(run, f"{NEXT}-10-08", "--force")
    assert (code, "Obs: Studenten brukar vara" in out) == (0, True)
    assert student(run)["status"] == "confirmed"


def unset(place: Place, where: str, *, year: int = 2027, municipality: str = "aneby") -> httpx.Response:
    path = f"/api/v1/dates/{municipality}/student/{year}?place={where}"
    return place.client.request("DELETE", path, headers=place.token("kommun"))


def test_over_the_api_a_date_is_taken_back_and_its_signatures_fall(place: Place) -> None:
    place.town.set_date("2027-06-11")
    place.write(HOLAVEDEN)
    place.town.sign(HOLAVEDEN)

    answer = unset(place, "holaveden")

    assert answer.status_code == 200
    assert f"aneby/{HOLAVEDEN}" in answer.json()["moved"]
    post = place.town.post(HOLAVEDEN)
    assert (post.state, post.is_preliminary) == (PostState.DRAFT, True)
    assert set(place.town.states().values()) == {DeliveryState.STOPPED}
    with place.database.read() as session:
        assert session.exec(select(LocalDateRow)).all() == []
        assert not session.exec(select(Approval).where(col(Approval.voided_at).is_(None))).all()
        assert session.get_one(OccurrenceRow, "aneby/student/2027/holaveden").has_day is False
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "tog bort datum")).one()
    assert (entry.actor, entry.subject, entry.detail) == ("Kim Kommun", "student/holaveden/2027", "2027-06-11")


def test_a_date_that_people_have_been_told_of_cannot_be_taken_back(place: Place) -> None:
    for school in ("holaveden", "jonkoping", "eksjo"):
        place.town.set_date("2027-06-09" if school == "eksjo" else "2027-06-11", place=school)
    place.publish(HOLAVEDEN)

    own, shared, another = (unset(place, school) for school in ("holaveden", "jonkoping", "eksjo"))

    for answer in (own, shared):  # Jönköping has the same day: its message was in Holaveden's
        assert (answer.status_code, "redan gått ut" in answer.json()["detail"]) == (409, True)
    assert another.status_code == 200
    with place.database.read() as session:
        assert {row.place for row in session.exec(select(LocalDateRow))} == {"holaveden", "jonkoping"}


def test_a_date_whose_message_is_leaving_at_this_moment_cannot_be_taken_back(place: Place) -> None:
    place.town.set_date("2027-06-11")
    post = place.publish(HOLAVEDEN)
    with place.database.write() as session:
        for row in session.exec(select(Delivery).where(Delivery.post_id == post.id)):
            row.state = DeliveryState.SENDING
            session.add(row)

    assert unset(place, "holaveden").status_code == 409


def test_over_the_api_what_nobody_entered_and_what_is_anothers_is_not_there(place: Place) -> None:
    for answer in (unset(place, "holaveden"), unset(place, "holaveden", municipality="tranas")):
        assert answer.status_code == 404
    assert unset(place, "holaveden", year=10**9).status_code == 404


def test_over_the_api_an_unusual_day_needs_force_and_is_warned_of(place: Place) -> None:
    def put(**fields: object) -> httpx.Response:
        body = {"place": "vetlanda", "day": "2027-10-08", "confirmed": True} | fields
        return place.client.put("/api/v1/dates/aneby/student/2027", headers=place.token("kommun"), json=body)

    usual, refused, preliminary, forced = put(day="2027-06-08"), put(), put(confirmed=False), put(force=True)

    assert (usual.status_code, usual.json()["warning"]) == (200, "")
    assert (refused.status_code, "”force”" in refused.json()["detail"]) == (409, True)
    for answer in (preliminary, forced):
        assert (answer.status_code, "Kontrollera att dagen är rätt" in answer.json()["warning"]) == (200, True)


def test_who_takes_a_date_back_must_be_said(place: Place) -> None:
    place.town.set_date("2027-06-11")
    aneby = place.parts.catalog.municipality("aneby")
    given: dict[str, Any] = {"risk_date": "student", "place": "holaveden", "now": place.clock.at}

    with pytest.raises(RefusedError, match="Ange vem"), place.database.write() as session:
        unset_local_date(session, place.parts.catalog, place.parts.messages, aneby, year=2027, name=" ", **given)
    with pytest.raises(NotFoundError, match="2028"), place.database.write() as session:
        unset_local_date(session, place.parts.catalog, place.parts.messages, aneby, year=2028, name="Sam", **given)


# -- lists


def test_the_calendar_begins_today_unless_a_year_or_all_is_asked_for(run: Run) -> None:
    today = datetime.now(ZoneInfo("Europe/Stockholm")).date().isoformat()
    shown, whole = listed(run, "calendar"), listed(run, "calendar", "--all")
    this_year = listed(run, "calendar", "--year", today[:4])

    assert all(row["last_day"] >= today for row in shown)
    assert [row for row in whole if row["last_day"] >= today] == shown
    assert [row for row in whole if row["year"] == int(today[:4])] == this_year
    assert {row["risk_date"] for row in this_year} >= {"valborg", "jul"}


def test_tables_show_names_and_json_keeps_ids(run: Run) -> None:
    rows = listed(run, "posts")
    first = rows[0]
    for party, name in (("kommun", "Kim Kommun"), ("polis", "Pia Polis")):
        run("approve", str(first["id"]), "--party", party, "--as", name)
    plan, posts, queue = (run(name)[1] for name in ("plan", "posts", "queue"))

    for table in (plan, posts, queue):
        assert not re.search(r"foraldrar|skarm\b|skolplattform\b|unga-vuxna|aneby/", table)
        assert "Föräldrar" in table
        assert "utan langning" in table
    assert "Inför, till syskon och unga vuxna" in plan
    assert "Skärmar" in plan
    assert "Studenten utan langning (Holavedsgymnasiet, Tranås)" in posts
    assert "Webbsidan" in queue
    assert {row["audience"] for row in rows} == {"foraldrar", "syskon", "unga-vuxna"}
    assert "webb" in {row["channel"] for row in listed(run, "queue")}


def test_a_clash_is_told_by_names(run: Run) -> None:
    rows = listed(run, "calendar", "--year", str(NEXT))
    midsummer_eve = next(row for row in rows if row["risk_date"] == "midsommar")["day"]
    enter(run, midsummer_eve, "--force")
    out = run("plan", "--from", f"{NEXT}-01-01", "--to", f"{NEXT}-12-31")[1]
    told = [line for line in out.splitlines() if line.startswith("Krock")]

    assert any(
        line.endswith(
            f"{NEXT}, föräldrar i Webbsidan: Midsommar utan langning: Tidigt till föräldrar, "
            "och Studenten utan langning: Tidigt till föräldrar."
        )
        for line in told
    ), told
    assert not any("aneby/" in line or "foraldrar" in line for line in told)


def test_one_post_is_told_by_name_and_key(run: Run) -> None:
    rows = listed(run, "posts")
    one = next(row for row in rows if row["campaign"] == "student" and "holaveden" in row["key"])

    out = run("posts", str(one["id"]))[1].splitlines()

    assert out[0].startswith(f"Budskap {one['id']}: Studenten utan langning, ")
    assert out[0].endswith(", Holavedsgymnasiet, Tranås")
    assert out[1] == f"Nyckel: {one['key']}"


# -- links


def test_the_link_that_is_signed_is_shown(run: Run, tmp_path: Path) -> None:
    number = str(listed(run, "posts")[0]["id"])
    linked = TEXT.replace('title = "Egen"', 'title = "Egen"\nlink = "https://www.aneby.se/egen"')
    (tmp_path / "egen.md").write_text(linked, encoding="utf-8")
    run("text", number, "egen.md", "--as", "Kim Kommun")
    one = json.loads(run("posts", number, "--json")[1])
    shown = run("posts", number)[1]
    previewed = run("preview", one["campaign"], one["step"], one["audience"])[1]

    assert {piece["link"] for piece in one["pieces"]} == {"https://www.aneby.se/egen"}
    assert "Länk: https://www.aneby.se/egen" in shown.splitlines()
    assert "Länk: https://www.aneby.se/egen" in previewed.splitlines()


# -- what has gone out


INFOR = "valborg/2027/valborg/infor/syskon"


@pytest.fixture
def by_hand(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The commands, run on this place."""
    for module in (posts_cli, sending, stopping):
        monkeypatch.setattr(module, "open_parts", lambda _: place.parts)
    return place


def told(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().out


def altered(place: Place, channel: str, **values: object) -> int:
    with place.database.write() as session:
        row = session.exec(select(Delivery).where(Delivery.channel == channel)).one()
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)
        assert row.id is not None
        return row.id


def wanted(**more: object) -> argparse.Namespace:
    base: dict[str, object] = {
        "delivery": None,
        "post": None,
        "reason": "Fel datum",
        "name": "Kim",
        "municipality": None,
        "state": [],
    }
    return argparse.Namespace(**(base | {"json": False} | more))


def test_what_waits_for_another_try_says_when(by_hand: Place, capfd: pytest.CaptureFixture[str]) -> None:
    post = by_hand.publish(INFOR)
    later = by_hand.clock.at + timedelta(minutes=12)
    values = {"state": DeliveryState.QUEUED, "url": "", "reason": "Servern svarade 503.", "next_attempt_at": later}
    altered(by_hand, "webb", attempts=1, **values)
    altered(by_hand, "sociala-medier", state=DeliveryState.QUEUED, attempts=0, next_attempt_at=later)
    local = later.astimezone(ZoneInfo("Europe/Stockholm"))

    sending.queue(wanted())
    out = told(capfd)

    assert re.search(rf"Servern svarade 503\. Försöker igen \w{{3}} {local.day} apr kl\. {local:%H\.%M}\.", out)
    assert out.count("Försöker igen") == 1
    assert post.id is not None


@pytest.mark.parametrize("word", ["osäker", "OSÄK", "unknown", "Osäkert – kontrollera"])
def test_a_state_is_known_by_a_beginning(run: Run, word: str) -> None:
    code, out, err = run("queue", "--state", word)

    assert (code, err, "Inga leveranser" in out) == (0, "", True)


def test_a_beginning_of_several_states_and_of_none_is_not_taken(run: Run) -> None:
    code, _, err = run("queue", "--state", "miss")
    assert (code, "”miss” kan vara flera: " in err, "Misslyckad" in err, "Missad under paus" in err) == (1, *[True] * 3)

    for word in ("", "xyz"):
        code, _, err = run("queue", "--state", word)
        assert (code, "finns inte" in err) == (1, True)


def test_a_whole_post_is_taken_back_where_it_can_be(by_hand: Place, capfd: pytest.CaptureFixture[str]) -> None:
    post = by_hand.publish(INFOR)
    mailed = altered(by_hand, "sociala-medier", kind="smtp", state=DeliveryState.HANDED_OVER)

    code = stopping.withdraw(wanted(post=str(post.id)))
    out = told(capfd)

    assert code == 1
    rows = {row.channel: row for row in by_hand.town.deliveries() if row.act == "withdraw"}
    assert set(rows) == {row.channel for row in by_hand.town.deliveries()} - {"sociala-medier"}
    assert "Webbsidan (leverans" in out
    assert f"Sociala medier (leverans {mailed}) dras inte tillbaka: Kanalen kan inte dra tillbaka" in out
    assert f"Budskap {post.id}: {len(rows)} leverans" in out
    assert "reject" not in out


def test_what_is_still_waiting_and_what_is_uncertain_is_told(by_hand: Place, capfd: pytest.CaptureFixture[str]) -> None:
    post = by_hand.publish(INFOR)
    altered(by_hand, "webb", state=DeliveryState.UNKNOWN)

    assert stopping.withdraw(wanted(post=str(post.id))) == 1
    out = told(capfd)

    assert "läget är ”Osäkert – kontrollera”" in out
    assert "läget är ”Manuell uppgift”" in out
    assert f"Det som inte har gått ut än stoppas med: kampanjhjul reject {post.id}" in out


def test_a_post_that_is_nowhere_has_nothing_to_take_back(by_hand: Place) -> None:
    post = by_hand.write(INFOR)

    with pytest.raises(RefusedError, match="inget att dra tillbaka"):
        stopping.withdraw(wanted(post=str(post.id)))
    with pytest.raises(RefusedError, match="vem"):
        stopping.withdraw(wanted(post=str(post.id), name=" "))
    with pytest.raises(RefusedError, match="--post"):
        stopping.withdraw(wanted())


def test_a_correction_says_where_the_old_text_stays(by_hand: Place, capfd: pytest.CaptureFixture[str]) -> None:
    post = by_hand.publish(INFOR)
    where = "https://www.example.se/a"
    mailed = altered(by_hand, "sociala-medier", kind="facebook", state=DeliveryState.PUBLISHED, url=where)

    stopping.correct(wanted(reference=str(post.id)))
    out = told(capfd)

    line = f"Sociala medier (leverans {mailed}) går inte att rätta: den gamla texten ligger kvar där på {where}."
    assert line in out.splitlines()
    assert "Webbsidan (leverans" not in out


def test_a_correction_tells_of_what_is_uncertain(by_hand: Place, capfd: pytest.CaptureFixture[str]) -> None:
    post = by_hand.publish(INFOR)
    number = altered(by_hand, "sociala-medier", kind="teams", state=DeliveryState.UNKNOWN)

    stopping.correct(wanted(reference=str(post.id)))

    assert f"(leverans {number}) är osäker: den gamla texten kan ligga där." in told(capfd)
