"""How each behaviour moves with convergence: target, canary and control by epoch, a panel a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.experiments.figures.panels import LEGEND, Panel, draw_panels, points_of
from dashboards.experiments.reading import main_series
from dashboards.experiments.shapes import canary_shape, movement_shape
from dashboards.experiments.wording import change, measured, unit
from dashboards.figures.parts import Chart, Figure, Table, least, most, sources
from dashboards.wording import cell, count, estimate, inert, number, p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.experiments.reading import ExperimentReading

NOTE = (
    "Level of each metric after so many epochs of convergence. Bars: 95 % interval of the change since epoch 0, paired "
    "by item, drawn around the level; one that leaves out the dashed level of epoch 0 is a measured change. Dotted "
    "line: the epoch that was registered for the verdicts. Lines are drawn on one scale a behaviour, a line a seed."
)


def figure(reading: ExperimentReading) -> Figure:
    """Return a chart a behaviour and every number; without a trajectory a sentence says why."""
    frame = reading.frame("experiment_trajectories")
    evidence = sources(reading, "experiment_trajectories")
    drawn = main_series(reading, frame).filter(pl.col("value").is_not_null() | pl.col("canary_value").is_not_null())
    if drawn.filter(~pl.col("is_control")).is_empty():
        return Figure("trajectories", "Trajectories: not enough data", no_value(frame, NO_TRAJECTORY), sources=evidence)
    behaviours = reading.ordered("behaviours", drawn["behaviour"])
    charts = tuple(_chart(reading, drawn.filter(pl.col("behaviour") == name), name) for name in behaviours)
    items = drawn["n_items"]
    note = f"{NOTE} n = {_range(least(items), most(items))} items a point, {_seeds(drawn)}."
    title = f"{movement_shape(reading).title}; {canary_shape(reading).title}"
    return Figure("trajectories", title[:1].upper() + title[1:], note, charts, LEGEND, (series_table(frame),), evidence)


NO_TRAJECTORY = (
    "out.persona_trajectories has no row of this version: it holds experiments whose gates and audit passed."
)


def no_value(frame: pl.DataFrame, no_row: str) -> str:
    """Return why nothing is drawn: the reasons of the table, or `no_row` where it has none."""
    reasons = sorted(set(frame["reason"].drop_nulls()))
    if reasons:
        return f"No epoch has a value: {'; '.join(inert(reason) for reason in reasons[:3])}."
    return no_row


def _chart(reading: ExperimentReading, frame: pl.DataFrame, behaviour: str) -> Chart:
    control = frame.filter(pl.col("is_control")).to_dicts()
    arms = frame.filter(~pl.col("is_control"))
    panels = [
        Panel(name, points_of(arms.filter(pl.col("source") == name).to_dicts(), control))
        for name in reading.ordered("sources", arms["source"])
    ]
    metric, detector = frame["metric"][0], frame["detector"][0]
    headline = reading.facts["headline_epoch"]
    told = "; ".join(
        f"{inert(row['source'])} {change(row['change'], row['ci_low'], row['ci_high'])}, canary "
        f"{change(row['canary_change'], row['canary_ci_low'], row['canary_ci_high'])}"
        for row in arms.filter(pl.col("epoch") == headline).to_dicts()[:8]
    )
    return draw_panels(
        panels,
        f"Line charts of {behaviour} ({measured(metric, detector)}) by epoch, a panel a source; change by epoch "
        f"{headline}: {told or 'not measured'}.",
        f"{inert(behaviour)}: {measured(metric, detector)}, target {inert(reading.facts['target'])}, canary "
        f"{inert(reading.facts['canary'])}.",
        unit(metric),
        headline,
    )


def series_table(frame: pl.DataFrame) -> Table:
    """Return every row of the trajectories, a value with its interval and n each."""
    columns = (
        "Source", "Behaviour", "Metric", "Seed", "Epoch", "Value, 95 % interval", "Items", "Change", "p",
        "Canary's change", "Canary's items", "Transfer", "Share of movement", "Why there is none",
    )  # fmt: skip
    rows = [_row(row) for row in frame.to_dicts()]
    return Table(
        "Every metric by epoch, changes against epoch 0",
        columns,
        rows,
        frozenset(columns[3:13]),
        frozenset(columns[13:]),
        is_folded=True,
    )


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    control = ", control" if row["is_control"] else ""
    return (
        cell(f"{inert(row['source'])}{control}"),
        cell(row["behaviour"]),
        cell(measured(row["metric"], row["detector"])),
        str(row["seed"]),
        count(row["epoch"]),
        estimate(row["value"], row["value_ci_low"], row["value_ci_high"], 3),
        count(row["n_items"]),
        change(row["change"], row["ci_low"], row["ci_high"]),
        p_value(row["p_value"]),
        change(row["canary_change"], row["canary_ci_low"], row["canary_ci_high"]),
        count(row["canary_n"]),
        change(row["transfer"], row["transfer_ci_low"], row["transfer_ci_high"]),
        number(row["share_of_movement"]),
        cell(row["reason"]),
    )


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _seeds(frame: pl.DataFrame) -> str:
    seeds: Sequence[int] = sorted(frame["seed"].unique())
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
