"""Drift of one model between two waves: MMD squared per prompt, its null distribution and its p-value.

A Python model because SQL cannot resample. Grain: (comparison_key, capability, kernel); capability `overall`
takes all prompts together.

Two samples a prompt or more in both waves (method `mmd`): repeat_now + repeat_then - 2 match per prompt,
unbiased and so sometimes negative, mean over prompts. The null permutes the wave labels of the samples within
each prompt: every split of a prompt's samples is enumerated once, and each draw takes one split of each prompt
at random. p = (b + 1) / (draws + 1), b the draws at or above what was observed.
Fewer samples (method `distance`): mean of 1 - kernel between the two waves, without a null and without p.
Exactly the same texts on every prompt (method `identical`): 0, p = 1.
"""

from collections.abc import Iterator
from itertools import combinations, pairwise
from math import comb
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.inference.seeds import seed_of

KERNELS = ("semantic", "distributional", "combined")
MOST_SPLITS = 5000
"""Prompts with more splits than this have them drawn instead of enumerated."""

AT_ONCE = 100
"""Comparisons whose kernels are held in memory together."""

TIE = 1e-12
"""Sums that differ by less are equal: they differ in the order of addition only."""


def enumerated_splits(n_now: int, n_then: int) -> np.ndarray:
    """Return every labelling of n_now samples as the wave's, shape (splits, samples); the first is the true one."""
    n = n_now + n_then
    splits = np.zeros((comb(n, n_now), n))
    for row, chosen in enumerate(combinations(range(n), n_now)):
        splits[row, list(chosen)] = 1.0
    return splits


def drawn_splits(n_now: int, n_then: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return the true labelling, then `draws` random ones, shape (draws + 1, samples)."""
    n = n_now + n_then
    splits = np.zeros((draws + 1, n))
    splits[0, :n_now] = 1.0
    chosen = np.argsort(rng.random((draws, n)), axis=1)[:, :n_now]
    np.put_along_axis(splits[1:], chosen, 1.0, axis=1)
    return splits


def statistics(kernels: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Return MMD squared of every split under every kernel, shape (splits, kernels).

    `kernels` has shape (kernels, samples, samples); its diagonal does not matter.
    """
    n_now = splits[0].sum()
    n_then = splits.shape[1] - n_now
    off_diagonal = kernels * (1 - np.eye(splits.shape[1]))
    row_sums = off_diagonal.sum(axis=2)
    within_now = np.einsum("si,kij,sj->sk", splits, off_diagonal, splits, optimize=True)
    touching_now = splits @ row_sums.T
    between = touching_now - within_now
    within_then = row_sums.sum(axis=1) - touching_now - between
    return within_now / (n_now * (n_now - 1)) + within_then / (n_then * (n_then - 1)) - 2 * between / (n_now * n_then)


class Sums:
    """Sums over prompts, of the observed statistic and of every draw of its null, shape (draws, kernels)."""

    def __init__(self, draws: int) -> None:
        self.observed = np.zeros(len(KERNELS))
        self.null = np.zeros((draws, len(KERNELS)))
        self.distance = np.zeros(len(KERNELS))
        self.tested = np.zeros(len(KERNELS), dtype=int)
        self.compared = np.zeros(len(KERNELS), dtype=int)
        self.samples = np.zeros(len(KERNELS), dtype=int)
        self.compared_samples = np.zeros(len(KERNELS), dtype=int)

    def __add__(self, other: "Sums") -> "Sums":
        total = Sums(0)
        for name, value in vars(self).items():
            setattr(total, name, value + getattr(other, name))
        return total

    def add_prompt(self, matrix: np.ndarray, n_now: int, rng: np.random.Generator) -> None:
        """Add one prompt; `matrix` has shape (kernels, samples, samples), null where a kernel cannot read a sample."""
        readable = ~np.isnan(np.diagonal(matrix, axis1=1, axis2=2))
        for pattern in np.unique(readable, axis=0):
            which = np.flatnonzero((readable == pattern).all(axis=1))
            kept = np.flatnonzero(pattern)
            now, then = int((kept < n_now).sum()), int((kept >= n_now).sum())
            if now == 0 or then == 0:
                continue
            cut = matrix[np.ix_(which, kept, kept)]
            self.distance[which] += 1 - cut[:, :now, now:].mean(axis=(1, 2))
            self.compared[which] += 1
            self.compared_samples[which] += now + then
            if now >= 2 and then >= 2:
                self._add_tested(which, cut, now, then, rng)

    def _add_tested(self, which: np.ndarray, cut: np.ndarray, now: int, then: int, rng: np.random.Generator) -> None:
        draws = len(self.null)
        if comb(now + then, now) <= MOST_SPLITS:
            values = statistics(cut, enumerated_splits(now, then))
            drawn = values[rng.integers(0, len(values), draws)]
        else:
            values = statistics(cut, drawn_splits(now, then, draws, rng))
            drawn = values[1:]
        self.observed[which] += values[0]
        self.null[:, which] += drawn
        self.tested[which] += 1
        self.samples[which] += now + then


def rows_of(sums: Sums, is_identical: bool) -> list[dict[str, Any]]:
    """Return one row a kernel; none for a kernel that can compare no prompt."""
    rows = []
    for number, kernel in enumerate(KERNELS):
        n_tested, n_compared = int(sums.tested[number]), int(sums.compared[number])
        if n_compared == 0:
            continue
        row: dict[str, Any] = {
            "kernel": kernel,
            "n_prompts": n_compared,
            "n_samples": int(sums.compared_samples[number]),
        }
        if is_identical:
            row |= {"method": "identical", "drift": 0.0, "p_value": 1.0}
        elif n_tested == 0:
            row |= {"method": "distance", "drift": float(sums.distance[number] / n_compared)}
        else:
            null = sums.null[:, number]
            reached = int((null >= sums.observed[number] - TIE).sum())
            row |= {
                "method": "mmd",
                "n_prompts": n_tested,
                "n_samples": int(sums.samples[number]),
                "drift": float(sums.observed[number] / n_tested),
                "noise_mean": float(null.mean() / n_tested),
                "noise": float(null.std() / n_tested),
                "p_value": (reached + 1) / (len(null) + 1),
                "n_draws": len(null),
            }
        rows.append(row)
    return rows


def compare(comparison: dict[str, Any], prompts: list[tuple[str, np.ndarray, int]], draws: int) -> list[dict[str, Any]]:
    """Return the rows of one comparison. `prompts` holds (capability, matrix, n_now) of each, in order of prompt_id."""
    changed = comparison["changed"]
    by_capability: dict[str, Sums] = {}
    for capability in sorted({capability for capability, _, _ in prompts}):
        rng = np.random.default_rng(seed_of(*comparison["names"], capability))
        sums = by_capability.setdefault(capability, Sums(draws))
        for own, matrix, n_now in prompts:
            if own == capability:
                sums.add_prompt(matrix, n_now, rng)
    overall = sum(list(by_capability.values())[1:], next(iter(by_capability.values())))
    return [
        {
            "comparison_key": comparison["key"],
            "capability": capability,
            "seed": seed_of(*comparison["names"], capability),
            **row,
        }
        for capability, sums in {**by_capability, "overall": overall}.items()
        for row in rows_of(sums, changed[capability] == 0)
    ]


def prompts_by_comparison(rows: dict[str, np.ndarray]) -> dict[int, list[tuple[str, np.ndarray, int]]]:
    """Return the kernel matrices of every prompt, by comparison; rows come sorted by comparison and prompt."""
    found: dict[int, list[tuple[str, np.ndarray, int]]] = {}
    keys: list[tuple[int, str]] = list(zip(rows["comparison_key"].tolist(), rows["prompt_id"].tolist(), strict=True))
    starts = [n for n, key in enumerate(keys) if n == 0 or key != keys[n - 1]]
    values = np.stack([np.ma.filled(rows[kernel].astype(float), np.nan) for kernel in KERNELS])
    for start, end in pairwise([*starts, len(keys)]):
        n_now, n_then = int(rows["n_now"][start]), int(rows["n_then"][start])
        matrix = np.empty((len(KERNELS), n_now + n_then, n_now + n_then))
        a, b = rows["place_a"][start:end], rows["place_b"][start:end]
        matrix[:, a, b] = matrix[:, b, a] = values[:, start:end]
        found.setdefault(keys[start][0], []).append((rows["capability"][start], matrix, n_now))
    return found


def in_turn(kernels: Any, keys: list[int]) -> Iterator[tuple[int, list[tuple[str, np.ndarray, int]]]]:
    """Yield the kernel matrices of the prompts of each comparison, a few comparisons read at a time.

    `keys` are comparison keys in ascending order; those without a kernel are passed over.
    """
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        rows = kernels.filter(f"comparison_key BETWEEN {some[0]} AND {some[-1]}")
        columns = rows.order("comparison_key, prompt_id, place_a, place_b").fetchnumpy()
        if len(columns["comparison_key"]):
            yield from prompts_by_comparison(columns).items()


def model(dbt: Any, session: Any) -> pa.Table:
    """Return the tests of every comparison that must be computed in this build."""
    dbt.config(materialized="table")
    changed: dict[int, dict[str, int]] = {}
    for key, capability, _, n_changed in dbt.ref("drift_changed_texts").fetchall():
        changed.setdefault(key, {})[capability] = n_changed
    pending = dbt.ref("drift_pending").select("comparison_key", "wave_id", "model", "reference", "n_draws")
    comparisons = {key: rest for key, *rest in pending.order("comparison_key").fetchall()}
    rows: list[dict[str, Any]] = []
    for key, prompts in in_turn(dbt.ref("drift_kernels"), list(comparisons)):
        *names, draws = comparisons[key]
        rows += compare({"key": key, "names": names, "changed": changed[key]}, prompts, draws)
    return pa.Table.from_pylist(rows, schema=SCHEMA)


SCHEMA = pa.schema(
    {
        "comparison_key": pa.int32(),
        "capability": pa.string(),
        "kernel": pa.string(),
        "method": pa.string(),
        "drift": pa.float64(),
        "noise_mean": pa.float64(),
        "noise": pa.float64(),
        "p_value": pa.float64(),
        "n_prompts": pa.int64(),
        "n_samples": pa.int64(),
        "n_draws": pa.int64(),
        "seed": pa.int64(),
    }
)
