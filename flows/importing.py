"""`driftlake import responses`: recorded answers as waves of a panel of their own, published like any other.

An import has no schedule and asks nothing, so it runs as plain functions under the lake's locks. All its waves are
modelled in one build, audited one by one, and published oldest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import polars as pl

from flows import stages
from flows.environment import prepare_environment
from flows.progress import Step
from lake import waves
from lake.catalog import connect_reader, connect_writer, create_lake
from lake.errors import InputError, WaveError
from lake.locks import exclusive
from lake.store import Store
from lake.waves import publishing_lock, revised
from pipelines.importers.fields import AXIS_FIELDS, FIELDS, NAMES, Series
from pipelines.importers.known import known_of
from pipelines.importers.rows import Recorded, Request, read
from pipelines.importers.waves import ImportedWave, waves_of
from pipelines.panels.files import panel_names
from pipelines.panels.records import CAPABILITIES
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    from expectations.audit import AuditResult
    from pipelines.importers.metrics import Layout

_MOST_REBUILDS = 4
_SHOWN = 40


@dataclass(frozen=True)
class Import:
    """What an import comes to: what was read, its waves, and those of them that the lake does not yet have whole."""

    request: Request
    recorded: Recorded
    waves: list[ImportedWave]
    due: list[ImportedWave]


def request_of(
    files: list[Path],
    panel: str,
    axis: str,
    series: str = "model",
    maps: list[str] | None = None,
    day: str | None = None,
    capability: str | None = None,
) -> Request:
    """Return what the command line asks for; raise InputError naming the option that cannot be used."""
    _require_known("--time-axis", axis, tuple(AXIS_FIELDS))
    _require_known("--series", series, get_args(Series))
    if panel in panel_names():
        raise InputError(
            f"--panel {panel} is a panel that is asked; recorded answers must not stand among its waves. "
            f"Give the import a name of its own, such as {panel}-history."
        )
    if capability is not None:
        _require_known("--capability", capability, CAPABILITIES)
    return Request(
        files=tuple(files),
        panel=panel,
        axis=axis,  # type: ignore[arg-type]
        series=series,  # type: ignore[arg-type]
        columns=dict(_mapped(text) for text in maps or ()),
        day=_day(day),
        capability=capability,
    )


def import_responses(store: Store, request: Request, *, embeddings: bool = True, dry_run: bool = False) -> str:
    """Import recorded answers and publish what passes its expectations; return what was done, for people.

    A dry run writes nothing. Raises InputError before anything is written where files or options cannot be used, and
    WaveError, after everything else was done, where a wave was quarantined.
    """
    now = datetime.now(UTC)
    if dry_run:
        return _summary(_read(store, request, now), "Would import")
    prepare_environment(store)
    step = Step("read")
    found = _read(store, request, now)  # what cannot be used is refused before anything is written
    create_lake(store.prepare())
    with exclusive(store.state / "importing.lock", "Another import", wait=True):
        found = _read(store, request, now) if not found.due else found
        step.done(_counts(found))
        _store(store, found, now)
        due = _enriched(store, found, embeddings)
        quarantined = _published(store, [wave.plan for wave in due]) if due else []
    text = _summary(found, "Imported")
    if quarantined:
        print(text)
        raise WaveError("\n".join(quarantined))
    return text if due else f"{text}\nThe lake holds all of it already; nothing was changed."


def import_effects(store: Store, path: Path) -> str:
    """Import published effects with their replications; return what was done. They are counted by the next build."""
    from lake.tables import RAW_EFFECTS
    from pipelines.importers.effects import effects_of
    from pipelines.loading import frame_of, load

    rows = effects_of(path, datetime.now(UTC))
    prepare_environment(store)
    create_lake(store.prepare())
    new = load(store, {RAW_EFFECTS: frame_of(RAW_EFFECTS, rows)}).get("effects", 0)
    return (
        f"{len(rows):,} effects read, {new:,} new to the lake. "
        "out.replication counts them from the next night or import that is published."
    )


def import_metrics(store: Store, path: Path, layout: Layout) -> str:
    """Import the metrics of other people's experiments; return what was done and what is broken in their study.

    Importing the same again adds nothing. Raises InputError before anything is written where the file or a flag cannot
    be used, or where the study holds the same file read in another way.
    """
    from expectations.studies import study_findings
    from lake.tables import RAW_FOREIGN_METRICS
    from pipelines.importers.metrics import known_otherwise, metrics_of
    from pipelines.loading import frame_of, load

    rows = metrics_of(path, layout, datetime.now(UTC))
    prepare_environment(store)
    create_lake(store.prepare())
    connection = connect_reader(store, "head")
    try:
        if known_otherwise(connection, rows):
            raise InputError(
                f"Study {layout.study} already holds {path.name}, read with other flags. Numbers are never replaced: "
                "give the same flags, or --study another name."
            )
    finally:
        connection.close()
    new = load(store, {RAW_FOREIGN_METRICS: frame_of(RAW_FOREIGN_METRICS, rows)}).get("foreign_metrics", 0)
    connection = connect_reader(store, "head")
    try:
        findings = study_findings(connection, layout.study)
    finally:
        connection.close()
    broken = [f"{finding.broken.id}: {finding.sentence()}" for finding in findings if not finding.success]
    head = f"{len(rows):,} numbers read, {new:,} new to the lake. "
    told = f"Study {layout.study}: {len(broken)} of {len(findings)} checks found something."
    return "\n".join([head + told, *broken])


def _read(store: Store, request: Request, now: datetime) -> Import:
    recorded = read(request)
    known = known_of(store, request)
    found = list(waves_of(request, recorded.rows, known, now))
    done = ("published", "quarantined")
    due = [wave for wave in found if wave.attempts.height or known.status(wave.wave_id) not in done]
    return Import(request, recorded, found, due)


def _store(store: Store, found: Import, now: datetime) -> None:
    from pipelines.importers.storing import store_import

    step = Step("load")
    loaded = store_import(store, found.request, found.recorded, found.due, now)
    new = loaded.get("attempts", 0)
    step.done(f"{new:,} answers loaded into raw." if loaded else "Nothing was new.")


def _enriched(store: Store, found: Import, embeddings: bool) -> list[ImportedWave]:
    """Embed what is due, and what an earlier import left without vectors; return the waves that are to be modelled."""
    if not embeddings:
        return found.due
    step = Step("enrich")
    unseen = _without_vectors(store, found.request.panel)
    due = {wave.wave_id for wave in found.due} | unseen
    for wave in found.waves:
        if wave.wave_id in unseen:
            step.note(f"{wave.wave_id}: {stages.enrich_wave(store, wave.plan, step)}")
    return [wave for wave in found.waves if wave.wave_id in due]


def _without_vectors(store: Store, panel: str) -> set[str]:
    """Return the waves of a panel that hold a usable answer without a vector."""
    from pipelines.embeddings import EMBEDDER, PRECISION

    connection = connect_reader(store, "head")
    try:
        rows = connection.execute(
            """
            SELECT DISTINCT wave_id FROM raw.attempts
            WHERE panel = ? AND outcome = 'ok' AND sha256(response_text) NOT IN (
                SELECT text_sha FROM raw.embeddings WHERE embedder = ? AND precision = ?
            )
            """,
            [panel, EMBEDDER, PRECISION],
        ).fetchall()
    finally:
        connection.close()
    return {wave_id for (wave_id,) in rows}


def _published(store: Store, plans: list[WavePlan]) -> list[str]:
    """Model, audit and publish; return a sentence for each wave that was quarantined."""
    with publishing_lock(store):
        results = _audited(store, plans)
        failed = [plan for plan in plans if not results[plan.wave_id].passed]
        for result in results.values():
            for sentence in result.sentences()[1:]:
                Step("audit").note(f"{result.wave_id}: {sentence}")
        for plan in failed:
            _quarantine(store, plan, results[plan.wave_id])
        if failed:
            stages.model_waves(store, ",".join(plan.wave_id for plan in plans if plan not in failed) or None)
        step = Step("publish")
        publication = None
        passed = [plan for plan in plans if plan not in failed]
        for plan in passed:
            publication = stages.publish_wave(store, plan, results[plan.wave_id], datetime.now(UTC))
        step.done(f"{len(passed):,} waves published, {len(failed):,} quarantined.")
        if publication is not None and (changed := revised(store, publication)):
            step.note(f"{changed:,} numbers published before are others now; out.revisions lists them with the reason.")
    step = Step("draw")
    step.done(f"Page: {stages.draw_page(store, publication, (passed or plans)[-1])}")
    return [" ".join(results[plan.wave_id].sentences()) for plan in failed]


def _audited(store: Store, plans: list[WavePlan]) -> dict[str, AuditResult]:
    """Build core and out with every wave as a candidate and audit each, until no verdict asks for another build."""
    results: dict[str, AuditResult] = {}
    candidates = ",".join(plan.wave_id for plan in plans)
    for _ in range(_MOST_REBUILDS):
        step = Step("model")
        step.done(stages.model_waves(store, candidates))
        for plan in plans:
            if plan.wave_id not in results or results[plan.wave_id].needs_rebuild:
                results[plan.wave_id] = _audit(store, plan)
        if not any(result.needs_rebuild for result in results.values()):
            break
    return results


def _audit(store: Store, plan: WavePlan) -> AuditResult:
    step = Step("audit")
    stages.set_status(store, plan, "modelled")
    result = stages.audit_wave(store, plan, datetime.now(UTC))
    step.done(result.sentences()[0])
    return result


def _quarantine(store: Store, plan: WavePlan, result: AuditResult) -> None:
    connection = connect_writer(store)
    try:
        waves.quarantine(connection, plan.wave_id, datetime.now(UTC), result.verdicts)
    finally:
        connection.close()


def _counts(found: Import) -> str:
    rows = found.recorded.rows
    models, prompts = rows["series"].n_unique(), rows["prompt_id"].n_unique()
    return (
        f"{rows.height:,} answers of {models:,} models to {prompts:,} prompts in {len(found.waves):,} waves; "
        f"{found.recorded.rejects.height:,} rows kept out, {found.recorded.n_repeated:,} said twice."
    )


def _summary(found: Import, verb: str) -> str:
    new = sum(wave.attempts.height for wave in found.waves)
    changed = sum(wave.n_changed for wave in found.waves)
    lines = [f"{verb} into panel {found.request.panel}: {_counts(found)}", f"New to the lake: {new:,} answers"]
    lines[-1] += f", {changed:,} of them in place of another text." if changed else "."
    reasons = found.recorded.rejects.group_by("reason").agg(pl.len(), pl.col("file_row").min()).sort("len", "reason")
    for reason, count, row in reversed(reasons.rows()[-_SHOWN:]):
        lines.append(f"  kept out {count:,}: {reason} (first in row {row})")
    for wave in found.waves[:_SHOWN]:
        lines.append(
            f"  {wave.wave_id}: {len(wave.plan.panel.roster):,} models, {len(wave.plan.panel.prompts):,} prompts, "
            f"{wave.cells.height:,} cells, {wave.attempts.height:,} new"
        )
    if len(found.waves) > _SHOWN:
        lines.append(f"  and {len(found.waves) - _SHOWN:,} waves more")
    return "\n".join(lines)


def _mapped(text: str) -> tuple[str, str]:
    ours, _, theirs = text.partition("=")
    if ours not in NAMES or not theirs:
        known = ", ".join(field.name for field in FIELDS)
        raise InputError(f"--map {text!r} is not ours=theirs with a field of ours. Fields: {known}.")
    return ours, theirs


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--date {text!r} is not a date. Give it as YYYY-MM-DD.") from error


def _require_known(option: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise InputError(f"{option} {given!r} is not known. Choose one of {', '.join(known)}.")
