"""Channels and links on the command line: `check --live` and `channel`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns import link_checks, link_looks
from campaigns.catalog import ChannelConfig
from campaigns.channels import KINDS, can
from campaigns.channels.base import NotSentError
from campaigns.database import Database
from campaigns.link_looks import Found
from campaigns.links import LinkOutcome
from campaigns.sending import accounts
from campaigns.sending.accounts import Health, Lesson
from tests.conftest import Run
from tests.contracts import serving
from tests.fakes import FakeChannel
from tests.post_office import post_office
from tests.test_channels_sms import SECRET, Elks

pytestmark = pytest.mark.longer


def listed(run: Run, *words: str) -> list[dict[str, object]]:
    code, out, err = run(*words, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert isinstance(found, list)
    return found


@dataclass
class Outside(FakeChannel):
    """A channel outside whose login holds or does not, and that can take a marked test."""

    kind: str = "webhook"
    is_local: bool = False
    fault: str = ""

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        if self.fault:
            raise NotSentError(self.fault, is_permanent=False, stops_channel=True)
        return f"Vi skulle publicera på {channel.name} som Aneby kommun."

    def rehearse(self, channel: ChannelConfig, *, now: datetime) -> str:
        return f"{self.probe(channel, now=now)} Provet är borttaget."


@pytest.fixture
def outside(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """A folder of the municipality's own, with a channel outside, and no network."""
    run("init", str(tmp_path))
    aneby = tmp_path / "config" / "municipalities" / "aneby.toml"
    table = '[channels.webhook]\nkind = "webhook"\nname = "Webbplatsen"\nurl = "https://x.example"\n'
    table += 'secret = "env:HEMLIGT"\n'
    text = aneby.read_text(encoding="utf-8").replace("[channels.webb]", f"{table}\n[channels.webb]", 1)
    aneby.write_text(text, encoding="utf-8")
    made = Outside()
    monkeypatch.setenv("HEMLIGT", "x")
    monkeypatch.setitem(KINDS, "webhook", lambda _: made)
    monkeypatch.setattr(link_looks, "look", lambda address, *, environment: Found(LinkOutcome.OK))
    can.cache_clear()
    yield made
    can.cache_clear()


def test_a_live_check_proves_every_channel_and_says_which_cannot_be_proved(run: Run, outside: Outside) -> None:
    code, out, _ = run("check", "--live")

    assert code == 0
    assert "OK:  aneby/webhook: Vi skulle publicera på Webbplatsen som Aneby kommun." in out
    assert "--   aneby/webb: Det finns inget att prova" in out
    assert "0 fel" in out

    outside.fault = "x.example svarade 401: kanalens inloggning eller hemlighet godtas inte."
    code, out, _ = run("check", "--live")
    assert code == 1
    assert "FEL  aneby/webhook: x.example svarade 401" in out
    assert "1 fel" in out
    code, out, _ = run("check", "--live", "--json")
    assert code == 1
    assert [item["where"] for item in json.loads(out) if item["is_error"]] == ["aneby/webhook"]
    assert run("check")[0] == 0  # without --live nothing is asked


def test_a_live_check_proves_the_mail_server_of_the_reminders_too(
    run: Run, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    with post_office() as office:
        monkeypatch.setenv("KAMPANJHJUL_SMTP_URL", office.url)
        code, out, _ = run("check", "--live")
        assert (code, office.mails) == (0, [])
    told = "påminnelser: Påminnelser med e-post går genom 127.0.0.1 utan TLS och med inloggning."
    assert f"OK:  {told}\n" in out

    monkeypatch.setenv("KAMPANJHJUL_SMTP_URL", "post.example")
    code, out, _ = run("check", "--live")
    assert (code, "FEL  påminnelser: E-postserverns adress ska ha formen" in out) == (1, True)
    _, out, _ = run("check", "--live", "--json")
    assert [item["where"] for item in json.loads(out) if item["is_error"]] == ["påminnelser"]


def test_a_live_check_finds_dead_links_and_they_stop_the_approval(
    run: Run, outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = str(listed(run, "posts")[0]["id"])
    own = tmp_path / "egen.md"
    own.write_text(
        '+++\ntitle = "Egen"\nshort = "Egen."\n+++\nLäs [mer](https://www.aneby.se/borta).\n', encoding="utf-8"
    )
    assert run("text", first, str(own), "--as", "Kim")[0] == 0
    dead = Found(LinkOutcome.DEAD, "är död: sidan finns inte (404). Byt länken eller ta bort den.")
    monkeypatch.setattr(
        link_looks, "look", lambda address, *, environment: dead if "borta" in address else Found(LinkOutcome.OK)
    )

    # The clock of this test is the machine's own: the next post may be far away.
    monkeypatch.setattr(link_checks, "LOOKED_AHEAD", timedelta(days=800))

    code, out, _ = run("check", "--live")

    assert (code, "Länken https://www.aneby.se/borta är död" in out) == (1, True)
    code, _, err = run("approve", first, "--party", "kommun", "--as", "Kim Kommun")
    assert (code, "https://www.aneby.se/borta är död" in err) == (1, True)


def test_a_live_check_without_a_line_out_says_so_once(
    run: Run, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Found(LinkOutcome.UNREACHABLE, "gick inte att slå upp.", is_answered=False)
    monkeypatch.setattr(link_looks, "look", lambda address, *, environment: lost)

    code, out, _ = run("check", "--live")

    assert code == 0
    assert out.count("Ingen länk gick att kontrollera") == 1
    assert "gick inte att slå upp" not in out


def test_channels_are_listed_tested_and_started(run: Run, outside: Outside, tmp_path: Path) -> None:
    rows = {row["channel"]: row for row in listed(run, "channel", "list")}
    assert rows["webb"] | {"name": ""} == {
        "municipality": "aneby",
        "channel": "webb",
        "kind": "webb",
        "name": "",
        "state": "working",
        "reason": "",
        "can_withdraw": rows["webb"]["can_withdraw"],
        "can_correct": rows["webb"]["can_correct"],
        "can_probe": False,
        "can_rehearse": False,
    }
    assert (rows["webhook"]["can_probe"], rows["webhook"]["can_rehearse"]) == (True, True)

    assert run("channel", "test", "webhook")[:2] == (
        0,
        "Vi skulle publicera på Webbplatsen som Aneby kommun. Provet är borttaget.\n",
    )
    code, _, err = run("channel", "test", "webb")
    assert (code, "ett prov behövs inte" in err) == (1, True)
    outside.fault = "Inloggningen godtas inte."
    assert run("channel", "test", "webhook", "--municipality", "aneby")[0] == 1
    code, _, err = run("channel", "test", "webhok")
    assert (code, "Menade du ”webhook”" in err) == (1, True)

    code, _, err = run("channel", "start", "webhook", "--as", "Kim")
    assert (code, "är inte stoppad" in err) == (1, True)
    database = Database(f"sqlite:///{tmp_path / 'data' / 'kampanjhjul.db'}")
    with database.write() as session:
        lesson = Lesson(("aneby", "webhook"), Health.DEAD, "Inloggningen godtas inte.", datetime.now(UTC))
        accounts.learn(session, [lesson])
    database.close()
    _, out, _ = run("channel", "list")
    assert "stoppad: Inloggningen godtas inte." in out
    assert "kan prövas, prov" in out
    assert "kampanjhjul channel start ID" in out
    code, out, _ = run("channel", "start", "webhook", "--as", "Kim")
    assert (code, "i gång igen" in out) == (0, True)
    assert "stoppad" not in run("channel", "list")[1]
    assert run("channel", "start", "webhook")[0] == 2


def test_what_an_sms_costs_is_told_before_it_is_sent(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("init", str(tmp_path))
    monkeypatch.setenv("ELKS", SECRET)
    with serving(Elks()) as elks:
        aneby = tmp_path / "config" / "municipalities" / "aneby.toml"
        table = (
            f'kind = "sms"\nurl = "{elks.url}"\nsecret = "env:ELKS"\nsender = "Aneby"\nallow_private_addresses = true\n'
            'recipients = { jour = "+46701740605", falt = "+46701740606" }\n'
        )
        text = aneby.read_text(encoding="utf-8")
        start = text.index('kind = "manuell"', text.index("[channels.sociala-medier]"))
        aneby.write_text(text[:start] + table + text[text.index("\n\n", start) :], encoding="utf-8")
        number = str(next(item["id"] for item in listed(run, "posts") if "sociala-medier" in str(item["channels"])))

        shown = run("posts", number)[1]
        code, out, err = run("channel", "price", "sociala-medier", number)
        other = run("channel", "price", "webb", number)

    assert "till 2 nummer. Priset: kampanjhjul channel price sociala-medier" in shown
    assert (code, err) == (0, "")
    assert re.fullmatch(r"2 nummer, \d del(ar)? var. Kostnad: \d,\d\d i kontots valuta.", out.strip())
    assert elks.sent == []
    assert (other[0], "kostar inget" in other[2]) == (1, True)
