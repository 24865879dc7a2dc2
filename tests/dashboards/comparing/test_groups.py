from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from dashboards.comparing.groups import WEIGHTS, similarities
from dashboards.comparing.records import Similarity
from models_sql.pair_means import Changes, Pair, PairsOfWave

# models 1 and 2 are A, 3 and 4 are B
PAIRS: dict[Pair, float] = {(1, 2): 0.6, (1, 3): 0.1, (1, 4): 0.2, (2, 3): 0.3, (2, 4): 0.4, (3, 4): 0.9}
A, B = frozenset({1, 2}), frozenset({3, 4})


def wave_of(pairs: dict[Pair, float], moves: tuple[float, ...] = (0.1, -0.1)) -> PairsOfWave:
    """A wave in which leaving out each prompt adds the same to every pair."""
    rows = [(pair, n, move) for pair in pairs for n, move in enumerate(moves)]
    changes = {
        "kernel": np.array(["semantic"] * len(rows)),
        "model_a": np.array([pair[0] for pair, _, _ in rows]),
        "model_b": np.array([pair[1] for pair, _, _ in rows]),
        "prompt_key": np.array([n for _, n, _ in rows]),
        "change": np.array([move for _, _, move in rows]),
    }
    scores = [("truth", "semantic", *pair, value, len(moves)) for pair, value in sorted(pairs.items())]
    return PairsOfWave(scores, {"truth": Changes(changes)})


def told(pairs: dict[Pair, float], a: frozenset[int], b: frozenset[int]) -> dict[str, Similarity]:
    return {row.quantity: row for row in similarities(wave_of(pairs), "truth", "semantic", a, b)}


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("within_a", 0.6),
        ("within_b", 0.9),
        ("between", (0.1 + 0.2 + 0.3 + 0.4) / 4),
        ("difference", 0.9 - 0.6),
        ("separation", (0.6 + 0.9) / 2 - 0.25),
    ],
)
def test_two_groups_of_two_give_what_is_worked_out_by_hand(quantity: str, expected: float) -> None:
    assert told(PAIRS, A, B)[quantity].value == pytest.approx(expected)


def test_the_interval_between_leaves_out_each_model_and_each_prompt() -> None:
    row = told(PAIRS, A, B)["between"]
    # without 1, 2, 3, 4 the mean of .25 is .35, .15, .3, .2: squared deviations .01 .01 .0025 .0025, times 3 / 4
    of_models = 0.025 * 3 / 4
    # without either of two prompts .35 or .15: squared deviations .01 .01, times 1 / 2
    of_prompts = 0.01
    total = of_models + of_prompts
    half = t.ppf(0.975, total**2 / (of_models**2 / 3 + of_prompts**2)) * sqrt(total)
    assert (row.ci_low, row.ci_high) == (pytest.approx(0.25 - half), pytest.approx(0.25 + half))
    assert (row.n_models, row.n_pairs, row.n_prompts, row.reason) == (4, 4, 2, None)


def test_a_group_of_one_model_has_no_pair_within_and_nothing_that_needs_it() -> None:
    found = told(PAIRS, frozenset({1}), B)
    assert {quantity: row.value for quantity, row in found.items()} == {
        "within_a": None,
        "within_b": 0.9,
        "between": pytest.approx(0.15),
        "difference": None,
        "separation": None,
    }
    assert found["difference"].reason == "no pair within A has a convergence"
    assert found["within_b"].reason == "an interval needs 3 models"


@given(st.dictionaries(st.sampled_from(sorted(PAIRS)), st.floats(-1, 1), min_size=1))
def test_groups_exchanged_turn_the_sign_and_a_group_with_itself_is_zero(pairs: dict[Pair, float]) -> None:
    there, back, same = told(pairs, A, B), told(pairs, B, A), told(pairs, A, A)
    value = there["difference"].value
    assert back["difference"].value == (None if value is None else -value)
    assert there["separation"].value == back["separation"].value
    for quantity in ("difference", "separation"):
        assert same[quantity].value in (0.0, None)


def test_every_quantity_is_there_without_any_pair() -> None:
    rows = list(similarities(PairsOfWave([], {}), "overall", "combined", A, B))
    assert [row.quantity for row in rows] == list(WEIGHTS)
    assert {(row.value, row.ci_low, row.n_models, row.n_pairs) for row in rows} == {(None, None, 0, 0)}
