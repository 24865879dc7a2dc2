"""Small multiples over epochs: one panel a source, two in a row, so that a phone holds them.

A line starts at epoch 0. Its bars are intervals of the change since epoch 0, drawn around the level: a bar that does
not cross its line's dashed level at epoch 0 is a change that was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from dashboards.figures.parts import CANARY, GRID, MUTED, QUIET, Chart, draw_chart, short, spread
from dashboards.wording import number

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT, IN_A_ROW = 156, 150, 2
COLORS = {"target": "var(--blue)", "canary": CANARY, "control": QUIET}
LEGEND = (
    ("blue", "target"),
    ("purple", "canary, which took no part in training"),
    ("quiet", "control: the target converged toward itself"),
)


class Point(NamedTuple):
    """One measurement. `low` and `high`: the interval of its change since epoch 0, around `value`; null: no bar."""

    role: str
    seed: int
    epoch: int
    value: float
    low: float | None = None
    high: float | None = None


class Panel(NamedTuple):
    """One small chart under its name."""

    name: str
    points: Sequence[Point]


def points_of(rows: Sequence[dict[str, Any]], control: Sequence[dict[str, Any]]) -> list[Point]:
    """Return the points of a source's series and of the control's; rows without a value have none."""
    found = []
    for row in rows:
        for role, value, change, low, high in (
            ("target", "value", "change", "ci_low", "ci_high"),
            ("canary", "canary_value", "canary_change", "canary_ci_low", "canary_ci_high"),
        ):
            if row[value] is not None:
                bounds = _around(row[value], row[change], row[low], row[high], row["epoch"])
                found.append(Point(role, row["seed"], row["epoch"], row[value], *bounds))
    return found + [
        Point("control", row["seed"], row["epoch"], row["value"]) for row in control if row["value"] is not None
    ]


def _around(
    value: float, change: float | None, low: float | None, high: float | None, epoch: int
) -> tuple[float | None, float | None]:
    """Return the interval of a change, moved to the level that the change led to; none at epoch 0."""
    if change is None or low is None or high is None or epoch == 0:
        return None, None
    return value - change + low, value - change + high


def draw_panels(panels: Sequence[Panel], says: str, caption: str, y_title: str, headline_epoch: int | None) -> Chart:
    """Return the panels on one scale; `says` is told to those who do not see them."""
    import altair as alt

    points = [point for panel in panels for point in panel.points]
    domain = _domain(points)
    epochs = sorted({point.epoch for point in points})
    drawn = [
        _panel(panel, epochs, domain, y_title if place % IN_A_ROW == 0 else None, headline_epoch)
        for place, panel in enumerate(panels)
    ]
    rows = [alt.hconcat(*drawn[start : start + IN_A_ROW]) for start in range(0, len(drawn), IN_A_ROW)]
    return draw_chart(alt.vconcat(*rows), says, caption)


def _domain(points: Sequence[Point]) -> tuple[float, float]:
    """Return limits that hold 0 and every value with its bar, and some air."""
    limits = [0.0, *(at for point in points for at in (point.value, point.low, point.high) if at is not None)]
    low, high = min(limits), max(limits)
    air = (high - low) * 0.06 or 0.05
    return low - (air if low < 0 else 0), high + air


def _panel(
    panel: Panel, epochs: Sequence[int], domain: tuple[float, float], y_title: str | None, headline_epoch: int | None
) -> alt.LayerChart:
    import altair as alt

    widest = max(epochs) or 1
    x = alt.X(
        "epoch",
        type="quantitative",
        title="epoch of convergence",
        scale=alt.Scale(domain=[-widest * 0.04, widest * 1.04], nice=False),
        axis=alt.Axis(values=list(epochs), format="d", grid=False, labelOverlap=False),
    )
    y = alt.Y(
        "value",
        type="quantitative",
        title=y_title,
        scale=alt.Scale(domain=list(domain), nice=False),
        axis=alt.Axis(tickCount=4, gridColor=GRID),
    )
    layers: list[Any] = []
    if headline_epoch is not None:
        at = alt.Chart(pl.DataFrame({"epoch": [headline_epoch]}))
        layers.append(at.mark_rule(color=MUTED, strokeDash=[2, 3]).encode(x=alt.X("epoch", type="quantitative")))
    for role in ("control", "canary", "target"):
        layers += _series([point for point in panel.points if point.role == role], role, x, y)
    layers += _last_values(panel.points, x, domain)
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=short(panel.name))


def _series(points: Sequence[Point], role: str, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return line, points, bars and the level at epoch 0 of one role, a line a seed."""
    import altair as alt

    if not points:
        return []
    frame = pl.DataFrame(
        [point._asdict() for point in points], schema_overrides={"low": pl.Float64, "high": pl.Float64}
    )
    color, aside = COLORS[role], 3 if role == "canary" else 0
    base = alt.Chart(frame).encode(x=x, y=y)
    faint = role == "control"
    line = base.mark_line(
        color=color, strokeWidth=1.2 if faint else 2, strokeDash=[3, 2] if faint else [1, 0], opacity=0.9
    ).encode(detail=alt.Detail("seed", type="nominal"))
    found = [line]
    bars = frame.filter(pl.col("low").is_not_null())
    if bars.height:
        bar = alt.Chart(bars).mark_rule(color=color, strokeWidth=5, opacity=0.3, xOffset=aside)
        found.append(bar.encode(x=x, y=alt.Y("low", type="quantitative"), y2="high"))
    if role == "target":
        start = frame.filter(pl.col("epoch") == 0).unique("value")
        level = alt.Chart(start).mark_rule(color=color, strokeDash=[4, 3], opacity=0.6)
        found.append(level.encode(y=alt.Y("value", type="quantitative")))
    if not faint:
        found.append(base.mark_circle(color=color, size=28, opacity=1))
    return found


def _last_values(points: Sequence[Point], x: alt.X, domain: tuple[float, float]) -> list[alt.Chart]:
    """Return the mean over seeds at the last epoch, target's and canary's, right of their lines and apart."""
    import altair as alt

    told = sorted((point for point in points if point.role != "control"), key=lambda point: point.role)
    last = []
    for role, of_role in groupby(told, key=lambda point: point.role):
        mine = list(of_role)
        end = max(point.epoch for point in mine)
        values = [point.value for point in mine if point.epoch == end]
        last.append((role, end, sum(values) / len(values)))
    if not last:
        return []
    places = spread([value for *_, value in last], (domain[1] - domain[0]) * 13 / HEIGHT)
    frame = pl.DataFrame(
        {
            "role": [role for role, *_ in last],
            "epoch": [end for _, end, _ in last],
            "place": places,
            "text": [number(value) for *_, value in last],
        }
    )
    color = alt.Color(
        "role",
        type="nominal",
        legend=None,
        scale=alt.Scale(domain=list(COLORS), range=list(COLORS.values())),
    )
    text = alt.Chart(frame).mark_text(align="left", dx=8, fontSize=11)
    return [text.encode(x=x, y=alt.Y("place", type="quantitative"), text=alt.Text("text", type="nominal"), color=color)]
