"""Apprise, and what the files may say of who is reminded: faults are found before the season."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.catalog import Catalog, ReminderRole
from campaigns.channels.base import Environment, NotSentError
from campaigns.database import Database
from campaigns.errors import ConfigurationError
from campaigns.reading import load
from campaigns.reminder_kinds import Kind
from campaigns.reminding import problems, texts
from campaigns.reminding.addressees import receivers
from campaigns.reminding.ways import Ways
from tests.builders import make_municipality
from tests.conftest import CHANNEL_KINDS, CONFIG, TEMPLATES
from tests.contracts import Answer, receiving
from tests.staff import KIM, PIA, SAM, WEDNESDAY, Staff, local, staffed

# The database has no part in it: one will do.
on_one = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(database: Database, catalog: Catalog) -> Iterator[Staff]:
    with staffed(database, catalog) as made:
        yield made


# Apprise.


@contextmanager
def apprised(staff: Staff, *answers: Answer) -> Iterator[list[bytes]]:
    with receiving() as server:
        server.answers.extend(answers)
        staff.environ = {"TEAMS": f"json://127.0.0.1:{server.port}/hemlig?method=POST"}
        staff.employ(ReminderRole("Teams", apprise="env:TEAMS"))
        bodies: list[bytes] = []
        yield bodies
        bodies.extend(request.body for request in server.requests)


@on_one
def test_apprise_carries_the_same_words(staff: Staff) -> None:
    with apprised(staff, Answer(200)) as bodies:
        staff.make(Kind.CHANNEL_STOPPED, at=WEDNESDAY, detail="Nyckeln har gått ut.")
        staff.send()

    [body] = [json.loads(body) for body in bodies]
    assert body["title"] == "Ämnet ett"
    assert "Nyckeln har gått ut." in body["message"]
    assert staff.states() == ["sent"]


@on_one
def test_what_apprise_could_not_deliver_is_tried_again(staff: Staff, caplog: pytest.LogCaptureFixture) -> None:
    with apprised(staff, Answer(500), Answer(200)) as bodies, caplog.at_level(logging.DEBUG):
        staff.make("plan", at=WEDNESDAY)
        staff.send()
        first = staff.states()
        staff.send(staff.town.clock.at + timedelta(minutes=1))

    assert (first, staff.states()) == (["queued"], ["sent"])
    assert len(bodies) == 2
    assert "hemlig" not in caplog.text


@pytest.mark.parametrize("url", ["ingenting", "okänd://värd", "", "json://a json://b"])
def test_an_address_that_apprise_does_not_understand_says_so(url: str) -> None:
    ways = Ways(Environment({"TEAMS": url}))
    town = make_municipality(reminders=[ReminderRole("Teams", apprise="env:TEAMS")])
    [address] = receivers(town, "plan")

    with pytest.raises(NotSentError) as error:
        ways.send(address, texts.Text("Rubrik", "Text"), key="1", now=local(WEDNESDAY))

    assert error.value.stops_channel
    assert not url or url not in error.value.message


# What the files may say, and what `check` says.


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ('role = "S"\nemail = "sam"', "reminders.S.email: ska vara en e-postadress, till exempel ”namn@exempel.se”"),
        ('role = "S"\nemail = "Sam <s@a.se>\\nBcc: x@y.se"', "reminders.S.email: ska vara en e-postadress"),
        ('role = "S"\napprise = "json://hemlis"', "reminders.S.apprise: får inte stå i filen: skriv ”env:NAMN”"),
        ('role = "S"\nescalate_to = "Chefen"', "reminders: S: escalate_to pekar på ”Chefen”."),
        ('role = "S"\nescalate_to = "S"', "reminders: S: escalate_to pekar på ”S”."),
        ('role = "S"\nparties = ["polisen"]', "reminders: S: okänd part ”polisen”. Menade du ”polis”?"),
        ('role = "S"\n[[reminders]]\nrole = "S"', "reminders: ”S” står mer än en gång"),
    ],
)
def test_an_entry_that_cannot_be_is_told_of_with_file_and_key(tmp_path: Path, entry: str, told: str) -> None:
    folder = shutil.copytree(CONFIG, tmp_path / "config")
    with (folder / "municipalities/aneby.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[[reminders]]\n{entry}\n")

    with pytest.raises(ConfigurationError) as error:
        load(folder, channel_kinds=CHANNEL_KINDS)

    [problem] = error.value.problems
    assert str(problem).startswith(f"municipalities/aneby.toml: {told}")
    assert "hemlis" not in str(problem)


def test_the_example_in_the_shipped_file_can_be_used(tmp_path: Path) -> None:
    folder = shutil.copytree(CONFIG, tmp_path / "config")
    path = folder / "municipalities/aneby.toml"
    before, _, example = path.read_text(encoding="utf-8").partition("# [[reminders]]")
    path.write_text(before + f"# [[reminders]]{example}".replace("# ", "").replace("#\n", "\n"), encoding="utf-8")

    aneby = load(folder, channel_kinds=CHANNEL_KINDS).municipality("aneby")

    assert [entry.role for entry in aneby.reminders] == ["Samordnare", "Kommunikationschef", "Kommunpolis"]
    assert len(receivers(aneby, Kind.ESCALATION)) == 1


def problems_of(catalog: Catalog, *roles: ReminderRole, **environ: str) -> list[tuple[bool, str, str]]:
    aneby = replace(catalog.municipality("aneby"), reminders=roles)
    town = replace(catalog, municipalities={"aneby": aneby})
    return list(problems.problems(town, TEMPLATES, environ=environ))


MAIL = {"KAMPANJHJUL_SMTP_URL": "smtps://post.example", "KAMPANJHJUL_MAIL_FROM": "kampanj@aneby.example"}


def test_nobody_to_remind_is_an_observation(catalog: Catalog) -> None:
    [(is_error, where, message)] = problems_of(catalog)

    assert not is_error
    assert where == "municipalities/aneby.toml: reminders"
    assert "Ingen i personalen påminns" in message


def test_a_whole_staff_has_no_problems(catalog: Catalog) -> None:
    assert problems_of(catalog, SAM, KIM, PIA, **MAIL) == []


def test_what_nobody_hears_of_is_said(catalog: Catalog) -> None:
    told = [message for _, _, message in problems_of(catalog, replace(SAM, kinds=("plan",), escalate_to=None), **MAIL)]

    assert told[0].startswith("Ingen påminns om confirm_dates, write, sign")
    assert "escalate_to" in told[1]


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({}, "KAMPANJHJUL_SMTP_URL och KAMPANJHJUL_MAIL_FROM saknas"),
        ({"KAMPANJHJUL_SMTP_URL": "smtps://post.example"}, "KAMPANJHJUL_MAIL_FROM saknas"),
        ({**MAIL, "KAMPANJHJUL_SMTP_URL": "post.example:25"}, "E-postserverns adress"),
        ({**MAIL, "KAMPANJHJUL_MAIL_FROM": "kampanj"}, "felskriven"),
    ],
)
def test_mail_that_cannot_be_sent_is_an_error(catalog: Catalog, environ: dict[str, str], fault: str) -> None:
    [(is_error, where, message)] = problems_of(catalog, SAM, KIM, **environ)

    assert (is_error, where) == (True, "miljön")
    assert fault in message


def test_an_apprise_address_that_is_missing_is_an_error(catalog: Catalog) -> None:
    role = replace(SAM, email=None, apprise="env:TEAMS")
    errors = [item for item in problems_of(catalog, role, KIM, **MAIL) if item[0]]

    assert [where for _, where, _ in errors] == ["municipalities/aneby.toml: reminders.Samordnare/apprise"]
    assert "TEAMS saknas" in errors[0][2]
