"""Reading the lake from the command line: ad hoc SQL, where the waves stand, where the page lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lake.catalog import connect_reader
from lake.errors import InputError, NoLakeError
from lake.inert import visible
from lake.store import Store

if TYPE_CHECKING:
    import duckdb

_ROWS_SHOWN = 1000
FORMATS = ("table", "csv", "json", "parquet")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet run a text: OWASP, CSV Injection (seen November 2026), full-width forms included."""


def answer(store: Store, query: str, at: str | None, form: str, out: TextIO) -> None:
    """Run a query read-only and write its result in the form asked for.

    Raises InputError for SQL that DuckDB refuses, for an unknown form, and for Parquet to a terminal.
    """
    import duckdb

    if form not in FORMATS:
        raise InputError(f"--format {form!r} is not known. Choose one of {', '.join(FORMATS)}.")
    if form == "parquet" and out.isatty():
        raise InputError(
            "Parquet is not for a terminal. Send it to a file: driftlake sql … --format parquet > rows.parquet"
        )
    connection = connect_reader(store, at)
    try:
        result = connection.sql(query)
        if result is not None:
            _WRITERS[form](connection, result, out)
    except duckdb.Error as error:
        raise InputError(f"The query cannot be answered: {visible(str(error))}") from error
    finally:
        connection.close()


def status_text(store: Store, panel: str | None) -> str:
    """Return the newest waves and where each stands, as a table for people."""
    connection = connect_reader(store, "head")
    try:
        result = connection.sql(
            """
            SELECT wave_id, wave_kind AS kind, status, planned_cells AS planned, ok_cells AS ok,
                   cost_usd, strftime(finished_at, '%Y-%m-%d %H:%M') AS finished_utc,
                   max(publications.snapshot_id) AS snapshot
            FROM ops.waves LEFT JOIN ops.publications USING (wave_id)
            WHERE $panel IS NULL OR panel = $panel
            GROUP BY ALL ORDER BY any_value(wave_date) DESC, wave_id LIMIT 30
            """,
            params={"panel": panel},
        )
        return f"Lake at {store.home}\n{visible(str(result))}"
    finally:
        connection.close()


def report_path(store: Store) -> Path:
    """Return the newest page; raise InputError where none was drawn yet."""
    if not store.exists():
        raise NoLakeError(store.home)
    path = store.site / "index.html"
    if not path.is_file():
        raise InputError(
            f"No page was drawn in {store.home} yet: no wave was published. "
            "`driftlake status` shows where the waves stand."
        )
    return path


def _write_table(_: duckdb.DuckDBPyConnection, result: duckdb.DuckDBPyRelation, out: TextIO) -> None:
    import io
    import shutil
    from contextlib import redirect_stdout

    width = shutil.get_terminal_size((200, 24)).columns if out.isatty() else 10_000
    shown = io.StringIO()
    with redirect_stdout(shown):
        result.show(max_width=width, max_rows=_ROWS_SHOWN, max_col_width=120)
    out.write(visible(shown.getvalue()))


def _write_csv(_: duckdb.DuckDBPyConnection, result: duckdb.DuckDBPyRelation, out: TextIO) -> None:
    import csv

    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_csv_cell(name) for name in result.columns])
    while rows := result.fetchmany(10_000):
        writer.writerows([[_csv_cell(value) for value in row] for row in rows])


def _csv_cell(value: object) -> object:
    """Return a value for CSV; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    if not isinstance(value, str):
        return value
    return visible(f"'{value}" if value.startswith(_FORMULA_STARTS) else value)


def _write_json(_: duckdb.DuckDBPyConnection, result: duckdb.DuckDBPyRelation, out: TextIO) -> None:
    import json

    names = result.columns
    while rows := result.fetchmany(10_000):
        for row in rows:
            out.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=True, default=str) + "\n")


def _write_parquet(_: duckdb.DuckDBPyConnection, result: duckdb.DuckDBPyRelation, out: TextIO) -> None:
    import pyarrow.parquet as pq

    pq.write_table(result.to_arrow_table(), out.buffer, compression="zstd")


_WRITERS = {"table": _write_table, "csv": _write_csv, "json": _write_json, "parquet": _write_parquet}
