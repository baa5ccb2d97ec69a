"""The log of acts: written in the same transaction as the act itself, and never changed afterwards.

Each entry's hash covers the entry and the hash of the one before it. Writing transactions come one at a time
(`campaigns.database`), so that the order of the entries is that of their numbers. Whoever changes, adds or takes away
an entry breaks the chain there.

Where the chain ends is kept beside it: how many entries have been written, the last one's hash, and a seal over both
made with the service's secret key. The next entry is chained to that, whatever stands in the table. So entries taken
away at the end are missed, and a chain that was made anew ends elsewhere than it should; without the key nobody can
make the end fit. A database that as a whole is put back to an earlier day is only seen from outside: by the number of
entries in the figures, or by a hash that was written down, as each archive does.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, or_, select, update
from sqlmodel import Session

from campaigns.database import SEALED_WITH
from campaigns.errors import RefusedError
from campaigns.models import AuditEntry, Setting

START = ""  # what stands in place of the hash before the first entry
KEY = "secret_key"  # the setting with the key, where none is given
_END = "log_end"  # the setting with the end of the chain


@dataclass(frozen=True)
class End:
    """Where the log ends, as it was last written: the number of entries, the last one's hash, the seal over them."""

    entries: int
    head: str
    seal: str

    @classmethod
    def read(cls, text: str) -> End:
        """The end as it is kept. One that cannot be read is one that nobody has sealed."""
        entries, _, rest = text.partition(" ")
        head, _, seal = rest.partition(" ")
        return cls(int(entries), head, seal) if entries.isascii() and entries.isdecimal() else cls(0, START, "")

    def written(self) -> str:
        return f"{self.entries} {self.head} {self.seal}"

    def is_sealed(self, key: str) -> bool:
        return bool(key) and hmac.compare_digest(self.seal.encode(), _seal(key, self.entries, self.head).encode())


@dataclass(frozen=True)
class Chain:
    """What became of a look through the log. `broken` is the number of the first entry that is not as it was written.

    `head` is the hash of the last entry that is in order, `written` how many entries there should be (None if nobody
    knows), `ends` whether the last one is the one that was written last, `is_sealed` whether the key says so, and
    `has_known` whether the hash asked for stands there.
    """

    entries: int
    head: str
    broken: int | None = None
    has_known: bool = True
    written: int | None = None
    ends: bool = True
    is_sealed: bool = True

    @property
    def is_whole(self) -> bool:
        return not self.fault

    @property
    def fault(self) -> str:
        """What is wrong, in a sentence; "" if nothing is."""
        if self.broken is not None:
            return (
                f"Loggen är ändrad. Rad {self.broken} är den första som inte stämmer; {self.entries} före den gör det."
            )
        if self.written is None:
            return f"Loggen är ändrad. Uppgiften om var den slutar är borta; {self.entries} rader finns."
        if not self.ends and self.entries != self.written:
            return f"Loggen är ändrad. {self.written} rader har skrivits, men {self.entries} finns."
        if not self.ends:
            return "Loggen är omskriven: den slutar inte med den rad som skrevs sist. Varje rad kan vara ändrad."
        if not self.is_sealed:
            return (
                "Loggens slut är inte förseglat med tjänstens nyckel. Någon har skrivit om det, eller så har nyckeln "
                "bytts. Har ni själva bytt den: kampanjhjul log seal."
            )
        if not self.has_known:
            return "Den nedskrivna summan finns inte i loggen: rader har tagits bort i slutet, eller så är summan fel."
        return ""


def record(
    session: Session, *, now: datetime, municipality: str, actor: str, action: str, subject: str, detail: str = ""
) -> None:
    """Add an entry to the log. `detail` must hold no addresses, tokens or message bodies."""
    _write(session, (municipality, actor, action, subject, detail), now=now)


def seal(session: Session, *, reason: str, name: str, now: datetime) -> None:
    """Seal the end with the key that holds now, after a change of it; who did it and why stands in the log for ever.

    It mends nothing that is broken before. Raises RefusedError where the end is sealed already.
    """
    end, key = _standing(session)
    if end is not None and end.is_sealed(key):
        raise RefusedError("Loggen är redan förseglad med den nyckel som gäller.")
    _write(session, ("", name, "förseglade loggen på nytt", "loggen", reason), now=now, is_sealing=True)


def begin(connection: Connection, *, key: str | None = None) -> None:
    """Seal the end of a log without entries, in a database that no migration has made; with a key of its own."""
    if not key:
        key = secrets.token_urlsafe(32)
        connection.execute(insert(_SETTING), {"name": KEY, "value": key})
    connection.execute(insert(_SETTING), {"name": _END, "value": End(0, START, _seal(key, 0, START)).written()})


def entry_hash(before: str, at: datetime, *words: str) -> str:
    """SHA-256, in hexadecimal, over the hash before and the entry: its time, then its words in the table's order."""
    told = json.dumps([before, at.astimezone(UTC).isoformat(), *words], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def verify(session: Session, *, known: str = "") -> Chain:
    """Go through the log from the first entry. `known` is a hash that was written down earlier, if there is one."""
    end, key = _standing(session)
    written = end.entries if end else None
    head, entries, has_known = START, 0, not known
    with session.connection().execute(_EVERY) as rows:
        for row in rows:
            expected = entry_hash(head, row.at, row.municipality, row.actor, row.action, row.subject, row.detail)
            if row.hash != expected:
                return Chain(entries, head, broken=row.id, has_known=has_known, written=written)
            head, entries = expected, entries + 1
            has_known = has_known or head == known
    ends = end is not None and (end.entries, end.head) == (entries, head)
    is_sealed = end is not None and end.is_sealed(key)
    return Chain(entries, head, has_known=has_known, written=written, ends=ends, is_sealed=is_sealed)


def entries_written(session: Session) -> int:
    """How many entries have ever been written, as the end of the log tells it: the table is not read."""
    end, _ = _standing(session)
    return end.entries if end else 0


def _write(session: Session, words: tuple[str, ...], *, now: datetime, is_sealing: bool = False) -> None:
    """Add an entry after the end that is kept. An end that was not sealed stays so until a person seals it anew."""
    connection = session.connection()
    found, key = _standing(session)
    end = found or _end_of_table(connection)
    head = entry_hash(end.head, now, *words)
    connection.execute(_RECORD, {"at": now, **dict(zip(_WORDS, words, strict=True)), "hash": head})
    is_sealed = key and (is_sealing or end.is_sealed(key))
    entries = end.entries + 1
    value = End(entries, head, _seal(key, entries, head) if is_sealed else "").written()
    if found is None:
        connection.execute(insert(_SETTING), {"name": _END, "value": value})
    else:
        connection.execute(_MOVE, {"value": value})


def _standing(session: Session) -> tuple[End | None, str]:
    """The end as it is kept, and the key: the one given to this process, or else the database's own, or "" ."""
    found: Mapping[str, str] = {row.name: row.value for row in session.connection().execute(_KEPT)}
    end = End.read(found[_END]) if _END in found else None
    return end, session.info.get(SEALED_WITH) or found.get(KEY, "")


def _end_of_table(connection: Connection) -> End:
    """What the table itself says, where somebody has taken away what says where it ends. Nobody has sealed that."""
    entries = connection.execute(select(func.count()).select_from(_AUDIT)).scalar_one()
    return End(entries, connection.execute(_NEWEST).scalar() or START, "")


def _seal(key: str, entries: int, head: str) -> str:
    return hmac.digest(key.encode(), f"logg/{entries}/{head}".encode(), hashlib.sha256).hex()


_AUDIT = AuditEntry.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_SETTING = Setting.__table__  # type: ignore[attr-defined]  # as above
_WORDS = ("municipality", "actor", "action", "subject", "detail")
_RECORD = insert(_AUDIT)
_KEPT = select(_SETTING.c.name, _SETTING.c.value).where(or_(_SETTING.c.name == _END, _SETTING.c.name == KEY))
_MOVE = update(_SETTING).where(_SETTING.c.name == _END)
_NEWEST = select(_AUDIT.c.hash).order_by(_AUDIT.c.id.desc()).limit(1)
_EVERY = select(_AUDIT).order_by(_AUDIT.c.id).execution_options(yield_per=1_000)  # a log may be long
