"""Commands by which people decide about a follow-up: approve-follow-up, reject-follow-up."""

from __future__ import annotations

import argparse
import os

from campaigns.cli import show
from campaigns.cli.following_up import only_one
from campaigns.followup import signing
from campaigns.followup.periods import period_from
from campaigns.followup.stored import follow_up
from campaigns.wiring import open_parts


def approve(given: argparse.Namespace) -> int:
    """Sign a stored follow-up for a party."""
    parts = open_parts(os.environ)
    municipality, period = only_one(parts, given.municipality), period_from(given.period)
    with parts.database.write() as session:
        digest = given.digest or follow_up(session, municipality, period.id).digest
        signed = signing.sign(
            session, municipality, period, party=given.party, name=given.name, digest=digest, now=parts.clock()
        )
    show.line(f"{given.name} har godkänt uppföljningen {period.id} för {given.party}. Sigill: {signed.digest[:12]}")
    if signed.missing:
        show.line(f"Nu saknas: {' och '.join(signed.missing)}. Den publiceras när alla har godkänt.")
    else:
        show.line("Alla har godkänt. Uppföljningen är publicerad.")
    return 0


def reject(given: argparse.Namespace) -> int:
    """Send a stored follow-up back, with what should be changed."""
    parts = open_parts(os.environ)
    municipality, period = only_one(parts, given.municipality), period_from(given.period)
    with parts.database.write() as session:
        signing.reject(
            session,
            municipality,
            period,
            party=given.party,
            name=given.name,
            reason=given.reason,
            now=parts.clock(),
        )
    show.line(f"Uppföljningen {period.id} är skickad tillbaka. Godkännandena på den gäller inte längre.")
    return 0
