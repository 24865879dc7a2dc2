"""Did a model change: drift from the baseline over the nights, alarms marked, causes in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.moved_prompts import by_capability, moved_prompts
from dashboards.figures.parts import (
    ALARM,
    CANARY,
    GRID,
    MUTED,
    QUIET,
    Chart,
    Figure,
    Table,
    draw_chart,
    milliseconds,
    night_axis,
    short,
    sources,
    spread,
)
from dashboards.findings import CAUSES, untested_reason
from dashboards.identity import change
from dashboards.wording import DASH, cell, count, counted, drift_size, inert, kinds, listed, night, p_value

if TYPE_CHECKING:
    import altair as alt

    from dashboards.reading import Reading

WIDTH, HEIGHT = 290, 230
_MEASURED = {"baseline": ("MMD²", "baseline"), "pool": ("kernel", "pool of earlier nights")}
_ROLES = {"alarm": ALARM, "canary": CANARY, "quiet": QUIET}


def figure(reading: Reading) -> Figure:
    """Return chart, alarms and tests; on a first night the chart is left out and the title says why."""
    frame = _series(reading.frame("drift"))
    drawn = frame.filter(pl.col("drift").is_not_null())
    nights = kinds(reading.frame("convergence")["wave_kind"]) or reading.frame("facts")["wave_kind"][0]
    return Figure(
        anchor="drift",
        title=_title(reading),
        note=_note(reading, nights),
        charts=() if drawn.is_empty() else (_chart(drawn, nights),),
        legend=() if drawn.is_empty() else _legend(drawn),
        tables=tuple(table for table in (_alarms(reading), by_capability(reading), _tests(reading)) if table.rows),
        sources=sources(reading, "drift", "alarms", "drift_capabilities", "drift_tests", "moved_prompts"),
        answers=moved_prompts(reading),
    )


def _series(frame: pl.DataFrame) -> pl.DataFrame:
    """Return what is drawn: drift from the baseline, or, where no night has two samples a prompt, from the pool."""
    kinds_drawn = frame["reference_kind"].unique().to_list()
    drawn = frame.filter(pl.col("reference_kind") == ("baseline" if "baseline" in kinds_drawn else "pool"))
    return drawn.with_columns(pl.col("wave_date").map_elements(milliseconds, return_dtype=pl.Int64).alias("at"))


def _title(reading: Reading) -> str:
    alarms = reading.frame("alarms")
    tested = reading.frame("drift_tests").filter(pl.col("p_adjusted").is_not_null())
    tonight = sorted(set(map(inert, alarms.filter(pl.col("wave_id") == reading.wave_id)["model"])))
    when = night(reading.wave_id)
    if tested.is_empty():
        return f"Drift on {when}: not enough data, {untested_reason(reading)}"
    models = counted(tested["model"].n_unique(), "model")
    if tonight:
        return f"Drift on {when}: {listed(tonight, 3)} changed, of {models} tested"
    earlier = f"; {counted(alarms.height, 'alarm')} in the nights before" if alarms.height else ""
    return f"Drift on {when}: no alarm among {models} tested{earlier}"


def _note(reading: Reading, nights: str) -> str:
    if reading.frame("drift_tests").is_empty():
        return f"Drift compares a night with an earlier one ({nights}); the first night of a battery has none."
    tests = reading.frame("drift_tests").filter(pl.col("drift").is_not_null())
    size = ""
    if not tests.is_empty():
        prompts, answers = tests.select(pl.col("n_prompts", "n_samples").max()).row(0)
        size = f" n = up to {counted(prompts, 'prompt')} and {counted(answers, 'answer')} of both nights a model."
    return (
        f"Drift = MMD² between a model's answers of a night and of its reference ({nights} waves; 0 = no change, "
        f"unbiased, so it may be negative).{size} Noise is the standard deviation of the same measure "
        "when the night's label is permuted within prompts; the p-value is of that permutation, adjusted by Holm over "
        "models, capabilities and kernels. The baseline is the first night of this battery and configuration. "
        "MMD² has no "
        f"interval; its noise stands beside it.{_pools(tests)} Causes: "
        + "; ".join(f"{name}: {words.rsplit(' (', 1)[0]}" for name, words in CAUSES.items())
        + "."
    )


def _pools(tests: pl.DataFrame) -> str:
    """Return how one sample a prompt is tested, where a model of this night was."""
    if tests.filter(pl.col("reference_kind") == "pool").is_empty():
        return ""
    return (
        " With one sample a prompt the answers are tested against a pool of the model's last 3 to 7 nights of one "
        "configuration: drift is then the mean kernel within the pool less that with the new answers, either sign."
    )


def _chart(frame: pl.DataFrame, nights: str) -> Chart:
    import altair as alt

    frame = _with_roles(frame)
    band = _band(frame)
    lowest, highest = _limits(frame["drift"], band["low"], band["high"])
    air = max((highest - lowest) * 0.08, 1e-4)
    x = alt.X("at", **night_axis(frame["wave_date"].to_list(), nights))
    measured, against = _MEASURED["pool" if "pool" in frame["reference_kind"] else "baseline"]
    y = alt.Y(
        "drift",
        type="quantitative",
        title=f"drift from the {against} ({measured})",
        scale=alt.Scale(domain=[lowest - air, highest + air], nice=False),
    )
    color = alt.Color(
        "role", type="nominal", legend=None, scale=alt.Scale(domain=list(_ROLES), range=list(_ROLES.values()))
    )
    base = alt.Chart(frame).encode(x=x, color=color)
    zero = alt.Chart(pl.DataFrame({"level": [0.0]})).mark_rule(color=MUTED, strokeDash=[4, 3])
    layers: list[Any] = [
        zero.encode(y=alt.Y("level", type="quantitative")),
        base.mark_line(strokeWidth=1.8).encode(y=y, detail=alt.Detail("series", type="nominal")),
        base.transform_filter("!datum.is_alarm").mark_circle(size=28, opacity=1).encode(y=y),
        base.transform_filter("datum.is_alarm")
        .mark_point(shape="diamond", size=120, filled=True, opacity=1, stroke="var(--paper)", strokeWidth=1)
        .encode(y=y),
    ]
    if not band.is_empty():
        limits = alt.Chart(band).encode(x=x, y=alt.Y("low", type="quantitative"), y2="high")
        layers.insert(
            0,
            limits.mark_area(color=GRID, opacity=0.9)
            if band.height > 1
            else limits.mark_rule(color=GRID, strokeWidth=10),
        )
    layers.append(_labels(frame, x, color, (highest - lowest + 2 * air) * 14 / HEIGHT))
    marked = [
        f"{night(row['wave_id'])} {row['model']} {drift_size(row['drift'])}"
        for row in frame.filter("is_alarm").to_dicts()
    ]
    told = f"alarms: {listed(marked)}" if marked else "no alarm"
    chart = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    return draw_chart(
        chart,
        f"Line chart of {counted(frame['model'].n_unique(), 'model')}' drift from the {against} "
        f"by night ({nights}); {told}.",
        f"Drift from the {against}: combined kernel, all capabilities, one line a model.",
    )


def _with_roles(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what a line stands for, and where a series breaks: another baseline is another series."""
    alarmed = frame.filter("is_alarm")["model"].unique().to_list()
    role = (
        pl.when(pl.col("model").is_in(alarmed))
        .then(pl.lit("alarm"))
        .when(pl.col("purpose") == "canary")
        .then(pl.lit("canary"))
        .otherwise(pl.lit("quiet"))
    )
    return frame.with_columns(
        role=role,
        series=pl.when(pl.col("reference_kind") == "pool")
        .then(pl.col("model"))  # the newest night of a pool moves on with every night
        .otherwise(pl.concat_str("model", "reference", separator="\n", ignore_nulls=True)),
    )


def _limits(*columns: pl.Series) -> tuple[float, float]:
    """Return the smallest and largest of all values and 0."""
    values = [0.0, *(float(value) for column in columns for value in column.drop_nulls())]
    return min(values), max(values)


def _band(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the widest noise limits of any model, night by night: mean of the null ± 2 SD."""
    noisy = frame.filter(pl.col("noise").is_not_null())
    spread_of = pl.col("noise") * 2
    mean = pl.col("noise_mean").fill_null(0)
    return noisy.group_by("at").agg(low=(mean - spread_of).min(), high=(mean + spread_of).max()).sort("at")


def _labels(frame: pl.DataFrame, x: alt.X, color: alt.Color, gap: float) -> alt.Chart:
    """Return names at the right end of the lines that stand out; the quiet ones are counted in the legend."""
    import altair as alt

    last = frame.filter(pl.col("role") != "quiet").group_by("model", maintain_order=True).last().tail(8)
    labels = last.with_columns(
        place=pl.Series(spread(last["drift"].to_list(), gap), dtype=pl.Float64),
        text=pl.Series([short(name)[:22] for name in last["model"]], dtype=pl.String),
    )
    base = alt.Chart(labels).mark_text(align="left", dx=9, fontWeight=600)
    return base.encode(x=x, y=alt.Y("place", type="quantitative"), text=alt.Text("text", type="nominal"), color=color)


def _legend(frame: pl.DataFrame) -> tuple[tuple[str, str], ...]:
    roles = _with_roles(frame).group_by("role").agg(pl.col("model").n_unique())
    n = dict(roles.iter_rows())
    words = (
        ("alarm", f"alarmed on a night (diamond), {counted(n.get('alarm', 0), 'model')}"),
        ("canary", f"canary without alarm, {counted(n.get('canary', 0), 'model')}"),
        ("quiet", f"no alarm, {counted(n.get('quiet', 0), 'model')}"),
    )
    return (
        *(entry for entry in words if entry[0] in n),
        ("noise", "noise: mean of the null ± 2 SD, widest of the models"),
    )


def _alarms(reading: Reading) -> Table:
    columns = (
        "Night",
        "Model",
        "Test",
        "Reference",
        "Drift",
        "Noise SD",
        "p adjusted",
        "Prompts",
        "Tests",
        "Cause, and what serves: then and now",
    )
    rows = [
        (
            night(row["wave_id"]),
            cell(row["model"]),
            cell(f"{row['capability']}, {row['kernel']}"),
            f"{night(row['reference'])} ({row['reference_kind']})",
            drift_size(row["drift"]),
            drift_size(row["noise"]),
            p_value(row["p_adjusted"]),
            count(row["n_prompts"]),
            f"{row['n_alarms']} of {row['n_tests']}",
            cell(": ".join([row["cause"] or DASH, *_served(row)])),
        )
        for row in reading.frame("alarms").to_dicts()
    ]
    return Table(
        "Drift alarms of the newest nights, one row a night and model",
        columns,
        rows,
        frozenset(columns[4:9]),
        frozenset(columns[-1:]),
    )


def _served(row: dict[str, Any]) -> list[str]:
    """Return what changed in the served identity as one text; nothing where nothing is known to differ."""
    changed = "; ".join(change(row["identity_then"], row["identity_now"]))
    return [changed] if changed else []


def _tests(reading: Reading) -> Table:
    columns = ("Model", "Role", "Reference", "Drift", "Noise SD", "p adjusted", "Prompts", "Alarm")
    combined = reading.frame("drift_tests").filter(pl.col("kernel") == "combined")
    rows = [
        (
            cell(row["model"]),
            "canary" if row["purpose"] == "canary" else "member",
            f"{night(row['reference'])} ({row['reference_kind']})",
            drift_size(row["drift"]),
            drift_size(row["noise"]),
            p_value(row["p_adjusted"]),
            count(row["n_prompts"]),
            _alarm(row),
        )
        for row in combined.to_dicts()
    ]
    return Table(
        f"Every model on {night(reading.wave_id)} (combined kernel, all capabilities)",
        columns,
        rows,
        frozenset({"Drift", "Noise SD", "p adjusted", "Prompts"}),
    )


def _alarm(row: dict[str, Any]) -> str:
    return DASH if row["p_adjusted"] is None else "alarm" if row["is_alarm"] else "no"
