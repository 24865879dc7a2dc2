"""Cost and completeness: what was planned for each model, what came back, what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.parts import Chart, Figure, Table, draw_chart, short, sources
from dashboards.wording import DASH, cell, count, counted, inert, listed, night, number, share, usd

if TYPE_CHECKING:
    from dashboards.reading import Reading

STATES = ("ok", "empty", "truncated", "declined", "error", "missing", "quarantined")
_COLORS = {state: f"var(--state-{state})" for state in STATES}


def figure(reading: Reading) -> Figure:
    """Return the bars and the table of what came back and what it cost."""
    frame = reading.frame("completeness")
    kind = reading.frame("facts")["wave_kind"][0]
    when = f"{night(reading.wave_id)}, {kind}"
    evidence = sources(reading, "completeness")
    if frame.is_empty():
        return Figure(
            "completeness", f"Cost and completeness ({when}): not enough data", "No cell was planned.", sources=evidence
        )
    present = [state for state in STATES if int(frame[state].sum())]
    note = (
        f"Share of each model's planned cells by what came back ({when}). A declined answer is data, not an outage. "
        "Cost is in USD as reported or computed from the catalogue; unknown where no answer carries one, as for models "
        "that run in process. Latency is the median of one answer, in process that of its batch."
    )
    return Figure(
        "completeness",
        _title(frame, reading.wave_id),
        note,
        (_bars(frame, present, when),),
        tuple((f"state-{state}", state) for state in present),
        (_table(frame),),
        evidence,
    )


def _title(frame: pl.DataFrame, wave_id: str) -> str:
    planned, ok = int(frame["planned"].sum()), int(frame["ok"].sum())
    known = frame["cost_usd"].drop_nulls()
    unknown = frame.height - len(known)
    partial = frame.filter(pl.col("cost_usd").is_not_null() & (pl.col("unknown_cost_share") > 0)).height
    cost = f"cost {'at least ' if partial else ''}{usd(float(known.sum()))} USD" if len(known) else "cost unknown"
    if len(known) and unknown:
        cost += f" and unknown for {counted(unknown, 'model')}"
    short_of = sorted(map(inert, frame.filter(pl.col("ok") < pl.col("planned"))["model"]))
    gaps = f"; not complete: {listed(short_of, 3)}" if short_of else ""
    return f"{count(ok)} of {count(planned)} cells answered on {night(wave_id)}, {cost}{gaps}"


def _bars(frame: pl.DataFrame, present: list[str], when: str) -> Chart:
    import altair as alt

    named = frame.with_columns(
        name=pl.Series([f"{n:03d}{short(m)}" for n, m in enumerate(frame["model"])], dtype=pl.String)
    )
    long = named.unpivot(present, index=["name", "planned"], variable_name="state", value_name="cells")
    long = long.with_columns(
        share=pl.col("cells") / pl.col("planned"),
        place=pl.col("state").replace_strict({state: place for place, state in enumerate(STATES)}),
    )
    y = alt.Y(
        "name",
        type="ordinal",
        sort="ascending",
        title=None,
        axis=alt.Axis(labelExpr="slice(datum.value, 3)", domain=False, ticks=False),
    )
    bars = (
        alt.Chart(long)
        .mark_bar(height={"band": 0.7})
        .encode(
            x=alt.X(
                "share",
                type="quantitative",
                stack="zero",
                title="share of planned cells",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%", values=[0, 0.5, 1]),
            ),
            y=y,
            color=alt.Color(
                "state",
                type="nominal",
                legend=None,
                scale=alt.Scale(domain=list(_COLORS), range=list(_COLORS.values())),
            ),
            order=alt.Order("place", type="quantitative"),
        )
    )
    totals = named.with_columns(
        text=pl.Series(
            [f"{ok:,} of {planned:,}" for ok, planned in named.select("ok", "planned").iter_rows()], dtype=pl.String
        )
    )
    labels = (
        alt.Chart(totals)
        .mark_text(align="left", dx=6)
        .encode(x=alt.datum(1.0, type="quantitative"), y=y, text=alt.Text("text", type="nominal"))
    )
    chart = alt.layer(bars, labels).properties(width=230, height={"step": 26})
    short_of = [
        f"{row['model']} {row['ok']} of {row['planned']}" for row in frame.to_dicts() if row["ok"] < row["planned"]
    ]
    told = f"not complete: {listed(short_of)}" if short_of else "every planned cell was answered"
    return draw_chart(
        chart,
        f"Bar chart of planned cells by outcome and model ({when}); {told}.",
        f"Usable answers of planned cells at the right; {when}.",
        named_rows=True,
    )


def _table(frame: pl.DataFrame) -> Table:
    """Return one row a model; the rare states have a column only where they occur."""
    states = [state for state in STATES if state not in ("missing", "quarantined") or int(frame[state].sum())]
    names = ("Planned", *states, "Answered", "Cost, USD", "Tokens in", "Tokens out", "Latency, ms")
    rows = [_row(row, states) for row in frame.to_dicts()]
    return Table(
        "Cells, cost, tokens and median latency by model",
        ("Model", "Role", *names, "Withheld"),
        rows,
        frozenset(names),
    )


def _row(row: dict[str, Any], states: list[str]) -> tuple[str, ...]:
    withheld = (row["withheld_reason"] or "withheld") if row["is_withheld"] else DASH
    return (
        cell(row["model"]),
        {"canary": "canary", "measure": "member"}.get(row["purpose"], DASH),
        count(row["planned"]),
        *(count(row[state]) for state in states),
        share(row["answered_share"]),
        _cost(row),
        count(row["prompt_tokens"]),
        count(row["completion_tokens"]),
        number(row["latency_median_ms"], 0),
        cell(withheld),
    )


def _cost(row: dict[str, Any]) -> str:
    """Return a model's cost; where some of its requests carry none, the sum is called a lower bound."""
    unknown = row["unknown_cost_share"]
    is_partial = row["cost_usd"] is not None and unknown is not None and unknown > 0
    return f"at least {usd(row['cost_usd'])}" if is_partial else usd(row["cost_usd"])
