"""The archive: everything as it went out, with sums that hold, and no draft that never did."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from sqlmodel import select

from campaigns import audit
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import Approval, AuditEntry, ContentRow, Delivery, DeliveryState, Role
from campaigns.overviews.archive import Archive
from campaigns.web import archive_files
from campaigns.web.pages import Pages
from tests.sites import Place
from tests.worlds import ENDLESS, typical

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
    assert [row["Skäl"] for row in table(files["pauser.csv"])] == [
        f"Olycka vid skolan. Vi väntar med allt annat. {ENDLESS}"
    ]


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
        f"uppfoljning/2026-t3.{kind}" for kind in ("json", "csv", "pdf")
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
    assert not any(path.startswith("uppfoljning/") for path in files)
    with pytest.raises(NotFoundError):
        made(place, year=2019)


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
