"""Estimates under one another: a dot each, its interval as a bar, its number above, and a line at nothing.

Estimates of one name under one another share it: their colours tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from dashboards.figures.parts import GRID, KERNEL_COLORS, MUTED, Chart, draw_chart, short
from dashboards.wording import estimate, number

if TYPE_CHECKING:
    import altair as alt

WIDTH = 290
_BLUE = KERNEL_COLORS["combined"]
_TOLD = 8


class Dot(NamedTuple):
    """One estimate. `low` and `high` null: no interval, no bar."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    color: str = _BLUE


def draw_dots(
    dots: Iterable[Dot],
    says: str,
    caption: str,
    x_title: str,
    *,
    digits: int = 2,
    only_above: bool = False,
    up_to: float = 0.0,
) -> Chart:
    """Return the dots in the order given, top down; `says` starts what is told to those who do not see it.

    `only_above`: the scale starts at 0, for values that cannot be below it but whose intervals may be.
    `up_to`: the scale reaches it.
    """
    rows = list(dots)
    told = "; ".join(f"{dot.name} {estimate(dot.value, dot.low, dot.high, digits)}" for dot in rows[:_TOLD])
    more = f"; {len(rows) - _TOLD} more" if len(rows) > _TOLD else ""
    return draw_chart(
        _layers(rows, x_title, digits, _domain(rows, only_above, up_to)),
        f"{says}: {told}{more}.",
        caption,
        named_rows=True,
    )


def _layers(rows: list[Dot], x_title: str, digits: int, domain: tuple[float, float]) -> alt.LayerChart:
    import altair as alt

    frame = pl.DataFrame(
        {
            "name": [f"{place:03d}{name}" for place, name in enumerate(_once(dot.name for dot in rows))],
            "value": [float(dot.value) for dot in rows],
            "low": [None if dot.low is None else max(float(dot.low), domain[0]) for dot in rows],
            "high": [None if dot.high is None else float(dot.high) for dot in rows],
            "text": [number(dot.value, digits) for dot in rows],
            "color": [dot.color for dot in rows],
        },
        schema_overrides={"low": pl.Float64, "high": pl.Float64},
    )
    y = alt.Y(
        "name",
        type="ordinal",
        sort="ascending",
        title=None,
        axis=alt.Axis(labelExpr="slice(datum.value, 3)", domain=False, ticks=False),
    )
    x = alt.X(
        "value",
        type="quantitative",
        title=x_title,
        scale=alt.Scale(domain=list(domain), nice=False),
        axis=alt.Axis(tickCount=5, gridColor=GRID),
    )
    base = alt.Chart(frame).encode(color=_as_given(frame))
    zero = alt.Chart(pl.DataFrame({"level": [0.0]})).mark_rule(color=MUTED, strokeDash=[4, 3])
    layers: list[Any] = [zero.encode(x=alt.X("level", type="quantitative"))]
    if frame["low"].null_count() < frame.height:
        bars = base.transform_filter("datum.low != null").mark_rule(strokeWidth=5, opacity=0.3)
        layers.append(bars.encode(x=alt.X("low", type="quantitative"), x2="high", y=y))
    layers.append(base.mark_circle(size=70, opacity=1).encode(x=x, y=y))
    for halo in ({"stroke": "var(--paper)", "strokeWidth": 4}, {}):  # keeps the lines behind from crossing a number
        text = alt.Chart(frame).mark_text(dy=-11, fontSize=11, **halo)
        layers.append(text.encode(x=x, y=y, text=alt.Text("text", type="nominal")))
    return alt.layer(*layers).properties(width=WIDTH, height={"step": 30})


def _once(names: Iterable[str]) -> list[str]:
    """Return names as a chart shows them, each only in the first of its rows."""
    shown = [short(name) for name in names]
    return ["" if place and name == shown[place - 1] else name for place, name in enumerate(shown)]


def _as_given(frame: pl.DataFrame) -> alt.Color:
    """Return a colour encoding that takes the column's values as they are."""
    import altair as alt

    colors = frame["color"].unique(maintain_order=True).to_list()
    return alt.Color("color", type="nominal", legend=None, scale=alt.Scale(domain=colors, range=colors))


def _domain(rows: list[Dot], only_above: bool, up_to: float) -> tuple[float, float]:
    """Return limits that hold 0 and every estimate with its interval, and some air."""
    limits = [0.0, up_to, *(float(at) for dot in rows for at in (dot.value, dot.low, dot.high) if at is not None)]
    low, high = (0.0 if only_above else min(limits)), max(limits)
    air = (high - low) * 0.06 or 0.02
    return low - (air if low < 0 else 0), high + air * 2
