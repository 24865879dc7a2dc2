"""How alike the target's answers become to the source's, by both kernels, with the canary's and the control's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dashboards.experiments.figures.panels import LEGEND, Panel, draw_panels, points_of
from dashboards.experiments.figures.trajectories import no_value, series_table
from dashboards.experiments.wording import change, measured, unit
from dashboards.figures.parts import Chart, Figure, least, most, sources
from dashboards.wording import inert

if TYPE_CHECKING:
    from dashboards.experiments.reading import ExperimentReading

NOTE = (
    "Similarity of answers to the source persona's own, after convergence and before any behaviour is trained. Bars: "
    "95 % interval of the change since epoch 0, paired by item. The control's source is the target itself, as it "
    "began. Semantic compares meaning by embeddings, distributional the words used."
)
NO_SIMILARITY = "No similarity of the target's answers to the source's was evaluated after convergence alone."


def figure(reading: ExperimentReading) -> Figure:
    """Return a chart a kernel; without a similarity a sentence says why."""
    frame = reading.frame("experiment_similarity")
    evidence = sources(reading, "experiment_similarity")
    known = frame.filter(pl.col("value").is_not_null())
    if known.filter(~pl.col("is_control")).is_empty():
        return Figure(
            "similarity", "Similarity to the source: not enough data", no_value(frame, NO_SIMILARITY), sources=evidence
        )
    metrics = known["metric"].unique().sort(descending=True).to_list()
    charts = tuple(_chart(reading, known.filter(pl.col("metric") == metric)) for metric in metrics)
    low, high = least(known["n_items"]), most(known["n_items"])
    note = f"{NOTE} n = {low:,}{'' if low == high else f' to {high:,}'} items a point."
    return Figure("similarity", similarity_title(reading), note, charts, LEGEND, (series_table(frame),), evidence)


def similarity_title(reading: ExperimentReading) -> str:
    """Return how far each source was approached by the last epoch, semantically or by the first kernel there is."""
    frame = reading.frame("experiment_similarity").filter(~pl.col("is_control") & pl.col("change").is_not_null())
    if frame.is_empty():
        return "Similarity to the source: no change was measured"
    metric = frame["metric"].sort(descending=True)[0]
    last = int(frame["epoch"].max())  # type: ignore[arg-type]
    rows = frame.filter((pl.col("metric") == metric) & (pl.col("epoch") == last)).to_dicts()
    by_source = {
        name: [row for row in rows if row["source"] == name]
        for name in reading.ordered("sources", [row["source"] for row in rows])
    }
    told = "; ".join(
        f"{inert(name)} {change(row['change'], row['ci_low'], row['ci_high'])}"
        + (f" (seed {row['seed']})" if len(mine) > 1 else "")
        for name, mine in list(by_source.items())[:6]
        for row in mine
    )
    target = inert(reading.facts["target"])
    return (
        f"Similarity of the {target} to its source by epoch {last}, {inert(metric.removeprefix('similarity_'))}: {told}"
    )


def _chart(reading: ExperimentReading, frame: pl.DataFrame) -> Chart:
    control = frame.filter(pl.col("is_control")).to_dicts()
    arms = frame.filter(~pl.col("is_control"))
    panels = [
        Panel(name, points_of(arms.filter(pl.col("source") == name).to_dicts(), control))
        for name in reading.ordered("sources", arms["source"])
    ]
    metric, last = frame["metric"][0], most(arms["epoch"])
    told = "; ".join(
        f"{inert(row['source'])} {change(row['change'], row['ci_low'], row['ci_high'])}"
        for row in arms.filter(pl.col("epoch") == last).to_dicts()[:8]
    )
    return draw_panels(
        panels,
        f"Line charts of {measured(metric, None)} to the source by epoch, a panel a source; change by epoch {last}: "
        f"{told}.",
        f"{unit(metric).partition(',')[0].capitalize()} similarity to the source persona's answers.",
        unit(metric),
        reading.facts["headline_epoch"],
    )
