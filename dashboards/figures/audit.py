"""What the audit said: every check of the newest audit, failures and findings first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dashboards.figures.parts import Figure, Table, sources
from dashboards.wording import cell, count, counted, listed

if TYPE_CHECKING:
    from dashboards.reading import Reading


def figure(reading: Reading) -> Figure:
    """Return the table of checks; without a recorded audit it says so."""
    checks = reading.frame("checks")
    note = (
        "Each check looks for one way in which such a pipeline lies. Severity fail: it makes numbers false, so the "
        "rows, model or wave are kept out. Severity warn: it is itself a finding and is published."
    )
    columns = ("Check", "Break", "Severity", "Result", "Bad rows", "What it says")
    rows = [
        (
            cell(row["check_id"]),
            cell(row["break_id"]),
            cell(row["severity"]),
            _result(row["success"], row["severity"]),
            count(row["n_bad"]),
            cell(row["detail"]),
        )
        for row in checks.to_dicts()
    ]
    table = Table("Checks of the newest audit", columns, rows, frozenset({"Bad rows"}), frozenset(columns[-1:]))
    return Figure("audit", _title(checks), note, tables=(table,) if rows else (), sources=sources(reading, "checks"))


def _title(checks: pl.DataFrame) -> str:
    if checks.is_empty():
        return "Audit: no result is recorded"
    bad = checks.filter(~pl.col("success"))
    if bad.is_empty():
        return f"Audit: all {counted(checks.height, 'check')} passed"
    names = listed([cell(name) for name in bad["break_id"].unique().sort()])
    return f"Audit: {checks.height - bad.height} of {counted(checks.height, 'check')} passed; not: {names}"


def _result(success: bool, severity: str) -> str:
    return "passed" if success else "finding" if severity == "warn" else "failed"
