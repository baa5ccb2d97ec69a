"""The shipped configuration is whole, and every fault in one is told at once: file, key and what to write instead."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from campaigns.catalog import Catalog, Municipality
from campaigns.errors import ConfigurationError, NotFoundError
from campaigns.reading import load
from tests.conftest import CHANNEL_KINDS, CONFIG

RISK_DATES = "risk_dates.toml"
JUL, ANEBY = "campaigns/jul.toml", "municipalities/aneby.toml"
Edit = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped configuration, for the test to break."""
    return Path(shutil.copytree(CONFIG, tmp_path / "config"))


@pytest.fixture
def edit(folder: Path) -> Edit:
    def change(file: str, old: str, new: str) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text, f"{file} no longer has {old!r}"
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def faults(folder: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(folder, channel_kinds=CHANNEL_KINDS)
    assert refused.value.message.splitlines() == [str(problem) for problem in refused.value.problems]
    return [str(problem) for problem in refused.value.problems]


# -- the shipped configuration


def test_six_risk_dates_are_on_and_six_are_ready_but_off(catalog: Catalog) -> None:
    on = {item.id for item in catalog.risk_dates.values() if item.on_by_default}

    assert on == {"skolavslutning", "student", "valborg", "midsommar", "jul", "nyar"}
    assert catalog.risk_dates.keys() - on == {
        "pask",
        "kristi-himmelsfard",
        "skolstart",
        "hostlov",
        "lucia",
        "sportlov",
    }


def test_every_risk_date_that_is_on_has_a_campaign_of_the_same_name(catalog: Catalog) -> None:
    assert {campaign.id: campaign.risk_date for campaign in catalog.campaigns.values()} == {
        item.id: item.id for item in catalog.risk_dates.values() if item.on_by_default
    }


def test_every_audience_of_the_promise_is_there(catalog: Catalog) -> None:
    assert list(catalog.audiences) == ["foraldrar", "syskon", "unga-vuxna"]


def test_every_fact_says_where_it_comes_from_and_how_long_it_holds(catalog: Catalog) -> None:
    assert catalog.facts
    for fact in catalog.facts.values():
        assert fact.source, fact.id
        assert fact.checked_on < fact.valid_until, fact.id


def test_aneby_waits_for_the_days_of_several_upper_secondary_schools(aneby: Municipality) -> None:
    assert len(aneby.places["student"]) > 1
    assert aneby.local_dates == ()


def test_aneby_has_two_parties_and_channels_that_need_no_account(aneby: Municipality) -> None:
    assert [party.id for party in aneby.parties] == ["kommun", "polis"]
    assert {channel.kind for channel in aneby.channels} == {"webb", "skarm", "manuell"}
    assert str(aneby.zone) == "Europe/Stockholm"


def test_names_that_do_not_exist_get_the_nearest_one(catalog: Catalog, aneby: Municipality) -> None:
    look_ups: list[tuple[Callable[[str], object], str, str]] = [
        (catalog.municipality, "anebi", "aneby"),
        (catalog.campaign, "midsomar", "midsommar"),
        (catalog.audience, "foraldar", "foraldrar"),
        (aneby.channel, "skärm", "skarm"),
        (aneby.party, "polisen", "polis"),
    ]

    for look_up, name, near in look_ups:
        with pytest.raises(NotFoundError, match=f"Menade du ”{near}”"):
            look_up(name)


# -- what a municipality may choose


def test_a_municipality_switches_risk_dates_on_and_off(folder: Path, edit: Edit) -> None:
    edit(ANEBY, "[parties.kommun]", 'risk_dates = { on = ["pask"], off = ["nyar"] }\n[parties.kommun]')

    chosen = load(folder, channel_kinds=CHANNEL_KINDS).municipality("aneby").risk_dates

    assert [item.id for item in chosen] == ["skolavslutning", "student", "valborg", "midsommar", "jul", "pask"]


def test_local_and_extra_dates_of_a_file(folder: Path) -> None:
    with (folder / ANEBY).open("a", encoding="utf-8") as file:
        file.write(
            '[[local_dates]]\nrisk_date = "student"\nplace = "holaveden"\nday = 2027-06-11\nconfirmed = true\n'
            '[[extra_dates]]\nid = "marknad-2027"\nname = "Marknaden"\nday = 2027-09-04\ncampaign = "valborg"\n'
        )

    aneby = load(folder, channel_kinds=CHANNEL_KINDS).municipality("aneby")

    (local_date,), (extra_date,) = aneby.local_dates, aneby.extra_dates
    assert (local_date.place, local_date.first_day, local_date.day, local_date.is_confirmed) == (
        "holaveden",
        date(2027, 6, 10),
        date(2027, 6, 11),
        True,
    )
    assert (extra_date.first_day, extra_date.last_day) == (date(2027, 9, 4), date(2027, 9, 4))
    assert aneby.recipes == {"marknad-2027": "valborg"}


def test_a_byte_order_mark_from_a_windows_editor_is_no_fault(folder: Path) -> None:
    text = (folder / ANEBY).read_bytes()
    (folder / ANEBY).write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))

    assert load(folder, channel_kinds=CHANNEL_KINDS).municipality("aneby").name == "Aneby kommun"


# -- faults


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        # names that point to nothing
        (
            JUL,
            'risk_date = "jul"',
            'risk_date = "julen"',
            "campaigns/jul.toml: risk_date: okänt riskdatum ”julen”. Menade du ”jul”?",
        ),
        (
            JUL,
            'audiences = ["foraldrar"]',
            'audiences = ["foraldar"]',
            "campaigns/jul.toml: steps.tidigt.audiences: okänd målgrupp ”foraldar”. Menade du ”foraldrar”?",
        ),
        (
            JUL,
            '"skolplattform"',
            '"skolplatform"',
            "campaigns/jul.toml: steps.tidigt.channels: okänd kanal ”skolplatform”. Menade du ”skolplattform”?",
        ),
        (
            JUL,
            'promises = ["langning"]',
            'promises = ["langing"]',
            "campaigns/jul.toml: promises: okänt medborgarlöfte ”langing”. Menade du ”langning”?",
        ),
        (
            "promises.toml",
            'municipalities = ["aneby"]',
            'municipalities = ["anebi"]',
            "promises.toml: trafik.municipalities: okänd kommun ”anebi”. Menade du ”aneby”?",
        ),
        (
            ANEBY,
            'promises = ["trafik"',
            'promises = ["traffik"',
            "municipalities/aneby.toml: promises: okänt medborgarlöfte ”traffik”. Menade du ”trafik”?",
        ),
        (
            ANEBY,
            "[channels.skarm]",
            "[channels.skarmar]",
            "municipalities/aneby.toml: channels.skarmar: okänd kanal ”skarmar”. Menade du ”skarm”?",
        ),
        (
            ANEBY,
            'kind = "manuell"',
            'kind = "manuel"',
            "municipalities/aneby.toml: channels.skolplattform.kind: okänd kanaltyp ”manuel”. Menade du ”manuell”?",
        ),
        (
            ANEBY,
            'risk_dates = ["skolavslutning", "skolstart"]',
            'risk_dates = ["skolavslutning", "jul"]',
            "municipalities/aneby.toml: places.furulidsskolan.risk_dates: inget lokalt beslutat riskdatum heter ”jul”. "
            "Giltiga är: skolavslutning, skolstart, sportlov, student.",
        ),
        (
            ANEBY,
            "[parties.kommun]",
            'risk_dates = { on = ["påsk"] }\n[parties.kommun]',
            "municipalities/aneby.toml: risk_dates.on: okänt riskdatum ”påsk”. Menade du ”pask”?",
        ),
        # keys and kinds of value
        (
            JUL,
            "offset_days = -10",
            'offset_days = "-10"',
            "campaigns/jul.toml: steps.tidigt.offset_days: ska vara ett heltal utan citattecken",
        ),
        (
            JUL,
            "offset_days = -10",
            "offset_days = -1000",
            "campaigns/jul.toml: steps.tidigt.offset_days: får inte vara mindre än -365",
        ),
        (
            JUL,
            "at = 16:30:00",
            "at = 1630",
            "campaigns/jul.toml: steps.tidigt.at: ska vara ett klockslag utan citattecken, till exempel 16:30:00",
        ),
        (
            JUL,
            'audiences = ["foraldrar"]',
            'audiences = "foraldrar"',
            "campaigns/jul.toml: steps.tidigt.audiences: ska vara en lista inom hakparenteser",
        ),
        (
            JUL,
            'audiences = ["foraldrar"]',
            "audiences = []",
            "campaigns/jul.toml: steps.tidigt.audiences: får inte vara tom",
        ),
        (
            JUL,
            'kind = "confirm_dates"',
            'kind = "confirm_date"',
            "campaigns/jul.toml: deadlines.confirm_date.kind: ”confirm_date” går inte. Menade du ”confirm_dates”?",
        ),
        (
            "promises.toml",
            "first_day = 2025-01-01",
            "first_day = 20250101",
            "promises.toml: trafik.first_day: ska vara ett datum utan klockslag och citattecken, "
            "till exempel 2027-06-11",
        ),
        (
            RISK_DATES,
            "on = true\n\n[skolavslutning.local]",
            'on = "ja"\n\n[skolavslutning.local]',
            "risk_dates.toml: skolavslutning.on: ska vara true eller false, utan citattecken",
        ),
        (
            ANEBY,
            'code = "0604"',
            'code = "604"',
            "municipalities/aneby.toml: code: ”604” ska vara en kommunkod med fyra siffror inom citattecken, "
            "till exempel ”0604”",
        ),
        (
            ANEBY,
            "[parties.kommun]",
            "[parties.Kommunen]",
            "municipalities/aneby.toml: parties.Kommunen: ”Kommunen” får bara ha små bokstäver a–z, siffror och "
            "enkla bindestreck",
        ),
        (
            ANEBY,
            'zone = "Europe/Stockholm"',
            'zone = "Europe/Aneby"',
            "municipalities/aneby.toml: zone: är ingen känd tidszon, skriv till exempel ”Europe/Stockholm”",
        ),
        # values that do not fit together
        (
            JUL,
            "at = 16:30:00",
            "at = 21:00:00",
            "campaigns/jul.toml: steps.tidigt.at: 21.00 ligger i de tysta timmarna 21–07",
        ),
        (
            JUL,
            "at = 16:30:00",
            "at = 06:59:00",
            "campaigns/jul.toml: steps.tidigt.at: 06.59 ligger i de tysta timmarna 21–07",
        ),
        (
            JUL,
            "not_after = { offset_days = -4, at = 20:00:00 }",
            "not_after = { offset_days = -10, at = 16:30:00 }",
            "campaigns/jul.toml: steps.tidigt: not_after ska vara senare än offset_days och at",
        ),
        (JUL, 'id = "infor"', 'id = "veckan"', "campaigns/jul.toml: steps: ”veckan” står mer än en gång"),
        (JUL, 'kind = "plan"', 'kind = "write"', "campaigns/jul.toml: deadlines: ”write” står mer än en gång"),
        (
            "promises.toml",
            "last_day = 2026-12-31",
            "last_day = 2024-12-31",
            "promises.toml: trafik.last_day: sista dagen ligger före första dagen",
        ),
        (
            RISK_DATES,
            "last_offset = 1",
            "first_offset = 2\nlast_offset = 1",
            "risk_dates.toml: midsommar.last_offset: sista dagen ligger före första dagen",
        ),
        (
            RISK_DATES,
            'usual_last = "06-16"',
            'usual_last = "05-16"',
            "risk_dates.toml: skolavslutning.local.usual_last: ligger före usual_first",
        ),
        (
            RISK_DATES,
            'usual_last = "06-16"',
            'usual_last = "06-31"',
            "risk_dates.toml: skolavslutning.local.usual_last: ska vara månad och dag, till exempel ”05-31”",
        ),
        (
            RISK_DATES,
            "BYMONTHDAY=30",
            "BYMONTHDAY=31",
            "risk_dates.toml: valborg.rule: Regeln ”FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=31” inträffar aldrig år 2024.",
        ),
        (
            RISK_DATES,
            ",24,25",
            ",24",
            "risk_dates.toml: midsommar.rule: Regeln ”FREQ=YEARLY;BYMONTH=6;BYDAY=FR;BYMONTHDAY=19,20,21,22,23,24” "
            "inträffar aldrig år 2027.",
        ),
        (
            RISK_DATES,
            "easter = -1",
            'easter = -1\nrule = "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=1"',
            "risk_dates.toml: pask: ska ha exakt en av rule, easter och local",
        ),
        (
            ANEBY,
            "[parties.kommun]",
            'risk_dates = { on = ["pask", "jul"], off = ["jul"] }\n[parties.kommun]',
            "municipalities/aneby.toml: risk_dates: jul står i både on och off",
        ),
        (
            ANEBY,
            'kind = "webb"',
            'kind = "webb"\nlanguages = ["sv", "ar"]',
            "municipalities/aneby.toml: channels.webb.languages: kommunen har inte språket ”ar”. "
            "Lägg till det i languages.",
        ),
        (
            ANEBY,
            'kind = "webb"',
            'kind = "webhook"\nurl = "https://www.exempel.se"',
            "municipalities/aneby.toml: channels.webb: webhook måste ha secret",
        ),
        (
            ANEBY,
            'kind = "webb"',
            'kind = "webhook"\nsecret = "env:HEMLIG"\nurl = "www.exempel.se"',
            "municipalities/aneby.toml: channels.webb: url ska börja med https://",
        ),
    ],
)
def test_one_fault_is_one_sentence(folder: Path, edit: Edit, file: str, old: str, new: str, told: str) -> None:
    edit(file, old, new)

    assert faults(folder) == [told]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            '[[local_dates]]\nrisk_date = "student"\nplace = "holavede"\nday = 2027-06-11\n',
            ["local_dates.1.place: okänd plats ”holavede”. Menade du ”holaveden”?"],
        ),
        (
            '[[local_dates]]\nrisk_date = "student"\nday = 2027-06-11\n',
            [
                "local_dates.1.place: saknas och måste finnas: student har flera platser. "
                "Giltiga är: eksjo, holaveden, jonkoping, nassjo, vetlanda."
            ],
        ),
        (
            '[[local_dates]]\nrisk_date = "sportlov"\nplace = "eksjo"\nday = 2027-02-15\n',
            ["local_dates.1.place: ”eksjo” är ingen plats för sportlov: lägg till den i places, eller ta bort place"],
        ),
        (
            '[[local_dates]]\nrisk_date = "valborg"\nday = 2027-04-30\n',
            [
                "local_dates.1.risk_date: inget lokalt beslutat riskdatum heter ”valborg”. "
                "Giltiga är: skolavslutning, skolstart, sportlov, student."
            ],
        ),
        (
            '[[local_dates]]\nrisk_date = "sportlov"\nday = 2027-02-15\n'
            '[[local_dates]]\nrisk_date = "sportlov"\nday = 2027-02-22\n',
            ["local_dates.2: samma riskdatum, plats och år står mer än en gång"],
        ),
        (
            '[[local_dates]]\nrisk_date = "sportlov"\nday = 2027-02-15\nlast_day = 2027-02-01\n',
            ["local_dates.1: day ska ligga mellan first_day och last_day"],
        ),
        (
            '[[local_dates]]\nrisk_date = "sportlov"\nday = 0227-02-15\n',
            ["local_dates.1.day: året ska ligga mellan 2024 och 2075"],
        ),
        (
            '[[extra_dates]]\nid = "jul"\nname = "Julmarknaden"\nday = 2027-12-04\n',
            ["extra_dates.jul: ”jul” är redan ett riskdatum: välj ett annat id"],
        ),
        (
            '[[extra_dates]]\nid = "marknad"\nname = "Marknaden"\nday = 2027-09-04\nfirst_day = 2027-09-05\n',
            ["extra_dates.marknad: day ska ligga mellan first_day och last_day"],
        ),
        (
            '[[extra_dates]]\nid = "marknad"\nname = "Marknaden"\nday = 2027-09-04\ncampaign = "valborgs"\n',
            ["extra_dates.marknad.campaign: okänd kampanj ”valborgs”. Menade du ”valborg”?"],
        ),
        (
            '[[extra_dates]]\nid = "marknad"\nname = "Marknaden"\nday = 2027-09-04T10:00:00\n',
            ["extra_dates.marknad.day: ska vara ett datum utan klockslag och citattecken, till exempel 2027-06-11"],
        ),
        (
            '[[places]]\nid = "eksjo"\nname = "Eksjö"\nrisk_dates = ["student"]\n',
            ["places: ”eksjo” står mer än en gång"],
        ),
        (
            '[[reminders]]\nrole = "samordnare"\nkinds = ["skriva"]\n',
            [
                "reminders.samordnare.kinds: ”skriva” går inte. "
                "Giltiga är: by_hand, confirm_dates, digest, escalation, failure, follow_up, note, nudge, plan, sign, "
                "write."
            ],
        ),
        ("[channel]\n", ["channel: nyckeln finns inte. Menade du ”channels”?"]),
    ],
)
def test_faults_in_what_a_municipality_adds(folder: Path, table: str, told: list[str]) -> None:
    with (folder / ANEBY).open("a", encoding="utf-8") as file:
        file.write(table)

    assert faults(folder) == [f"{ANEBY}: {line}" for line in told]


@pytest.mark.parametrize("secret", ['"hunter2"', '"env:"', '"file:"', "4711"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(folder: Path, edit: Edit, secret: str) -> None:
    edit(ANEBY, 'kind = "webb"', f'kind = "webhook"\nurl = "https://www.exempel.se"\nsecret = {secret}')

    (told,) = faults(folder)

    assert told.startswith(f"{ANEBY}: channels.webb.secret: ")
    assert "hunter2" not in told
    assert "4711" not in told


def test_a_secret_under_a_name_that_does_not_exist_is_not_repeated_either(folder: Path, edit: Edit) -> None:
    edit(ANEBY, 'kind = "webb"', 'kind = "webb"\npassword = "hunter2"')

    (told,) = faults(folder)

    assert told.startswith(f"{ANEBY}: channels.webb.password: nyckeln finns inte. ")
    assert "hunter2" not in told


def test_a_misspelt_key_gets_the_nearest_one_beside_what_is_now_missing(folder: Path, edit: Edit) -> None:
    edit(JUL, "offset_days = -10", "ofset_days = -10")

    assert faults(folder) == [
        f"{JUL}: steps.tidigt.offset_days: saknas och måste finnas",
        f"{JUL}: steps.tidigt.ofset_days: nyckeln finns inte. Menade du ”offset_days”?",
    ]


def test_every_fault_is_told_at_once_whatever_file_it_is_in(folder: Path, edit: Edit) -> None:
    edit(JUL, 'audiences = ["foraldrar"]', 'audiences = ["foraldar"]')
    edit(JUL, "at = 15:30:00", "at = 23:30:00")
    edit(JUL, 'id = "narmast"', 'id = "veckan"')
    edit(JUL, 'responsible = "Kommunens tillsyn"', "ansvarig = 1")
    edit("campaigns/valborg.toml", "[[steps]]", "[[steps]")
    edit(RISK_DATES, "BYMONTHDAY=31", "BYMONTHDAY=32")
    edit(ANEBY, 'zone = "Europe/Stockholm"', 'zone = "Aneby"')
    edit(ANEBY, '"trygghet"]', '"trygg"]')
    (folder / "audiences.toml").write_bytes((folder / "audiences.toml").read_bytes() + "\n[äldre]\n".encode("latin-1"))
    (folder / "facts.toml").unlink()

    told = {(fault.split(": ")[0], fault.split(": ")[1]) for fault in faults(folder)}

    assert told == {
        (JUL, "steps"),
        (JUL, "steps.infor.at"),
        (JUL, "activities.tobakstillsyn.ansvarig"),
        (JUL, "activities.tobakstillsyn.responsible"),
        ("campaigns/valborg.toml", told_line(folder / "campaigns/valborg.toml", "[[steps]\n")),
        (RISK_DATES, "nyar.rule"),
        (ANEBY, "zone"),
        (ANEBY, "promises"),
        ("audiences.toml", told_line(folder / "audiences.toml", "[äldre]")),
        ("facts.toml", "filen saknas"),
    }


def told_line(path: Path, text: str) -> str:
    """How the reader names the line that has `text`."""
    before = path.read_text(encoding="latin-1").split(text)[0]
    line = before.count("\n") + 1
    return f"rad {line}, tecken 8" if path.name == "valborg.toml" else f"rad {line}"


@pytest.mark.parametrize("file", [RISK_DATES, "audiences.toml", "channels.toml", "promises.toml", JUL])
@pytest.mark.parametrize("broken", [b"[jul\n", b"", b"# bara en kommentar\n", b"\xff\xfe[jul]", None])
def test_a_file_that_cannot_be_read_gives_no_faults_elsewhere(folder: Path, file: str, broken: bytes | None) -> None:
    """What points to the names in it may well be right."""
    with (folder / ANEBY).open("a", encoding="utf-8") as more:
        more.write('[[extra_dates]]\nid = "marknad"\nname = "Marknaden"\nday = 2027-09-04\ncampaign = "jul"\n')
    if broken is None:
        (folder / file).unlink()
        (folder / file).mkdir()
    else:
        (folder / file).write_bytes(broken)

    (told,) = faults(folder)

    assert told.startswith(f"{file}: ")


def test_a_broken_entry_still_has_its_name(folder: Path, edit: Edit) -> None:
    edit(RISK_DATES, 'name = "Studenten"', "name = 1")
    edit("audiences.toml", 'name = "Syskon"', "namn = 1")
    edit("campaigns/valborg.toml", 'name = "Valborg utan langning"\n', "")
    with (folder / ANEBY).open("a", encoding="utf-8") as file:
        file.write(
            '[[local_dates]]\nrisk_date = "student"\nplace = "eksjo"\nday = 2027-06-11\n'
            '[[extra_dates]]\nid = "marknad"\nname = "Marknaden"\nday = 2027-09-04\ncampaign = "valborg"\n'
        )

    assert {fault.split(": ")[0] for fault in faults(folder)} == {
        RISK_DATES,
        "audiences.toml",
        "campaigns/valborg.toml",
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "filen är tom"),
        (b"name = Jul\n", "rad 1, tecken 8: filen är inte giltig TOML"),
        (b'name = "Jul"\nat = 16:30\n', "rad 2, tecken 8: filen är inte giltig TOML"),
        (b'name = "Jul\n', "rad 1, tecken 12: filen är inte giltig TOML"),
        (b'name = "Jul"\nsteps = [', "sista raden: filen är inte giltig TOML"),
        ('name = "Nyår"'.encode("latin-1"), "rad 1: filen är inte UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(folder: Path, content: bytes, told: str) -> None:
    (folder / JUL).write_bytes(content)

    (fault,) = faults(folder)

    assert fault.startswith(f"{JUL}: {told}")


def test_a_missing_folder_is_one_fault(tmp_path: Path, folder: Path) -> None:
    assert faults(tmp_path / "ingen") == [
        f"{tmp_path / 'ingen'}: mappen finns inte. Ange rätt mapp med KAMPANJHJUL_CONFIG_DIR."
    ]
    shutil.rmtree(folder / "campaigns")
    assert faults(folder) == ["campaigns: mappen saknas eller har ingen .toml-fil"]


def test_a_file_name_is_an_id(folder: Path) -> None:
    (folder / "campaigns" / "valborg.toml").rename(folder / "campaigns" / "Valborg i maj.toml")

    assert faults(folder) == [
        "campaigns/Valborg i maj.toml: ”Valborg i maj” får bara ha små bokstäver a–z, siffror och enkla bindestreck"
    ]
