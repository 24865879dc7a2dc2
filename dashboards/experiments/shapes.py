"""Whether the published shape is there: most movement within the first 2 epochs, and a canary that moves less.

A series is a (source, behaviour, seed) in the metric that the verdict is about; the control is none. Only series
that moved measurably can show a shape: the share of a movement that is not there is noise.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from dashboards.experiments.reading import main_series
from dashboards.experiments.standing import has_control
from dashboards.experiments.wording import is_clear
from dashboards.wording import counted, inert, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.experiments.reading import ExperimentReading

EARLY = 2
"""The published result: most of the movement within this many epochs."""

_SERIES = ("source", "behaviour", "seed")


class Shape(NamedTuple):
    """What was found: present, absent or not to be seen, in a few words and in a sentence with its numbers."""

    state: str
    title: str
    sentence: str


def movement_shape(reading: ExperimentReading) -> Shape:
    """Say whether most of the movement came within the first 2 epochs: in more than half of what moved."""
    series = _series(reading, is_control=False)
    early = max((row["epoch"] for rows in series for row in rows if 0 < row["epoch"] <= EARLY), default=None)
    what = f"most of the movement within the first {EARLY} epochs"
    if early is None:
        return _unseen(what, f"no epoch from 1 to {EARLY} was evaluated")
    told = [rows for rows in series if any(row["epoch"] > EARLY and row["change"] is not None for row in rows)]
    if series and not told:  # all there is came early, by construction
        return _unseen(what, f"it cannot be told: no epoch after {EARLY} was evaluated")
    moved = [rows for rows in told if _has_moved(max(rows, key=_size))]
    shares = [row["share_of_movement"] for rows in moved for row in rows if row["epoch"] == early]
    shares = [share for share in shares if share is not None]
    if not shares:
        return _unseen(what, f"none of {counted(len(told), 'series', 'series')} moved measurably")
    early_ones = sum(share > 0.5 for share in shares)
    state = "present" if early_ones > len(shares) / 2 else "absent"
    return Shape(
        state,
        f"{what}: {state}",
        f"Published shape, {what}: {state}. By epoch {early} more than half of the largest change had come in "
        f"{early_ones} of the {counted(len(shares), 'series', 'series')} (source, behaviour, seed) that moved "
        f"measurably, of {len(told)}; median share {number(median(shares))}, {_items(moved)}.",
    )


def canary_shape(reading: ExperimentReading) -> Shape:
    """Say whether the canary moves less than the target at the registered epoch: in more than half of what moved."""
    facts = reading.facts
    canary, target, epoch = inert(facts["canary"]), inert(facts["target"]), facts["headline_epoch"]
    what = f"the canary moves less than the {target}"
    here = [row for rows in _series(reading, is_control=False) for row in rows if row["epoch"] == epoch]
    moved = [row for row in here if _has_moved(row) and row["canary_change"] is not None]
    if not moved:
        return _unseen(what, f"at epoch {epoch} the {target} moved measurably in none of {len(here)} series")
    less = sum(abs(row["canary_change"]) < abs(row["change"]) for row in moved)
    clear = sum(is_clear(row, "transfer_ci_low", "transfer_ci_high") for row in moved)
    state = "present" if less > len(moved) / 2 else "absent"
    ratio = median([abs(row["canary_change"]) / abs(row["change"]) for row in moved])
    return Shape(
        state,
        f"{what}: {state}",
        f"Published shape, {what}: {state}. At epoch {epoch} the canary ({canary}) moved less in {less} of the "
        f"{counted(len(moved), 'series', 'series')} in which the {target} moved measurably, of {len(here)}; its change "
        f"is {number(ratio)} of the {target}'s (median of sizes), and the interval of the difference leaves out 0 in "
        f"{clear}; {_items([moved])}.",
    )


def control_sentence(reading: ExperimentReading) -> str:
    """Return what the degenerate control did at the registered epoch, or that there is none."""
    facts = reading.facts
    target, epoch = inert(facts["target"]), facts["headline_epoch"]
    if not has_control(reading):
        return "Control: there is none, so nothing here tells what training alone would have moved."
    here = [row for rows in _series(reading, is_control=True) for row in rows if row["epoch"] == epoch]
    measured = [row for row in here if row["change"] is not None]
    if not measured:
        return f"Control ({target} toward {target}): no change was measured at epoch {epoch}."
    moved = [row for row in measured if _has_moved(row)]
    names = f": {', '.join(sorted({inert(row['behaviour']) for row in moved}))}" if moved else ""
    largest = max(abs(row["change"]) for row in measured)
    return (
        f"Control ({target} toward {target}): moved measurably in {len(moved)} of "
        f"{counted(len(measured), 'series', 'series')} at epoch {epoch}{names}; largest size {number(largest, 3)}, "
        f"{_items([measured])}."
    )


def _unseen(what: str, why: str) -> Shape:
    return Shape("not to be seen", f"{what}: not to be seen", f"Published shape, {what}: not to be seen, {why}.")


def _series(reading: ExperimentReading, *, is_control: bool) -> list[list[dict[str, Any]]]:
    """Return the rows of each series, by epoch."""
    frame = main_series(reading, reading.frame("experiment_trajectories"))
    rows = frame.filter(pl.col("is_control") == is_control).sort(*_SERIES, "epoch").to_dicts()
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in _SERIES), []).append(row)
    return list(found.values())


def _has_moved(row: dict[str, Any]) -> bool:
    return bool(row["change"]) and is_clear(row)


def _size(row: dict[str, Any]) -> float:
    return abs(float(row["change"] or 0.0))


def _items(series: Sequence[Sequence[dict[str, Any]]]) -> str:
    counts = [row["n_items"] for rows in series for row in rows if row["n_items"] is not None]
    low, high = min(counts, default=0), max(counts, default=0)
    return f"n = {low:,}{'' if low == high else f' to {high:,}'} items a series"
