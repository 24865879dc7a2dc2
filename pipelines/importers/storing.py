"""Putting waves of recorded answers into the lake: what is new is appended, the plan of a wave that grew is renewed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from lake import waves
from lake.catalog import connect_writer, transact
from lake.store import Store
from lake.tables import (
    RAW_ATTEMPTS,
    RAW_IMPORT_REJECTS,
    RAW_IMPORTS,
    RAW_PLANNED_CELLS,
    RAW_PROMPTS,
    RAW_ROSTER,
    Table,
)
from pipelines.importers.rows import Recorded, Request
from pipelines.importers.waves import ImportedWave
from pipelines.loading import frame_of, load
from pipelines.planning import plan_rows

if TYPE_CHECKING:
    import duckdb


def store_import(
    store: Store, request: Request, recorded: Recorded, due: Sequence[ImportedWave], now: datetime
) -> dict[str, int]:
    """Write the waves that are due, the files and the rejected rows; return the rows appended by table name.

    Doing it again appends nothing. Killed at any point, the same import goes on from there.
    """
    connection = connect_writer(store)
    try:
        for wave in due:
            waves.register(connection, wave.wave())
        _renew_plans(connection, due)
    finally:
        connection.close()
    loaded = load(store, _frames(request, recorded, due, now))
    _write_totals(store, due)
    return loaded


def _renew_plans(connection: duckdb.DuckDBPyConnection, due: Sequence[ImportedWave]) -> None:
    """Take out the battery and the roster entries of waves that are about to get new ones."""

    def delete(writer: duckdb.DuckDBPyConnection) -> None:
        for wave in due:
            models = [entry.model for entry in wave.plan.panel.roster]
            writer.execute("DELETE FROM raw.prompts WHERE wave_id = ?", [wave.wave_id])
            writer.execute(
                "DELETE FROM raw.roster WHERE wave_id = ? AND list_contains(?, model)", [wave.wave_id, models]
            )

    if due:
        transact(connection, delete)


def _frames(
    request: Request, recorded: Recorded, due: Sequence[ImportedWave], now: datetime
) -> dict[Table, pl.DataFrame]:
    frames: dict[Table, pl.DataFrame] = {}
    if due:
        plans = [plan_rows(wave.plan) for wave in due]
        for table in (RAW_PROMPTS, RAW_ROSTER):
            frames[table] = frame_of(table, [row for plan in plans for row in plan[table]])
        frames[RAW_PLANNED_CELLS] = pl.concat(wave.cells for wave in due)
        frames[RAW_ATTEMPTS] = pl.concat(wave.attempts for wave in due)
    rejected = dict(recorded.rejects.group_by("file_sha").len().rows())
    frames[RAW_IMPORTS] = frame_of(
        RAW_IMPORTS,
        [
            {
                "panel": request.panel,
                "source_sha": file.sha,
                "source_name": file.name,
                "time_axis": request.axis,
                "series": request.series,
                "n_rows": file.n_rows,
                "n_rejected": rejected.get(file.sha, 0),
                "imported_at": now,
            }
            for file in recorded.files
        ],
    )
    frames[RAW_IMPORT_REJECTS] = recorded.rejects.select(
        panel=pl.lit(request.panel),
        source_sha="file_sha",
        file_row="file_row",
        reason="reason",
        source_row="source_row",
    )
    return frames


def _write_totals(store: Store, due: Sequence[ImportedWave]) -> None:
    connection = connect_writer(store)
    try:
        for wave in due:
            row = connection.execute(
                """
                SELECT (SELECT count(*) FROM raw.planned_cells WHERE wave_id = $wave_id),
                    count(DISTINCT (model_requested, prompt_id, sample_index, purpose)) FILTER (outcome = 'ok')
                FROM raw.attempts WHERE wave_id = $wave_id
                """,
                {"wave_id": wave.wave_id},
            ).fetchone()
            planned, ok = row or (0, 0)
            shas = {"panel_sha": wave.plan.panel.sha, "battery_sha": wave.plan.panel.battery.sha}
            waves.update(connection, wave.wave_id, "loaded", planned_cells=planned, ok_cells=ok, **shas)
    finally:
        connection.close()
