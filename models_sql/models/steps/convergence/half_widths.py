"""Half width of the 95 % interval of every estimate: t(.975, df) times the standard error.

A Python model because SQL has no quantile of Student's t. Grain: (estimate_key, capability, kernel).
Where nothing varies the half width is 0; where a variance or its degrees of freedom are null, it is null.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import t


def with_half_widths(rows: Any, *keys: str) -> pa.Table:
    """Return the keys and half widths of a relation with variance and degrees_of_freedom, sorted by the keys."""
    columns = rows.select(*keys, "variance", "degrees_of_freedom").order(", ".join(keys)).to_arrow_table()
    variance, degrees = (
        columns.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
        for name in ("variance", "degrees_of_freedom")
    )
    half_width = np.where(variance <= 0, 0.0, t.ppf(0.975, degrees) * np.sqrt(np.maximum(variance, 0)))
    return columns.select(keys).append_column("half_width", pa.array(half_width, pa.float64(), from_pandas=True))


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row an estimate; variances, degrees of freedom and their sources are in `variances`."""
    dbt.config(materialized="table")
    return with_half_widths(dbt.ref("variances"), "estimate_key", "capability", "kernel")
