"""Transfer by source and behaviour at the registered epoch; what misses its criterion stays quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.experiments.standing import names
from dashboards.experiments.wording import measured, signed
from dashboards.figures.pairs import legend, thresholds
from dashboards.figures.parts import Chart, Figure, draw_chart, short, sources
from dashboards.wording import DASH, count, counted, inert, listed, number

if TYPE_CHECKING:
    from dashboards.experiments.reading import ExperimentReading

MISSED = -1
"""The step of a cell without transfer."""

_CELL_WIDTH, _CELL_HEIGHT = 84, 46


def figure(reading: ExperimentReading) -> Figure:
    """Return the heat map; without a verdict a sentence says that there is nothing to draw."""
    rows = reading.verdicts()
    evidence = sources(reading, "experiment_verdicts")
    epoch = reading.facts["headline_epoch"]
    if all(row["transfer"] is None for row in rows):
        said = "No source and behaviour has a transfer at the registered epoch."
        return Figure("transfer", f"Transfer at epoch {epoch}: not enough data", said, sources=evidence)
    shown = [row for row in rows if _has_transfer(row)]
    edges = thresholds([0.0, *(abs(row["transfer"]) for row in shown)])
    note = (
        f"Transfer = the target's change from epoch 0 to the registered epoch {epoch}, less the canary's, in the unit "
        "of the metric; its sign is the metric's (capability falls where it is lost). Coloured by its size where the "
        f"verdict is transfer, plain with the verdict's words where it is not. {_detectors(rows)} {_criteria(rows)} "
        f"{_items(rows)} "
        "The intervals are in the table above."
    )
    steps = (*(legend(edges) if shown else ()), ("missed", "no transfer by the criterion"))
    title = _title(rows, shown, epoch)
    return Figure("transfer", title, note, (_map(reading, rows, edges),), steps, sources=evidence)


def _title(rows: list[dict[str, Any]], shown: list[dict[str, Any]], epoch: int) -> str:
    if not shown:
        return f"At epoch {epoch} no cell of {len(rows)} shows transfer"
    return f"Transfer at epoch {epoch} in {len(shown)} of {counted(len(rows), 'cell')}: {names(shown)}"


def _has_transfer(row: dict[str, Any]) -> bool:
    return row["verdict"] == "transfer" and row["transfer"] is not None


def _detectors(rows: list[dict[str, Any]]) -> str:
    """Return what each behaviour is measured by: 'Measured by: refusal (judge), accuracy (logprob).'"""
    told = dict.fromkeys(measured(row["metric"], row["detector"]) for row in rows)
    return f"Measured by: {listed(list(told))}."


def _criteria(rows: list[dict[str, Any]]) -> str:
    """Return the registered criteria, once where they are all the same."""
    criteria = {inert(row["behaviour"]): number(row["criterion"], 3) for row in rows}
    if len(set(criteria.values())) == 1:
        return f"Criterion: {next(iter(criteria.values()))} for every behaviour."
    return f"Criteria: {listed([f'{name} {change}' for name, change in criteria.items()])}."


def _items(rows: list[dict[str, Any]]) -> str:
    counts = sorted({row["n_items"] for row in rows if row["n_items"] is not None})
    ends = dict.fromkeys(map(count, (counts[0], counts[-1]))) if counts else {DASH: None}
    return f"n = {' to '.join(ends)} items a cell."


def _map(reading: ExperimentReading, verdicts: list[dict[str, Any]], edges: list[float]) -> Chart:
    import altair as alt

    rows = reading.ordered("sources", [row["source"] for row in verdicts])
    columns = reading.ordered("behaviours", [row["behaviour"] for row in verdicts])
    cells = pl.DataFrame([_cell(row, rows, columns, edges) for row in verdicts])
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
        f"{row['source']} {row['behaviour']} {signed(row['transfer'], 2)}, {row['verdict']}" for row in verdicts[:12]
    )
    epoch = reading.facts["headline_epoch"]
    return draw_chart(
        chart,
        f"Heat map of transfer by source and behaviour at epoch {epoch}: {told}.",
        f"Source by behaviour, epoch {epoch}.",
        named_rows=True,
    )


def _cell(row: dict[str, Any], rows: list[str], columns: list[str], edges: list[float]) -> dict[str, Any]:
    return {
        "row": f"{rows.index(row['source']):03d}{short(row['source'])}",
        "column": f"{columns.index(row['behaviour']):03d}{short(row['behaviour'])}",
        "text": signed(row["transfer"], 2),
        "says": inert(row["verdict"] or "no verdict"),
        "step": sum(abs(row["transfer"]) >= edge for edge in edges) if _has_transfer(row) else MISSED,
    }


def _coloured(name: str) -> Any:
    import altair as alt

    steps = list(range(MISSED, 6))
    quiet = "var(--no-data)" if name == "seq" else "var(--muted)"
    colors = [quiet if step == MISSED else f"var(--{name}-{step})" for step in steps]
    return alt.Color("step", type="ordinal", legend=None, scale=alt.Scale(domain=steps, range=colors))
