"""Rows that wait in files beside a wave's journal until they are loaded."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lake.tables import RAW_CATALOG_ENDPOINTS, RAW_CATALOG_MODELS, RAW_KEY_SNAPSHOTS

EVALS_FILE = "checkpoint_evals.json"
CATALOG_FILE = "catalog-{endpoint}.json"
OFFERS_FILE = "offers-{endpoint}.json"
KEYS_FILE = "keys-{endpoint}.json"
PAGES = {RAW_CATALOG_MODELS: CATALOG_FILE, RAW_CATALOG_ENDPOINTS: OFFERS_FILE, RAW_KEY_SNAPSHOTS: KEYS_FILE}
"""What a service says of itself, and the file that keeps it beside the journal until it is loaded."""


def kept_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows that `keep_rows` wrote, with dates and times as ISO text; none where there is no such file."""
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def dated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with the ISO texts of dates and times as values again; JSON cannot carry them."""
    return [{name: _value(name, value) for name, value in row.items()} for row in rows]


def _value(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name == "wave_date":
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if name.endswith("_at") else value


def keep_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows beside the wave's journal, whole or not at all; they wait there until they are loaded."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(rows, ensure_ascii=False, default=str), encoding="utf-8")
    unfinished.replace(path)
