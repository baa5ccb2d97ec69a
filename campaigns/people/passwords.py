"""Passwords: hashed with argon2id, and long enough to be worth hashing."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from campaigns.errors import RefusedError

# Characters. Length is what counts: no rules of digits and signs (NIST SP 800-63B 3.1.1.2).
SHORTEST = 12
LONGEST = 200
_COMMON = frozenset({"lösenord", "password", "kampanjhjulet", "sommar", "vinter", "qwertyuiop", "kommun", "polisen"})

# The library's own parameters follow RFC 9106; they are kept in the hash, so that they can be raised later.
_hasher = PasswordHasher()


def hashed(password: str, *, email: str, name: str) -> str:
    """The hash to keep of a new password. Raises RefusedError, saying what to do, for one that is easy to guess."""
    if len(password) < SHORTEST:
        raise RefusedError(f"Lösenordet är för kort. Skriv minst {SHORTEST} tecken, till exempel fyra ord i rad.")
    if len(password) > LONGEST:
        raise RefusedError(f"Lösenordet är för långt. Skriv högst {LONGEST} tecken.")
    bare = "".join(sign for sign in password.casefold() if sign.isalpha())
    own = {email.casefold(), email.casefold().partition("@")[0], name.casefold().replace(" ", "")}
    if len(set(password)) < 5 or bare in _COMMON or password.casefold() in own or bare in own:
        raise RefusedError("Lösenordet är lätt att gissa. Välj ett annat, till exempel fyra ord i rad.")
    return _hasher.hash(password)


def is_right(password: str, password_hash: str) -> bool:
    """Whether it is the password of that hash. Without a hash it takes as long to say no as with a wrong password."""
    try:
        _hasher.verify(password_hash or _nobodys(), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return bool(password_hash)


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def rehashed(password: str) -> str:
    """The hash of a password that has just been proven right."""
    return _hasher.hash(password)


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody has this password")
