"""Paired tests of features: exact by hand, against scipy, and symmetric."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from models_sql.paired import binary_interval, mcnemar, paired, sign_flip, t_interval


def test_mcnemar_counts_only_the_prompts_that_changed() -> None:
    difference = np.array([1] * 5 + [-1] + [0] * 20)
    # at most one of six the rarer way, either way: 2 (1 + 6) / 2^6
    assert mcnemar(difference) == pytest.approx(14 / 64)
    assert mcnemar(np.zeros(9)) == 1.0


def test_no_p_is_zero_however_many_changed_one_way() -> None:
    # 2 / 2^1100 is below the smallest positive double, 2^-1074
    assert mcnemar(np.ones(1100)) == math.ulp(0.0)
    assert mcnemar(np.ones(1000)) == pytest.approx(2.0**-999)


def test_few_changes_are_enumerated() -> None:
    # of the eight signs of 1, 2 and 3 only + + + and - - - reach 6
    assert sign_flip(np.array([1.0, 2.0, 3.0, 0.0]), 99, np.random.default_rng(0)) == (0.25, 8)
    assert sign_flip(np.zeros(5), 99, np.random.default_rng(0)) == (1.0, 1)


def test_many_changes_agree_with_the_permutation_test_of_scipy() -> None:
    rng = np.random.default_rng(1)
    now, then = rng.lognormal(1.3, 0.5, 40), rng.lognormal(1.1, 0.5, 40)
    theirs = permutation_test(
        (now, then),
        lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(2),
    )
    ours = paired(now, then, 20_000, np.random.default_rng(3))
    assert ours.difference == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.012)
    assert ours.method == "sign_flip"


def test_intervals_by_hand() -> None:
    # differences 1, 2, 3: mean 2, SD 1, SE 1 / sqrt(3); t(.975, 2) = 4.302653
    assert t_interval(np.array([1.0, 2.0, 3.0])) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5))
    # 3 gained and 1 lost of 10: shares 4/12 and 2/12, centre 1/6, variance (1/2 - 1/36) / 12
    half = 1.959964 * ((1 / 2 - 1 / 36) / 12) ** 0.5
    assert binary_interval(np.array([1] * 3 + [-1] + [0] * 6)) == pytest.approx((1 / 6 - half, 1 / 6 + half))
    assert t_interval(np.array([1.0])) == binary_interval(np.array([1.0])) == (None, None)


def test_no_change_among_few_prompts_still_has_an_interval_of_some_width() -> None:
    found = paired(np.zeros(10), np.zeros(10), 99, np.random.default_rng(0))
    assert found.difference == 0 and found.p_value == 1
    assert found.ci_low is not None and found.ci_high is not None and found.ci_low < 0 < found.ci_high


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=2, max_size=12), st.integers(0, 100))
def test_turning_the_waves_round_turns_the_difference_and_keeps_p(pairs: list[tuple[float, float]], seed: int) -> None:
    now, then = np.array(pairs).T
    one, other = (paired(x, y, 99, np.random.default_rng(seed)) for x, y in ((now, then), (then, now)))
    assert one.difference == pytest.approx(-other.difference)
    assert one.p_value == other.p_value
    assert 0 < one.p_value <= 1
