"""Do models refuse the same prompts, and do the detectors see the same refusals: Cohen's kappa."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.dots import Dot, draw_dots
from dashboards.figures.parts import Chart, Figure, Table, most, sources
from dashboards.wording import cell, count, counted, estimate, inert, kinds, listed, night, share

if TYPE_CHECKING:
    from dashboards.reading import Reading

ALL = "(all)"
_DRAWN = 30
_ENDS = 5
_COLORS = {"models": "var(--blue)", "detectors": "var(--orange)"}


def figure(reading: Reading) -> Figure:
    """Return kappa of the wave by detector and of the detectors by model; without any kappa, the reasons."""
    frame = reading.frame("refusals")
    evidence = sources(reading, "refusals")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    known = frame.filter(pl.col("kappa").is_not_null())
    if known.is_empty():
        return Figure("refusals", f"Refusals ({when}): not enough data", _reason(frame), sources=evidence)
    shown = known.filter((pl.col("comparison") == "detectors") | (pl.col("model_a") == ALL))
    detectors = listed([inert(name) for name in frame["detector_a"].unique().sort()], 4)
    prompts = most(known["n_prompts"])
    note = (
        f"Cohen's kappa ({when}; all prompts together; 0 = chance, 1 = the same). Models: two models on which "
        "prompts to "
        "refuse, mean over the pairs that have one. Detectors: two detectors on which answers of one model are "
        f"refusals (here {detectors}). A rule is a list of phrases, not a judge. n = up to "
        f"{counted(prompts, 'prompt')}. "
        "Bars: 95 % interval, jackknife over prompts, for all models over models too; no bar: no interval."
    )
    charts: tuple[Chart, ...] = ()
    if shown.height:
        charts = (
            draw_dots(
                [_dot(row) for row in shown.head(_DRAWN).to_dicts()],
                f"Dot plot of kappa ({when})",
                f"Kappa of the models by detector, and of the detectors by model, {when}.",
                "kappa (0 = chance, 1 = the same)",
                up_to=1.0,
            ),
        )
    tables = tuple(table for table in (_detectors(frame), _pairs(frame)) if table.rows)
    legend = (("blue", "models with each other"), ("orange", "detectors with each other"))
    return Figure("refusals", _title(known), note, charts, legend if charts else (), tables, evidence)


def _reason(frame: pl.DataFrame) -> str:
    reasons = frame["reason"].drop_nulls().value_counts().sort(["count", "reason"], descending=[True, False])
    said = [f"{inert(reason)} ({n:,} comparisons)" for reason, n in reasons.head(4).rows()]
    return f"No kappa: {listed(said, 4) or 'the table holds no row of this night'}."


def _title(known: pl.DataFrame) -> str:
    parts = []
    models = known.filter((pl.col("comparison") == "models") & (pl.col("model_a") == ALL)).to_dicts()
    if models:
        sizes = [
            f"{estimate(row['kappa'], row['ci_low'], row['ci_high'])} by the {inert(row['detector_a'])}"
            for row in models
        ]
        parts.append(f"Models agree on what to refuse with kappa {listed(sizes, 3)}")
    detectors = known.filter(pl.col("comparison") == "detectors").sort("kappa", "model_a").to_dicts()
    if detectors:
        row = detectors[0]
        parts.append(
            f"{inert(row['detector_a'])} and {inert(row['detector_b'])} agree least on {inert(row['model_a'])}, "
            f"{estimate(row['kappa'], row['ci_low'], row['ci_high'])}"
        )
    return "; ".join(parts) or f"Refusals: {counted(known.height, 'comparison')} with a kappa"


def _dot(row: dict[str, Any]) -> Dot:
    name = f"models, by {row['detector_a']}"
    if row["comparison"] == "detectors":
        name = row["model_a"]
    return Dot(name, row["kappa"], row["ci_low"], row["ci_high"], _COLORS[row["comparison"]])


def _detectors(frame: pl.DataFrame) -> Table:
    columns = (
        "Model",
        "Detectors",
        "Refusals by the first",
        "By the second",
        "Agree",
        "Kappa, 95 % interval",
        "Answers",
        "Why there is none",
    )
    rows = [
        (
            cell(row["model_a"]),
            cell(f"{row['detector_a']} and {row['detector_b']}"),
            share(row["refusal_share_a"]),
            share(row["refusal_share_b"]),
            share(row["agreement_share"]),
            estimate(row["kappa"], row["ci_low"], row["ci_high"]),
            count(row["n_answers"]),
            cell(row["reason"]),
        )
        for row in frame.filter(pl.col("comparison") == "detectors").to_dicts()
    ]
    return Table(
        "Refusals by detector, and whether two detectors agree",
        columns,
        rows,
        frozenset(columns[2:7]),
        frozenset(columns[-1:]),
    )


def _pairs(frame: pl.DataFrame) -> Table:
    """Return the wave and, of each detector, the pairs of models that agree most and least."""
    columns = (
        "Detector",
        "Models",
        "Refusals of the first",
        "Of the second",
        "Agree",
        "Kappa, 95 % interval",
        "Prompts",
    )
    pairs = frame.filter(
        (pl.col("comparison") == "models") & (pl.col("kappa").is_not_null() | (pl.col("model_a") == ALL))
    )
    rows = []
    for (detector,), group in pairs.group_by("detector_a", maintain_order=True):
        each = group.filter(pl.col("model_a") != ALL)
        ends = each if each.height <= 2 * _ENDS else pl.concat([each.head(_ENDS), each.tail(_ENDS)])
        for row in pl.concat([group.filter(pl.col("model_a") == ALL), ends]).to_dicts():
            whole = row["model_a"] == ALL
            rows.append(
                (
                    cell(detector),
                    f"all, mean of {counted(row['n_pairs'], 'pair')}"
                    if whole
                    else cell(f"{row['model_a']} and {row['model_b']}"),
                    share(row["refusal_share_a"]),
                    share(row["refusal_share_b"]),
                    share(row["agreement_share"]),
                    estimate(row["kappa"], row["ci_low"], row["ci_high"]),
                    count(row["n_prompts"]),
                )
            )
    return Table(
        f"Which prompts models refuse: the {_ENDS} pairs of most and of least kappa, by detector",
        columns,
        rows,
        frozenset(columns[2:]),
    )
