"""Amounts of money in words."""

from __future__ import annotations

import math

DIGITS = 4
"""Significant digits: an answer can cost a hundred-thousandth of a dollar, and a night hundreds of them."""


def money(usd: float) -> str:
    """Return an amount with four significant digits and at least two decimals; 0.00 for less than nothing."""
    if usd <= 0 or not math.isfinite(usd):
        return "0.00" if usd <= 0 else f"{usd}"
    decimals = max(2, DIGITS - 1 - math.floor(math.log10(usd)))
    whole, _, fraction = f"{usd:.{decimals}f}".partition(".")
    return f"{whole}.{fraction.rstrip('0'):0<2}"
