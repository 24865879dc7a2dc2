"""Half width of the 95 % interval of every estimate: t(.975, df) times the standard error.

A Python model because SQL has no quantile of Student's t. Grain: (estimate_key, capability, kernel).
Where nothing varies the half width is 0; where a variance or its degrees of freedom are null, it is null.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import t


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row an estimate; variances, degrees of freedom and their sources are in `variances`."""
    dbt.config(materialized="table")
    rows = dbt.ref("variances").order("estimate_key, capability, kernel").fetchnumpy()
    variance = np.ma.filled(rows["variance"], np.nan).astype(float)
    degrees = np.ma.filled(rows["degrees_of_freedom"], np.nan).astype(float)
    half_width = np.where(variance <= 0, 0.0, t.ppf(0.975, degrees) * np.sqrt(np.maximum(variance, 0)))
    return pa.table(
        {
            "estimate_key": rows["estimate_key"],
            "capability": pa.array(rows["capability"].tolist(), pa.string()),
            "kernel": pa.array(rows["kernel"].tolist(), pa.string()),
            "half_width": pa.array(half_width, pa.float64(), from_pandas=True),
        }
    )
