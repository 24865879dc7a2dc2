"""Which models answer alike: the pairs of the newest wave as a heat map."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.parts import Chart, Figure, draw_chart, short, sources
from dashboards.wording import DASH, count, counted, estimate, inert, night, number

if TYPE_CHECKING:
    import altair as alt

    from dashboards.reading import Reading

STEPS = 6
_NUMBERS_UP_TO = 12


def figure(reading: Reading) -> Figure:
    """Return the heat map; without a scored pair it says 'not enough data' and has no chart."""
    pairs = reading.frame("pairs")
    scored = pairs.filter(pl.col("convergence").is_not_null()).sort("convergence", descending=True)
    kind = reading.frame("facts")["wave_kind"][0]
    when = f"{night(reading.wave_id)}, {kind}"
    if scored.is_empty():
        return Figure(
            "pairs",
            f"Pairs of models ({when}): not enough data",
            "No pair has a score over all capabilities.",
            sources=sources(reading, "pairs"),
        )
    top, bottom = scored.row(0, named=True), scored.row(-1, named=True)
    title = f"Most alike: {inert(top['model_a'])} and {inert(top['model_b'])}, {_score(top)}"
    if scored.height > 1:
        title += f"; least: {inert(bottom['model_a'])} and {inert(bottom['model_b'])}, {_score(bottom)}"
    unscored = pairs.height - scored.height
    gaps = f"; {unscored} without a score ({DASH})" if unscored else ""
    edges = thresholds(scored["convergence"].to_list())
    prompts = " to ".join(count(n) for n in scored["n_prompts"].unique().sort().gather([0, -1]).unique().sort())
    note = (
        f"Combined convergence of each pair ({when}; 0 = chance, 1 = identical), all capabilities. "
        f"n = {counted(pairs.height, 'pair')}, {prompts} shared prompts a pair{gaps}. "
        "Models stand in the order of their mean. Intervals: 95 %, jackknife over prompts, the two models taken "
        "as given; "
        "those of all pairs are in the numbers."
    )
    return Figure("pairs", title, note, (_map(pairs, edges, when),), legend(edges), sources=sources(reading, "pairs"))


def _score(row: dict[str, Any]) -> str:
    return estimate(row["convergence"], row["ci_low"], row["ci_high"])


def thresholds(values: list[float]) -> list[float]:
    """Return the inner edges of six equal colour steps over the values' range, rounded outward to 0.05."""
    low, high = math.floor(min(values) * 20) / 20, math.ceil(max(values) * 20) / 20
    width = max(high - low, 0.05) / STEPS
    return [low + width * step for step in range(1, STEPS)]


def legend(edges: list[float]) -> tuple[tuple[str, str], ...]:
    """Return (CSS class, words) of each colour step."""
    words = [f"below {number(edges[0])}"]
    words += [f"{number(low)} to {number(high)}" for low, high in pairwise(edges)]
    words.append(f"{number(edges[-1])} and above")
    return tuple((f"seq-{step}", text) for step, text in enumerate(words))


def order(pairs: pl.DataFrame) -> list[str]:
    """Return the models by mean convergence with the others, highest first; unscored ones last."""
    both = pl.concat([pairs.select(model=side, convergence="convergence") for side in ("model_a", "model_b")])
    means = both.group_by("model").agg(pl.col("convergence").mean())
    return means.sort(["convergence", "model"], descending=[True, False], nulls_last=True)["model"].to_list()


def _map(pairs: pl.DataFrame, edges: list[float], when: str) -> Chart:
    import altair as alt

    models = order(pairs)
    names = {model: f"{place:03d}{short(model)}" for place, model in enumerate(models)}
    cells = pl.concat(
        [
            pairs.select(
                row=pl.col(a).replace_strict(names), column=pl.col(b).replace_strict(names), value="convergence"
            )
            for a, b in (("model_a", "model_b"), ("model_b", "model_a"))
        ]
    )
    cells = cells.with_columns(
        step=pl.Series([_step(value, edges) for value in cells["value"]], dtype=pl.Int64),
        text=pl.Series([number(value) for value in cells["value"]], dtype=pl.String),
    )
    side = min(44, max(16, 300 // len(models)))
    labels = {"labelExpr": "slice(datum.value, 3)", "title": None, "domain": False, "ticks": False, "grid": False}
    base = alt.Chart(cells).encode(
        x=alt.X(
            "column",
            type="ordinal",
            sort="ascending",
            scale=alt.Scale(domain=sorted(names.values())),
            axis=alt.Axis(labelAngle=-40 if len(models) <= _NUMBERS_UP_TO else -90, **labels),
        ),
        y=alt.Y(
            "row",
            type="ordinal",
            sort="ascending",
            scale=alt.Scale(domain=sorted(names.values())),
            axis=alt.Axis(**labels),
        ),
    )
    layers = [base.mark_rect(stroke="var(--paper)", strokeWidth=2).encode(color=_coloured("seq"))]
    if len(models) <= _NUMBERS_UP_TO:
        layers.append(
            base.mark_text(fontSize=11).encode(text=alt.Text("text", type="nominal"), color=_coloured("on-seq"))
        )
    ranked = pairs.filter(pl.col("convergence").is_not_null()).sort("convergence", descending=True).head(5).to_dicts()
    told = "; ".join(f"{row['model_a']} and {row['model_b']} {number(row['convergence'])}" for row in ranked)
    chart = (
        alt.layer(*layers)
        .resolve_scale(color="independent")
        .properties(width=side * len(models), height=side * len(models))
    )
    return draw_chart(
        chart,
        f"Heat map of {len(models)} models ({when}); most alike: {told}. All pairs are in the numbers.",
        f"Combined convergence of each pair, {when}.",
        named_rows=True,
    )


def _coloured(name: str) -> alt.Color:
    import altair as alt

    steps = list(range(-1, STEPS))
    colors = ["var(--no-data)" if step < 0 else f"var(--{name}-{step})" for step in steps]
    if name == "on-seq":
        colors[0] = "var(--ink)"
    return alt.Color("step", type="ordinal", legend=None, scale=alt.Scale(domain=steps, range=colors))


def _step(value: float | None, edges: list[float]) -> int:
    return -1 if value is None else sum(value >= edge for edge in edges)
