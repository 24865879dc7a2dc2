"""What can be read off a model's answers and changed: length, refusals, hedging, format, latency, tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.parts import Figure, Table, most, sources, words
from dashboards.wording import cell, count, counted, estimate, inert, kinds, night, number, p_value

if TYPE_CHECKING:
    from dashboards.reading import Reading

LEVEL = 0.05
_ROWS = 30


def figure(reading: Reading) -> Figure:
    """Return the features that changed; on a first night a sentence says why nothing is compared."""
    frame = reading.frame("features")
    evidence = sources(reading, "features")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    if frame["p_adjusted"].drop_nulls().is_empty():
        reason = "No model was asked the same prompts under the same configuration on an earlier night."
        return Figure("features", f"Features of the answers ({when}): not enough data", reason, sources=evidence)
    changed = frame.filter(pl.col("p_adjusted") < LEVEL)
    note = (
        f"Means over the prompts answered in both nights, paired by prompt ({when}). n = "
        f"{counted(frame['model'].n_unique(), 'model')}, up to "
        f"{counted(most(frame['n_prompts']), 'prompt')}, "
        f"{counted(frame.height, 'test')}. Shares (0 to 1) come from rules, not from judges; latency in ms, lengths in "
        "characters and tokens. 95 % interval of the difference over prompts. p is adjusted by Benjamini-Hochberg: for "
        "exploration, no alarm."
    )
    tables = (_table(changed),) if changed.height else ()
    return Figure("features", _title(frame, changed), note, tables=tables, sources=evidence)


def _title(frame: pl.DataFrame, changed: pl.DataFrame) -> str:
    if changed.is_empty():
        return f"No feature of the answers changed, of {counted(frame.height, 'test')} (p adjusted below {LEVEL:g})"
    models = changed["model"].n_unique()
    first = changed.row(0, named=True)
    return (
        f"{changed.height:,} of {counted(frame.height, 'test')} find a feature changed, in {counted(models, 'model')}; "
        f"first {inert(first['model'])}: "
        f"{words(first['feature'])} from {_value(first, 'mean_then')} to {_value(first, 'mean_now')}"
    )


def _table(changed: pl.DataFrame) -> Table:
    more = f", the first {_ROWS} of {changed.height}" if changed.height > _ROWS else ""
    columns = ("Model", "Feature", "Reference", "Then", "Now", "Difference, 95 % interval", "p adjusted", "Prompts")
    rows = [
        (
            cell(row["model"]),
            cell(words(row["feature"])),
            f"{night(row['reference'])} ({row['reference_kind']})",
            _value(row, "mean_then"),
            _value(row, "mean_now"),
            estimate(row["difference"], row["ci_low"], row["ci_high"], _digits(row)),
            p_value(row["p_adjusted"]),
            count(row["n_prompts"]),
        )
        for row in changed.head(_ROWS).to_dicts()
    ]
    return Table(
        f"Features with p adjusted below {LEVEL:g}{more}, least p first", columns, rows, frozenset(columns[3:])
    )


def _value(row: dict[str, Any], name: str) -> str:
    return number(row[name], _digits(row))


def _digits(row: dict[str, Any]) -> int:
    return 2 if row["feature"].endswith("_share") else 1
