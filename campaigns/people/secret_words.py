"""Secrets in cookies and addresses: only their SHA-256 is kept. They are random, so that no slow hash is needed."""

from __future__ import annotations

import hashlib


def hash_of(secret: str) -> str:
    """What is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
