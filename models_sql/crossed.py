"""The mean of paired differences over items and over training seeds, with its 95 % interval.

Items are shared by the seeds: item i is asked of every seed, and is hard or easy for all of them. Seeds are few, and
another seed would have trained another model. So there are two intervals: over items, from each item's mean over the
seeds, and over seeds, Student's t from each seed's mean over the items. The one that is reported holds both. Adding
the two variances instead (Satterthwaite's degrees of freedom) was simulated: two seeds that really differ were covered
87 times in 100. The price is a wide interval where two seeds differ by chance of their items only; three cost little.

One seed: over items only, and the interval says nothing about another seed.
"""

from __future__ import annotations

from math import fsum, sqrt
from typing import NamedTuple

import numpy as np

from models_sql.paired import mean_and_error, t_quantile

NORMAL = 1.959963984540054
"""Half the width of a normal 95 % interval in standard errors."""


class MeanChange(NamedTuple):
    """A mean over items and seeds; without an interval where `reason` says why."""

    value: float | None
    ci_low: float | None
    ci_high: float | None
    reason: str | None


def mean_change(differences: np.ndarray, is_share: bool, most: float) -> MeanChange:
    """Return the mean of differences of shape (items, seeds), without nulls, and its interval.

    `is_share`: differences of values that are 0 or 1, so that the interval has a width where nothing changed, too.
    `most` is the largest difference there can be; the interval of shares ends there.
    """
    n, seeds = differences.shape
    if not differences.size:
        return MeanChange(None, None, None, "no item has all the values")
    mean = fsum(differences.ravel().tolist()) / differences.size
    if n < 2:
        return MeanChange(mean, None, None, "one item has no interval")
    by_item = [fsum(row) / seeds for row in differences.tolist()]
    ends = _over_shares(by_item, seeds) if is_share else _over_values(by_item)
    if ends[0] == ends[1]:
        return MeanChange(mean, None, None, "every item moved alike, which has no interval")
    if seeds > 1:
        ends = (*ends, *_over_values([fsum(column) / n for column in differences.T.tolist()]))
    low, high = min(ends), max(ends)
    return MeanChange(mean, max(-most, low), min(most, high), None) if is_share else MeanChange(mean, low, high, None)


def _over_values(means: list[float]) -> tuple[float, ...]:
    """Return both ends of Student's interval."""
    mean, error = mean_and_error(means)
    half = t_quantile(len(means) - 1) * error
    return mean - half, mean + half


def _over_shares(by_item: list[float], seeds: int) -> tuple[float, ...]:
    """Return both ends of the adjusted interval of Bonett and Price (2012, JEBS 37), here of means over seeds.

    They add two items, one that gained and one that lost. Over several seeds these move by 1 / sqrt(seeds), as the mean
    of an item that only chance moves does; at their full size they would outweigh the items of a small experiment.
    """
    padded = [*by_item, 1 / sqrt(seeds), -1 / sqrt(seeds)]
    centre = fsum(padded) / len(padded)
    half = NORMAL * sqrt(fsum((value - centre) ** 2 for value in padded)) / len(padded)
    return centre - half, centre + half
