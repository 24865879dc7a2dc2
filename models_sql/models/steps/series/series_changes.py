"""Where each series changed its level, by CUSUM and by PELT; the methods are pipelines.inference.change_points.

A Python model because both go through a series step by step. Grain: (series_key, method, start).
Places are those of `series`.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.inference.change_points import cusum, pelt

SCHEMA = pa.schema(
    {
        "series_key": pa.int32(),
        "method": pa.string(),
        "start": pa.int32(),
        "detected": pa.int32(),
        "size": pa.float64(),
        "statistic": pa.float64(),
        "n_before": pa.int64(),
        "n_after": pa.int64(),
    }
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row a change; most series have none."""
    dbt.config(materialized="table")
    rows = dbt.ref("series").select("series_key", "place", "value").order("series_key, place").fetchnumpy()
    keys, begins = np.unique(rows["series_key"], return_index=True)
    found: list[dict[str, Any]] = []
    for key, values in zip(keys.tolist(), np.split(rows["value"], begins[1:]), strict=False):
        for method, search in (("cusum", cusum), ("pelt", pelt)):
            found += [{"series_key": key, "method": method, **change._asdict()} for change in search(values)]
    return pa.Table.from_pylist(found, schema=SCHEMA)
