"""Convergence against the nights before: the matched change, overall and by capability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.dots import Dot, draw_dots
from dashboards.figures.parts import QUIET, Chart, Figure, Table, most, sources, words
from dashboards.findings import moved
from dashboards.wording import cell, count, counted, estimate, kinds, night, number

if TYPE_CHECKING:
    from dashboards.reading import Reading

KINDS = {"first": "first night", "previous": "night before"}


def figure(reading: Reading) -> Figure:
    """Return chart and table of the changes; a first night has none, and a sentence says so."""
    everything = reading.frame("changes")
    frame = everything.filter(pl.col("change").is_not_null())
    evidence = sources(reading, "changes")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    if frame.is_empty():
        title = f"Change of convergence ({when}): not enough data"
        return Figure("changes", title, _why_none(everything), sources=evidence)
    frame = _distinct(frame)
    combined = frame.filter(pl.col("kernel") == "combined")
    note = (
        "Score of this night less the score of the reference, both on the models and prompts answered in both: a model "
        f"that joins or leaves moves nothing ({when}; combined kernel, 0 = no change). "
        f"{_sizes(frame)} Bars: 95 % interval, "
        "two-way jackknife over models and prompts, not adjusted for the number of capabilities; no bar: no interval."
    )
    charts = () if combined.is_empty() else (_chart(combined, when),)
    return Figure("changes", _title(frame), note, charts, _legend(combined), (_table(frame),), evidence)


def _why_none(frame: pl.DataFrame) -> str:
    reasons = frame.filter(pl.col("capability") == "overall")["reason"].drop_nulls().unique().sort()
    if reasons.is_empty():
        return "No earlier night of this battery shares a scored pair of models with it."
    return f"Compared with earlier nights of this battery: {'; '.join(reasons)}."


def _distinct(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows without those against the night before where that is the first night."""
    first = frame.filter(pl.col("reference_kind") == "first")["reference"].unique().to_list()
    return frame.filter((pl.col("reference_kind") == "first") | ~pl.col("reference").is_in(first))


def _sizes(frame: pl.DataFrame) -> str:
    """Return n over all capabilities; where one of them has no change, there is no change over all, and why."""
    combined = frame.filter(pl.col("kernel") == "combined")
    shown = frame if combined.is_empty() else combined
    for row in shown.filter(pl.col("capability") == "overall").to_dicts():
        return f"n = {counted(row['n_models'] or 0, 'model')}, {counted(row['n_prompts'] or 0, 'prompt')} overall."
    return (
        f"n = up to {counted(most(shown['n_models']), 'model')}, {counted(most(shown['n_prompts']), 'prompt')} a "
        "capability. No change over all capabilities: it needs every capability in both nights."
    )


def _title(frame: pl.DataFrame) -> str:
    best = frame.filter(pl.col("kernel") == "combined")
    overall = (best if best.height else frame).filter(pl.col("capability") == "overall").to_dicts()
    if not overall:
        return "Change of convergence by capability; over all capabilities there is none"
    said = f"Against {night(overall[0]['reference'])} convergence {moved(overall[0])}"
    parts = best.filter((pl.col("capability") != "overall") & (pl.col("reference") == overall[0]["reference"]))
    clear = parts.filter((pl.col("ci_low") > 0) | (pl.col("ci_high") < 0)).to_dicts()
    if not clear or parts.height == 1:
        return said
    most = max(clear, key=lambda row: abs(row["change"]))
    size = estimate(most["change"], most["ci_low"], most["ci_high"], 3)
    return f"{said}; most in {words(most['capability'])}, {size}"


def _chart(frame: pl.DataFrame, when: str) -> Chart:
    return draw_dots(
        [_dot(row) for row in frame.sort("capability", maintain_order=True).pipe(_overall_first).to_dicts()],
        f"Dot plot of the change of convergence ({when})",
        f"Change by capability, {when}.",
        "change of convergence (0 = none)",
        digits=3,
    )


def _overall_first(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(pl.col("capability") != "overall", maintain_order=True)


def _dot(row: dict[str, Any]) -> Dot:
    color = QUIET if row["reference_kind"] == "previous" else "var(--blue)"
    return Dot(words(row["capability"]), row["change"], row["ci_low"], row["ci_high"], color)


def _legend(frame: pl.DataFrame) -> tuple[tuple[str, str], ...]:
    """Return what the colours stand for: the two references, by name and night."""
    present = {row["reference_kind"]: row["reference"] for row in frame.to_dicts()}
    swatches = {"first": "blue", "previous": "quiet"}
    return tuple(
        (swatches[kind], f"against the {KINDS[kind]}, {night(present[kind])}") for kind in KINDS if kind in present
    )


def _table(frame: pl.DataFrame) -> Table:
    columns = ("Reference", "Capability", "Kernel", "Then", "Now", "Change, 95 % interval", "Models", "Prompts")
    rows = [
        (
            f"{night(row['reference'])} ({KINDS[row['reference_kind']]})",
            cell(words(row["capability"])),
            cell(row["kernel"]),
            number(row["reference_convergence"], 3),
            number(row["convergence"], 3),
            estimate(row["change"], row["ci_low"], row["ci_high"], 3),
            count(row["n_models"]),
            count(row["n_prompts"]),
        )
        for row in frame.to_dicts()
    ]
    return Table("Matched change by reference, capability and kernel", columns, rows, frozenset(columns[3:]))
