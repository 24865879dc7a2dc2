"""How close each model stands to the others in the newest wave, overall and by capability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dashboards.figures.dots import Dot, draw_dots
from dashboards.figures.parts import Chart, Figure, Table, sources
from dashboards.wording import DASH, cell, count, counted, estimate, inert, interval, night, number

if TYPE_CHECKING:
    from dashboards.reading import Reading


def figure(reading: Reading) -> Figure:
    """Return the dot plot and the table by capability; without a score it says 'not enough data'."""
    frame = reading.frame("by_model")
    kind = reading.frame("facts")["wave_kind"][0]
    when = f"{night(reading.wave_id)}, {kind}"
    overall = frame.filter((pl.col("capability") == "overall") & pl.col("convergence").is_not_null())
    overall = overall.sort("convergence", descending=True)
    evidence = sources(reading, "by_model")
    if overall.is_empty():
        return Figure(
            "models",
            f"Convergence by model ({when}): not enough data",
            _why_none(frame),
            sources=evidence,
        )
    first = overall.row(0, named=True)
    title = (
        f"Closest to the others on {night(reading.wave_id)}: {inert(first['model'])}, "
        f"{estimate(first['convergence'], first['ci_low'], first['ci_high'])}"
    )
    note = (
        f"A model's score is its mean combined convergence with the other models ({when}; 0 = chance, 1 = identical). "
        f"n = {counted(overall.height, 'model')}, {counted(first['n_prompts'] or 0, 'prompt')}. "
        "Bars: 95 % interval, two-way jackknife over the other models and the prompts; no bar: no interval."
    )
    return Figure("models", title, note, (_dots(overall, when),), tables=(_by_capability(frame),), sources=evidence)


def _why_none(frame: pl.DataFrame) -> str:
    reasons = frame.filter(pl.col("capability") == "overall")["reason"].drop_nulls().unique().sort()
    why = f": {'; '.join(reasons)}" if len(reasons) else ""
    return f"No model has a score over all capabilities{why}."


def _dots(frame: pl.DataFrame, when: str) -> Chart:
    dots = [Dot(row["model"], row["convergence"], row["ci_low"], row["ci_high"]) for row in frame.to_dicts()]
    return draw_dots(
        dots,
        f"Dot plot of convergence by model ({when})",
        f"Overall, {when}.",
        "convergence (0 = chance, 1 = identical)",
    )


def _by_capability(frame: pl.DataFrame) -> Table:
    """Return one row a model: its score and interval in each capability."""
    capabilities = [name for name in frame["capability"].unique().sort() if name != "overall"]
    scores = {(row["model"], row["capability"]): row for row in frame.to_dicts()}
    models = frame.filter(pl.col("capability") == "overall").sort(
        ["convergence", "model"], descending=[True, False], nulls_last=True
    )
    rows = []
    for model in models["model"]:
        found = [scores.get((model, capability)) for capability in ("overall", *capabilities)]
        overall = scores[model, "overall"]
        rows.append((cell(model), *map(_score, found), count(overall["n_prompts"])))
    columns = ("Model", "overall", *(cell(name).replace("_", " ") for name in capabilities), "Prompts")
    return Table("Combined convergence by capability, with 95 % interval", columns, rows, frozenset(columns[1:]))


def _score(row: dict[str, object] | None) -> str:
    if row is None or row["convergence"] is None:
        return DASH
    bounds = interval(row["ci_low"], row["ci_high"]) if row["ci_low"] is not None else ""  # type: ignore[arg-type]
    return f"{number(row['convergence'])} {bounds}".strip()  # type: ignore[arg-type]
