"""A comparison told from the other side: every difference changes its sign, to the last digit."""

from __future__ import annotations

from dataclasses import replace

from dashboards.comparing.records import Comparison, Moved, Rate, Similarity, Unmatched

SIGNED = ("change", "difference")
_WITHIN = {"within_a": "within_b", "within_b": "within_a"}
_SIDES = {"A": "B", "B": "A", "both": "both"}


def turned(found: Comparison) -> Comparison:
    """Return the same comparison with A and B exchanged. Drift has no direction and stays."""
    return replace(
        found,
        a=found.b,
        b=found.a,
        similarity=tuple(_similarity(row) for row in found.similarity),
        rates=tuple(_rate(row) for row in found.rates),
        unmatched=tuple(sorted((_unmatched(row) for row in found.unmatched), key=_order)),
        moved=tuple(_moved(row) for row in found.moved),
    )


def negative(value: float | None) -> float | None:
    """Return -value, 0 for 0 and null for null."""
    return None if value is None else 0.0 - value


def _similarity(row: Similarity) -> Similarity:
    exchanged = replace(row, value_a=row.value_b, value_b=row.value_a, quantity=_WITHIN.get(row.quantity, row.quantity))
    if row.quantity not in SIGNED:
        return exchanged
    return replace(exchanged, value=negative(row.value), ci_low=negative(row.ci_high), ci_high=negative(row.ci_low))


def _rate(row: Rate) -> Rate:
    low, high = negative(row.ci_high), negative(row.ci_low)
    return replace(row, a=row.b, b=row.a, difference=negative(row.difference), ci_low=low, ci_high=high)


def _unmatched(row: Unmatched) -> Unmatched:
    return replace(row, side=_SIDES[row.side])


def _order(row: Unmatched) -> tuple[bool, str, str, str]:
    return row.prompt_id is not None, row.prompt_id or "", row.model or "", row.side


def _moved(row: Moved) -> Moved:
    return replace(
        row,
        n_samples_a=row.n_samples_b,
        n_samples_b=row.n_samples_a,
        answer_a=row.answer_b,
        answer_b=row.answer_a,
    )
