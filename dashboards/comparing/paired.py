"""Two numbers a prompt: their mean difference, its 95 % interval and its p.

Differences are paired by prompt: estimate plus or minus t(.975, n - 1) standard errors (paired t test). Where each
side of every prompt is a yes or a no, p is McNemar's, exact: of the prompts that changed, how many changed one way,
against a fair coin (McNemar, Psychometrika 12, 1947); the interval is Bonett's and Price's (JEBS 37, 2012), which has
a width where nothing changed, too. Both are those of out.drift_of_features. Nothing is drawn at random. No p is 0: one
that is too small for a double is the smallest positive double.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

import numpy as np

from models_sql.paired import LEAST_P, binary_interval, mcnemar, mean_and_error, t_quantile

SAME = 1e-12
"""Differences that are no further apart than this are equal."""


class Difference(NamedTuple):
    """Means of both sides, their difference b - a, interval, p, and why one of them is null."""

    n: int
    a: float | None
    b: float | None
    difference: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    method: str | None = None
    reason: str | None = None


def paired(a: Sequence[float], b: Sequence[float], *, is_binary: bool) -> Difference:
    """Return the difference of two sequences that hold one number a prompt, in the same order of prompts.

    `is_binary`: every number is 0 or 1.
    """
    n = len(a)
    if n == 0:
        return Difference(0, None, None, None, reason="no prompt was answered on both sides")
    differences = [after - before for before, after in zip(a, b, strict=True)]
    mean = fsum(differences) / n
    found = Difference(n, fsum(a) / n, fsum(b) / n, mean)
    if is_binary:
        return _binary(found, differences)
    spread = max(differences) - min(differences)
    if spread <= SAME and abs(mean) <= SAME:
        return found._replace(difference=0.0, ci_low=0.0, ci_high=0.0, p_value=1.0, method="no difference")
    if n == 1:
        return found._replace(reason="one prompt has no interval")
    if spread <= SAME:
        # an interval of no width would claim what so few equal numbers cannot show
        return found._replace(reason="every prompt differs by the same amount")
    _, error = mean_and_error(differences)
    half = t_quantile(n - 1) * error
    p = _t_p(mean / error, n - 1)
    return found._replace(ci_low=mean - half, ci_high=mean + half, p_value=p, method="paired t")


def _binary(found: Difference, differences: Sequence[float]) -> Difference:
    low, high = binary_interval(np.asarray(differences))
    reason = "one prompt has no interval" if low is None else None
    return found._replace(ci_low=low, ci_high=high, p_value=mcnemar(differences), method="mcnemar", reason=reason)


def _t_p(t: float, degrees: int) -> float:
    from scipy.special import stdtr

    return max(LEAST_P, float(2 * stdtr(degrees, -abs(t))))
