"""Putting facts into `raw` with dlt: append only, under a frozen schema contract, safe to run twice.

What the lake already holds is left out by the table's grain before dlt sees it. dlt may be killed
between its commit and its own bookkeeping; its pending packages are therefore dropped at the next
start, and the grain decides again what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from lake.catalog import EXTENSIONS, connect_writer, extension_path, quoted
from lake.errors import StoreError
from lake.locks import exclusive
from lake.store import Store
from lake.tables import Table

if TYPE_CHECKING:
    import duckdb

_CONTRACT = {"tables": "evolve", "columns": "evolve", "data_type": "freeze"}
"""Columns are held to lake/tables.py by `_require_declared`: dlt's freeze refuses what an upgrade added since."""

_POLARS_TYPES: dict[str, Any] = {
    "VARCHAR": pl.String,
    "BIGINT": pl.Int64,
    "INTEGER": pl.Int32,
    "DOUBLE": pl.Float64,
    "BOOLEAN": pl.Boolean,
    "DATE": pl.Date,
    "TIMESTAMP WITH TIME ZONE": pl.Datetime("us", "UTC"),
}


def frame_of(table: Table, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return rows as a frame with exactly the table's columns and types; missing keys are null."""
    schema = {column.name: _POLARS_TYPES[column.type] for column in table.columns}
    unknown = {key for row in rows for key in row} - schema.keys()
    if unknown:
        raise StoreError(
            f"Rows for {table.full_name} carry undeclared fields {sorted(unknown)}. "
            "Declare them in lake/tables.py, or drop them where the rows are made."
        )
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema, orient="row")


def load(store: Store, frames: Mapping[Table, pl.DataFrame]) -> dict[str, int]:
    """Append to `raw` what the lake lacks; return the rows appended by table name.

    Every frame has exactly its table's columns. Loading the same frames again appends nothing.
    Raises StoreError where a non-null column holds null or the lake cannot be written, KeyboardInterrupt where the user
    stopped it.
    """
    for table, frame in frames.items():
        _require_declared(table, frame)
        _require_values(table, frame)
    with exclusive(store.state / "loading.lock", "Another wave's load", wait=True):
        connection = connect_writer(store)
        try:
            found = {table: unknown_rows(connection, table, frame) for table, frame in frames.items()}
        finally:
            connection.close()
        missing = {table: frame for table, frame in found.items() if not frame.is_empty()}
        if missing:
            _run_pipeline(store, missing)
    return {table.name: frame.height for table, frame in missing.items()}


def unknown_rows(connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `frame` whose grain the lake does not hold, without repeats, in their order."""
    if frame.is_empty():
        return frame
    numbered = frame.unique(subset=table.grain, keep="first", maintain_order=True).with_row_index("row_order")
    connection.register("candidate_rows", numbered.select("row_order", *table.grain).to_arrow())
    same = " AND ".join(f"known.{name} IS NOT DISTINCT FROM candidate_rows.{name}" for name in table.grain)
    found = connection.execute(
        f"SELECT row_order FROM candidate_rows "
        f"WHERE NOT EXISTS (SELECT 1 FROM {table.full_name} AS known WHERE {same}) ORDER BY row_order"
    ).pl()
    connection.unregister("candidate_rows")
    return numbered.join(found, on="row_order", how="semi", maintain_order="left").drop("row_order")


def _run_pipeline(store: Store, frames: Mapping[Table, pl.DataFrame]) -> None:
    import dlt
    from dlt.common.exceptions import DltException

    pipeline = dlt.pipeline(
        pipeline_name="driftlake_raw",
        pipelines_dir=str(store.state / "dlt"),
        destination=_destination(store),
        dataset_name="raw",
    )
    pipeline.abort_packages()
    try:
        pipeline.run(
            [_resource(table, frame) for table, frame in frames.items()],
            schema_contract=_CONTRACT,
            loader_file_format="parquet",
        ).raise_on_failed_jobs()
    except (DltException, OSError) as error:
        if _was_interrupted(error):
            raise KeyboardInterrupt from error  # dlt takes Ctrl-C and SIGTERM for a failed step
        raise StoreError(
            f"Loading into {store.home} stopped: {str(error).strip().splitlines()[0]} "
            "The journal keeps every answer; start the same command again once the cause is gone."
        ) from error


def _was_interrupted(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _resource(table: Table, frame: pl.DataFrame) -> Any:
    import dlt

    return dlt.resource(
        [frame.to_arrow()],
        name=table.name,
        write_disposition="append",
    )


def _destination(store: Store) -> Any:
    import dlt
    from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

    credentials = DuckLakeCredentials("lake", catalog=f"sqlite:///{store.catalog}", storage=f"file://{store.data}")
    credentials.extensions = [quoted(path) if (path := extension_path(name)) else name for name in EXTENSIONS]
    return dlt.destinations.ducklake(credentials=credentials, override_data_path=True)


def _require_declared(table: Table, frame: pl.DataFrame) -> None:
    declared = [column.name for column in table.columns]
    if frame.columns != declared:
        differing = sorted(set(frame.columns) ^ set(declared)) or "their order"
        raise StoreError(
            f"Rows for {table.full_name} do not have the declared columns (differing: {differing}). "
            "Declare them in lake/tables.py. Nothing of this load was written."
        )


def _require_values(table: Table, frame: pl.DataFrame) -> None:
    for column in table.columns:
        if not column.nullable and frame[column.name].null_count():
            raise StoreError(
                f"{frame[column.name].null_count()} rows for {table.full_name} have no {column.name}, "
                "which must not be null. Nothing of this load was written."
            )
