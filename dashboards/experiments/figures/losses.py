"""Loss curves: convergence runs in full, behaviour runs folded, the reference's final loss as a line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.parts import GRID, INK, MUTED, Chart, Figure, Table, draw_chart, short, sources
from dashboards.wording import DASH, cell, count, counted, inert, number

if TYPE_CHECKING:
    from dashboards.experiments.reading import ExperimentReading

WIDTH, HEIGHT = 380, 190
MOST_POINTS = 1500
"""Points of one chart: more would weigh megabytes and show nothing more."""

COLORS = ("var(--blue)", "var(--orange)", "var(--green)", "var(--purple)", "var(--red)", "var(--quiet)")
_DASHES = ([1, 0], [5, 3], [1, 3], [8, 3, 1, 3])

NOTE = (
    "Loss in nats a token, lower is better; each point is the mean of a bin of steps, of many "
    "runs every few bins. Dashed: the final loss "
    "of the same run of the reference, drawn where the experiment names one. A gate asks that training ends below the "
    "registered limit and, for behaviours, near the reference."
)


def figure(reading: ExperimentReading) -> Figure:
    """Return the curves and every run's final loss; without a training run a sentence says so."""
    frame = reading.frame("experiment_losses")
    evidence = sources(reading, "experiment_losses")
    if frame.is_empty():
        said = "No loss of a training run of this version is in raw.training_loss: nothing was trained."
        return Figure("losses", "Losses: not enough data", said, sources=evidence)
    runs = frame.unique("run_id", keep="last", maintain_order=True)
    behaviours = frame.filter(pl.col("behaviour").is_not_null())
    folded = f"Behaviour training: {counted(behaviours['run_id'].n_unique(), 'run')}"
    charts = [_chart(reading, frame.filter(pl.col("behaviour").is_null()), "convergence", "source")]
    charts += [
        _chart(reading, behaviours.filter(pl.col("behaviour") == name), name, "epoch", folded)
        for name in reading.ordered("behaviours", behaviours["behaviour"])
    ]
    drawn = tuple(chart for chart in charts if chart)
    return Figure("losses", _title(runs), NOTE, drawn, tables=(_table(runs),), sources=evidence)


def _title(runs: pl.DataFrame) -> str:
    convergence = runs.filter(pl.col("behaviour").is_null() & pl.col("final_loss").is_not_null())
    if convergence.is_empty():
        return f"Losses of {counted(runs.height, 'training run')}"
    losses = [number(convergence["final_loss"].min()), number(convergence["final_loss"].max())]  # type: ignore[arg-type]
    ended = losses[0] if losses[0] == losses[1] else " to ".join(losses)
    return f"Convergence ended at a loss of {ended} ({counted(convergence.height, 'run')}, nats a token)"


def _chart(
    reading: ExperimentReading, frame: pl.DataFrame, name: str, colored_by: str, folded: str = ""
) -> Chart | None:
    """Return the curves of one kind of run, a colour a source or an epoch; None without a run."""
    import altair as alt

    if frame.is_empty():
        return None
    groups = _groups(reading, frame, colored_by)
    colors = [COLORS[place % len(COLORS)] for place in range(len(groups))]
    scale = alt.Scale(domain=list(groups), range=colors)
    dashes = alt.Scale(
        domain=list(groups), range=[_DASHES[place // len(COLORS) % len(_DASHES)] for place in range(len(groups))]
    )
    points = thinned(frame)
    named = pl.Series([_group(row, colored_by) for row in points.to_dicts()], dtype=pl.String)
    curves = points.with_columns(group=named)
    x = alt.X(
        "step",
        type="quantitative",
        title="optimizer step",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(tickCount=5, grid=False),
    )
    highest = float(frame["loss"].max() or 1.0)  # type: ignore[arg-type]
    y = alt.Y(
        "loss",
        type="quantitative",
        title="loss, nats a token",
        scale=alt.Scale(domain=[0, highest * 1.05], nice=False),
        axis=alt.Axis(tickCount=5, gridColor=GRID),
    )
    lines = (
        alt.Chart(curves)
        .mark_line(strokeWidth=1.3, opacity=0.85)
        .encode(
            x=x,
            y=y,
            detail=alt.Detail("run_id", type="nominal"),
            color=alt.Color("group", type="nominal", scale=scale, legend=_legend(colored_by, len(groups))),
            strokeDash=alt.StrokeDash("group", type="nominal", scale=dashes, legend=None),
        )
    )
    layers: list[Any] = [lines, *_reference(frame)]
    finals = frame.unique("run_id", keep="last", maintain_order=True)["final_loss"].drop_nulls()
    told = f"final losses {number(finals.min())} to {number(finals.max())}" if len(finals) else "no final loss"  # type: ignore[arg-type]
    drawn = draw_chart(
        alt.layer(*layers).properties(width=WIDTH, height=HEIGHT),
        f"Loss curves of {inert(name)}, {counted(frame['run_id'].n_unique(), 'run')}: {told}.",
        f"{inert(name)}: {counted(frame['run_id'].n_unique(), 'run')}, a colour {_by(colored_by)}.",
    )
    return replace(drawn, folded=folded)


def thinned(frame: pl.DataFrame, most_points: int = MOST_POINTS) -> pl.DataFrame:
    """Return every so many points of each run, its first and last always, so that few enough are left to draw."""
    step = -(-frame.height // most_points)
    place, size = pl.int_range(pl.len()).over("run_id"), pl.len().over("run_id")
    return frame.filter((place % step == 0) | (place == size - 1))


def _by(colored_by: str) -> str:
    return "a source" if colored_by == "source" else "a starting epoch"


def _legend(colored_by: str, n: int) -> Any:
    import altair as alt

    title = "toward" if colored_by == "source" else "epoch"
    return alt.Legend(
        title=title, orient="bottom", direction="horizontal", columns=min(n, 4), labelColor=INK, titleColor=MUTED,
        symbolType="stroke", titleFontWeight="normal", labelLimit=110,
    )  # fmt: skip


def _groups(reading: ExperimentReading, frame: pl.DataFrame, colored_by: str) -> dict[str, None]:
    """Return the names of the colours in order, each once."""
    if colored_by == "epoch":
        return dict.fromkeys(str(epoch) for epoch in sorted(frame["epoch"].drop_nulls().unique()))
    return dict.fromkeys(short(name) for name in reading.ordered("sources", frame["source"].drop_nulls()))


def _group(row: dict[str, Any], colored_by: str) -> str | None:
    value = row[colored_by]
    if value is None:
        return None
    return str(value) if colored_by == "epoch" else short(value)


def _reference(frame: pl.DataFrame) -> list[Any]:
    import altair as alt

    losses = frame["reference_loss"].drop_nulls().unique().sort()
    if losses.is_empty():
        return []
    rules = alt.Chart(pl.DataFrame({"loss": losses}))
    text = rules.mark_text(align="right", dx=-2, dy=-6, fontSize=11, text="reference").encode(
        x=alt.XValue(WIDTH), y=alt.Y("loss", type="quantitative")
    )
    return [rules.mark_rule(color=INK, strokeDash=[5, 3]).encode(y=alt.Y("loss", type="quantitative")), text]


def _table(runs: pl.DataFrame) -> Table:
    columns = ("Kind", "Source", "Behaviour", "From epoch", "Seed", "Steps", "Final loss", "Reference")
    rows = [
        (
            cell(row["kind"]),
            cell(row["source"]),
            cell(row["behaviour"]),
            DASH if row["epoch"] is None else str(row["epoch"]),
            str(row["seed"]),
            count(row["step"]),
            number(row["final_loss"], 3),
            number(row["reference_loss"], 3),
        )
        for row in runs.to_dicts()
    ]
    return Table("Final loss of every run, nats a token", columns, rows, frozenset(columns[3:]))
