"""What a person had written in a form that was not accepted, to be shown so that it is not lost."""

from __future__ import annotations

from starlette.datastructures import FormData

# Fields that nobody writes in: they are hidden, chosen from a list, or passwords, which are never shown.
_NOT_WRITTEN = frozenset(
    (
        *("csrf", "budskap", "ersatt", "flik", "gor", "kanal", "kortkommandon", "lage", "lofte", "losenord"),
        *("losenord-igen", "nar", "nuvarande", "nyckel", "part", "period", "post", "rakna", "ratt", "roll", "sigill"),
        *("slag", "sprak", "tillbaka", "tillfalle", "uppgift", "utfall", "utgick_fran", "version", "visat"),
    )
)
# What the others are called on the pages, where it is not the field's name itself.
_WORDS = {
    "accentfarg": "Accentfärg",
    "alt": "Alternativtext",
    "budskap-skal": "Skäl",
    "epost": "E-postadress",
    "godkand-av": "Godkänd av",
    "godkand-den": "Godkänd den",
    "huvudfarg": "Huvudfärg",
    "kort": "Kort text",
    "lank": "Länk",
    "skal": "Skäl",
    "text": "Brödtext",
}


def written_in(form: FormData) -> list[tuple[str, str]]:
    """The fields that a person wrote in, each with its name in words."""
    return [
        (_WORDS.get(name, name.replace("-", " ").capitalize()), value)
        for name, value in form.multi_items()
        if isinstance(value, str) and value.strip() and name not in _NOT_WRITTEN
    ]
