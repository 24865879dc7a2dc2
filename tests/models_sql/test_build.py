"""Building: a pure function of raw and verdicts, declared tables, and errors that say what failed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lake.catalog import connect_writer
from lake.errors import NoLakeError, WaveError
from lake.model_tables import model_tables
from lake.store import Store
from models_sql.run import PROJECT, build, docs

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake

TABLES = [table for table in model_tables() if table.schema in ("core", "out")]


def test_a_build_without_core_and_out_brings_every_digit_back(built: BuiltLake, rebuilt: BuiltLake) -> None:
    for table in TABLES:
        # the other build had an edited answer in panel hand, and a candidate in panel judged
        where = "split_part(wave_id, '/', 1) NOT IN ('hand', 'judged')"
        before, after = built.table(table.full_name, where), rebuilt.table(table.full_name, where)
        assert before == after, table.full_name


def test_an_edited_answer_moves_the_numbers(rebuilt: BuiltLake) -> None:
    rows = rebuilt.rows(
        "SELECT model_a, model_b, match FROM out.convergence_by_pair "
        "WHERE panel = 'hand' AND kernel = 'distributional' AND capability = 'overall' ORDER BY ALL"
    )
    # bob now gives cat's answer to p1: ann-bob (.2 + 2 + 1.2) / 5 = .68, bob-cat (1 + 4 x .2) / 5 = .36
    assert rows == [
        ("ann", "bob", pytest.approx(0.68)),
        ("ann", "cat", pytest.approx(0.2)),
        ("bob", "cat", pytest.approx(0.36)),
    ]


def test_every_model_of_core_and_out_is_declared_and_nothing_else() -> None:
    folders = [PROJECT / "models" / schema for schema in ("core", "out")]
    files = {f"{folder.name}.{path.stem}" for folder in folders for path in folder.glob("*.sql")}
    assert {table.full_name for table in TABLES} == files


def test_tables_are_as_their_yml_declares_them(built: BuiltLake) -> None:
    for table in TABLES:
        found = built.rows(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'pinned' "
            f"AND schema_name = '{table.schema}' AND table_name = '{table.name}' ORDER BY column_index"
        )
        assert found == [(column.name, column.type) for column in table.columns]


def test_every_table_and_column_says_what_it_means_and_every_grain_is_declared() -> None:
    for table in TABLES:
        assert table.grain and set(table.grain) <= {column.name for column in table.columns}
        assert len(table.doc) > 20
        assert [column.name for column in table.columns if len(column.doc) < 4] == []


def test_every_table_is_tested_for_its_grain(built: BuiltLake) -> None:
    assert built.result.tests > len(TABLES)
    texts = {
        schema: "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "models" / schema).glob("*.yml"))
        for schema in ("core", "out")
    }
    for table in TABLES:
        text = texts[table.schema]
        declared = text[text.index(f"- name: {table.name}\n") :]
        assert "data_tests: [{grain:" in declared[: declared.index("columns:\n")]


def test_a_build_writes_nothing_inside_the_project(built: BuiltLake) -> None:
    names = {path.name for path in PROJECT.iterdir()}
    assert names.isdisjoint({"target", "logs", "dbt_packages", ".user.yml"})
    assert (built.store.state / "dbt" / "target").is_dir()


def test_an_empty_lake_builds_to_empty_tables_and_only_a_table_of_other_columns_is_made_anew(tmp_path: Path) -> None:
    from lake.catalog import create_lake

    store = Store(tmp_path)
    create_lake(store)
    connection = connect_writer(store)
    connection.execute("ALTER TABLE core.waves ADD COLUMN from_another_version VARCHAR")
    made = "SELECT table_name, table_uuid FROM ducklake_table_info('lake') ORDER BY ALL"
    before = dict(connection.execute(made).fetchall())
    connection.close()
    assert build(store).models > len(TABLES)
    connection = connect_writer(store)
    after = dict(connection.execute(made).fetchall())
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"waves"}
    columns = connection.execute(
        "SELECT schema_name, column_name FROM duckdb_columns() WHERE database_name = 'lake' AND table_name = 'waves'"
    ).fetchall()
    declared = next(table.columns for table in TABLES if table.full_name == "core.waves")
    assert [name for schema, name in columns if schema == "core"] == [column.name for column in declared]
    counts = {
        table.full_name: connection.execute(f"SELECT count(*) FROM {table.full_name}").fetchone() for table in TABLES
    }
    assert set(counts.values()) == {(0,)}, counts
    connection.close()


def test_a_build_that_fails_names_the_model_and_keeps_the_tables(copied: Store) -> None:
    connection = connect_writer(copied)
    before = connection.execute("SELECT count(*) FROM core.responses").fetchone()
    connection.execute("DELETE FROM raw.prompts WHERE wave_id LIKE 'hand/%' AND prompt_id = 'p1'")
    connection.close()
    with pytest.raises(WaveError, match=r"failed at cells: .*NOT NULL constraint failed.*capability"):
        build(copied)
    connection = connect_writer(copied)
    assert connection.execute("SELECT count(*) FROM core.responses").fetchone() == before
    connection.close()


def test_a_store_without_a_lake_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoLakeError, match="There is no lake at"):
        build(Store(tmp_path))


def test_docs_describe_every_table(built: BuiltLake) -> None:
    page = docs(built.store)
    assert page.is_file()
    catalog = (page.parent / "catalog.json").read_text(encoding="utf-8")
    assert all(f'"model.driftlake.{table.name}"' in catalog for table in TABLES)
