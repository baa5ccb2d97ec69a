"""The dead-man ping: somebody else's clock is told that all is well, and raises the alarm when it is not told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from campaigns.catalog import Catalog, ChannelConfig
from campaigns.channels import Environment
from campaigns.channels.base import SendError
from campaigns.channels.http import accepted, call
from campaigns.database import Database
from campaigns.overviews.health import health

logger = logging.getLogger(__name__)


def ping(database: Database, catalog: Catalog, url: str, *, environ: Mapping[str, str], now: datetime) -> bool:
    """Call `url` if a worker lives and nothing is overdue. Returns whether it was called and said yes.

    The same rules hold as for channels: https, no redirect, no address within a private network. What fails is told in
    the log and not tried again: the next one comes by itself, and one that is missing is the alarm.
    """
    with database.read() as session:
        found = health(session, catalog, now=now)
    if not found.is_ready:
        return False
    channel = ChannelConfig("ping", "ping", "ping", ())
    try:
        answer = call(
            "GET", url, environment=Environment(environ=environ, timeout=(5, 10), longest=15), channel=channel
        )
        accepted(answer, now=now)
    except SendError as error:
        logger.warning("Livstecknet gick inte fram: %s", error.message, extra={"action": "ping_failed"})
        return False
    return True
