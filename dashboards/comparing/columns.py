"""Text in columns of a terminal: tables, and two texts side by side. Stored text is made inert first."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from lake.inert import one_line, visible

GAP = "  "
BETWEEN = " | "
MOST_LINES = 14
"""Lines of an answer that are shown; the rest is counted."""


def display_width(text: str) -> int:
    """Return how many cells of a terminal a text takes: two for wide characters, none for marks that combine."""
    return sum(
        0 if unicodedata.combining(c) or c in "\u200d\ufe0f" else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return text filled with spaces to a width in cells."""
    spaces = " " * (width - display_width(text))
    return spaces + text if right else text + spaces


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Return a table: the first `left` columns from the left, the others from the right, the last one as it comes."""
    cells = [[one_line(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(display_width(row[n]) for row in cells) for n in range(len(heads))]
    lines = [
        GAP.join(
            padded(cell, widths[n], right=left <= n < len(heads) - 1) if n < len(heads) - 1 else cell
            for n, cell in enumerate(row)
        ).rstrip()
        for row in cells
    ]
    return "\n".join("  " + line for line in lines)


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text, wrapped at words to a width in cells; words that are too long are cut."""
    lines: list[str] = []
    for line in visible(text).expandtabs(4).split("\n"):
        current = ""
        for word in line.split(" "):
            joined = f"{current} {word}" if current else word
            if display_width(joined) <= width:
                current = joined
                continue
            if current:
                lines.append(current)
            *full, current = _pieces(word, width)
            lines += full
        lines.append(current)
    return lines


def _pieces(word: str, width: int) -> list[str]:
    """Return a word in pieces of at most a width in cells, the last one perhaps empty."""
    pieces: list[str] = []
    start, taken = 0, 0
    for place, character in enumerate(word):
        cells = display_width(character)
        if place > start and taken + cells > width:
            pieces.append(word[start:place])
            start, taken = place, 0
        taken += cells
    return [*pieces, word[start:]]


def side_by_side(heads: tuple[str, str], texts: tuple[str, str], width: int) -> str:
    """Return two texts beside each other in `width` cells, each under its head, cut after MOST_LINES lines."""
    half = max(16, (width - len(BETWEEN) - 2) // 2)
    columns = []
    for head, text in zip(heads, texts, strict=True):
        lines = wrapped(text, half)
        if len(lines) > MOST_LINES:
            lines = [*lines[:MOST_LINES], f"… {len(lines) - MOST_LINES:,} more lines"]
        columns.append([*wrapped(one_line(head), half), "-" * half, *lines])
    longest = max(map(len, columns))
    filled = [column + [""] * (longest - len(column)) for column in columns]
    return "\n".join(f"  {padded(a, half)}{BETWEEN}{b}".rstrip() for a, b in zip(*filled, strict=True))
