"""How what can be read off a model's answers moved between two waves: paired by prompt, models_sql.paired.

A Python model because SQL cannot resample. Grain: (comparison_key, capability, feature); capability `overall` takes all
prompts together.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from models_sql.paired import paired
from pipelines.inference.seeds import seed_of

DRAWS = 9999
SCHEMA = pa.schema(
    {
        "comparison_key": pa.int32(),
        "capability": pa.string(),
        "feature": pa.string(),
        "method": pa.string(),
        "mean_now": pa.float64(),
        "mean_then": pa.float64(),
        "difference": pa.float64(),
        "ci_low": pa.float64(),
        "ci_high": pa.float64(),
        "p_value": pa.float64(),
        "n_prompts": pa.int64(),
        "n_draws": pa.int64(),
        "seed": pa.int64(),
    }
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Return the tests of every comparison that must be computed in this build."""
    dbt.config(materialized="table")
    values = dbt.ref("feature_values")
    keys = values.aggregate("comparison_key", "comparison_key")
    compared = dbt.ref("drift_references").join(keys, "comparison_key")
    names = compared.aggregate("comparison_key, wave_id, model, reference")
    rows: list[dict[str, Any]] = []
    for key, *of in names.order("comparison_key").fetchall():
        own = values.filter(f"comparison_key = {key}").order("feature, capability, prompt_id").fetchnumpy()
        for feature in np.unique(own["feature"].astype(str)):
            is_feature = own["feature"] == feature
            capabilities = np.unique(own["capability"][is_feature].astype(str))
            for capability in (*capabilities, "overall"):
                chosen = is_feature & (True if capability == "overall" else own["capability"] == capability)
                seed = seed_of(*of, capability, feature)
                now, then = (np.asarray(own[name][chosen], dtype=float) for name in ("now_value", "then_value"))
                found = paired(now, then, DRAWS, np.random.default_rng(seed))
                named = {"comparison_key": key, "capability": capability, "feature": feature}
                rows.append({**named, **found._asdict(), "seed": seed if found.n_draws == DRAWS else None})
    return pa.Table.from_pylist(rows, schema=SCHEMA)
