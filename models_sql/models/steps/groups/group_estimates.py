"""Convergence within groups of models and between them, and their difference, with the two-way jackknife.

A Python model because SQL has no matrix products: what each prompt adds is summed over the pairs of every group.
Grain: (wave_id, capability, kernel, grouping, group_name); group_name `(all)` takes every group together.

within: mean convergence of the pairs whose two models are in the group. between: of those with one model in it and
one in another group; a model without the fact takes no part. The jackknife leaves out each model that takes part, and
each prompt. For `overall` a prompt moves the mean of its own capability.
"""

from collections.abc import Iterator
from math import nan
from typing import Any

import numpy as np
import pyarrow as pa

from models_sql.jackknife import Estimate, exact_mean, on_grid

SHARES = {
    "semantic": {"semantic": 1.0},
    "distributional": {"distributional": 1.0},
    "combined": {"semantic": 0.4, "distributional": 0.6},
}
ALL = "(all)"
SIDES = ("within", "between", "difference")
VALUES = {"within": "within_convergence", "between": "between_convergence", "difference": "difference"}


def sides_of(groups: dict[int, str], pairs: list[tuple[int, int]], name: str) -> np.ndarray:
    """Return which pairs lie within the group, and which between it and others, shape (2, pairs).

    `groups` names the group of each model that has one; with name `(all)` every group counts.
    """
    sides = np.zeros((2, len(pairs)), dtype=bool)
    for n, (a, b) in enumerate(pairs):
        of_a, of_b = groups.get(a), groups.get(b)
        if of_a is not None and of_b is not None and name in (of_a, of_b, ALL):
            sides[int(of_a != of_b), n] = True
    return sides


def with_difference(sides: np.ndarray) -> np.ndarray:
    """Return within, between and their difference, given the first two along the first axis."""
    return np.concatenate([sides, sides[:1] - sides[1:]])


def estimates(values: np.ndarray, sides: np.ndarray, touching: np.ndarray, changes: np.ndarray) -> list[Estimate]:
    """Return within, between and their difference in one capability.

    `values`: convergence of each pair. `touching`: [model, pair], only models that take part. `changes`: [prompt,
    pair], what leaving out the prompt adds to the pair.
    """
    n = sides.sum(axis=1).astype(float)
    means = np.array([exact_mean(values[side]) for side in sides])
    weighted = sides * on_grid(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = (weighted.sum(axis=1)[:, None] - weighted @ touching.T) / (n[:, None] - sides @ touching.T)
        by_prompt = with_difference((sides.astype(float) @ on_grid(changes).T) / n[:, None])
    by_model = with_difference(left - means[:, None])
    return [Estimate(float(v), by_model[k], (by_prompt[k],)) for k, v in enumerate(with_difference(means))]


def reason_of(sides: np.ndarray, n_models: int, difference: Estimate) -> str | None:
    """Return why a number is missing: the mean of a side first, then the interval."""
    if not sides[0].any():
        return "no pair within the group"
    if not sides[1].any():
        return "no pair with another group"
    if n_models < 3:
        return "fewer than 3 models"
    return "leaving out one model leaves no pair" if np.isnan(difference.half_width()) else None


class Changes:
    """What leaving out each prompt of a capability adds to each pair, under each kernel."""

    def __init__(self, rows: dict[str, np.ndarray]) -> None:
        self.prompts, prompt = np.unique(rows["prompt_key"], return_inverse=True)
        self.kernels: dict[str, dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]]
        self.kernels = {"semantic": {}, "distributional": {}}
        change = np.nan_to_num(np.ma.filled(rows["change"].astype(float), nan))
        a, b = rows["model_a"].astype(np.int64), rows["model_b"].astype(np.int64)
        for kernel, columns in self.kernels.items():
            mine = np.flatnonzero(rows["kernel"] == kernel)
            order = mine[np.lexsort((prompt[mine], b[mine], a[mine]))]
            starts = np.flatnonzero(np.diff(a[order] * 65536 + b[order], prepend=-1))
            for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
                some = order[start:end]
                columns[int(a[some[0]]), int(b[some[0]])] = (prompt[some], change[some])

    def dense(self, kernel: str, pairs: list[tuple[int, int]]) -> np.ndarray:
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


class Wave:
    """The pairs of one wave by capability and kernel: those that have a convergence, and what each prompt adds."""

    def __init__(self, scores: list[tuple[Any, ...]], changes: dict[str, Changes]) -> None:
        self.scores: dict[tuple[str, str], list[tuple[int, int, float, int]]] = {}
        for capability, kernel, *pair in scores:
            self.scores.setdefault((capability, kernel), []).append(tuple(pair))
        self.changes = changes
        self.dense: dict[tuple[str, str], np.ndarray] = {}

    def changes_of(self, capability: str, kernel: str) -> np.ndarray:
        """Return what leaving out each prompt adds to each pair that has a convergence, shape (prompts, pairs)."""
        key = (capability, kernel)
        if key not in self.dense:
            pairs = [(a, b) for a, b, _, _ in self.scores.get(key, [])]
            found = (
                self.changes[capability].dense(kernel, pairs)
                if capability in self.changes
                else np.zeros((0, len(pairs)))
            )
            self.dense[key] = found
        return self.dense[key]

    def row(self, capability: str, kernel: str, groups: dict[int, str], name: str) -> dict[str, Any]:
        """Return the numbers of one group, `groups` naming the group of each model."""
        pairs = self.scores.get((capability, kernel), [])
        keys = [(a, b) for a, b, _, _ in pairs]
        sides = sides_of(groups, keys, name)
        used = [(pair, n) for n, pair in enumerate(keys) if sides[:, n].any()]
        models = sorted({model for pair, _ in used for model in pair})
        touching = np.array([[model in pair for pair in keys] for model in models], dtype=float).reshape(
            len(models), len(keys)
        )
        values = np.array([value for _, _, value, _ in pairs], dtype=float)
        if capability == "overall":
            parts = [self.by_prompt(other, kernel, groups, name) for other in sorted(self.changes)]
            whole = estimates(values, sides, touching, np.zeros((0, len(keys))))
            found = [
                Estimate(whole[k].value, whole[k].by_model, tuple(part[k] / len(parts) for part in parts))
                for k in range(3)
            ]
        else:
            found = estimates(values, sides, touching, self.changes_of(capability, kernel))
        inside = {model for pair, n in used for model in pair if name in (ALL, groups[model])}
        row: dict[str, Any] = {
            "n_models": len(inside),
            "n_other_models": len(models) - len(inside),
            "n_within_pairs": int(sides[0].sum()),
            "n_between_pairs": int(sides[1].sum()),
            "n_prompts": min((pairs[n][3] for _, n in used), default=None),
            "reason": reason_of(sides, len(models), found[2]),
        }
        for side, one in zip(SIDES, found, strict=True):
            half = one.half_width()
            row |= {
                VALUES[side]: _null(one.value),
                f"{side}_ci_low": _null(one.value - half),
                f"{side}_ci_high": _null(one.value + half),
            }
        return row

    def by_prompt(self, capability: str, kernel: str, groups: dict[int, str], name: str) -> list[np.ndarray]:
        """Return what leaving out each prompt of a capability adds to within, between and difference there."""
        keys = [(a, b) for a, b, _, _ in self.scores.get((capability, kernel), [])]
        sides = sides_of(groups, keys, name)
        found = estimates(np.zeros(len(keys)), sides, np.zeros((0, len(keys))), self.changes_of(capability, kernel))
        return [one.by_prompt[0] for one in found]


def _null(value: float) -> float | None:
    return None if np.isnan(value) else value


def wave_rows(wave: Wave, capabilities: list[str], facts: dict[str, dict[int, str]]) -> Iterator[dict[str, Any]]:
    """Yield one row a capability, kernel and group; `facts` holds the group of each model by grouping."""
    for grouping, groups in sorted(facts.items()):
        for name in (ALL, *sorted(set(groups.values()))):
            for capability in capabilities:
                for kernel in SHARES:
                    key = {"capability": capability, "kernel": kernel, "grouping": grouping, "group_name": name}
                    yield {**key, **wave.row(capability, kernel, groups, name)}


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("wave_id", "capability", "kernel", "grouping", "group_name", "reason")]
    + [(name, pa.int64()) for name in ("n_models", "n_other_models", "n_within_pairs", "n_between_pairs", "n_prompts")]
    + [(name, pa.float64()) for side in SIDES for name in (VALUES[side], f"{side}_ci_low", f"{side}_ci_high")]
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row a wave, capability, kernel, grouping and group that any counted model declares."""
    dbt.config(materialized="table")
    scores, changes, members = dbt.ref("pair_scores"), dbt.ref("pair_prompt_changes"), dbt.ref("group_members")
    waves: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for wave_id, grid_key, slice_key, capability in dbt.ref("wave_slices").order("wave_id, capability").fetchall():
        waves.setdefault((wave_id, grid_key), []).append((slice_key, capability))
    rows: list[dict[str, Any]] = []
    for (wave_id, grid_key), slices in waves.items():
        facts: dict[str, dict[int, str]] = {}
        name = wave_id.replace("'", "''")
        for grouping, group_name, key in (
            members.filter(f"wave_id = '{name}'").project("grouping, group_name, model_key").fetchall()
        ):
            facts.setdefault(grouping, {})[key] = group_name
        if not facts:
            continue
        found = scores.filter(f"grid_key = {grid_key} AND convergence IS NOT NULL")
        columns = "capability, kernel, model_a, model_b, convergence, n_prompts"
        parts = {}
        for slice_key, capability in slices:
            some = changes.filter(f"slice_key = {slice_key}").project("kernel, model_a, model_b, prompt_key, change")
            parts[capability] = Changes(some.fetchnumpy())
        wave = Wave(found.project(columns).order(columns).fetchall(), parts)
        capabilities = [*(capability for _, capability in slices), "overall"]
        rows += [{"wave_id": wave_id, **row} for row in wave_rows(wave, capabilities, facts)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
