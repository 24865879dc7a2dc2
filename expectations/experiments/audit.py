"""The audit of a persona experiment: every break that applies, and whether the experiment may be published.

Like `expectations.audit`, whose records it returns. An experiment is a wave of its own, `experiment/NAME@VERSION`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from expectations.audit import AuditResult, Finding, check_result, folder_name
from expectations.breaks import Break
from expectations.experiments.bad_rows import experiment_bad_rows
from expectations.experiments.breaks import EXPERIMENT_BREAKS
from expectations.suites import bad_rows_of, frame_of_rows, new_context, validate
from lake.errors import InputError
from lake.store import Store

if TYPE_CHECKING:
    import duckdb


def audit_experiment(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    experiment: str,
    version: int,
    audit_id: str,
    breaks: tuple[Break, ...] = EXPERIMENT_BREAKS,
) -> AuditResult:
    """Return what every suite finds in a version of an experiment, and its one verdict. Writes nothing.

    `connection` sees raw and ops at head. `audit_id` sorts by time. Raises InputError where ops.waves does not know
    the experiment's run, or raw.experiments not the experiment.
    """
    wave_id = wave_id_of(experiment, version)
    _require_known(connection, wave_id, experiment, version)
    context = new_context(str(store.data_docs / folder_name(audit_id)))
    findings = tuple(_finding(connection, context, broken, experiment, version) for broken in breaks)
    return AuditResult(
        wave_id=wave_id,
        audit_id=audit_id,
        findings=findings,
        check_results=[check_result(finding, wave_id, audit_id) for finding in findings],
        verdicts=[{"audit_id": audit_id, "wave_id": wave_id, **_verdict(findings), "decided_at": datetime.now(UTC)}],
        needs_rebuild=False,
        context=context,
    )


def wave_id_of(experiment: str, version: int) -> str:
    """Return the wave that an experiment's run is."""
    return f"experiment/{experiment}@{version}"


def _finding(
    connection: duckdb.DuckDBPyConnection, context: Any, broken: Break, experiment: str, version: int
) -> Finding:
    rows = experiment_bad_rows(connection, broken, experiment, version)
    result = validate(context, broken, frame_of_rows((None, None, None, str(row)) for row in rows))
    return Finding(broken, tuple(bad_rows_of(broken, result)), bool(result.success))


def _verdict(findings: tuple[Finding, ...]) -> dict[str, Any]:
    whole = {"scope": "wave", "model": None, "prompt_id": None, "sample_index": None}
    found = [finding for finding in findings if not finding.success]
    failing = [finding for finding in found if finding.fails]
    if failing:
        titles = "; ".join(_named(finding) for finding in failing)
        detail = f"The experiment failed: {titles}. Nothing of it is published."
        n_bad = sum(len(finding.bad_rows) for finding in failing)
        return whole | {"break_id": failing[0].broken.id, "verdict": "failed", "n_bad": n_bad, "detail": detail}
    findings_too = f" with findings: {'; '.join(_named(finding) for finding in found)}" if found else ""
    detail = f"The experiment passed{findings_too}."
    return whole | {"break_id": None, "verdict": "passed", "n_bad": 0, "detail": detail}


def _named(finding: Finding) -> str:
    """Return a finding as a verdict says it: the break, and the first of its evidence."""
    more = f" and {len(finding.bad_rows) - 1:,} more" if len(finding.bad_rows) > 1 else ""
    return f"{finding.broken.id} {finding.broken.title.lower()} ({finding.bad_rows[0].evidence}{more})"


def _require_known(connection: duckdb.DuckDBPyConnection, wave_id: str, experiment: str, version: int) -> None:
    for query, values, what in (
        ("SELECT 1 FROM ops.waves WHERE wave_id = ?", [wave_id], f"no wave {wave_id!r}"),
        (
            "SELECT 1 FROM raw.experiments WHERE experiment = ? AND version = ?",
            [experiment, version],
            f"no experiment {experiment}@{version}",
        ),
    ):
        if connection.execute(query, values).fetchone() is None:
            raise InputError(f"The lake has {what}. Register and run it with `driftlake train` before its audit.")
