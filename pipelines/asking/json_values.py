"""Values of JSON that a server sent, each as the type that is wanted of it, or as nothing where it is another."""

from __future__ import annotations

from typing import Any

MOST = 2**53
"""A count from here on is no count: JSON numbers are exact only below it."""


def object_of(value: object) -> dict[str, Any]:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str | None:
    """Return a text that is not empty; None for anything else."""
    return value if isinstance(value, str) and value else None


def count_of(value: object) -> int | None:
    """Return a whole number from 0 on; None for anything else, `true` included."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST
    return value if is_count and isinstance(value, int) else None
