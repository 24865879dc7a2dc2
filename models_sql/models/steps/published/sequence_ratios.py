"""sequence_ratio of every pair, both ways round: difflib's ratio of the lowercased texts, mean over the prompts.

A Python model because SQL has no SequenceMatcher. It looks for the longest blocks of its second text in its first
and drops characters that fill more than 1 % of a long second text (autojunk), so it depends on the order of its
arguments; that is the method as published. Grain: (wave_id, model_a, model_b).
"""

from difflib import SequenceMatcher
from functools import lru_cache
from math import fsum
from typing import Any

import pyarrow as pa


@lru_cache(maxsize=100_000)
def both_ways(text_a: str, text_b: str) -> tuple[float, float]:
    """Return the ratio of a to b and of b to a, 0-1, texts lowercased; two empty texts are alike: 1."""
    a, b = text_a.lower(), text_b.lower()
    return SequenceMatcher(None, a, b).ratio(), SequenceMatcher(None, b, a).ratio()


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row a pair: means of the ratio a to b (`ab`) and b to a (`ba`) over its answers."""
    dbt.config(materialized="table")
    pairs = dbt.ref("published_pairs").project("wave_id, model_a, model_b, text_a, text_b, is_a_first")
    found: dict[tuple[str, str, str, bool], list[tuple[float, float]]] = {}
    while some := pairs.fetchmany(2000):
        for wave_id, model_a, model_b, text_a, text_b, is_a_first in some:
            found.setdefault((wave_id, model_a, model_b, is_a_first), []).append(both_ways(text_a, text_b))
    rows = [
        {
            "wave_id": wave_id,
            "model_a": model_a,
            "model_b": model_b,
            "is_a_first": is_a_first,
            "n_answers": len(ratios),
            "ab": fsum(ab for ab, _ in ratios) / len(ratios),
            "ba": fsum(ba for _, ba in ratios) / len(ratios),
        }
        for (wave_id, model_a, model_b, is_a_first), ratios in sorted(found.items())
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


SCHEMA = pa.schema(
    {
        "wave_id": pa.string(),
        "model_a": pa.string(),
        "model_b": pa.string(),
        "is_a_first": pa.bool_(),
        "n_answers": pa.int64(),
        "ab": pa.float64(),
        "ba": pa.float64(),
    }
)
