"""Means of convergence over sets of pairs of one wave, and differences of such means, with the two-way jackknife.

What the groups of a roster (steps/groups) and two groups that somebody names (`driftlake compare`) are made of: a set
of pairs is a side, an estimate is a weighted sum of the means of some sides. The jackknife leaves out each model of the
pairs behind the estimate, and each prompt. For `overall` the pairs are those that every capability scores, and a prompt
moves the mean of its own capability over these pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import nan
from typing import Any

import numpy as np

from models_sql.jackknife import Estimate, exact_mean, on_grid

SHARES = {
    "semantic": {"semantic": 1.0},
    "distributional": {"distributional": 1.0},
    "combined": {"semantic": 0.4, "distributional": 0.6},
}
Pair = tuple[int, int]


def estimate(
    weights: Sequence[float], pairs: Sequence[Pair], values: np.ndarray, sides: np.ndarray, parts: Sequence[np.ndarray]
) -> Estimate:
    """Return the sum over sides of `weights` times the mean of the side's pairs; null where a mean has no pair.

    `values`: convergence of each pair. `sides`: [side, pair], which pairs a side has; those of weight 0 take no part.
    `parts`: one array a capability, [prompt, pair], what leaving out the prompt adds to the pair there,
    on the grid (jackknife.on_grid).
    """
    used = [k for k, weight in enumerate(weights) if weight]
    both = np.array(pairs, dtype=np.int64).reshape(len(pairs), 2)
    models = np.unique(both[sides[used].any(axis=0)])
    touching = (models[:, None, None] == both).any(axis=2).astype(float)
    found = [_times(_mean(values, sides[k], touching, parts), weights[k]) for k in used]
    return Estimate(
        sum(one.value for one in found),
        np.sum([one.by_model for one in found], axis=0),  # type: ignore[arg-type]
        tuple(np.sum(of, axis=0) / len(parts) for of in zip(*(one.by_prompt for one in found), strict=True)),
    )


def _mean(values: np.ndarray, side: np.ndarray, touching: np.ndarray, parts: Sequence[np.ndarray]) -> Estimate:
    """Return the mean over the pairs of one side; `touching`: [model, pair], the models to leave out."""
    of_side = side.astype(float)
    n, mean, own = of_side.sum(), exact_mean(values[side]), of_side * on_grid(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = (own.sum() - touching @ own) / (n - touching @ of_side)
        by_prompt = tuple((part @ of_side) / n for part in parts)
    return Estimate(mean, left - mean, by_prompt)


def _times(one: Estimate, weight: float) -> Estimate:
    by_model = None if one.by_model is None else weight * one.by_model
    return Estimate(weight * one.value, by_model, tuple(weight * part for part in one.by_prompt))


class Changes:
    """What leaving out each prompt of a capability adds to each pair, under each kernel."""

    def __init__(self, rows: dict[str, np.ndarray]) -> None:
        self.prompts, prompt = np.unique(rows["prompt_key"], return_inverse=True)
        self.kernels: dict[str, dict[Pair, tuple[np.ndarray, np.ndarray]]]
        self.kernels = {"semantic": {}, "distributional": {}}
        change = np.nan_to_num(np.ma.filled(rows["change"].astype(float), nan))
        a, b = rows["model_a"].astype(np.int64), rows["model_b"].astype(np.int64)
        for kernel, columns in self.kernels.items():
            mine = np.flatnonzero(rows["kernel"] == kernel)
            order = mine[np.lexsort((prompt[mine], b[mine], a[mine]))]
            starts = np.flatnonzero(np.diff(a[order] * 65536 + b[order], prepend=-1))
            for start, end in pairwise([*starts, len(order)]):  # none where a kernel can read no pair
                some = order[start:end]
                columns[int(a[some[0]]), int(b[some[0]])] = (prompt[some], change[some])

    def dense(self, kernel: str, pairs: Sequence[Pair]) -> np.ndarray:
        """Return [prompt, pair]; a prompt that no pair shares is left out, and one that a pair does not share is 0."""
        found = np.zeros((len(self.prompts), len(pairs)))
        shared = np.zeros(len(self.prompts), dtype=bool)
        for part, share in SHARES[kernel].items():
            for n, pair in enumerate(pairs):
                if pair in self.kernels[part]:
                    prompts, change = self.kernels[part][pair]
                    found[prompts, n] += share * change
                    shared[prompts] = True
        return found[shared]


class PairsOfWave:
    """The pairs of one wave by capability and kernel: those that have a convergence, and what each prompt adds."""

    def __init__(self, scores: list[tuple[Any, ...]], changes: dict[str, Changes]) -> None:
        """Take rows (capability, kernel, model_a, model_b, convergence, n_prompts) and the changes by capability."""
        self.scores: dict[tuple[str, str], list[tuple[int, int, float, int]]] = {}
        for capability, kernel, *pair in scores:
            self.scores.setdefault((capability, kernel), []).append(tuple(pair))
        self.changes = changes
        self._dense: dict[tuple[str, str, tuple[Pair, ...]], np.ndarray] = {}

    def pairs(self, capability: str, kernel: str) -> tuple[Pair, ...]:
        """Return the pairs that have a convergence."""
        return tuple((a, b) for a, b, _, _ in self.scores.get((capability, kernel), []))

    def n_prompts(self, capability: str, kernel: str) -> list[int]:
        """Return how many prompts each of these pairs shares."""
        return [n for _, _, _, n in self.scores.get((capability, kernel), [])]

    def estimate(self, capability: str, kernel: str, sides: np.ndarray, weights: Sequence[float]) -> Estimate:
        """Return the sum of the means of some sides, each times its weight; `sides` has shape (sides, pairs)."""
        pairs = self.pairs(capability, kernel)
        values = np.array([value for _, _, value, _ in self.scores.get((capability, kernel), [])], dtype=float)
        own = sorted(self.changes) if capability == "overall" else [capability]
        return estimate(weights, pairs, values, sides, [self._changes(part, kernel, pairs) for part in own])

    def _changes(self, capability: str, kernel: str, pairs: tuple[Pair, ...]) -> np.ndarray:
        """Return what leaving out each prompt of a capability adds to some pairs, shape (prompts, pairs)."""
        key = (capability, kernel, pairs)
        if key not in self._dense:
            known = self.changes.get(capability)
            self._dense[key] = np.zeros((0, len(pairs))) if known is None else on_grid(known.dense(kernel, pairs))
        return self._dense[key]


def pairs_of_wave(scores: Any, changes: Any, grid_key: int, slices: Sequence[tuple[int, str]]) -> PairsOfWave:
    """Return the pairs of one grid from the relations `pair_scores` and `pair_prompt_changes`.

    `slices`: slice_key and capability of each of the grid.
    """
    parts = {}
    for slice_key, capability in slices:
        some = changes.filter(f"slice_key = {slice_key}").project("kernel, model_a, model_b, prompt_key, change")
        parts[capability] = Changes(some.fetchnumpy())
    columns = "capability, kernel, model_a, model_b, convergence, n_prompts"
    found = scores.filter(f"grid_key = {grid_key} AND convergence IS NOT NULL").project(columns).order(columns)
    return PairsOfWave(found.fetchall(), parts)
