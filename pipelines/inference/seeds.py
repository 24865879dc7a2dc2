"""Seeds of random draws: recorded, and the same on every machine."""

from __future__ import annotations

import hashlib


def seed_of(*names: str) -> int:
    """Return a seed for what the names identify: the first 6 bytes of a SHA-256, so it fits a 64-bit column."""
    return int.from_bytes(hashlib.sha256("|".join(names).encode()).digest()[:6])
