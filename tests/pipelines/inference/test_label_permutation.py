"""The permutation of prompt labels against the obvious loops, and what it must never do."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.inference.label_permutation import convergence, outcome, pair_nulls, permuted_places


def world(n_prompts: int, n_models: int, seed: int, missing: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n_prompts, n_models, 8)) + 0.4
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    present = rng.random((n_prompts, n_models)) >= missing
    return np.where(present[:, :, None], vectors, 0.0), present


def test_three_models_and_four_prompts_by_hand() -> None:
    # equal answers to 3 of 4 prompts: match 3/4; the products of all 16 pairs of prompts add to 6, 3 of it off the
    # diagonal, over 12 pairs: chance 1/4; (3/4 - 1/4) / (1 - 1/4) = 2/3
    assert convergence(np.array(3.0), 6.0, 4) == pytest.approx(2 / 3)
    # answers to different prompts are as alike as those to the same: nothing above chance
    assert convergence(np.array(2.0), 8.0, 4) == pytest.approx(0.0)


@pytest.mark.parametrize("missing", [0.0, 0.15], ids=["complete", "ragged"])
def test_every_draw_is_convergence_by_its_definition_on_the_permuted_answers(missing: float) -> None:
    vectors, present = world(14, 4, 1, missing)
    found = pair_nulls(vectors, present, 20, np.random.default_rng(7))
    places = permuted_places(present, 20, np.random.default_rng(7))
    assert len(found.a) == 6
    for draw in range(21):
        for n, (a, b) in enumerate(zip(found.a, found.b, strict=True)):
            shared = [p for p in range(14) if present[p, a] and present[p, b]]
            x = {p: vectors[places[a][draw, p], a] for p in shared}
            y = {p: vectors[places[b][draw, p], b] for p in shared}
            match = np.mean([x[p] @ y[p] for p in shared])
            chance = np.mean([x[p] @ y[q] for p in shared for q in shared if p != q])
            score = found.observed[n] if draw == 0 else found.null[draw - 1, n]
            assert score == pytest.approx((match - chance) / (1 - chance), abs=1e-6)


def test_labels_move_only_among_prompts_that_the_same_models_answered() -> None:
    _, present = world(30, 4, 2, missing=0.2)
    for model, places in enumerate(permuted_places(present, 50, np.random.default_rng(0))):
        assert (present[places] == present[None]).all(axis=2)[:, present[:, model]].all()
        assert (np.sort(places, axis=1) == np.arange(30)).all()


def test_identical_answers_are_reached_by_the_identity_alone() -> None:
    # two models, five prompts, answers without anything in common: one of 5! = 120 permutations matches all of them
    vectors = np.repeat(np.eye(5)[:, None, :], 2, axis=1)
    found = pair_nulls(vectors, np.ones((5, 2), dtype=bool), 12_000, np.random.default_rng(3))
    assert found.observed[0] == pytest.approx(1.0)
    assert outcome(1.0, found.null[:, 0]).p_value == pytest.approx(1 / 120, abs=0.003)


def test_one_text_a_model_leaves_a_null_without_variance_and_no_p() -> None:
    vectors = np.zeros((6, 2, 8))
    vectors[:, 0, 0] = vectors[:, 1, 1] = 1.0
    found = pair_nulls(vectors, np.ones((6, 2), dtype=bool), 50, np.random.default_rng(0))
    assert outcome(float(found.observed[0]), found.null[:, 0]) == (None, 0.0, 50)


@settings(max_examples=25, deadline=None)
@given(n_prompts=st.integers(5, 12), n_models=st.integers(2, 5), seed=st.integers(0, 10**6))
def test_the_observed_does_not_depend_on_the_order_of_prompts_or_models(
    n_prompts: int, n_models: int, seed: int
) -> None:
    vectors, present = world(n_prompts, n_models, seed)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(n_prompts), rng.permutation(n_models)
    plain = pair_nulls(vectors, present, 3, np.random.default_rng(1))
    turned = pair_nulls(vectors[rows][:, columns], present, 3, np.random.default_rng(1))
    of_pair = {frozenset(pair): score for *pair, score in zip(plain.a, plain.b, plain.observed, strict=True)}
    for a, b, score in zip(turned.a, turned.b, turned.observed, strict=True):
        assert score == pytest.approx(of_pair[frozenset((columns[a], columns[b]))], abs=1e-12)
    again = pair_nulls(vectors, present, 3, np.random.default_rng(1))
    assert (again.null == plain.null).all()
    assert len(plain.a) == len(list(combinations(range(n_models), 2)))
