from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lake.catalog import connect_reader, connect_writer
from lake.store import Store
from models_sql.run import BuildResult, build
from tests.models_sql.measure_scenarios import measure_waves
from tests.models_sql.scenarios import all_waves
from tests.models_sql.small_lakes import Axes, fill


@dataclass(frozen=True)
class BuiltLake:
    """A lake after a build, and the axes its vectors were made with."""

    store: Store
    axes: Axes
    result: BuildResult

    @cached_property
    def reader(self) -> duckdb.DuckDBPyConnection:
        return connect_reader(self.store, "head")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.reader.execute(query).fetchall()

    def table(self, name: str, where: str = "true") -> list[tuple[Any, ...]]:
        return self.rows(f"SELECT * FROM {name} WHERE {where} ORDER BY ALL")

    def value(self, query: str) -> Any:
        ((value,),) = self.rows(query)
        return value


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltLake:
    """Every scenario, built once. Read only."""
    store = Store(tmp_path_factory.mktemp("built"))
    axes = Axes()
    fill(store, [*all_waves(), *measure_waves()], axes)
    return BuiltLake(store, axes, build(store))


@pytest.fixture(scope="session")
def rebuilt(built: BuiltLake, tmp_path_factory: pytest.TempPathFactory) -> BuiltLake:
    """A copy of the lake with core and out deleted, one answer of panel `hand` edited and a candidate, built again."""
    store = _copy(built.store, tmp_path_factory.mktemp("rebuilt"))
    connection = connect_writer(store)
    for schema, table in connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() "
        "WHERE database_name = 'lake' AND schema_name IN ('core', 'out')"
    ).fetchall():
        connection.execute(f"DROP TABLE {schema}.{table}")
    connection.execute(
        "UPDATE raw.attempts SET response_text = 'the sea1 was1 not1 calm1' "
        "WHERE panel = 'hand' AND model_requested = 'bob' AND prompt_id = 'p1'"
    )
    connection.close()
    return BuiltLake(store, built.axes, build(store, candidate="judged/2026-01-04"))


@pytest.fixture
def copied(built: BuiltLake, tmp_path: Path) -> Iterator[Store]:
    """A copy of the built lake to break."""
    yield _copy(built.store, tmp_path)


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Store], Store]:
    """Give a copy of a lake to change."""
    return lambda store: _copy(store, tmp_path)


def _copy(store: Store, folder: Path) -> Store:
    shutil.copytree(store.home, folder, dirs_exist_ok=True)
    return Store(folder)
