"""A new municipality's file, written from the shipped one with everything that must be confirmed marked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from campaigns.content.phrases import UNCONFIRMED
from campaigns.errors import ConfigurationError, RefusedError
from campaigns.reading import load
from campaigns.schema import ID

_TEMPLATE = """\
# {name}. Det som är märkt BEKRÄFTA är ett förslag som någon i kommunen måste kontrollera.
name = "{name}" # BEKRÄFTA: kommunens fulla namn
short_name = "{short_name}" # BEKRÄFTA: som det står i löpande text
code = "{code}" # BEKRÄFTA: kommunkoden, fyra siffror, ur SCB:s lista
zone = "Europe/Stockholm"
police_area = "{police_area}" # BEKRÄFTA: lokalpolisområdets namn
website = "{website}" # BEKRÄFTA: kommunens webbplats
languages = ["sv"]
promises = [] # BEKRÄFTA: id på löften i promises.toml, där kommunen också ska nämnas

# Båda parterna måste godkänna varje budskap.
[parties.kommun]
name = "{name}"
people = [] # BEKRÄFTA: namnen på dem som får godkänna; en tom lista släpper in vem som helst med ett namn

[parties.polis]
name = "{police_name}" # BEKRÄFTA
people = [] # BEKRÄFTA

# De här kanalerna fungerar utan konto. Fler visas i README under ”Kanaler”.
[channels.webb]
kind = "webb"

[channels.skarm]
kind = "skarm"

[channels.skolplattform] # BEKRÄFTA: vem som lägger ut och var
kind = "manuell"
instructions = "Lägg meddelandet i skolplattformen. Klistra in ämne och text."

[channels.sociala-medier] # BEKRÄFTA: vem som lägger ut och var
kind = "manuell"
instructions = "Publicera på kommunens konton. Använd den korta texten och länka till webbsidan."

# Skolor vars dagar styr. BEKRÄFTA: en [[places]] för varje skola eller ort.
# [[places]]
# id = "skolan"
# name = "Skolans namn"
# risk_dates = ["skolavslutning", "skolstart"]

# Vilka i personalen som påminns. BEKRÄFTA: utan adress påminns ingen.
# [[reminders]]
# role = "Samordnare"
# email = "samordnare@kommunen.exempel"
"""


def add(
    config: Path,
    name: str,
    *,
    title: str = "",
    code: str = "",
    police_area: str = "",
    website: str = "",
    channel_kinds: Iterable[str],
) -> Path:
    """Write `config`/municipalities/`name`.toml and read the whole configuration with it. Returns the file.

    What is not given is a guess, marked in the file. Raises RefusedError for an id that cannot be and for a file
    that is there already; ConfigurationError, with the file taken away again, if it does not fit with the rest.
    """
    if not re.fullmatch(ID, name):
        raise RefusedError(f"”{name}” kan inte vara ett id. Skriv med a–z, 0–9 och bindestreck, till exempel habo.")
    title = title or f"{name.replace('-', ' ').title()} kommun"
    values = {
        "name": title,
        "short_name": re.sub(r"s? (kommun|stad)$", "", title) or title,
        "code": code or "0000",
        "police_area": police_area or UNCONFIRMED,
        "police_name": f"{police_area[:1].upper()}{police_area[1:]}" if police_area else "Polisen",
        "website": website or f"https://www.{name}.se",
    }
    if any(set(value) & set('"\\') or not value.isprintable() for value in values.values()):
        raise RefusedError("Skriv namnen utan citattecken och omvända snedstreck.")
    path = config / "municipalities" / f"{name}.toml"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_TEMPLATE.format(**values))
    except FileExistsError as error:
        raise RefusedError(f"{path} finns redan. Inget har ändrats.") from error
    except OSError as error:
        raise RefusedError(f"{path} går inte att skriva: {error.strerror}.") from error
    try:
        load(config, channel_kinds=channel_kinds)
    except ConfigurationError:
        path.unlink()
        raise
    return path


def unconfirmed(path: Path) -> list[tuple[int, str]]:
    """The lines that are still marked, by number."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if UNCONFIRMED in line and number > 1]
