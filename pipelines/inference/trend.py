"""The slope of a series over time that single nights cannot bend: Theil-Sen.

Sen 1968, JASA 63: the median of the slopes between all pairs of waves; the interval from the order of those slopes by
the variance of Kendall's score. Both through scipy.stats.theilslopes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import theilslopes

FEWEST_WAVES = 3
FEWEST_FOR_INTERVAL = 5
"""With fewer waves all orders of the slopes together are not rare enough for 95 %."""

DAYS = 30


class Slope(NamedTuple):
    """Change per 30 days with its 95 % interval, which is None under five waves."""

    slope: float
    ci_low: float | None
    ci_high: float | None
    n_waves: int
    n_days: float


def slope_per_30_days(days: np.ndarray, values: np.ndarray) -> Slope | None:
    """Return the slope of values over days; None under three waves, or where all fall on one day."""
    if len(values) < FEWEST_WAVES or np.ptp(days) == 0:
        return None
    found = theilslopes(values, days, alpha=0.95)
    low, high = (DAYS * float(found.low_slope), DAYS * float(found.high_slope))
    has_interval = len(values) >= FEWEST_FOR_INTERVAL
    return Slope(
        DAYS * float(found.slope),
        low if has_interval else None,
        high if has_interval else None,
        len(values),
        float(np.ptp(days)),
    )
