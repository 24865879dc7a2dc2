"""One wave, stage by stage, as plain functions. Each is safe to run twice and returns what it did, in one sentence.

The order lives in `flows.nightly`; tests call these without Prefect.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from flows.progress import Step
from lake import waves
from lake.catalog import connect_writer, create_lake
from lake.errors import DriftlakeError, WaveError
from lake.store import Store
from lake.tables import (
    RAW_ATTEMPTS,
    RAW_CATALOG_ENDPOINTS,
    RAW_CATALOG_MODELS,
    RAW_CHECKPOINT_EVALS,
    RAW_CHECKPOINTS,
    RAW_JUDGEMENTS,
    RAW_JUDGES,
    RAW_KEY_SNAPSHOTS,
    RAW_TRAINING_LOSS,
    RAW_TRAINING_RUNS,
    Table,
)
from pipelines.asking.money import money
from pipelines.asking.records import Endpoint, Question, unlisted
from pipelines.code_version import code_version
from pipelines.panels.records import Panel
from pipelines.planning import WavePlan, plan_rows, require_resumable

if TYPE_CHECKING:
    from expectations.audit import AuditResult
    from lake.waves import Publication
    from pipelines.laboratory import Laboratory

EVALS_FILE = "checkpoint_evals.json"
CATALOG_FILE = "catalog-{endpoint}.json"
OFFERS_FILE = "offers-{endpoint}.json"
KEYS_FILE = "keys-{endpoint}.json"
PAGES = {RAW_CATALOG_MODELS: CATALOG_FILE, RAW_CATALOG_ENDPOINTS: OFFERS_FILE, RAW_KEY_SNAPSHOTS: KEYS_FILE}
"""What a service says of itself, and the file that keeps it beside the journal until it is loaded."""


@dataclass(frozen=True)
class Asked:
    """What asking one endpoint came to."""

    endpoint: str
    asked: int
    already: int
    sentence: str


def uses_laboratory(panel: Panel) -> bool:
    """Say whether any model of the panel is served from the store's laboratory."""
    return any(entry.checkpoint is not None and entry.checkpoint.base == "laboratory" for entry in panel.roster)


def prepare_laboratory(store: Store, step: Step) -> Laboratory:
    """Return the laboratory of real tiny models, trained on first use."""
    from pipelines.laboratory import prepare_laboratory as prepare

    return prepare(store.laboratory, step.note)


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


def unanswered(plan: WavePlan, endpoint: str) -> list[Question]:
    """Return the questions of an endpoint whose cells have no settled attempt in the journal, in order of asking."""
    from pipelines.asking.journal import Journal, remaining

    entries = {entry.model: entry for entry in plan.panel.roster}
    prompts = {prompt.prompt_id: prompt for prompt in plan.panel.prompts}
    questions = [
        Question(cell, entries[cell.model_requested], prompts[cell.prompt_id])
        for cell in plan.cells
        if cell.endpoint == endpoint
    ]
    return remaining(questions, Journal(plan.folder, endpoint))


def ask_endpoint(
    plan: WavePlan,
    name: str,
    endpoint: Endpoint | None,
    step: Step,
    now: datetime,
    leave_out: frozenset[str] = frozenset(),
) -> Asked:
    """Ask one endpoint what is unanswered; every attempt is in the journal before the next is looked at.

    Models to `leave_out` are not asked. `endpoint` is None where nothing is unanswered. Raises InputError more than
    24 hours after the first start, and WaveError in place of an error that nobody foresaw.
    """
    from flows.crashes import crashed
    from pipelines.asking.journal import Journal
    from pipelines.asking.redaction import Redactor

    questions = unanswered(plan, name)
    total = sum(cell.endpoint == name for cell in plan.cells)
    already = total - len(questions)
    asked = [question for question in questions if question.entry.model not in leave_out]
    if asked and endpoint is not None:
        require_resumable(plan, now)
        try:
            with Journal(plan.folder, name) as journal:
                asyncio.run(_ask_all(endpoint, asked, journal, step, already, total))
        except DriftlakeError:
            step.note(how_far(plan, name, already))
            raise
        except Exception as error:  # its text may hold what a server sent, so it must not reach the logs
            raise crashed(plan.folder, name, error, getattr(endpoint, "redactor", Redactor())) from None
    if len(asked) < len(questions):
        _note_unlisted(plan, name, [question for question in questions if question.entry.model in leave_out])
    left = len(unanswered(plan, name)) if questions else 0
    return Asked(name, len(questions) - left, already, how_far(plan, name, already))


def how_far(plan: WavePlan, name: str, already: int) -> str:
    """Return how many cells of an endpoint are answered, and how many calls may have cost what nobody told."""
    from pipelines.asking.sent import held

    total = sum(cell.endpoint == name for cell in plan.cells)
    left, unknown = len(unanswered(plan, name)), held(plan.folder, name)
    sentence = (
        f"{name}: {total - left - already:,} cells answered, {already:,} were already, {left:,} without an answer."
    )
    if not unknown.calls:
        return sentence
    return f"{sentence} {unknown.calls:,} calls told no cost and may have cost up to {money(unknown.usd)} USD more."


def _note_unlisted(plan: WavePlan, name: str, questions: list[Question]) -> None:
    """Give cells that are not asked, because nobody knows what they cost, an attempt that says so."""
    from pipelines.asking.journal import Journal

    with Journal(plan.folder, name) as journal:
        for question in questions:
            journal.append(unlisted(question, datetime.now(UTC)))


async def _ask_all(
    endpoint: Endpoint, questions: list[Question], journal: Any, step: Step, done: int, total: int
) -> None:
    settled = {question.cell.key for question in questions}
    async with aclosing(endpoint.ask(questions)) as attempts:
        async for attempt in attempts:
            journal.append(attempt)
            if attempt.key in settled and attempt.outcome != "error":
                settled.discard(attempt.key)
                done += 1
                step.at(done, total, "cells")


def evaluate_checkpoints(plan: WavePlan, laboratory: Laboratory, device: str) -> int:
    """Evaluate every checkpoint that serves in this wave, epoch 0 and the base beside it; return the rows kept.

    The rows wait in the wave's journal folder until they are loaded; an evaluation that is there is not repeated.
    """
    from pipelines.checkpoints.evaluate import evaluate_for_wave

    path = plan.folder / EVALS_FILE
    if path.exists():
        return len(json.loads(path.read_text(encoding="utf-8")))
    rows: list[dict[str, Any]] = []
    for entry in plan.panel.roster:
        if entry.checkpoint is not None and entry.checkpoint.experiment is not None:
            epoch = entry.checkpoint.epoch(plan.staged_night)
            rows += evaluate_for_wave(laboratory, entry, epoch, plan.wave_id, device=device)
    keep_rows(path, rows)
    return len(rows)


def load_wave(store: Store, plan: WavePlan, laboratory: Laboratory | None) -> str:
    """Put plan, attempts and what is known of the models into `raw`, and the wave's totals into ops.waves."""
    from pipelines.asking.journal import Journal, journal_frame
    from pipelines.loading import frame_of, load

    rows: dict[Table, list[dict[str, Any]]] = dict(plan_rows(plan))
    if laboratory is not None:
        rows |= laboratory_rows(laboratory)
    rows[RAW_CHECKPOINT_EVALS] = [*rows.get(RAW_CHECKPOINT_EVALS, []), *kept_rows(plan.folder / EVALS_FILE)]
    for table, file in PAGES.items():
        paths = [plan.folder / file.format(endpoint=name) for name in plan.panel.endpoints]
        rows[table] = [row for path in paths for row in kept_rows(path)]
    frames: dict[Table, pl.DataFrame] = {table: frame_of(table, _dated(some)) for table, some in rows.items()}
    frames[RAW_ATTEMPTS] = journal_frame(Journal(plan.folder, name).path for name in plan.panel.endpoints)
    loaded = load(store, frames)
    _write_totals(store, plan)
    new = loaded.get("attempts", 0)
    return f"{new:,} attempts loaded into raw" + (
        f", with {sum(loaded.values()) - new:,} rows of plan and models." if loaded else "; nothing was new."
    )


def laboratory_rows(laboratory: Laboratory) -> Mapping[Table, list[dict[str, Any]]]:
    """Return the laboratory's cards, losses, checkpoints and reference evaluation as rows by table."""
    runs, losses = laboratory.training_rows()
    return {
        RAW_TRAINING_RUNS: runs,
        RAW_TRAINING_LOSS: losses,
        RAW_CHECKPOINTS: laboratory.checkpoint_rows(),
        RAW_CHECKPOINT_EVALS: laboratory.reference_eval_rows(),
    }


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
    _write_totals(store, plan)
    counted = sum(row["reading"] == "counted" for row in rows[RAW_JUDGEMENTS])
    return f"{loaded.get('judgements', 0):,} votes loaded; {counted:,} of the wave's {len(attempts):,} can be counted."


def model_waves(store: Store, candidate: str | None) -> str:
    """Build core and out from the passed waves and a candidate."""
    from models_sql.run import build

    result = build(store, candidate)
    return f"{result.models} models built, {result.tests} tests passed."


def audit_wave(store: Store, plan: WavePlan, now: datetime) -> AuditResult:
    """Run the expectations over the candidate and record every result and verdict."""
    from expectations.audit import audit
    from expectations.data_docs import data_docs

    connection = connect_writer(store)
    try:
        result = audit(
            connection, store, plan.wave_id, audit_id=f"{plan.wave_id}#{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
        )
        waves.record_audit(connection, result.check_results, result.verdicts)
    finally:
        connection.close()
    data_docs(store, result)
    return result


def publish_wave(store: Store, plan: WavePlan, result: AuditResult, now: datetime) -> Publication:
    """Let readers see a wave that passed its audit."""
    connection = connect_writer(store)
    try:
        wave = waves.find(connection, plan.wave_id)
        if wave is None:
            raise WaveError(f"Wave {plan.wave_id} is not in ops.waves. Start the same command again.")
        return waves.publish(connection, wave, now, result.verdicts, code_version())
    finally:
        connection.close()


def quarantine_wave(store: Store, plan: WavePlan, result: AuditResult, now: datetime) -> None:
    """Keep a wave that failed its audit out of core and out; readers keep the last publication."""
    connection = connect_writer(store)
    try:
        waves.quarantine(connection, plan.wave_id, now, result.verdicts)
    finally:
        connection.close()
    model_waves(store, None)


def set_status(store: Store, plan: WavePlan, status: waves.Status, **values: object) -> None:
    """Set the wave's status."""
    connection = connect_writer(store)
    try:
        waves.update(connection, plan.wave_id, status, **values)
    finally:
        connection.close()


def _write_totals(store: Store, plan: WavePlan) -> None:
    connection = connect_writer(store)
    try:
        row = connection.execute(
            """
            SELECT count(DISTINCT (model_requested, prompt_id, sample_index, purpose)) FILTER (outcome = 'ok'),
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


def kept_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows that `keep_rows` wrote, with dates and times as ISO text; none where there is no such file."""
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def _dated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
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


def draw_page(store: Store, publication: Publication | None, plan: WavePlan) -> Path | None:
    """Draw the page of a publication; without one, put the notice of the quarantined wave on the newest page."""
    from dashboards.page import draw, draw_quarantine

    return draw(store, publication) if publication else draw_quarantine(store, plan.wave_id)
