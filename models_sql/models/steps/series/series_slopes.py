"""The trend of each series: Theil-Sen slope per 30 days, from pipelines.inference.trend.

A Python model because SQL has no such slope. Grain: series_key; series of under three waves have no row.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.inference.trend import slope_per_30_days

SCHEMA = pa.schema(
    {
        "series_key": pa.int32(),
        "slope": pa.float64(),
        "ci_low": pa.float64(),
        "ci_high": pa.float64(),
        "n_waves": pa.int64(),
        "n_days": pa.float64(),
    }
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row a series."""
    dbt.config(materialized="table")
    columns = "series_key, place, value, date_diff('day', DATE '2000-01-01', wave_date) AS day"
    rows = dbt.ref("series").project(columns).order("series_key, place").fetchnumpy()
    keys, begins = np.unique(rows["series_key"], return_index=True)
    days, values = (np.split(rows[name].astype(float), begins[1:]) for name in ("day", "value"))
    slopes = {key: slope_per_30_days(*both) for key, *both in zip(keys.tolist(), days, values, strict=False)}
    found = [{"series_key": key, **slope._asdict()} for key, slope in slopes.items() if slope is not None]
    return pa.Table.from_pylist(found, schema=SCHEMA)
