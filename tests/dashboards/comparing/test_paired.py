from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from dashboards.comparing.paired import paired
from models_sql.paired import paired as of_features

VALUES = st.lists(st.tuples(*[st.integers(0, 40).map(lambda n: n / 4)] * 2), min_size=2, max_size=30)


def test_four_prompts_give_what_is_worked_out_by_hand() -> None:
    found = paired([0, 0, 1, 1], [1, 2, 1, 2], is_binary=False)
    # differences 1, 2, 0, 1: mean 1; squared deviations 0, 1, 1, 0: variance 2 / 3, standard error sqrt(2 / 3 / 4)
    error = math.sqrt(2 / 12)
    assert found[:4] == (4, 0.5, 1.5, 1.0)
    # t(.975, 3) = 3.1824
    assert (found.ci_low, found.ci_high) == (
        pytest.approx(1 - 3.1824463 * error),
        pytest.approx(1 + 3.1824463 * error),
    )
    assert found.method == "paired t"
    assert found.p_value == pytest.approx(0.0917, abs=1e-4)  # t = 2.449 on 3 degrees of freedom


def test_one_yes_or_no_a_prompt_is_tested_by_mcnemar() -> None:
    found = paired([0, 0, 0, 1, 0, 0], [1, 1, 1, 0, 0, 0], is_binary=True)
    # three changed one way, one the other: 2 x (C(4,0) + C(4,1)) / 16 = 10 / 16
    assert (found.method, found.p_value) == ("mcnemar", pytest.approx(0.625))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=30))
@example([(1, 1)] * 20)
@example([(0, 1)] * 7)
def test_a_yes_or_no_has_the_interval_and_p_of_the_features_of_drift(pairs: list[tuple[int, int]]) -> None:
    then, now = ([float(pair[side]) for pair in pairs] for side in (0, 1))
    found = paired(then, now, is_binary=True)
    theirs = of_features(np.array(now), np.array(then), 99, np.random.default_rng(0))
    assert (found.ci_low, found.ci_high, found.p_value, found.method) == (
        theirs.ci_low,
        theirs.ci_high,
        theirs.p_value,
        theirs.method,
    )
    assert found.ci_low is not None and found.ci_high is not None and found.ci_low < found.ci_high


def test_no_p_is_zero_where_almost_every_prompt_moves_by_the_same() -> None:
    # a hundredth of spread about a shift of 1,000: t is about 10^7 on 999 degrees of freedom
    after = [1000 + 0.001 * (place % 10) for place in range(1000)]
    assert paired([0.0] * 1000, after, is_binary=False).p_value == math.ulp(0.0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([], [], (None, None, "no prompt was answered on both sides"), id="nothing"),
        pytest.param([1.0], [3.0], (2.0, None, "one prompt has no interval"), id="one prompt"),
        pytest.param([1.0, 2], [2.0, 3], (1.0, None, "every prompt differs by the same amount"), id="no variance"),
        pytest.param([1.0], [1.0], (0.0, 0.0, None), id="the same"),
    ],
)
def test_what_cannot_be_computed_is_null_and_says_why(
    a: list[float], b: list[float], expected: tuple[object, ...]
) -> None:
    found = paired(a, b, is_binary=False)
    assert (found.difference, found.ci_low, found.reason) == expected


@given(VALUES)
def test_a_to_b_is_the_negative_of_b_to_a_and_agrees_with_scipy(pairs: list[tuple[float, float]]) -> None:
    a, b = ([pair[side] for pair in pairs] for side in (0, 1))
    there, back = paired(a, b, is_binary=False), paired(b, a, is_binary=False)
    assert there.difference == -(back.difference or 0.0)
    assert there.p_value == back.p_value
    if there.method == "paired t":
        assert there.ci_low == -(back.ci_high or 0.0)
        known = stats.ttest_rel(b, a)
        assert there.p_value == pytest.approx(known.pvalue, rel=1e-6, abs=1e-12)
        low, high = known.confidence_interval()
        assert (there.ci_low, there.ci_high) == (pytest.approx(low), pytest.approx(high))


@given(VALUES)
def test_a_side_with_itself_is_zero_everywhere(pairs: list[tuple[float, float]]) -> None:
    a = [pair[0] for pair in pairs]
    assert paired(a, a, is_binary=False)[3:7] == (0.0, 0.0, 0.0, 1.0)


@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_of_prompts_moves_no_digit(pairs: list[tuple[float, float]], random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    results = [paired([a for a, _ in some], [b for _, b in some], is_binary=False) for some in (pairs, shuffled)]
    assert results[0] == results[1]
