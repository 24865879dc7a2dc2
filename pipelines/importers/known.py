"""What the lake already holds of a panel of recorded answers, and whether more may be added to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import polars as pl

from lake.catalog import connect_reader
from lake.errors import InputError
from lake.store import Store
from pipelines.importers.rows import Request
from pipelines.panels.schema import NAME

ENDPOINT = "imported"

_QUERIES = {
    "attempts": """
        SELECT wave_id, model_requested, prompt_id, sample_index, max(attempt) AS attempt,
            sha256(arg_max(coalesce(response_text, ''), attempt)) AS text_sha
        FROM raw.attempts WHERE panel = $panel AND endpoint = 'imported'
        GROUP BY ALL
    """,
    "cells": """
        SELECT wave_id, model_requested, prompt_id, sample_index, max(position) AS position
        FROM raw.planned_cells WHERE panel = $panel
        GROUP BY ALL
    """,
    "prompts": """
        SELECT DISTINCT wave_id, prompt_id, capability, family, reference, messages ->> '$[0].content' AS prompt
        FROM raw.prompts WHERE wave_id IN (SELECT wave_id FROM ops.waves WHERE panel = $panel)
    """,
    "waves": "SELECT wave_id, wave_kind, status FROM ops.waves WHERE panel = $panel",
    "imports": "SELECT DISTINCT time_axis, series FROM raw.imports WHERE panel = $panel",
}

_CELL: dict[str, Any] = {
    "wave_id": pl.String,
    "model_requested": pl.String,
    "prompt_id": pl.String,
    "sample_index": pl.Int32,
}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "attempts": {**_CELL, "attempt": pl.Int32, "text_sha": pl.String},
    "cells": {**_CELL, "position": pl.Int64},
    "prompts": dict.fromkeys(("wave_id", "prompt_id", "capability", "family", "reference", "prompt"), pl.String),
    "waves": dict.fromkeys(("wave_id", "wave_kind", "status"), pl.String),
    "imports": dict.fromkeys(("time_axis", "series"), pl.String),
}


@dataclass(frozen=True)
class Known:
    """Frames of what is known, by wave_id. `attempts`: the newest of each cell, with the SHA-256 of its text."""

    attempts: pl.DataFrame
    cells: pl.DataFrame
    prompts: pl.DataFrame
    waves: pl.DataFrame
    imports: pl.DataFrame

    def status(self, wave_id: str) -> str | None:
        """Return where a wave stands; None where the lake does not know it."""
        found = self.waves.filter(pl.col("wave_id") == wave_id)["status"]
        return str(found[0]) if len(found) else None


def known_of(store: Store, request: Request) -> Known:
    """Return what the lake holds of the request's panel.

    Raises InputError for a name that can be no panel's, for a panel that is asked, not imported, and for another
    time axis or series than the panel's.
    """
    if not re.match(NAME, request.panel):
        raise InputError(f"--panel {request.panel!r} is no name. Use letters, digits, points, dashes and underscores.")
    known = Known(**_frames(store, request.panel))
    _require_imported(known, request)
    return known


def _frames(store: Store, panel: str) -> dict[str, pl.DataFrame]:
    if not store.exists():
        return {name: pl.DataFrame(schema=schema) for name, schema in _SCHEMAS.items()}
    connection = connect_reader(store, "head")
    try:
        # a lake made before imports were declared has no table of them until something is imported
        connection.execute("CREATE TABLE IF NOT EXISTS raw.imports (panel VARCHAR, time_axis VARCHAR, series VARCHAR)")
        return {
            name: connection.execute(query, {"panel": panel}).pl().cast(pl.Schema(_SCHEMAS[name]))
            for name, query in _QUERIES.items()
        }
    finally:
        connection.close()


def _require_imported(known: Known, request: Request) -> None:
    if len(asked := known.waves.filter(pl.col("wave_kind") != "imported")):
        raise InputError(
            f"Panel {request.panel} is asked, not imported ({asked['wave_id'][0]} is {asked['wave_kind'][0]}). "
            "Recorded answers are a series of their own: give --panel another name."
        )
    for axis, series in known.imports.rows():
        if (axis, series) != (request.axis, request.series):
            raise InputError(
                f"Panel {request.panel} holds answers on the time axis {axis} with a series a {series}; these would be "
                f"{request.axis} and {request.series}. Different axes never share a series: give --panel another name."
            )
