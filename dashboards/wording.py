"""How numbers, nights and names are written for people, on the page and in the terminal.

Null is a dash or a word, never 0. Stored text (model names, answers, details of a check) is written
by others: it is shown without anything that could steer a terminal, a spreadsheet or the reading order.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence

DASH = "\u2013"
_FORMULA_STARTS = ("=", "+", "-", "@")


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with fixed decimals, a dash for null."""
    if value is None or math.isnan(value):
        return DASH
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def drift_size(value: float | None) -> str:
    """Return a drift or its noise: three decimals, four below 0.01."""
    return number(value, 4 if value is not None and abs(value) < 0.01 else 3)


def drift_measure(method: str | None) -> str:
    """Return what the number of a drift test is: its unit."""
    return {"pool": "difference from the pool", "distance": "mean distance"}.get(method or "", "MMD²")


def p_value(value: float | None) -> str:
    """Return a p-value: '< 0.0001', four decimals below 0.1, else two."""
    if value is None:
        return DASH
    if value < 0.0001:
        return "< 0.0001"
    return number(value, 4 if value < 0.1 else 2)


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Return '[low, high]', or '(no interval)' where it is null."""
    return "(no interval)" if low is None or high is None else f"[{number(low, digits)}, {number(high, digits)}]"


def estimate(value: float | None, low: float | None, high: float | None, digits: int = 2) -> str:
    """Return an estimate with its interval, or 'not enough data'."""
    return "not enough data" if value is None else f"{number(value, digits)} {interval(low, high, digits)}"


def no_number(reason: str | None) -> str:
    """Return what stands where a number would, with the reason that its row gives."""
    return f"not enough data ({reason})" if reason else "not enough data"


def share(value: float | None) -> str:
    """Return a share (0 to 1) in percent, rounded down so that 100 % means all."""
    return DASH if value is None else f"{int(value * 1000 + 1e-9) / 10:g} %"


def count(value: float | None) -> str:
    """Return a whole number with thousands separated, a dash for null."""
    return DASH if value is None else f"{round(value):,}"


def counted(n: int, thing: str, things: str | None = None) -> str:
    """Return '1 model', '7 models'."""
    return f"{n:,} {thing if n == 1 else things or thing + 's'}"


def usd(value: float | None) -> str:
    """Return a cost in USD; null is unknown."""
    return "unknown" if value is None else f"{value:.4f}"


def listed(things: Sequence[str], most: int = 8) -> str:
    """Return 'a, b, c', cut after `most` with the number left out."""
    more = len(things) - most
    return ", ".join(things[:most]) + (f" and {more:,} more" if more > 0 else "")


def night(wave_id: str | None) -> str:
    """Return the date (and slot) of a wave id: what follows the panel's name."""
    return DASH if wave_id is None else inert(wave_id.split("/", 1)[-1])


def kinds(wave_kinds: Iterable[str]) -> str:
    """Return the kinds of a series' waves, 'staged' or 'live and staged'."""
    return " and ".join(sorted(set(wave_kinds)))


def inert(text: object) -> str:
    """Return text on one line without control, bidirectional or invisible formatting characters.

    Those categories hold the ANSI escape, the right-to-left override and the zero-width characters.
    """
    return "".join(
        character if unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co") else " "
        for character in str(text)
    ).strip()


def cell(text: object) -> str:
    """Return text for a table cell: inert, and not a formula when the table is pasted into a spreadsheet."""
    shown = inert(DASH if text is None or text == "" else text)
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown
