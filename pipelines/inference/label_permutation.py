"""The null of convergence under the semantic kernel: prompt labels are permuted within each model.

If two models agree no more on a prompt than on any two prompts, it makes no difference which of a model's answers
stands under which prompt. Every draw permutes each model's answers over its prompts, for all models at once, and
takes match, chance and convergence of every pair anew: chance in closed form, because the sum over all pairs of
prompts stays what it is. Labels move only among prompts that the same models answered, so that this holds on
incomplete grids too. (Permutation of labels within units: Good 2005, Permutation, Parametric and Bootstrap Tests, 3.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

FEWEST_PROMPTS = 5
VECTOR_BITS = 25
"""Vectors lie on a grid of 2^-25, on which products are exact in 64 bits: no order of addition moves a digit."""

TIE = 1e-12
"""Statistics that differ by less are equal: they differ in the order of addition only."""

NO_SPREAD = 1e-9
"""A null with a smaller standard deviation has no variance, and gives no p."""

LEAST_ROOM = 1e-5
"""1 - chance below this is the rounding of 32-bit vectors; see `least_room` of the dbt project."""


class PairNull(NamedTuple):
    """Pairs (positions a < b) that share prompts enough; null and observed convergence of each.

    `observed` has shape (pairs,), `null` (draws, pairs); nan where 1 - chance is nothing but rounding.
    """

    a: np.ndarray
    b: np.ndarray
    observed: np.ndarray
    null: np.ndarray


class Outcome(NamedTuple):
    """A test: p = (b + 1) / (draws + 1), b the draws at or above the observed; None where the null has no spread."""

    p_value: float | None
    noise: float
    n_draws: int


def permuted_places(present: np.ndarray, draws: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return for every model the prompt whose answer stands at each prompt, shape (draws + 1, prompts); row 0 is true.

    `present` has shape (prompts, models). Prompts a model did not answer keep their own number.
    """
    n_prompts, n_models = present.shape
    patterns, block_of = np.unique(present, axis=0, return_inverse=True)
    found = [np.tile(np.arange(n_prompts, dtype=np.int32), (draws + 1, 1)) for _ in range(n_models)]
    for number, pattern in enumerate(patterns):
        block = np.flatnonzero(block_of.ravel() == number).astype(np.int32)
        # nothing changes when all models are permuted alike, so the first one stays
        for model in np.flatnonzero(pattern)[1:]:
            found[model][1:, block] = rng.permuted(np.tile(block, (draws, 1)), axis=1)
    return found


def pair_nulls(vectors: np.ndarray, present: np.ndarray, draws: int, rng: np.random.Generator) -> PairNull:
    """Return the null of every pair that shares 5 prompts or more.

    `vectors`: mean vector of each model's answers to each prompt, shape (prompts, models, dimensions), 0 where absent.
    """
    vectors = np.ldexp(np.rint(np.ldexp(vectors.astype(np.float64), VECTOR_BITS)), -VECTOR_BITS)
    n_prompts = len(vectors)
    shared = present.T.astype(int) @ present.astype(int)
    pair_a, pair_b = np.nonzero(np.triu(shared >= FEWEST_PROMPTS, 1))
    places = permuted_places(present, draws, rng)
    scores = np.empty((draws + 1, len(pair_a)))
    for a in np.unique(pair_a):
        others = pair_b[pair_a == a]
        kernels = vectors[:, a] @ vectors[:, others].transpose(1, 2, 0)
        rows = places[a] * n_prompts
        for kernel, b, column in zip(kernels, others, np.flatnonzero(pair_a == a), strict=True):
            both = present[:, a] & present[:, b]
            cells = rows + places[b]
            matches = kernel.ravel().take(cells if both.all() else cells[:, both]).sum(axis=1)
            scores[:, column] = convergence(matches, kernel[np.ix_(both, both)].sum(), int(shared[a, b]))
    return PairNull(pair_a, pair_b, scores[0], scores[1:])


def convergence(match_total: np.ndarray, product_total: float, n_prompts: int) -> np.ndarray:
    """Return (match - chance) / (1 - chance) from the sum over prompts and the sum over all pairs of prompts."""
    match = match_total / n_prompts
    chance = (product_total - match_total) / (n_prompts * (n_prompts - 1))
    room = np.where(1 - chance >= LEAST_ROOM, 1 - chance, np.nan)
    return (match - chance) / room


def outcome(observed: float, null: np.ndarray) -> Outcome:
    """Return p of an observed statistic under its null, one-sided: large is convergence."""
    noise = float(null.std())
    reached = int((null >= observed - TIE).sum())
    p_value = (reached + 1) / (len(null) + 1) if noise >= NO_SPREAD else None
    return Outcome(p_value, noise, len(null))
