"""The mean of paired differences over items and over training seeds, with its 95 % interval.

Items are shared by the seeds: item i is asked of every seed, and is hard or easy for all of them. Seeds are few, and
another seed would have trained another model. Both are drawn at random, so the variance of the mean has a part from
the items (each item's mean over the seeds) and one from the seeds (each seed's mean over the items); chance that
belongs to one item under one seed is in both parts and is taken out of one. Student's t, degrees of freedom by
Satterthwaite (1946, Biometrics 2). One seed: items only, and the interval says nothing about another seed.
"""

from __future__ import annotations

from math import fsum, sqrt
from typing import NamedTuple

import numpy as np

from models_sql.paired import t_quantile

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

    `is_share`: differences of values that are 0 or 1. Then two items are added for the interval, one that gained
    and one that lost (as Bonett and Price 2012 do), so that it has a width where nothing changed, too. `most` is the
    largest difference there can be; the interval of shares ends there.
    """
    n, seeds = differences.shape
    if not differences.size:
        return MeanChange(None, None, None, "no item has all the values")
    mean = fsum(differences.ravel().tolist()) / differences.size
    if n < 2:
        return MeanChange(mean, None, None, "one item has no interval")
    found = _parts(differences, is_share)
    if found.variance <= 0:
        return MeanChange(mean, None, None, "every item moved alike, which has no interval")
    centre = found.centre
    half = found.quantile(seeds) * sqrt(found.variance)
    low, high = centre - half, centre + half
    return MeanChange(mean, max(-most, low), min(most, high), None) if is_share else MeanChange(mean, low, high, None)


class _Parts(NamedTuple):
    centre: float
    items: float
    seeds: float
    both: float
    item_degrees: int
    is_share: bool

    @property
    def variance(self) -> float:
        """Never less than what the items alone give."""
        return self.items + max(0.0, self.seeds - self.both)

    def quantile(self, seeds: int) -> float:
        """Return how many standard errors half the interval is wide."""
        if seeds == 1:
            return NORMAL if self.is_share else t_quantile(self.item_degrees)
        between = max(0.0, self.seeds - self.both)
        return t_quantile(self.variance**2 / (self.items**2 / self.item_degrees + between**2 / (seeds - 1)))


def _parts(differences: np.ndarray, is_share: bool) -> _Parts:
    """Return the centre of the interval and the parts of its variance."""
    n, seeds = differences.shape
    by_item = [fsum(row) / seeds for row in differences.tolist()]
    padded = [*by_item, 1.0, -1.0] if is_share else by_item
    centre = fsum(padded) / len(padded)
    # with its two items more, a share's variance is that of the whole, as Bonett and Price have it
    items = fsum((value - centre) ** 2 for value in padded) / (len(padded) if is_share else n - 1) / len(padded)
    if seeds == 1:
        return _Parts(centre, items, 0.0, 0.0, n - 1, is_share)
    mean = fsum(by_item) / n
    by_seed = [fsum(column) / n for column in differences.T.tolist()]
    between = fsum((value - mean) ** 2 for value in by_seed) / (seeds - 1) / seeds
    rest = differences - np.array(by_item)[:, None] - np.array(by_seed) + mean
    both = fsum((rest**2).ravel().tolist()) / (n - 1) / (seeds - 1) / n / seeds
    return _Parts(centre, items, between, both, n - 1, is_share)
