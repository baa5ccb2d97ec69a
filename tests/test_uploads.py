"""Uploaded pictures: checked, freed from what the camera wrote, found by name before the files, and signed."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest
from sqlmodel import select

from campaigns import picture_rows, texts
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.models import AuditEntry, PictureRow, PostState, UploadedPicture
from campaigns.picture_files import PictureError, PictureFile
from tests.builders import make_municipality
from tests.fakes import MESSAGES, Clock, Town
from tests.test_pictures import TEXT, WHO, exif, jpeg, png

pytestmark = pytest.mark.pages

INFOR = "valborg/2027/valborg/infor/syskon"


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    return town


def upload(town: Town, data: bytes, *, filename: str = "brasa.jpg", municipality: str = "aneby") -> UploadedPicture:
    with town.database.write() as session:
        return picture_rows.upload_picture(
            session, make_municipality(municipality), filename=filename, data=data, by="Kim", now=town.clock.at
        )


def read(town: Town, name: str, *, messages: Path = MESSAGES, municipality: str = "aneby") -> PictureFile:
    with town.database.read() as session:
        return picture_rows.find_picture(session, municipality, messages, name)


def test_an_uploaded_picture_is_found_by_its_name_without_what_the_camera_wrote(town: Town) -> None:
    row = upload(town, jpeg(exif=exif()))

    picture = read(town, "brasa.jpg")

    assert (picture.name, picture.sha256, picture.width) == ("brasa.jpg", row.sha256, 40)
    assert WHO.encode() not in picture.data
    with town.database.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "laddade upp bild")).one()
    assert (entry.actor, entry.subject) == ("Kim", "brasa.jpg")


@pytest.mark.parametrize(
    ("filename", "data", "name"),
    [
        ("Brasa vid sjön.JPEG", jpeg(), "Brasa vid sjön.jpg"),
        (r"C:\Bilder\brasa.jpg", jpeg(), "brasa.jpg"),
        ("../../etc/passwd", jpeg(), "passwd.jpg"),
        ("<script>.png", png(), "script.png"),
        ("kallas.jpg", png(), "kallas.png"),
        ("", jpeg(), "bild.jpg"),
        ("x" * 300 + ".jpg", jpeg(), "x" * 100 + ".jpg"),
        ("{{ kommun }}.png", png(), "kommun.png"),
    ],
)
def test_a_picture_gets_a_name_that_a_text_can_call_it_by(town: Town, filename: str, data: bytes, name: str) -> None:
    assert upload(town, data, filename=filename).name == name
    assert read(town, name).name == name


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<svg onload='x()'/>", "varken JPEG eller PNG"),
        (jpeg()[:-40], "skadad"),
        (b"\xff" * 15_000_001, "större än 15 MB"),
    ],
)
def test_what_is_no_sound_picture_is_refused_and_nothing_is_kept(town: Town, data: bytes, told: str) -> None:
    with pytest.raises(PictureError, match=told):
        upload(town, data)

    with town.database.read() as session:
        assert session.exec(select(PictureRow)).all() == []
        assert session.exec(select(UploadedPicture)).all() == []


def test_an_upload_wins_over_a_file_of_the_same_name_and_the_newest_over_the_earlier(
    town: Town, tmp_path: Path
) -> None:
    messages = tmp_path / "messages"
    copytree(MESSAGES, messages)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "brasa.jpg").write_bytes(jpeg(size=(10, 10)))
    assert read(town, "brasa.jpg", messages=messages).width == 10

    upload(town, jpeg(size=(20, 10)))
    assert read(town, "brasa.jpg", messages=messages).width == 20
    upload(town, jpeg(size=(30, 10)))
    assert read(town, "brasa.jpg", messages=messages).width == 30
    with town.database.read() as session:
        [choice] = picture_rows.choices(session, "aneby", messages)
    assert (choice.name, choice.by) == ("brasa.jpg", "Kim")


def test_one_municipality_never_sees_anothers_pictures(town: Town) -> None:
    upload(town, jpeg(), municipality="eksjo")

    with pytest.raises(PictureError, match="är inte uppladdad"):
        read(town, "brasa.jpg")
    assert read(town, "brasa.jpg", municipality="eksjo").width == 40
    with town.database.read() as session:
        assert picture_rows.choices(session, "aneby", MESSAGES) == []


def test_the_same_picture_again_changes_nothing(town: Town) -> None:
    first = upload(town, jpeg())

    assert upload(town, jpeg()).id == first.id


def test_there_is_a_most_of_pictures(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_rows, "MOST_UPLOADS", 1)
    upload(town, jpeg())

    with pytest.raises(RefusedError, match="redan 1 bilder"):
        upload(town, jpeg(), filename="annan.jpg")
    with pytest.raises(RefusedError):
        upload(town, png(), filename="annan.png")


def test_a_text_with_a_changed_upload_must_be_signed_again(town: Town) -> None:
    upload(town, jpeg())
    with town.database.write() as session:
        texts.write_text(
            session,
            town.catalog,
            town.post(INFOR).id or 0,
            language="sv",
            channel="",
            source=TEXT.format(image="brasa.jpg", alt="En brasa vid vatten."),
            author="Kim",
            now=town.clock.at,
        )
    first = town.approve(INFOR, "kommun", "Kim Kommun")

    upload(town, jpeg(size=(50, 30)))
    with pytest.raises(RefusedError, match="Texten har ändrats sedan du såg den"):
        town.approve(INFOR, "polis", "Pia Polis", digest=first.digest)
    town.sign(INFOR)

    assert town.post(INFOR).state == PostState.APPROVED
    assert town.post(INFOR).digest != first.digest
