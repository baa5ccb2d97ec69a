"""The shipped messages: the whole matrix is there, renders, is easy to read, fits, and says what was agreed."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import pytest

from campaigns.catalog import Fact
from campaigns.content import Content, Source, context_for, find_source, render
from campaigns.faults import FaultCode, faults
from campaigns.readability import read
from campaigns.schema import FactTable
from campaigns.sms import segments

ROOT = Path(__file__).parent.parent
MESSAGES = ROOT / "templates" / "messages"
CAMPAIGNS = ("valborg", "skolavslutning", "student", "midsommar", "jul", "nyar")
AUDIENCES = ("foraldrar", "syskon", "unga-vuxna")
TOUCHES = (
    ("tidigt", "foraldrar", 14),
    ("veckan", "foraldrar", 7),
    ("infor", "syskon", 5),
    ("infor", "unga-vuxna", 5),
    ("narmast", "syskon", 2),
    ("narmast", "unga-vuxna", 2),
    ("paminnelse", "foraldrar", 1),
    ("paminnelse", "syskon", 1),
    ("paminnelse", "unga-vuxna", 1),
)
# Parents' early message before nyår is the one before jul.
MATRIX = [
    (campaign, *touch) for campaign, touch in product(CAMPAIGNS, TOUCHES) if (campaign, touch[0]) != ("nyar", "tidigt")
]
# The longest weekday and month, and a plain one.
DAYS = (date(2027, 4, 30), date(2027, 12, 23), date(2027, 9, 29))

# Three sentences for each campaign and audience, agreed with both parties.
SENTENCES: dict[tuple[str, str], tuple[str, str, str]] = {
    ("valborg", "foraldrar"): (
        "Fråga redan i veckan var ditt barn ska fira valborg, med vem och hur hen tar sig hem.",
        "Köp inte ut och skicka inte med alkohol. Ditt nej gör skillnad, även om andra säger ja.",
        "Var nåbar hela kvällen, bestäm en tid då ni hörs och var vaken när ditt barn kommer hem.",
    ),
    ("valborg", "syskon"): (
        "Ber ditt syskon dig köpa ut till valborg? Du kan svara: nej, för att jag bryr mig om dig.",
        "Det är förbjudet att köpa ut starköl, vin och sprit till den som är under 20, även när det är ditt "
        "eget syskon.",
        "Erbjud något annat: en skjuts hem, sällskap vid brasan eller att du svarar om hen ringer.",
    ),
    ("valborg", "unga-vuxna"): (
        "Du som har fyllt 20: säg nej när någon yngre ber dig handla på Systembolaget inför valborg.",
        "För folköl är gränsen 18 år, för starköl, vin och sprit 20 år. Det gäller också när du ger bort "
        "eller lånar ut.",
        "Mår någon dåligt av alkohol? Stanna kvar, lägg personen på sidan och ring 112.",
    ),
    ("skolavslutning", "foraldrar"): (
        "Planera kvällen tillsammans: var, med vem, vilken tid hem och vem som hämtar.",
        "Prata med ett par andra föräldrar i klassen, så att ni har samma regler om alkohol och nikotin.",
        "Håll koll på alkoholen hemma, så att den inte följer med ut.",
    ),
    ("skolavslutning", "syskon"): (
        "Din bror eller syster behöver inte alkohol från dig för att fira sommarlovet. Säg nej om du blir "
        "ombedd att köpa ut.",
        "Dela inte med dig av snus eller vejp. Nikotin är starkt beroendeframkallande, och butiker får inte "
        "sälja till den som är under 18.",
        "Var den som ditt syskon kan ringa om kvällen går fel.",
    ),
    ("skolavslutning", "unga-vuxna"): (
        "Högstadiet firar sommarlov. Säg nej om någon som är för ung ber dig köpa ut.",
        "Har du sett konton som säljer alkohol i sociala medier? Dela dem inte. Tipsa polisen på 114 14.",
        "Fler vuxna ute gör kvällen lugnare. Stanna gärna till, hälsa och fråga hur läget är.",
    ),
    ("student", "foraldrar"): (
        "De flesta som tar studenten är 18 eller 19 år. De får inte köpa alkohol på Systembolaget, och du "
        "får inte köpa åt dem.",
        "Ordnar du mottagning? Ha gott om mat och alkoholfri dryck, och bjud inte de yngre gästerna på alkohol.",
        "Bestäm hemresan i förväg: vem kör nykter, när går bussen och när hörs ni?",
    ),
    ("student", "syskon"): (
        "Har du fyllt 20 får du kanske frågan inför studenten. Du kan säga nej utan att förklara dig.",
        "Gränsen för starköl, vin och sprit i butik är 20 år, också på studentdagen.",
        "Ge något som räcker längre: en skjuts, en frukost dagen efter eller en bild på er två.",
    ),
    ("student", "unga-vuxna"): (
        "På krogen får du bli serverad när du har fyllt 18. Att köpa ut starköl, vin eller sprit till "
        "kompisar under 20 är ändå langning.",
        "Har ni alkohol på flaket eller festen? Ge den inte till yngre gäster.",
        "Håll ihop i gruppen. Ring 112 om någon inte går att väcka.",
    ),
    ("midsommar", "foraldrar"): (
        "Systembolaget har stängt på midsommarafton. Frågan om att köpa ut kommer därför dagarna innan. "
        "Bestäm ditt svar i förväg.",
        "Kom överens med de andra vuxna om vem som är nykter och kan köra.",
        "Prata om bad, båt och alkohol. Det går inte ihop.",
    ),
    ("midsommar", "syskon"): (
        "Firar ni på samma ställe? Ta ansvar för hemvägen, inte för alkoholen.",
        "Även ett par burkar starköl är förbjudet att köpa ut till den som är under 20.",
        "Säg till en vuxen om ditt syskon dricker så att du blir orolig.",
    ),
    ("midsommar", "unga-vuxna"): (
        "Tältar ni eller hyr stuga ihop? Bestäm i förväg att ingen handlar alkohol åt dem som är yngre.",
        "Kör inte bil, båt eller A-traktor om du har druckit, och åk inte med någon som har gjort det.",
        "Håll koll på varandra vid vattnet och ring 112 direkt om någon saknas.",
    ),
    ("jul", "foraldrar"): (
        "Under jullovet är många unga hemma utan vuxna på dagarna. Säg i förväg att du tänker ringa, och ring.",
        "Bestäm före julhelgen vad som gäller hemma. Det är lättare att säga nej när regeln redan finns.",
        "Flytta eller lås in alkoholen när ni har gäster och när ni reser bort.",
    ),
    ("jul", "syskon"): (
        "Kommer du hem över jul? Ditt syskon lägger märke till vad du gör. Visa att det går bra att säga nej.",
        "Ge inte alkohol, snus eller vejp i julklapp till den som är för ung.",
        "Verkar ditt syskon må dåligt under lovet? Fråga hur det är och berätta för en vuxen ni litar på.",
    ),
    ("jul", "unga-vuxna"): (
        "Hemvändarkvällen lockar också yngre. Köp inte ut till kompisars småsyskon.",
        "Du får inte ge bort starköl, vin eller sprit till den som är under 20, inte ens som present.",
        "Blir julen jobbig för att någon i familjen dricker? Alkoholhjälpen ger stöd gratis och du kan vara anonym.",
    ),
    ("nyar", "foraldrar"): (
        "Ta reda på vilken vuxen som är på plats på festen, och byt nummer.",
        "Bestäm en tid då ni hörs efter tolvslaget, och hämta om du kan.",
        "Köp inte ut till nyår. Unga som får alkohol hemifrån dricker ofta mer än andra.",
    ),
    ("nyar", "syskon"): (
        "Bestäm redan i dag vad du svarar om ditt syskon ber dig köpa ut.",
        "Nästan hälften av de unga säger att de skulle låta bli att skaffa alkohol om ingen de känner "
        "hjälpte dem (CAN, 2023).",
        "Ha mobilen på efter tolvslaget, så att ditt syskon kan nå dig.",
    ),
    ("nyar", "unga-vuxna"): (
        "Ordnar du fest? Bjud inte på alkohol till dem som är för unga.",
        "Låt den som är nykter och har åldern inne sköta raketerna.",
        "Vet du att någon säljer alkohol till unga? Tipsa polisen på 114 14. Händer det just nu och är det "
        "bråttom, ring 112.",
    ),
}


def shipped_facts() -> dict[str, Fact]:
    """The facts of config/facts.toml as they are when everything has been confirmed."""
    tables = tomllib.loads((ROOT / "config" / "facts.toml").read_text(encoding="utf-8"))
    facts = {}
    for fact_id, table in tables.items():
        fact = FactTable(**table)
        facts[fact_id] = Fact(
            fact_id, fact.kind, fact.text, fact.source, fact.checked_on, date(2027, 12, 31), is_confirmed=True
        )
    return facts


FACTS = shipped_facts()


def source_of(campaign: str, step: str, audience: str) -> Source:
    source = find_source(MESSAGES, campaign, step, audience, channel="webb", language="sv")
    assert source is not None, f"{campaign}/{step}.{audience}.md saknas"
    return source


def message(campaign: str, step: str, audience: str, days: int, *, day: date = DAYS[0]) -> Content:
    footer = find_source(MESSAGES, "", "footer", "", channel="", language="sv")
    assert footer is not None
    context = context_for(
        municipality_name="Aneby kommun",
        police_area="lokalpolisområde Höglandet",
        risk_name=campaign,
        day=day,
        send_day=day - timedelta(days=days),
        places=["Holavedsgymnasiet i Tranås", "Eksjö gymnasium"] if campaign == "student" else [],
        promise="Förebygga barn och ungas brottslighet.",
        audience=audience,
        facts={fact.id: fact.text for fact in FACTS.values()},
        link="https://www.aneby.se",
    )
    return render(source_of(campaign, step, audience), context, footer=footer, language="sv")


def test_the_matrix_is_whole_and_nothing_lies_beside_it() -> None:
    wanted = {f"{campaign}/{step}.{audience}.md" for campaign, step, audience, _ in MATRIX}

    assert {path.relative_to(MESSAGES).as_posix() for path in MESSAGES.glob("*/*")} == wanted
    assert len(wanted) == 53


@pytest.mark.parametrize("touch", MATRIX, ids=lambda touch: ".".join(touch[:3]))
@pytest.mark.parametrize("day", DAYS, ids=str)
def test_a_message_may_be_approved_once_its_facts_are_confirmed(touch: tuple[str, str, str, int], day: date) -> None:
    content = message(*touch, day=day)
    used = source_of(*touch[:3]).facts_used

    for kind in ("webb", "skarm", "manuell", "webhook", "sms", "mastodon"):
        found = faults(content, channel_kind=kind, facts_used=used, facts=FACTS, send_day=day)
        # Two of the agreed sentences have 21 words.
        assert [fault for fault in found if fault.code is not FaultCode.LONG_SENTENCE] == []
    assert read(content.plain().text).lix <= 35
    assert segments(content.short).parts == 1
    assert len(content.short.split()) <= 25
    assert "{" not in content.to_bytes().decode()[1:]


@pytest.mark.parametrize("days", [0, 1, 5, 30])
def test_a_message_reads_right_whatever_day_it_is_sent(days: int) -> None:
    for campaign, step, audience, _ in MATRIX:
        content = message(campaign, step, audience, days)

        assert "fredag 30 april" in content.body.lower(), (campaign, step, audience)
        assert content.body.endswith("Löftet: Förebygga barn och ungas brottslighet.")


@pytest.mark.parametrize(("campaign", "audience"), SENTENCES, ids="-".join)
def test_the_agreed_sentences_are_said(campaign: str, audience: str) -> None:
    steps = [touch for touch in MATRIX if touch[0] == campaign and touch[2] == audience]
    bodies = {step: " ".join(message(campaign, step, to, days).plain().text.split()) for _, step, to, days in steps}
    first = min(bodies, key=lambda step: ("tidigt", "infor", "veckan", "narmast", "paminnelse").index(step))

    for sentence in SENTENCES[campaign, audience]:
        assert sentence in bodies[first], f"{campaign}/{first}.{audience}"


def test_each_step_leads_with_its_own_sentence() -> None:
    for campaign, audience in SENTENCES:
        leads = [
            message(campaign, step, to, days).body.split("\n\n")[0]
            for name, step, to, days in MATRIX
            if (name, to) == (campaign, audience)
        ]

        assert len(set(leads)) == len(leads), (campaign, audience)


def test_every_message_is_signed_by_both() -> None:
    for touch in MATRIX:
        assert (
            "Aneby kommun och polisen, lokalpolisområde Höglandet, i samarbete. En del av vårt medborgarlöfte."
            in message(*touch).body
        )


def test_students_are_told_which_schools_the_day_is_for() -> None:
    body = message("student", "tidigt", "foraldrar", 14).body

    assert "fredag 30 april (Holavedsgymnasiet i Tranås och Eksjö gymnasium)." in body


def test_what_nobody_has_confirmed_blocks() -> None:
    """Systembolaget's hours are to be checked each year before parents are told about midsommar."""
    source = source_of("midsommar", "tidigt", "foraldrar")
    facts = {key: replace(fact, is_confirmed=key != "systembolaget_midsommarafton") for key, fact in FACTS.items()}

    found = faults(
        message("midsommar", "tidigt", "foraldrar", 14),
        channel_kind="webb",
        facts_used=source.facts_used,
        facts=facts,
        send_day=DAYS[0],
    )

    assert [fault.code for fault in found if fault.is_blocking] == [FaultCode.UNCONFIRMED_FACT]


def test_unverified_facts_are_shipped_unconfirmed_and_no_message_rests_on_them_but_one() -> None:
    tables = tomllib.loads((ROOT / "config" / "facts.toml").read_text(encoding="utf-8"))
    unconfirmed = {key for key, table in tables.items() if not table["confirmed"]}
    used = {fact for campaign, step, audience, _ in MATRIX for fact in source_of(campaign, step, audience).facts_used}

    assert {"tobak_langning_privat", "alkoholhjalpen_telefon", "bris"} <= unconfirmed
    assert used & unconfirmed == {"systembolaget_midsommarafton"}
    assert used <= tables.keys()
