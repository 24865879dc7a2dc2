"""The audit of a wave: every suite that applies, and what follows from it for rows, models and the wave.

It reads the wave as the candidate stands in core and out and writes nothing; the caller records the
results and verdicts. What makes numbers false fails its scope; a finding warns and is published.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from expectations.breaks import BREAKS, EVERYTHING, Break, Kind
from expectations.suites import BadRow, bad_rows_of, batch_of, new_context, validate
from lake.errors import InputError
from lake.store import Store

if TYPE_CHECKING:
    import duckdb

LEAST_MEMBERS = 2
"""Members without which a wave that was asked is not published; an import may hold one model's history, for drift."""
NAMES_SHOWN = 5
EVIDENCE_SHOWN = 3

VerdictKey = tuple[str, str | None, str | None, int | None]
"""(scope, model, prompt_id, sample_index) of a failed verdict."""


@dataclass(frozen=True)
class Finding:
    """What one suite found."""

    broken: Break
    bad_rows: tuple[BadRow, ...]
    success: bool

    @property
    def fails(self) -> bool:
        """Say whether it makes numbers false, as against being a finding to publish."""
        return not self.success and self.broken.severity == "fail"

    def sentence(self) -> str:
        """Return what was found where, why it matters and what to do, in one line."""
        if self.success:
            return f"{self.broken.title}: none found."
        n_bad = len(self.bad_rows)
        count = f"{n_bad:,} {self.broken.bad_row if n_bad == 1 else self.broken.bad_rows}"
        names = sorted({row.model_requested for row in self.bad_rows if row.model_requested})
        where = f" ({_listed(names, NAMES_SHOWN)})" if names else ""
        shown = _listed(list(dict.fromkeys(row.evidence for row in self.bad_rows)), EVIDENCE_SHOWN, "; ")
        return f"{self.broken.title}: {count}{where}: {shown.rstrip('.')}. {self.broken.why} {self.broken.remedy}"


@dataclass(frozen=True)
class AuditResult:
    """What an audit found and decided.

    `check_results` and `verdicts` are rows of ops.check_results and ops.verdicts; the verdicts hold
    exactly one row of scope wave. `needs_rebuild`: core was built under other row and model verdicts
    than these. `context` is the GX context with every validation, for `expectations.data_docs`.
    """

    wave_id: str
    audit_id: str
    findings: tuple[Finding, ...]
    check_results: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]
    needs_rebuild: bool
    context: Any = field(repr=False)

    @property
    def passed(self) -> bool:
        """Say whether the wave may be published, without its failed rows and models."""
        return any(row["scope"] == "wave" and row["verdict"] == "passed" for row in self.verdicts)

    def sentences(self) -> list[str]:
        """Return for people: the verdict, then a line for each thing found, failures first."""
        found = sorted((f for f in self.findings if not f.success), key=lambda f: not f.fails)
        wave = next(row for row in self.verdicts if row["scope"] == "wave")
        lines = [f"{f.broken.id} ({'failed' if f.fails else 'finding'}): {f.sentence()}" for f in found]
        return [f"Audit of {self.wave_id}: {wave['detail']}", *lines]


def audit(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    wave_id: str,
    audit_id: str,
    breaks: tuple[Break, ...] = BREAKS,
) -> AuditResult:
    """Return what every suite that applies finds in one wave, and the verdicts that follow. Writes nothing.

    `connection` sees raw, core, out and ops at head with the wave built as candidate. `audit_id`
    sorts by time. Raises InputError where ops.waves does not know the wave.
    """
    kinds = source_kinds(connection, wave_id)
    context = new_context(str(store.data_docs / folder_name(audit_id)))
    findings = []
    for broken in breaks:
        models = frozenset(model for model, kind in kinds.items() if kind in broken.applies_to)
        if models or broken.applies_to == EVERYTHING:
            limited = None if broken.applies_to == EVERYTHING else models
            result = validate(context, broken, batch_of(connection, broken, wave_id, limited))
            findings.append(Finding(broken, tuple(bad_rows_of(broken, result)), bool(result.success)))
    imported = "imported" in kinds.values()
    verdicts = _verdicts(findings, _members(connection, wave_id), 1 if imported else LEAST_MEMBERS)
    now = datetime.now(UTC)
    return AuditResult(
        wave_id=wave_id,
        audit_id=audit_id,
        findings=tuple(findings),
        check_results=[check_result(finding, wave_id, audit_id) for finding in findings],
        verdicts=[{"audit_id": audit_id, "wave_id": wave_id, **row, "decided_at": now} for row in verdicts],
        needs_rebuild=_failed_keys(verdicts) != _keys_in_effect(connection, wave_id, audit_id),
        context=context,
    )


def folder_name(audit_id: str) -> str:
    """Return an audit's id as the name of a folder."""
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in audit_id)


def source_kinds(connection: duckdb.DuckDBPyConnection, wave_id: str) -> dict[str, Kind]:
    """Return the kind of source of every planned model of a wave; InputError where the wave is unknown."""
    known = connection.execute("SELECT wave_kind FROM ops.waves WHERE wave_id = ?", [wave_id]).fetchone()
    if known is None:
        raise InputError(
            f"The lake has no wave {wave_id!r}. `driftlake status` lists the waves it has; name one as panel/date."
        )
    rows = connection.execute(
        """
        SELECT DISTINCT model_requested, coalesce(endpoint_kind = 'checkpoint', false)
        FROM raw.planned_cells
        LEFT JOIN raw.roster ON roster.wave_id = planned_cells.wave_id AND roster.model = model_requested
        WHERE planned_cells.wave_id = ?
        """,
        [wave_id],
    ).fetchall()
    imported = known[0] == "imported"
    return {model: "imported" if imported else "checkpoint" if in_process else "asked" for model, in_process in rows}


def _members(connection: duckdb.DuckDBPyConnection, wave_id: str) -> dict[str, str | None]:
    """Return every planned member of a wave and why core withholds it; None where convergence counts it."""
    rows = connection.execute(
        """
        SELECT DISTINCT
            cells.model_requested,
            CASE
                WHEN models.model_requested IS NULL THEN 'not in core.model_waves'
                WHEN models.is_withheld THEN coalesce(models.withheld_reason, 'withheld')
            END AS reason
        FROM raw.planned_cells AS cells
        LEFT JOIN core.model_waves AS models
            ON models.wave_id = cells.wave_id
            AND models.model_requested = cells.model_requested
            AND models.purpose = 'measure'
        WHERE cells.wave_id = ? AND cells.purpose = 'measure'
        """,
        [wave_id],
    ).fetchall()
    return dict(rows)


def check_result(finding: Finding, wave_id: str, audit_id: str) -> dict[str, Any]:
    """Return a finding as a row of ops.check_results."""
    return {
        "audit_id": audit_id,
        "wave_id": wave_id,
        "check_id": finding.broken.check_id,
        "break_id": finding.broken.id,
        "severity": finding.broken.severity,
        "success": finding.success,
        "n_bad": len(finding.bad_rows),
        "detail": finding.sentence(),
    }


def _verdicts(findings: list[Finding], members: dict[str, str | None], least: int) -> list[dict[str, Any]]:
    failing = [finding for finding in findings if finding.fails]
    rows: list[dict[str, Any]] = []
    for scope in ("row", "model"):
        grouped: dict[tuple[str | None, str | None, int | None, str], list[tuple[Break, BadRow]]] = defaultdict(list)
        for finding in failing:
            for bad in finding.bad_rows if finding.broken.scope == scope else ():
                key = (bad.model_requested, bad.prompt_id, bad.sample_index, finding.broken.id)
                grouped[key].append((finding.broken, bad))
        for (model, prompt_id, sample_index, break_id), bads in grouped.items():
            evidence = "; ".join(dict.fromkeys(bad.evidence for _, bad in bads))
            rows.append(
                {
                    "scope": scope,
                    "model": model,
                    "prompt_id": prompt_id,
                    "sample_index": sample_index,
                    "break_id": break_id,
                    "verdict": "failed",
                    "n_bad": len(bads),
                    "detail": f"{bads[0][0].title}: {evidence.rstrip('.')}.",
                }
            )
    return [*rows, _wave_verdict(failing, rows, members, least)]


def _wave_verdict(
    failing: list[Finding], rows: list[dict[str, Any]], members: dict[str, str | None], least: int
) -> dict[str, Any]:
    whole = {"scope": "wave", "model": None, "prompt_id": None, "sample_index": None}
    decisive = [finding for finding in failing if finding.broken.scope == "wave"]
    failed_models = {row["model"] for row in rows if row["scope"] == "model"}
    lost = {model: "failed" if model in failed_models else reason for model, reason in members.items()}
    lost = {model: reason for model, reason in lost.items() if reason is not None}
    break_id: str | None
    if decisive:
        titles = "; ".join(f"{finding.broken.id} {finding.broken.title.lower()}" for finding in decisive)
        break_id, n_bad = decisive[0].broken.id, sum(len(finding.bad_rows) for finding in decisive)
        detail = f"The wave failed: {titles}. Nothing of it is published."
    elif len(members) - len(lost) < least:
        breaks = [row["break_id"] for row in rows if row["scope"] == "model" and row["model"] in members]
        # a member that core withholds failed no check, so no single break tells why the wave failed
        break_id, n_bad = breaks[0] if breaks and lost.keys() <= failed_models else None, len(lost)
        detail = (
            f"The wave failed: {len(members) - len(lost)} of {len(members)} planned members can be counted"
            f"{_why(lost)}, and {'convergence' if least > 1 else 'a wave'} needs at least {least}. "
            "Nothing of it is published."
        )
    else:
        n_rows = sum(scope == "row" for scope, *_ in _failed_keys(rows))
        kept_out = f"; kept out: answers {n_rows:,}, models {len(failed_models):,}" if rows else ""
        return whole | {"break_id": None, "verdict": "passed", "n_bad": 0, "detail": f"The wave passed{kept_out}."}
    return whole | {"break_id": break_id, "verdict": "failed", "n_bad": n_bad, "detail": detail}


def _why(lost: dict[str, str | None]) -> str:
    """Return the members that do not count by reason, in brackets; nothing where none is lost."""
    names: dict[str, list[str]] = defaultdict(list)
    for model, reason in sorted(lost.items()):
        names[str(reason)].append(model)
    parts = [f"{reason}: {_listed(models, NAMES_SHOWN)}" for reason, models in sorted(names.items())]
    return f" ({'; '.join(parts)})" if parts else ""


def _failed_keys(verdicts: list[dict[str, Any]]) -> set[VerdictKey]:
    return {
        (row["scope"], row["model"], row["prompt_id"], row["sample_index"])
        for row in verdicts
        if row["verdict"] == "failed" and row["scope"] != "wave"
    }


def _keys_in_effect(connection: duckdb.DuckDBPyConnection, wave_id: str, audit_id: str) -> set[VerdictKey]:
    """Return what the newest earlier audit keeps out: core was built under it."""
    rows = connection.execute(
        """
        SELECT scope, model, prompt_id, sample_index
        FROM ops.verdicts
        WHERE wave_id = $wave_id AND verdict = 'failed' AND scope <> 'wave' AND audit_id = (
            SELECT max(audit_id)
            FROM (SELECT wave_id, audit_id FROM ops.verdicts UNION ALL SELECT wave_id, audit_id FROM ops.check_results)
            WHERE wave_id = $wave_id AND audit_id < $audit_id
        )
        """,
        {"wave_id": wave_id, "audit_id": audit_id},
    ).fetchall()
    return {(row[0], row[1], row[2], row[3]) for row in rows}


def _listed(names: list[str], most: int, separator: str = ", ") -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return separator.join(names[:most]) + more
