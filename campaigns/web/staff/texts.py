"""The texts: the list of them, the editor with its preview, the history, and two who edit at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup
from sqlmodel import Session
from starlette.datastructures import UploadFile
from starlette.responses import Response

from campaigns import picture_rows, text_versions, translations
from campaigns.channels.smtp import letter
from campaigns.content import Fields, decomposed, field_faults
from campaigns.content.fields import replaced_outside_code
from campaigns.counters import shown_letter
from campaigns.errors import NotFoundError, RefusedError, TemplateError
from campaigns.models import Post, PostText
from campaigns.overviews import text_list as lists
from campaigns.overviews import texts as overview
from campaigns.overviews.national import proposals
from campaigns.overviews.text_cards import Card, not_written
from campaigns.overviews.texts import Where
from campaigns.picture_files import MOST_BYTES
from campaigns.post_list import post_of
from campaigns.post_sources import places_of, texts_of
from campaigns.sms import segments
from campaigns.swedish import moment
from campaigns.texts import ChangedMeanwhileError, ClosedError, OtherText, ordinal, use_common_text
from campaigns.web import static_files
from campaigns.web.staff.frame import StaffPage, Visit, editors
from campaigns.written import number_in

# Bytes. A text that is far too long still comes in, so that it can be given back with what to do about it.
LARGEST_FORM = MOST_BYTES + 20_000_000
UNPROCESSABLE, CONFLICT = 422, 409
NOT_SAVED = "Texten är inte sparad, för den går inte längre att ändra. Kopiera det du skrev om du vill ha kvar det."
ALL = "alla"  # instead of one character: all that can be replaced

# What the fields are called in the form.
FORM_NAMES: Mapping[str, str] = {
    "title": "rubrik",
    "short": "kort",
    "body": "text",
    "image": "bild",
    "alt": "alt",
    "link": "lank",
}


def season(visit: Visit) -> Response:
    """The coming season's texts."""
    query = visit.query
    filters = lists.Filters(query.get("kampanj", ""), query.get("malgrupp", ""), query.get("lage", ""))
    with visit.parts.database.read() as session:
        found = lists.text_list(session, visit.parts.catalog, visit.municipality, filters, now=visit.now)
    return visit.page("mallar.html", found=found, filters=filters)


def edit(visit: Visit) -> Response:
    """The editor with the text as it is."""
    with visit.parts.database.read() as session:
        post = _post(visit, session)
        at = _where(visit, post, visit.query.get("kanal", ""), visit.query.get("sprak", ""))
    return _editor(visit, post, at)


def act(visit: Visit) -> Response:
    """What the form's button says: save, upload, replace, or only show again."""
    post, at = _asked(visit)
    fields = _typed(visit)
    if "ersatt" in visit.form:
        return _editor(visit, post, at, _replaced(visit, fields), told="Tecknen är utbytta. Spara när du är klar.")
    if "sprid" in visit.form:
        return _spreading(visit, post, at, fields)
    todo = visit.field("gor")
    if todo == "ladda":
        return _uploaded(visit, post, at, fields)
    if todo == "gemensam":
        return _common(visit, post, at)
    if todo == "spara":
        return _saved(visit, post, at, fields)
    return _editor(visit, post, at, fields)


def preview(visit: Visit) -> Response:
    """The part of the editor that follows what is typed, as a fragment."""
    post, at = _asked(visit)
    fields = _typed(visit)
    with visit.parts.database.read() as session:
        shown = overview.shown_now(session, visit.parts.catalog, visit.parts.messages, post, at, fields, now=visit.now)
    return visit.page("mall-forhandsvisning.html", shown=shown, **_looks(visit, fields))


def history(visit: Visit) -> Response:
    """Every version with what it changed."""
    with visit.parts.database.read() as session:
        post = _post(visit, session)
        at = _where(visit, post, visit.query.get("kanal", ""), visit.query.get("sprak", ""))
        found = overview.history(session, visit.parts.catalog, visit.parts.messages, post, at, now=visit.now)
    return visit.page("mall-versioner.html", found=found, link=_link(post, at))


def restore(visit: Visit) -> Response:
    """Make an old version the newest again."""
    post, at = _asked(visit)
    try:
        with visit.parts.database.write() as session:
            row = text_versions.restore(
                session,
                visit.parts.catalog,
                visit.parts.messages,
                post,
                _number(visit.field("version")),
                channel=at.channel,
                language=at.language,
                author=visit.person.name,
                now=visit.now,
                begun_from=_number(visit.field("utgick_fran")),
            )
            number = ordinal(session, row)
    except ChangedMeanwhileError as error:
        told = f"{error.other.author} har sparat en ny version sedan du öppnade sidan, så inget återställdes."
        return visit.redirect(_link(post, at, "/versioner"), told)
    except ClosedError:
        return visit.redirect(_link(post, at), "Texten går inte längre att ändra, så inget återställdes.")
    return visit.redirect(_link(post, at), f"Texten är återställd och sparad som version {number}.")


def picture(visit: Visit) -> Response:
    """A picture by the name that texts call it, for those who are signed in."""
    with visit.parts.database.read() as session:
        found = picture_rows.find_picture(
            session, visit.municipality.id, visit.parts.messages, visit.request.path_params["name"]
        )
    return Response(found.data, media_type=found.media_type)


def attest(visit: Visit) -> Response:
    """The translation has been read against the Swedish text, and still says the same."""
    post, at = _asked(visit)
    try:
        with visit.parts.database.write() as session:
            translations.look(
                session,
                texts_of(session, visit.parts.catalog, visit.parts.messages, post),
                places_of(visit.municipality, post),
                language=at.language,
                seen=visit.field("sigill"),
                name=visit.person.name,
                now=visit.now,
            )
    except RefusedError as error:
        return visit.redirect(_link(post, at), error.message)
    return visit.redirect(_link(post, at), "Översättningen är läst mot den svenska texten och gäller igen.")


PAGES: tuple[StaffPage, ...] = (
    StaffPage("mallar", get=season),
    StaffPage("mallar/bild/{name}", get=picture),
    StaffPage(
        "mallar/{post:int}",
        get=edit,
        post=act,
        post_needs=editors,
        largest=LARGEST_FORM,
    ),
    StaffPage(
        "mallar/{post:int}/forhandsvisning",
        post=preview,
        needs=editors,
        largest=LARGEST_FORM,
    ),
    StaffPage("mallar/{post:int}/oversattning", post=attest, needs=editors),
    StaffPage("mallar/{post:int}/versioner", get=history, post=restore, post_needs=editors),
)


def _post(visit: Visit, session: Session) -> Post:
    return post_of(session, visit.municipality, visit.request.path_params["post"])


def _where(visit: Visit, post: Post, channel: str, language: str) -> Where:
    return overview.where(visit.municipality, post, channel, language)


def _asked(visit: Visit) -> tuple[Post, Where]:
    """The post that the form is about, and which of its texts."""
    with visit.parts.database.read() as session:
        post = _post(visit, session)
    return post, _where(visit, post, visit.field("kanal"), visit.field("sprak"))


def _typed(visit: Visit) -> Fields:
    values = {key: visit.field(name) for key, name in FORM_NAMES.items()}
    sources = tuple(item for item in visit.form.getlist("uppgift") if isinstance(item, str))
    return Fields(sources=sources, **values)


def _number(text: str) -> int:
    """A version's number as the form sent it. What is none is that of no version."""
    number = number_in(text)
    return -1 if number is None else number


def _link(post: Post, at: Where, page: str = "") -> str:
    wanted = {name: value for name, value in (("kanal", at.channel), ("sprak", at.language)) if value}
    return f"mallar/{post.id}{page}" + (f"?{urlencode(wanted)}" if wanted != {"sprak": "sv"} else "")


def _editor(
    visit: Visit,
    post: Post,
    at: Where,
    typed: Fields | None = None,
    *,
    faults: Mapping[str, str] | None = None,
    told: str = "",
) -> Response:
    """The editor. With `typed` it holds what has been written and not saved; `faults` are by the field's name."""
    with visit.parts.database.read() as session:
        shown = overview.editor(session, visit.parts.catalog, visit.parts.messages, post, at, typed, now=visit.now)
    fields = shown.newest.fields if typed is None else typed
    is_begun = typed is not None and visit.field("utgick_fran") != ""
    return visit.page(
        "mall.html",
        status=UNPROCESSABLE if faults else 200,
        editor=shown,
        fields=fields,
        shown=shown.shown,
        begun_from=visit.field("utgick_fran") if is_begun else str(shown.newest.number),
        swedish=visit.field("svenska") if is_begun else shown.swedish,
        is_unsaved=typed is not None,
        faults=faults or {},
        told=told,
        history_link=_link(post, at, "/versioner"),
        **_looks(visit, fields, is_new=typed is not None or not shown.newest.fault),
    )


def _looks(visit: Visit, fields: Fields, *, is_new: bool = True) -> dict[str, Any]:
    """What the previews need besides their values."""
    return {
        "problems": {FORM_NAMES[item.where]: item.message for item in field_faults(fields)} if is_new else {},
        "letter": _letter,
        "picture_path": lambda card: _picture_path(visit, card),
        "shown_letter": shown_letter,
        "not_written": not_written,
        "form_names": FORM_NAMES,
    }


def _picture_path(visit: Visit, card: Card) -> str:
    assert card.picture is not None
    return f"{visit.path('mallar/bild')}/{quote(card.picture.name)}?v={card.picture.sha256[:12]}"


def _letter(card: Card) -> str:
    """The mail's own HTML, with a stylesheet for the frame that it is shown in."""
    assert card.content is not None
    sheet = Markup('<link rel="stylesheet" href="{}">').format(static_files.address("brev.css"))
    # The frame has no cookies, so a picture cannot be fetched there: most mail programs show its words first as well.
    image = Markup('<span class="bild">{}</span>').format(f"Bild: {card.content.alt}") if card.picture else ""
    return letter(card.content, picture=str(image), head=str(sheet))


def _saved(visit: Visit, post: Post, at: Where, fields: Fields) -> Response:
    wrong = {FORM_NAMES[item.where]: item.message for item in field_faults(fields)}
    if wrong:
        return _editor(visit, post, at, fields, faults=wrong)
    try:
        with visit.parts.database.write() as session:
            row = text_versions.save(
                session,
                visit.parts.catalog,
                visit.parts.messages,
                post,
                fields,
                channel=at.channel,
                language=at.language,
                author=visit.person.name,
                now=visit.now,
                begun_from=_number(visit.field("utgick_fran")),
                seen=visit.field("svenska"),
            )
            number = ordinal(session, row) if row else 0
    except ChangedMeanwhileError as error:
        return _clash(visit, post, at, fields, error.other)
    except ClosedError:
        return _editor(visit, post, at, fields, faults={"": NOT_SAVED})
    except (RefusedError, TemplateError, NotFoundError) as error:
        return _editor(visit, post, at, fields, faults={"": error.message})
    if row is None:
        return visit.redirect(_link(post, at), "Inget var ändrat, så ingen ny version gjordes.")
    return visit.redirect(_link(post, at), f"Version {number} är sparad. Den ska läsas och godkännas av alla parter.")


def _common(visit: Visit, post: Post, at: Where) -> Response:
    """Let the channel follow the common text again."""
    try:
        with visit.parts.database.write() as session:
            use_common_text(
                session,
                visit.parts.catalog,
                post.id or 0,
                language=at.language,
                channel=at.channel,
                author=visit.person.name,
                now=visit.now,
                begun_from=_number(visit.field("utgick_fran")),
            )
    except ChangedMeanwhileError as error:
        told = f"{error.other.author} har sparat en ny version sedan du öppnade sidan, så inget byttes."
        return visit.redirect(_link(post, at), told)
    return visit.redirect(
        _link(post, at), "Kanalen använder den gemensamma texten igen. Den egna finns bland versionerna."
    )


def _clash(visit: Visit, post: Post, at: Where, fields: Fields, other: OtherText) -> Response:
    """Another has saved: both texts, and what to do with them. Nothing is lost."""
    theirs = decomposed(other.source)
    with visit.parts.database.read() as session:
        about = overview.about(session, visit.parts.catalog, visit.municipality, post, now=visit.now)
        saved = session.get_one(PostText, other.number)
        number = ordinal(session, saved)
    return visit.page(
        "mall-krock.html",
        status=CONFLICT,
        about=about,
        at=at,
        other=other,
        number=number,
        at_time=moment(other.at, visit.municipality.zone),
        mine=fields,
        differences=text_versions.field_differences(theirs, fields.tidied()),
        form_names=FORM_NAMES,
        link=_link(post, at),
    )


def _uploaded(visit: Visit, post: Post, at: Where, fields: Fields) -> Response:
    file = visit.form.get("fil")
    if not isinstance(file, UploadFile) or not file.filename:
        return _editor(visit, post, at, fields, faults={"fil": "Välj en bildfil först."})
    try:
        with visit.parts.database.write() as session:
            row = picture_rows.upload_picture(
                session,
                visit.municipality,
                filename=file.filename,
                data=file.file.read(MOST_BYTES + 1),
                by=visit.person.name,
                now=visit.now,
            )
    except (RefusedError, TemplateError) as error:
        return _editor(visit, post, at, fields, faults={"fil": error.message})
    chosen = replace(fields, image=row.name)
    told = f"Bilden ”{row.name}” är uppladdad och vald. Beskriv den i alternativtexten och spara."
    return _editor(visit, post, at, chosen, told=told)


def _spreading(visit: Visit, post: Post, at: Where, fields: Fields) -> Response:
    """The national campaign that the button names: its link, and that the text rests on it. The words are for us."""
    with visit.parts.database.read() as session:
        found = proposals(session, visit.parts.catalog, visit.municipality, post, now=visit.now)
    chosen = next((item for item in found if item.fact.id == visit.field("sprid")), None)
    if chosen is None:
        return _editor(visit, post, at, fields, faults={"": "Den kampanjen kan inte spridas i det här budskapet."})
    sources = tuple(dict.fromkeys((*fields.sources, chosen.fact.id)))
    told = f"{chosen.national.name} är vald. Skriv om den med egna ord och spara."
    return _editor(
        visit, post, at, replace(fields, sources=sources, link=chosen.national.link or fields.link), told=told
    )


def _replaced(visit: Visit, fields: Fields) -> Fields:
    """The short text with the character that the button names replaced, or all that can be."""
    wanted = visit.field("ersatt")
    swaps = dict(segments(fields.short).replacements)
    chosen = swaps if wanted == ALL else {old: new for old, new in swaps.items() if old == wanted}
    short = fields.short
    for old, new in chosen.items():
        short = replaced_outside_code(short, old, new)
    return replace(fields, short=short)
