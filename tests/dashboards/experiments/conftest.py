"""The tables of a lake in plain DuckDB with one made-up experiment in them, and its page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from dashboards.experiments.page import assemble_experiment, render_experiment
from dashboards.experiments.reading import read_experiment
from lake.catalog import SCHEMAS, create_table
from lake.model_tables import model_tables
from lake.tables import TABLES
from tests.dashboards.conftest import write
from tests.dashboards.experiments.rows import TRAJECTORIES, TRANSFER_VERDICTS, lake_rows
from tests.experiment_rows import NAME, VERSION


@dataclass
class FilledLake:
    """Every declared table in plain DuckDB, empty until `fill` writes `lake_rows` of its arguments."""

    connection: duckdb.DuckDBPyConnection

    def fill(self, **arguments: Any) -> duckdb.DuckDBPyConnection:
        write(self.connection, lake_rows(**arguments))
        return self.connection


@pytest.fixture
def filled() -> Iterator[FilledLake]:
    connection = duckdb.connect()
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {schema}")
    declared = {table.full_name: table for table in (TRAJECTORIES, TRANSFER_VERDICTS, *model_tables(), *TABLES)}
    for table in declared.values():
        create_table(connection, table._replace(partitioned_by_month=False))
    yield FilledLake(connection)
    connection.close()


@pytest.fixture
def experiment_page(filled: FilledLake) -> Callable[..., str]:
    """The HTML of the made-up experiment's page; every figure but `failing` must be drawn."""

    def draw_in_memory(*, failing: str = "", **arguments: Any) -> str:
        content = assemble_experiment(read_experiment(filled.fill(**arguments), NAME, VERSION))
        failed = [figure.note for figure in content.figures if "could not be drawn" in figure.title]
        assert [note for note in failed if not failing or f" {failing} " not in note] == []
        return render_experiment(content)

    return draw_in_memory
