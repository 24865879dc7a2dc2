"""What is added to the answers of a wave: vectors, classes, and the votes of judges."""

from __future__ import annotations

from datetime import datetime

from flows.progress import Step
from flows.stages.loading import write_totals
from lake.catalog import connect_writer
from lake.store import Store
from lake.tables import RAW_JUDGEMENTS, RAW_JUDGES
from pipelines.planning import WavePlan


def enrich_wave(store: Store, plan: WavePlan, step: Step) -> str:
    """Embed the wave's texts that the lake has never embedded, and classify every text never classified."""
    from pipelines.embeddings import EMBEDDER, PRECISION, embed_wave
    from pipelines.enrichment.detections import classify_unseen

    embedded = embed_wave(store, plan.wave_id, lambda done, total: step.at(done, total, "texts"))
    classified = classify_unseen(store, lambda done, total: step.at(done, total, "texts"))
    return f"{embedded:,} unseen texts embedded with {EMBEDDER} in {PRECISION}, {classified:,} classified."


def plan_judging(store: Store, plan: WavePlan, now: datetime) -> WavePlan:
    """Return what the panel's judges are still to be asked about the wave as it was loaded."""
    from pipelines.enrichment.judging import answers_of, judging_plan, votes_known

    connection = connect_writer(store)
    try:
        known = votes_known(connection, plan.wave_id)
        return judging_plan(plan, answers_of(connection, plan.wave_id), known, now)
    finally:
        connection.close()


def load_judgements(store: Store, plan: WavePlan) -> str:
    """Put the judges of a wave and every vote of theirs into `raw`, and what they cost into ops.waves."""
    from pipelines.asking.journal import Journal
    from pipelines.enrichment.judging import answers_of, journal_names, judge_rows, judgement_rows
    from pipelines.loading import frame_of, load

    connection = connect_writer(store)
    try:
        answers = answers_of(connection, plan.wave_id)
    finally:
        connection.close()
    attempts = [attempt for name in journal_names(plan.panel) for attempt in Journal(plan.folder, name).attempts()]
    rows = {
        RAW_JUDGES: judge_rows(plan),
        RAW_JUDGEMENTS: [*judgement_rows(plan, attempts, answers)],
    }
    loaded = load(store, {table: frame_of(table, some) for table, some in rows.items()})
    write_totals(store, plan)
    counted = sum(row["reading"] == "counted" for row in rows[RAW_JUDGEMENTS])
    return f"{loaded.get('judgements', 0):,} votes loaded; {counted:,} of the wave's {len(attempts):,} can be counted."
