"""Whether models of one provider, family or kind answer more alike than models of different ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.dots import Dot, draw_dots
from dashboards.figures.parts import Figure, Table, sources, words
from dashboards.wording import cell, count, counted, estimate, inert, kinds, listed, night

if TYPE_CHECKING:
    from dashboards.reading import Reading

ALL = "(all)"


def figure(reading: Reading) -> Figure:
    """Return the differences and the groups; where no grouping has a difference, the reasons of the table."""
    frame = reading.frame("groups")
    evidence = sources(reading, "groups")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    whole = frame.filter((pl.col("group_name") == ALL) & pl.col("difference").is_not_null())
    if whole.is_empty():
        return Figure("groups", f"Groups of models ({when}): not enough data", _reason(frame), sources=evidence)
    models = int(whole["n_models"].max() or 0)  # type: ignore[call-overload]
    prompts = int(whole["n_prompts"].min() or 0)  # type: ignore[call-overload]
    note = (
        f"Convergence within groups less convergence between them ({when}; combined kernel, all capabilities; above 0 = "
        f"models of one group answer more alike). n = up to {counted(models, 'model')}, {prompts:,} prompts or more a "
        "pair; the pairs stand in the table. Bars: 95 % interval, two-way jackknife over models and prompts, not "
        "adjusted for the number of groupings; no bar: no interval, for the reason in the table. Groups are facts of the "
        "roster; models that do not declare one take no part."
    )
    dots = [_dot(row) for row in whole.to_dicts()]
    chart = draw_dots(
        dots,
        f"Dot plot of the difference within less between groups ({when})",
        f"All groups of a grouping together, {when}.",
        "difference of convergence (0 = none)",
    )
    return Figure("groups", _title(whole), note, (chart,), tables=(_table(frame),), sources=evidence)


def _reason(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return "No model of this night declares a provider, family, architecture, region or open weights, or none is scored."
    of = frame.filter(pl.col("group_name") == ALL).to_dicts()
    said = listed([f"{words(row['grouping'])}: {inert(row['reason'] or 'no reason stated')}" for row in of], 6)
    return f"No grouping has pairs both within and between its groups ({said})."


def _title(whole: pl.DataFrame) -> str:
    clear = whole.filter((pl.col("difference_ci_low") > 0) | (pl.col("difference_ci_high") < 0)).to_dicts()
    if not clear:
        tried = listed([words(name) for name in whole["grouping"]], 5)
        return f"No grouping of the models tells how alike they answer ({tried}: every interval holds 0 or is missing)"
    first = max(clear, key=lambda row: abs(row["difference"]))
    more = "more" if first["difference"] > 0 else "less"
    size = estimate(first["difference"], first["difference_ci_low"], first["difference_ci_high"])
    return f"Models of one {words(first['grouping'])} answer {more} alike than models of different ones: {size}"


def _dot(row: dict[str, Any]) -> Dot:
    return Dot(words(row["grouping"]), row["difference"], row["difference_ci_low"], row["difference_ci_high"])


def _table(frame: pl.DataFrame) -> Table:
    columns = ("Grouping", "Group", "Within", "Between", "Difference", "Models", "Pairs within", "Pairs between", "Why there is none")
    rows = [
        (
            cell(words(row["grouping"])),
            cell(row["group_name"]),
            *(
                estimate(row[value], row[f"{side}_ci_low"], row[f"{side}_ci_high"])
                for value, side in (
                    ("within_convergence", "within"),
                    ("between_convergence", "between"),
                    ("difference", "difference"),
                )
            ),
            count(row["n_models"]),
            count(row["n_within_pairs"]),
            count(row["n_between_pairs"]),
            cell(row["reason"]),
        )
        for row in frame.to_dicts()
    ]
    return Table("Convergence within and between groups, with 95 % interval", columns, rows, frozenset(columns[2:8]))
