"""The models over two waves alone: the digits of the nightly build, and any two waves it does not compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lake.catalog import connect_reader
from models_sql.cut import Cut, CutWave

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake


@pytest.mark.parametrize(
    ("then", "now"),
    [("sampled/2026-01-01", "sampled/2026-01-02"), ("drifting/2026-01-02", "drifting/2026-01-03")],
)
def test_where_the_lake_has_the_comparison_the_digits_are_the_same(built: BuiltLake, then: str, now: str) -> None:
    connection = connect_reader(built.store, "head")
    panel = now.split("/", maxsplit=1)[0]
    cut = Cut(connection, [CutWave(then, then, panel), CutWave(now, now, panel)])
    where = f"wave_id = '{now}' AND reference = '{then}' AND reference_kind = 'previous'"
    columns = "COLUMNS(c -> c NOT IN ('inputs_sha', 'n_draws'))"
    for table in ("convergence_change", "drift_by_model"):
        found = connection.execute(f"SELECT {columns} FROM {cut.build(table)} WHERE {where} ORDER BY ALL").fetchall()
        published = built.rows(f"SELECT {columns} FROM out.{table} WHERE {where} ORDER BY ALL")
        assert found
        assert found == published


def test_a_model_that_is_not_there_is_named(built: BuiltLake) -> None:
    with pytest.raises(KeyError, match="nothing_here"):
        Cut(connect_reader(built.store, "head"), []).build("nothing_here")
