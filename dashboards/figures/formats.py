"""Which shapes answers take: entropy of the format classes, their shares, and the collapse over training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dashboards.figures.dots import Dot, draw_dots
from dashboards.figures.parts import Figure, Table, sources, words
from dashboards.wording import cell, count, counted, estimate, inert, kinds, listed, night, number, share

if TYPE_CHECKING:
    from dashboards.reading import Reading

ALL = "(all)"
CLASSES = ("prose", "one_liner", "bullets", "numbered_list", "headings", "table", "code")
_DRAWN = 40


def figure(reading: Reading) -> Figure:
    """Return the entropies, the shares and, of checkpoints, the collapse since epoch 0."""
    frame = reading.frame("formats")
    evidence = sources(reading, "formats")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    known = frame.filter(pl.col("entropy_bits").is_not_null())
    if known.is_empty():
        reasons = [inert(reason) for reason in frame["reason"].drop_nulls().unique().sort()]
        said = f"No entropy: {listed(reasons, 3) or 'the table holds no row of this night'}."
        return Figure("formats", f"Format of the answers ({when}): not enough data", said, sources=evidence)
    first = known.row(0, named=True)
    note = (
        f"Shannon entropy of the shares of seven format classes, in bits, plug-in ({when}; mean of the "
        "capabilities; 0 = "
        "always one shape, 2.81 = all alike). A class is read by rule, not by a judge. "
        f"n = {counted(first['n_answers'], 'answer')} to {counted(first['n_prompts'], 'prompt')} of "
        f"{counted(first['n_models'], 'model')} in the first row. Bars: 95 % interval, jackknife over prompts, "
        f"for {ALL} "
        "over models too; no bar: no interval, for the reason in the numbers."
    )
    chart = draw_dots(
        [
            Dot(row["model"], row["entropy_bits"], row["ci_low"], row["ci_high"])
            for row in known.head(_DRAWN).to_dicts()
        ],
        f"Dot plot of the entropy of format classes ({when})",
        f"{ALL}: the counted models together; {when}.",
        "entropy (bits)",
        only_above=True,
    )
    tables = tuple(table for table in (_shares(frame), _collapse(frame)) if table.rows)
    return Figure("formats", _title(frame, known), note, (chart,), tables=tables, sources=evidence)


def _title(frame: pl.DataFrame, known: pl.DataFrame) -> str:
    whole = frame.filter(pl.col("model") == ALL).to_dicts()
    said = "Format of the answers"
    if whole and whole[0]["dominant_class"] is not None:
        said = (
            f"{words(whole[0]['dominant_class']).capitalize()} makes {share(whole[0]['dominant_share'])} of the answers"
        )
    each = known.filter(pl.col("model") != ALL)
    if each.is_empty():
        return said
    low = each.sort("entropy_bits", "model").row(0, named=True)
    size = estimate(low["entropy_bits"], low["ci_low"], low["ci_high"])
    return f"{said}; the least varied in format is {inert(low['model'])}, {size} bits"


def _shares(frame: pl.DataFrame) -> Table:
    present = [name for name in CLASSES if (frame[f"{name}_share"].fill_null(0) > 0).any()]
    columns = ("Model", "Entropy, bits", *(words(name) for name in present), "Answers", "Prompts")
    rows = [
        (
            cell(row["model"]),
            estimate(row["entropy_bits"], row["ci_low"], row["ci_high"]),
            *(share(row[f"{name}_share"]) for name in present),
            count(row["n_answers"]),
            count(row["n_prompts"]),
        )
        for row in frame.to_dicts()
    ]
    return Table(
        "Entropy with 95 % interval, and share of each class that occurs", columns, rows, frozenset(columns[1:])
    )


def _collapse(frame: pl.DataFrame) -> Table:
    """Return one row a checkpoint: how much entropy was lost since epoch 0, and how much of it in the first epoch."""
    columns = (
        "Checkpoint of",
        "Epoch",
        "Bits lost since epoch 0",
        "Share lost by the first epoch",
        "Prompts",
        "Why there is none",
    )
    rows = [
        (
            cell(row["model"]),
            count(row["epoch"]),
            estimate(row["collapse_bits"], row["collapse_ci_low"], row["collapse_ci_high"]),
            number(row["first_epoch_share"]),
            count(row["n_matched_prompts"]),
            cell(row["collapse_reason"]),
        )
        for row in frame.filter(pl.col("experiment").is_not_null()).to_dicts()
    ]
    return Table(
        "Collapse of format over training, with 95 % interval",
        columns,
        rows,
        frozenset(columns[1:5]),
        frozenset(columns[-1:]),
    )
