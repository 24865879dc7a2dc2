"""Files of recorded answers as one frame of usable rows and one of rows kept out, each with its reason.

A row is kept out when it cannot be read, lacks model, prompt, answer or date, is a mock, holds a value of
another kind, contradicts another row about one cell, or asks under one prompt id what another row asks otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from lake.errors import InputError
from pipelines.importers.fields import AXIS_FIELDS, FIELDS, NAMES, Axis, Kind, Series
from pipelines.importers.reading import NumberedRow, rows_of, sha_of
from pipelines.importers.values import values_of
from pipelines.panels.records import CAPABILITIES

UNASSIGNED = "unassigned"
"""Capability of a recorded prompt that nobody assigned to one of the five."""

_BATCH = 5000
_PROMPT_ID, _PROMPT = NAMES.index("prompt_id"), NAMES.index("prompt")
_SHOWN = 2000
_DTYPES: dict[Kind, Any] = {
    "text": pl.String,
    "json": pl.String,
    "whole": pl.Int32,
    "number": pl.Float64,
    "instant": pl.Datetime("us", "UTC"),
}
_SCHEMA: dict[str, Any] = {
    "file_sha": pl.String,
    "file_row": pl.Int64,
    "reason": pl.String,
    **{field.name: _DTYPES[field.kind] for field in FIELDS},
}
CELL = ("wave_date", "series", "prompt_id", "sample_idx")


@dataclass(frozen=True)
class Request:
    """What to import and how to read it. `columns` maps our names to the file's; `day` dates rows without a date."""

    files: tuple[Path, ...]
    panel: str
    axis: Axis
    series: Series = "model"
    columns: dict[str, str] = field(default_factory=dict)
    day: date | None = None
    capability: str | None = None


@dataclass(frozen=True)
class SourceFile:
    """One file that was read. Equal bytes are one source, whatever the file is called."""

    sha: str
    name: str
    n_rows: int


@dataclass(frozen=True)
class Recorded:
    """What files say. `rows`: usable, one a cell; `rejects`: file_sha, file_row, reason, source_row of the others."""

    files: tuple[SourceFile, ...]
    rows: pl.DataFrame
    rejects: pl.DataFrame
    n_repeated: int


def read(request: Request) -> Recorded:
    """Read every file of a request; raise InputError where one cannot be read or a mapped column is in none of them."""
    files: dict[str, SourceFile] = {}
    parts: list[pl.DataFrame] = []
    seen: set[str] = set()
    for path in request.files:
        numbered = rows_of(path)
        first = next(numbered, None)  # a path that cannot be read is refused before it is hashed
        sha = sha_of(path)
        if sha in files or first is None:
            continue
        rows = 0
        numbered = chain([first], numbered)
        while batch := list(islice(numbered, _BATCH)):
            rows += len(batch)
            parts.append(_judged(_frame(sha, batch, request, seen), request))
        files[sha] = SourceFile(sha, path.name, rows)
    _require_columns(request, seen)
    frame = pl.concat(parts) if parts else _judged(pl.DataFrame(schema=_SCHEMA), request)
    return _settled(tuple(files.values()), frame)


def _frame(sha: str, batch: Iterable[NumberedRow], request: Request, seen: set[str]) -> pl.DataFrame:
    lines: list[tuple[Any, ...]] = []
    columns: dict[str, str] = {}
    keys: frozenset[str] | None = None
    for number, row in batch:
        if isinstance(row, str):
            lines.append((sha, number, row, *([None] * len(FIELDS))))
            continue
        if keys != row.keys():
            keys = frozenset(row)
            columns = _columns(keys, request)
            seen |= keys
        values, problem = values_of(row, columns)
        lines.append((sha, number, problem, *_with_id(values)))
    return pl.DataFrame(lines, schema=_SCHEMA, orient="row")


def _with_id(values: list[Any]) -> list[Any]:
    """Give a prompt without an id one that is made from its text."""
    prompt_id, prompt = values[_PROMPT_ID], values[_PROMPT]
    if prompt and not (prompt_id and prompt_id.strip()):
        values[_PROMPT_ID] = f"text-{hashlib.sha256(prompt.encode()).hexdigest()[:16]}"
    return values


def _columns(present: frozenset[str], request: Request) -> dict[str, str]:
    """Return the file's column of each of our fields: the mapped one, else ours, else an alias that is there."""
    found = {}
    for known in FIELDS:
        offered = (request.columns.get(known.name), known.name, *known.aliases)
        if name := next((name for name in offered if name in present), None):
            found[known.name] = name
    return found


def _require_columns(request: Request, seen: set[str]) -> None:
    for ours, theirs in request.columns.items():
        if theirs not in seen:
            raise InputError(
                f"--map {ours}={theirs}: no file has a column {theirs!r}. Columns: {', '.join(sorted(seen))}."
            )


def _judged(frame: pl.DataFrame, request: Request) -> pl.DataFrame:
    """Add wave_date and series, and to every row that cannot be used the reason why."""
    dated = pl.col(AXIS_FIELDS[request.axis]).dt.date()
    frame = frame.with_columns(
        wave_date=dated.fill_null(request.day) if request.day else dated,
        series=pl.col(request.series),
        sample_idx=pl.col("sample_idx").fill_null(0),
        capability=pl.lit(request.capability) if request.capability else pl.col("capability").fill_null(UNASSIGNED),
    )
    checks = (
        (_blank("model"), "no model"),
        (_blank("series"), f"no {request.series}"),
        (_blank("prompt"), "no prompt"),
        (pl.col("response").is_null(), "no answer"),
        (pl.col("status") == "mock", "a mock, not an answer"),
        (pl.col("wave_date").is_null(), f"no {AXIS_FIELDS[request.axis]} to date it by"),
        (pl.col("sample_idx") < 0, "sample_idx below 0"),
        (~pl.col("capability").is_in([*CAPABILITIES, UNASSIGNED]), "unknown capability"),
    )
    return frame.with_columns(
        reason=pl.coalesce("reason", *(pl.when(check).then(pl.lit(why)) for check, why in checks))
    )


def _blank(name: str) -> pl.Expr:
    return pl.col(name).is_null() | (pl.col(name).str.strip_chars() == "")


def _settled(files: tuple[SourceFile, ...], frame: pl.DataFrame) -> Recorded:
    """Set rows against each other: repeats count once, contradictions are kept out whole."""
    rows = frame.filter(pl.col("reason").is_null()).with_row_index("place")
    order = ("wave_date", "series", "prompt_id", "sample_idx", "model", "response", "place")
    rows = _agreeing_prompts(rows.sort(order))
    good = rows.filter(pl.col("reason").is_null())
    single = good.unique([*CELL, "response"], keep="first", maintain_order=True)
    answers = pl.len().over(CELL)
    single = single.with_columns(
        reason=pl.when(answers > 1).then(pl.format("{} different answers for one cell", answers))
    )
    kept = single.filter(pl.col("reason").is_null())
    as_read = pl.struct(NAMES).struct.json_encode().str.slice(0, _SHOWN)
    rejects = pl.concat(
        part.select("file_sha", "file_row", "reason", source_row=as_read)
        for part in (frame, rows, single)
        for part in (part.filter(pl.col("reason").is_not_null()),)
    ).sort("file_sha", "file_row")
    return Recorded(files, kept.drop("reason"), rejects, good.height - single.height)


def _agreeing_prompts(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep one text a prompt id and one id a text on each date: the most frequent text, the first id."""
    plain = pl.col("prompt").str.to_lowercase().str.replace_all(r"\s+", " ")
    texts = (
        rows.group_by("wave_date", "prompt_id", "prompt")
        .len()
        .sort("wave_date", "prompt_id", "len", "prompt", descending=[False, False, True, False])
        .unique(["wave_date", "prompt_id"], keep="first", maintain_order=True)
        .with_columns(first_id=pl.col("prompt_id").min().over("wave_date", plain))
    )
    return (
        rows.join(
            texts.select("wave_date", "prompt_id", "first_id", usual=pl.col("prompt")),
            on=["wave_date", "prompt_id"],
            how="left",
            maintain_order="left",
        )
        .with_columns(
            reason=pl.when(pl.col("prompt") != pl.col("usual"))
            .then(pl.lit("another text under the same prompt id"))
            .when(pl.col("prompt_id") != pl.col("first_id"))
            .then(pl.format("repeats the text of prompt {}", "first_id"))
        )
        .drop("first_id", "usual")
    )
