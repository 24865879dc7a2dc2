"""How fast things move over many nights, and where a series changed its level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.parts import Figure, Table, sources
from dashboards.wording import DASH, cell, count, counted, estimate, inert, kinds, night, number

if TYPE_CHECKING:
    from dashboards.reading import Reading

NOTE = (
    "Slope: Theil-Sen, the median of the slopes between all pairs of nights, per 30 days; 95 % interval by Sen, null "
    "under 5 nights. A convergence series is moved by matched changes only; drift is MMD² against the baseline (a mean "
    "distance with one sample a prompt). Change points: CUSUM alarms as the series runs (k = 0.5, h = 5 SD), "
    "PELT reads "
    "all of it (8 nights or more). A staged series moves as fast as it was staged."
)


def figure(reading: Reading) -> Figure:
    """Return the slopes and change points; under 3 nights a sentence says why there are none."""
    slopes, points = reading.frame("trend"), reading.frame("change_points")
    evidence = sources(reading, "trend", "change_points")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    if slopes.is_empty() and points.is_empty():
        reason = "A slope needs at least 3 nights of one battery, scored or tested against one baseline."
        return Figure("trend", f"Trend ({when}): not enough data", reason, sources=evidence)
    tables = tuple(table for table in (_slopes(slopes), _points(points)) if table.rows)
    return Figure("trend", _title(slopes, points), f"{when}. {NOTE}", tables=tables, sources=evidence)


def _title(slopes: pl.DataFrame, points: pl.DataFrame) -> str:
    found = f"{counted(points.height, 'change point')} found" if points.height else "no change point found"
    rows = slopes.filter((pl.col("measure") == "convergence") & (pl.col("kernel") == "combined")).to_dicts()
    rows = [row for row in rows if row["slope_30_days"] is not None]
    if not rows:
        return f"Trend: convergence has no slope yet; {found}"
    row = rows[-1]
    size = estimate(row["slope_30_days"], row["ci_low"], row["ci_high"], 3)
    return f"Convergence moves by {size} per 30 days over {counted(row['n_waves'], 'night')}; {found}"


def _slopes(frame: pl.DataFrame) -> Table:
    columns = ("Series", "Kernel", "From", "First", "Newest", "Per 30 days, 95 % interval", "Nights", "Days")
    rows = [
        (
            _series(row),
            cell(row["kernel"]),
            night(row["first_wave_id"]),
            number(row["first_value"], 3),
            number(row["last_value"], 3),
            estimate(row["slope_30_days"], row["ci_low"], row["ci_high"], 3),
            count(row["n_waves"]),
            count(row["n_days"]),
        )
        for row in frame.to_dicts()
    ]
    return Table(
        "Slopes of the series that end with this night, all capabilities", columns, rows, frozenset(columns[3:])
    )


def _points(frame: pl.DataFrame) -> Table:
    columns = ("Series", "Kernel", "Method", "Changed on", "Detected on", "Size", "Nights before", "Nights after")
    rows = [
        (
            _series(row),
            cell(row["kernel"]),
            cell(row["method"]),
            night(row["wave_id"]),
            DASH if row["detected_wave_id"] is None else night(row["detected_wave_id"]),
            number(row["size"], 3),
            count(row["n_before"]),
            count(row["n_after"]),
        )
        for row in frame.to_dicts()
    ]
    return Table(
        "Where a series changed its level (no interval: the size is told after it was searched for)",
        columns,
        rows,
        frozenset(columns[5:]),
    )


def _series(row: dict[str, Any]) -> str:
    return "convergence" if row["model"] is None else cell(f"drift of {inert(row['model'])}")
