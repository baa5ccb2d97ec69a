"""What reminders say, as they arrive by a real mail server, in the shipped words and the municipality's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.catalog import Catalog, ReminderRole
from campaigns.database import Database
from campaigns.reminder_kinds import Kind, Topic
from campaigns.reminding import notices, texts
from campaigns.reminding.digest import LISTS
from tests.conftest import TEMPLATES
from tests.staff import KIM, PIA, SAM, VALBORG, WEDNESDAY, Staff, local, staffed

# The database has no part in it: one will do.
on_one = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def staff(database: Database, catalog: Catalog) -> Iterator[Staff]:
    with staffed(database, catalog) as made:
        yield made


@on_one
def test_a_reminder_reaches_those_it_is_for_as_plain_text_with_a_link(staff: Staff) -> None:
    staff.remind("Fri 2027-04-09 08:00")
    staff.send()

    [mail] = staff.office.mails
    message = mail.message
    assert mail.recipients == ("sam@aneby.example",)
    assert message["From"] == "Kampanjhjulet <kampanj@aneby.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert "Godkänn: kommun och polis: Valborg utan langning, Valborg" in staff.text()
    assert "senast fredag 9 april" in staff.text()
    assert "https://kampanj.example.se/" in staff.text()
    assert "{{" not in staff.text()


@on_one
def test_everything_of_one_hour_is_one_mail(staff: Staff) -> None:
    made = staff.remind("Mon 2027-03-29 08:00")  # Easter Monday: nobody is at work
    assert staff.send() == 0
    made += staff.remind("Tue 2027-03-30 08:00")
    staff.send()

    assert len(made) == 3
    assert len(staff.office.mails) == 1
    assert staff.office.mails[0].message["Subject"] == f"{len(made)} påminnelser, Aneby kommun"
    assert "ATT GÖRA I VECKAN" in staff.text()


@on_one
def test_one_person_in_two_roles_gets_one_mail(staff: Staff) -> None:
    staff.employ(SAM, replace(PIA, parties=(), email="SAM@aneby.example"))
    staff.make(Kind.NUDGE_24H, at=WEDNESDAY)
    staff.send()

    assert len(staff.office.mails) == 1
    assert len(staff.notices()) == 1


@on_one
def test_the_same_person_in_two_roles_gets_what_is_for_each_in_one_mail(staff: Staff) -> None:
    staff.employ(
        ReminderRole("Ett", kinds=(Topic.PLAN,), email="sam@aneby.example"),
        ReminderRole("Två", kinds=(Topic.WRITE,), email="sam@aneby.example"),
    )
    staff.make("plan", at=WEDNESDAY, key="ett")
    staff.make("write", at=WEDNESDAY, key="två")
    staff.send()

    assert staff.office.mails[0].message["Subject"] == "2 påminnelser, Aneby kommun"
    assert len(staff.office.mails) == 1


@on_one
def test_what_is_shown_of_very_many_is_bounded_and_says_how_many_more(staff: Staff) -> None:
    for number in range(45):
        staff.make("plan", at=WEDNESDAY, key=f"nummer {number}")
    staff.send()

    assert "Och 15 till." in staff.text()
    assert set(staff.states()) == {"sent"}


@on_one
def test_every_kind_of_reminder_has_a_text(staff: Staff) -> None:
    staff.town.clock.at = local("Mon 2027-04-12 09:00")
    staff.town.sign(VALBORG.replace("foraldrar", "syskon"))
    delivery = staff.town.deliveries()[0].id
    lists = json.dumps({name: ["En rad"] for name in LISTS})
    everyone = ReminderRole("Alla", email="alla@aneby.example", escalate_to="Tvåan")
    staff.employ(everyone, ReminderRole("Tvåan", kinds=(Topic.ESCALATION,), email="tva@aneby.example"))
    staff.make(Kind.DIGEST, at=WEDNESDAY, key="brevet", detail=lists)
    for kind in [kind for kind in [*Kind, *list(Topic)[:6]] if kind != Kind.DIGEST]:
        about = delivery if kind.startswith(("delivery", "by_hand")) else None
        staff.make(kind, at=WEDNESDAY, key=f"slaget {kind}", parties="polis", detail="Ett skäl.", delivery=about)
    staff.send()
    staff.send(staff.town.clock.at + notices.GATHERED)

    assert set(staff.states()) == {"sent"}
    whole = "\n".join(mail.message.get_content() for mail in staff.office.mails)
    assert "GICK FEL FÖRRA VECKAN" in whole
    assert "Godkännande saknas från Lokalpolisområde Höglandet." in whole
    assert "fredag 30 april 2027 kl. 08.00" in whole
    assert "Det gick inte att publicera i " in whole
    assert "Att publicera för hand i " in whole
    assert not any(sign in whole for sign in ("{{", "}}", "{%", "None", "  ", " :", " nummer 0"))


@on_one
def test_no_text_of_a_message_goes_into_a_reminder(staff: Staff) -> None:
    staff.town.clock.at = local("Mon 2027-04-12 09:00")
    staff.town.sign(VALBORG)
    [item, *_] = staff.town.deliveries()
    item.state, item.reason, item.changed_at = "failed", "Servern svarade 500.", local(WEDNESDAY)
    with staff.town.database.write() as session:
        session.merge(item)
    body = (TEMPLATES / "messages/valborg/paminnelse.foraldrar.md").read_text(encoding="utf-8")
    sentences = [line for line in body.splitlines() if len(line) > 40 and "{" not in line]
    staff.remind(WEDNESDAY)
    staff.send()

    assert sentences
    assert "Servern svarade 500." in staff.text()
    assert not any(sentence in staff.text() for sentence in sentences)


# The templates.


@on_one
def test_the_municipalitys_own_words_come_first(staff: Staff, tmp_path: Path) -> None:
    own = tmp_path / "reminders"
    own.mkdir()
    (own / "plan.txt").write_text("Dags att planera i {{ kommun }}!\nTa en fika.\n", encoding="utf-8")
    staff.folders = (tmp_path, TEMPLATES)
    staff.make("plan", at=WEDNESDAY)
    staff.send()

    assert staff.office.mails[0].message["Subject"] == "Dags att planera i Aneby kommun!"
    assert "Ta en fika." in staff.text()


@on_one
@pytest.mark.parametrize(
    ("name", "source", "fault"),
    [
        ("plan.txt", "{{ komun }}\ntext", "platshållaren ”komun” finns inte. Menade du ”kommun”?"),
        ("plan.txt", "{% if %}", "mallkoden går inte att tolka"),
        ("plan.txt", "{{ kommun.__class__ }}", "”__class__” får inte läsas"),
        ("plan.txt", "\n\n", "första raden"),
        ("plan.txt", b"\xff\xfe", "UTF-8"),
        ("brev.txt", "{{ allt }}", "allt"),
    ],
)
def test_a_broken_template_is_found_by_check_and_the_reminder_is_sent_all_the_same(
    staff: Staff, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, source: str | bytes, fault: str
) -> None:
    (tmp_path / "reminders").mkdir()
    (tmp_path / "reminders" / name).write_bytes(source if isinstance(source, bytes) else source.encode())
    staff.folders = (tmp_path, TEMPLATES)
    texts._tell_of.cache_clear()
    for key in ("ett", "två"):
        staff.make("plan", at=WEDNESDAY, key=key)
    staff.send()

    assert staff.states() == ["sent", "sent"]
    assert "https://kampanj.example.se/" in staff.text()
    assert caplog.text.count("reminders/") == 1
    [(is_error, where, message)] = texts.problems(tmp_path)
    assert (is_error, where) == (True, f"reminders/{name}")
    assert fault in message


@on_one
def test_a_heading_is_one_line_whatever_a_name_holds(staff: Staff) -> None:
    staff.make("plan", at=WEDNESDAY, key="ett\r\nBcc: alla@aneby.example")
    staff.send()

    [mail] = staff.office.mails
    assert mail.message["Bcc"] is None
    assert mail.recipients == ("sam@aneby.example",)


def test_the_shipped_templates_are_whole_and_none_is_missing() -> None:
    assert list(texts.problems(TEMPLATES)) == []
    assert {path.name for path in (TEMPLATES / "reminders").iterdir()} == set(texts.NAMES)


@on_one
@pytest.mark.parametrize("kind", [Kind.NUDGE_48H, Kind.NUDGE_24H, Kind.ESCALATION])
def test_who_is_to_sign_is_led_to_the_page_for_it(staff: Staff, kind: Kind) -> None:
    staff.employ(replace(SAM, kinds=(Topic.NUDGE,)), KIM)
    staff.make(kind, at=WEDNESDAY, parties="polis")
    staff.send()

    number = staff.town.post(VALBORG).id
    assert f"Läs och godkänn här: https://kampanj.example.se/kommun/aneby/granska/{number}\n" in staff.text()


@on_one
def test_the_deadline_for_signing_leads_to_all_that_waits(staff: Staff) -> None:
    staff.remind("Fri 2027-04-09 08:00")
    staff.send()

    assert "Läs och godkänn här: https://kampanj.example.se/kommun/aneby/granska" in staff.text()
