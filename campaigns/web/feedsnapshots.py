"""A calendar at one moment: its events in order, and the ready answers that are made from them, whole or filtered."""

from __future__ import annotations

import zlib
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from copy import copy
from datetime import UTC, datetime
from hashlib import sha256
from sys import intern
from typing import NamedTuple

from campaigns.feeds import PublishedEvent
from campaigns.ical import CALENDAR_TAIL
from campaigns.ical_check import check_fragment
from campaigns.web.feedanswers import Body, Deferred, Policy, Resource

# Selected campaigns, audiences and channels; an empty set selects all.
Selection = tuple[frozenset[str], frozenset[str], frozenset[str]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Every combination that subscribers really use, and a bound for those who try them all.
MOST_VARIANTS = 64
# With more changes than this, sorting everything is quicker than moving each into place.
FEW_CHANGES = 64
# Events and octets that the rest of a packed calendar is told by.
KNOWN, LONGEST_KNOWN = 16, 8_192


class Placed(NamedTuple):
    """An event in its place: sorts by its start and UID. `size` and `digest` (SHA-256) are of the fragment, which is
    as it is or packed."""

    starts: str
    uid: str
    fragment: bytes
    size: int
    digest: bytes


class Packing:
    """Compresses fragments one by one. They are much alike, so the first few are what the others are told by."""

    def __init__(self, first: Sequence[bytes]) -> None:
        self._known = b"".join(first)[:LONGEST_KNOWN]

    def pack(self, fragment: bytes) -> bytes:
        packer = zlib.compressobj(zlib.Z_BEST_SPEED, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=self._known)
        return packer.compress(fragment) + packer.flush()

    def unpack(self, packed: bytes) -> bytes:
        return zlib.decompressobj(-zlib.MAX_WBITS, zdict=self._known).decompress(packed)


class Filed(NamedTuple):
    """Where an event stands, and what it is chosen by: ids joined by a space."""

    starts: str
    campaign: str
    audience: str
    channel: str


class Snapshot:
    """One calendar at one moment: its events in order, and the answers made from them, whole or filtered.

    A calendar of 10,000 events must be ready milliseconds after one of them has changed. So its hash is taken over the
    hashes of its events, each of which is computed once.
    """

    def __init__(
        self,
        municipality: str,
        head: Callable[[datetime], bytes],
        policy: Policy,
        file_name: str,
        *,
        is_gzip_on: bool = True,
    ) -> None:
        self.municipality = municipality
        self.head = head
        self.policy = policy
        self.file_name = file_name
        self.is_gzip_on = is_gzip_on
        self.last_modified = EPOCH
        # Most of the memory would be the editorial calendars, which are large, and few ask for each.
        self._packing: Packing | None = None
        self._filed: dict[str, Filed] = {}
        self._placed: list[Placed] = []
        self._variants: dict[Selection, Resource] = {}
        self.resource = self._resource(self._placed)

    def with_changes(self, changed: Sequence[PublishedEvent]) -> Snapshot:
        """A new snapshot with the changed events added, replaced or, where no bytes are left of them, removed.

        Raises ValueError, and changes nothing, if the bytes of an event are not fit to be published.
        """
        for event in changed:
            faults = check_fragment(event.fragment) if event.fragment else ()
            if faults:
                raise ValueError(f"Händelsen {event.uid} {', '.join(faults)}.")
        fresh = copy(self)
        fresh.last_modified = max((self.last_modified, *(event.last_modified for event in changed)))
        fresh._filed = dict(self._filed)
        fresh._placed = self._placed.copy()
        fresh._variants = {}
        if fresh._packing is None and changed and not self.policy.is_public:
            fresh._packing = Packing([event.fragment for event in changed[:KNOWN]])
        if len(changed) > FEW_CHANGES:
            fresh._rebuild(changed)
        else:
            fresh._adjust(changed)
        fresh.resource = fresh._resource(fresh._placed)
        return fresh

    def selected(self, selection: Selection) -> Resource:
        """The answer with only the events that belong to one of each selected campaign, audience and channel."""
        if not any(selection):
            return self.resource
        known = self._variants.get(selection)
        if known is not None:
            return known
        made = self._resource([item for item in self._placed if _belongs(self._filed[item.uid], selection)])
        while len(self._variants) >= MOST_VARIANTS:
            self._variants.pop(next(iter(self._variants)), None)
        self._variants[selection] = made
        return made

    def _resource(self, placed: list[Placed]) -> Resource:
        head = self.head(self.last_modified)
        if self._packing is None:
            body: Body = b"".join((head, *[item.fragment for item in placed], CALENDAR_TAIL))
        else:
            unpack = self._packing.unpack
            body = Deferred(
                len(head) + sum(item.size for item in placed) + len(CALENDAR_TAIL),
                lambda: b"".join((head, *[unpack(item.fragment) for item in placed], CALENDAR_TAIL)),
            )
        digest = sha256(b"".join((sha256(head).digest(), *[item.digest for item in placed]))).digest()
        return Resource(
            body, self.policy, self.file_name, self.last_modified, digest=digest, is_gzip_on=self.is_gzip_on
        )

    def _rebuild(self, changed: Sequence[PublishedEvent]) -> None:
        fresh = {event.uid: event for event in changed}
        kept = [item for item in self._placed if item.uid not in fresh]
        there = [event for event in fresh.values() if event.fragment]
        self._placed = sorted([*kept, *map(self._place, there)])
        for uid in fresh.keys() & self._filed.keys():
            del self._filed[uid]
        self._filed.update((event.uid, _filed(event)) for event in there)

    def _adjust(self, changed: Sequence[PublishedEvent]) -> None:
        for event in changed:
            old = self._filed.pop(event.uid, None)
            if old is not None:
                del self._placed[bisect_left(self._placed, (old.starts, event.uid))]
            if event.fragment:
                insort(self._placed, self._place(event))
                self._filed[event.uid] = _filed(event)

    def _place(self, event: PublishedEvent) -> Placed:
        held = self._packing.pack(event.fragment) if self._packing else event.fragment
        return Placed(event.starts, event.uid, held, len(event.fragment), sha256(event.fragment).digest())


def _filed(event: PublishedEvent) -> Filed:
    # The same few over and over, in the calendars of every municipality.
    return Filed(event.starts, intern(event.campaign), intern(event.audience), intern(event.channel))


def _belongs(event: Filed, selection: Selection) -> bool:
    values = (event.campaign, event.audience, event.channel)
    return all(
        not wanted or not wanted.isdisjoint(value.split()) for wanted, value in zip(selection, values, strict=True)
    )
