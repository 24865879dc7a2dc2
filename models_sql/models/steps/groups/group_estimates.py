"""Convergence within groups of models and between them, and their difference, with the two-way jackknife.

A Python model because SQL has no matrix products: what each prompt adds is summed over the pairs of every group.
Grain: (wave_id, capability, kernel, grouping, group_name); group_name `(all)` takes every group together.

within: mean convergence of the pairs whose two models are in the group. between: of those with one model in it and
one in another group; a model without the fact takes no part. The jackknife (models_sql.pair_means) leaves out each
model behind the estimate, so for within those of the group, and each prompt.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from models_sql.jackknife import Estimate
from models_sql.pair_means import SHARES, PairsOfWave, pairs_of_wave

ALL = "(all)"
WEIGHTS = {"within": (1.0, 0.0), "between": (0.0, 1.0), "difference": (1.0, -1.0)}
"""What each estimate takes of the two sides, the pairs within the group and those between it and others."""

VALUES = {"within": "within_convergence", "between": "between_convergence", "difference": "difference"}


def sides_of(groups: dict[int, str], pairs: tuple[tuple[int, int], ...], name: str) -> np.ndarray:
    """Return which pairs lie within the group, and which between it and others, shape (2, pairs).

    `groups` names the group of each model that has one; with name `(all)` every group counts.
    """
    sides = np.zeros((2, len(pairs)), dtype=bool)
    for n, (a, b) in enumerate(pairs):
        of_a, of_b = groups.get(a), groups.get(b)
        if of_a is not None and of_b is not None and name in (of_a, of_b, ALL):
            sides[int(of_a != of_b), n] = True
    return sides


def reason_of(sides: np.ndarray, n_models: int, difference: Estimate) -> str | None:
    """Return why a number is missing: the mean of a side first, then the interval."""
    if not sides[0].any():
        return "no pair within the group"
    if not sides[1].any():
        return "no pair with another group"
    if n_models < 3:
        return "fewer than 3 models"
    return "leaving out one model leaves no pair" if np.isnan(difference.half_width()) else None


def row_of(wave: PairsOfWave, capability: str, kernel: str, groups: dict[int, str], name: str) -> dict[str, Any]:
    """Return the numbers of one group, `groups` naming the group of each model."""
    pairs, n_prompts = wave.pairs(capability, kernel), wave.n_prompts(capability, kernel)
    sides = sides_of(groups, pairs, name)
    used = [n for n in range(len(pairs)) if sides[:, n].any()]
    models = {model for n in used for model in pairs[n]}
    inside = {model for model in models if name in (ALL, groups[model])}
    found = {side: wave.estimate(capability, kernel, sides, weights) for side, weights in WEIGHTS.items()}
    row: dict[str, Any] = {
        "n_models": len(inside),
        "n_other_models": len(models) - len(inside),
        "n_within_pairs": int(sides[0].sum()),
        "n_between_pairs": int(sides[1].sum()),
        "n_prompts": min((n_prompts[n] for n in used), default=None),
        "reason": reason_of(sides, len(models), found["difference"]),
    }
    for side, one in found.items():
        half = one.half_width()
        row |= {
            VALUES[side]: _null(one.value),
            f"{side}_ci_low": _null(one.value - half),
            f"{side}_ci_high": _null(one.value + half),
        }
    return row


def _null(value: float) -> float | None:
    return None if np.isnan(value) else value


def wave_rows(wave: PairsOfWave, capabilities: list[str], facts: dict[str, dict[int, str]]) -> Iterator[dict[str, Any]]:
    """Yield one row a capability, kernel and group; `facts` holds the group of each model by grouping."""
    for grouping, groups in sorted(facts.items()):
        for name in (ALL, *sorted(set(groups.values()))):
            for capability in capabilities:
                for kernel in SHARES:
                    key = {"capability": capability, "kernel": kernel, "grouping": grouping, "group_name": name}
                    yield {**key, **row_of(wave, capability, kernel, groups, name)}


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("wave_id", "capability", "kernel", "grouping", "group_name", "reason")]
    + [(name, pa.int64()) for name in ("n_models", "n_other_models", "n_within_pairs", "n_between_pairs", "n_prompts")]
    + [(name, pa.float64()) for side in WEIGHTS for name in (VALUES[side], f"{side}_ci_low", f"{side}_ci_high")]
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
        wave = pairs_of_wave(scores, changes, grid_key, slices)
        capabilities = [*(capability for _, capability in slices), "overall"]
        rows += [{"wave_id": wave_id, **row} for row in wave_rows(wave, capabilities, facts)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
