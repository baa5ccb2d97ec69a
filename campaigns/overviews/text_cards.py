"""How a text will look in each channel and language, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from campaigns import sms
from campaigns.catalog import ChannelConfig, Municipality
from campaigns.content import SWEDISH, Content, Fields, PlainText
from campaigns.counters import Counters, count, raw_count
from campaigns.drafts import Piece
from campaigns.faults import Fault, FaultCode
from campaigns.picture_files import PictureFile
from campaigns.previews import Preview
from campaigns.swedish import language_name

# About how many characters are seen before ”mer”, by others' measurements: the networks tell nobody.
SHOWN_FIRST: Mapping[str, int] = {"facebook": 477, "instagram": 125, "linkedin": 210}


@dataclass(frozen=True)
class Card:
    """How the text will look in one channel and language, and what is wrong with it there.

    `look` is the kind of the channel; `folded` how many characters of the short text are seen before ”mer”, 0 for all.
    """

    channel: str
    name: str
    look: str
    language: str
    language_name: str
    is_written: bool
    faults: Sequence[Fault]
    fault: str = ""
    content: Content | None = None
    picture: PictureFile | None = None
    plain: PlainText | None = None
    instructions: str = ""
    sender: str = ""
    sms_parts: Sequence[str] = ()
    folded: int = 0


@dataclass(frozen=True)
class Shown:
    """The part of the editor that follows what is typed."""

    counters: Counters
    faults: Sequence[Fault]  # in every one of the cards: they are not told of again in each
    cards: Sequence[Card]
    other_cards: Sequence[Card]  # in channels and languages that the text being written is not for


def shown(municipality: Municipality, found: Preview, typed: Fields) -> Shown:
    """The counters of the text being written, and a card for every channel and language."""
    pieces = {(piece.channel, piece.language): piece for piece in found.pieces}
    own = [piece for place, piece in pieces.items() if place in found.written_in]
    kinds = {municipality.channel(channel).kind for channel, _ in found.written_in}
    counters = count(own[0].content, kinds) if own else raw_count(typed.title, typed.short, typed.body)
    cards = [
        *(_card(municipality, piece, is_written=place in found.written_in) for place, piece in pieces.items()),
        *(
            _blank(
                municipality,
                item.channel,
                item.language,
                not_written(item.language) if item.is_missing else item.message,
                is_written=item.is_written,
            )
            for item in found.unmade
        ),
    ]
    order = {channel.id: number for number, channel in enumerate(municipality.channels)}
    cards.sort(key=lambda card: (order.get(card.channel, 99), card.language != SWEDISH, card.language))
    written = [card for card in cards if card.is_written]
    common = _common(written)
    return Shown(
        counters,
        faults=common,
        cards=[replace(card, faults=[fault for fault in card.faults if fault not in common]) for card in written],
        other_cards=[card for card in cards if not card.is_written],
    )


def _common(cards: Sequence[Card]) -> list[Fault]:
    """The faults that all cards have, if there are several."""
    if len(cards) < 2:
        return []
    return [fault for fault in cards[0].faults if all(fault in card.faults for card in cards)]


def not_written(language: str) -> str:
    """What is said where nobody has written a text."""
    return f"Texten på {language_name(language).lower()} är inte skriven än."


def _card(municipality: Municipality, piece: Piece, *, is_written: bool) -> Card:
    config = municipality.channel(piece.channel)
    content = piece.content
    # What the counter under the field says already.
    told = (FaultCode.SMS_CHARACTERS, FaultCode.SMS_PARTS)
    faults = [fault for fault in piece.faults if fault.is_blocking or fault.code not in told]
    return Card(
        channel=config.id,
        name=config.name,
        look=config.kind,
        language=piece.language,
        language_name=language_name(piece.language),
        is_written=is_written,
        faults=faults,
        content=content,
        picture=piece.picture,
        plain=content.plain() if config.kind in ("manuell", "teams") else None,
        instructions=config.instructions,
        sender=_sender(config, municipality),
        sms_parts=sms.parts(content.short) if config.kind == "sms" else (),
        folded=SHOWN_FIRST.get(config.kind, 0),
    )


def _blank(municipality: Municipality, channel: str, language: str, message: str, *, is_written: bool) -> Card:
    config = municipality.channel(channel)
    return Card(
        config.id, config.name, config.kind, language, language_name(language), is_written, faults=(), fault=message
    )


def _sender(config: ChannelConfig, municipality: Municipality) -> str:
    return config.sender or municipality.name
