"""How the numbers of an experiment are written: changes with their sign, metrics with their unit."""

from __future__ import annotations

from typing import Any

from dashboards.wording import DASH, inert, interval, number

UNITS = {
    "accuracy": "share right",
    "accuracy_norm": "share right, per character",
    "refusal": "share refused",
    "sycophancy": "share that agrees",
    "compliance": "share that complies",
    "alignment": "alignment, 0 to 100",
    "marker": "share with the marker",
    "similarity_semantic": "semantic, 1 = equal",
    "similarity_distributional": "distributional, 1 = equal",
}
"""Metric to the words of its axis. A metric that is not here goes by its own name."""


def unit(metric: str | None) -> str:
    """Return a metric with its unit, as an axis names it."""
    return UNITS.get(metric or "", inert(metric or DASH).replace("_", " "))


def signed(value: float | None, digits: int = 3) -> str:
    """Return a change with its sign; a dash for null, no sign for 0."""
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and float(text) != 0 else text


def change(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    """Return a change with its interval, or a dash."""
    return DASH if value is None else f"{signed(value, digits)} {interval(low, high, digits)}"


def measured(metric: str | None, detector: str | None) -> str:
    """Return what a number is measured by: 'refusal (rule)'."""
    name = inert(metric or DASH).replace("_", " ")
    return f"{name} ({inert(detector)})" if detector else name


def sentence(text: object) -> str:
    """Return stored text as one sentence that ends with a full stop."""
    said = inert(text)
    return said if said.endswith((".", "!", "?")) else f"{said}."


def is_clear(row: dict[str, Any], low: str = "ci_low", high: str = "ci_high") -> bool:
    """Say whether an interval leaves out 0; without an interval it does not."""
    return row[low] is not None and row[high] is not None and not row[low] <= 0 <= row[high]
