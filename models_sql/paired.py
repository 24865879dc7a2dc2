"""Paired tests of scalar features: what a model's answers to the same prompts were like then and now.

The dbt Python models use all of it. `driftlake compare` shares McNemar's p and both intervals, so a difference of
yes-or-no values has one p and one interval; its p of other values is Student's, which needs no random draw.

The unit is the prompt. Null: within each prompt it makes no difference which wave is which, so every difference may
change its sign (Fisher 1935, The Design of Experiments, 21). All signs are enumerated where they are few. On yes-or-no
features that is McNemar's exact test: only the prompts that changed count, each as likely one way as the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple

import numpy as np

MOST_ENUMERATED = 12
"""Changed prompts up to which all signs are enumerated."""

TIE = 1e-12
"""Sums that differ by less are equal: they differ in the order of addition only."""


LEAST_P = 5e-324
"""The smallest positive double. No p is 0: one that is too small for a double is this."""


class Paired(NamedTuple):
    """Difference (now - then) with its 95 % interval and p; the interval is None under two prompts."""

    method: str
    mean_now: float
    mean_then: float
    difference: float
    ci_low: float | None
    ci_high: float | None
    p_value: float
    n_prompts: int
    n_draws: int | None


def paired(now: np.ndarray, then: np.ndarray, draws: int, rng: np.random.Generator) -> Paired:
    """Return the test of one feature; `now` and `then` hold one value a prompt, means over samples, without nulls."""
    difference = now - then
    is_binary = bool(np.isin([now, then], (0.0, 1.0)).all())
    low, high = binary_interval(difference) if is_binary else t_interval(difference)
    if is_binary:
        p_value, n_draws = mcnemar(difference), None
    else:
        p_value, n_draws = sign_flip(difference, draws, rng)
    return Paired(
        "mcnemar" if is_binary else "sign_flip",
        float(now.mean()),
        float(then.mean()),
        float(difference.mean()),
        low,
        high,
        p_value,
        len(now),
        n_draws,
    )


def mcnemar(difference: np.ndarray | Sequence[float]) -> float:
    """Return the exact two-sided p of differences of 1, 0 and -1 (McNemar 1947, Psychometrika 12); 1 if all are 0.

    Never 0: a p that no double can hold (2^-1099 of 1,100 changes one way) is the smallest positive double.
    """
    from scipy.special import bdtr

    values = np.asarray(difference)
    gained, lost = int((values > 0).sum()), int((values < 0).sum())
    if not gained + lost:
        return 1.0
    return max(LEAST_P, min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5))))


def sign_flip(difference: np.ndarray, draws: int, rng: np.random.Generator) -> tuple[float, int]:
    """Return (p, sign patterns tried), two-sided; (b + 1) / (draws + 1) where patterns are drawn at random."""
    changed = difference[difference != 0]
    observed = abs(changed.sum()) - TIE * np.abs(changed).sum()
    if len(changed) <= MOST_ENUMERATED:
        patterns = 1 - 2 * (np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed)) & 1)
        return float((np.abs(patterns @ changed) >= observed).mean()), len(patterns)
    signs = rng.integers(0, 2, (draws, len(changed)), dtype=np.int8)
    # sum of signed values = all of them less twice those whose sign is turned
    totals = changed.sum() - 2 * (signs.astype(np.float64) @ changed)
    return (int((np.abs(totals) >= observed).sum()) + 1) / (draws + 1), draws


def t_interval(difference: np.ndarray) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the mean difference by Student's t; None under two prompts."""
    if len(difference) < 2:
        return None, None
    mean, error = mean_and_error(difference.tolist())
    half = t_quantile(len(difference) - 1) * error
    return mean - half, mean + half


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of two values or more and its standard error, to the same digits in any order."""
    n = len(values)
    mean = fsum(values) / n
    return mean, sqrt(fsum((value - mean) ** 2 for value in values) / (n - 1) / n)


def t_quantile(degrees: float) -> float:
    """Return Student's t at .975, half the width of a 95 % interval in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))


def binary_interval(difference: np.ndarray) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a difference of paired shares: Bonett and Price 2012, JEBS 37, adjusted Wald.

    It has a width where nothing changed, too: few prompts cannot show that nothing ever would.
    """
    n = len(difference)
    if n < 2:
        return None, None
    gained, lost = ((difference > 0).sum() + 1) / (n + 2), ((difference < 0).sum() + 1) / (n + 2)
    centre = gained - lost
    half = 1.959963984540054 * np.sqrt((gained + lost - centre**2) / (n + 2))
    return max(-1.0, float(centre - half)), min(1.0, float(centre + half))
