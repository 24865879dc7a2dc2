"""Whether models of one provider, family or kind answer more alike than models of different ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.dots import Dot, draw_dots
from dashboards.figures.parts import Figure, Table, least, most, sources, words
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
    models = most(whole["n_models"])
    prompts = least(whole["n_prompts"])
    note = (
        f"Convergence within groups less convergence between them ({when}; combined kernel, all capabilities; "
        "above 0 = "
        f"models of one group answer more alike). n = up to {counted(models, 'model')}, {prompts:,} prompts or more a "
        "pair; the pairs stand in the table. Bars: 95 % interval, two-way jackknife over models and prompts, not "
        "adjusted for the number of groupings; no bar: no interval, for the reason in the table. Groups are "
        "facts of the "
        "roster; models that do not declare one take no part."
    )
    dots = [_dot(row) for row in whole.to_dicts()]
    chart = draw_dots(
        dots,
        f"Dot plot of the difference within less between groups ({when})",
        f"All groups of a grouping together, {when}.",
        "difference of convergence (0 = none)",
        digits=3,
    )
    return Figure("groups", _title(whole), note, (chart,), tables=(_table(frame),), sources=evidence)


def _reason(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return "No scored model declares a provider, family, architecture, region or open weights."
    of = frame.filter(pl.col("group_name") == ALL).to_dicts()
    said = listed([f"{words(row['grouping'])}: {inert(row['reason'] or 'no reason stated')}" for row in of], 6)
    return f"No grouping has pairs both within and between its groups ({said})."


def _title(whole: pl.DataFrame) -> str:
    clear = whole.filter((pl.col("difference_ci_low") > 0) | (pl.col("difference_ci_high") < 0)).to_dicts()
    if not clear:
        sizes = listed([f"{words(row['grouping'])} {_difference(row)}" for row in whole.to_dicts()], 5)
        return f"No evidence that models of one group answer more alike than models of different ones: {sizes}"
    first = max(clear, key=lambda row: abs(row["difference"]))
    more = "more" if first["difference"] > 0 else "less"
    grouping = words(first["grouping"])
    return f"Models of one {grouping} answer {more} alike than models of different ones: {_difference(first)}"


def _difference(row: dict[str, Any]) -> str:
    """Return a difference to three decimals: with two, an interval that just holds 0 would start at 0.00."""
    return estimate(row["difference"], row["difference_ci_low"], row["difference_ci_high"], 3)


def _dot(row: dict[str, Any]) -> Dot:
    return Dot(words(row["grouping"]), row["difference"], row["difference_ci_low"], row["difference_ci_high"])


def _table(frame: pl.DataFrame) -> Table:
    columns = (
        "Grouping",
        "Group",
        "Within",
        "Between",
        "Difference",
        "Models",
        "Pairs within",
        "Pairs between",
        "Why there is none",
    )
    rows = [
        (
            cell(words(row["grouping"])),
            cell(row["group_name"]),
            *(
                estimate(row[f"{side}_convergence"], row[f"{side}_ci_low"], row[f"{side}_ci_high"])
                for side in ("within", "between")
            ),
            _difference(row),
            count(row["n_models"]),
            count(row["n_within_pairs"]),
            count(row["n_between_pairs"]),
            cell(row["reason"]),
        )
        for row in frame.to_dicts()
    ]
    return Table(
        "Convergence within and between groups, with 95 % interval",
        columns,
        rows,
        frozenset(columns[2:8]),
        frozenset(columns[-1:]),
    )
