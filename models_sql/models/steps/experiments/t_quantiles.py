"""Student's t at .975, which SQL does not know, for every number of items that a mean of an experiment is over.

Grain: n_items, two or more.
"""

from typing import Any

import pyarrow as pa

from models_sql.paired import t_quantile

SCHEMA = pa.schema([("n_items", pa.int64()), ("t", pa.float64())])


def model(dbt: Any, session: Any) -> pa.Table:
    """Return the quantiles."""
    dbt.config(materialized="table")
    counts = dbt.ref("cell_metrics").filter("n_items > 1").aggregate("n_items", "n_items").order("n_items").fetchall()
    return pa.Table.from_pylist([{"n_items": n, "t": t_quantile(n - 1)} for (n,) in counts], schema=SCHEMA)
