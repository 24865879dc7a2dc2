"""Drift of models that answer once a prompt: tonight against a pool of earlier waves.

A Python model because SQL cannot resample; the test is pipelines.inference.pool_test. The pool is the last 3 to 7
waves since the last confirmed change under one configuration. What is confirmed is what out.drift_by_model calls
identity or behaviour (models_sql.alarms), over all models of the wave: so waves are taken one after the other, all
models of each together. A test whose inputs are as they were is read back. Grain: (wave_id, model, capability, kernel).
"""

import hashlib
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from models_sql.alarms import DriftTest, changed_models
from pipelines.inference.pool_test import Prompts, pool_tests
from pipelines.inference.seeds import seed_of
from pipelines.inference.token_kernels import distributional_kernels

KERNELS = ("semantic", "distributional", "combined")
FEWEST_WAVES, MOST_WAVES = 3, 7
VECTOR_BITS = 25
"""Vectors lie on a grid of 2^-25, on which their products are exact in 64 bits."""

TESTED = {
    "capability": pa.string(),
    "kernel": pa.string(),
    "method": pa.string(),
    "drift": pa.float64(),
    "noise_mean": pa.float64(),
    "noise": pa.float64(),
    "p_value": pa.float64(),
    "p_difference": pa.float64(),
    "shift": pa.float64(),
    "p_shift": pa.float64(),
    "p_confirmation": pa.float64(),
    "changed_share": pa.float64(),
    "n_prompts": pa.int64(),
    "n_samples": pa.int64(),
    "n_draws": pa.int64(),
    "seed": pa.int64(),
}
SCHEMA = pa.schema(
    {
        "wave_id": pa.string(),
        "model": pa.string(),
        "reference": pa.string(),
        "n_waves": pa.int64(),
        "identity_changed": pa.bool_(),
        "inputs_sha": pa.string(),
        **TESTED,
    }
)
Row = dict[str, Any]


class Wave(NamedTuple):
    """One wave of one model, as `pool_waves` has it."""

    wave_key: int
    series_key: int
    night_key: int
    wave_id: str
    model: str
    configuration: str
    identity_sha: str
    is_single: bool
    answers_sha: str
    confirmation_sha: str | None
    n_draws: int


class Texts:
    """The answers of some waves, with the vectors and token shares of their texts."""

    def __init__(self, answers: Any, vectors: Any, tokens: Any, keys: list[int]) -> None:
        chosen = answers.filter(f"wave_key IN ({', '.join(map(str, keys))})")
        self.said: dict[tuple[int, bool], dict[str, tuple[str, int]]] = {}
        for key, is_confirmation, capability, prompt, text in chosen.order("ALL").fetchall():
            self.said.setdefault((key, is_confirmation), {})[prompt] = (capability, text)
        texts = chosen.aggregate("text_key", "text_key")
        self.keys = np.sort(texts.fetchnumpy()["text_key"])
        found = vectors.join(texts, "text_key").order("text_key").to_arrow_table()
        self.has_vector = np.isin(self.keys, found.column("text_key").to_numpy())
        flat = found.column("vector").combine_chunks().flatten().to_numpy().astype(np.float64)
        self.vectors = np.zeros((len(self.keys), len(flat) // max(1, len(found))))  # without a vector: of no width
        rounded = np.ldexp(np.rint(np.ldexp(flat, VECTOR_BITS)), -VECTOR_BITS)
        self.vectors[self.has_vector] = rounded.reshape(len(found), self.vectors.shape[1])
        shares = tokens.join(texts, "text_key").order("text_key, token_key").fetchnumpy()
        row, column = np.searchsorted(self.keys, shares["text_key"]), shares["token_key"]
        size = (len(self.keys), int(column.max()) + 1 if len(column) else 1)
        self.frequencies = csr_array((shares["frequency"], (row, column)), shape=size)

    def prompts(self, wave: int, is_confirmation: bool, pool: list[int]) -> dict[str, list[np.ndarray]]:
        """Return by capability the texts of each prompt's answers, the wave's own last, in groups of equal number."""
        groups: dict[str, dict[int, list[list[int]]]] = {}
        for prompt, (capability, text) in sorted(self.said.get((wave, is_confirmation), {}).items()):
            before = [self.said[key, False][prompt][1] for key in pool if prompt in self.said.get((key, False), {})]
            if len(before) >= FEWEST_WAVES:
                groups.setdefault(capability, {}).setdefault(len(before), []).append([*before, text])
        return {
            capability: [np.searchsorted(self.keys, texts) for _, texts in sorted(by_number.items())]
            for capability, by_number in groups.items()
        }

    def kernels(self, texts: np.ndarray) -> list[Prompts]:
        """Return the kernels of a group of prompts; those without all vectors apart."""
        found = []
        whole = self.has_vector[texts].all(axis=1)
        for part, has_vectors in ((texts[whole], True), (texts[~whole], False)):
            if len(part) == 0:
                continue
            vectors = self.vectors[part]
            semantic = (
                vectors @ vectors.transpose(0, 2, 1) if has_vectors else np.full((*part.shape, part.shape[1]), np.nan)
            )
            semantic = np.where((part[:, :, None] == part[:, None, :]) & has_vectors, 1.0, semantic)
            distributional = distributional_kernels(self.frequencies, part)
            kernels = np.stack([semantic, distributional, 0.4 * semantic + 0.6 * distributional])
            found.append(Prompts(kernels, vectors if has_vectors else None))
        return found


def rows_of(texts: Texts, wave: Wave, is_confirmation: bool, pool: list[Wave]) -> list[Row]:
    """Return the tests of one sample of a wave against its pool; none where they share no prompt."""
    groups = texts.prompts(wave.wave_key, is_confirmation, [one.wave_key for one in pool])
    if not groups:
        return []
    names = {capability: (wave.wave_id, wave.model, "pool", capability) for capability in (*groups, "overall")}
    seeds = {capability: seed_of(*of) for capability, of in names.items()}
    read = {
        capability: [part for texts_ in own for part in texts.kernels(texts_)] for capability, own in groups.items()
    }
    everything = {**groups, "overall": [texts_ for own in groups.values() for texts_ in own]}
    rows = []
    for capability, tests in pool_tests(read, seeds, wave.n_draws).items():
        own = everything[capability]
        n_changed = sum(int((part[:, -1] != part[:, -2]).sum()) for part in own)
        is_identical = all((part == part[:, :1]).all() for part in own)
        for kernel, test in zip(KERNELS, tests, strict=True):
            if test is None:
                continue
            row: Row = {
                "capability": capability,
                "kernel": kernel,
                "method": "identical" if is_identical else "pool",
                "drift": test.difference,
                "p_value": test.p_value,
                "changed_share": n_changed / sum(len(part) for part in own),
                "n_prompts": test.n_prompts,
                "n_samples": sum(part.size for part in own),
                "seed": seeds[capability],
            }
            if not is_identical:
                row |= {name: getattr(test, name) for name in ("noise_mean", "noise", "p_difference", "n_draws")}
                row |= {} if np.isnan(test.p_shift) else {"shift": test.shift, "p_shift": test.p_shift}
            rows.append(row)
    return rows


def drift_tests(rows: list[Row]) -> list[DriftTest]:
    """Return rows of this table as what the rule of alarms reads."""
    names = [name for name in DriftTest._fields if name != "reference_kind"]
    return [DriftTest(reference_kind="pool", **{name: row.get(name) for name in names}) for row in rows]


def other_tests(results: Any) -> dict[str, list[DriftTest]]:
    """Return by wave the tests against the wave before and the baseline."""
    found: dict[str, list[DriftTest]] = {}
    for row in results.filter("p_value IS NOT NULL").select(*DriftTest._fields).fetchall():
        found.setdefault(row[0], []).append(DriftTest(*row))
    return found


class Stored:
    """The tests of the last build by what they were computed from; `rows_of` computes those that are not there."""

    def __init__(self, stored: Any, method: str, sources: tuple[Any, Any, Any]) -> None:
        self.method, self.sources = method, sources
        self.rows: dict[str, list[Row]] = {}
        for row in stored.to_arrow_table().to_pylist():
            self.rows.setdefault(row.pop("inputs_sha"), []).append({name: row[name] for name in TESTED})

    def rows_of(self, wave: Wave, pool: list[Wave]) -> list[Row]:
        """Return the tests of a wave against its pool, as rows of this table."""
        own = (str(wave.n_draws), wave.wave_id, wave.model, wave.answers_sha, str(wave.confirmation_sha))
        inputs = " ".join([self.method, *own, *(one.answers_sha for one in pool)])
        sha = hashlib.sha256(inputs.encode()).hexdigest()
        rows = self.rows.get(sha)
        if not rows:
            rows = tested(Texts(*self.sources, [one.wave_key for one in (*pool, wave)]), wave, pool)
        named = {
            "wave_id": wave.wave_id,
            "model": wave.model,
            "reference": pool[-1].wave_id,
            "n_waves": len(pool),
            "identity_changed": wave.identity_sha != pool[-1].identity_sha,
            "inputs_sha": sha,
        }
        return [{**named, **row} for row in rows]


def model(dbt: Any, session: Any) -> pa.Table:
    """Return the tests of every wave that has a pool."""
    dbt.config(materialized="table")
    level, method = float(dbt.config.get("alarm_level")), str(dbt.config.get("drift_method"))
    sources = (dbt.ref("pool_answers"), dbt.ref("text_vectors"), dbt.ref("text_tokens"))
    stored, others = Stored(dbt.ref("drift_stored"), method, sources), other_tests(dbt.ref("drift_results"))
    waves = dbt.ref("pool_waves").select(*Wave._fields).order("night_key, wave_key").fetchall()
    found: list[Row] = []
    pools: dict[int, list[Wave]] = {}
    for _, night in groupby((Wave(*row) for row in waves), key=lambda wave: wave.night_key):
        before = [(wave, pool_of(wave, pools.get(wave.series_key, []))) for wave in night]
        tested_now = [(wave, pool) for wave, pool in before if wave.is_single and len(pool) >= FEWEST_WAVES]
        rows = [row for wave, pool in tested_now for row in stored.rows_of(wave, pool)]
        moved = changed_models([*drift_tests(rows), *others.get(before[0][0].wave_id, [])], level)
        for wave, pool in before:
            kept = [] if (wave.wave_id, wave.model) in moved else pool
            pools[wave.series_key] = [*kept, wave][-MOST_WAVES:]
        found += rows
    return pa.Table.from_pylist(found, schema=SCHEMA)


def pool_of(wave: Wave, pool: list[Wave]) -> list[Wave]:
    """Return the earlier waves that a wave may be held against: none under another configuration."""
    return pool if pool and pool[-1].configuration == wave.configuration else []


def tested(texts: Texts, wave: Wave, pool: list[Wave]) -> list[Row]:
    """Return the tests of a wave, with p of its confirmation sample where it has one."""
    rows = rows_of(texts, wave, False, pool)
    if wave.confirmation_sha is not None:
        again = {(row["capability"], row["kernel"]): row["p_value"] for row in rows_of(texts, wave, True, pool)}
        rows = [{**row, "p_confirmation": again.get((row["capability"], row["kernel"]))} for row in rows]
    return rows
