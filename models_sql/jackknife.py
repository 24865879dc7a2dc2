"""Two-way jackknife: estimates with what each model and each prompt moves them by, and the interval from both.

measures.md's interval: SE squared = V_models (leave out one model) + the sum over capabilities of V_c (leave out one
prompt), estimate plus or minus t(.975, df) SE, df by Satterthwaite. Nothing is drawn at random.

Sums over many rows are taken on a grid on which addition is exact, so that no order of rows moves a digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import fsum, nan, sqrt

import numpy as np

GRID_BITS = 36
"""Terms lie on a grid of 2^-36, 1.5e-11: sums stay exact in 64 bits up to a total of 131,072."""


def on_grid(values: np.ndarray) -> np.ndarray:
    """Return the values rounded to multiples of 2^-36; null (nan) stays null."""
    found: np.ndarray = np.ldexp(np.rint(np.ldexp(np.asarray(values, dtype=float), GRID_BITS)), -GRID_BITS)
    return found


def exact_mean(values: np.ndarray) -> float:
    """Return the mean of the values that are not null, the same in any order; null over none."""
    present = np.asarray(values, dtype=float)
    present = present[~np.isnan(present)]
    return fsum(present.tolist()) / len(present) if len(present) else nan


@dataclass(frozen=True)
class Estimate:
    """A value, and what leaving out each model and each prompt adds to it.

    `by_model` is None where models are taken as given; null in it says that nothing is left without that model.
    `by_prompt` holds one array a capability.
    """

    value: float
    by_model: np.ndarray | None = None
    by_prompt: tuple[np.ndarray, ...] = field(default=())

    def half_width(self) -> float:
        """Return half the width of the 95 % interval; null (nan) without a value, under 3 models or 2 prompts."""
        if np.isnan(self.value):
            return nan
        factors = [*([] if self.by_model is None else [self.by_model]), *self.by_prompt]
        fewest = [*([] if self.by_model is None else [3]), *([2] * len(self.by_prompt))]
        if not factors or any(len(f) < n or np.isnan(f).any() for f, n in zip(factors, fewest, strict=True)):
            return nan
        variances = [(len(f) - 1) * float(np.sort(f).var()) for f in factors]
        return student(sum(variances), sum(v * v / (len(f) - 1) for v, f in zip(variances, factors, strict=True)))


def student(variance: float, squared_over_df: float) -> float:
    """Return t(.975, df) times the standard error, df = variance squared / `squared_over_df`; 0 without variance."""
    from scipy.stats import t

    if variance <= 0 or squared_over_df <= 0:
        return 0.0
    return float(t.ppf(0.975, variance**2 / squared_over_df)) * sqrt(variance)


def over_prompts(values: np.ndarray) -> Estimate:
    """Return the mean over prompts, each left out in turn. Prompts without a value (nan) take no part."""
    present = np.asarray(values, dtype=float)
    present = present[~np.isnan(present)]
    mean, n = exact_mean(present), len(present)
    return Estimate(mean, None, ((mean - present) / (n - 1) if n > 1 else np.empty(0),))


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean of the capabilities' estimates, null where one is null. Models must stand in one order."""
    if not estimates:
        return Estimate(nan)
    n = len(estimates)
    by_model = [estimate.by_model for estimate in estimates]
    return Estimate(
        fsum(estimate.value for estimate in estimates) / n,
        None if any(part is None for part in by_model) else np.sum(by_model, axis=0) / n,  # type: ignore[arg-type]
        tuple(part / n for estimate in estimates for part in estimate.by_prompt),
    )


def seed_of(*names: str) -> int:
    """Return the recorded seed of a draw: the first 6 bytes of a SHA-256, the same on every machine."""
    import hashlib

    return int.from_bytes(hashlib.sha256("|".join(names).encode()).digest()[:6])
