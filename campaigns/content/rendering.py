"""A template and its context become content, in any language. Pure: the day of sending is an argument."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date

from campaigns.content.message import SWEDISH, Content
from campaigns.content.source import KEYS, Source
from campaigns.errors import TemplateError, suggestion
from campaigns.sandbox import BoundedTemplate, compile_template
from campaigns.swedish import WEEKDAYS

PLACEHOLDERS: dict[str, str] = {
    "kommun": "Kommunens namn, till exempel ”Aneby kommun”.",
    "polisomrade": "Polisens område, till exempel ”lokalpolisområde Höglandet”.",
    "risktillfalle": "Tillfällets namn med liten bokstav, till exempel ”valborg”.",
    "datum": "Dagen det gäller, till exempel ”fredag 30 april”. Även {{ datum|datum('kort') }}, 'lang' och 'iso'.",
    "veckodag": "Dagens veckodag, till exempel ”fredag”.",
    "dagar_kvar": "Antal dagar från utskicket till dagen, som ett tal. 0 betyder samma dag.",
    "dagen": "Dagen sedd från utskicket: ”i dag”, ”i morgon”, ”om 5 dagar”.",
    "ar": "Årtalet, till exempel ”2027”.",
    "plats": "Skolorna eller platserna det gäller, med ”och” före den sista. Tomt om tillfället inte har någon plats.",
    "lofte": "Medborgarlöftets text.",
    "malgrupp": "Målgruppens namn, till exempel ”föräldrar”.",
    "fakta": "Kontrollerade uppgifter, till exempel {{ fakta.langning_straff }}.",
    "lank": "Adressen till kommunens sida om kampanjen.",
}
# Swedish words: a text in another language that used them would be half Swedish.
_SWEDISH_ONLY = frozenset({"risktillfalle", "veckodag", "dagen", "lofte", "malgrupp", "fakta"})


def context_for(
    *,
    municipality_name: str,
    police_area: str,
    risk_name: str,
    day: date,
    send_day: date,
    places: Sequence[str],
    promise: str,
    audience: str,
    facts: Mapping[str, str],
    link: str,
) -> dict[str, object]:
    """The values of PLACEHOLDERS. `day` is the occurrence's day and `send_day` the local day when the text is sent."""
    left = (day - send_day).days
    return {
        "kommun": municipality_name,
        "polisomrade": police_area,
        "risktillfalle": _small(risk_name),
        "datum": day,
        "veckodag": WEEKDAYS[day.weekday()],
        "dagar_kvar": left,
        "dagen": _from_here(left),
        "ar": str(day.year),
        "plats": listed(places),
        "lofte": promise,
        "malgrupp": _small(audience),
        "fakta": dict(facts),
        "lank": link,
    }


def listed(names: Sequence[str]) -> str:
    """”A”, ”A och B”, ”A, B och C”; with semicolons if a name holds a comma."""
    if len(names) < 2:
        return "".join(names)
    between = "; " if any("," in name for name in names) else ", "
    return f"{between.join(names[:-1])} och {names[-1]}"


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]


def _from_here(days: int) -> str:
    near = {-1: "i går", 0: "i dag", 1: "i morgon"}
    return near.get(days) or (f"om {days} dagar" if days > 0 else f"för {-days} dagar sedan")


def render(source: Source, context: Mapping[str, object], *, footer: Source | str, language: str) -> Content:
    """The content: title, short text and body with the footer under it, exactly as they will be sent.

    In other languages than Swedish the day is shown as 2027-04-30, and placeholders with Swedish words are refused.
    Raises TemplateError if the template is wrong or uses a placeholder that is not there.
    """
    values = context if language == SWEDISH else _in_any_language(context)
    below = footer.body if isinstance(footer, Source) else footer
    foot = compile_template(below, name=footer.name if isinstance(footer, Source) else "footer.md")
    parts = {key: _rendered(source.part(key), values, language) for key in (*KEYS, "body")}
    body = f"{parts['body'].strip()}\n\n{_rendered(foot, values, language).strip()}".strip()
    link = _one_line(parts["link"]) or (str(context.get("lank", "")))
    return Content(
        title=_one_line(parts["title"]),
        short=_one_line(parts["short"]),
        body=re.sub(r"\n{3,}", "\n\n", _composed(body)),
        link=link,
        image=_one_line(parts["image"]),
        alt=_one_line(parts["alt"]),
        language=language,
    )


def _rendered(template: BoundedTemplate, values: Mapping[str, object], language: str) -> str:
    unknown = sorted(template.placeholders - values.keys(), key=template.line_of)
    if unknown:
        line = template.line_of(unknown[0])
        if unknown[0] in _SWEDISH_ONLY and language != SWEDISH:
            why = f"innehåller svenska ord och kan inte användas i en mall på språket ”{language}”. Skriv ut texten."
        else:
            why = f"finns inte. {suggestion(unknown[0], values)}"
        raise TemplateError(f"{template.name}, rad {line}: platshållaren ”{unknown[0]}” {why}")
    return template.render(values)


def _in_any_language(context: Mapping[str, object]) -> dict[str, object]:
    kept = {name: value for name, value in context.items() if name not in _SWEDISH_ONLY}
    day, places = kept.get("datum"), kept.get("plats")
    if isinstance(day, date):
        kept["datum"] = day.isoformat()
    if isinstance(places, str):
        kept["plats"] = places.replace(" och ", ", ")
    return kept


def _composed(text: str) -> str:
    """NFC, without characters that nobody sees; line breaks stay."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    if composed.replace("\n", "").isprintable():  # most are: then all of it is seen
        return composed
    return "".join(letter for letter in composed if letter == "\n" or not _is_unseen(letter))


def _is_unseen(letter: str) -> bool:
    """Control characters, and overrides that show text in another order than it has. Persian's joiners stay."""
    return unicodedata.category(letter) in ("Cc", "Cs", "Co", "Zl", "Zp") or letter in "\u202d\u202e"


def _one_line(text: str) -> str:
    return _composed(" ".join(text.split()))
