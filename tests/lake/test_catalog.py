import multiprocessing
import shutil
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from lake.catalog import connect_reader, connect_writer, create_lake, existing_tables, latest_snapshot, transact
from lake.errors import InputError, NoLakeError
from lake.model_tables import model_tables
from lake.store import Store
from lake.tables import TABLES
from lake.waves import Wave, publish, register

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def wave(wave_date: date) -> Wave:
    return Wave(
        wave_id=f"p/{wave_date}",
        panel="p",
        wave_date=wave_date,
        wave_kind="live",
        status="planned",
        panel_sha="a",
        battery_sha="b",
        code_version="c",
        planned_cells=1,
        started_at=NOW,
    )


def add_embedding(connection: duckdb.DuckDBPyConnection, sha: str) -> None:
    connection.execute("INSERT INTO raw.embeddings VALUES (?, 'e', 'fp32', [1.0, 0.0], now())", [sha])


def test_the_lake_has_exactly_the_declared_tables_columns_and_types(store: Store) -> None:
    connection = connect_writer(store)
    declared = {
        (table.schema, table.name): [(column.name, column.type, column.nullable) for column in table.columns]
        for table in (*TABLES, *model_tables())
    }
    assert set(existing_tables(connection, "lake")) == set(declared)
    for (schema, name), columns in declared.items():
        held = connection.execute(f"DESCRIBE {schema}.{name}").fetchall()
        assert [(row[0], row[1], row[2] == "YES") for row in held] == columns, f"{schema}.{name}"


def test_every_declared_column_says_what_it_means() -> None:
    for table in (*TABLES, *model_tables()):
        assert table.doc.strip(), table.full_name
        assert all(column.doc.strip() for column in table.columns), table.full_name
        assert set(table.grain) <= {column.name for column in table.columns}, table.full_name


def test_parquet_is_written_in_zstd_and_the_catalogue_is_in_wal_mode(store: Store) -> None:
    connection = connect_writer(store)
    connection.execute(
        "INSERT INTO raw.embeddings SELECT i::VARCHAR, 'e', 'fp32', [i::FLOAT], now() FROM range(5000) t(i)"
    )
    files = [str(path) for path in store.data.rglob("*.parquet")]
    assert files
    codecs = connection.execute("SELECT DISTINCT compression FROM parquet_metadata(?)", [files]).fetchall()
    assert codecs == [("ZSTD",)]
    with sqlite3.connect(store.catalog) as catalog:
        assert catalog.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_making_a_lake_twice_changes_nothing(store: Store) -> None:
    before = latest_snapshot(connect_writer(store))
    create_lake(store)
    assert latest_snapshot(connect_writer(store)) == before


def test_a_reader_before_the_first_publication_sees_empty_tables_whatever_was_written(store: Store) -> None:
    add_embedding(connect_writer(store), "x")
    assert connect_reader(store).execute("SELECT count(*) FROM raw.embeddings").fetchone() == (0,)
    assert connect_reader(store, "head").execute("SELECT count(*) FROM raw.embeddings").fetchone() == (1,)


def test_a_reader_sees_the_last_publication_and_ops_at_head(store: Store) -> None:
    writer = connect_writer(store)
    first, second = wave(date(2026, 1, 1)), wave(date(2026, 1, 2))
    for night, sha in ((first, "x"), (second, "y")):
        register(writer, night)
        add_embedding(writer, sha)
        publish(writer, night, NOW.replace(day=night.wave_date.day))
    add_embedding(writer, "not yet published")

    def seen(at: str | None) -> int:
        row = connect_reader(store, at).execute("SELECT count(*) FROM raw.embeddings").fetchone()
        assert row is not None
        return int(row[0])

    assert seen(None) == 2
    assert seen("2026-01-01") == 1
    assert seen("2026-06-01") == 2
    assert seen("head") == 3
    snapshot = connect_reader(store).execute("SELECT min(snapshot_id) FROM ops.publications").fetchone()
    assert snapshot is not None
    assert seen(str(snapshot[0])) == 1
    assert connect_reader(store, "2026-01-01").execute("SELECT count(*) FROM ops.publications").fetchone() == (2,)


def test_a_publication_of_an_earlier_version_shows_what_is_declared_since_empty_and_null(store: Store) -> None:
    writer = connect_writer(store)
    writer.execute("ALTER TABLE out.convergence_by_wave DROP COLUMN reason")
    writer.execute("DROP TABLE out.drift_confirmations")
    night = wave(date(2026, 1, 1))
    register(writer, night)
    writer.execute(
        "INSERT INTO out.convergence_by_wave (wave_id, wave_date, panel, wave_kind, capability, kernel, n_models, "
        "n_pairs, n_prompts) VALUES (?, ?, 'p', 'live', 'overall', 'combined', 3, 3, 9)",
        [night.wave_id, night.wave_date],
    )
    publish(writer, night, NOW)
    writer.execute("ALTER TABLE out.convergence_by_wave ADD COLUMN added_by_a_later_one INTEGER")
    reader = connect_reader(store)
    assert reader.execute("SELECT n_models, reason FROM out.convergence_by_wave").fetchall() == [(3, None)]
    assert reader.execute("SELECT state, n_planned FROM out.drift_confirmations").fetchall() == []
    head = connect_reader(store, "head")
    assert head.execute("SELECT added_by_a_later_one, reason FROM out.convergence_by_wave").fetchall() == [(None, None)]


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("2025-12-31", "No wave dated 2025-12-31 or earlier was published"),
        ("99999", "The lake has no snapshot 99999"),
        ("yesterday", "neither a date .* nor a snapshot number"),
    ],
)
def test_a_point_the_lake_does_not_have_is_refused(store: Store, at: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        connect_reader(store, at)


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(duckdb.Error, match="read-only"):
        connect_reader(store, "head").execute("DELETE FROM head.raw.embeddings")


def test_no_lake_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NoLakeError, match="make nightly"):
        connect_reader(Store(tmp_path))
    with pytest.raises(NoLakeError):
        connect_writer(Store(tmp_path))


def test_a_moved_store_opens_for_reading_and_writing(store: Store, tmp_path: Path) -> None:
    writer = connect_writer(store)
    writer.execute("INSERT INTO raw.embeddings SELECT i::VARCHAR, 'e', 'fp32', [1.0], now() FROM range(100) t(i)")
    writer.close()
    moved = Store(tmp_path / "moved" / "elsewhere")
    moved.home.parent.mkdir()
    shutil.move(store.home, moved.home)
    add_embedding(connect_writer(moved), "x")
    assert connect_reader(moved, "head").execute("SELECT count(*) FROM raw.embeddings").fetchone() == (101,)


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    connection = connect_writer(store)

    def work(writer: duckdb.DuckDBPyConnection) -> None:
        add_embedding(writer, "x")
        raise RuntimeError("after the first statement")

    with pytest.raises(RuntimeError, match="after the first statement"):
        transact(connection, work)
    assert connection.execute("SELECT count(*) FROM raw.embeddings").fetchone() == (0,)


def _commit_many(home: Path, name: str, n: int) -> None:
    connection = connect_writer(Store(home))
    for number in range(n):
        transact(
            connection, lambda writer, number=number: [add_embedding(writer, f"{name}-{number}-{i}") for i in (0, 1)]
        )


def test_four_processes_that_commit_at_once_lose_and_double_nothing(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_commit_many, args=(store.home, name, 10)) for name in "abcd"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    counts = (
        connect_reader(store, "head")
        .execute("SELECT count(*), count(DISTINCT text_sha) FROM raw.embeddings")
        .fetchone()
    )
    assert counts == (80, 80)  # 4 processes x 10 transactions x 2 rows
