"""Intervals, power and sample size by simulation, through the SQL of the dbt project. Run by `make validate`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.validation.compiled_models import CompiledModels, Estimates, Wave
from tests.validation.worlds import Population, answers, models, topics, true_convergence

POPULATION = Population()
AT_ONCE = 250


@pytest.fixture(scope="session")
def compiled() -> CompiledModels:
    return CompiledModels()


@pytest.fixture(scope="session")
def truth() -> float:
    return true_convergence(POPULATION, np.random.default_rng(0))


def one_wave(
    n_models: int, sizes: tuple[int, ...], rng: np.random.Generator, population: Population = POPULATION
) -> tuple[Wave, None]:
    style, loading = models(population, n_models, rng)
    return {f"c{n}": answers(style, loading, topics(size, rng), rng) for n, size in enumerate(sizes)}, None


def two_waves(
    n_models: int, n_prompts: int, shift: float, rng: np.random.Generator, uneven: float = 0.06
) -> tuple[Wave, Wave]:
    """The same models and prompts twice; loadings of the first are higher by `shift`, more or less by each."""
    style, loading = models(POPULATION, n_models, rng)
    moved = loading + shift + uneven * rng.standard_normal(n_models)
    topic = topics(n_prompts, rng)
    moved_topic = topic * (1 + 3 * uneven * rng.standard_normal((n_prompts, 1)))
    return {"c": answers(style, moved, moved_topic, rng)}, {"c": answers(style, loading, topic, rng)}


def covered(found: Estimates, truth: float) -> float:
    return float(np.mean(np.abs(found.value - truth) <= found.half_width))


@pytest.mark.parametrize(
    ("n_models", "sizes", "repetitions"),
    [
        (15, (30,), 1000),
        (15, (150,), 1000),
        (6, (30,), 2000),
        (6, (150,), 800),
        (4, (30,), 2000),
        (6, (20, 20), 1500),
    ],
)
def test_a_waves_interval_covers_its_true_score(
    compiled: CompiledModels, truth: float, n_models: int, sizes: tuple[int, ...], repetitions: int
) -> None:
    rng = np.random.default_rng([1, n_models, *sizes])
    # a few hundred waves at a time, so that memory stays small
    parts = [
        compiled.estimates([one_wave(n_models, sizes, rng) for _ in range(min(AT_ONCE, repetitions - start))])
        for start in range(0, repetitions, AT_ONCE)
    ]
    found = Estimates(*(np.concatenate(values) for values in zip(*parts, strict=True)))
    share = covered(found, truth)
    print(
        f"\nscore, {n_models} models x {sizes} prompts: coverage {share:.3f} of {repetitions}, "
        f"mean {found.value.mean():.4f} (true {truth:.4f}), SD {found.value.std():.4f}, "
        f"mean SE {found.standard_error.mean():.4f}"
    )
    assert 0.93 <= share <= 0.97


def test_the_interval_of_few_models_that_differ_much_and_evenly_is_somewhat_short(compiled: CompiledModels) -> None:
    # loadings spread evenly over .54 to 1.06: no tails, and the larger the score the larger its error
    harsh = Population(spread=0.15, is_even=True)
    truth = true_convergence(harsh, np.random.default_rng(0))
    for n_models, n_prompts in ((6, 150), (4, 30)):
        rng = np.random.default_rng([6, n_models])
        found = compiled.estimates([one_wave(n_models, (n_prompts,), rng, harsh) for _ in range(600)])
        print(f"\nscore, {n_models} x {n_prompts}, models far apart: coverage {covered(found, truth):.3f} of 600")
        assert covered(found, truth) >= 0.88


@pytest.mark.parametrize(("n_models", "n_prompts", "repetitions"), [(15, 30, 600), (6, 30, 1200), (4, 30, 1200)])
def test_the_interval_of_a_change_covers_the_true_change(
    compiled: CompiledModels, n_models: int, n_prompts: int, repetitions: int
) -> None:
    rng = np.random.default_rng([2, n_models, n_prompts])
    # the true change: uneven prompts raise the square of a topic by its variance
    after = true_convergence(POPULATION, np.random.default_rng(0)) * (1 + 0.18**2)
    change = after - true_convergence(POPULATION, np.random.default_rng(0))
    found = compiled.estimates([two_waves(n_models, n_prompts, 0.0, rng) for _ in range(repetitions)])
    still = compiled.estimates([two_waves(n_models, n_prompts, 0.0, rng, uneven=0.0) for _ in range(repetitions // 2)])
    share, still_share = covered(found, change), covered(still, 0.0)
    print(
        f"\nchange, {n_models} x {n_prompts}: coverage {share:.3f} of {repetitions} where models and prompts moved "
        f"unevenly (SD {found.value.std():.4f}, mean SE {found.standard_error.mean():.4f}), {still_share:.3f} where "
        f"only sampling differs (SD {still.value.std():.4f}, mean SE {still.standard_error.mean():.4f})"
    )
    assert 0.93 <= share <= 0.985
    # noise of single answers counts among the models and among the prompts: wider than needed, never too short
    assert still_share >= 0.93


def test_a_difference_of_2_80_standard_errors_is_found_in_four_of_five_waves(compiled: CompiledModels) -> None:
    # what a shift of the loadings adds to the score is read off the same waves with and without it
    still, trial = (
        compiled.estimates([two_waves(12, 60, shift, rng) for _ in range(300)])
        for shift, rng in ((0.0, np.random.default_rng(3)), (0.1, np.random.default_rng(3)))
    )
    slope = (trial.value.mean() - still.value.mean()) / 0.1
    shift = (2.8 * trial.standard_error.mean() - still.value.mean()) / slope
    rng = np.random.default_rng(9)
    found = compiled.estimates([two_waves(12, 60, shift, rng) for _ in range(600)])
    power = float(np.mean(found.value > found.half_width))
    print(
        f"\npower at 2.80 SE, 12 x 60: {power:.3f} of 600 (mean change {found.value.mean():.4f}, "
        f"mean SE {found.standard_error.mean():.4f})"
    )
    assert 0.72 <= power <= 0.9


def test_convergence_has_no_trend_with_the_number_of_prompts(compiled: CompiledModels, truth: float) -> None:
    means = {}
    for n_prompts, repetitions in ((30, 600), (150, 200), (750, 60)):
        rng = np.random.default_rng([4, n_prompts])
        style, loading = models(POPULATION, 6, np.random.default_rng(5))  # one set of sources throughout
        waves = [({"c": answers(style, loading, topics(n_prompts, rng), rng)}, None) for _ in range(repetitions)]
        values = compiled.estimates(waves).value
        means[n_prompts] = (values.mean(), values.std() / np.sqrt(repetitions))
    print("\nno trend in n: " + ", ".join(f"{n}: {m:.4f} (SE {e:.4f})" for n, (m, e) in means.items()))
    for n in (30, 150):
        assert abs(means[n][0] - means[750][0]) <= 3 * np.hypot(means[n][1], means[750][1])
