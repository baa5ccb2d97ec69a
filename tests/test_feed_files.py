"""The public feeds as files: the bytes that are served, with a time that rises with each change."""

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path

import pytest

from campaigns import publishing
from campaigns.database import Database
from campaigns.web.feedfiles import FeedFiles
from tests.sites import Place, planned

FEED = "feeds/aneby/riskdatum-aneby.ics"


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    found = planned(Place(database, feed_files=tmp_path / "ut"))
    _publish(found)
    return found


def _publish(place: Place) -> None:
    publishing.refresh_stale(place.database, place.parts.catalog, now=place.clock.at, base_url=place.base_url)
    place.site.freshness.refresh()


def _change(place: Place, day: str) -> None:
    place.town.set_date(day)
    _publish(place)


def test_each_public_feed_is_a_file_with_its_compressed_twin_and_no_secret_one_is(place: Place, tmp_path: Path) -> None:
    served = place.site.store.routes

    files = {f"/{path.relative_to(tmp_path / 'ut')}" for path in (tmp_path / "ut").rglob("*") if path.is_file()}

    assert len(served) == 4
    assert files == {name for path in served for name in (path, f"{path}.gz")}
    for path, found in served.items():
        file = tmp_path / "ut" / path[1:]
        assert file.read_bytes() == found.resource.body
        assert gzip.decompress(file.with_name(f"{file.name}.gz").read_bytes()) == found.resource.body


def test_a_change_gives_new_bytes_and_a_later_time_within_the_same_second_too(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "ut" / FEED
    times, bodies = [file.stat().st_mtime], [file.read_bytes()]

    for day in ("2027-06-08", "2027-06-09", "2027-06-10"):  # Tue, Wed, Thu; the clock stands still
        _change(place, day)
        times.append(file.stat().st_mtime)
        bodies.append(file.read_bytes())
        assert file.with_name(f"{file.name}.gz").stat().st_mtime == times[-1]

    assert len(set(bodies)) == 4
    assert times == sorted(set(times))
    assert all(time == int(time) for time in times)


def test_another_process_and_a_restart_leave_the_files_as_they_are(place: Place, tmp_path: Path) -> None:
    before = {path: path.stat().st_ino for path in (tmp_path / "ut").rglob("*.*")}

    FeedFiles(tmp_path / "ut").write(place.site.store.routes, place.parts.catalog)

    assert {path: path.stat().st_ino for path in (tmp_path / "ut").rglob("*.*")} == before


def test_files_are_open_to_the_web_server_whatever_our_umask_is(place: Place, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        FeedFiles(tmp_path / "annan").write(place.site.store.routes, place.parts.catalog)
    finally:
        os.umask(before)

    for path in (tmp_path / "annan", *(tmp_path / "annan").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_what_is_left_of_a_municipality_that_is_gone_is_taken_away(place: Place, tmp_path: Path) -> None:
    gone = tmp_path / "ut" / "feeds" / "borta" / "riskdatum-borta.ics"
    gone.parent.mkdir()
    gone.write_text("BEGIN:VCALENDAR", encoding="utf-8")

    place.site.freshness.refresh()

    assert not gone.parent.exists()
    assert (tmp_path / "ut" / FEED).exists()


def test_a_folder_that_cannot_be_written_is_told_of_once_and_tried_again(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "hinder").write_text("", encoding="utf-8")
    files = FeedFiles(tmp_path / "hinder" / "ut")

    for _ in range(3):
        files.write(place.site.store.routes, place.parts.catalog)
    (tmp_path / "hinder").unlink()
    files.write(place.site.store.routes, place.parts.catalog)

    assert [record.levelname for record in caplog.records if "som filer" in record.message] == ["ERROR"]
    assert (tmp_path / "hinder" / "ut" / FEED).exists()
