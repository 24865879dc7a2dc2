"""Made-up answers whose true convergence is known: models and prompts are drawn from populations.

A model's answer to a prompt is what all answers share, the model's style, its share of what the prompt asks for, and
noise: v = mean + style + loading * topic + noise, in DIMENSIONS. Chance of two models is the product of their means
and styles, match is more by loading * loading' * |topic|^2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

DIMENSIONS = 32
MEAN_LENGTH = 0.5
STYLE = 0.25
TOPIC = 0.55
NOISE = 0.6


class Population(NamedTuple):
    """Mean loading of models on topics, how much it differs between models, and whether evenly or normally."""

    loading: float = 0.8
    spread: float = 0.1
    is_even: bool = False


def models(population: Population, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return (mean and style of each model, shape (n, dimensions); loadings, shape (n,))."""
    style = rng.standard_normal((n, DIMENSIONS)) * STYLE / np.sqrt(DIMENSIONS)
    style[:, 0] += MEAN_LENGTH
    differences = rng.uniform(-np.sqrt(3), np.sqrt(3), n) if population.is_even else rng.standard_normal(n)
    return style, population.loading + population.spread * differences


def topics(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return what each prompt asks for; some prompts are answered much more alike than others."""
    strength = TOPIC * rng.uniform(0.3, 1.7, (n, 1))
    return rng.standard_normal((n, DIMENSIONS)) * strength / np.sqrt(DIMENSIONS)


def answers(style: np.ndarray, loading: np.ndarray, topic: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return vectors of shape (prompts, models, dimensions)."""
    noise = rng.standard_normal((len(topic), len(style), DIMENSIONS)) * NOISE / np.sqrt(DIMENSIONS)
    vectors: np.ndarray = (style + loading[:, None] * topic[:, None, :] + noise).astype(np.float32)
    return vectors


def true_convergence(population: Population, rng: np.random.Generator, n: int = 4000) -> float:
    """Return the mean over pairs of the population's models, over infinitely many prompts."""
    style, loading = models(population, n, rng)
    topic_square = TOPIC**2 * (1 + 1.4**2 / 12)
    chance = style @ style.T
    scores = np.outer(loading, loading) * topic_square / (1 - chance)
    return float((scores.sum() - np.trace(scores)) / (n * (n - 1)))
