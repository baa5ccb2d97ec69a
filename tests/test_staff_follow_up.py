"""Uppföljning on the pages: figures, drafts, signatures; what the public may read, and nothing else."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from sqlmodel import select

from campaigns.database import Database
from campaigns.models import ActivityRow, FollowUpRow, Post, Role
from campaigns.readability import read
from campaigns.reminding import reminders
from tests.conftest import Run
from tests.sites import Place, StaffClient, planned

pytestmark = pytest.mark.pages

ROOM = "/kommun/aneby/uppfoljning"
SPRING = f"{ROOM}/2026-t1"
PUBLIC = "/sida/aneby/uppfoljning"
MAY = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)


@pytest.fixture
def place(database: Database) -> Place:
    """Aneby on Mon 2026-05-04; a message went out before valborg."""
    place = planned(Place(database), at=datetime(2026, 4, 13, 7, 0, tzinfo=UTC))
    place.publish(
        "valborg/2026/valborg/tidigt/foraldrar",
        body="Läs hos [polisen](https://polisen.se/om-polisen/polisens-arbete/unga-och-alkohol/).",
    )
    place.clock.at = MAY
    return place


@pytest.fixture
def editor(place: Place) -> StaffClient:
    return place.staff(Role.EDITOR)


def seal(page: str) -> str:
    found = re.search(r'name="sigill" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]


def made(editor: StaffClient) -> str:
    """The draft's seal."""
    assert editor.act(f"{ROOM}/utkast", period="2026-t1") == SPRING
    return seal(editor.page(SPRING))


def signed(place: Place, digest: str) -> tuple[StaffClient, StaffClient]:
    kim = place.staff(Role.APPROVER, party="kommun", name="Karin Kommun")
    pia = place.staff(Role.APPROVER, party="polis", name="Pia Polis")
    for client, party in ((kim, "kommun"), (pia, "polis")):
        client.act(f"{SPRING}/godkann", part=party, sigill=digest)
    return kim, pia


def test_the_room_shows_the_tertial_under_way_and_any_other(editor: StaffClient) -> None:
    assert "Tertial 2 2026, maj–augusti (pågår)" in editor.page(ROOM)
    page = editor.page(f"{ROOM}?period=2026-t1")
    assert "Vi skickade ett budskap." in page
    assert "Valborg 2026, syskon: eget budskap och nationell kampanj saknas" in page
    assert "Eget: ja (1)" in page
    assert "Nationell: ja (1)" in page
    assert editor.get(f"{ROOM}?period=2024-t1").status_code == 404
    assert editor.get(f"{ROOM}?period=x").status_code == 404


def test_gaps_come_before_everything_else_of_a_promise(editor: StaffClient) -> None:
    page = editor.page(f"{ROOM}?period=2026-t1")
    places = [page.index(f">{word}</h4>") for word in ("Luckor", "Budskap", "Nationella kampanjer", "Insatser")]
    assert places == sorted(places)


def test_a_draft_is_edited_signed_by_both_and_published(place: Place, editor: StaffClient) -> None:
    digest = made(editor)
    assert "Ingen uppföljning är publicerad än." in place.page(PUBLIC)
    assert place.client.get(f"{PUBLIC}/2026-t1").status_code == 404

    editor.act(SPRING, sigill=digest, inledning="Vi <b>gjorde</b> det.", lart="Börja tidigt.", framat="")
    signed(place, seal(editor.page(SPRING)))

    public = place.page(PUBLIC)
    assert "Vi &lt;b&gt;gjorde&lt;/b&gt; det." in public
    assert "Börja tidigt." in public
    assert "Godkänd av Aneby kommun 4 maj 2026 och Lokalpolisområde Höglandet 4 maj 2026." in public
    assert "Pia Polis" not in public
    assert "Karin Kommun" not in public
    assert place.page(f"{PUBLIC}/2026-t1") == public


def test_a_change_after_one_signature_voids_it(place: Place, editor: StaffClient) -> None:
    digest = made(editor)
    kim = place.staff(Role.APPROVER, party="kommun", name="Karin Kommun")
    kim.act(f"{SPRING}/godkann", part="kommun", sigill=digest)
    editor.act(SPRING, sigill=digest, inledning="Nytt.", lart="", framat="")

    assert "Aneby kommun: väntar" in editor.page(SPRING)
    pia = place.staff(Role.APPROVER, party="polis", name="Pia Polis")
    refused = pia.post(f"{SPRING}/godkann", data={"part": "polis", "sigill": digest})
    assert refused.status_code == 422
    assert "Uppföljningen har ändrats sedan du såg den" in refused.text


def test_nothing_typed_is_lost_when_somebody_else_has_changed_it(editor: StaffClient) -> None:
    digest = made(editor)
    editor.act(SPRING, sigill=digest, inledning="Först.", lart="", framat="")
    refused = editor.post(SPRING, data={"sigill": digest, "inledning": "Mina ord", "lart": "", "framat": ""})
    assert refused.status_code == 422
    assert "Mina ord" in refused.text
    assert "Någon annan har ändrat" in refused.text


def test_each_does_only_what_the_role_lets(place: Place, editor: StaffClient) -> None:
    digest = made(editor)
    pia = place.staff(Role.APPROVER, party="polis", name="Pia Polis")
    forbidden = [
        editor.post(f"{SPRING}/godkann", data={"part": "kommun", "sigill": digest}),
        pia.post(f"{SPRING}/godkann", data={"part": "kommun", "sigill": digest}),
        pia.post(SPRING, data={"sigill": digest, "inledning": "x"}),
        pia.post(f"{ROOM}/utkast", data={"period": "2026-t1"}),
        pia.post(f"{SPRING}/oppna", data={"skal": "x"}),
        pia.post(f"{SPRING}/budskap"),
        pia.get(f"{ROOM}/insats"),
    ]
    assert {answer.status_code for answer in forbidden} == {403}
    assert "Godkänn för Lokalpolisområde Höglandet" in pia.page(SPRING)
    assert "Godkänn för" not in editor.page(SPRING)


def test_another_municipalitys_follow_up_is_not_there(place: Place, editor: StaffClient) -> None:
    made(editor)
    with place.database.write() as session:
        row = session.exec(select(FollowUpRow)).one()
        row.municipality = "tranas"
        session.add(row)
    assert editor.get(SPRING).status_code == 404
    assert place.client.get("/sida/tranas/uppfoljning").status_code == 404


def test_a_published_one_is_taken_down_to_be_put_right(place: Place, editor: StaffClient) -> None:
    signed(place, made(editor))
    refused = editor.post(f"{SPRING}/oppna", data={"skal": " "})
    assert refused.status_code == 422
    assert "Skriv vad som är fel" in refused.text

    editor.act(f"{SPRING}/oppna", skal="Fel siffra")

    assert place.client.get(f"{PUBLIC}/2026-t1").status_code == 404
    assert "öppnade uppföljning för rättelse" in editor.page("/kommun/aneby/logg")


def test_only_the_page_to_embed_may_stand_in_a_frame(place: Place, editor: StaffClient) -> None:
    signed(place, made(editor))
    embedded = place.client.get(f"{PUBLIC}/inbaddad")
    assert "frame-ancestors *" in embedded.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in place.client.get(PUBLIC).headers["content-security-policy"]
    assert "Vi skickade ett budskap." in embedded.text


def test_a_post_about_it_is_drafted_for_every_audience(place: Place, editor: StaffClient) -> None:
    place.town.set_date("2026-06-11", place="furulidsskolan", risk_date="skolavslutning")
    signed(place, made(editor))
    where = editor.act(f"{SPRING}/budskap")
    assert re.fullmatch(r"/kommun/aneby/mallar/\d+", where)
    with place.database.read() as session:
        posts = session.exec(select(Post).where(Post.is_extra)).all()
    assert len(posts) == 3
    assert f"https://kampanj.example.se{PUBLIC}/2026-t1" in editor.page(where)


# -- files


def test_the_csv_and_json_hold_the_figures(place: Place, editor: StaffClient) -> None:
    signed(place, made(editor))
    csv = place.client.get(f"{PUBLIC}/2026-t1/fil.csv")
    lines = csv.content.decode("utf-8-sig").splitlines()
    found = place.client.get(f"{PUBLIC}/2026-t1/fil.json").json()
    langning = next(item for item in found["sections"] if item["promise"] == "langning")

    assert lines[0].startswith("Löfte;Från;Till;Del;Vad;")
    assert any(";Budskap;Gick ut;;;;1;" in line for line in lines)
    assert langning["messages"]["out"] == 1
    assert langning["national"][0]["id"] == "polisen_unga_alkohol"
    assert langning["deliveries"]["out"] == len([line for line in lines if ";Gick ut;Valborg" in line])
    assert "attachment" in csv.headers["content-disposition"]
    assert place.client.get(f"{PUBLIC}/2026-t1/fil.exe").status_code == 404
    assert json.loads(editor.page(f"{ROOM}.json?period=2026-t1"))["period"] == "2026-t1"


def unpacked(pdf: bytes) -> bytes:
    """What the file's compressed parts say."""
    parts = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return b"\n".join(zlib.decompress(part) if part[:1] == b"\x78" else part for part in parts)


def test_the_pdf_is_tagged_swedish_and_says_whether_it_is_signed(place: Place, editor: StaffClient) -> None:
    digest = made(editor)
    draft = editor.get(f"{SPRING}/fil.pdf").content
    signed(place, digest)
    final = place.client.get(f"{PUBLIC}/2026-t1/fil.pdf").content
    for body in (draft, final):
        inside = unpacked(body)
        assert body.startswith(b"%PDF-1.7")
        for part in (
            b"/Marked true",
            b"/Lang (sv)",
            b"/StructTreeRoot",
            b"/Caption",
            b"/Headers",
            b"/DisplayDocTitle true",
        ):
            assert part in inside
        assert re.search(rb"pdfuaid:part[^0-9]*1", inside)
    assert draft != final


def test_without_pango_the_page_says_what_to_install(
    place: Place, editor: StaffClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    answer = editor.get(f"{ROOM}.pdf?period=2026-t2")
    assert answer.status_code == 409
    assert "libpango" in answer.text


# -- how it reads aloud


class Outline(HTMLParser):
    """The headings' levels, and of each table whether it has a caption and scoped headers."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.tables: list[dict[str, bool]] = []
        self.words: list[str] = []
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "table":
            self.tables.append({"caption": False, "scope": True, "headers": False})
        if tag == "caption":
            self.tables[-1]["caption"] = True
        if tag == "th":
            self.tables[-1]["headers"] = True
            self.tables[-1]["scope"] &= dict(attrs).get("scope") in ("col", "row")
        self._quiet += tag in ("blockquote", "table", "style", "head")

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in ("blockquote", "table", "style", "head")
        if tag in ("p", "li", "h1", "h2", "h3", "h4"):
            self.words.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.words.append(data)


@pytest.mark.parametrize("path", [PUBLIC, f"{PUBLIC}/inbaddad"])
def test_headings_are_in_order_and_tables_have_captions_and_headers(
    place: Place, editor: StaffClient, path: str
) -> None:
    signed(place, made(editor))
    outline = Outline()
    outline.feed(place.page(path))

    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in zip(outline.levels, outline.levels[1:], strict=False))
    assert len(outline.tables) >= 4
    assert all(all(table.values()) for table in outline.tables)


def test_the_page_but_for_the_promise_itself_is_easy_to_read(place: Place, editor: StaffClient) -> None:
    signed(place, made(editor))
    outline = Outline()
    outline.feed(place.page(PUBLIC))
    assert read("".join(outline.words)).lix <= 40


# -- efforts


def test_an_effort_is_added_told_of_called_off_and_taken_back(place: Place, editor: StaffClient) -> None:
    faulty = editor.post(f"{ROOM}/insats", data={"lofte": "trafik", "namn": "Kontroll", "dag": "2026-05-02"})
    assert faulty.status_code == 422
    assert "Skriv vad som har ändrats" in faulty.text
    assert 'value="Kontroll"' in faulty.text
    given = {"lofte": "trafik", "namn": "Kontroll", "dag": "2026-05-02", "ansvarig": "Polisen", "lagesbild": "Fart."}
    editor.act(f"{ROOM}/insats", **given)
    with place.database.read() as session:
        number = session.exec(select(ActivityRow.id).where(ActivityRow.name == "Kontroll")).one()
    one = f"{ROOM}/insats/{number}"

    editor.act(f"{one}/stall-in")
    assert "Insatsen är inställd." in editor.page(one)
    editor.act(f"{one}/ta-tillbaka")
    refused = editor.post(one, data={"utfall": "not_done", "notering": ""})
    assert refused.status_code == 422
    assert "Skriv varför den inte blev av." in refused.text
    editor.act(one, utfall="done", antal="31", notering="Lugnt.", lank="https://www.aneby.se/")

    page = editor.page(ROOM)
    assert "Genomförd" in page
    assert "31" in page
    assert "Lägesbild: Fart." in page
    assert editor.get(f"{ROOM}/insats/999").status_code == 404


# -- a promise about to end


def test_idag_and_a_reminder_tell_in_good_time_that_promises_end(place: Place, editor: StaffClient) -> None:
    aneby = place.parts.catalog.municipality("aneby")

    def told(day: str) -> list[str]:
        now = datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=UTC)
        with place.database.read() as session:
            rows = reminders.due(session, place.parts.catalog, aneby, now=now)
        return [row.key for row in rows if row.kind == "promise_ends"]

    assert "löften går ut" not in editor.page("/kommun/aneby/idag")
    assert told("2026-07-01") == []
    assert told("2026-07-02") == ["aneby/promise_ends/2026-12-31/182"]
    assert told("2026-10-02") == ["aneby/promise_ends/2026-12-31/91"]
    assert told("2026-12-01") == ["aneby/promise_ends/2026-12-31/30"]
    assert told("2027-01-01") == []

    place.clock.at = datetime(2026, 7, 2, 9, 0, tzinfo=UTC)
    idag = place.staff(name="Rut Redaktör").page("/kommun/aneby/idag")
    assert "5 löften går ut torsdag 31 december 2026, och inget nytt är inlagt." in idag


def test_a_promise_with_a_successor_is_not_about_to_end(place: Place) -> None:
    catalog = place.parts.catalog
    aneby = catalog.municipality("aneby")
    old = catalog.promises["trafik"]
    new = replace(old, id="trafik-2027", succeeds="trafik", first_day=old.last_day + timedelta(days=1))
    aneby = replace(aneby, promises=(*aneby.promises, new.id))
    changed = replace(catalog, promises={**catalog.promises, new.id: new})
    with place.database.read() as session:
        rows = reminders.due(session, changed, aneby, now=datetime(2026, 7, 2, 9, 0, tzinfo=UTC))
    [row] = [row for row in rows if row.kind == "promise_ends"]
    assert row.subject.startswith("4 löften")


def test_a_successor_in_another_municipality_takes_over_nothing_here(place: Place) -> None:
    catalog = place.parts.catalog
    aneby = catalog.municipality("aneby")
    old = catalog.promises["trafik"]
    new = replace(old, id="trafik-2027", succeeds="trafik", municipalities=("grannby",))
    changed = replace(catalog, promises={**catalog.promises, new.id: new})
    with place.database.read() as session:
        rows = reminders.due(session, changed, aneby, now=datetime(2026, 7, 2, 9, 0, tzinfo=UTC))
    [row] = [row for row in rows if row.kind == "promise_ends"]
    assert row.subject.startswith("5 löften")


def test_one_that_was_changed_past_the_product_is_not_called_published(place: Place, editor: StaffClient) -> None:
    signed(place, made(editor))
    assert '<strong class="tag">Publicerad</strong>' in editor.page(SPRING)
    with place.database.write() as session:
        row = session.exec(select(FollowUpRow)).one()
        row.payload = row.payload.replace(b"Tertial 1", b"Tertial 7")
        session.add(row)

    page = editor.page(SPRING)
    assert '<strong class="tag">Ändrad, visas inte</strong>' in page
    assert "Texten är ändrad utanför tjänsten." in page
    assert "Gör ett budskap om uppföljningen" not in page
    assert ">Publicerad<" not in page
    assert "Alla har godkänt" not in page
    assert "Ändrad, visas inte" in editor.page(ROOM)
    assert "ändrad utanför tjänsten" in editor.page("/kommun/aneby/idag")
    assert place.client.get(f"{PUBLIC}/2026-t1").status_code == 404


def test_an_approver_sends_the_draft_back_and_the_editor_sees_why(place: Place, editor: StaffClient) -> None:
    made(editor)
    pia = place.staff(Role.APPROVER, party="polis", name="Pia Polis")
    refused = pia.post(f"{SPRING}/skicka-tillbaka", data={"part": "polis", "kommentar": " "})
    assert refused.status_code == 422
    assert "Skriv vad som ska ändras" in refused.text
    assert pia.post(f"{SPRING}/skicka-tillbaka", data={"part": "kommun", "kommentar": "Nej."}).status_code == 403
    assert editor.post(f"{SPRING}/skicka-tillbaka", data={"part": "polis", "kommentar": "Nej."}).status_code == 403

    pia.act(f"{SPRING}/skicka-tillbaka", part="polis", kommentar="Nämn <mötet>.")

    assert "skickade tillbaka utkastet.</strong> Nämn &lt;mötet&gt;." in editor.page(SPRING)
    assert "Pia Polis skickade tillbaka utkastet. Nämn &lt;mötet&gt;." in editor.page("/kommun/aneby/idag")


def test_a_draft_that_waits_is_told_on_idag_and_in_a_reminder(place: Place, editor: StaffClient) -> None:
    made(editor)
    aneby = place.parts.catalog.municipality("aneby")
    pia = place.staff(Role.APPROVER, party="polis", name="Pia Polis")
    assert "utkastet ska läsas och godkännas" in pia.page("/kommun/aneby/idag")
    with place.database.read() as session:
        rows = reminders.due(session, place.parts.catalog, aneby, now=place.clock.at)
    assert [row.parties for row in rows if row.kind == "follow_up_draft"] == ["kommun polis"]


# -- programs


def test_the_api_lists_periods_and_counts_one(place: Place, editor: StaffClient) -> None:
    made(editor)
    token = place.token()
    listed = place.client.get("/api/v1/follow-ups", headers=token).json()
    one = place.client.get("/api/v1/follow-ups/2026-t1", headers=token).json()

    assert [item["id"] for item in listed][:3] == ["20250101-20261231", "2026", "2026-t2"]
    assert {item["id"]: item["state"] for item in listed}["2026-t1"] == "draft"
    assert next(item for item in one["sections"] if item["promise"] == "langning")["messages"]["out"] == 1
    assert place.client.get("/api/v1/follow-ups/2024", headers=token).status_code == 404
    assert place.client.get("/api/v1/follow-ups").status_code == 401


def test_the_command_line_lists_counts_and_writes_files(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    code, out, _ = run("follow-up", "--list", "--json")
    assert code == 0
    assert {item["id"] for item in json.loads(out)} >= {"20250101-20261231", "2025", "2026-t1"}
    code, out, _ = run("follow-up", "--period", "2026", "--json")
    assert json.loads(out)["period"] == "2026"
    file = tmp_path_factory.mktemp("files") / "x.csv"
    assert run("follow-up", "--period", "2025-t1", "--format", "csv", "--output", str(file))[0] == 0
    assert file.read_bytes().startswith(b"\xef\xbb\xbfL")
    assert run("follow-up", "--period", "1999")[0] != 0
