"""Content: template files taken apart, found, filled in, shown and judged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from campaigns.catalog import Fact
from campaigns.content import (
    PLACEHOLDERS,
    Content,
    Source,
    context_for,
    find_source,
    listed,
    parse_source,
    plain_text,
    render,
)
from campaigns.content.phrases import refused_phrases
from campaigns.errors import NotFoundError, TemplateError
from campaigns.faults import Fault, FaultCode, Severity, faults
from campaigns.limits import LIMITS
from campaigns.picture_files import JPEG, PNG, PictureFile

FRI_30_APRIL = date(2027, 4, 30)
SUN_25_APRIL = date(2027, 4, 25)


def make_text(body: str = "Brödtext.", *, title: str = "Rubrik", short: str = "Kort.", more: str = "") -> str:
    return f'+++\ntitle = "{title}"\nshort = "{short}"\n{more}+++\n\n{body}\n'


def make_source(body: str = "Brödtext.", *, title: str = "Rubrik", short: str = "Kort.", more: str = "") -> Source:
    return parse_source(make_text(body, title=title, short=short, more=more), name="prov.md")


def make_context(
    *, day: date = FRI_30_APRIL, send_day: date = SUN_25_APRIL, places: tuple[str, ...] = (), link: str = ""
) -> dict[str, object]:
    return context_for(
        municipality_name="Aneby kommun",
        police_area="lokalpolisområde Höglandet",
        risk_name="Valborg",
        day=day,
        send_day=send_day,
        places=places,
        promise="Vi lovar.",
        audience="Unga vuxna",
        facts={"tips": "114 14"},
        link=link,
    )


def rendered(
    body: str, *, language: str = "sv", footer: str = "", title: str = "Rubrik", short: str = "Kort."
) -> Content:
    source = make_source(body, title=title, short=short)
    return render(source, make_context(), footer=footer, language=language)


# Files.


def test_a_file_is_taken_apart() -> None:
    source = make_source(
        "Rad ett.\n\nRad två.", more='link = "https://a.se"\nimage = "a.png"\nalt = "En brasa"\nsources = ["a"]\n'
    )

    assert (source.title, source.short, source.body) == ("Rubrik", "Kort.", "Rad ett.\n\nRad två.")
    assert (source.link, source.image, source.alt, source.sources) == ("https://a.se", "a.png", "En brasa", ("a",))
    assert source.body_line == 10


def test_a_file_from_another_system_is_read_the_same() -> None:
    text = make_text("Rad ett.\n\nRad två.")

    assert parse_source("\ufeff" + text.replace("\n", "\r\n"), name="prov.md") == parse_source(text, name="prov.md")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("bara text", ["ska börja med en rad +++"]),
        ('+++\ntitle = "A"', ["ska börja med en rad +++"]),
        ("+++\ntitle = A\n+++\n", ["går inte att läsa", "line 2"]),
        ("+++\n+++\nx", ["”title” saknas", "”short” saknas"]),
        (
            '+++\ntitel = "A"\nshort = 3\nsources = "a"\n+++\n',
            ["Menade du ”title”?", "”short” ska vara en text", "”sources” ska vara en lista", "”title” saknas"],
        ),
    ],
)
def test_everything_wrong_with_the_front_matter_is_told_at_once(text: str, parts: list[str]) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_source(text, name="prov.md")

    assert all(part in caught.value.message for part in parts), caught.value.message
    assert all(line.startswith("prov.md: ") for line in caught.value.message.splitlines())


def write(directory: Path, *names: str) -> None:
    for name in names:
        path = directory / "valborg" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(make_text(name), encoding="utf-8")


def found(directory: Path, *, channel: str | None = "sms", language: str = "sv") -> str | None:
    source = find_source(directory, "valborg", "infor", "syskon", channel=channel, language=language)
    return source.body if source else None


def test_the_most_specific_file_wins(tmp_path: Path) -> None:
    write(tmp_path, "infor.syskon.md")
    assert found(tmp_path) == "infor.syskon.md"

    write(tmp_path, "infor.syskon.sms.md")
    assert found(tmp_path) == "infor.syskon.sms.md"
    assert found(tmp_path, channel="webb") == "infor.syskon.md"
    assert found(tmp_path, channel=None) == "infor.syskon.md"


def test_swedish_never_stands_in_for_another_language(tmp_path: Path) -> None:
    write(tmp_path, "infor.syskon.md", "infor.syskon.sms.md")
    assert found(tmp_path, language="en") is None

    write(tmp_path, "infor.syskon.en.md")
    assert found(tmp_path, language="en") == "infor.syskon.en.md"

    write(tmp_path, "infor.syskon.sms.en.md")
    assert found(tmp_path, language="en") == "infor.syskon.sms.en.md"
    assert found(tmp_path, channel="webb", language="en") == "infor.syskon.en.md"
    assert found(tmp_path, language="ar") is None


def test_an_edited_file_is_seen(tmp_path: Path) -> None:
    write(tmp_path, "infor.syskon.md")
    before = found(tmp_path)
    path = tmp_path / "valborg" / "infor.syskon.md"
    path.write_text(make_text("infor.SYSKON.md"), encoding="utf-8")
    os.utime(path, ns=(1, 1))

    assert (before, found(tmp_path)) == ("infor.syskon.md", "infor.SYSKON.md")


def test_a_shared_part_has_no_front_matter(tmp_path: Path) -> None:
    (tmp_path / "footer.md").write_text("{{ kommun }} i samarbete.\n", encoding="utf-8")

    footer = find_source(tmp_path, "", "footer", "", channel="", language="sv")

    assert footer is not None
    assert render(make_source(), make_context(), footer=footer, language="sv").body.endswith(
        "Aneby kommun i samarbete."
    )


@pytest.mark.parametrize("name", ["../../etc", "a/b", "a.b", "A", ""])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    write(tmp_path, "infor.syskon.md")
    with pytest.raises(NotFoundError):
        find_source(tmp_path, name or "..", "infor", "syskon", channel=None, language="sv")


# Rendering.


def test_every_placeholder_is_explained_and_given() -> None:
    assert make_context().keys() == PLACEHOLDERS.keys()


@pytest.mark.parametrize(
    ("send_day", "days", "phrase"),
    [
        (date(2027, 4, 25), 5, "om 5 dagar"),
        (date(2027, 4, 29), 1, "i morgon"),
        (date(2027, 4, 30), 0, "i dag"),
        (date(2027, 5, 1), -1, "i går"),
    ],
)
def test_the_text_reads_right_from_the_day_it_is_sent(send_day: date, days: int, phrase: str) -> None:
    context = make_context(send_day=send_day)

    assert (context["dagar_kvar"], context["dagen"]) == (days, phrase)


def test_placeholders_are_filled_in_everywhere() -> None:
    content = rendered(
        "{{ kommun }} {{ veckodag }} {{ ar }} {{ malgrupp }} {{ fakta.tips }}",
        title="{{ risktillfalle|capitalize }} {{ datum }}",
        short="Valborg är {{ dagen }}.",
        footer="{{ polisomrade }}: {{ lofte }}",
    )

    assert content.title == "Valborg fredag 30 april"
    assert content.short == "Valborg är om 5 dagar."
    assert content.body == "Aneby kommun fredag 2027 unga vuxna 114 14\n\nlokalpolisområde Höglandet: Vi lovar."


@pytest.mark.parametrize(
    ("places", "text"),
    [
        ([], ""),
        (["Holavedsgymnasiet i Tranås"], "Holavedsgymnasiet i Tranås"),
        (["Holavedsgymnasiet i Tranås", "Eksjö gymnasium"], "Holavedsgymnasiet i Tranås och Eksjö gymnasium"),
        (["A", "B", "C"], "A, B och C"),
        (["A, Tranås", "B, Vetlanda", "C"], "A, Tranås; B, Vetlanda och C"),
    ],
)
def test_places_are_listed_as_people_write(places: list[str], text: str) -> None:
    assert listed(places) == text


def test_an_unknown_placeholder_is_told_with_its_line_and_the_nearest_name() -> None:
    with pytest.raises(TemplateError, match=r"prov\.md, rad 7: platshållaren ”datm” finns inte\. Menade du ”datum”\?"):
        rendered("Rad ett.\n{% if plats %}{{ datm }}{% endif %}")
    with pytest.raises(TemplateError, match=r"”title”.*kommn"):
        rendered("x", title="{{ kommn }}")


def test_title_and_short_are_one_line_of_composed_text() -> None:
    content = rendered("x", title="Va\\nlborg\\u0007 a\\u030a", short="  en\\ttext ")

    assert (content.title, content.short) == ("Va lborg å", "en text")


def test_the_link_is_the_templates_own_or_the_campaign_page() -> None:
    page = make_context(link="https://www.aneby.se")

    assert render(make_source(), page, footer="", language="sv").link == "https://www.aneby.se"
    own = make_source(more='link = "https://a.se"\n')
    assert render(own, page, footer="", language="sv").link == "https://a.se"


def test_another_language_gets_no_swedish_words() -> None:
    assert rendered("{{ kommun }} {{ datum }}", language="en").body == "Aneby kommun 2027-04-30"
    with pytest.raises(TemplateError, match="svenska ord"):
        rendered("It is {{ dagen }}.", language="en")


def test_the_facts_a_text_rests_on_are_found() -> None:
    source = make_source("{{ fakta.a }}", short="{{ fakta['b'] }}", more='sources = ["c"]\n')

    assert source.facts_used == {"a", "b", "c"}


@pytest.mark.parametrize(
    "body",
    [
        "{{ (fakta or 1).tips }}",
        "{% for f in [fakta] %}{{ f.tips }}{% endfor %}",
        "{{ (fakta if kommun else plats).tips }}",
        "{{ fakta|first }}",
        "{{ fakta.tips }}{{ fakta|length }}",
    ],
)
def test_no_fact_can_be_shown_without_being_counted(body: str) -> None:
    with pytest.raises(TemplateError, match="aldrig bara fakta"):
        _ = make_source(body).facts_used


def test_content_survives_its_bytes_and_the_bytes_are_canonical() -> None:
    content = rendered("Åäö – ”citat”.")

    assert Content.from_bytes(content.to_bytes()) == content
    assert content.to_bytes().startswith('{"alt":"","body":"Åäö – ”citat”.",'.encode())
    for damaged in (b"", b"[]", b'{"title": "x"}', b"\xff"):
        with pytest.raises(TemplateError):
            Content.from_bytes(damaged)


# Showing.


def test_html_is_clean() -> None:
    body = (
        "<script>alert(1)</script> **fet** [bra](https://a.se) [farlig](javascript:alert(1)) ![bild](https://a.se/x.png)\n\n"
        "<img src=x onerror=alert(1)>\n\n- punkt"
    )

    shown = Content("t", "s", body).html()

    assert "<strong>fet</strong>" in shown
    assert '<a href="https://a.se" rel="noopener noreferrer">bra</a>' in shown
    assert "<li>punkt</li>" in shown
    assert "<script" not in shown
    assert "<img" not in shown
    assert 'href="javascript' not in shown


@pytest.mark.parametrize(
    ("language", "direction"), [("ar", "rtl"), ("fa", "rtl"), ("prs", "rtl"), ("ti", "ltr"), ("so", "ltr")]
)
def test_other_languages_are_marked_with_their_direction(language: str, direction: str) -> None:
    assert Content("t", "s", "x", language=language).html().startswith(f'<div lang="{language}" dir="{direction}">')
    assert Content("t", "s", "x").html() == "<p>x</p>"


def test_plain_text_has_no_markup() -> None:
    body = (
        "Fet **text** och\nny rad.\n\n- ett\n- två\n\n1. först\n2. sedan\n\nLäs [mer](https://a.se) på <https://b.se>."
    )

    assert (
        plain_text(body)
        == "Fet text och ny rad.\n\n- ett\n- två\n\n1. först\n2. sedan\n\nLäs mer (https://a.se) på https://b.se."
    )


def test_the_subject_has_room_in_a_school_platform() -> None:
    subject, text = Content("ord " * 30, "s", "*x*").plain()

    assert len(subject) <= 70
    assert subject.endswith("ord…")
    assert text == "x"


# Faults.


def make_fact(fact_id: str = "tips", *, confirmed: bool = True, valid_until: date = date(2027, 12, 31)) -> Fact:
    return Fact(fact_id, "nummer", "114 14", "polisen.se", date(2026, 11, 23), valid_until, confirmed)


def judge(
    content: Content,
    *,
    kind: str = "webb",
    used: Iterable[str] = (),
    facts: Mapping[str, Fact] | None = None,
    picture: PictureFile | None = None,
) -> list[Fault]:
    known = {"tips": make_fact()} if facts is None else facts
    return faults(content, channel_kind=kind, facts_used=used, facts=known, send_day=SUN_25_APRIL, picture=picture)


GOOD = Content("Rubrik", "Köp inte ut.", "Köp inte ut till den som är yngre.")


def codes(content: Content, *, kind: str = "webb") -> list[FaultCode]:
    return [fault.code for fault in judge(content, kind=kind)]


def test_a_good_message_has_no_faults_in_any_text_channel() -> None:
    assert {kind: judge(GOOD, kind=kind) for kind in LIMITS if kind != "instagram"} == {
        kind: [] for kind in LIMITS if kind != "instagram"
    }


@pytest.mark.parametrize(
    "text",
    [
        "Straffet är upp till sex år.",
        "Du kan få **upp till**\n6 år i fängelse.",
        "Det kan ge högst sex års fängelse.",
        "Det är olagligt att bjuda.",
        "Det är FÖRBJUDET att köpa ut eller bjuda på alkohol.",
        "Att bjuda unga är faktiskt olagligt.",
        "Det är för\u00adbjudet att *bjuda* på vin.",
        "Gränsen är 18 år på Systembolaget.",
        "18-årsgräns på  Systembolaget gäller.",
        "Ring Alkohollinjen.",
        "Ring Alkohol**linjen**.",
        "Ring Alkohol&#108;injen.",
        "Det är straffbart att langa tobak.",
        "Det är straffbart att\nlanga _snus_ till unga.",
        "Det är ett brott att köpa ut vejp.",
        "Langning av nikotin är straffbart.",
        "Tobakslangning är olagligt.",
    ],
)
@pytest.mark.parametrize("where", ["title", "short", "body"])
def test_phrases_known_to_be_wrong_block(text: str, where: str) -> None:
    found = judge(replace(GOOD, **{where: text}))

    assert [(fault.code, fault.severity, fault.where) for fault in found if fault.code is FaultCode.REFUSED_PHRASE] == [
        (FaultCode.REFUSED_PHRASE, Severity.ERROR, where)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Bjud inte på alkohol till dem som är för unga.",
        "Det är förbjudet att köpa ut. Bjud inte heller.",
        "Straffet är böter eller fängelse i högst två år. För grova brott är det högst fyra år.",
        "De flesta är 18 eller 19 år. De får inte köpa alkohol på Systembolaget.",
        "Du som är 18 år får inte handla på Systembolaget.",
        "Butiker får inte sälja tobak, vejp eller vitt snus till den som är under 18. Dela inte med dig.",
        "Det är förbjudet att köpa ut starköl. Dela inte heller med dig av snus.",
        "Alkoholhjälpen ger stöd gratis.",
    ],
)
def test_right_sentences_about_the_law_pass(text: str) -> None:
    assert judge(replace(GOOD, body=text)) == []


def test_untrue_norms_and_closed_campaigns_are_advised_against() -> None:
    found = judge(replace(GOOD, body="Alla dricker ju. Läs på tänkom.nu."))

    assert [(fault.code, fault.is_blocking) for fault in found] == [(FaultCode.UNSUITABLE_PHRASE, False)] * 2


@pytest.mark.parametrize(
    ("facts", "code", "part"),
    [
        ({"tips": make_fact(confirmed=False)}, FaultCode.UNCONFIRMED_FACT, "confirm tips --until 2027-04-25 --as NAMN"),
        ({"tips": make_fact(valid_until=date(2027, 4, 24))}, FaultCode.EXPIRED_FACT, "gäller till 2027-04-24"),
        ({"tipsa": make_fact("tipsa")}, FaultCode.UNKNOWN_FACT, "Menade du ”tipsa”?"),
    ],
)
def test_a_fact_that_does_not_hold_on_the_day_blocks(facts: dict[str, Fact], code: FaultCode, part: str) -> None:
    (fault,) = judge(GOOD, used=["tips"], facts=facts)

    assert (fault.code, fault.severity) == (code, Severity.ERROR)
    assert fault.is_about_a_fact == (code is not FaultCode.UNKNOWN_FACT)
    assert part in fault.message


def test_a_fact_holds_through_its_last_day() -> None:
    assert judge(GOOD, used=["tips"], facts={"tips": make_fact(valid_until=SUN_25_APRIL)}) == []


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (replace(GOOD, title="x" * 71), "manuell", FaultCode.TOO_LONG),
        (replace(GOOD, title="x" * 121), "webb", FaultCode.TOO_LONG),
        (replace(GOOD, short="ord " * 26), "skarm", FaultCode.TOO_MANY_WORDS),
        (replace(GOOD, short="a" * 490, link="https://a.se/b"), "mastodon", FaultCode.TOO_LONG),
        (replace(GOOD, short="a" * 290, link="https://a.se/b"), "bluesky", FaultCode.TOO_LONG),
        (replace(GOOD, short="a" * 490, link="https://a.se/" + "b" * 2_600), "linkedin", FaultCode.TOO_LONG),
        (replace(GOOD, body="Ord. " * 3_900), "webhook", FaultCode.TOO_LONG),
        (replace(GOOD, short="a" * 460), "sms", FaultCode.SMS_PARTS),
        (replace(GOOD, title=" "), "webb", FaultCode.EMPTY),
        (replace(GOOD, body=""), "webb", FaultCode.EMPTY),
        (replace(GOOD, image="a.png"), "webb", FaultCode.MISSING_ALT),
        (GOOD, "instagram", FaultCode.MISSING_IMAGE),
        (replace(GOOD, link="http://a.se"), "webb", FaultCode.BAD_LINK),
    ],
)
def test_what_a_channel_cannot_take_blocks(content: Content, kind: str, code: FaultCode) -> None:
    assert (code, Severity.ERROR) in [(fault.code, fault.severity) for fault in judge(content, kind=kind)]


def test_what_the_next_channel_can_take_does_not_block_there() -> None:
    assert codes(replace(GOOD, title="x" * 71), kind="webb") == []
    assert codes(replace(GOOD, short="ord " * 26), kind="webb") == []


def make_picture(*, size: int = 900, width: int = 1080, height: int = 1080, kind: str = JPEG) -> PictureFile:
    return PictureFile("a.jpg", kind, width, height, b"x" * size)


@pytest.mark.parametrize(
    ("kind", "picture", "told"),
    [
        ("instagram", make_picture(size=8_000_000), None),
        ("instagram", make_picture(size=8_100_000), "Bilden är 8,1 MB, och kanalen tar högst 8 MB"),
        ("instagram", make_picture(kind=PNG), "bara emot JPEG"),
        ("instagram", make_picture(width=1080, height=1350), None),
        ("instagram", make_picture(width=1080, height=1351), "för hög"),
        ("instagram", make_picture(width=1910, height=1000), None),
        ("instagram", make_picture(width=1911, height=1000), "för bred"),
        ("bluesky", make_picture(size=1_000_000, kind=PNG), None),
        ("bluesky", make_picture(size=1_100_000), "Bilden är 1,1 MB, och kanalen tar högst 1 MB"),
        ("mastodon", make_picture(width=6000, height=5000), None),
        ("mastodon", make_picture(width=7000, height=5000), "7000 × 5000 punkter, och kanalen tar högst 33 miljoner"),
        ("linkedin", make_picture(width=7000, height=5500), "kanalen tar högst 36 miljoner"),
        ("smtp", make_picture(size=7_100_000), "kanalen tar högst 7 MB"),
        ("webb", make_picture(size=9_000_000, width=4000, height=300, kind=PNG), None),
    ],
)
def test_a_picture_must_be_one_that_the_channel_takes(kind: str, picture: PictureFile, told: str | None) -> None:
    content = replace(GOOD, image="a.jpg", alt="En brasa.")

    found = judge(content, kind=kind, picture=picture)

    assert [told in fault.message and fault.is_blocking for fault in found if told] == ([True] if told else [])
    assert len(found) == (1 if told else 0)


def test_a_dear_sms_is_told_with_its_characters_and_what_to_write() -> None:
    found = judge(replace(GOOD, short="Valborg – nu. " * 6), kind="sms")

    assert [(fault.code, fault.is_blocking) for fault in found] == [
        (FaultCode.SMS_PARTS, False),
        (FaultCode.SMS_CHARACTERS, False),
    ]
    assert "– med -" in found[1].message


HARD = "Brottsförebyggande informationssatsningar genomförs kontinuerligt kommunövergripande. "


def test_a_hard_text_blocks_and_a_short_hard_text_only_warns() -> None:
    long_text, short_text = HARD * 20, HARD

    assert [(f.code, f.is_blocking) for f in judge(replace(GOOD, body=long_text))] == [(FaultCode.HARD_TO_READ, True)]
    assert [(f.code, f.is_blocking) for f in judge(replace(GOOD, body=short_text))] == [(FaultCode.HARD_TO_READ, False)]
    assert judge(replace(GOOD, body=long_text, language="en")) == []


def test_a_long_sentence_is_named() -> None:
    (fault,) = judge(replace(GOOD, body="Det var en gång en sak " + "som var bra " * 6 + "."))

    assert fault.code is FaultCode.LONG_SENTENCE
    assert "Det var en gång en sak …" in fault.message


def test_errors_come_first() -> None:
    found = judge(replace(GOOD, title="", body="Alla dricker ju här i dag."))

    assert [fault.is_blocking for fault in found] == [True, False]


@pytest.mark.parametrize("header", ["x=" + "[" * 5_000, "x=" + "9" * 5_000, "x=" + "[" * 3_000, "a." * 1_900 + "a=1"])
def test_a_header_that_is_no_header_is_refused_with_a_sentence(header: str) -> None:
    with pytest.raises(TemplateError, match=r"prov\.md"):
        parse_source(f"+++\n{header}\n+++\nx", name="prov.md")


def test_a_body_that_is_too_long_is_not_read() -> None:
    content = replace(GOOD, body="Alkohollinjen hjälper. " * 1_000)

    found = faults(content, channel_kind="webb", facts_used=(), facts={}, send_day=FRI_30_APRIL)

    assert [fault.code for fault in found] == [FaultCode.TOO_LONG]


@pytest.mark.parametrize(
    "link", ["https://", "https:///x", 'https://a.se/"x', "https://a.se/x y", "https://a.se:x/", "javascript:x"]
)
def test_an_address_must_be_whole(link: str) -> None:
    found = judge(replace(GOOD, link=link))

    assert [(fault.code, fault.where) for fault in found] == [(FaultCode.BAD_LINK, "link")]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("https://www.aneby.se/brasa.jpg", "Hämta hem bilden"),
        ("//www.aneby.se/brasa.jpg", "Hämta hem bilden"),
        ("../brasa.jpg", "inget filnamn"),
        ("bilder/brasa.jpg", "inget filnamn"),
        (".dold.jpg", "inget filnamn"),
        ("javascript:x", "inget filnamn"),
    ],
)
def test_a_picture_is_named_as_a_file_in_the_folder(name: str, told: str) -> None:
    (fault,) = judge(replace(GOOD, image=name, alt="En brasa."))

    assert (fault.code, fault.where, told in fault.message) == (FaultCode.BAD_IMAGE, "image", True)


@pytest.mark.parametrize(
    ("address", "is_good"),
    [
        ("https://aneby.se/x", True),
        ("mailto:a@aneby.se", True),
        ("mailto:a@aneby.se?subject=Fråga%20om%20valborg.", True),
        ("mailto:aneby.se", False),
        ("mailto:a@aneby", False),
        ("tel:11414", True),
        ("tel:+46771141400", True),
        ("tel:polisen", False),
        ("tel:", False),
        ("http://aneby.se", False),
        ("/sida", False),
        ("sms:11414", False),
    ],
)
def test_links_in_the_body_lead_to_whole_addresses(address: str, is_good: bool) -> None:
    content = replace(GOOD, body=f"Läs [mer]({address}).")

    found = faults(content, channel_kind="webb", facts_used=(), facts={}, send_day=FRI_30_APRIL)

    assert [fault.code for fault in found] == ([] if is_good else [FaultCode.BAD_LINK])


def test_a_link_within_the_site_loses_its_address_and_a_top_heading_its_rank() -> None:
    html = replace(GOOD, body="# Rubrik\n\n[här](/sida)").html()

    assert "<h2>Rubrik</h2>" in html
    assert "href" not in html


@pytest.mark.parametrize(
    "sentence",
    [
        "På Systembolaget är gränsen 18 år.",
        "Systembolagets åldersgräns är 18.",
        "Böter för att langa snus.",
        "Du kan dömas för att langa snus.",
        "Att ge snus till unga är ett brott.",
        "Att ge bort cigaretter är olagligt.",
        "Då bjuder du på alkohol begår du ett brott.",
        "Man kan få 6 år i fängelse.",
        "Ring Alkohol-linjen.",
        "Langning och olovlig försäljning kan ge högst sex års fängelse.",
    ],
)
def test_wrong_law_is_caught_in_other_words_too(sentence: str) -> None:
    assert list(refused_phrases(sentence))


def test_what_a_new_municipality_has_not_confirmed_is_never_published() -> None:
    assert [phrase for phrase, _ in refused_phrases("Habo kommun och BEKRÄFTA.")] == ["BEKRÄFTA"]
    assert list(refused_phrases("Bekräfta att du har läst.")) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Grov olovlig försäljning kan ge högst sex års fängelse.",
        "På Systembolaget är gränsen 20 år, på krogen 18 år.",
        "Butiken kan dömas för att sälja tobak till den som är under 18.",
    ],
)
def test_what_is_true_may_be_said(sentence: str) -> None:
    assert list(refused_phrases(sentence)) == []
