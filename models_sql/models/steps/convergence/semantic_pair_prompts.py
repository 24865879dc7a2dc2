"""What each shared prompt adds to the semantic kernel of a pair.

A Python model because SQL takes these products one by one, and matrix products are some fifty times faster.
Grain: (slice_key, model_a, model_b, prompt_key); only pairs with 5 shared prompts or more.
match: mean cosine over all pairs of samples. chance_part: sum of the products with answers to other prompts the
pair shares in which this prompt's answers take part, on either side.

Vectors and their sums are first put on grids on which every product is exact in 64 bits, so that neither the
order of addition nor the number of threads nor the other models of the wave move a digit.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

FEWEST_PROMPTS = 5
AT_ONCE = 128
"""Prompts whose products are held in memory together."""

VECTOR_BITS = 25
"""Vectors lie on a grid of 2^-25: products on 2^-50, which 53 bits add exactly up to a total of 8; cosines end at 1."""

SUM_BITS = 26
"""Sums of n vectors lie on a grid of 2^-26 n: their products with vectors stay below n, and need 51 bits."""

SCHEMA = pa.schema(
    {
        "slice_key": pa.int32(),
        "model_a": pa.int16(),
        "model_b": pa.int16(),
        "prompt_key": pa.int32(),
        "match": pa.float64(),
        "chance_part": pa.float64(),
    }
)


def on_grid(values: np.ndarray, bits: int) -> np.ndarray:
    """Return the values rounded to multiples of 2^-bits, as 64-bit floats."""
    return np.ldexp(np.rint(np.ldexp(values.astype(np.float64), bits)), -bits)


def blocks(vectors: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the vectors of a few prompts at a time, on their grid."""
    for start in range(0, len(vectors), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        yield some, on_grid(vectors[some], VECTOR_BITS)


def totals(vectors: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return [a, b]: the sum of a's vectors over the prompts that b answered too, shape (models, models, dimensions).

    On a complete grid b makes no difference, and the second axis has length 1.
    """
    n_prompts, n_models, dimensions = vectors.shape
    shared_with = np.ones((n_prompts, 1)) if present.all() else present.astype(np.float64)
    found = np.zeros((n_models, shared_with.shape[1], dimensions))
    for some, block in blocks(vectors):
        found += np.matmul(shared_with[some].T, block.transpose(1, 0, 2))
    return on_grid(found, SUM_BITS - int(np.ceil(np.log2(n_prompts))))


def products(vectors: np.ndarray, present: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield arrays (prompt, a, b, match, chance_part), positions and values, of a few prompts at a time.

    `vectors` has shape (prompts, models, dimensions), 0 where `present`, of shape (prompts, models), is false.
    """
    shared = present.T.astype(np.float64) @ present.astype(np.float64)
    a, b = np.nonzero(np.triu(shared >= FEWEST_PROMPTS, 1))
    if len(a) == 0:
        return
    others_totals = totals(vectors, present).transpose(1, 2, 0)
    for some, block in blocks(vectors):
        matches = np.matmul(block, block.transpose(0, 2, 1))[:, a, b]
        with_others = np.matmul(block.transpose(1, 0, 2), others_totals)
        chance_parts = (with_others[a, :, b] + with_others[b, :, a]).T - 2 * matches
        prompt, pair = np.nonzero(present[some][:, a] & present[some][:, b])
        yield some.start + prompt, a[pair], b[pair], matches[prompt, pair], chance_parts[prompt, pair]


def dense(means: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (prompt keys, model keys, vectors, present) of the mean vectors of a slice."""
    prompts, prompt_place = np.unique(means.column("prompt_key").to_numpy(), return_inverse=True)
    models, model_place = np.unique(means.column("model_key").to_numpy(), return_inverse=True)
    flat = means.column("mean_vector").combine_chunks().flatten().to_numpy()
    vectors = np.zeros((len(prompts), len(models), len(flat) // len(means)), dtype=np.float32)
    vectors[prompt_place, model_place] = flat.reshape(len(means), -1)
    present = np.zeros(vectors.shape[:2], dtype=bool)
    present[prompt_place, model_place] = True
    return prompts, models, vectors, present


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row a pair and shared prompt; the vectors are in `semantic_means`."""
    dbt.config(materialized="table")
    means = dbt.ref("semantic_means")
    batches = []
    for (key,) in means.aggregate("slice_key", "slice_key").order("slice_key").fetchall():
        columns = means.filter(f"slice_key = {key}").select("prompt_key", "model_key", "mean_vector")
        prompts, models, vectors, present = dense(columns.to_arrow_table())
        for prompt, a, b, match, chance_part in products(vectors, present):
            keys = (np.full(len(prompt), key), models[a], models[b], prompts[prompt])
            arrays = [
                pa.array(values, field.type, safe=True)
                for values, field in zip((*keys, match, chance_part), SCHEMA, strict=True)
            ]
            batches.append(pa.record_batch(arrays, schema=SCHEMA))
    return pa.Table.from_batches(batches, schema=SCHEMA)
