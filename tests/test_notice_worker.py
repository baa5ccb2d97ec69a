"""The worker's own job, from the files to the mail, and what is left when it is killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time as clock_of_python
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.models import ChannelAccount
from campaigns.reminding.claims import LEASE
from campaigns.wiring import open_parts
from scheduler.jobs import Work, notify
from tests.conftest import CONFIG
from tests.contracts import Trouble
from tests.fakes import Clock
from tests.staff import SAM, WEDNESDAY, Staff, local, staffed


@pytest.fixture
def staff(database: Database, catalog: Catalog) -> Iterator[Staff]:
    with staffed(database, catalog) as made:
        yield made


CONFIGURED = """
[[reminders]]
role = "Samordnare"
email = "sam@aneby.example"
"""


def environment(staff: Staff, folder: Path) -> dict[str, str]:
    """The configuration as shipped, with one to remind, and the mail server."""
    shutil.copytree(CONFIG, folder / "config")
    with (folder / "config/municipalities/aneby.toml").open("a", encoding="utf-8") as file:
        file.write(CONFIGURED)
    return {
        "KAMPANJHJUL_CONFIG_DIR": str(folder / "config"),
        "KAMPANJHJUL_SMTP_URL": staff.office.url,
        "KAMPANJHJUL_MAIL_FROM": "kampanj@aneby.example",
    }


def test_the_worker_tells_of_what_has_just_gone_wrong_and_once(staff: Staff, tmp_path: Path) -> None:
    """All of it, from the files to the mail: what `serve` runs every ten seconds."""
    environ = environment(staff, tmp_path)
    clock = Clock(local("Sat 2027-05-01 12:00"))
    parts = open_parts(environ, clock=clock, database=staff.town.database)
    with staff.town.database.write() as session:
        session.add(
            ChannelAccount(
                municipality="aneby", channel="webhook", state="stopped", reason="Nyckeln.", changed_at=clock.at
            )
        )
    for _ in range(3):
        notify(Work(parts, parts.sender(), "prov"), now=clock.at)

    assert [mail.recipients for mail in staff.office.mails] == [("sam@aneby.example",)]
    assert staff.office.mails[0].message["Subject"] == "Kanalen webhook är stoppad"


DYING = """
import os, sys
from datetime import datetime
from campaigns.database import Database
from campaigns.wiring import open_parts
from scheduler.jobs import Work, notify

at = datetime.fromisoformat(sys.argv[2])
parts = open_parts(os.environ, clock=lambda: at, database=Database(sys.argv[1]))
notify(Work(parts, parts.sender(), "prov"), now=at)
"""


def test_a_process_killed_while_the_mail_server_thinks_leaves_one_mail(staff: Staff, tmp_path: Path) -> None:
    staff.employ(SAM)
    staff.make("plan", at=WEDNESDAY)
    environ = environment(staff, tmp_path)
    staff.office.trouble = Trouble.WORKED_SILENTLY
    words = [sys.executable, "-c", DYING, staff.town.database.url, staff.town.clock.at.isoformat()]
    with subprocess.Popen(words, env={**os.environ, **environ}, cwd=CONFIG.parent) as process:
        until(lambda: bool(staff.office.mails) or process.poll() is not None)
        process.kill()

    staff.send()
    staff.send(staff.town.clock.at + LEASE + timedelta(seconds=1))

    assert staff.recipients() == ["sam@aneby.example"]
    assert staff.states() == ["unknown"]


def until(condition: Callable[[], bool]) -> None:
    end = clock_of_python.monotonic() + 20
    while not condition() and clock_of_python.monotonic() < end:
        clock_of_python.sleep(0.01)
