"""Text written by others, made safe to print: what could steer a terminal is shown as an escape instead of obeyed.

Answers, error messages and names come from servers. Nothing is dropped: a reader sees that it was there.
"""

from __future__ import annotations

_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
"""Marks that reorder what is read, and the two line ends that only some programs see."""

_ESCAPES = {code: rf"\x{code:02x}" if code < 0x100 else rf"\u{code:04x}" for code in (*_CONTROLS, *_DIRECTIONS)}
_LINES_KEPT = {code: escape for code, escape in _ESCAPES.items() if chr(code) not in "\n\t"}


def visible(text: str) -> str:
    """Return text with control and direction characters as escapes (\\x1b, \\u202e); line ends and tabs stay."""
    return text.translate(_LINES_KEPT)


def one_line(text: str) -> str:
    """Return text as `visible` does, on one line: a line end inside it would look like a line of ours."""
    return text.translate(_ESCAPES)
