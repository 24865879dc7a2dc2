"""What must hold of convergence whatever the answers are, on the dbt project's own SQL under the semantic kernel."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.validation.compiled_models import CompiledModels

DIMENSIONS = 8
WORLDS = st.tuples(st.integers(0, 2**32 - 1), st.integers(5, 40), st.integers(2, 5))
"""Seed, prompts, models."""

checked = settings(max_examples=20, deadline=None)
digits = pytest.approx


@pytest.fixture(scope="module")
def compiled() -> CompiledModels:
    return CompiledModels()


def vectors(world: tuple[int, int, int]) -> np.ndarray:
    """Return unit vectors of shape (prompts, models, dimensions), which share something by prompt and by model."""
    seed, n_prompts, n_models = world
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((n_prompts, n_models, DIMENSIONS))
    drawn += rng.uniform(0, 2) * rng.standard_normal((n_prompts, 1, DIMENSIONS))
    drawn += rng.uniform(0, 2) * rng.standard_normal((1, n_models, DIMENSIONS))
    return (drawn / np.linalg.norm(drawn, axis=2, keepdims=True)).astype(np.float32)


def scores(compiled: CompiledModels, waves: Sequence[np.ndarray]) -> np.ndarray:
    """Return the convergence of each wave of one capability."""
    return compiled.estimates([({"truthfulness": wave}, None) for wave in waves]).value


def chance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean cosine of answers to different prompts."""
    n = len(one)
    return float((one.sum(0) @ other.sum(0) - (one * other).sum()) / (n * (n - 1)))


@checked
@given(world=WORLDS)
def test_identical_answers_give_one(compiled: CompiledModels, world: tuple[int, int, int]) -> None:
    wave = np.repeat(vectors(world)[:, :1], world[2], axis=1)
    assert scores(compiled, [wave]) == digits([1.0], abs=1e-5)


@checked
@given(world=WORLDS)
def test_match_less_chance_is_the_unbiased_trace_of_the_cross_covariance_over_prompts(
    compiled: CompiledModels, world: tuple[int, int, int]
) -> None:
    wave = vectors(world)[:, :2].astype(float)
    one, other = wave[:, 0], wave[:, 1]
    trace = ((one - one.mean(0)) * (other - other.mean(0))).sum() / (len(wave) - 1)
    (score,) = scores(compiled, [wave.astype(np.float32)])
    assert score * (1 - chance(one, other)) == digits(trace, abs=1e-5)


@checked
@given(world=WORLDS)
def test_over_all_cyclic_shifts_of_one_models_prompts_match_less_chance_is_nothing(
    compiled: CompiledModels, world: tuple[int, int, int]
) -> None:
    wave = vectors(world)[:, :2]
    one, other = wave[:, 0], wave[:, 1]
    shifted = [np.roll(other, shift, axis=0) for shift in range(len(wave))]
    found = scores(compiled, [np.stack([one, moved], axis=1) for moved in shifted])
    above = [value * (1 - chance(one, moved)) for value, moved in zip(found, shifted, strict=True)]
    assert np.mean(above) == digits(0.0, abs=1e-5)


@checked
@given(world=WORLDS, order=st.randoms(use_true_random=False))
def test_neither_the_order_of_models_nor_a_wave_that_is_there_twice_changes_a_digit(
    compiled: CompiledModels, world: tuple[int, int, int], order: random.Random
) -> None:
    wave = vectors(world)
    models = list(range(world[2]))
    order.shuffle(models)
    first, reordered, again = scores(compiled, [wave, wave[:, models], wave])
    assert first == again
    assert reordered == digits(first, abs=1e-12)


@checked
@given(world=WORLDS, order=st.randoms(use_true_random=False))
def test_the_order_of_prompts_changes_nothing_as_long_as_it_is_the_same_for_all_models(
    compiled: CompiledModels, world: tuple[int, int, int], order: random.Random
) -> None:
    wave = vectors(world)
    prompts = list(range(world[1]))
    order.shuffle(prompts)
    first, reordered = scores(compiled, [wave, wave[prompts]])
    assert reordered == digits(first, abs=1e-9)
