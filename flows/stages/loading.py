"""From the wave's folder into the lake: the lake itself, the plan, and all that came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from flows.progress import Step
from flows.stages.checkpoints import laboratory_rows
from flows.stages.kept import EVALS_FILE, PAGES, dated, kept_rows
from lake import waves
from lake.catalog import connect_writer, create_lake
from lake.store import Store
from lake.tables import RAW_ATTEMPTS, RAW_CHECKPOINT_EVALS, RAW_CONFIRMATIONS, RAW_PLANNED_CELLS, Table
from pipelines.confirmation import confirmation_rows, confirming_plan, decided
from pipelines.planning import WavePlan, plan_rows

if TYPE_CHECKING:
    from pipelines.laboratory import Laboratory


def go_on_with_lake(store: Store) -> None:
    """Make the lake, or give one of an earlier version what it lacks and say so."""
    if added := create_lake(store):
        Step("lake").note(f"An earlier version made this lake; added: {', '.join(added)}.")


def register_plan(store: Store, plan: WavePlan) -> None:
    """Write the wave into ops.waves; nothing else is in the lake before it is loaded."""
    connection = connect_writer(store)
    try:
        waves.register(connection, plan.wave())
    finally:
        connection.close()


def load_wave(store: Store, plan: WavePlan, laboratory: Laboratory | None) -> str:
    """Put plan, attempts and what is known of the models into `raw`, and the wave's totals into ops.waves."""
    from pipelines.asking.journal import Journal, journal_frame
    from pipelines.loading import frame_of, load

    rows: dict[Table, list[dict[str, Any]]] = dict(plan_rows(plan))
    confirmed = decided(plan.folder)
    rows[RAW_PLANNED_CELLS] += [cell._asdict() for cell in confirming_plan(plan, confirmed).cells]
    rows[RAW_CONFIRMATIONS] = confirmation_rows(plan, confirmed)
    if laboratory is not None:
        rows |= laboratory_rows(laboratory)
    rows[RAW_CHECKPOINT_EVALS] = [*rows.get(RAW_CHECKPOINT_EVALS, []), *kept_rows(plan.folder / EVALS_FILE)]
    for table, file in PAGES.items():
        paths = [plan.folder / file.format(endpoint=name) for name in plan.panel.endpoints]
        rows[table] = [row for path in paths for row in kept_rows(path)]
    frames: dict[Table, pl.DataFrame] = {table: frame_of(table, dated(some)) for table, some in rows.items()}
    frames[RAW_ATTEMPTS] = journal_frame(Journal(plan.folder, name).path for name in plan.panel.endpoints)
    loaded = load(store, frames)
    write_totals(store, plan)
    new = loaded.get("attempts", 0)
    return f"{new:,} attempts loaded into raw" + (
        f", with {sum(loaded.values()) - new:,} rows of plan and models." if loaded else "; nothing was new."
    )


def write_totals(store: Store, plan: WavePlan) -> None:
    """Write how many of the planned cells have a usable answer, and what all requests of the wave cost."""
    connection = connect_writer(store)
    try:
        row = connection.execute(
            """
            SELECT count(DISTINCT (model_requested, prompt_id, sample_index, purpose))
                       FILTER (outcome = 'ok' AND purpose <> 'confirmation'),
                   (SELECT sum(cost_usd) FROM (
                       SELECT cost_usd FROM raw.attempts WHERE wave_id = $wave_id
                       UNION ALL SELECT cost_usd FROM raw.judgements WHERE wave_id = $wave_id))
            FROM raw.attempts WHERE wave_id = $wave_id
            """,
            {"wave_id": plan.wave_id},
        ).fetchone()
        ok_cells, cost_usd = row if row else (0, None)
        waves.update(connection, plan.wave_id, "loaded", ok_cells=ok_cells, cost_usd=cost_usd)
    finally:
        connection.close()


def set_status(store: Store, plan: WavePlan, status: waves.Status, **values: object) -> None:
    """Set the wave's status."""
    connection = connect_writer(store)
    try:
        waves.update(connection, plan.wave_id, status, **values)
    finally:
        connection.close()
