"""The archive: everything as it went out, with sums that hold, and no draft that never did."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import re
import subprocess
import zipfile
import zlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from campaigns import audit
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.followup.document import document_from
from campaigns.models import (
    Approval,
    AuditEntry,
    ContentRow,
    Delivery,
    DeliveryState,
    FollowUpRow,
    FollowUpSignature,
    Role,
)
from campaigns.overviews.archive import Archive
from campaigns.reach import note_reach
from campaigns.web import archive_files
from campaigns.web.follow_up_files import pdf_of
from campaigns.web.pages import Pages
from tests.sites import Place
from tests.worlds import typical

pytestmark = pytest.mark.pages

EARLY = "valborg/2027/valborg/tidigt/foraldrar"


@pytest.fixture
def place(database: Database) -> Place:
    """A season half done: published, failed, uncertain, by hand, rejected, paused, with a follow-up for 2026."""
    return typical(Place(database))


def made(place: Place, *, year: int = 2027, campaign: str = "") -> tuple[Archive, dict[str, bytes]]:
    return archive_files.whole(
        place.parts,
        Pages(place.parts),
        place.parts.catalog.municipality("aneby"),
        year,
        campaign,
        name="Alva Administratör",
        now=place.clock.at,
    )


def list_items(pdf: bytes) -> int:
    """How many list items the document's tags have: what a screen reader tells of."""
    found = 0
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with contextlib.suppress(zlib.error):
            found += len(re.findall(rb"/S\s*/LI\b", zlib.decompress(match[1])))
    return found


def table(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_every_text_that_went_out_is_there_byte_for_byte_and_none_that_did_not(place: Place) -> None:
    _, files = made(place)

    with place.database.read() as session:
        gone = select(Delivery.content_id).where(
            Delivery.state.in_(["published", "handed_over", "unknown", "withdrawn", "replaced"])  # type: ignore[attr-defined]
        )
        out = session.exec(select(ContentRow).where(ContentRow.id.in_(gone))).all()  # type: ignore[union-attr]
        every = session.exec(select(ContentRow)).all()
    kept = {path: body for path, body in files.items() if path.startswith("budskap/") and path.endswith(".json")}
    assert sorted(kept.values()) == sorted(row.payload for row in out)
    assert 0 < len(out) < len(every)
    assert all(path.removesuffix(".json") + ".txt" in files for path in kept)


def test_approvals_and_receipts_are_those_of_the_database(place: Place) -> None:
    _, files = made(place)

    with place.database.read() as session:
        deliveries = {row.key: row for row in session.exec(select(Delivery))}
        approvals = session.exec(select(Approval)).all()
    told = {row["Leverans"]: row for row in table(files["leveranser.csv"])}
    assert told.keys() == deliveries.keys()
    for key, row in deliveries.items():
        assert (told[key]["Läge"], told[key]["Adress"], told[key]["Kvitto"]) == (row.state, row.url, row.receipt)
    assert DeliveryState.FAILED in {row["Läge"] for row in told.values()}
    assert [(row["Namn"], row["Sigill"]) for row in table(files["godkannanden.csv"])] == [
        (row.name, row.digest) for row in approvals
    ]
    [pause] = table(files["pauser.csv"])
    assert pause["Skäl"].startswith("Olycka vid skolan. Vi väntar med allt annat.")


def test_the_log_goes_along_with_its_hashes_and_the_head_that_shows_a_later_loss(place: Place) -> None:
    archive, files = made(place)

    with place.database.read() as session:
        entries = {str(row.id): row.hash for row in session.exec(select(AuditEntry))}
        assert audit.verify(session, known=archive.log_head).is_whole
    rows = table(files["logg.csv"])
    assert rows
    assert all(entries[row["Nr"]] == row["Summa"] for row in rows)
    assert json.loads(files["arkiv.json"])["log"]["head"] == archive.log_head


def test_the_published_follow_up_of_the_year_is_there_as_json_csv_and_pdf(place: Place) -> None:
    _, files = made(place, year=2026)

    assert {path for path in files if path.startswith("uppfoljning/")} == {
        f"uppfoljning/2026-t3.{kind}" for kind in ("json", "csv", "pdf", "godkand.json")
    }
    assert files["uppfoljning/2026-t3.pdf"].startswith(b"%PDF-")
    assert json.loads(files["uppfoljning/2026-t3.json"])


def test_the_sums_hold_by_the_system_s_own_program_and_a_changed_byte_is_found(place: Place, tmp_path: Path) -> None:
    _, files = made(place)
    folder = tmp_path / "arkiv"
    archive_files.written(files, folder)

    def check() -> int:
        command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode

    assert len(files["SHA256SUMS"].splitlines()) == len(files) - 1
    assert check() == 0
    target = folder / "leveranser.csv"
    target.write_bytes(target.read_bytes() + b" ")
    assert check() == 1
    with pytest.raises(RefusedError, match="finns redan"):
        archive_files.written(files, folder)


def test_the_same_rows_give_the_same_files_but_for_when_it_was_made(place: Place) -> None:
    _, first = made(place, campaign="valborg")
    _, second = made(place, campaign="valborg")

    differing = {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)}
    # Making the first was itself an act, so that the log's last hash is another.
    assert differing <= {"arkiv.json", "LASMIG.txt", "SHA256SUMS", "sammanfattning.pdf"}


def test_one_campaign_holds_only_its_own(place: Place) -> None:
    _, files = made(place, campaign="valborg")

    assert {row["Budskap"].split("/")[1] for row in table(files["leveranser.csv"])} == {"valborg"}
    assert not any(path.startswith("uppfoljning/") for path in files)  # none is published of its days
    with pytest.raises(NotFoundError):
        made(place, year=2019)


@pytest.mark.parametrize("year", [0, -1, 10_000, 10**20])
def test_a_year_that_cannot_be_is_refused(place: Place, year: int) -> None:
    with pytest.raises(RefusedError, match="fyra siffror"):
        made(place, year=year)


def test_the_page_refuses_the_year_0000(place: Place) -> None:
    alva = place.staff(Role.ADMINISTRATOR, name="Alva Administratör")

    answer = alva.post("/kommun/aneby/installningar/arkiv", data={"ar": "0000", "kampanj": ""})

    assert answer.status_code == 422
    assert "fyra siffror" in answer.text


def published_days(place: Place, first: date, last: date) -> None:
    """Let the follow-up that is published be of other days, signed as it then is."""
    with place.database.write() as session:
        row = session.exec(select(FollowUpRow).where(FollowUpRow.published_at.is_not(None))).one()  # type: ignore[union-attr]  # a column, to SQLModel
        document = replace(document_from(row.payload), first_day=first, last_day=last)
        row.payload, row.first_day, row.last_day = document.to_bytes(), first, last
        row.digest = document.digest
        session.add(row)
        for signature in session.exec(select(FollowUpSignature).where(FollowUpSignature.follow_up_id == row.id)):
            signature.digest = row.digest
            session.add(signature)


def test_one_campaign_has_the_published_follow_ups_of_its_days(place: Place) -> None:
    published_days(place, date(2027, 1, 1), date(2027, 4, 30))

    _, valborg = made(place, campaign="valborg")
    _, christmas = made(place, campaign="jul")

    assert any(path.startswith("uppfoljning/") for path in valborg)
    assert not any(path.startswith("uppfoljning/") for path in christmas)


def test_a_follow_up_carries_its_parties_signatures_and_the_very_bytes_that_they_signed(place: Place) -> None:
    _, files = made(place, year=2026)

    base = "uppfoljning/2026-t3"
    with place.database.read() as session:
        row = session.exec(select(FollowUpRow).where(FollowUpRow.period == "2026-t3")).one()
        signatures = session.exec(select(FollowUpSignature).where(FollowUpSignature.follow_up_id == row.id)).all()
    live = [item for item in signatures if item.voided_at is None]
    told = json.loads(files[f"{base}.json"])
    assert files[f"{base}.godkand.json"] == row.payload
    assert told["digest"] == hashlib.sha256(files[f"{base}.godkand.json"]).hexdigest()
    assert [(item["party"], item["name"], item["at"]) for item in told["signatures"]] == [
        (item.party, item.name, item.created_at.isoformat()) for item in live
    ]
    assert {item.party for item in live} == {"kommun", "polis"}
    lines = [line for line in table(files[f"{base}.csv"]) if line["Del"] == "Parternas godkännande"]
    assert [(line["Notering"], line["Dag"]) for line in lines] == [
        *((item.name, item.created_at.isoformat()) for item in live),
        (row.digest, ""),
    ]


def test_the_log_has_pauses_follow_ups_and_reach(place: Place) -> None:
    with place.database.write() as session:
        delivered = session.exec(select(Delivery).where(Delivery.state == DeliveryState.PUBLISHED)).all()
        there = next(item for item in delivered if item.municipality == "aneby")
        municipality = place.parts.catalog.municipality("aneby")
        assert note_reach(
            session,
            municipality,
            there.post_id,
            channel=there.channel,
            measure="visningar",
            number=240,
            name="Kim Kommun",
            now=place.clock.at,
        )

    _, now = made(place)
    _, before = made(place, year=2026)

    assert {"pausade", "noterade räckvidd"} <= {row["Vad"] for row in table(now["logg.csv"])}
    assert {row["Om"] for row in table(now["logg.csv"]) if row["Vad"] == "pausade"} == {"sociala-medier"}
    told = {row["Vad"] for row in table(before["logg.csv"])}
    assert {
        "gjorde utkast till uppföljning",
        "godkände uppföljning för kommun",
        "godkände uppföljning för polis",
        "publicerade uppföljning",
    } <= told
    assert "pausade" not in told


def test_the_page_offers_a_campaign_that_has_left_the_files(place: Place) -> None:
    configuration = place.parts.configuration
    kept = {key: item for key, item in configuration.catalog.campaigns.items() if key != "valborg"}
    configuration._catalog = replace(configuration.catalog, campaigns=kept)
    alva = place.staff(Role.ADMINISTRATOR, name="Alva Administratör")

    page = alva.page("/kommun/aneby/installningar/arkiv")

    assert '<option value="valborg"' in page
    answer = alva.post("/kommun/aneby/installningar/arkiv", data={"ar": "2027", "kampanj": "valborg"})
    assert answer.headers["content-type"] == "application/zip"


def test_an_archive_of_a_broken_log_says_so_where_people_read(place: Place) -> None:
    whole, files = made(place, campaign="valborg")
    assert "OBS!" not in files["LASMIG.txt"].decode()
    with place.database.write() as session:
        session.connection().execute(
            text("UPDATE setting SET value = '1' || value WHERE name = 'log_end'")  # as if more had been written
        )

    broken, files = made(place, campaign="valborg")

    assert (whole.log_fault, "rader har skrivits, men" in broken.log_fault) == ("", True)
    assert f"OBS! {broken.log_fault}" in files["LASMIG.txt"].decode()
    page = Pages(place.parts).text(
        "arkiv-utskrift.html", archive=broken, municipality=place.parts.catalog.municipality("aneby")
    )
    assert f'<p class="draft">{broken.log_fault}' in page
    assert json.loads(files["arkiv.json"])["log"]["fault"] == broken.log_fault


def test_a_list_in_a_text_is_a_list_in_the_printed_part(place: Place) -> None:
    archive, files = made(place, campaign="valborg")
    municipality = place.parts.catalog.municipality("aneby")
    post = archive.posts[next(number for number, item in enumerate(archive.posts) if item.texts)]
    listed = replace(
        post.texts[0], content=replace(post.texts[0].content, body="Gör så:\n\n- Kom överens.\n- Håll koll.")
    )
    changed = replace(archive, posts=[replace(post, texts=[listed])])

    page = Pages(place.parts).text("arkiv-utskrift.html", archive=changed, municipality=municipality)

    assert "<li>Kom överens.</li>" in page
    without = page.replace("<li>Kom överens.</li>", "").replace("<li>Håll koll.</li>", "")
    assert list_items(pdf_of(page)) - list_items(pdf_of(without)) == 2
    assert files["sammanfattning.pdf"].startswith(b"%PDF-")


def test_an_administrator_gets_it_as_a_zip_file_and_others_do_not(place: Place) -> None:
    alva = place.staff(Role.ADMINISTRATOR, name="Alva Administratör")
    page = alva.page("/kommun/aneby/installningar/arkiv")
    assert "Hel" in page

    answer = alva.post("/kommun/aneby/installningar/arkiv", data={"ar": "2027", "kampanj": "valborg"})

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        base = "kampanjarkiv-aneby-2027-valborg"
        sums = archive.read(f"{base}/SHA256SUMS").decode()
        for line in sums.splitlines():
            digest, path = line.split("  ", 1)
            assert hashlib.sha256(archive.read(f"{base}/{path}")).hexdigest() == digest
    kim = place.staff(Role.EDITOR, name="Kim Redaktör")
    assert kim.get("/kommun/aneby/installningar/arkiv").status_code == 403
    assert kim.post("/kommun/aneby/installningar/arkiv", data={"ar": "2027"}).status_code == 403


def test_a_year_without_anything_is_told_of_on_the_page(place: Place) -> None:
    alva = place.staff(Role.ADMINISTRATOR, name="Alva Administratör")

    answer = alva.post("/kommun/aneby/installningar/arkiv", data={"ar": "2022", "kampanj": ""})

    assert answer.status_code == 422
    assert "Det finns inget att arkivera" in answer.text


def test_what_is_still_to_come_is_not_told_as_if_it_had_failed(place: Place) -> None:
    archive, _ = made(place)

    page = Pages(place.parts).text(
        "arkiv-utskrift.html", archive=archive, municipality=place.parts.catalog.municipality("aneby")
    )

    jul = page[page.index("Jul utan langning") : page.index("Midsommar utan langning")]
    assert "Ska ut tis 14 dec 2027" in jul
    assert "Det gick inte ut" not in jul
    assert "Det gick inte ut" in page
