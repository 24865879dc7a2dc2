"""Values of one row by the kinds of their fields. What is of another kind is named, not guessed at."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from pipelines.asking.redaction import LONE_SURROGATES
from pipelines.importers.fields import FIELDS, Kind


def value_of(kind: Kind, given: Any) -> Any:
    """Return a value as its kind says: text, int, float or an instant in UTC; None for none.

    Raises TypeError or ValueError where it is of another kind.
    """
    return None if given is None else _KINDS[kind](given)


def values_of(row: dict[str, Any], columns: dict[str, str]) -> tuple[list[Any], str | None]:
    """Return a row's values in the order of FIELDS, and what is wrong with them: None where nothing is.

    `columns` names the file's column of each of our fields that it has.
    """
    values: list[Any] = []
    problem = None
    for field in FIELDS:
        given = row.get(columns[field.name]) if field.name in columns else None
        try:
            values.append(value_of(field.kind, given))
        except (TypeError, ValueError, OverflowError):
            values.append(None)
            problem = problem or f"wrong type: {field.name} is no {_NAMES[field.kind]}"
    return values, problem


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError(given)
    return LONE_SURROGATES.sub("\ufffd", given)


def _json(given: Any) -> str:
    return _text(given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, sort_keys=True))


def _whole(given: Any) -> int:
    number = _number(given)
    if number != int(number) or abs(number) > 2**31 - 1:
        raise ValueError(given)
    return int(number)


def _number(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float, str)) or not math.isfinite(float(given)):
        raise ValueError(given)
    return float(given)


def _instant(given: Any) -> datetime | None:
    if isinstance(given, str):
        if not given.strip():
            return None
        given = datetime.fromisoformat(given.strip())
    if isinstance(given, datetime):
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    if isinstance(given, date):
        return datetime.combine(given, time(), UTC)
    raise ValueError(given)


_KINDS: dict[Kind, Callable[[Any], Any]] = {
    "text": _text,
    "json": _json,
    "whole": _whole,
    "number": _number,
    "instant": _instant,
}
_NAMES: dict[Kind, str] = {
    "text": "text",
    "json": "JSON",
    "whole": "whole number",
    "number": "number",
    "instant": "date or time",
}
