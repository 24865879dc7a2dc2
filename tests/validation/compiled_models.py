"""The dbt project's own SQL over made-up kernels: what the build runs, without a lake to fill for every repetition."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from lake.catalog import create_lake
from lake.store import Store
from models_sql.models.steps.convergence.half_widths import with_half_widths
from models_sql.models.steps.convergence.semantic_pair_prompts import products
from models_sql.run import build

IN_ORDER = (
    "semantic_pairs",
    "kernel_pairs",
    "pair_scores",
    "change_subjects",
    "pair_subjects",
    "subject_scores",
    "estimates",
    "pair_prompt_changes",
    "model_influences",
    "prompt_influences",
    "variances",
)
EMPTY = {
    "ceilings": "kernel VARCHAR, slice_key INTEGER, model_a SMALLINT, model_b SMALLINT, n_prompts BIGINT, "
    "ceiling DOUBLE",
    "distributional_pairs": "slice_key INTEGER, model_a SMALLINT, model_b SMALLINT, n_prompts BIGINT, "
    "match_total DOUBLE, chance_total DOUBLE, chance_terms BIGINT, part_terms BIGINT",
    "distributional_pair_prompts": "slice_key INTEGER, model_a SMALLINT, model_b SMALLINT, prompt_key INTEGER, "
    "match DOUBLE, chance_part DOUBLE",
}

Wave = dict[str, np.ndarray]
"""Vectors of one wave by capability, each of shape (prompts, models, dimensions)."""


class Estimates(NamedTuple):
    """Semantic `overall` of every repetition: the estimate, the half width of its interval, and its standard error."""

    value: np.ndarray
    half_width: np.ndarray
    standard_error: np.ndarray


class CompiledModels:
    """SQL as dbt compiles it. An empty lake is built once to get it."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))
            create_lake(store)
            build(store)
            compiled = store.state / "dbt" / "target" / "compiled" / "driftlake" / "models" / "steps" / "convergence"
            self.sql = {name: (compiled / f"{name}.sql").read_text(encoding="utf-8") for name in IN_ORDER}

    def estimates(self, repetitions: list[tuple[Wave, Wave | None]]) -> Estimates:
        """Return the score of every wave, or its change since the second one where there is one."""
        database = duckdb.connect()
        database.execute("CREATE SCHEMA memory.steps")
        for name, columns in EMPTY.items():
            database.execute(f"CREATE TABLE memory.steps.{name} ({columns})")
        for name, rows in tables(repetitions).items():
            database.register("rows_", rows)
            database.execute(f"CREATE TABLE memory.steps.{name} AS FROM rows_")
        for name in IN_ORDER:
            database.execute(f"CREATE TABLE memory.steps.{name} AS {self.sql[name]}")
        widths = with_half_widths(database.table("memory.steps.variances"), "estimate_key", "capability", "kernel")
        database.register("widths", widths)
        is_change = repetitions[0][1] is not None
        found = database.execute(
            f"""
            SELECT sum(estimates.sign * scores.convergence) AS value, any_value(widths.half_width) AS half_width,
                sqrt(any_value(variances.variance)) AS standard_error
            FROM memory.steps.estimates AS estimates
            JOIN memory.steps.subject_scores AS scores USING (grid_key, subject_key)
            LEFT JOIN widths USING (estimate_key, capability, kernel)
            LEFT JOIN memory.steps.variances AS variances USING (estimate_key, capability, kernel)
            WHERE subject_key = 0 AND kernel = 'semantic' AND capability = 'overall'
                AND (estimates.reference IS NOT NULL) = {is_change}
            GROUP BY estimate_key ORDER BY estimate_key
            """
        ).fetchnumpy()
        return Estimates(found["value"], found["half_width"], found["standard_error"])


def tables(repetitions: list[tuple[Wave, Wave | None]]) -> dict[str, pa.Table]:
    """Return the tables that the SQL starts from."""
    rows: dict[str, list[dict[str, object]]] = {"grids": [], "slices": [], "semantic_sums": []}
    pair_prompts: list[pa.Table] = []
    prompt_keys: list[pa.Table] = []
    n_prompt_keys = 0
    for repetition, both in enumerate(repetitions):
        wave_ids = [f"w{repetition:06d}/now", f"w{repetition:06d}/then"]
        for side, wave in enumerate(both):
            if wave is None:
                continue
            grid = 2 * repetition + side + 1
            rows["grids"].append(grid_row(wave_ids[side], None, None, grid))
            if both[1] is not None:
                rows["grids"].append(grid_row(wave_ids[side], *wave_ids, grid))
            for capability, vectors in wave.items():
                key = len(rows["slices"]) + 1
                rows["slices"].append({"grid_key": grid, "capability": capability, "slice_key": key})
                first = n_prompt_keys
                n_prompt_keys += len(vectors)
                ids = [f"{capability}{n:05d}" for n in range(len(vectors))]
                prompt_keys.append(
                    pa.table(
                        {
                            "slice_key": np.full(len(ids), key),
                            "grid_key": np.full(len(ids), grid),
                            "capability": [capability] * len(ids),
                            "prompt_id": ids,
                            "prompt_key": first + np.arange(len(ids)),
                        }
                    )
                )
                present = np.ones(vectors.shape[:2], dtype=bool)
                for prompt, a, b, match, part in products(vectors, present):
                    columns = {"slice_key": np.full(len(a), key), "model_a": a + 1, "model_b": b + 1}
                    columns |= {"prompt_key": first + prompt, "match": match, "chance_part": part}
                    pair_prompts.append(pa.table(columns))
                sums = vectors.astype(float).sum(axis=0)
                total = sums @ sums.T
                rows["semantic_sums"] += [
                    {
                        "slice_key": key,
                        "model_a": a + 1,
                        "model_b": b + 1,
                        "n_prompts": len(vectors),
                        "total_product": total[a, b],
                    }
                    for a, b in zip(*np.triu_indices(len(total), 1), strict=True)
                ]
    made = {name: pa.Table.from_pylist(of) for name, of in rows.items()}
    return {
        **made,
        "semantic_pair_prompts": pa.concat_tables(pair_prompts),
        "prompt_keys": pa.concat_tables(prompt_keys),
    }


def grid_row(wave_id: str, compared: str | None, reference: str | None, grid: int) -> dict[str, object]:
    return {
        "wave_id": wave_id,
        "compared_wave_id": compared,
        "reference": reference,
        "is_cut": False,
        "grid_key": grid,
    }
