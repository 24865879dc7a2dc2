"""Is a score more than chance? Prompt labels are permuted within each model, over all pairs together.

A Python model because SQL cannot resample; the test is pipelines.inference.label_permutation. Semantic kernel only.
Grain: (grid_key, capability, model_a, model_b): a pair has both, a model's score has model_a and no model_b, the
wave's score neither (0 stands for none). `overall` is the mean of the capabilities, draw by draw.
The draws of a capability are the same in every wave: two nights differ by their answers only. At most `most_prompts`
prompts of a capability are permuted, the first by the SHA-256 that also orders chance: time stays bounded, and with
so many prompts no score worth the name is missed.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from models_sql.models.steps.convergence.semantic_pair_prompts import dense
from pipelines.inference.label_permutation import PairNull, outcome, pair_nulls
from pipelines.inference.seeds import seed_of

SCHEMA = pa.schema(
    {
        "grid_key": pa.int32(),
        "capability": pa.string(),
        "model_a": pa.int16(),
        "model_b": pa.int16(),
        "p_value": pa.float64(),
        "noise": pa.float64(),
        "n_draws": pa.int64(),
        "seed": pa.int64(),
    }
)

Pairs = dict[tuple[int, int], tuple[float, np.ndarray]]
"""Observed convergence of each pair of model keys, and its null."""


def scored(found: PairNull, models: np.ndarray) -> Pairs:
    """Return the pairs that have a convergence, by model keys."""
    return {
        (int(models[a]), int(models[b])): (float(observed), found.null[:, n])
        for n, (a, b, observed) in enumerate(zip(found.a, found.b, found.observed, strict=True))
        if not np.isnan(observed)
    }


def overall(by_capability: list[Pairs]) -> Pairs:
    """Return the mean over capabilities of the pairs that have a score in each."""
    in_all = set.intersection(*(set(pairs) for pairs in by_capability))
    return {
        pair: (
            float(np.mean([pairs[pair][0] for pairs in by_capability])),
            np.mean([pairs[pair][1] for pairs in by_capability], axis=0),
        )
        for pair in sorted(in_all)
    }


def rows_of(pairs: Pairs, draws: int) -> list[dict[str, Any]]:
    """Return one row for the wave, one for each model and one for each pair."""
    members = sorted({model for pair in pairs for model in pair})
    groups = {(0, 0): list(pairs)}
    groups |= {(model, 0): [pair for pair in pairs if model in pair] for model in members}
    groups |= {pair: [pair] for pair in pairs}
    rows = []
    for (a, b), group in groups.items():
        if not group:
            continue
        null = np.zeros(draws)
        for pair in group:
            null += pairs[pair][1]
        observed = sum(pairs[pair][0] for pair in group) / len(group)
        rows.append({"model_a": a, "model_b": b, **outcome(observed, null / len(group))._asdict()})
    return rows


def model(dbt: Any, session: Any) -> pa.Table:
    """Return the tests of every whole wave."""
    dbt.config(materialized="table")
    draws, most = int(dbt.config.get("permutation_draws")), int(dbt.config.get("permutation_prompts"))
    means, members = dbt.ref("semantic_means"), dbt.ref("permutation_members")
    slices: dict[int, list[tuple[str, int]]] = {}
    for grid, capability, key in members.aggregate("grid_key, capability, slice_key").order("ALL").fetchall():
        slices.setdefault(grid, []).append((capability, key))
    rows: list[dict[str, Any]] = []
    for grid, capabilities in slices.items():
        found: dict[str, Pairs] = {}
        for capability, key in capabilities:
            chosen = members.filter(f"slice_key = {key} AND place <= {most}").select("prompt_key")
            own = means.filter(f"slice_key = {key}").select("prompt_key", "model_key", "mean_vector")
            columns = own.join(chosen, "prompt_key").to_arrow_table()
            rng = np.random.default_rng(seed_of("permutation", capability))
            found[capability] = {}
            if len(columns):
                _, models, vectors, present = dense(columns)
                found[capability] = scored(pair_nulls(vectors, present, draws, rng), models)
        for capability, pairs in {**found, "overall": overall(list(found.values()))}.items():
            named = {"grid_key": grid, "capability": capability, "seed": seed_of("permutation", capability)}
            rows += [{**named, **row} for row in rows_of(pairs, draws)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
