"""From the lake to its readers: model, audit, publish or quarantine, draw."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lake import waves
from lake.catalog import connect_writer
from lake.errors import WaveError
from lake.store import Store
from pipelines.code_version import code_version
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    from expectations.audit import AuditResult
    from lake.waves import Publication


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


def draw_page(store: Store, publication: Publication | None, plan: WavePlan) -> Path | None:
    """Draw the page of a publication; without one, put the notice of the quarantined wave on the newest page."""
    from dashboards.page import draw, draw_quarantine

    return draw(store, publication) if publication else draw_quarantine(store, plan.wave_id)
