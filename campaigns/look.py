"""How a municipality looks on its pages and screens: two colours, and a logo that somebody may have had to approve."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlmodel import Session

from campaigns import audit, picture_rows
from campaigns.catalog import Municipality
from campaigns.colours import BLACK, GRAPHICS, TEXT, WHITE, Colour, contrast, moved, text_on
from campaigns.errors import RefusedError, TemplateError
from campaigns.models import PictureRow, Setting
from campaigns.picture_files import JPEG, checked_picture
from campaigns.revisions import touch
from campaigns.written import day_in

STANDARD_MAIN, STANDARD_ACCENT = "#0c5563", "#ffc24b"
MOST_LOGO_BYTES = 500_000
MOST_LOGO_SIDE = 3000  # pixels
LONGEST_ALT = 150
LONGEST_NAME = 100

# The cards' ground in dark mode, as in kampanjhjul.css; and how much black there is in the main colour's other shades.
_DARK_CARD = Colour(0x18, 0x23, 0x26)
_DEEP, _DARK, _DARKEST = 0.28, 0.15, 0.42


@dataclass(frozen=True)
class Logo:
    """A picture by its SHA-256. `approved_by` and `approved_on` (ISO) are noted where its owner must allow the use."""

    sha256: str
    media_type: str
    width: int
    height: int
    alt: str
    approved_by: str = ""
    approved_on: str = ""


@dataclass(frozen=True)
class Look:
    """Colours as ”#0c5563”. `municipality` is its id."""

    municipality: str
    main: str = STANDARD_MAIN
    accent: str = STANDARD_ACCENT
    logo: Logo | None = None

    @property
    def path(self) -> str:
        """Where its stylesheet is fetched: another address whenever the colours are others."""
        digest = hashlib.sha256(stylesheet(self).encode()).hexdigest()[:12]
        return f"/utseende/{self.municipality}.css?v={digest}"

    @property
    def logo_path(self) -> str:
        """Where its logo is fetched, or nothing."""
        if self.logo is None:
            return ""
        ending = "jpg" if self.logo.media_type == JPEG else "png"
        return f"/utseende/{self.municipality}/{self.logo.sha256}.{ending}"


def look_of(session: Session, municipality: str) -> Look | None:
    """The look that the municipality has chosen, or None."""
    row = session.get(Setting, _name(municipality))
    if row is None:
        return None
    table = json.loads(row.value)
    logo = Logo(**table["logo"]) if table["logo"] else None
    return Look(municipality, table["main"], table["accent"], logo)


def colour_faults(main: str, accent: str) -> Mapping[str, str]:
    """What is wrong with the two colours, by field, each with the nearest shade that would do."""
    ground, mark = Colour.read(main), Colour.read(accent)
    faults: dict[str, str] = {}
    for field, colour in (("huvudfarg", ground), ("accentfarg", mark)):
        if colour is None:
            faults[field] = "Skriv färgen som # och sex tecken, till exempel #0c5563."
    if ground is None or mark is None:
        return faults
    ratio = contrast(ground, WHITE)
    if ratio < TEXT:
        nearest = moved(ground, towards=BLACK, beside=[WHITE], ratio=TEXT)
        faults["huvudfarg"] = (
            f"Vit text på {ground} har kontrasten {_told(ratio)}:1. Det behövs minst 4,5:1."
            f" Närmaste nyans som duger är {nearest}."
        )
        return faults
    grounds = (ground, ground.towards(BLACK, _DARKEST))
    ratio = min(contrast(mark, each) for each in grounds)
    if ratio < GRAPHICS:
        nearest = moved(mark, towards=WHITE, beside=grounds, ratio=GRAPHICS)
        faults["accentfarg"] = (
            f"Accentfärgen {mark} har kontrasten {_told(ratio)}:1 mot huvudfärgen. Det behövs minst 3:1."
            f" Närmaste nyans som duger är {nearest}."
        )
    return faults


def choose_colours(
    session: Session, municipality: Municipality, *, main: str, accent: str, name: str, now: datetime
) -> None:
    """Use these colours from now on. Raises RefusedError for those that cannot be read on."""
    faults = colour_faults(main, accent)
    if faults:
        raise RefusedError(" ".join(faults.values()))
    look = look_of(session, municipality.id) or Look(municipality.id)
    chosen = replace(look, main=str(Colour.read(main)), accent=str(Colour.read(accent)))
    _save(session, chosen, f"valde färger {chosen.main} {chosen.accent}", name=name, now=now)


def choose_logo(
    session: Session,
    municipality: Municipality,
    *,
    file_name: str,
    data: bytes,
    alt: str,
    approved_by: str,
    approved_on: str,
    name: str,
    now: datetime,
) -> None:
    """Show this picture as the municipality's logo from now on. Raises RefusedError, saying what to do."""
    alt, approved_by = " ".join(alt.split()), " ".join(approved_by.split())
    if not alt or len(alt) > LONGEST_ALT:
        raise RefusedError(f"Skriv vad logotypen föreställer, högst {LONGEST_ALT} tecken, till exempel ”Aneby kommun”.")
    if len(approved_by) > LONGEST_NAME:
        raise RefusedError(f"Skriv vem som har godkänt med högst {LONGEST_NAME} tecken.")
    if bool(approved_by) != bool(approved_on):
        raise RefusedError("Skriv både vem som har godkänt att märket används och vilken dag.")
    if len(data) > MOST_LOGO_BYTES:
        raise RefusedError(f"Bilden är för stor. Spara den mindre: högst {MOST_LOGO_BYTES // 1000} kB.")
    try:
        picture = checked_picture(file_name, data)
    except TemplateError as error:
        raise RefusedError(error.message) from error
    if max(picture.width, picture.height) > MOST_LOGO_SIDE:
        raise RefusedError(f"Bilden är för stor. Spara den mindre: högst {MOST_LOGO_SIDE} punkter på en sida.")
    picture_rows.keep(session, [picture], now=now)
    logo = Logo(
        picture.sha256, picture.media_type, picture.width, picture.height, alt, approved_by, _day(approved_on, now=now)
    )
    look = look_of(session, municipality.id) or Look(municipality.id)
    _save(session, replace(look, logo=logo), "valde logotyp", name=name, now=now)


def remove_logo(session: Session, municipality: Municipality, *, name: str, now: datetime) -> None:
    """Show no logo any more. Removing it again changes nothing."""
    look = look_of(session, municipality.id)
    if look is not None and look.logo is not None:
        _save(session, replace(look, logo=None), "tog bort logotypen", name=name, now=now)


def use_standard(session: Session, municipality: Municipality, *, name: str, now: datetime) -> None:
    """Go back to the colours that the program comes with. A logo stays."""
    look = look_of(session, municipality.id)
    if look is not None:
        standard = Look(municipality.id, logo=look.logo)
        _save(session, standard, "gick tillbaka till standardfärgerna", name=name, now=now)


def logo_bytes(session: Session, look: Look) -> tuple[bytes, str]:
    """The logo and its media type, of a look that has one."""
    assert look.logo is not None
    row = session.get_one(PictureRow, look.logo.sha256)
    return row.data, row.media_type


def stylesheet(look: Look) -> str:
    """The look as colour tokens, for light and dark, to stand after kampanjhjul.css."""
    main, accent = Colour.read(look.main), Colour.read(look.accent)
    assert main is not None
    assert accent is not None
    soft, dark_soft = WHITE.towards(main, 0.11), _DARK_CARD.towards(main, 0.4)
    light_tokens = {
        "main": main,
        "main-deep": main.towards(BLACK, _DEEP),
        "on-main": WHITE,
        "accent": accent,
        "on-accent": text_on(accent),
        "soft": soft,
        "on-soft": moved(main, towards=BLACK, beside=[soft], ratio=7),
    }
    dark_tokens = {
        "main": main.towards(BLACK, _DARK),
        "main-deep": main.towards(BLACK, _DARKEST),
        "soft": dark_soft,
        "on-soft": moved(main, towards=WHITE, beside=[dark_soft], ratio=7),
    }
    light, dark = _declared(light_tokens), _declared(dark_tokens)
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def _declared(tokens: Mapping[str, Colour]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in tokens.items())


def _day(text: str, *, now: datetime) -> str:
    if not text:
        return ""
    try:
        day = day_in(text)
    except ValueError:
        raise RefusedError("Skriv dagen då märket godkändes som 2026-11-25.") from None
    if day > now.date():
        raise RefusedError("Dagen då märket godkändes har inte varit än. Kontrollera den.")
    return day.isoformat()


def _save(session: Session, look: Look, action: str, *, name: str, now: datetime) -> None:
    table = {"main": look.main, "accent": look.accent, "logo": asdict(look.logo) if look.logo else None}
    session.merge(Setting(name=_name(look.municipality), value=json.dumps(table, ensure_ascii=False)))
    audit.record(session, now=now, municipality=look.municipality, actor=name, action=action, subject="utseende")
    touch(session, look.municipality)


def _name(municipality: str) -> str:
    return f"look:{municipality}"


def _told(ratio: float) -> str:
    """Rounded down: what is refused is never told as what was asked for."""
    return f"{int(ratio * 10) / 10:.1f}".replace(".", ",")
