"""Half width of the 95 % interval of every pair, from `pair_variances`.

Grain: (grid_key, capability, kernel, model_a, model_b).
"""

from typing import Any

import pyarrow as pa

from models_sql.models.steps.convergence.half_widths import with_half_widths


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row a pair."""
    dbt.config(materialized="table")
    return with_half_widths(dbt.ref("pair_variances"), "grid_key", "capability", "kernel", "model_a", "model_b")
