"""Which tests of drift alarm, and why: p by Holm and the cause, by the rule of models_sql.alarms.

A Python model because the tests against a pool need the same rule wave by wave (pool_tests), and it is written once.
Grain: (wave_id, model, reference_kind, capability, kernel). Tests without p are not here.
"""

from typing import Any

import pyarrow as pa

from models_sql.alarms import DriftTest, decisions

SCHEMA = pa.schema(
    {
        **{name: pa.string() for name in ("wave_id", "model", "reference_kind", "capability", "kernel")},
        "p_adjusted": pa.float64(),
        "cause": pa.string(),
    }
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row a test."""
    dbt.config(materialized="table")
    columns = ", ".join(DriftTest._fields)
    pooled = columns.replace("reference_kind", "'pool' AS reference_kind")
    sources = ((dbt.ref("drift_results"), columns), (dbt.ref("pool_tests"), pooled))
    tests = [
        DriftTest(*row)
        for relation, read in sources
        for row in relation.filter("p_value IS NOT NULL").project(read).fetchall()
    ]
    rows = [
        {**test._asdict(), **decision._asdict()}
        for test, decision in zip(tests, decisions(tests, float(dbt.config.get("alarm_level"))), strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
