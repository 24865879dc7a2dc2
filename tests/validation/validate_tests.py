"""Size and power of every test by simulation, through the functions that the models call. Run by `make validate`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models_sql.models.steps.drift.drift_tests import compare
from models_sql.paired import paired
from pipelines.inference.change_points import cusum, pelt
from pipelines.inference.label_permutation import outcome, pair_nulls
from pipelines.inference.pool_test import Prompts, pool_tests
from pipelines.inference.trend import slope_per_30_days

DIMENSIONS = 24
NOISE = 0.5
"""Spread of samples around what a prompt's answers share, beside a unit vector."""


def rejected(p_values: list[float], name: str, low: float = 0.03, high: float = 0.07) -> None:
    """Print the share of p <= .05 and hold it to its bounds."""
    share = float(np.mean(np.array(p_values) <= 0.05))
    print(f"\n{name}: {share:.3f} of {len(p_values)} at .05")
    assert low <= share <= high, name


@pytest.mark.parametrize("is_complete", [True, False], ids=["complete grid", "ragged grid"])
def test_the_size_of_the_permutation_of_prompt_labels(is_complete: bool) -> None:
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(1500):
        style = rng.standard_normal((5, DIMENSIONS)) * 0.3
        vectors = (style + rng.standard_normal((12, 5, DIMENSIONS))) / np.sqrt(DIMENSIONS)
        present = np.ones((12, 5), dtype=bool) if is_complete else rng.random((12, 5)) > 0.1
        found = pair_nulls(vectors * present[:, :, None], present, 199, rng)
        p_values.append(outcome(found.observed.mean(), found.null.mean(axis=1)).p_value)
    rejected([p for p in p_values if p is not None], f"prompt labels, {'complete' if is_complete else 'ragged'} grid")


def mmd_p(n_prompts: int, k: int, shift: float, rng: np.random.Generator, draws: int = 399) -> float:
    """p of the semantic kernel between two waves of k samples; each prompt's answers move `shift` its own way."""
    prompts = []
    for _ in range(n_prompts):
        way = rng.standard_normal(DIMENSIONS)
        centre, move = rng.standard_normal(DIMENSIONS) / np.sqrt(DIMENSIONS), shift * way / np.linalg.norm(way)
        samples = centre + rng.standard_normal((2 * k, DIMENSIONS)) * NOISE / np.sqrt(DIMENSIONS)
        samples[:k] += move
        kernel = samples @ samples.T
        prompts.append(("c", np.stack([kernel] * 3), k))
    comparison = {"key": 1, "names": ("wave", str(rng.integers(2**40)), "then"), "changed": {"c": 1, "overall": 1}}
    return float(compare(comparison, prompts, draws)[0]["p_value"])


@pytest.mark.parametrize("k", [2, 3])
def test_the_size_of_mmd(k: int) -> None:
    rng = np.random.default_rng([2, k])
    rejected([mmd_p(12, k, 0.0, rng) for _ in range(1000)], f"MMD, K = {k}")


def test_the_power_of_mmd_is_as_stated() -> None:
    rng = np.random.default_rng(3)
    for n_prompts, k, stated in ((30, 2, 0.75), (30, 3, 0.95), (100, 2, 0.98), (100, 3, 1.0)):
        p_values = np.array([mmd_p(n_prompts, k, 0.2, rng, draws=199) for _ in range(200)])
        power = float((p_values <= 0.05).mean())
        print(f"\nMMD, shift .2, {n_prompts} prompts, K = {k}: power {power:.3f} of 200, stated {stated}")
        assert abs(power - stated) <= 0.08


def pool(n_prompts: int, n_waves: int, rng: np.random.Generator, common: float = 0.0, own: float = 0.0) -> float:
    """p of a new wave that moved by `common` the same way everywhere and by `own` each prompt its own way."""
    way = rng.standard_normal((n_prompts, 1, DIMENSIONS))
    centre = rng.standard_normal((n_prompts, 1, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    vectors = centre + rng.standard_normal((n_prompts, n_waves + 1, DIMENSIONS)) * NOISE / np.sqrt(DIMENSIONS)
    vectors[:, -1:] += own * way / np.linalg.norm(way, axis=2, keepdims=True)
    vectors[:, -1, 0] += common
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    kernels = (vectors @ vectors.transpose(0, 2, 1))[None]
    seed = int(rng.integers(2**40))
    test = pool_tests({"c": [Prompts(kernels, vectors)]}, {"c": seed}, 399)["c"][0]
    assert test is not None
    return test.p_value


@pytest.mark.parametrize("n_waves", [3, 7])
def test_the_size_of_the_pool_test(n_waves: int) -> None:
    rng = np.random.default_rng([4, n_waves])
    rejected([pool(20, n_waves, rng) for _ in range(1500)], f"pool of {n_waves}")


def test_the_pool_test_sees_a_common_shift_and_a_shift_that_differs_by_prompt() -> None:
    rng = np.random.default_rng(5)
    for name, moved in (("common .2", {"common": 0.2}), ("each its own .4", {"own": 0.4})):
        power = float(np.mean([pool(60, 5, rng, **moved) <= 0.05 for _ in range(200)]))
        print(f"\npool of 5, 60 prompts, shift {name}: power {power:.3f} of 200")
        assert power >= 0.8


@pytest.mark.parametrize(
    ("name", "draw", "low"),
    [
        pytest.param("sign flips, lengths", lambda rng: rng.lognormal(5, 1, (2, 30)), 0.03, id="lengths"),
        # an exact test of few yes-or-no changes cannot reach 5 %; it must not exceed it
        pytest.param("McNemar", lambda rng: (rng.random((2, 60)) < 0.3).astype(float), 0.01, id="yes or no"),
        pytest.param("sign flips, shares", lambda rng: rng.binomial(4, 0.2, (2, 60)) / 4, 0.03, id="shares"),
    ],
)
def test_the_size_of_the_tests_of_features(
    name: str, draw: Callable[[np.random.Generator], np.ndarray], low: float
) -> None:
    rng = np.random.default_rng(6)
    found = [paired(*draw(rng), 499, rng) for _ in range(2000)]
    rejected([test.p_value for test in found], name, low)
    covered = np.mean([test.ci_low <= 0 <= test.ci_high for test in found])
    print(f"{name}: interval covers {covered:.3f}")
    assert 0.93 <= covered <= 0.98


def test_the_interval_of_a_trend_covers_the_true_slope() -> None:
    rng = np.random.default_rng(7)
    for n_waves in (8, 20, 60):
        days = np.arange(n_waves, dtype=float)
        slopes = [slope_per_30_days(days, 0.002 * days + 0.01 * rng.standard_normal(n_waves)) for _ in range(2000)]
        covered = np.mean(
            [s.ci_low <= 0.06 <= s.ci_high for s in slopes if s and s.ci_low is not None and s.ci_high is not None]
        )
        print(f"\nTheil-Sen, {n_waves} waves: interval covers {covered:.3f} of 2000")
        assert 0.93 <= covered <= 0.985


def test_quiet_series_have_few_change_points_and_a_real_one_is_found() -> None:
    rng = np.random.default_rng(8)
    for n_waves in (8, 14, 30, 90):
        quiet = rng.standard_normal((1000, n_waves))
        false_pelt = np.mean([bool(pelt(values)) for values in quiet])
        false_cusum = np.mean([bool(cusum(values)) for values in quiet])
        moved = quiet + 3 * (np.arange(n_waves) >= n_waves // 2)
        found = np.mean([any(abs(c.start - n_waves // 2) <= 1 for c in pelt(values)) for values in moved])
        alarmed = np.mean([any(c.size > 0 for c in cusum(values)) for values in moved])
        print(
            f"\n{n_waves} waves: false changes, PELT {false_pelt:.3f}, CUSUM {false_cusum:.3f}; "
            f"a shift of 3 SD half way: PELT places {found:.3f}, CUSUM alarms {alarmed:.3f}"
        )
        assert false_pelt <= 0.07
