"""A lake that an earlier version made goes on: what is new is added in one step, what is there stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.stages import go_on_with_lake
from lake import catalog, tables, upgrade
from lake.catalog import connect_writer, create_lake, latest_snapshot
from lake.errors import StoreError
from lake.model_tables import model_tables
from lake.store import Store
from lake.tables import RAW_CATALOG_ENDPOINTS, RAW_KEY_SNAPSHOTS, RAW_PLANNED_CELLS, RAW_PROMPTS, Table
from pipelines import loading

NOW = datetime(2026, 8, 1, tzinfo=UTC)


@dataclass
class OldLake:
    """A lake made from a declaration that lacked two tables and a nullable column, with a prompt loaded into it."""

    store: Store

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = connect_writer(self.store)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def declared(self) -> set[tuple[str, str]]:
        return {(t.full_name, c.name) for t in tables.TABLES for c in t.columns}


def prompt(number: int, table: Table) -> pl.DataFrame:
    values = {column.name: f"{column.name} {number}" for column in table.columns if column.type == "VARCHAR"}
    return loading.frame_of(table, [values | {"wave_date": date(2026, 8, 1), "declared_prompts": 2}])


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OldLake:
    kept = tuple(c for c in RAW_PROMPTS.columns if c.name != "reference")
    without = RAW_PROMPTS._replace(columns=kept)
    required = RAW_PLANNED_CELLS._replace(columns=tuple(c._replace(nullable=False) for c in RAW_PLANNED_CELLS.columns))
    new = (RAW_CATALOG_ENDPOINTS, RAW_KEY_SNAPSHOTS)
    then = {RAW_PROMPTS: without, RAW_PLANNED_CELLS: required}
    before = tuple(then.get(table, table) for table in tables.TABLES if table not in new)
    store = Store(tmp_path / "store")
    with monkeypatch.context() as patched:
        patched.setattr(catalog, "TABLES", before)
        assert create_lake(store) == []
    loading.load(store, {without: prompt(1, without)})
    return OldLake(store)


def test_an_older_lake_gets_the_tables_and_columns_it_lacked_and_keeps_its_rows(old: OldLake) -> None:
    added = ["raw.catalog_endpoints", "raw.key_snapshots", "raw.prompts.reference", "raw.planned_cells.seed"]
    assert create_lake(old.store) == added
    assert old.rows(
        "SELECT is_nullable FROM duckdb_columns() WHERE table_name = 'planned_cells' AND column_name = 'seed'"
    ) == [(True,)]
    there = old.rows("SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() WHERE NOT internal")
    assert old.declared() <= set(there)
    assert old.rows("SELECT prompt_id, reference FROM raw.prompts") == [("prompt_id 1", None)]


def test_a_night_says_what_it_added_to_an_older_lake(old: OldLake, capsys: pytest.CaptureFixture[str]) -> None:
    go_on_with_lake(old.store)
    assert "An earlier version made this lake; added: raw.catalog_endpoints, raw.key_" in capsys.readouterr().err
    go_on_with_lake(old.store)
    assert capsys.readouterr().err == ""


def test_an_upgraded_lake_is_loaded_as_a_new_one_is(old: OldLake) -> None:
    create_lake(old.store)
    loading.load(old.store, {RAW_PROMPTS: prompt(2, RAW_PROMPTS)})
    assert old.rows("SELECT prompt_id, reference FROM raw.prompts ORDER BY ALL") == [
        ("prompt_id 1", None),
        ("prompt_id 2", "reference 2"),
    ]


def test_all_of_an_upgrade_is_one_snapshot_and_a_second_start_adds_nothing(old: OldLake) -> None:
    def newest() -> int:
        connection = connect_writer(old.store)
        try:
            return latest_snapshot(connection)
        finally:
            connection.close()

    before = newest()
    create_lake(old.store)
    assert newest() == before + 1
    assert create_lake(old.store) == []
    assert newest() == before + 1


def test_an_upgrade_that_stops_halfway_changes_nothing(old: OldLake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = old.rows("SELECT table_name FROM duckdb_tables() ORDER BY ALL")
    monkeypatch.setattr(upgrade, "create_table", _create_or_break)
    with pytest.raises(RuntimeError, match="stopped here"):
        create_lake(old.store)
    assert old.rows("SELECT table_name FROM duckdb_tables() ORDER BY ALL") == before


def _create_or_break(connection: Any, table: Table) -> None:
    if table is RAW_KEY_SNAPSHOTS:
        raise RuntimeError("stopped here")
    catalog.create_table(connection, table)


def test_what_a_later_version_added_is_left_alone(old: OldLake) -> None:
    create_lake(old.store)
    old.rows("ALTER TABLE raw.prompts ADD COLUMN from_the_future VARCHAR")
    assert create_lake(old.store) == []
    loading.load(old.store, {RAW_PROMPTS: prompt(3, RAW_PROMPTS)})
    assert old.rows("SELECT from_the_future FROM raw.prompts WHERE prompt_id = 'prompt_id 3'") == [(None,)]


def test_a_lake_that_lacks_a_column_which_must_not_be_null_is_refused_in_a_sentence(old: OldLake) -> None:
    create_lake(old.store)
    old.rows("ALTER TABLE raw.prompts DROP COLUMN family")
    with pytest.raises(StoreError, match=r"raw\.prompts has no column family, which must not be null.*Nothing was"):
        create_lake(old.store)


def test_tables_of_readers_are_added_empty(old: OldLake) -> None:
    old.rows("DROP TABLE out.costs")
    assert "out.costs" in create_lake(old.store)
    assert {table.full_name for table in model_tables()} >= {"out.costs"}
    assert old.rows("SELECT count(*) FROM out.costs") == [(0,)]
