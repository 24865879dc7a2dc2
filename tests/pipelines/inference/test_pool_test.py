"""The pool test by hand, by enumeration of its whole null, and on answers that did not change."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.sparse import csr_array

from pipelines.inference.pool_test import Prompts, differences, pool_tests, shifts
from pipelines.inference.token_kernels import distributional_kernels
from tests.models_sql import second_opinion


def prompts(n_prompts: int, n_answers: int, seed: int, moved: float = 0.0) -> Prompts:
    vectors = np.random.default_rng(seed).standard_normal((n_prompts, n_answers, 6)) / np.sqrt(6)
    vectors[:, -1, 0] += moved
    return Prompts((vectors @ vectors.transpose(0, 2, 1))[None], vectors)


def test_three_earlier_answers_and_a_new_one_by_hand() -> None:
    kernel = np.array([[1, 1, 1, 0.4], [1, 1, 1, 0.4], [1, 1, 1, 0.4], [0.4, 0.4, 0.4, 1]])
    # the new one: 1 within the pool, .4 with it: .6. An old one in turn: (1 + .4 + .4) / 3 - (1 + 1 + .4) / 3 = -.2
    assert differences(kernel[None])[0] == pytest.approx([-0.2, -0.2, -0.2, 0.6])
    # T: 3 less the mean of 0, 0, 0; an old one is 0 less the mean of 0, 0, 3
    assert shifts(np.array([[[0.0], [0.0], [0.0], [3.0]]]))[0, :, 0] == pytest.approx([-1, -1, -1, 3])


def test_p_is_the_share_of_the_whole_null_that_reaches_the_observed() -> None:
    some = prompts(4, 4, seed=2, moved=0.8)
    d, x = differences(some.kernels)[0], shifts(some.vectors)
    chosen = list(product(range(4), repeat=4))
    all_d = np.array([abs(np.mean([d[p, j] for p, j in enumerate(js)])) for js in chosen])
    all_t = np.array([(np.mean([x[p, j] for p, j in enumerate(js)], axis=0) ** 2).sum() for js in chosen])
    p_d, p_t = (np.mean(values >= values[-1] - 1e-12) for values in (all_d, all_t))
    (test,) = pool_tests({"c": [some]}, {"c": 5}, 40_000)["c"]
    assert test is not None
    assert test.difference == pytest.approx(np.mean(d[:, -1]))
    assert test.shift == pytest.approx(all_t[-1])
    if test.n_draws == 40_000:
        assert (test.p_difference, test.p_shift) == (pytest.approx(p_d, abs=0.01), pytest.approx(p_t, abs=0.01))
    # Holm over the two
    assert test.p_value == pytest.approx(min(1, 2 * min(test.p_difference, test.p_shift)))
    # within a prompt the four values of D add to nothing, so the null is centred
    assert d.sum(axis=1) == pytest.approx(np.zeros(4))


def test_answers_that_are_all_the_same_are_exactly_no_drift() -> None:
    vectors = np.ones((10, 4, 3)) / np.sqrt(3)
    (test,) = pool_tests({"c": [Prompts(np.ones((1, 10, 4, 4)), vectors)]}, {"c": 1}, 99)["c"]
    assert test is not None
    assert (test.difference, test.shift, test.p_value) == (0.0, 0.0, 1.0)


def test_a_shift_common_to_all_prompts_is_seen_by_t_and_a_change_of_each_its_own_by_d() -> None:
    (common,) = pool_tests({"c": [prompts(40, 6, 3, moved=0.6)]}, {"c": 1}, 999)["c"]
    assert common is not None and common.p_shift < 0.01
    own = np.random.default_rng(4).standard_normal((40, 6, 6)) * 0.1 + np.eye(6)[np.arange(40) % 6][:, None]
    own[:, -1] = -own[:, -1] * np.where(np.arange(40) % 12 < 6, 1, -1)[:, None]
    (apart,) = pool_tests({"c": [Prompts((own @ own.transpose(0, 2, 1))[None], own)]}, {"c": 1}, 999)["c"]
    assert apart is not None and apart.p_difference < 0.01


def test_overall_adds_the_draws_of_the_capabilities_and_the_same_seed_gives_the_same_digits() -> None:
    both = {"a": [prompts(5, 4, 6)], "b": [prompts(7, 5, 7)]}
    seeds = {"a": 1, "b": 2}
    found = pool_tests(both, seeds, 200)
    assert found == pool_tests(dict(reversed(both.items())), seeds, 200)
    (a,), (b,), (overall,) = found["a"], found["b"], found["overall"]
    assert a and b and overall
    assert overall.difference == pytest.approx((5 * a.difference + 7 * b.difference) / 12)
    assert overall.n_prompts == 12


def test_a_prompt_that_a_kernel_cannot_read_counts_for_the_others_only() -> None:
    some = prompts(6, 4, 8)
    unread = np.concatenate([some.kernels, some.kernels])
    unread[1, 2] = np.nan
    tests = pool_tests({"c": [Prompts(unread, some.vectors)]}, {"c": 1}, 99)["c"]
    assert [test.n_prompts for test in tests if test] == [6, 5]


def test_token_kernels_are_one_less_the_divergence_of_the_texts() -> None:
    texts = ["the red fox ran far", "the red fox sat low", "a b c d e f a", "too short"]
    words = sorted({word for text in texts for word in text.split()})
    rows = np.array(
        [[(text.split() * (len(text.split()) >= 5)).count(word) for word in words] for text in texts], float
    )
    frequencies = csr_array(rows / np.maximum(1, rows.sum(axis=1, keepdims=True)))
    found = distributional_kernels(frequencies, np.array([[0, 1, 2], [0, 0, 3]]))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert found[0, i, j] == found[0, j, i] == pytest.approx(second_opinion.distributional(texts[i], texts[j]))
    assert np.isnan(found[1]).all()
