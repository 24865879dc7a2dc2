"""Where a series changed its level: a self-starting CUSUM as it runs, and PELT over the whole of it.

CUSUM: Page 1954, Biometrika 41; its self-starting form, which needs no level or spread known beforehand: Hawkins 1987,
The Statistician 36. PELT: Killick, Fearnhead and Eckley 2012, JASA 107, exact for the cost it is given.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtr

ALLOWANCE = 0.5
"""k of the CUSUM in standard deviations: half of the shift it is quickest to find."""

THRESHOLD = 5.0
"""h of the CUSUM in standard deviations; with k = .5 a quiet series alarms once in 465 waves."""

FARTHEST = 8.0
"""Scores are cut to this many standard deviations: after a constant stretch any difference is infinitely far."""

FEWEST_WAVES = 8
"""PELT reads no shorter series."""

SHORTEST = 2
"""Waves that a stretch between two changes holds at least."""

PENALTY = 5.0
"""What a change must save, in log(n) times the variance. Chosen by simulation: see tests/validation."""

SAME = 1e-12
"""Values that differ by less are equal."""


class Change(NamedTuple):
    """One change. `start` is the first place after it, `detected` the place that raised it (None: seen afterwards).

    `size` is the mean after it less the mean before it, `statistic` the CUSUM, or what PELT's cost saved.
    """

    start: int
    detected: int | None
    size: float
    statistic: float
    n_before: int
    n_after: int


def self_starting_score(value: float, history: np.ndarray) -> float:
    """Return how far a value lies from its history, as a standard normal score; 0 under two earlier values."""
    n = len(history)
    if n < 2:
        return 0.0
    difference, spread = value - history.mean(), history.std(ddof=1)
    if abs(difference) < SAME:
        return 0.0
    if spread < SAME:
        return float(np.copysign(FARTHEST, difference))
    distance = abs(difference) / spread * np.sqrt(n / (n + 1))
    # the upper tail of t, turned into that of the normal: the lower one keeps its digits
    return float(np.copysign(min(FARTHEST, -ndtri(max(stdtr(n - 1, -distance), 1e-15))), difference))


def cusum(values: np.ndarray) -> list[Change]:
    """Return the changes that a two-sided CUSUM alarmed at, in order; after each it begins anew at the change."""
    changes: list[Change] = []
    begin = 0
    sums, starts = [0.0, 0.0], [0, 0]
    place = 0
    while place < len(values):
        score = self_starting_score(values[place], values[begin:place])
        for side, sign in enumerate((1, -1)):
            if sums[side] == 0:
                starts[side] = place
            sums[side] = max(0.0, sums[side] + sign * score - ALLOWANCE)
        side = int(sums[1] > sums[0])
        if sums[side] > THRESHOLD:
            start = max(starts[side], begin + 1)
            before, after = values[begin:start], values[start : place + 1]
            size = float(after.mean() - before.mean())
            changes.append(Change(start, place, size, sums[side], len(before), len(after)))
            # what came since the change is the history of what comes next
            begin, sums, starts = start, [0.0, 0.0], [place + 1, place + 1]
        place += 1
    return changes


def noise_variance(values: np.ndarray) -> float:
    """Return the variance around the level, from the steps between neighbours, of which a change spoils only one.

    By the median absolute step; by the mean of squared steps where more than half of the steps are 0.
    """
    steps = np.diff(values)
    robust = float(np.median(np.abs(steps)) / 0.6744897501960817)
    return (robust**2 if robust > SAME else float((steps**2).mean())) / 2


def pelt(values: np.ndarray) -> list[Change]:
    """Return the changes of level that minimise the squared distance to the levels plus a penalty for each change."""
    n = len(values)
    variance = noise_variance(values) if n >= FEWEST_WAVES else 0.0
    if variance <= SAME**2:
        return []
    penalty = PENALTY * np.log(n) * variance
    sums, squares = (
        np.concatenate([[0.0], np.cumsum(part)]) for part in (values - values[0], (values - values[0]) ** 2)
    )

    def cost(begin: np.ndarray | int, end: int) -> np.ndarray:
        total = sums[end] - sums[begin]
        return np.asarray(squares[end] - squares[begin] - total**2 / (end - begin))

    best = np.full(n + 1, np.inf)
    best[0], last = -penalty, np.zeros(n + 1, dtype=int)
    begins, dropped_at = np.array([0]), np.array([n + 1])
    for end in range(SHORTEST, n + 1):
        kept = dropped_at > end
        begins, dropped_at = begins[kept], dropped_at[kept]
        totals = best[begins] + cost(begins, end)
        choice = int(np.argmin(totals))
        best[end], last[end] = totals[choice] + penalty, begins[choice]
        # a begin worse than a new change here never wins again (Killick et al., 3.1), once a stretch from here fits
        dropped_at = np.where(totals > best[end], np.minimum(dropped_at, end + SHORTEST), dropped_at)
        begins, dropped_at = np.append(begins, end - SHORTEST + 1), np.append(dropped_at, n + 1)
    starts = []
    place = n
    while place > 0:
        place = int(last[place])
        starts.append(place)
    bounds = [*starts[::-1], n]
    return [
        Change(
            start,
            None,
            float(values[start:after].mean() - values[before:start].mean()),
            float(cost(before, after) - cost(before, start) - cost(start, after)),
            start - before,
            after - start,
        )
        for before, start, after in zip(bounds, bounds[1:], bounds[2:], strict=False)
    ]
