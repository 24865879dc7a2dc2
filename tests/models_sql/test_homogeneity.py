"""How alike answers are and how many really different ones there are: by hand, as properties, and with reasons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_sql import homogeneity

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake

NEAR = 1e-6


def effective(*eigenvalues: float) -> float:
    return math.exp(-sum(x * math.log(x) for x in eigenvalues if x > 0))


SIXTENTHS = effective(0.8, 0.2)
"""Two answers that are .6 alike: eigenvalues (1 + .6) / 2 and (1 - .6) / 2."""


def measured(built: BuiltLake, measure: str, model: str, columns: str, kernel: str = "distributional") -> Any:
    (row,) = built.rows(
        f"SELECT {columns} FROM out.homogeneity WHERE panel = 'alike' AND measure = '{measure}' "
        f"AND model = '{model}' AND capability = 'overall' AND kernel = '{kernel}'"
    )
    return row


@pytest.mark.parametrize("kernel", ["semantic", "distributional"])
def test_three_models_and_four_prompts_give_what_is_worked_out_by_hand(built: BuiltLake, kernel: str) -> None:
    columns = "n_models, n_prompts, n_pairs, mean_kernel, above_08_share, effective_answers, effective_share, n_answers"
    near = [pytest.approx(x, abs=NEAR) for x in ((1 + 0.6 + 0) / 3, 1 / 3, (1 + SIXTENTHS + 2) / 3)]
    share = pytest.approx((1 + SIXTENTHS + 2) / 6, abs=NEAR)
    # x repeats itself, y's samples are .6 alike, z's not at all
    assert measured(built, "repetition", "(all)", columns, kernel) == (3, 4, 12, *near, share, 2.0)
    # x-y: samples 1, 1, .6, .6 alike, so .8, and half above .8; z shares nothing: .8 / 3 and .5 / 3
    first = effective(2 / 3, 1 / 3)
    second = effective(1.6 / 3, 0.4 / 3, 1 / 3)
    near = [pytest.approx(x, abs=NEAR) for x in (0.8 / 3, 0.5 / 3, (first + second) / 2, (first + second) / 6)]
    assert measured(built, "similarity", "(all)", columns, kernel) == (3, 4, 48, *near, 3.0)


def test_each_model_has_its_own_numbers(built: BuiltLake) -> None:
    for model, repeated, similar in (("x", 1, 0.4), ("y", 0.6, 0.4), ("z", 0, 0)):
        assert measured(built, "repetition", model, "mean_kernel") == (pytest.approx(repeated, abs=NEAR),)
        assert measured(built, "similarity", model, "mean_kernel, n_models") == (pytest.approx(similar, abs=NEAR), 2)
    # all prompts alike, so nothing varies over prompts
    low, high = measured(built, "repetition", "y", "ci_low, ci_high")
    assert (low, high) == (pytest.approx(0.6), pytest.approx(0.6))


def test_every_prompt_lies_in_its_bin(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT measure, model, bin, bin_low, bin_high, n_prompts_in_all FROM out.homogeneity_bins "
        "WHERE panel = 'alike' AND capability = 'overall' AND kernel = 'distributional' AND n_prompts > 0 ORDER BY ALL"
    )
    assert rows == [
        ("repetition", "(all)", 5, 0.5, 0.6, 4),  # 1.6 / 3
        ("repetition", "x", 9, 0.9, 1.0, 4),  # 1 lies in the last
        ("repetition", "y", 6, 0.6, 0.7, 4),  # a bin holds its lower edge
        ("repetition", "z", 0, 0.0, 0.1, 4),
        ("similarity", "(all)", 2, 0.2, 0.3, 4),
        ("similarity", "x", 4, 0.4, 0.5, 4),
        ("similarity", "y", 4, 0.4, 0.5, 4),
        ("similarity", "z", 0, 0.0, 0.1, 4),
    ]


@pytest.mark.parametrize("kernel", ["semantic", "distributional"])
def test_several_models_are_compared_with_one_asked_as_often(built: BuiltLake, kernel: str) -> None:
    (row,) = built.rows(
        "SELECT n_models, n_prompts, n_answers, n_sets, seed, models_effective, repeats_effective, difference "
        f"FROM out.homogeneity_ensemble WHERE panel = 'alike' AND capability = 'overall' AND kernel = '{kernel}'"
    )
    # two of three models: xy alike 1 and .6, xz and yz not at all, for either sample; one model twice: 1, .6, 0
    models, repeats = (1 + SIXTENTHS + 4 * 2) / 6, (1 + SIXTENTHS + 2) / 3
    assert row == (3, 4, 2, 6, None, *(pytest.approx(x, abs=NEAR) for x in (models, repeats, models - repeats)))


@pytest.mark.parametrize(
    ("panel", "measure", "reason"),
    [
        ("hand", "repetition", "no prompt with two samples of one model that the kernel can read"),
        ("single", "similarity", "no prompt with two models that the kernel can read"),
        ("empty", "similarity", "no model counts in this wave"),
    ],
)
def test_what_cannot_be_told_is_null_with_the_reason(built: BuiltLake, panel: str, measure: str, reason: str) -> None:
    rows = built.rows(
        "SELECT DISTINCT n_prompts, mean_kernel, above_08_share, effective_answers, reason FROM out.homogeneity "
        f"WHERE panel = '{panel}' AND measure = '{measure}' AND model = '(all)'"
    )
    assert rows == [(0, None, None, None, reason)]


@pytest.mark.parametrize(
    ("panel", "reason"),
    [("hand", "one sample a prompt"), ("single", "one model"), ("empty", "no model counts in this wave")],
)
def test_the_ensemble_question_needs_models_and_samples(built: BuiltLake, panel: str, reason: str) -> None:
    rows = built.rows(
        f"SELECT DISTINCT n_answers, difference, reason FROM out.homogeneity_ensemble WHERE panel = '{panel}'"
    )
    assert rows == [(None, None, reason)]


def test_a_capability_of_one_prompt_has_a_number_and_no_interval(built: BuiltLake) -> None:
    (row,) = built.rows(
        "SELECT n_prompts, mean_kernel, ci_low, reason FROM out.homogeneity WHERE panel = 'odd' "
        "AND capability = 'safety_boundaries' AND measure = 'similarity' AND model = '(all)' "
        "AND kernel = 'distributional'"
    )
    # six words, five of them common
    assert row == (1, pytest.approx(5 / 6), None, "no interval: fewer than 3 models or 2 prompts")


grams = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), min_size=n, max_size=n)
)


@settings(max_examples=100, deadline=None)
@given(vectors=grams)
def test_effective_numbers_lie_between_one_and_how_many_answers_there_are(vectors: list[list[float]]) -> None:
    found = np.array(vectors) + np.array([2.0, 0, 0])
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    n = len(found)
    value = float(homogeneity.vendi(found @ found.T, np.ones(n, dtype=bool)))
    assert 1 <= value <= n + 1e-9
    assert float(homogeneity.vendi((found @ found.T)[::-1, ::-1], np.ones(n, dtype=bool))) == pytest.approx(value)
    # an answer that is not there changes nothing, and every answer twice neither
    padded = np.zeros((n + 1, n + 1))
    padded[:n, :n] = found @ found.T
    assert float(homogeneity.vendi(padded, np.arange(n + 1) < n)) == pytest.approx(value)
    twice = np.concatenate([found, found])
    assert float(homogeneity.vendi(twice @ twice.T, np.ones(2 * n, dtype=bool))) == pytest.approx(value)


def test_equal_answers_count_once_and_unlike_ones_all() -> None:
    here = np.ones(4, dtype=bool)
    assert homogeneity.vendi(np.ones((4, 4)), here) == pytest.approx(1)
    assert homogeneity.vendi(np.eye(4), here) == pytest.approx(4)
    assert np.isnan(homogeneity.vendi(np.eye(4), ~here))


def test_sets_are_drawn_only_where_there_are_too_many_and_the_same_twice() -> None:
    n, sets, is_drawn = homogeneity.sets_of_models(15, 2, seed=1)
    assert (n, len(sets), is_drawn) == (2, 210, False)
    n, sets, is_drawn = homogeneity.sets_of_models(15, 4, seed=1)
    assert (n, len(sets), is_drawn) == (4, homogeneity.MOST_SETS, True)
    assert all(len(set(models)) == 4 and max(models) < 15 and sample < 4 for sample, models in sets)
    assert homogeneity.sets_of_models(15, 4, seed=1)[1] == sets != homogeneity.sets_of_models(15, 4, seed=2)[1]


def test_values_on_and_outside_the_edges_have_a_bin() -> None:
    assert homogeneity.binned(np.array([-0.2, 0.0, 0.1, 0.3, 0.99, 1.0, 1.0000001, np.nan])) == [
        2,
        1,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        3,
    ]
