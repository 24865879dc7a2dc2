"""Metrics of other people's experiments as rows of raw.foreign_metrics (docs/importing_metrics.md).

Long files have one number a row, wide ones several: `melts` names the columns that are numbers. A file is taken whole
or not at all: what is found broken in a study must not be the doing of the import.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lake.errors import InputError
from pipelines.importers.metric_fields import HEADLINE, METRIC_FIELDS, METRIC_NAMES, PRODUCT, ROLES, UNITS
from pipelines.importers.reading import Row, rows_of, sha_of
from pipelines.importers.values import value_of

if TYPE_CHECKING:
    import duckdb

SHOWN = 5
_PARTS = re.compile(r"^\s*([\d.]+)\s*\(\s*([\d.]+(?:\s*[x*\u00d7]\s*[\d.]+)+)\s*\)\s*$")
_KINDS = {"whole": "whole number", "number": "number", "text": "text"}


class Melt(NamedTuple):
    """A column of a wide file that holds one metric; `unit` is None where the file or --set says it."""

    metric: str
    unit: str | None
    column: str


@dataclass(frozen=True)
class Layout:
    """How a file says what our fields mean. Columns of nested objects are dotted: `capability.total`.

    `controls`: (analysis or None for all, source) that are said to stay where they are. `headlines`: analysis to the
    epoch that it quotes.
    """

    study: str
    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    melts: tuple[Melt, ...] = ()
    controls: tuple[tuple[str | None, str], ...] = ()
    headlines: dict[str, int] = field(default_factory=dict)


def layout_of(
    study: str,
    maps: Sequence[str] = (),
    melts: Sequence[str] = (),
    constants: Sequence[str] = (),
    controls: Sequence[str] = (),
    headlines: Sequence[str] = (),
) -> Layout:
    """Return what the command line says of a file; raise InputError naming the option that cannot be used."""
    if not study.strip():
        raise InputError("--study is empty. Name what the numbers belong to, like explore-persona-space.")
    epochs = dict(_pair("--headline", text, "ANALYSIS=EPOCH") for text in headlines)
    for analysis, epoch in epochs.items():
        if not epoch.isdigit():
            raise InputError(f"--headline {analysis}={epoch}: {epoch!r} is no epoch. Give a whole number.")
    return Layout(
        study=study,
        columns=dict(_ours("--map", text) for text in maps),
        constants=dict(_ours("--set", text) for text in constants),
        melts=_melts(melts),
        controls=tuple(_control(text) for text in controls),
        headlines={analysis: int(epoch) for analysis, epoch in epochs.items()},
    )


def metrics_of(path: Path, layout: Layout, now: datetime) -> list[dict[str, Any]]:
    """Return the numbers of a Parquet, JSONL or CSV file as rows of raw.foreign_metrics, in the file's order.

    Raises InputError where a column that was named is nowhere in the file, and naming the rows that cannot be used.
    """
    numbered: list[tuple[int, Row]] = []
    problems: list[str] = []
    n_rows = 0
    for n_rows, (number, row) in enumerate(rows_of(path), start=1):  # noqa: B007 (counted for the sentence)
        if isinstance(row, str):
            problems.append(f"row {number}: {row}")
        else:
            numbered.append((number, row))
    if not n_rows:
        raise InputError(f"{path} has no row. Give a file with a number a row; nothing was imported.")
    _require_columns(path, layout, [row for _, row in numbered])
    source = {"study": layout.study, "source_sha": sha_of(path), "source_name": path.name, "imported_at": now}
    found: list[dict[str, Any]] = []
    for number, row in numbered:
        try:
            found += [source | {"file_row": number} | metric for metric in _metrics(row, layout)]
        except ValueError as error:
            problems.append(f"row {number}: {error}")
    if problems:
        more = f"; and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
        raise InputError(
            f"{len(problems):,} of {n_rows:,} rows of {path} cannot be used: {'; '.join(problems[:SHOWN])}{more}. "
            "Correct them or the flags; nothing was imported."
        )
    return [*found, *_headlines(path, layout, found)]


def known_otherwise(connection: duckdb.DuckDBPyConnection, rows: Sequence[dict[str, Any]]) -> bool:
    """Say whether the lake holds the same file in the same study with other values, as other flags give."""
    if not rows:
        return False
    names = ("file_row", *METRIC_NAMES)
    stored = connection.execute(
        f"SELECT {', '.join(names)} FROM raw.foreign_metrics WHERE study = ? AND source_sha = ?",
        [rows[0]["study"], rows[0]["source_sha"]],
    ).fetchall()
    return bool(stored) and set(stored) != {tuple(row[name] for name in names) for row in rows}


def _metrics(row: Row, layout: Layout) -> Iterator[dict[str, Any]]:
    """Yield each number of a row; raise ValueError saying what is wrong with it."""
    said = {field.name: _said(row, field.name, layout) for field in METRIC_FIELDS}
    melts = layout.melts or (Melt(_text("metric", said["metric"]) or "", None, ""),)
    for melt in melts:
        given = _at(row, melt.column) if melt.column else said["value"]
        metric = said | {"metric": melt.metric, "unit": melt.unit or said["unit"]}
        value, product = _parts(given)
        values: dict[str, Any] = {
            each.name: value if each.name == "value" else _typed(each.name, each.kind, metric[each.name])
            for each in METRIC_FIELDS
        }
        if not values["metric"]:
            raise ValueError("no metric")
        values |= {"unit": _unit(values["unit"]), "role": _role(values, layout)}
        if problem := _impossible(values):
            raise ValueError(problem)
        yield values
        if product is not None:
            yield values | {"metric": f"{values['metric']}{PRODUCT}", "value": product}


def _said(row: Row, name: str, layout: Layout) -> Any:
    if name in layout.constants:
        return layout.constants[name]
    if name in layout.columns:
        return _at(row, layout.columns[name])
    if name in row:
        return row[name]
    aliases = next(each.aliases for each in METRIC_FIELDS if each.name == name)
    # an alias is a guess: what holds more than one value there is something else
    return next((row[each] for each in aliases if each in row and not isinstance(row[each], (dict, list))), None)


def _at(row: Row, column: str) -> Any:
    """Return what a row has at a column, or at a dotted path into it; None where it has nothing there."""
    if column in row:
        return row[column]
    found: Any = row
    for key in column.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _parts(given: Any) -> tuple[float | None, float | None]:
    """Return a number, and for a text like `64 (4 x 4 x 1)` the product of its parts too."""
    if isinstance(given, str) and (match := _PARTS.match(given)):
        return float(match[1]), math.prod(float(part) for part in re.split(r"\s*[x*\u00d7]\s*", match[2]))
    if isinstance(given, str) and not given.strip():
        return None, None
    number = _typed("value", "number", given)
    return number, None


def _typed(name: str, kind: Any, given: Any) -> Any:
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    if kind == "text":
        return _text(name, given)
    try:
        return value_of(kind, given)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is no {_KINDS[kind]} ({given!r})") from None


def _text(name: str, given: Any) -> str | None:
    if given is None:
        return None
    if isinstance(given, (dict, list, bool)):
        raise ValueError(f"{name} is no text ({given!r})")  # noqa: TRY004 (told with the row, as every other problem)
    return str(value_of("text", str(given))).strip() or None


def _unit(text: str | None) -> str | None:
    if text is not None and text.lower() not in UNITS:
        raise ValueError(f"unit {text!r} is none of {', '.join(UNITS)}")
    return UNITS[text.lower()] if text else None


def _impossible(values: dict[str, Any]) -> str | None:
    """Return why a number cannot be what its unit and denominator say; None where it can."""
    metric, value, n, unit = (values[name] for name in ("metric", "value", "n", "unit"))
    if n is not None and n < 1:
        return f"n is {n}; a denominator is 1 or more, or empty where it is not stated"
    if value is None:
        return None
    if unit == "share" and not 0 <= value <= 1:
        return f"{metric} is {value:g} and its unit share, which is 0 to 1; percent goes to 100, points are changes"
    if unit == "count" and value < 0:
        return f"{metric} is {value:g} and its unit count, which is 0 or more"
    return None


def _role(values: dict[str, Any], layout: Layout) -> str | None:
    for analysis, source in layout.controls:
        if source == values["source"] and analysis in (None, values["analysis"]):
            return "control"
    role: str | None = values["role"]
    if role not in (None, *ROLES):
        raise ValueError(f"role {role!r} is none of {', '.join(ROLES)}")
    return role


def _headlines(path: Path, layout: Layout, found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the epoch that each analysis quotes, at the first row of that analysis."""
    for analysis, epoch in layout.headlines.items():
        first = next((row for row in found if row["analysis"] == analysis), None)
        if first is None:
            raise InputError(f"--headline {analysis}={epoch}: {path} has no row of analysis {analysis!r}.")
        empty = dict.fromkeys(name for name in METRIC_NAMES if name != "analysis")
        yield first | empty | {"metric": HEADLINE, "value": float(epoch), "unit": None}


def _require_columns(path: Path, layout: Layout, rows: list[Row]) -> None:
    named = {**layout.columns, **{f"--melt {melt.metric}": melt.column for melt in layout.melts}}
    for name, column in named.items():
        if rows and not any(_has(row, column) for row in rows):
            known = ", ".join(dict.fromkeys(key for row in rows for key in row))
            raise InputError(f"{path} has no column {column!r} (for {name}). Its columns: {known}.")


def _has(row: Row, column: str) -> bool:
    return column in row or _at(row, column) is not None


def _pair(option: str, text: str, form: str) -> tuple[str, str]:
    ours, _, theirs = text.partition("=")
    if not ours.strip() or not theirs.strip():
        raise InputError(f"{option} {text!r} is not {form}.")
    return ours.strip(), theirs.strip()


def _ours(option: str, text: str) -> tuple[str, str]:
    ours, theirs = _pair(option, text, "FIELD=COLUMN" if option == "--map" else "FIELD=VALUE")
    if ours not in METRIC_NAMES:
        raise InputError(f"{option} {text!r}: {ours!r} is no field of a metric. Fields: {', '.join(METRIC_NAMES)}.")
    return ours, theirs


def _melts(texts: Sequence[str]) -> tuple[Melt, ...]:
    melts = tuple(_melt(part) for text in texts for part in text.split(","))
    names = [(melt.metric, melt.unit) for melt in melts]
    for metric, unit in names:
        if names.count((metric, unit)) > 1:
            raise InputError(
                f"--melt names {metric!r} twice. Read it from one column, or give the two their own names."
            )
    return melts


def _melt(text: str) -> Melt:
    named, column = _pair("--melt", text, "METRIC=COLUMN or METRIC:UNIT=COLUMN")
    metric, _, unit = named.partition(":")
    if unit and unit.lower() not in UNITS:
        raise InputError(f"--melt {text!r}: unit {unit!r} is none of {', '.join(UNITS)}.")
    return Melt(metric, UNITS[unit.lower()] if unit else None, column)


def _control(text: str) -> tuple[str | None, str]:
    analysis, _, source = text.rpartition("/")
    if not source:
        raise InputError(f"--control {text!r} is neither SOURCE nor ANALYSIS/SOURCE.")
    return analysis or None, source
