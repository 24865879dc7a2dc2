"""The DuckLake catalog: making a lake, writing to it, and reading it at a fixed point.

DuckLake 1.0 with a SQLite catalog in WAL mode: readers work while one writer commits. DATA_PATH is
overridden on every attach, because DuckLake stores it absolute and a lake may be moved.
"""

from __future__ import annotations

import importlib.util
import random
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import duckdb

from lake.errors import InputError, NoLakeError, StoreError
from lake.locks import exclusive
from lake.store import Store
from lake.tables import TABLES, Table

Result = TypeVar("Result")

SCHEMAS = ("ops", "raw", "core", "out")
EXTENSIONS = ("sqlite_scanner", "ducklake")
EMPTY_SNAPSHOT = 1
"""The lake is made in one transaction, so this snapshot holds every table, empty."""

_COMMIT_TRIES = 12
_LOCKED = ("database is locked", "Transaction conflict", "database table is locked")


def extension_path(name: str) -> Path | None:
    """Return the extension file that its PyPI package ships, or None where the package is absent."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        return None
    found = sorted(Path(spec.origin).parent.rglob(f"{name}.duckdb_extension"))
    return found[-1] if found else None


def quoted(text: object) -> str:
    """Return text as a SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def connect() -> duckdb.DuckDBPyConnection:
    """Return an in-memory DuckDB that can attach a lake. Nothing is downloaded where the packages are installed."""
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
        }
    )
    for name in EXTENSIONS:
        path = extension_path(name)
        if path is None:
            connection.execute(f"INSTALL {name}")
        connection.execute(f"LOAD {quoted(path) if path else name}")
    return connection


def attach(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    alias: str,
    *,
    read_only: bool,
    snapshot: int | None = None,
    catalog: Path | None = None,
) -> None:
    """Attach the store's lake under `alias`, at head or at a snapshot. Waits for a busy catalog.

    Raises StoreError where the catalog cannot be opened.
    """
    options = [
        f"DATA_PATH {quoted(store.data)}",
        "OVERRIDE_DATA_PATH true",
        "META_BUSY_TIMEOUT 10000",
    ]
    if read_only:
        options.append("READ_ONLY")
    else:
        options.append("META_JOURNAL_MODE 'WAL'")
    if snapshot is not None:
        options.append(f"SNAPSHOT_VERSION {snapshot}")
    statement = f"ATTACH {quoted(f'ducklake:sqlite:{catalog or store.catalog}')} AS {alias} ({', '.join(options)})"
    try:
        _until_unlocked(lambda: connection.execute(statement))
    except duckdb.Error as error:
        raise StoreError(
            f"The lake at {store.home} cannot be opened: {_first_line(error)} "
            "Check that the folder is readable and writable and that no file was removed from it."
        ) from error


def connect_writer(store: Store) -> duckdb.DuckDBPyConnection:
    """Return a connection that writes: the lake is attached as `lake` and is the default database."""
    if not store.exists():
        raise NoLakeError(store.home)
    connection = connect()
    attach(connection, store, "lake", read_only=False)
    connection.execute("USE lake")
    return connection


def create_lake(store: Store) -> list[str]:
    """Make the lake with every declared table; give one that exists what its version lacked, and return its names.

    The catalog is made under another name and renamed, so that a killed process leaves a whole lake or none.
    Raises StoreError where an older lake cannot become what is declared.
    """
    store.prepare()
    with exclusive(store.home / "creating.lock", "Making the lake", wait=True):
        if store.exists():
            from lake.upgrade import upgrade_lake

            return upgrade_lake(store)
        unfinished = store.catalog.with_name(f"{store.catalog.name}.unfinished")
        for path in store.home.glob(f"{unfinished.name}*"):
            path.unlink()
        connection = connect()
        try:
            attach(connection, store, "lake", read_only=False, catalog=unfinished)
            connection.execute("USE lake")
            connection.execute("CALL lake.set_option('parquet_compression', 'zstd')")
            transact(connection, _create_everything)
            connection.execute("USE memory")
            connection.execute("DETACH lake")
        finally:
            connection.close()
        unfinished.rename(store.catalog)
    return []


def transact(connection: duckdb.DuckDBPyConnection, work: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
    """Run `work` in one transaction and commit; retry all of it while another process holds the catalog.

    Single statements are never retried: that duplicates rows when the first try did commit in part.
    `work` may run several times and must only act through the connection.
    """

    def once() -> Result:
        connection.execute("BEGIN TRANSACTION")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        return result

    return _until_unlocked(once)


def connect_reader(store: Store, at: str | int | date | None = None) -> duckdb.DuckDBPyConnection:
    """Return an in-memory connection with read-only views ops.*, raw.*, core.*, out.*.

    `ops` is read at head. The others at the last publication (None), at the last publication of a
    wave dated on or before a date, at a snapshot number, or at "head". Before the first
    publication the tables are there and empty. Raises NoLakeError, or InputError for a date or
    snapshot that the lake does not have.
    """
    if not store.exists():
        raise NoLakeError(store.home)
    connection = connect()
    attach(connection, store, "head", read_only=True)
    snapshot = _snapshot_at(connection, at)
    attach(connection, store, "pinned", read_only=True, snapshot=snapshot)
    _mirror(connection, "head", ("ops",))
    _mirror(connection, "pinned", ("raw", "core", "out"), snapshot)
    return connection


def existing_tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[tuple[str, str]]:
    """Return (schema, table) of every table of an attached lake as it is now, sorted; dlt's own are left out."""
    return sorted(_existing_columns(connection, database))


def latest_snapshot(connection: duckdb.DuckDBPyConnection, database: str = "lake") -> int:
    """Return the number of the newest snapshot of an attached lake."""
    row = connection.execute(f"SELECT max(snapshot_id) FROM {database}.snapshots()").fetchone()
    return int(row[0]) if row else 0


def _create_everything(connection: duckdb.DuckDBPyConnection) -> None:
    from lake.model_tables import model_tables

    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {schema}")
    for table in (*TABLES, *model_tables()):
        create_table(connection, table)


def create_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Create one declared table, with its comment and partitioning."""
    columns = ", ".join(
        f'"{column.name}" {column.type}{"" if column.nullable else " NOT NULL"}' for column in table.columns
    )
    connection.execute(f"CREATE TABLE {table.full_name} ({columns})")
    connection.execute(f"COMMENT ON TABLE {table.full_name} IS {quoted(table.doc)}")
    if table.partitioned_by_month:
        connection.execute(f"ALTER TABLE {table.full_name} SET PARTITIONED BY (year(wave_date), month(wave_date))")


def _mirror(
    connection: duckdb.DuckDBPyConnection, source: str, schemas: tuple[str, ...], snapshot: int | None = None
) -> None:
    """Make views in one transaction, in which DuckLake reads its catalog once instead of for each view.

    A snapshot that an earlier version made lacks tables and columns that are declared today: they are there all the
    same, without rows and null, so that whatever reads today's tables reads every publication.
    """
    from lake.model_tables import model_tables

    there = _existing_columns(connection, source, snapshot)
    declared = {(table.schema, table.name): table for table in (*TABLES, *model_tables())}
    connection.execute("BEGIN TRANSACTION")
    for schema in schemas:
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    for schema, name in sorted(there.keys() | declared.keys()):
        if schema in schemas:
            query = _as_declared(source, (schema, name), there.get((schema, name)), declared.get((schema, name)))
            connection.execute(f'CREATE VIEW "{schema}"."{name}" AS {query}')
    connection.execute("COMMIT")


def _as_declared(source: str, name: tuple[str, str], there: set[str] | None, declared: Table | None) -> str:
    """Return the rows of a table as a query, with a null for each declared column that it does not have."""
    known = there or set()
    lacking = [column for column in declared.columns if column.name not in known] if declared else []
    nulls = ", ".join(f'CAST(NULL AS {column.type}) AS "{column.name}"' for column in lacking)
    if there is None:
        return f"SELECT {nulls} WHERE false"
    table = f'{source}."{name[0]}"."{name[1]}"'
    return f"SELECT *, {nulls} FROM {table}" if lacking else f"FROM {table}"


def _existing_columns(
    connection: duckdb.DuckDBPyConnection, database: str, snapshot: int | None = None
) -> dict[tuple[str, str], set[str]]:
    """Return the column names of every table of an attached lake by schema and table; dlt's own are left out.

    As of a snapshot, by default now. Read from DuckLake's own tables, as its specification names them
    (https://ducklake.select/docs/stable/specification/tables/overview): duckdb_tables() counts the rows of every
    table on the way, which takes up to a second. No bound parameter: DuckDB would import pandas, a quarter of a second.
    """
    catalog = f"__ducklake_metadata_{database}"
    alive = "end_snapshot IS NULL"
    if snapshot is not None:
        alive = f"begin_snapshot <= {snapshot} AND (end_snapshot IS NULL OR end_snapshot > {snapshot})"
    rows = connection.execute(
        f"SELECT table_id, list(column_name) FROM {catalog}.ducklake_column "
        f"WHERE parent_column IS NULL AND {alive} GROUP BY table_id"
    ).fetchall()
    columns = dict(rows)
    found = connection.execute(
        f"SELECT schema_name, table_name, table_id FROM (FROM {catalog}.ducklake_table WHERE {alive}) "
        f"JOIN {catalog}.ducklake_schema USING (schema_id)"
    ).fetchall()
    return {
        (schema, table): set(columns.get(table_id, ()))
        for schema, table, table_id in found
        if schema in SCHEMAS and not table.startswith("_dlt")
    }


def _snapshot_at(connection: duckdb.DuckDBPyConnection, at: str | int | date | None) -> int:
    if at == "head":
        return latest_snapshot(connection, "head")
    if isinstance(at, str):
        at = _parse_point(at)
    if isinstance(at, int):
        known = connection.execute(f"SELECT count(*) FROM head.snapshots() WHERE snapshot_id = {at}").fetchone()
        if not known or not known[0]:
            raise InputError(
                f"The lake has no snapshot {at} (newest: {latest_snapshot(connection, 'head')}). "
                '`driftlake sql "from ops.publications"` lists the published ones.'
            )
        return at
    query = f"""
        SELECT publications.snapshot_id
        FROM head.ops.publications JOIN head.ops.waves USING (wave_id)
        WHERE {"true" if at is None else f"wave_date <= DATE {quoted(at)}"}
        ORDER BY published_at < (
            SELECT coalesce(min(published_at), 'infinity')
            FROM head.ops.publications JOIN head.ops.waves USING (wave_id)
            WHERE {"false" if at is None else f"wave_date > DATE {quoted(at)}"}
        ) DESC, published_at DESC
        LIMIT 1
    """
    row = connection.execute(query).fetchone()
    if row is None and at is not None:
        raise InputError(
            f'No wave dated {at} or earlier was published. `driftlake sql "from ops.publications"` lists what there is.'
        )
    return int(row[0]) if row else EMPTY_SNAPSHOT


def _parse_point(text: str) -> int | date:
    if text.isdigit():
        return int(text)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{text!r} is neither a date (like 2026-01-31) nor a snapshot number. Give one of these to --at."
        ) from error


def _until_unlocked(work: Callable[[], Result]) -> Result:
    for attempt in range(1, _COMMIT_TRIES + 1):
        try:
            return work()
        except duckdb.Error as error:
            if attempt == _COMMIT_TRIES or not any(word in str(error) for word in _LOCKED):
                raise
            time.sleep(random.uniform(0, min(2.0, 0.02 * 2**attempt)))
    raise AssertionError("unreachable: the last try returns or raises")


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        return  # the failed COMMIT already ended the transaction


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
