"""Which vector of a text stands, with the model's SQL rendered as dbt renders it and run by DuckDB."""

from __future__ import annotations

from itertools import permutations

import duckdb
import jinja2
import pytest

from models_sql.run import PROJECT

SQL = (PROJECT / "models" / "steps" / "selection" / "text_vectors.sql").read_text(encoding="utf-8")

OLDEST = ("2026-01-01", [0.6, 0.8])
AS_OLD_AND_GREATER = ("2026-01-01", [0.6, 0.80001])
LATER_AND_LESSER = ("2026-01-02", [0.59999, 0.8])


@pytest.mark.parametrize("rows", permutations([OLDEST, AS_OLD_AND_GREATER, LATER_AND_LESSER]))
def test_the_oldest_vector_of_a_text_stands_whatever_the_order_of_rows(
    rows: tuple[tuple[str, list[float]], ...],
) -> None:
    database = duckdb.connect()
    database.execute("CREATE TABLE texts AS SELECT 1 AS text_key, 'a' AS text_sha UNION ALL SELECT 2, 'b'")
    database.execute(
        "CREATE TABLE embeddings (text_sha VARCHAR, embedder VARCHAR, precision VARCHAR, vector FLOAT[], "
        "embedded_at TIMESTAMPTZ)"
    )
    once = [("b", "2026-01-05", [1.0, 0.0])]
    for sha, embedded_at, vector in [*(("a", *row) for row in rows), *once]:
        database.execute("INSERT INTO embeddings VALUES (?, 'e', 'fp32', ?, ?)", [sha, vector, embedded_at])
    # another embedder's vector of the same text is none of ours
    database.execute("INSERT INTO embeddings VALUES ('b', 'other', 'fp32', [0, 1], '2025-01-01')")
    variables = {"embedder": "e", "precision": "fp32"}
    query = jinja2.Template(SQL).render(
        dimensions=lambda: 2, source=lambda _, name: name, ref=lambda name: name, var=variables.get
    )
    found = database.execute(f"SELECT text_key, vector::FLOAT[] FROM ({query}) ORDER BY text_key").fetchall()
    assert found == [(1, [pytest.approx(0.6), pytest.approx(0.8, abs=1e-7)]), (2, [1.0, 0.0])]
