"""Published effects and what testing them again gave, as rows of raw.effects: one row an effect."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from lake.errors import InputError
from pipelines.importers.reading import rows_of, sha_of

TEXTS = ("study", "effect_id")
NUMBERS = ("estimate", "p_value", "again_estimate", "again_p_value")
MAY_BE_MISSING = ("p_value",)


def effects_of(path: Path, now: datetime) -> list[dict[str, Any]]:
    """Return the effects of a Parquet, JSONL or CSV file with the columns TEXTS and NUMBERS; others are left out.

    A file is taken whole or not at all: a share of replications over the readable part of it would be another share.
    Raises InputError naming the first row that cannot be used.
    """
    source = {"source_sha": sha_of(path), "source_name": path.name, "imported_at": now} if path.is_file() else {}
    rows: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], int] = {}
    for number, row in rows_of(path):
        if isinstance(row, str):
            raise InputError(f"Row {number} of {path}: {row}. Correct it; nothing was imported.")
        values = _values(row, f"Row {number} of {path}")
        key = values["study"], values["effect_id"]
        if key in seen:
            raise InputError(
                f"Row {number} of {path} names effect {key[1]!r} of {key[0]!r} again (first in row {seen[key]}). "
                "Give each effect a name of its own; nothing was imported."
            )
        seen[key] = number
        rows.append(values | source)
    return rows


def _values(row: dict[str, Any], where: str) -> dict[str, Any]:
    texts = {name: str(row.get(name) or "").strip() for name in TEXTS}
    if missing := [name for name, text in texts.items() if not text]:
        raise InputError(f"{where} has no {missing[0]}. Columns: {', '.join(TEXTS + NUMBERS)}; nothing was imported.")
    return texts | {name: _number(name, row.get(name), where) for name in NUMBERS}


def _number(name: str, value: object, where: str) -> float | None:
    if (value is None or value == "") and name in MAY_BE_MISSING:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"{where}: {name} is no number ({value!r}). Correct it; nothing was imported.") from None
    if not isfinite(number) or (name.endswith("p_value") and not 0 <= number <= 1):
        raise InputError(f"{where}: {name} is {number}, which is out of range. Correct it; nothing was imported.")
    return number
