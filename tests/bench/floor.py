"""What sqlite3 itself takes for the rows that the outbox writes: what no outbox on it can do without."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from pathlib import Path
from typing import Any

_DUE = """
    SELECT d.id, d.key, d.post_id, d.municipality, d.channel, d.kind, d.language, d.due_at, d.not_after, d.token,
           d.attempts, d.maybe_sent, d.receipt, c.payload, p.digest, p.state
    FROM delivery d JOIN content c ON c.id = d.content_id JOIN post p ON p.id = d.post_id
    WHERE d.state = 'queued' AND d.next_attempt_at <= ? ORDER BY d.next_attempt_at, d.id LIMIT ?
"""
_SIGNED = "SELECT post_id, party, name, digest FROM approval WHERE voided_at IS NULL AND post_id IN ({})"
_TAKE = """
    UPDATE delivery SET state = 'sending', token = token + 1, attempts = attempts + 1, lease_until = ?, changed_at = ?
    WHERE id = ? AND token = ?
"""
_SETTLE = """
    UPDATE delivery SET state = 'handed_over', receipt = ?, published_at = ?, changed_at = ?, lease_until = NULL
    WHERE id = ? AND token = ? AND state = 'sending'
"""
_ATTEMPT = """
    INSERT INTO attempt (delivery_id, number, token, started_at, finished_at, outcome, detail)
    VALUES (?, 1, 1, ?, ?, 'handed_over', '')
"""


def raw_seconds(path: Path, batch: int) -> float:
    """How long it takes with two transactions for each `batch` rows. The same columns of the same tables."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    now = "2027-04-30 10:00:00.000000"
    began = time.perf_counter()
    while True:
        connection.execute("BEGIN IMMEDIATE")
        rows: list[Any] = connection.execute(_DUE, (now, batch)).fetchall()
        if not rows:
            connection.execute("COMMIT")
            break
        marks = ",".join("?" * len(rows))
        signed = connection.execute(_SIGNED.format(marks), [row[2] for row in rows]).fetchall()
        assert len(signed) == 2 * len(rows)
        assert all(hashlib.sha256(row[13]).hexdigest() for row in rows)
        connection.executemany(_TAKE, [(now, now, row[0], row[9]) for row in rows])
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_SETTLE, [("msg_1", now, now, row[0], row[9] + 1) for row in rows])
        connection.executemany(_ATTEMPT, [(row[0], now, now) for row in rows])
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    (left,) = connection.execute("SELECT count(*) FROM delivery WHERE state <> 'handed_over'").fetchone()
    assert left == 0
    connection.close()
    return took
