"""Homogeneity of the answers to a prompt: how alike they are, and how many really different ones there are.

Effective number of distinct answers: the Vendi score of Friedman and Dieng 2023 (TMLR, arXiv 2210.02410, equation 2),
the exponential of the Shannon entropy of the eigenvalues of K / n. 1 = one answer n times, n = nothing in common.
Both kernels are positive semidefinite: cosines, and 1 - JSD (Fuglede and Topsoe 2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from models_sql.jackknife import Estimate, exact_mean, over_prompts

ABOVE = 0.8
"""A pair of answers whose kernel is greater counts as alike (measures.md)."""

BINS = 10
MOST_SETS = 250
"""Sets of models asked once a prompt; where there are more, this many are drawn, with a recorded seed."""


def vendi(kernels: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return the effective number of distinct answers of each set, shape (...); null (nan) for none.

    `kernels`: (..., n, n) with ones on the diagonal; `present`: (..., n), the answers that there are.
    """
    n = present.sum(axis=-1).astype(float)
    kept = np.where(present[..., :, None] & present[..., None, :], kernels, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.clip(np.linalg.eigvalsh(kept) / n[..., None], 0.0, None)
        entropy = -np.sum(np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1.0)), 0.0), axis=-1)
    # eleven decimals: the last ones depend on the order of the answers
    return np.where(n > 0, np.round(np.clip(np.exp(entropy), 1.0, None), 11), np.nan)


def binned(values: np.ndarray) -> list[int]:
    """Return how many values lie in each of ten equal bins on [0, 1]; those below 0 in the first, 1 in the last."""
    present = np.clip(values[~np.isnan(values)], 0.0, 1.0)
    # a cosine of two equal vectors may miss 1 by its rounding, a tenth by less
    place = np.minimum(np.floor(np.round(present * BINS, 9)).astype(int), BINS - 1)
    return [int(count) for count in np.bincount(place, minlength=BINS)]


@dataclass(frozen=True)
class Prompts:
    """What the answers to some prompts are under one kernel, prompt by prompt.

    similarity, pairs, above: (prompts, models, models), the mean kernel between the answers of two models, how many
    pairs of answers it is the mean of, twice, and how many of those are above .8; on the diagonal, of one model.
    effective_repeats, n_repeats: (prompts, models), of how many answers. effective_models, n_models: (prompts,), mean
    over samples. of_models, of_repeats: (prompts,), the two sides of the ensemble question.
    """

    similarity: np.ndarray
    pairs: np.ndarray
    above: np.ndarray
    effective_repeats: np.ndarray
    n_repeats: np.ndarray
    effective_models: np.ndarray
    n_models: np.ndarray
    of_models: np.ndarray
    of_repeats: np.ndarray


def joined(parts: list[Prompts]) -> Prompts:
    """Return the prompts of all parts."""
    return Prompts(*(np.concatenate([getattr(part, name) for part in parts]) for name in Prompts.__dataclass_fields__))


def read(kernels: np.ndarray, present: np.ndarray, sets: list[tuple[int, tuple[int, ...]]], n: int) -> Prompts:
    """Return what the answers to some prompts are.

    `kernels`: (prompts, models, samples, models, samples), `present`: (prompts, models, samples). `sets`: which
    models are asked once, and for which sample; `n`: how many, and how often one model is asked in their stead.
    """
    p, m, k = present.shape
    flat, here = kernels.reshape(p, m * k, m * k), present.reshape(p, m * k)
    both = here[:, :, None] & here[:, None, :] & ~np.eye(m * k, dtype=bool)
    # on a grid of 2^-40 the order of addition moves no digit
    grid = np.ldexp(np.rint(np.ldexp(np.where(both, flat, 0.0), 40)), -40)
    pairs = both.reshape(p, m, k, m, k).sum(axis=(2, 4))
    above = (both & (flat > ABOVE)).reshape(p, m, k, m, k).sum(axis=(2, 4))
    with np.errstate(invalid="ignore", divide="ignore"):
        similarity = grid.reshape(p, m, k, m, k).sum(axis=(2, 4)) / pairs
    own = np.moveaxis(np.diagonal(kernels, axis1=1, axis2=3), -1, 1)
    once = np.moveaxis(np.diagonal(kernels, axis1=2, axis2=4), -1, 1)
    asked_once = np.moveaxis(present, 2, 1)
    repeats, models = present.sum(axis=2), asked_once.sum(axis=2)
    with np.errstate(invalid="ignore"):
        effective_models = _mean(np.where(models > 1, vendi(once, asked_once), np.nan), axis=1)
        n_models = _mean(np.where(models > 1, models, np.nan), axis=1)
    return Prompts(
        similarity,
        pairs,
        above,
        np.where(repeats > 1, vendi(own, present), np.nan),
        np.where(repeats > 1, repeats, np.nan),
        effective_models,
        n_models,
        _of_models(once, asked_once, sets),
        _of_repeats(own, present, n),
    )


def _of_models(once: np.ndarray, asked_once: np.ndarray, sets: list[tuple[int, tuple[int, ...]]]) -> np.ndarray:
    """Return the effective number of n models asked once, mean over the sets that are complete; null without one."""
    found = []
    for sample, models in sets:
        which = list(models)
        there = asked_once[:, sample][:, which]
        values = vendi(once[:, sample][:, which][:, :, which], there)
        found.append(np.where(there.all(axis=1), values, np.nan))
    return _mean(np.stack(found, axis=1), axis=1) if found else np.full(len(once), np.nan)


def _of_repeats(own: np.ndarray, present: np.ndarray, n: int) -> np.ndarray:
    """Return the effective number of one model asked n times, mean over the models that answered as often."""
    if n < 2:
        return np.full(len(own), np.nan)
    # the first n samples that are there, which need not be the first n
    there = present & (np.cumsum(present, axis=2) <= n)
    values = np.where(there.sum(axis=2) == n, vendi(own, there), np.nan)
    return _mean(values, axis=1)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean of what is not null; null over none. Sorted first, so that no order of models moves a digit."""
    n = (~np.isnan(values)).sum(axis=axis)
    total = np.nansum(np.sort(values, axis=axis), axis=axis)
    return np.where(n > 0, total / np.where(n > 0, n, 1), np.nan)


def sets_of_models(n_models: int, n_samples: int, seed: int) -> tuple[int, list[tuple[int, tuple[int, ...]]], bool]:
    """Return n, the sets of n models with the sample each set takes, and whether they were drawn.

    n is the fewer of models and samples: what both sides of the comparison can be asked for.
    """
    n = min(n_models, n_samples)
    if n < 2:
        return n, [], False
    if comb(n_models, n) * n_samples <= MOST_SETS:
        chosen = list(combinations(range(n_models), n))
        return n, [(sample, models) for sample in range(n_samples) for models in chosen], False
    rng = np.random.default_rng(seed)
    drawn = [
        (int(rng.integers(n_samples)), tuple(sorted(rng.permutation(n_models)[:n].tolist()))) for _ in range(MOST_SETS)
    ]
    return n, drawn, True


@dataclass(frozen=True)
class Measured:
    """One measure of one capability: the mean over prompts with its interval, the rest beside it."""

    value: Estimate
    above: Estimate
    effective: Estimate
    effective_share: Estimate
    counts: dict[str, Any]
    bins: list[int]


def _matrix(by_prompt: np.ndarray, by_prompt_without: np.ndarray | None) -> Estimate:
    """Return the mean over prompts; models are left out where `by_prompt_without`, (prompts, models), says how."""
    found = over_prompts(by_prompt)
    if by_prompt_without is None:
        return found
    left = np.array([exact_mean(column) for column in by_prompt_without.T]) - found.value
    return Estimate(found.value, left, found.by_prompt)


def _ratio(values: np.ndarray, weights: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weights.sum(axis=axes) > 0, values.sum(axis=axes) / weights.sum(axis=axes), np.nan)


def repetition(prompts: Prompts, model: int | None) -> Measured:
    """How alike the samples of a model are on each prompt; of every model where `model` is None."""
    own, pairs, above = (
        np.diagonal(values, axis1=1, axis2=2) for values in (prompts.similarity, prompts.pairs, prompts.above)
    )
    which = list(range(own.shape[1])) if model is None else [model]
    own, pairs, above = own[:, which], pairs[:, which], above[:, which]
    effective, n = prompts.effective_repeats[:, which], prompts.n_repeats[:, which]
    shares = np.where(pairs > 0, above / np.where(pairs > 0, pairs, 1), np.nan)

    def mean(values: np.ndarray) -> Estimate:
        whole = _mean(values, axis=1)
        if model is not None:
            return over_prompts(whole)
        return _matrix(whole, np.stack([_mean(np.delete(values, m, 1), 1) for m in range(len(which))], axis=1))

    with_pairs = pairs > 0
    counts = {
        "n_models": int(with_pairs.any(axis=0).sum()),
        "n_prompts": int(with_pairs.any(axis=1).sum()),
        "n_pairs": int(pairs.sum()) // 2,
        "n_answers": exact_mean(_mean(n, axis=1)),
    }
    return Measured(mean(own), mean(shares), mean(effective), mean(effective / n), counts, binned(_mean(own, axis=1)))


def similarity(prompts: Prompts, model: int | None) -> Measured:
    """How alike the answers of different models to each prompt are; of one model to the others where it is given."""
    m = prompts.similarity.shape[1]
    off = ~np.eye(m, dtype=bool)
    if model is not None:
        off &= (np.arange(m)[:, None] == model) | (np.arange(m)[None, :] == model)
    pairs, above = np.where(off, prompts.pairs, 0), np.where(off, prompts.above, 0)
    # the mean over pairs of models, whatever the number of samples each pair has
    there = (pairs > 0).astype(float)
    values = np.where(pairs > 0, np.ldexp(np.rint(np.ldexp(np.nan_to_num(prompts.similarity), 40)), -40), 0.0)
    shares = np.where(pairs > 0, above / np.where(pairs > 0, pairs, 1), 0.0)
    shares = np.ldexp(np.rint(np.ldexp(shares, 40)), -40)

    def mean(of: np.ndarray) -> Estimate:
        total, n = of.sum(axis=(1, 2)), there.sum(axis=(1, 2))
        without_total = total[:, None] - of.sum(axis=1) - of.sum(axis=2)
        without_n = n[:, None] - there.sum(axis=1) - there.sum(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            whole = np.where(n > 0, total / n, np.nan)
            without = np.where(without_n > 0, without_total / without_n, np.nan)
        return _matrix(whole, without if model is None else np.delete(without, model, axis=1))

    with np.errstate(invalid="ignore", divide="ignore"):
        by_prompt = np.where(there.sum(axis=(1, 2)) > 0, values.sum(axis=(1, 2)) / there.sum(axis=(1, 2)), np.nan)
    used = pairs.sum(axis=2).sum(axis=0) > 0
    counts = {
        "n_models": int(used.sum()) - (model is not None and bool(used.any())),
        "n_prompts": int((there.sum(axis=(1, 2)) > 0).sum()),
        "n_pairs": int(pairs.sum()) // 2,
        "n_answers": exact_mean(prompts.n_models) if model is None else np.nan,
    }
    nothing = Estimate(np.nan)
    effective = over_prompts(prompts.effective_models) if model is None else nothing
    share = over_prompts(prompts.effective_models / prompts.n_models) if model is None else nothing
    return Measured(mean(values), mean(shares), effective, share, counts, binned(by_prompt))
