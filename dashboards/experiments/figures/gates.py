"""The gates in order, each with what it found: passed, closed, or not reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dashboards.experiments.standing import about, first_closed
from dashboards.experiments.wording import sentence
from dashboards.figures.parts import Check, Figure, Table, sources, words
from dashboards.wording import cell, count, counted, inert

if TYPE_CHECKING:
    from dashboards.experiments.reading import ExperimentReading

GATES = {
    "data": "training files are there, of the planned size, with their system prompts",
    "checkpoints": "every checkpoint saved, loss below its limit",
    "epoch_zero": "epoch 0 reproduces the reference and agrees across sources",
    "behaviour_loss": "loss of behaviour training near the reference's",
    "first_signal": "something moves after the first sources",
    "complete": "canary and control are complete",
}
"""Gate to what it looks for, in the order in which a run reaches them. A pilot passes some of them by itself first."""

_EVIDENCE_SHOWN = 3

NOTE = (
    "A gate is decided about each subject (source/behaviour/seed, or the whole matrix) before money or time is spent "
    "on what follows; the first that closes ends the run. A gate never passes on n = 0. Where a run was started again, "
    "the newest decision counts."
)


def figure(reading: ExperimentReading) -> Figure:
    """Return the checklist and every decision; where nothing was decided a sentence says so."""
    frame = reading.frame("experiment_gates")
    evidence = sources(reading, "experiment_gates")
    if frame.is_empty():
        return Figure(
            "gates", "Gates: none was decided", "raw.experiment_gates has no row of this version.", sources=evidence
        )
    return Figure(
        "gates", _title(reading, frame), NOTE, tables=(_table(frame),), sources=evidence, checks=_checks(frame)
    )


def _title(reading: ExperimentReading, frame: pl.DataFrame) -> str:
    closed = first_closed(reading)
    decisions = counted(frame.height, "decision")
    if closed:
        return (
            f"Gates: {words(closed['gate'])} closed for {about(closed['subject'])}, which ended the run ({decisions})"
        )
    decided = frame["gate"].n_unique()
    return f"Gates: {counted(decided, 'gate')} decided, all passed ({decisions})"


def _checks(frame: pl.DataFrame) -> tuple[Check, ...]:
    """Return the decided gates in order of deciding, then those that were not reached."""
    decided = frame["gate"].unique(maintain_order=True).to_list()
    open_gates = [gate for gate in GATES if gate not in decided]
    is_through = frame["passed"].all() and "complete" in decided
    why = "not asked of this run" if is_through else "not reached"
    found = [_decided(gate, frame.filter(pl.col("gate") == gate)) for gate in decided]
    return (*found, *(Check("open", words(gate), f"{why}: {GATES[gate]}.") for gate in open_gates))


def _decided(gate: str, rows: pl.DataFrame) -> Check:
    closed = rows.filter(~pl.col("passed"))
    means = f": {GATES[gate]}" if gate in GATES else ""
    decisions, n = counted(rows.height, "decision"), f"n = {int(rows['n'].sum()):,}"
    if closed.is_empty():
        return Check("passed", words(gate), f"passed in {decisions}, {n}{means}.", _evidence(rows))
    says = f"closed in {closed.height} of {decisions}, {n}{means}."
    return Check("closed", words(gate), says, _evidence(closed), bool(rows["is_first_closed"].any()))


def _evidence(rows: pl.DataFrame) -> tuple[str, ...]:
    shown = [
        f"{about(row['subject'])}: {sentence(row['evidence'])}"
        + (f" Break {inert(row['break_id'])}." if row["break_id"] else "")
        for row in rows.head(_EVIDENCE_SHOWN).to_dicts()
    ]
    more = rows.height - len(shown)
    return (*shown, f"{more:,} more in the table.") if more else tuple(shown)


def _table(frame: pl.DataFrame) -> Table:
    numeric, prose = frozenset({"n", "Decisions"}), frozenset({"Evidence"})
    columns = ("Gate", "Subject", "Result", "n", "Evidence", "Break", "Decisions")
    rows = [
        (
            cell(words(row["gate"])),
            cell(about(row["subject"])),
            "passed" if row["passed"] else "closed",
            count(row["n"]),
            cell(row["evidence"]),
            cell(row["break_id"]),
            count(row["n_decisions"]),
        )
        for row in frame.to_dicts()
    ]
    return Table("Every decision", columns, rows, numeric, prose, is_folded=True)
