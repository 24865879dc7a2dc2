"""How much models repeat themselves and one another: histograms over prompts, and what an ensemble would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.parts import GRID, KERNEL_COLORS, Chart, Figure, Table, draw_chart, most, sources
from dashboards.wording import DASH, cell, count, counted, estimate, inert, kinds, listed, night, number

if TYPE_CHECKING:
    import altair as alt

    from dashboards.reading import Reading

ALL = "(all)"
MEASURES = {"similarity": "different models", "repetition": "one model again"}
KERNELS = ("semantic", "distributional")


def figure(reading: Reading) -> Figure:
    """Return histograms, sizes and the ensemble question; a measure without a number stands with its reason."""
    frame, bins = reading.frame("homogeneity"), reading.frame("homogeneity_bins")
    evidence = sources(reading, "homogeneity", "homogeneity_bins", "homogeneity_ensemble")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    whole = frame.filter(pl.col("model") == ALL)
    known = whole.filter(pl.col("mean_kernel").is_not_null())
    if known.is_empty() or bins.is_empty():
        return Figure("homogeneity", f"Homogeneity ({when}): not enough data", _reason(whole), sources=evidence)
    models, prompts = known.select(pl.col("n_models", "n_prompts").max()).row(0)
    note = (
        f"Mean kernel between the answers to one prompt ({when}; 1 = equal texts; chance is not taken out, as "
        "convergence "
        f"does). Repetition: samples of one model. Similarity: answers of different models. n = "
        f"{counted(models, 'model')}, {counted(prompts, 'prompt')}. Effective answers: Vendi score, how many really "
        "different ones there are among n. Intervals: 95 %, two-way jackknife over models and prompts. The histograms "
        f"count prompts and have no interval.{_missing(whole)}"
    )
    tables = (_sizes(whole), _ensemble(reading.frame("homogeneity_ensemble")), _by_model(frame))
    return Figure(
        "homogeneity",
        _title(known, reading.frame("homogeneity_ensemble")),
        note,
        (_histograms(bins, when),),
        tables=tuple(table for table in tables if table.rows),
        sources=evidence,
    )


def _reason(whole: pl.DataFrame) -> str:
    reasons = [inert(reason) for reason in whole["reason"].drop_nulls().unique().sort()]
    return f"No homogeneity: {listed(reasons, 4) or 'the tables hold no row of this night'}."


def _missing(whole: pl.DataFrame) -> str:
    """Name the measures without a number, each with its reason."""
    rows = whole.filter(pl.col("mean_kernel").is_null()).to_dicts()
    return "".join(
        f" No {row['kernel']} {row['measure']}: {inert(row['reason'] or 'no reason stated')}." for row in rows
    )


def _title(known: pl.DataFrame, ensemble: pl.DataFrame) -> str:
    kernel = known["kernel"][0] if "semantic" not in known["kernel"] else "semantic"
    rows = {row["measure"]: row for row in known.filter(pl.col("kernel") == kernel).to_dicts()}
    parts = [
        f"{start} {estimate(rows[measure]['mean_kernel'], rows[measure]['ci_low'], rows[measure]['ci_high'])}"
        for measure, start in (
            ("similarity", "different models are alike by"),
            ("repetition", "one model asked again by"),
        )
        if measure in rows
    ]
    said = f"To one prompt {', '.join(parts)} ({kernel})"
    asked = ensemble.filter((pl.col("kernel") == kernel) & pl.col("difference").is_not_null()).to_dicts()
    if not asked:
        return said
    row = asked[0]
    return (
        f"{said}; {count(row['n_answers'])} models give {number(row['models_effective'])} really different answers, "
        f"one model asked {count(row['n_answers'])} times {number(row['repeats_effective'])}"
    )


def _histograms(bins: pl.DataFrame, when: str) -> Chart:
    import altair as alt

    highest = most(bins["n_prompts"])
    present = set(bins.select("kernel", "measure").rows())
    grid = [
        [_histogram(bins, kernel, measure, highest) for measure in MEASURES if (kernel, measure) in present]
        for kernel in KERNELS
    ]
    chart = alt.vconcat(*(alt.hconcat(*row) for row in grid if row))
    told = "; ".join(
        _told(bins, kernel, measure) for kernel in KERNELS for measure in MEASURES if (kernel, measure) in present
    )
    return draw_chart(
        chart,
        f"Histograms of prompts by how alike their answers are ({when}): {told}.",
        f"Prompts by the mean kernel between their answers, {when}. Left: different models; right: one model again.",
    )


def _told(bins: pl.DataFrame, kernel: str, measure: str) -> str:
    rows = bins.filter((pl.col("kernel") == kernel) & (pl.col("measure") == measure) & (pl.col("n_prompts") > 0))
    counts = ", ".join(f"{row['bin_low']:.1f} to {row['bin_high']:.1f}: {row['n_prompts']}" for row in rows.to_dicts())
    return f"{kernel} {measure} {counts}"


def _histogram(bins: pl.DataFrame, kernel: str, measure: str, highest: int) -> alt.Chart:
    import altair as alt

    rows = bins.filter((pl.col("kernel") == kernel) & (pl.col("measure") == measure))
    x = alt.X(
        "bin_low",
        type="quantitative",
        title=f"{kernel} {measure}",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(values=[0, 0.5, 1], grid=False),
    )
    y = alt.Y(
        "n_prompts",
        type="quantitative",
        title="prompts",
        scale=alt.Scale(domain=[0, highest], nice=True),
        axis=alt.Axis(tickCount=3, tickMinStep=1, gridColor=GRID, format="d"),
    )
    chart = alt.Chart(rows).mark_bar(color=KERNEL_COLORS[kernel], stroke="var(--paper)", strokeWidth=1)
    return chart.encode(x=x, x2="bin_high", y=y, y2=alt.datum(0)).properties(width=130, height=110)


def _sizes(whole: pl.DataFrame) -> Table:
    columns = (
        "Kernel",
        "Between answers of",
        "Mean kernel",
        "Pairs above 0.8",
        "Effective answers",
        "Among",
        "Models",
        "Prompts",
        "Pairs",
    )
    rows = [
        (
            cell(row["kernel"]),
            MEASURES.get(row["measure"], cell(row["measure"])),
            estimate(row["mean_kernel"], row["ci_low"], row["ci_high"]),
            estimate(row["above_08_share"], row["above_08_ci_low"], row["above_08_ci_high"]),
            estimate(row["effective_answers"], row["effective_ci_low"], row["effective_ci_high"]),
            number(row["n_answers"], 1),
            count(row["n_models"]),
            count(row["n_prompts"]),
            count(row["n_pairs"]),
        )
        for row in whole.to_dicts()
    ]
    return Table("The wave as a whole, with 95 % interval; shares 0 to 1", columns, rows, frozenset(columns[2:]))


def _ensemble(frame: pl.DataFrame) -> Table:
    columns = (
        "Kernel",
        "Answers asked for",
        "From n models",
        "From one model n times",
        "Difference",
        "Models",
        "Prompts",
        "Why there is none",
    )
    rows = [
        (
            cell(row["kernel"]),
            count(row["n_answers"]),
            estimate(row["models_effective"], row["models_ci_low"], row["models_ci_high"]),
            estimate(row["repeats_effective"], row["repeats_ci_low"], row["repeats_ci_high"]),
            estimate(row["difference"], row["ci_low"], row["ci_high"]),
            count(row["n_models"]),
            count(row["n_prompts"]),
            cell(row["reason"]),
        )
        for row in frame.to_dicts()
    ]
    return Table(
        "Effective number of different answers: several models, or one model again?",
        columns,
        rows,
        frozenset(columns[1:7]),
        frozenset(columns[-1:]),
    )


def _by_model(frame: pl.DataFrame) -> Table:
    """Return one row a model: both measures by both kernels."""
    cells: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for row in frame.filter(pl.col("model") != ALL).to_dicts():
        cells.setdefault(row["model"], {})[row["measure"], row["kernel"]] = row
    asked = [(measure, kernel) for measure in ("repetition", "similarity") for kernel in KERNELS]
    rows = [(cell(model), *(_mean(found.get(key)) for key in asked)) for model, found in sorted(cells.items())]
    columns = ("Model", *(f"{measure}, {kernel}" for measure, kernel in asked))
    return Table("Mean kernel by model, with 95 % interval", columns, rows, frozenset(columns[1:]))


def _mean(row: dict[str, Any] | None) -> str:
    return (
        DASH
        if row is None or row["mean_kernel"] is None
        else estimate(row["mean_kernel"], row["ci_low"], row["ci_high"])
    )
