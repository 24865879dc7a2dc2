"""What the registered criteria say of each source and behaviour, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboards.experiments.standing import headline
from dashboards.experiments.wording import change, measured
from dashboards.figures.parts import Figure, Table, sources
from dashboards.wording import cell, count, number

if TYPE_CHECKING:
    from dashboards.experiments.reading import ExperimentReading

NOTE = (
    "By the criteria and the epoch that were registered before training, never by the best epoch. Transfer: the "
    "change since epoch 0 has the behaviour's direction, reaches the criterion and has a 95 % interval without 0. "
    "Where canary, control or convergence alone (the same items before the behaviour was taught) moved by the "
    "criterion too, it has to go further by the criterion, with its interval beyond what they moved; else the change "
    "is generic. No transfer: the interval ends short of the criterion. Unclear: neither. Changes are in the unit of "
    "the metric: a share of 0.05 is five points. With one seed the intervals are over items only and say nothing "
    "about another seed."
)


def figure(reading: ExperimentReading) -> Figure:
    """Return the table of verdicts; without one, the sentence why."""
    frame = reading.frame("experiment_verdicts")
    evidence = sources(reading, "experiment_verdicts")
    if frame.is_empty():
        return Figure("verdicts", "Verdicts: none", headline(reading), sources=evidence)
    rows = reading.verdicts()
    return Figure(
        "verdicts", headline(reading).removesuffix("."), NOTE, tables=(_said(rows), _numbers(rows)), sources=evidence
    )


def _said(rows: list[dict[str, Any]]) -> Table:
    columns = ("Source", "Behaviour", "Verdict", "Reason")
    told = [tuple(cell(row[name.lower()]) for name in columns) for row in rows]
    return Table("Verdict by source and behaviour", columns, told, prose=frozenset({"Reason"}))


def _numbers(rows: list[dict[str, Any]]) -> Table:
    columns = (
        "Source", "Behaviour", "Change, 95 % interval", "Canary's change", "Control's change",
        "Convergence alone", "Transfer", "Criterion", "Metric", "Items", "Seeds",
    )  # fmt: skip
    return Table(
        "The numbers behind them", columns, [_row(row) for row in rows], frozenset((*columns[2:8], *columns[9:]))
    )


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        cell(row["source"]),
        cell(row["behaviour"]),
        change(row["change"], row["ci_low"], row["ci_high"]),
        change(row["canary_change"], row["canary_ci_low"], row["canary_ci_high"]),
        change(row["control_change"], row["control_ci_low"], row["control_ci_high"]),
        change(row["untaught_change"], row["untaught_ci_low"], row["untaught_ci_high"]),
        change(row["transfer"], row["transfer_ci_low"], row["transfer_ci_high"]),
        number(row["criterion"], 3),
        cell(measured(row["metric"], row["detector"])),
        count(row["n_items"]),
        count(row["n_seeds"]),
    )
