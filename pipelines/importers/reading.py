"""Rows of a file of recorded answers, one at a time: Parquet, JSONL (.jsonl, .ndjson) or CSV, by its ending."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lake.errors import InputError

Row = dict[str, Any]
NumberedRow = tuple[int, Row | str]
"""(row of the file from 1, its values by column name, or why it cannot be read)"""

_ROWS_A_READ = 2000
_LONGEST_CELL = 1 << 27


def rows_of(path: Path) -> Iterator[NumberedRow]:
    """Yield every row of a file, in order; a row that cannot be read comes as the reason.

    Raises InputError where the file is missing, of another kind, or cannot be read at all.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path} is none of {', '.join(sorted(_READERS))}. Give Parquet, JSONL or CSV by its ending.")
    if not path.is_file():
        raise InputError(f"There is no file {path}. Give the path of a file with recorded answers.")
    try:
        yield from reader(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}. Nothing was imported.") from error


def sha_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parquet_rows(path: Path) -> Iterator[NumberedRow]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        number = 0
        for batch in parquet.ParquetFile(path).iter_batches(_ROWS_A_READ):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except pa.ArrowException as error:
        raise InputError(f"{path} is not a whole Parquet file: {str(error).splitlines()[0]}") from error


def _jsonl_rows(path: Path) -> Iterator[NumberedRow]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, _object(line)


def _object(line: bytes) -> Row | str:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return "unreadable line: not UTF-8"
    except (ValueError, RecursionError):
        return "unreadable line: not JSON"
    return value if isinstance(value, dict) else "unreadable line: not a JSON object"


def _csv_rows(path: Path) -> Iterator[NumberedRow]:
    csv.field_size_limit(_LONGEST_CELL)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = csv.reader(file, strict=True)
        names: list[str] | None = None
        number = 0
        while True:
            try:
                cells = next(lines)
            except StopIteration:
                return
            except csv.Error:
                number += 1
                yield number, "unreadable line: not CSV"
                continue
            if names is None:
                names = cells
            elif cells:
                number += 1
                yield number, _cells(names, cells)


def _cells(names: list[str], cells: list[str]) -> Row | str:
    if len(cells) != len(names):
        return f"unreadable line: {len(cells)} cells under {len(names)} columns"
    if any("\udc80" <= letter <= "\udcff" for cell in cells for letter in cell if letter >= "\ud800"):
        return "unreadable line: not UTF-8"
    # CSV cannot tell an empty text from none: only an answer can be empty
    return {name: cell if cell or name == "response" else None for name, cell in zip(names, cells, strict=True)}


_READERS: dict[str, Callable[[Path], Iterator[NumberedRow]]] = {
    ".parquet": _parquet_rows,
    ".jsonl": _jsonl_rows,
    ".ndjson": _jsonl_rows,
    ".csv": _csv_rows,
}
