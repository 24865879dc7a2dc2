"""Cuts what a server said to a length, without leaving half a secret that redaction no longer knows for one."""

from __future__ import annotations

import re

LONGEST_SECRET = 400
"""Characters at the end of a cut text in which a secret may have begun; the longest keys in use have about 200."""

_LAST_WORD = re.compile(r"[\w.~+/=:@-]+\Z")


def shortened(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters; one that was cut ends before the word that the cut fell into."""
    return text if len(text) <= limit else without_last_word(text[: limit - 1]) + "…"


def without_last_word(text: str) -> str:
    """Return a text that was cut without the word, or the last 400 characters of it, that the cut fell into."""
    end = max(0, len(text) - LONGEST_SECRET)
    return text[:end] + _LAST_WORD.sub("", text[end:])
