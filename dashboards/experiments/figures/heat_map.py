"""Transfer by source and behaviour at the registered epoch; what misses its criterion stays quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.experiments.standing import names
from dashboards.experiments.wording import signed
from dashboards.figures.pairs import legend, thresholds
from dashboards.figures.parts import Chart, Figure, draw_chart, least, most, short, sources
from dashboards.wording import count, inert, listed, number

if TYPE_CHECKING:
    from dashboards.experiments.reading import ExperimentReading

MISSED = -1
"""The step of a cell without transfer."""

_CELL_WIDTH, _CELL_HEIGHT = 84, 46


def figure(reading: ExperimentReading) -> Figure:
    """Return the heat map; without a verdict a sentence says that there is nothing to draw."""
    frame = reading.frame("experiment_verdicts")
    evidence = sources(reading, "experiment_verdicts")
    epoch = reading.facts["headline_epoch"]
    known = frame.filter(pl.col("transfer").is_not_null())
    if known.is_empty():
        said = "No source and behaviour has a transfer at the registered epoch."
        return Figure("transfer", f"Transfer at epoch {epoch}: not enough data", said, sources=evidence)
    shown = frame.filter((pl.col("verdict") == "transfer") & pl.col("transfer").is_not_null())
    edges = thresholds([abs(value) for value in shown["transfer"]] or [0.0])
    criteria = sorted({(inert(row["behaviour"]), number(row["criterion"], 3)) for row in frame.to_dicts()})
    items = [count(n) for n in sorted({least(frame["n_items"]), most(frame["n_items"])})]
    note = (
        f"Transfer = the target's change from epoch 0 to the registered epoch {epoch}, less the canary's, in the unit "
        "of the metric; its sign is the metric's (capability falls where it is lost). Coloured by its size where the "
        "verdict is transfer, plain with the verdict's words where it is not. Criteria: "
        f"{listed([f'{name} {least_change}' for name, least_change in criteria])}. n = {' to '.join(items)} items a "
        "cell. The intervals are in the table above."
    )
    steps = tuple(legend(edges)) if shown.height else ()
    return Figure(
        "transfer", _title(frame, shown, epoch), note, (_map(reading, frame, edges),), steps, sources=evidence
    )


def _title(frame: pl.DataFrame, shown: pl.DataFrame, epoch: int) -> str:
    if shown.is_empty():
        return f"At epoch {epoch} no cell of {frame.height} shows transfer"
    return f"Transfer at epoch {epoch} in {shown.height} of {frame.height} cells: {names(shown.to_dicts())}"


def _map(reading: ExperimentReading, frame: pl.DataFrame, edges: list[float]) -> Chart:
    import altair as alt

    rows = reading.ordered("sources", frame["source"])
    columns = reading.ordered("behaviours", frame["behaviour"])
    cells = pl.DataFrame([_cell(row, rows, columns, edges) for row in frame.to_dicts()])
    labels = {"labelExpr": "slice(datum.value, 3)", "title": None, "domain": False, "ticks": False, "grid": False}
    base = alt.Chart(cells).encode(
        x=alt.X(
            "column",
            type="ordinal",
            sort="ascending",
            axis=alt.Axis(labelAngle=0, labelLimit=_CELL_WIDTH, orient="top", **labels),
        ),
        y=alt.Y("row", type="ordinal", sort="ascending", axis=alt.Axis(labelLimit=110, **labels)),
    )
    layers = [
        base.mark_rect(stroke="var(--paper)", strokeWidth=2).encode(color=_coloured("seq")),
        base.mark_text(fontSize=13, dy=-6).encode(text=alt.Text("text", type="nominal"), color=_coloured("on-seq")),
        base.mark_text(fontSize=10, dy=10).encode(text=alt.Text("says", type="nominal"), color=_coloured("on-seq")),
    ]
    chart = (
        alt.layer(*layers)
        .resolve_scale(color="independent")
        .properties(width=_CELL_WIDTH * len(columns), height=_CELL_HEIGHT * len(rows))
    )
    told = "; ".join(
        f"{row['source']} {row['behaviour']} {signed(row['transfer'], 2)}, {row['verdict']}"
        for row in frame.to_dicts()[:12]
    )
    epoch = reading.facts["headline_epoch"]
    return draw_chart(
        chart,
        f"Heat map of transfer by source and behaviour at epoch {epoch}: {told}.",
        f"Source by behaviour, epoch {epoch}.",
        named_rows=True,
    )


def _cell(row: dict[str, Any], rows: list[str], columns: list[str], edges: list[float]) -> dict[str, Any]:
    has_transfer = row["verdict"] == "transfer" and row["transfer"] is not None
    return {
        "row": f"{rows.index(row['source']):03d}{short(row['source'])}",
        "column": f"{columns.index(row['behaviour']):03d}{short(row['behaviour'])}",
        "text": signed(row["transfer"], 2),
        "says": inert(row["verdict"] or "no verdict"),
        "step": sum(abs(row["transfer"]) >= edge for edge in edges) if has_transfer else MISSED,
    }


def _coloured(name: str) -> Any:
    import altair as alt

    steps = list(range(MISSED, 6))
    quiet = "var(--no-data)" if name == "seq" else "var(--muted)"
    colors = [quiet if step == MISSED else f"var(--{name}-{step})" for step in steps]
    return alt.Color("step", type="ordinal", legend=None, scale=alt.Scale(domain=steps, range=colors))
