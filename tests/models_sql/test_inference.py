"""Tests of convergence by permutation, intervals of pairs, pooled divergences and power, in the lake."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import t

from tests.models_sql import second_opinion
from tests.models_sql.scenarios import TRUTH, sampled
from tests.models_sql.test_convergence import answers_of

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake


def test_identical_answers_are_above_chance_and_permuted_ones_are_not(built: BuiltLake) -> None:
    p_values = dict(
        built.rows(
            "SELECT panel, p_value FROM out.convergence_by_wave WHERE kernel = 'semantic' AND capability = 'overall' "
            "AND panel IN ('identical', 'permuted', 'half-permuted')"
        )
    )
    # none of 2,000 permutations of 20 prompts comes near
    assert p_values["identical"] == p_values["half-permuted"] == 1 / 2001
    assert p_values["permuted"] > 0.05


def test_three_models_and_five_prompts_have_the_p_of_one_permutation_in_120(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT model_a, model_b, p_value, n_draws FROM out.convergence_by_pair "
        "WHERE panel = 'hand' AND kernel = 'semantic' AND capability = 'overall' ORDER BY ALL"
    )
    # only the identity matches all of ann's and bob's five answers; cat's are alike in any order: no variance, no p
    assert rows == [
        ("ann", "bob", pytest.approx(1 / 120, abs=0.005), 2000),
        ("ann", "cat", None, 2000),
        ("bob", "cat", None, 2000),
    ]


def test_only_the_semantic_kernel_has_a_p_and_it_never_is_0(built: BuiltLake) -> None:
    for table in ("convergence_by_wave", "convergence_by_model", "convergence_by_pair"):
        rows = built.rows(
            f"SELECT kernel, count(p_value), min(p_value), max(n_draws), min(noise) FROM out.{table} GROUP BY 1"
        )
        of_kernel = {kernel: rest for kernel, *rest in rows}
        assert of_kernel["combined"] == of_kernel["distributional"] == [0, None, None, None]
        n, smallest, draws, _ = of_kernel["semantic"]
        assert n > 0 and smallest >= 1 / 2001 and draws == 2000


@pytest.mark.parametrize("kernel", ["semantic", "distributional"])
def test_a_pairs_interval_leaves_out_each_prompt(built: BuiltLake, kernel: str) -> None:
    wave = sampled(0, seed=1)
    parts = second_opinion.pair_parts(kernel, TRUTH, answers_of(wave, TRUTH), built.axes.vector)
    match, links = parts["alpha", "beta"]
    leave = np.array([second_opinion.convergence(match, links, without=p) for p in match])
    n = len(leave)
    half = t.ppf(0.975, n - 1) * math.sqrt((n - 1) / n * ((leave - leave.mean()) ** 2).sum())
    score = second_opinion.convergence(match, links)
    found = built.rows(
        f"SELECT ci_low, ci_high FROM out.convergence_by_pair WHERE wave_id = '{wave.wave_id}' "
        f"AND capability = '{TRUTH}' AND kernel = '{kernel}' AND model_a = 'alpha' AND model_b = 'beta'"
    )
    assert found == [(pytest.approx(score - half, abs=1e-5), pytest.approx(score + half, abs=1e-5))]


def test_pooled_divergences_are_those_of_their_definitions(built: BuiltLake) -> None:
    wave = sampled(0, seed=1)
    pools = {}
    for model in ("alpha", "beta"):
        texts = [text for of in answers_of(wave, TRUTH)[model].values() for text in of if len(text.split()) >= 5]
        pools[model] = Counter(word for text in texts for word in text.split()[:60])
    a, b = pools["alpha"], pools["beta"]
    words = a.keys() | b.keys()

    def with_prior(pool: Counter[str]) -> dict[str, float]:
        return {word: (pool[word] + 0.5) / (pool.total() + 0.5 * len(words)) for word in words}

    p, q = with_prior(a), with_prior(b)
    m = {word: (a[word] / a.total() + b[word] / b.total()) / 2 for word in words}
    jsd = sum(
        pool[word] / pool.total() * math.log2(pool[word] / pool.total() / m[word]) / 2
        for pool in (a, b)
        for word in pool
    )
    found = built.rows(
        "SELECT tokens_a, tokens_b, n_words, kl_ab_nats, kl_ba_nats, jsd_bits FROM out.pooled_divergence "
        f"WHERE wave_id = '{wave.wave_id}' AND capability = '{TRUTH}' AND model_a = 'alpha' AND model_b = 'beta'"
    )
    assert found == [
        (
            a.total(),
            b.total(),
            len(words),
            pytest.approx(sum(p[w] * math.log(p[w] / q[w]) for w in words)),
            pytest.approx(sum(q[w] * math.log(q[w] / p[w]) for w in words)),
            pytest.approx(jsd),
        )
    ]


def test_pools_of_the_hand_panel_by_hand(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT model_a, model_b, n_words, jsd_bits, kl_ab_nats FROM out.pooled_divergence "
        "WHERE panel = 'hand' ORDER BY ALL"
    )
    # 25 tokens each, `the` five times. ann and cat share nothing but it: overlap 5/25, jsd .8; 41 words, mass 45.5
    # KL: 20 words of ann's at 1.5 against .5, and 20 of cat's at .5 against 1.5: 20 (1.5 - .5) ln 3 / 45.5
    kl = 20 * math.log(3) / 45.5
    assert rows[1] == ("ann", "cat", 41, pytest.approx(0.8), pytest.approx(kl))
    # ann and bob differ in two words on two prompts: 4 of 25 tokens, overlap 21/25
    assert rows[0][:4] == ("ann", "bob", 25, pytest.approx(0.16))


def test_power_follows_from_the_standard_error(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT power.*, scores.ci_high - scores.ci_low AS width FROM out.power "
        "JOIN out.convergence_by_wave AS scores USING (wave_id, capability, kernel) "
        "WHERE power.wave_id = 'sampled/2026-01-01' AND capability = 'overall' AND kernel = 'semantic' "
        "AND estimate = 'score'"
    )
    assert len(rows) == 5
    names = [
        name
        for name, _ in built.rows(
            "SELECT column_name, column_index FROM duckdb_columns() "
            "WHERE table_name = 'power' AND database_name = 'pinned' ORDER BY 2"
        )
    ]
    for values in rows:
        row = dict(zip([*names, "width"], values, strict=True))
        assert row["standard_error"] ** 2 == pytest.approx(row["model_error"] ** 2 + row["prompt_error"] ** 2)
        assert row["detectable_difference"] == pytest.approx(2.8 * row["standard_error"])
        assert row["width"] > 2 * 1.96 * row["standard_error"]
        room = (row["target_difference"] / 2.8) ** 2 - row["model_error"] ** 2
        if room <= 0:
            assert (row["prompts_needed"], row["advice"]) == (None, "add models")
        else:
            needed = max(5, math.ceil(row["n_prompts"] * row["prompt_error"] ** 2 / room))
            assert row["prompts_needed"] == needed
            assert row["advice"] == (
                "enough" if row["detectable_difference"] <= row["target_difference"] else "add prompts"
            )


def test_two_models_have_no_power_and_no_row(built: BuiltLake) -> None:
    assert built.rows("SELECT * FROM out.power WHERE panel = 'identical'") == []
