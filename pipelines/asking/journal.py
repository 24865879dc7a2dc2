"""The journal of a wave: every attempt of one endpoint, one JSON object a line, on disk as it arrives.

The kernel has a line once `append` returns, so a killed process loses nothing it was given. A line that a crash
cut short at the end of the file is dropped when the journal is next opened for writing; anywhere else it is an
error, because then something other than a crash has touched the file.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import polars as pl
from polars.datatypes import DataType

from lake.errors import BusyError, StoreError
from lake.tables import RAW_ATTEMPTS
from pipelines.asking.error_classes import ACTIONS
from pipelines.asking.records import SETTLED, UNSENT, Attempt, CellKey, Question

SYNC_EVERY_S = 5.0
"""How much of a journal a power cut may take; a killed process loses none of it."""

DTYPES: dict[str, DataType] = {
    "VARCHAR": pl.String(),
    "DATE": pl.Date(),
    "INTEGER": pl.Int32(),
    "BIGINT": pl.Int64(),
    "DOUBLE": pl.Float64(),
    "TIMESTAMP WITH TIME ZONE": pl.Datetime("us", "UTC"),
}

FRAME_SCHEMA: dict[str, DataType] = {column.name: DTYPES[column.type] for column in RAW_ATTEMPTS.columns}
"""Columns and types of `journal_frame`: those of raw.attempts, in their order."""

_FILE_SCHEMA: dict[str, DataType] = {
    name: pl.String() if dtype.is_temporal() else dtype for name, dtype in FRAME_SCHEMA.items()
}
_FIELDS = tuple(field.name for field in fields(Attempt) if field.name != "amends")
_GRAIN = list(RAW_ATTEMPTS.grain)
_AMENDS = b'"amends": true}'
"""How the line of an attempt ends that stands in the place of an earlier one."""
_REQUIRED = tuple(column.name for column in RAW_ATTEMPTS.columns if not column.nullable)


class Journal:
    """The attempts of one endpoint in one wave. Use it in a `with` block to append; reading needs none.

    Only one process can append at a time: a second one gets BusyError.
    """

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.endpoint = endpoint
        self.path = folder / f"{quote(endpoint, safe='')}.jsonl"
        self._descriptor: int | None = None
        self._synced = 0.0

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, _complete_bytes(self.path))
        except BlockingIOError as error:
            os.close(descriptor)
            raise BusyError(
                f"Another process is asking {self.endpoint} for this wave ({self.path} is locked). "
                "Let it finish, or stop it and start the same command again: nothing is lost."
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise self._unwritable(error) from error
        self._descriptor, self._synced = descriptor, time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def append(self, attempt: Attempt) -> None:
        """Write one attempt; raise StoreError when the disk does not take it."""
        if self._descriptor is None:
            raise StoreError(f"{self.path} is not open for writing. Append inside `with Journal(…) as journal`.")
        line = json.dumps(_row(attempt), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
            elif time.monotonic() - self._synced >= SYNC_EVERY_S:
                os.fsync(self._descriptor)
                self._synced = time.monotonic()
        except OSError as error:
            raise self._unwritable(error) from error
        if written < len(line):
            raise self._unwritable(OSError(f"only {written} of {len(line)} bytes were taken"))

    def attempts(self) -> Iterator[Attempt]:
        """Yield every complete attempt in the order of writing; a line cut short at the end is left out.

        An attempt that was amended is yielded once, as it was amended.
        """
        amended = {(a.key, a.attempt) for a in self._read(lambda line: line.endswith(_AMENDS))}
        for attempt in self._read(lambda _: True):
            if attempt.amends or not amended or (attempt.key, attempt.attempt) not in amended:
                yield attempt

    def _read(self, is_wanted: Callable[[bytes], bool]) -> Iterator[Attempt]:
        for number, line in enumerate(_lines(self.path), start=1):
            if is_wanted(line):
                yield _attempt(self.path, number, line)

    def settled(self) -> set[CellKey]:
        """Return the cells that need no further asking."""
        return {attempt.key for attempt in self.attempts() if attempt.outcome in SETTLED}

    def spent_usd(self, purpose: str | None = None) -> float:
        """Return the sum of the known costs in USD, of the cells of one purpose or of all."""
        return sum(a.cost_usd for a in self.attempts() if a.cost_usd is not None and purpose in (None, a.purpose))

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"The journal {self.path} cannot be written ({error.strerror or error}). What it holds is kept; "
            "free some space or make it writable, and start the same command again."
        )


def remaining(questions: Sequence[Question], journal: Journal) -> list[Question]:
    """Return the questions whose cell is not settled, each with its attempts so far counted.

    In their order, but those that failed least often first: a few cells that nothing can save would otherwise make
    their model look dead at each start, and keep its other cells from being asked.
    """
    attempts: Counter[CellKey] = Counter()
    failures: Counter[CellKey] = Counter()
    settled: set[CellKey] = set()
    for attempt in journal.attempts():
        attempts[attempt.key] += 1
        failures[attempt.key] += not _is_of_the_model(attempt.error_class)
        if attempt.outcome in SETTLED:
            settled.add(attempt.key)
    left = [replace(q, attempts_before=attempts[q.cell.key]) for q in questions if q.cell.key not in settled]
    return sorted(left, key=lambda question: failures[question.cell.key])


def _is_of_the_model(error_class: str | None) -> bool:
    """Say whether a failure says nothing of its cell: it was not sent, or the model, key or money was at fault."""
    return error_class in UNSENT or ACTIONS.get(error_class or "", "retry") not in {"retry", "give_up"}


def journal_frame(paths: Iterable[Path]) -> pl.DataFrame:
    """Return the attempts of journal files with exactly the columns and types of raw.attempts.

    Raises StoreError naming file and line where a line is not an attempt.
    """
    frames = [_frame(path) for path in paths]
    return pl.concat(frames) if frames else pl.DataFrame(schema=FRAME_SCHEMA)


def _frame(path: Path) -> pl.DataFrame:
    content = b"\n".join(_lines(path))
    if not content:
        return pl.DataFrame(schema=FRAME_SCHEMA)
    try:
        frame = pl.read_ndjson(content, schema=_FILE_SCHEMA).select(
            pl.col("wave_date").str.to_date("%Y-%m-%d")
            if name == "wave_date"
            else pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC")
            if dtype.is_temporal()
            else pl.col(name)
            for name, dtype in FRAME_SCHEMA.items()
        )
        if content.rfind(_AMENDS) >= 0:
            frame = frame.unique(subset=_GRAIN, keep="last", maintain_order=True)
    except pl.exceptions.PolarsError:
        frame = None
    if frame is None or any(frame[name].null_count() for name in _REQUIRED):
        # Polars does not say which line it was; the slow way does, by raising.
        rows = [_row(_attempt(path, number, line)) for number, line in enumerate(_lines(path), start=1)]
        raise StoreError(f"{path} cannot be read as {len(rows)} attempts. Look at its lines for values out of range.")
    return frame


def _row(attempt: Attempt) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(attempt, name) for name in _FIELDS}
    row["wave_date"] = attempt.wave_date.isoformat()
    row["asked_at"] = attempt.asked_at.astimezone(UTC).isoformat(timespec="microseconds")
    return row | {"amends": True} if attempt.amends else row


def _attempt(path: Path, number: int, line: bytes) -> Attempt:
    try:
        row = json.loads(line)
        known = {name: row.get(name) for name in _FIELDS}
        known["wave_date"] = date.fromisoformat(row["wave_date"])
        known["asked_at"] = datetime.fromisoformat(row["asked_at"])
        known["amends"] = row.get("amends", False)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _torn(path, number) from error
    if any(known[name] is None for name in _REQUIRED):
        raise _torn(path, number)
    return Attempt(**known)


def _lines(path: Path) -> Iterator[bytes]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def _complete_bytes(path: Path) -> int:
    """Return the size of a file up to the end of its last complete line."""
    size = path.stat().st_size
    with path.open("rb") as file:
        step, end = 1 << 16, size
        while end > 0:
            start = max(0, end - step)
            file.seek(start)
            if (found := file.read(end - start).rfind(b"\n")) >= 0:
                return start + found + 1
            end = start
    return 0


def _torn(path: Path, number: int) -> StoreError:
    return StoreError(
        f"{path}:{number} is not an attempt: the line was damaged after it was written. "
        "Look at it, take the line out (its cell is then asked again), and start the same command again."
    )
