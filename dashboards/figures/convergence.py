"""Convergence over the nights: the combined score with its interval, its components, and their chance level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.parts import (
    INK,
    KERNEL_COLORS,
    MUTED,
    Chart,
    Figure,
    draw_chart,
    milliseconds,
    night_axis,
    sources,
    spread,
)
from dashboards.findings import moved
from dashboards.wording import counted, estimate, kinds, night, no_number, number

if TYPE_CHECKING:
    import altair as alt

    from dashboards.reading import Reading

WIDTH, HEIGHT = 290, 230
NO_SCORE = "No night of this panel has a score yet."


def figure(reading: Reading) -> Figure:
    """Return the figure; without a single scored night it says 'not enough data' and has no chart."""
    frame = reading.frame("convergence").with_columns(
        pl.col("wave_date").map_elements(milliseconds, return_dtype=pl.Int64).alias("at")
    )
    scored = frame.filter(pl.col("convergence").is_not_null())
    charts = () if scored.is_empty() else tuple(c for c in (_scores(frame), _levels(frame)) if c is not None)
    return Figure(
        anchor="convergence",
        title=_title(reading, frame),
        note=_note(frame),
        charts=charts,
        sources=sources(reading, "convergence", "change"),
    )


def _title(reading: Reading, frame: pl.DataFrame) -> str:
    rows = frame.filter((pl.col("kernel") == "combined") & pl.col("convergence").is_not_null()).to_dicts()
    if not rows:
        return "Convergence: not enough data"
    newest = rows[-1]
    said = (
        f"Convergence is {estimate(newest['convergence'], newest['ci_low'], newest['ci_high'])} "
        f"on {night(newest['wave_id'])}"
    )
    changes = reading.frame("change").filter(pl.col("change").is_not_null()).to_dicts()
    first = [row for row in changes if row["reference_kind"] == "first"] or changes
    return f"{said}; since {night(first[0]['reference'])} it {moved(first[0])}" if first else said


def _note(frame: pl.DataFrame) -> str:
    nights = frame.filter(pl.col("kernel") == "combined")
    combined = nights.filter(pl.col("convergence").is_not_null())
    if combined.is_empty():
        reasons = nights["reason"].drop_nulls()
        return f"No night of this panel has a score yet: {reasons[-1]}." if len(reasons) else NO_SCORE
    newest = combined.row(-1, named=True)
    parts = [
        "Convergence = (match - chance) / (1 - chance): 0 = no more alike than answers to different questions, "
        "1 = identical. Combined = 0.4 semantic + 0.6 distributional.",
        f"n = {counted(newest['n_models'] or 0, 'model')}, {counted(newest['n_prompts'] or 0, 'prompt')} "
        f"on the newest of {counted(combined.height, 'night')} with a score.",
        *(
            f"{night(row['wave_id'])}: {no_number(row['reason'])}."
            for row in nights.tail(1).to_dicts()
            if row["reason"]
        ),
    ]
    if combined["ci_low"].null_count() < combined.height:
        parts.append("Band and bars: 95 % interval of the combined score, two-way jackknife over models and prompts.")
    else:
        parts.append("No interval: it needs at least 3 models.")
    if combined["battery_sha"].n_unique() > 1:
        parts.append("The line breaks where the battery changed: scores before and after do not compare.")
    return " ".join(parts)


def _domain(values: pl.Series) -> tuple[float, float]:
    """Return limits that hold the values and 0, with a twentieth of air."""
    low, high = min(0.0, float(values.min() or 0)), max(0.0, float(values.max() or 0))  # type: ignore[arg-type]
    air = max((high - low) * 0.08, 0.02)
    return low - (air if low < 0 else 0), high + air


def _scores(frame: pl.DataFrame) -> Chart:
    import altair as alt

    nights = kinds(frame["wave_kind"])
    low, high = _domain(pl.concat([frame[name] for name in ("convergence", "ci_low", "ci_high")]).drop_nulls())
    x = alt.X("at", **night_axis(frame["wave_date"].to_list(), nights))
    y = alt.Y(
        "convergence",
        type="quantitative",
        title="convergence (0 chance, 1 identical)",
        scale=alt.Scale(domain=[low, high], nice=False),
        axis=alt.Axis(tickCount=6),
    )
    layers: list[Any] = [_rule(0.0)]
    combined = frame.filter(pl.col("kernel") == "combined")
    bounds = alt.Chart(combined.filter(pl.col("ci_low").is_not_null())).encode(
        x=x, y=alt.Y("ci_low", type="quantitative"), y2="ci_high"
    )
    band = bounds.mark_area(color=KERNEL_COLORS["combined"], opacity=0.12)
    layers.append(band.encode(detail=alt.Detail("battery_sha", type="nominal")))
    layers.append(bounds.mark_rule(color=KERNEL_COLORS["combined"], strokeWidth=6, opacity=0.3))
    for kernel in ("semantic", "distributional", "combined"):
        layers += _series(frame.filter(pl.col("kernel") == kernel), kernel, x, y)
    layers.append(_end_labels(frame, x, (high - low) * 14 / HEIGHT))
    told = "; ".join(
        f"{night(row['wave_id'])} {estimate(row['convergence'], row['ci_low'], row['ci_high'])}"
        for row in combined.tail(8).to_dicts()
    )
    chart = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    return draw_chart(
        chart,
        f"Line chart of combined convergence by night ({nights}): {told}.",
        "Scores above chance, all capabilities. Thick: combined; thin: its two components.",
    )


def _rule(at: float) -> alt.Chart:
    import altair as alt

    frame = pl.DataFrame({"level": [at]})
    return alt.Chart(frame).mark_rule(color=MUTED, strokeDash=[4, 3]).encode(y=alt.Y("level", type="quantitative"))


def _series(frame: pl.DataFrame, kernel: str, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return line and points of a kernel; a staged night is hollow, and a new battery starts a new line."""
    import altair as alt

    color, main = KERNEL_COLORS[kernel], kernel == "combined"
    base = alt.Chart(frame.with_columns(hollow=pl.col("wave_kind") == "staged")).encode(x=x, y=y)
    line = base.mark_line(color=color, strokeWidth=3 if main else 1.5, opacity=1 if main else 0.8).encode(
        detail=alt.Detail("battery_sha", type="nominal")
    )
    points = base.mark_point(size=60 if main else 24, opacity=1, stroke=color, strokeWidth=2 if main else 1.5).encode(
        fill=alt.condition("datum.hollow", alt.value("var(--paper)"), alt.value(color))
    )
    return [line, points]


def _end_labels(frame: pl.DataFrame, x: alt.X, gap: float) -> alt.Chart:
    """Return the kernels' names and newest values at the right end of their lines, moved apart."""
    import altair as alt

    last = frame.filter(pl.col("convergence").is_not_null()).group_by("kernel", maintain_order=True).last()
    labels = last.with_columns(
        place=pl.Series(spread(last["convergence"].to_list(), gap), dtype=pl.Float64),
        text=pl.Series([f"{row['kernel']} {number(row['convergence'])}" for row in last.to_dicts()], dtype=pl.String),
    )
    kernels = list(KERNEL_COLORS)
    return (
        alt.Chart(labels)
        .mark_text(align="left", dx=9, fontWeight=600)
        .encode(
            x=x,
            y=alt.Y("place", type="quantitative"),
            text=alt.Text("text", type="nominal"),
            color=alt.Color(
                "kernel",
                type="nominal",
                legend=None,
                scale=alt.Scale(domain=kernels, range=[KERNEL_COLORS[name] for name in kernels]),
            ),
        )
    )


def _levels(frame: pl.DataFrame) -> Chart | None:
    """Return match, chance and ceiling of the two components, side by side; None where no night has a match."""
    import altair as alt

    nights = kinds(frame["wave_kind"])
    panels = []
    for kernel in ("semantic", "distributional"):
        rows = frame.filter((pl.col("kernel") == kernel) & pl.col("match").is_not_null())
        if rows.is_empty():
            continue
        long = rows.unpivot(["match", "chance", "ceiling"], index=["at", "wave_date"], variable_name="level")
        long = long.filter(pl.col("value").is_not_null())
        panels.append(_level_panel(long, kernel, frame["wave_date"].to_list(), nights))
    if not panels:
        return None
    newest = frame.filter(pl.col("match").is_not_null()).group_by("kernel", maintain_order=True).last().to_dicts()
    told = "; ".join(
        f"{row['kernel']} match {number(row['match'])}, chance {number(row['chance'])}, "
        f"ceiling {number(row['ceiling'])}"
        for row in newest
    )
    chart = alt.hconcat(*panels)
    return draw_chart(
        chart,
        f"Similarity by night ({nights}), newest: {told}.",
        "Similarity before the correction (1 = equal texts). Match: same prompt, two models. Chance: different "
        "prompts. Ceiling: one model asked twice.",
    )


def _level_panel(long: pl.DataFrame, kernel: str, days: list[Any], nights: str) -> alt.LayerChart:
    import altair as alt

    axis = night_axis(days, nights, most_labels=2)
    axis["axis"]["title"] = f"night ({nights})"
    x = alt.X("at", **axis)
    y = alt.Y("value", type="quantitative", title=f"{kernel} similarity", scale=alt.Scale(domain=[0, 1]))
    color, styles = KERNEL_COLORS[kernel], {"match": [1, 0], "chance": [4, 3], "ceiling": [1, 3]}
    base = alt.Chart(long).encode(x=x, y=y)
    lines = base.mark_line(color=color, point=alt.OverlayMarkDef(color=color, size=18)).encode(
        strokeDash=alt.StrokeDash(
            "level", type="nominal", legend=None, scale=alt.Scale(domain=list(styles), range=list(styles.values()))
        )
    )
    last = long.group_by("level", maintain_order=True).last()
    placed = last.with_columns(place=pl.Series(spread(last["value"].to_list(), 14 / HEIGHT), dtype=pl.Float64))
    labels = (
        alt.Chart(placed)
        .mark_text(align="left", dx=6, color=INK)
        .encode(x=x, y=alt.Y("place", type="quantitative"), text=alt.Text("level", type="nominal"))
    )
    return alt.layer(lines, labels).properties(width=118, height=HEIGHT)
