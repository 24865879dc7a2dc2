"""A lake with one whole, defect-free experiment; what a test plants in it is gone after the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from lake.catalog import connect_writer, create_lake
from lake.store import Store
from pipelines.loading import frame_of
from tests.experiment_rows import Rows, experiment_rows


def fill(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    for table, found in rows.items():
        connection.register("fresh_rows", frame_of(table, found).to_arrow())
        connection.execute(f"INSERT INTO {table.full_name} BY NAME FROM fresh_rows")
        connection.unregister("fresh_rows")


@pytest.fixture(scope="session")
def experiment_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(Path(tmp_path_factory.mktemp("experiment")) / "store")
    create_lake(store)
    connection = connect_writer(store)
    fill(connection, experiment_rows())
    connection.close()
    return store


@pytest.fixture(scope="session")
def whole_experiment(experiment_store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect_writer(experiment_store)
    yield connection
    connection.close()


@pytest.fixture
def planted(whole_experiment: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake of the clean experiment, within a transaction that is undone after the test."""
    whole_experiment.execute("BEGIN")
    yield whole_experiment
    whole_experiment.execute("ROLLBACK")
