"""Where a text can be found after a night: in any file of the store, packed or not, in the lake, in what was said."""

from __future__ import annotations

import gzip
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from lake.catalog import connect_reader
from lake.store import Store


def traces(texts: Iterable[str], store: Store, done: subprocess.CompletedProcess[str] | None = None) -> list[str]:
    """Return 'place: text' for each text that is found; `done` is a command that ran."""
    sought = [text.encode() for text in texts]
    places = [*_files(store.home), *_tables(store)]
    places += [("stdout", done.stdout.encode()), ("stderr", done.stderr.encode())] if done else []
    return [f"{place}: {text.decode()}" for place, content in places for text in sought if text in content]


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path), content
        if content.startswith(b"\x1f\x8b"):
            yield f"{path} (unpacked)", gzip.decompress(content)
        if content.startswith(b"SQLite format 3"):  # a long text is split over pages
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                yield f"{path} (dumped)", "\n".join(database.iterdump()).encode("utf-8", "replace")
        if content.startswith(b"PAR1"):
            yield f"{path} (rows)", _rows(duckdb.connect(), f"read_parquet('{path}')")


def _tables(store: Store) -> Iterator[tuple[str, bytes]]:
    """Every value of every table, read as `driftlake sql --latest` reads them."""
    if not store.exists():
        return
    connection = connect_reader(store, "head")
    try:
        views = connection.execute("SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        for schema, table in views:
            yield f"{schema}.{table}", _rows(connection, f'"{schema}"."{table}"')
    finally:
        connection.close()


def _rows(connection: duckdb.DuckDBPyConnection, source: str) -> bytes:
    found = connection.execute(f"SELECT CAST(to_json(found) AS VARCHAR) FROM {source} AS found").fetchall()
    return "\n".join(row for (row,) in found).encode()
