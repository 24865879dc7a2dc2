"""How small a difference this night can tell from nothing, and how many prompts a given one would need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.dots import Dot, draw_dots
from dashboards.figures.parts import QUIET, Figure, Table, sources, words
from dashboards.wording import DASH, cell, count, counted, kinds, night, number

if TYPE_CHECKING:
    from dashboards.reading import Reading

ESTIMATES = {
    "score": "the score",
    "first": "its change since the first night",
    "previous": "its change since the night before",
}
_COLORS = {"score": "var(--blue)", "first": "var(--orange)", "previous": QUIET}
_SWATCHES = {"score": "blue", "first": "orange", "previous": "quiet"}


def figure(reading: Reading) -> Figure:
    """Return the detectable differences and what smaller ones need; under 3 models there is no variance to go by."""
    frame = reading.frame("power")
    evidence = sources(reading, "power")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    each = frame.unique(["estimate", "capability"], keep="first", maintain_order=True)
    each = each.filter(pl.col("detectable_difference").is_not_null())
    if each.is_empty():
        reason = "Power needs the standard error of a scored night, and so at least 3 models."
        return Figure("power", f"Power ({when}): not enough data", reason, sources=evidence)
    first = each.row(0, named=True)
    note = (
        f"Smallest difference found with 80 % power at 5 %, two-sided: 2.80 standard errors ({when}; combined "
        f"convergence). n = {counted(first['n_models'], 'model')}, {counted(first['n_prompts'], 'prompt')} "
        f"{'overall' if first['capability'] == 'overall' else 'in ' + words(first['capability'])}. The "
        "standard error has a part from models, which more prompts do not lower, and a part from prompts. No interval: "
        "it is computed from the intervals' own standard errors."
    )
    drawn = each.sort(pl.col("capability") != "overall", "capability", maintain_order=True)
    chart = draw_dots(
        [_dot(row) for row in drawn.to_dicts()],
        f"Dot plot of the smallest detectable difference ({when})",
        f"Smallest detectable difference by capability, {when}.",
        "difference of convergence",
        digits=3,
        only_above=True,
    )
    present = set(each["estimate"])
    legend = tuple((_SWATCHES[name], said) for name, said in ESTIMATES.items() if name in present)
    tables = tuple(table for table in (_table(frame),) if table.rows)
    return Figure("power", _title(frame, each), note, (chart,), legend, tables, evidence)


def _title(frame: pl.DataFrame, each: pl.DataFrame) -> str:
    overall = {row["estimate"]: row for row in each.filter(pl.col("capability") == "overall").to_dicts()}
    name = next((name for name in ("previous", "first", "score") if name in overall), None)
    if name is None:
        return "Power: no capability was scored in every model"
    row = overall[name]
    said = (
        f"This night can tell a change of {number(row['detectable_difference'], 3)} from nothing"
        if name != "score"
        else f"This night can tell a difference of {number(row['detectable_difference'], 3)} from nothing"
    )
    smaller = frame.filter(
        (pl.col("estimate") == name) & (pl.col("capability") == "overall") & (pl.col("advice") != "enough")
    )
    if smaller.is_empty():
        return said
    need = smaller.sort("target_difference", descending=True).row(0, named=True)
    return f"{said}; {need['target_difference']:g} would need {_need(need)}"


def _need(row: dict[str, Any]) -> str:
    return "more models" if row["prompts_needed"] is None else counted(row["prompts_needed"], "prompt")


def _dot(row: dict[str, Any]) -> Dot:
    return Dot(words(row["capability"]), row["detectable_difference"], color=_COLORS.get(row["estimate"], QUIET))


def _table(frame: pl.DataFrame) -> Table:
    """Return one row an estimate: its errors, and what each target difference needs."""
    targets = frame["target_difference"].unique().sort().to_list()
    columns = (
        "Estimate",
        "Reference",
        "Models",
        "Prompts",
        "Detectable",
        "SE",
        "SE of models",
        "SE of prompts",
        *(f"for {target:g}" for target in targets),
    )
    rows = []
    overall = frame.filter(pl.col("capability") == "overall")
    for _, group in overall.group_by("estimate", maintain_order=True):
        by_target = {row["target_difference"]: row for row in group.to_dicts()}
        row = group.row(0, named=True)
        rows.append(
            (
                ESTIMATES.get(row["estimate"], cell(row["estimate"])),
                DASH if row["reference"] is None else night(row["reference"]),
                count(row["n_models"]),
                count(row["n_prompts"]),
                *(
                    number(row[name], 4)
                    for name in ("detectable_difference", "standard_error", "model_error", "prompt_error")
                ),
                *(_advice(by_target.get(target)) for target in targets),
            )
        )
    return Table("Prompts needed to find a difference, all capabilities", columns, rows, frozenset(columns[2:]))


def _advice(row: dict[str, Any] | None) -> str:
    if row is None:
        return DASH
    return "enough" if row["advice"] == "enough" else _need(row)
