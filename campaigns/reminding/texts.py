"""What a reminder says: plain text from the templates in templates/reminders, where the municipality's own come first.

The first line of a template is the heading, which is the subject when the mail holds one reminder; the rest is the
text. `brev.txt` is the mail around them. Whatever is wrong with a template, the reminder is sent in a few plain words.
No text of a message goes in, and nothing about citizens.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from campaigns.catalog import Catalog, Municipality
from campaigns.content.rendering import listed
from campaigns.errors import TemplateError, suggestion
from campaigns.models import Act
from campaigns.plan import DeadlineKind
from campaigns.post_names import post_name
from campaigns.reminder_kinds import Kind
from campaigns.reminding.claims import Held, Letter
from campaigns.reminding.digest import LISTS
from campaigns.sandbox import compile_template
from campaigns.swedish import long_date

logger = logging.getLogger(__name__)

FRAME = "brev.txt"
# What one mail shows, and one list in the week's letter. Of the rest it says how many they are.
MOST, MOST_LISTED = 30, 25
PLACEHOLDERS: Mapping[str, str] = {
    "kommun": "Kommunens namn.",
    "amne": "Vad påminnelsen gäller, i en mening.",
    "dag": "Dagen den gäller. {{ dag|datum('lang') }} ger även året.",
    "budskap": "Budskapets namn: kampanj, steg och målgrupp. Tomt om det inte gäller ett budskap.",
    "nummer": "Budskapets nummer, till exempel i kommandot approve.",
    "leverans": "Leveransens nummer, till exempel i kommandot retry.",
    "handling": "Vad som skulle göras där: publicera, dra tillbaka eller rätta.",
    "kanal": "Kanalens namn. Tomt om det inte gäller en kanal.",
    "parter": "De parter som inte har godkänt.",
    "tid": "När budskapet ska ut, till exempel ”fredag 30 april 2027 kl. 08.00”.",
    "senast": "När det är för sent, på samma sätt.",
    "skal": "Varför det gick fel.",
    "lank": "Adressen dit man går för att göra det.",
    "vecka": "Veckans nummer.",
    **dict(zip(LISTS, ("Att göra i veckan.", "Vad som går ut.", "Vad som gick ut.", "Vad som gick fel."), strict=True)),
    "flera": "Hur många det är utöver dem som visas, i listorna i veckobrevet och i brevet.",
}
FRAME_PLACEHOLDERS: Mapping[str, str] = {
    "kommun": "Kommunens namn.",
    "antal": "Hur många påminnelser brevet har.",
    "paminnelser": "Påminnelserna: {{ paminnelse.rubrik }} och {{ paminnelse.text }}.",
    "flera": "Hur många det är utöver dem som visas.",
    "lank": "Adressen till Kampanjhjulet.",
}
# One file for both nudges: only when they come differs.
_FILES: Mapping[str, str] = {kind: f"{kind}.txt" for kind in (*DeadlineKind, *Kind)} | {
    Kind.NUDGE_48H: "nudge.txt",
    Kind.NUDGE_24H: "nudge.txt",
}
_ACTS = {Act.PUBLISH: "publicera", Act.WITHDRAW: "dra tillbaka", Act.CORRECT: "rätta"}
NAMES = (FRAME, *dict.fromkeys(_FILES.values()))


@dataclass(frozen=True)
class Text:
    """A heading on one line, and the plain text below it."""

    heading: str
    body: str


def compose(letter: Letter, catalog: Catalog, folders: Sequence[Path], *, base_url: str) -> Text:
    """The mail of everything in `letter`. `folders` hold `reminders/`, the municipality's own first."""
    link = f"{base_url}/"
    parts = [_of_one(item, letter.municipality, catalog, folders, link=link) for item in letter.held[:MOST]]
    more = max(0, len(letter.held) - MOST)
    values = {
        "kommun": letter.municipality.name,
        "antal": len(letter.held),
        "paminnelser": [{"rubrik": part.heading, "text": part.body} for part in parts],
        "flera": more,
        "lank": link,
    }
    try:
        whole = render(folders, FRAME, values)
    except TemplateError as error:
        _tell_of(error.message)
        whole = _plain_frame(parts, letter.municipality, more=more, link=link)
    return Text(parts[0].heading, whole.body) if len(letter.held) == 1 else whole


def render(folders: Sequence[Path], name: str, values: Mapping[str, object]) -> Text:
    """The template `name` with `values`. Raises TemplateError: a sentence with the file, the line and what to do."""
    path = next((folder / "reminders" / name for folder in folders if (folder / "reminders" / name).is_file()), None)
    if path is None:
        raise TemplateError(f"reminders/{name}: mallen saknas.")
    try:
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise TemplateError(f"reminders/{name}: mallen går inte att läsa. Spara den som UTF-8.") from None
    template = compile_template(source, name=f"reminders/{name}")
    for unknown in sorted(template.placeholders - values.keys()):
        raise TemplateError(
            f"reminders/{name}, rad {template.line_of(unknown)}: platshållaren ”{unknown}” finns inte. "
            f"{suggestion(unknown, values)}"
        )
    heading, _, body = template.render(values).strip().partition("\n")
    if not heading.strip():
        raise TemplateError(f"reminders/{name}: den första raden är rubriken och får inte vara tom.")
    return Text(" ".join(heading.split()), body.strip())


def problems(templates: Path) -> Iterator[tuple[bool, str, str]]:
    """What is wrong with the files in `templates`/reminders: whether it is an error, the file's name and a sentence.

    Each is rendered with something in every placeholder. Those that are not there are the shipped ones.
    """
    sample: dict[str, object] = dict.fromkeys(PLACEHOLDERS, "text")
    sample.update({name: ["ett", "två"] for name in LISTS})
    sample.update(dag=date(2027, 4, 30), nummer=1, leverans=1, vecka=17, flera=2)
    parts = [{"rubrik": "ett", "text": "två"}]
    frame = dict.fromkeys(FRAME_PLACEHOLDERS, "text") | {"antal": 2, "flera": 1, "paminnelser": parts}
    for path in sorted(templates.glob("reminders/*")):
        where = f"reminders/{path.name}"
        if path.name not in NAMES:
            yield False, where, f"Mallen används inte. {suggestion(path.name, NAMES)}"
            continue
        try:
            render([templates], path.name, frame if path.name == FRAME else sample)
        except TemplateError as error:
            yield True, where, error.message.removeprefix(f"{where}: ")


def _of_one(item: Held, municipality: Municipality, catalog: Catalog, folders: Sequence[Path], *, link: str) -> Text:
    try:
        return render(folders, _FILES[item.reminder.kind], _values(item, municipality, catalog, link=link))
    except TemplateError as error:
        _tell_of(error.message)
        return Text(" ".join(item.reminder.subject.split()), "")


def _values(item: Held, municipality: Municipality, catalog: Catalog, *, link: str) -> dict[str, object]:
    reminder, post, delivery = item.reminder, item.post, item.delivery
    lists: dict[str, list[str]] = json.loads(reminder.detail) if reminder.kind == Kind.DIGEST else {}
    names = municipality.party_names
    channels = {channel.id: channel.name for channel in municipality.channels}
    return {
        "kommun": municipality.name,
        "amne": reminder.subject,
        "dag": reminder.deadline_day,
        "budskap": post_name(catalog, post) if post else "",
        "nummer": reminder.post_id or 0,
        "leverans": reminder.delivery_id or 0,
        "kanal": channels.get(delivery.channel, delivery.channel) if delivery else "",
        "parter": listed([names.get(party, party) for party in reminder.parties.split()]),
        "handling": _ACTS[Act(delivery.act)] if delivery else "",
        "tid": _moment((delivery or post).due_at, municipality) if post else "",
        "senast": _moment((delivery or post).not_after, municipality) if post else "",
        "skal": "" if lists else reminder.detail,
        "lank": _place(item, municipality, link),
        "vecka": reminder.deadline_day.isocalendar().week,
        **{name: lists.get(name, [])[:MOST_LISTED] for name in LISTS},
        "flera": sum(max(0, len(items) - MOST_LISTED) for items in lists.values()),
    }


# What is done on the page for signing.
_SIGNED = (DeadlineKind.SIGN, Kind.NUDGE_48H, Kind.NUDGE_24H, Kind.ESCALATION)


def _place(item: Held, municipality: Municipality, link: str) -> str:
    """The address of the page where it is done: signing has its own, the rest begin on the first page."""
    if item.reminder.kind not in _SIGNED:
        return link
    page = f"{link}kommun/{municipality.id}/granska"
    return f"{page}/{item.reminder.post_id}" if item.reminder.post_id else page


def _moment(at: datetime, municipality: Municipality) -> str:
    local = at.astimezone(municipality.zone)
    return f"{long_date(local.date())} kl. {local:%H.%M}"


def _plain_frame(parts: Sequence[Text], municipality: Municipality, *, more: int, link: str) -> Text:
    texts = [f"{part.heading}\n{part.body}".strip() for part in parts]
    rest = [f"Och {more} till."] if more else []
    return Text(f"{len(parts) + more} påminnelser, {municipality.name}", "\n\n".join((*texts, *rest, link)))


@lru_cache(maxsize=100)
def _tell_of(message: str) -> None:
    """Say once that a template is broken: it would be said of every mail."""
    logger.error("%s Påminnelsen skickas ändå, i korthet.", message, extra={"action": "reminder_template_broken"})
