"""Change points and trends of series: by hand, against an exhaustive search, and on series that must stay quiet."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.inference.change_points import PENALTY, SHORTEST, cusum, noise_variance, pelt, self_starting_score
from pipelines.inference.trend import slope_per_30_days


def exhaustive(values: np.ndarray) -> tuple[int, ...]:
    """The starts of the cheapest segmentation, every one tried."""
    n, penalty = len(values), PENALTY * np.log(len(values)) * noise_variance(values)
    found = []
    for size in range(n // SHORTEST):
        for starts in combinations(range(SHORTEST, n - SHORTEST + 1), size):
            parts = np.split(values, starts)
            if min(len(part) for part in parts) >= SHORTEST:
                found.append((sum(len(x) * x.var() for x in parts) + penalty * size, starts))
    return min(found)[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 12), st.integers(0, 10**6), st.floats(0, 12))
def test_pelt_finds_what_an_exhaustive_search_finds(n: int, seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(n) + shift * (np.arange(n) >= rng.integers(2, n - 1))
    assert tuple(change.start for change in pelt(values)) == exhaustive(values)


def test_a_step_is_placed_and_measured() -> None:
    values = np.array([0.0, 0.1, 0.0, 0.1, 0.0, 1.0, 1.1, 1.0, 1.1, 1.0])
    (found,) = pelt(values)
    # means .04 and 1.04
    assert (found.start, found.detected, found.n_before, found.n_after) == (5, None, 5, 5)
    assert found.size == pytest.approx(1.0)


def test_seven_waves_are_too_few_for_pelt_and_a_constant_series_has_no_change() -> None:
    assert pelt(np.array([0, 0.1, 0, 5, 5.1, 5, 5.1])) == []
    assert pelt(np.full(20, 0.3)) == cusum(np.full(20, 0.3)) == []


def test_a_self_starting_score_is_a_t_turned_normal() -> None:
    # history 0 and 2: mean 1, SD sqrt(2); 1 + sqrt(3) is t = 1 with 1 degree of freedom, upper tail 1/4
    assert self_starting_score(1 + 3**0.5, np.array([0.0, 2.0])) == pytest.approx(0.6744898)
    assert self_starting_score(5.0, np.array([1.0])) == 0.0
    assert self_starting_score(1.1, np.full(4, 1.0)) == 8.0


def test_the_cusum_alarms_once_the_sum_of_scores_less_half_exceeds_five() -> None:
    # after a constant stretch one other value scores 8, less .5 is above 5: an alarm the same wave
    (found,) = cusum(np.array([1.0] * 6 + [1.2] * 6))
    assert (found.start, found.detected, found.statistic) == (6, 6, 7.5)
    assert found.size == pytest.approx(0.2)
    down = cusum(np.array([1.0] * 6 + [0.7]))
    assert [change.size for change in down] == [pytest.approx(-0.3)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=0, max_size=30), st.floats(-5, 5), st.sampled_from([0.25, 2.0, 8.0]))
def test_changes_do_not_depend_on_where_zero_is_or_on_the_unit(values: list[float], move: float, unit: float) -> None:
    series = np.round(np.array(values), 3)
    for search in (cusum, pelt):
        plain, other = search(series), search((series + round(move, 3)) * unit)
        assert [change.start for change in plain] == [change.start for change in other]


def test_the_slope_is_the_median_of_the_slopes_between_all_waves() -> None:
    # slopes a day: 0-1: 1, 0-3: 1, 1-3: 1, to the outlier at day 4: 25, 33, 97: median (1 + 25) / 2 = 13
    found = slope_per_30_days(np.array([0.0, 1.0, 3.0, 4.0]), np.array([0.0, 1.0, 3.0, 100.0]))
    assert found is not None
    assert (found.slope, found.ci_low, found.n_waves, found.n_days) == (pytest.approx(390), None, 4, 4.0)
    assert slope_per_30_days(np.array([0.0, 1.0]), np.array([0.0, 1.0])) is None
    assert slope_per_30_days(np.zeros(5), np.arange(5.0)) is None


def test_five_waves_have_an_interval() -> None:
    found = slope_per_30_days(np.arange(5.0), np.array([0.0, 1.1, 1.9, 3.2, 3.9]))
    assert found is not None and found.ci_low is not None and found.ci_high is not None
    assert found.ci_low <= found.slope <= found.ci_high
