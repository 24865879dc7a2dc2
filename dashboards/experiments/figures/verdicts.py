"""What the registered criteria say of each source and behaviour, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboards.experiments.standing import headline
from dashboards.experiments.wording import change, measured, signed
from dashboards.figures.parts import Figure, Table, sources
from dashboards.wording import cell, count, number

if TYPE_CHECKING:
    import polars as pl

    from dashboards.experiments.reading import ExperimentReading

NOTE = (
    "By the criteria and the epoch that were registered before training, never by the best epoch. Transfer: the "
    "target's change less the canary's, against epoch 0. A cell shows transfer where its change has the behaviour's "
    "direction, reaches the criterion and has an interval (95 %) without 0, while canary and control stay below the "
    "criterion; where they move as far it is a generic change, and where the criterion lies inside the interval it is "
    "unclear. Changes are in the unit of the metric: a share of 0.05 is five points."
)


def figure(reading: ExperimentReading) -> Figure:
    """Return the table of verdicts; without one, the sentence why."""
    frame = reading.frame("experiment_verdicts")
    evidence = sources(reading, "experiment_verdicts")
    if frame.is_empty():
        return Figure("verdicts", "Verdicts: none", headline(reading), sources=evidence)
    return Figure(
        "verdicts", headline(reading).removesuffix("."), NOTE, tables=(_table(reading, frame),), sources=evidence
    )


def _table(reading: ExperimentReading, frame: pl.DataFrame) -> Table:
    columns = (
        "Source", "Behaviour", "Verdict", "Change, 95 % interval", "Canary", "Control", "Transfer, 95 % interval",
        "Criterion", "Metric", "Items", "Seeds", "Reason",
    )  # fmt: skip
    places = {name: place for place, name in enumerate(reading.ordered("sources", frame["source"]))}
    rows = [_row(row) for row in sorted(frame.to_dicts(), key=lambda row: places[row["source"]])]
    numeric = frozenset((*columns[3:8], "Items", "Seeds"))
    return Table("Verdict by source and behaviour", columns, rows, numeric, frozenset({"Reason"}))


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        cell(row["source"]),
        cell(row["behaviour"]),
        cell(row["verdict"]),
        change(row["change"], row["ci_low"], row["ci_high"]),
        signed(row["canary_change"]),
        signed(row["control_change"]),
        change(row["transfer"], row["transfer_ci_low"], row["transfer_ci_high"]),
        number(row["criterion"], 3),
        cell(measured(row["metric"], row["detector"])),
        count(row["n_items"]),
        count(row["n_seeds"]),
        cell(row["reason"]),
    )
