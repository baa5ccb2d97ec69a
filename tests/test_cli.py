"""The command line: Swedish, exit codes 0, 1 and 2, JSON where it lists, and errors that say what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import icalendar
import pytest
from sqlalchemy import text

from campaigns.channels.mail import address_of
from campaigns.channels.smtp import unsubscribe_headers
from campaigns.database import Database
from campaigns.reading import load
from tests.conftest import CHANNEL_KINDS, CONFIG, TEMPLATES, Run
from tests.fakes import MESSAGES

pytestmark = pytest.mark.longer


def listed(run: Run, *words: str) -> list[dict[str, object]]:
    code, out, _ = run(*words, "--json")
    assert code == 0
    found = json.loads(out)
    assert isinstance(found, list)
    return found


def test_help_is_in_swedish_and_names_every_setting(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert out.startswith("användning: kampanjhjul")
    assert "KAMPANJHJUL_DATABASE_URL" in out
    assert not any(word in out for word in ("usage", "options:", "show this help"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["calender"], "Menade du ”calendar”"),
        (["approve", "1"], "det här måste anges: --party, --as"),
        (["retry", "x", "--as", "Kim"], "ska vara ett heltal"),
        (["plan", "--from", "igår"], "Skriv till exempel 2027-06-11"),
        (["simulate", "--from", "2027-01-01", "--to", "2027-02-01", "--approve", "some"], "all"),
        ([], "det här måste anges: KOMMANDO"),
    ],
)
def test_wrong_use_exits_with_2_and_says_what_is_right(run: Run, words: list[str], message: str) -> None:
    code, _, err = run(*words)
    assert code == 2
    assert message in err


def test_the_calendar_shows_weekdays_and_says_which_dates_are_open(run: Run) -> None:
    rows = listed(run, "calendar", "--year", "2027")
    by_key = {row["key"]: row for row in rows}
    assert by_key["aneby/midsommar/2027/-"] | {"place": None} == {
        "key": "aneby/midsommar/2027/-",
        "municipality": "aneby",
        "risk_date": "midsommar",
        "name": "Midsommar",
        "year": 2027,
        "place": None,
        "place_name": None,
        "day": "2027-06-25",
        "weekday": "fredag",
        "first_day": "2027-06-25",
        "last_day": "2027-06-26",
        "status": "confirmed",
    }
    assert (by_key["aneby/student/2027/holaveden"]["day"], by_key["aneby/student/2027/holaveden"]["status"]) == (
        None,
        "preliminary",
    )
    _, out, _ = run("calendar", "--year", "2027")
    assert "inte beslutat, brukar vara 31 maj–16 jun 2027" in out


def test_a_post_is_read_signed_by_two_and_queued(run: Run) -> None:
    waiting = listed(run, "posts")
    first = str(waiting[0]["id"])
    code, out, _ = run("posts", first)
    assert code == 0
    assert "Saknar godkännande: kommun och polis" in out

    code, out, _ = run("approve", first, "--party", "kommun", "--as", "Kim Kommun")
    assert (code, "Nu saknas: polis" in out) == (0, True)
    code, _, err = run("approve", first, "--party", "polis", "--as", "Kim Kommun")
    assert (code, "två olika personer" in err) == (1, True)
    code, out, _ = run("approve", first, "--party", "polis", "--as", "Pia Polis")
    assert (code, "leveranser ligger i kö" in out) == (0, True)

    queue = listed(run, "queue")
    assert {row["state"] for row in queue} == {"queued"}
    assert "payload" not in queue[0]
    code, _, err = run("done", str(queue[0]["id"]), "--as", "Kim Kommun")
    assert (code, "inte en manuell uppgift" in err) == (1, True)


def test_a_task_by_hand_says_how_it_is_done(run: Run, tmp_path: Path) -> None:
    first = str(listed(run, "posts")[0]["id"])
    for party, name in (("kommun", "Kim Kommun"), ("polis", "Pia Polis")):
        run("approve", first, "--party", party, "--as", name)
    database = Database(f"sqlite:///{tmp_path / 'data' / 'kampanjhjul.db'}")
    with database.write() as session:
        session.execute(text("UPDATE delivery SET state = 'manual' WHERE kind = 'manuell'"))
    database.close()

    _, out, _ = run("queue", "--state", "Manuell uppgift")

    assert "Lägg meddelandet i skolplattformen" in out


def test_a_date_is_entered_and_the_feed_follows(run: Run) -> None:
    code, out, _ = run("dates", "set", "aneby", "student", "2027-06-11", "--place", "holaveden", "--as", "Sam")
    assert (code, "Fredag 11 juni 2027 är bekräftat." in out) == (0, True)

    code, out, _ = run("feed", "public")

    events = icalendar.Calendar.from_ical(out).walk("VEVENT")
    student = [
        event for event in events if "Holaved" in str(event["SUMMARY"]) and event.decoded("DTSTART").year == 2027
    ]
    assert [(event.decoded("DTSTART").isoformat(), str(event["STATUS"])) for event in student] == [
        ("2027-06-10", "CONFIRMED")
    ]


def test_a_text_is_replaced_and_a_broken_one_is_refused(run: Run, tmp_path: Path) -> None:
    first = str(listed(run, "posts")[0]["id"])
    own = tmp_path / "egen.md"
    own.write_text('+++\ntitle = "Egen"\nshort = "Egen text."\n+++\nVår egen text.\n', encoding="utf-8")
    assert run("text", first, str(own), "--as", "Kim")[0] == 0
    assert "Vår egen text." in run("posts", first)[1]

    own.write_text('+++\ntitle = "Egen"\nshort = "Egen."\n+++\nHej {{ komun }}.\n', encoding="utf-8")
    code, out, err = run("text", first, str(own), "--as", "Kim")
    assert code == 1
    assert "kommun" in out + err
    assert "Vår egen text." in run("posts", first)[1]  # nothing was lost
    assert run("text", first, str(tmp_path / "saknas.md"), "--as", "Kim")[0] == 1


def test_the_check_finds_no_error_in_what_is_shipped(run: Run) -> None:
    code, out, _ = run("check")
    assert code == 0
    assert "0 fel" in out
    assert "datumet är inte bekräftat" in out


def test_a_municipalitys_own_folder_is_laid_out_and_used(run: Run, tmp_path: Path) -> None:
    assert run("init", str(tmp_path))[0] == 0
    code, _, err = run("init", str(tmp_path))
    assert (code, "Inget har ändrats" in err) == (1, True)
    aneby = tmp_path / "config" / "municipalities" / "aneby.toml"
    aneby.write_text(
        aneby.read_text(encoding="utf-8").replace('name = "Aneby kommun"\nshort', 'name = "Vår kommun"\nshort'),
        encoding="utf-8",
    )
    assert "Vår kommun" in run("preview", "valborg", "infor", "syskon")[1]


def test_every_fault_in_the_configuration_is_told_at_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(CONFIG, tmp_path / "config")
    (tmp_path / "config" / "promises.toml").write_text("[langning\n", encoding="utf-8")
    valborg = tmp_path / "config" / "campaigns" / "valborg.toml"
    valborg.write_text(valborg.read_text(encoding="utf-8").replace('"syskon"', '"sysken"'), encoding="utf-8")

    code, _, err = run("check")

    assert code == 1
    assert "promises.toml" in err
    assert "Menade du ”syskon”?" in err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("valborg/infor.sysken.md", "Menade du ”syskon”?"),
        ("valborg/inför.syskon.md", "inget steg ”inför”"),
        ("valbrog/infor.syskon.md", "Menade du ”valborg”?"),
        ("valborg/infor.syskon.web.md", "Menade du ”webb”?"),
        ("valborg/infor.md", "ingen målgrupp"),
    ],
)
def test_a_message_file_that_nothing_reads_is_pointed_out(run: Run, tmp_path: Path, name: str, told: str) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    stray = tmp_path / "templates" / "messages" / name
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("x", encoding="utf-8")

    code, out, _ = run("check")

    found = [line for line in out.splitlines() if "Mallen används inte" in line]
    assert (code, len(found)) == (0, 1)
    assert f"Obs  {name}: " in found[0]
    assert told in found[0]


def test_one_party_alone_is_pointed_out(run: Run, tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path / "config")
    aneby = tmp_path / "config" / "municipalities" / "aneby.toml"
    text = aneby.read_text(encoding="utf-8")
    start, end = text.index("[parties.polis]"), text.index("# Kanalerna.")
    aneby.write_text(text[:start] + text[end:], encoding="utf-8")

    code, out, _ = run("check")

    assert code == 0
    assert "municipalities/aneby.toml: parties: Bara en part" in out


def test_a_secret_that_is_not_there_is_found_before_the_hour_of_sending(run: Run, tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path / "config")
    aneby = tmp_path / "config" / "municipalities" / "aneby.toml"
    webhook = '[channels.webhook]\nkind = "webhook"\nurl = "https://www.exempel.se/x"\nsecret = "env:FINNS_INTE"\n'
    aneby.write_text(aneby.read_text(encoding="utf-8") + webhook, encoding="utf-8")

    code, out, _ = run("check")

    assert code == 1
    assert "aneby.toml: channels.webhook.secret: Miljövariabeln FINNS_INTE saknas" in out


def test_settings_that_do_not_exist_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAMPANJHJUL_DATABAS_URL", "x")
    monkeypatch.setenv("KAMPANJHJUL_PORT", "åttatusen")
    code, _, err = run("calendar")
    assert code == 1
    assert "Menade du ”DATABASE_URL”?" in err
    assert "inget portnummer" in err


def test_secret_addresses_are_made_listed_and_revoked(run: Run) -> None:
    code, out, _ = run("token", "feed", "aneby", "--as", "Kim Kommun")
    assert code == 0
    secret = out.split("/feeds/private/")[1].split("/")[0]
    rows = listed(run, "token", "list")
    assert [(row["kind"], row["name"], row["revoked_at"]) for row in rows] == [("feed", "Kim Kommun", None)]
    assert secret not in json.dumps(rows)
    assert run("token", "revoke", str(rows[0]["id"]), "--as", "Sam")[0] == 0
    assert listed(run, "token", "list")[0]["revoked_at"] is not None
    assert run("token", "revoke", "99", "--as", "Sam")[0] == 1


def test_facts_are_shown_and_confirmed(run: Run) -> None:
    assert "obekräftat" in run("facts")[1]
    fact = "systembolaget_midsommarafton"
    assert run("facts", "confirm", fact, "--until", f"{datetime.now(UTC).year + 1}-12-31", "--as", "Sam")[0] == 0
    assert {row["id"]: row["is_confirmed"] for row in listed(run, "facts")}[fact] is True
    code, _, err = run("facts", "confirm", "systembolaget", "--as", "Sam")
    assert (code, "Menade du" in err) == (1, True)


# -- the real process


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KAMPANJHJUL_")}
    return {
        **kept,
        "KAMPANJHJUL_DATA_DIR": str(tmp_path / "data"),
        "KAMPANJHJUL_CONFIG_DIR": str(CONFIG),
        "KAMPANJHJUL_TEMPLATES_DIR": str(MESSAGES.parent),
        **more,
    }


def start(command: str, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "kampanjhjul"), command],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str, *, seconds: float = 15) -> bytes:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def test_serve_answers_survives_a_restart_byte_for_byte_and_ends_cleanly(tmp_path: Path) -> None:
    port = free_port()
    env = environ(tmp_path, KAMPANJHJUL_PORT=str(port))
    bodies = []
    for _ in range(2):
        child = start("serve", env)
        try:
            bodies.append(get(f"http://127.0.0.1:{port}/feeds/aneby/riskdatum-aneby.ics"))
            assert b"Aneby" in get(f"http://127.0.0.1:{port}/")
        finally:
            child.send_signal(signal.SIGTERM)
            _, err = child.communicate(timeout=20)
        assert child.returncode == 0
        assert "Traceback" not in err
    assert bodies[0] == bodies[1]


def test_an_occupied_port_is_told_of(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        child = start("serve", environ(tmp_path, KAMPANJHJUL_PORT=str(taken.getsockname()[1])))
        _, err = child.communicate(timeout=20)
    assert child.returncode == 1
    assert "välj en annan port med KAMPANJHJUL_PORT" in err


def test_a_database_that_is_away_is_told_of(tmp_path: Path) -> None:
    url = f"postgresql://kampanjhjul@127.0.0.1:{free_port()}/kampanjhjul"
    child = start("worker", environ(tmp_path, KAMPANJHJUL_DATABASE_URL=url))
    _, err = child.communicate(timeout=20)
    assert child.returncode == 1
    assert "KAMPANJHJUL_DATABASE_URL" in err
    assert "Traceback" not in err


def test_web_and_worker_in_two_processes_share_a_database(tmp_path: Path) -> None:
    port = free_port()
    env = environ(tmp_path, KAMPANJHJUL_PORT=str(port))
    children = [start("worker", env), start("web", env)]
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if b'"status":"ok"' in get(f"http://127.0.0.1:{port}/readyz"):
                    break
            except urllib.error.HTTPError as error:
                error.close()  # not ready yet
            time.sleep(0.2)
        assert b'"status":"ok"' in get(f"http://127.0.0.1:{port}/readyz")
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                if b"Valborg" in get(f"http://127.0.0.1:{port}/feeds/aneby/riskdatum-aneby.ics"):
                    break
            except urllib.error.HTTPError as error:
                error.close()
            time.sleep(0.2)
        assert b"Valborg" in get(f"http://127.0.0.1:{port}/feeds/aneby/riskdatum-aneby.ics")
    finally:
        for child in children:
            child.send_signal(signal.SIGTERM)
        outputs = [child.communicate(timeout=20) for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert not any("Traceback" in err for _, err in outputs)


# -- channels as the documents show them

ROOT = Path(__file__).parent.parent


def pasted(folder: Path, document: str) -> Path:
    """The shipped configuration, with the document's first TOML block of channels last in Aneby's file."""
    shown = (ROOT / document).read_text(encoding="utf-8")
    block = next(text for text in re.findall(r"```toml\n(.*?)```", shown, re.DOTALL) if text.startswith("[channels."))
    shutil.copytree(CONFIG, folder / "config")
    aneby = folder / "config" / "municipalities" / "aneby.toml"
    aneby.write_text(aneby.read_text(encoding="utf-8") + "\n" + block, encoding="utf-8")
    return folder / "config"


def test_the_channels_in_the_readme_can_be_pasted(tmp_path: Path) -> None:
    town = load(pasted(tmp_path, "README.md"), channel_kinds=CHANNEL_KINDS).municipality("aneby")

    kinds = {channel.id: channel.kind for channel in town.channels}
    assert kinds | {"wordpress": "wordpress", "epost": "smtp", "sms": "sms"} == kinds
    mail = town.channel("epost")
    assert set(mail.recipients) == {"foraldrar", "fritidsgardar"}
    assert mail.allow_private_addresses
    assert unsubscribe_headers(mail)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert address_of(mail.sender or "").addr_spec == "kampanj@exempel.se"


def test_the_channel_in_the_guide_for_receivers_can_be_pasted(tmp_path: Path) -> None:
    config = pasted(tmp_path, "campaigns/channels/SITEVISION.md")

    channel = load(config, channel_kinds=CHANNEL_KINDS).municipality("aneby").channel("webbplats")

    assert (channel.kind, channel.name) == ("sitevision", "Kommunens webbplats")


def test_a_channel_that_no_step_names_is_told_of(run: Run, tmp_path: Path) -> None:
    pasted(tmp_path, "README.md")

    out = run("check")[1]

    assert "Kanalen wordpress används inte i något steg. Lägg till ”wordpress” i channels" in out
    assert "Kanalen webb används inte" not in out
