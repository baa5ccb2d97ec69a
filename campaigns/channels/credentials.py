"""Secrets, by reference: `env:NAME` or `file:path`. The configuration names them; only this reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from campaigns.channels.base import NotSentError


class CredentialError(NotSentError):
    """Kanalens hemlighet går inte att använda."""

    # Nothing has been sent, and nothing can be until a person has put the secret right.
    def __init__(self, message: str) -> None:
        super().__init__(message, is_permanent=False, stops_channel=True)


def resolve(reference: str, *, environ: Mapping[str, str]) -> str:
    """The secret that `reference` points to, without surrounding white space. Read anew each time: it may change.

    Raises CredentialError, which names the variable or the file and never holds what was found there.
    """
    kind, _, place = reference.partition(":")
    if kind == "env" and place:
        found = environ.get(place, "").strip()
        missing = f"Miljövariabeln {place} saknas eller är tom: lägg kanalens hemlighet där."
    elif kind == "file" and place:
        found = _read(place)
        missing = f"Filen {place} är tom: lägg kanalens hemlighet där."
    else:
        # What stands there may be the secret itself: do not repeat it.
        raise CredentialError("Kanalens hemlighet ska anges som ”env:NAMN” eller ”file:sökväg”.")
    if not found:
        raise CredentialError(missing)
    return found


def _read(place: str) -> str:
    try:
        return Path(place).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        # Not chained: the error holds the bytes it could not read.
        raise CredentialError(f"Filen {place} med kanalens hemlighet är inte text (UTF-8).") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "sökvägen är ogiltig"
        raise CredentialError(f"Filen {place} med kanalens hemlighet går inte att läsa: {why}.") from error
