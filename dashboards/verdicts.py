"""What the audit said, as sentences and as the notice of a wave that failed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.reading import Reading, sql_of
from dashboards.wording import counted, inert, listed, night
from lake.catalog import quoted

if TYPE_CHECKING:
    import duckdb

REMEDY = (
    "Its answers are kept in raw and its numbers are in none of the tables. Repair what is named above, then run "
    "`driftlake nightly` for the same panel and date again: only missing cells are asked, and the audit runs anew."
)

EXPERIMENT_REMEDY = (
    "What it trained is kept and its numbers are in none of the tables of `core` and `out`. Its own page says which "
    "gate closed and why. Repair what is named above, then start `driftlake train` again: only what is missing is "
    "trained."
)


@dataclass(frozen=True)
class Notice:
    """A wave that failed its audit: which wave, and for each check that failed what it found and kept out."""

    wave_id: str
    panel: str
    reasons: tuple[str, ...]
    remedy: str = REMEDY


def audit_sentences(reading: Reading) -> list[str]:
    """Return how many checks passed, and each finding or failure with its own sentence."""
    checks = reading.frame("checks")
    if checks.is_empty():
        return ["Audit: no result is recorded."]
    bad = checks.filter(~pl.col("success"))
    findings = bad.filter(pl.col("severity") == "warn").height
    failed = bad.height - findings
    passed = f"{counted(checks.height, 'check')}, {checks.height - bad.height} passed"
    parts = [counted(findings, "finding")] if findings else []
    parts += [f"{failed} failed and kept rows or models out"] if failed else []
    head = f"Audit: {', '.join([passed, *parts])}" + (":" if bad.height else ".")
    return [" ".join([head, *(_reason(row) for row in bad.to_dicts())])]


def kept_out_sentences(reading: Reading) -> list[str]:
    """Return the panel's nights that failed their audit and are in no number, by name; nothing where there is none."""
    rows = reading.frame("quarantined").filter(pl.col("panel") == reading.panel)
    nights = [night(wave_id) for wave_id in rows["wave_id"]]
    return [f"Kept out of every number, quarantined by their audit: {listed(nights)}."] if nights else []


def notices(connection: duckdb.DuckDBPyConnection) -> list[Notice]:
    """Return a notice for every quarantined wave newer than its panel's last publication, newest first."""
    rows = connection.sql(sql_of("quarantined")).pl().filter(pl.col("is_newer")).to_dicts()
    return [_notice(connection, row) for row in rows]


def _notice(connection: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> Notice:
    remedy = EXPERIMENT_REMEDY if row["wave_kind"] == "experiment" else REMEDY
    return Notice(inert(row["wave_id"]), inert(row["panel"]), _reasons(connection, row["wave_id"]), remedy)


def _reasons(connection: duckdb.DuckDBPyConnection, wave_id: str) -> tuple[str, ...]:
    checks = connection.sql(sql_of("checks", wave_id=quoted(wave_id))).pl()
    verdicts = connection.sql(sql_of("failed_verdicts", wave_id=quoted(wave_id))).pl()
    decided = set(verdicts["break_id"].drop_nulls())
    bad = checks.filter(~pl.col("success") & ((pl.col("severity") == "fail") | pl.col("break_id").is_in(list(decided))))
    told = [f"{_reason(row)} {_where(verdicts, row['break_id'])}".strip() for row in bad.to_dicts()]
    unexplained = verdicts.filter(~pl.col("break_id").is_in(bad["break_id"].to_list()).fill_null(False))
    told += [inert(detail) for detail in unexplained["detail"]]
    return tuple(told) or ("No check result is recorded; the audit itself may have stopped.",)


def _reason(row: dict[str, Any]) -> str:
    return f"{inert(row['break_id'])}, {counted(row['n_bad'], 'bad row')}: {inert(row['detail'])}"


def _where(verdicts: pl.DataFrame, break_id: str) -> str:
    """Return the models and rows that a break kept out, by name."""
    mine = verdicts.filter(pl.col("break_id") == break_id)
    models = sorted(set(map(inert, mine.filter(pl.col("scope") == "model")["model"])))
    rows = [
        inert(f"{row['model']}, {row['prompt_id']}, sample {row['sample_index']}")
        for row in mine.filter(pl.col("scope") == "row").to_dicts()
    ]
    parts = [f"Models: {listed(models)}."] if models else []
    parts += (
        [f"Rows: {'; '.join(rows[:5])}" + (f" and {len(rows) - 5:,} more." if len(rows) > 5 else ".")] if rows else []
    )
    return " ".join(parts)
