"""Beside our measures, never mixed with them: published methods as they were published, and pooled divergences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dashboards.figures.parts import Figure, Table, sources, words
from dashboards.wording import cell, count, inert, kinds, night, number

if TYPE_CHECKING:
    from dashboards.reading import Reading


def figure(reading: Reading) -> Figure:
    """Return both tables; a night that has neither says so."""
    published, pooled = reading.frame("published"), reading.frame("pooled")
    evidence = sources(reading, "published", "pooled")
    when = f"{night(reading.wave_id)}, {kinds(reading.frame('facts')['wave_kind'])}"
    tables = tuple(table for table in (_published(published), _pooled(pooled)) if table.rows)
    if not tables:
        reason = "No two models of this night answered, so neither a published method nor a pool compares them."
        return Figure(
            "beside", f"Published methods and pooled words ({when}): not enough data", reason, sources=evidence
        )
    note = (
        f"For comparison with the literature only ({when}). The published methods have neither a chance level nor an "
        "interval, count error texts as answers, and are frozen as published. Pooled divergences ignore which "
        "prompt was "
        "answered, saturate and depend on the number of tokens. None of these enters a score, a test or an alarm."
    )
    return Figure("beside", _title(published, pooled), note, tables=tables, sources=evidence)


def _title(published: pl.DataFrame, pooled: pl.DataFrame) -> str:
    parts = [
        f"{words(row['method'])} {number(row['score'])}"
        for row in published.unique("method", keep="first", maintain_order=True).to_dicts()
        if row["score"] is not None
    ]
    if pooled.height and pooled["jsd_bits"].drop_nulls().len():
        found = pooled["jsd_bits"].drop_nulls().sort()
        sizes = dict.fromkeys(number(found[place]) for place in (0, -1))
        parts.append(f"pooled divergence {' to '.join(sizes)} bits")
    return f"Beside our measures, never scored: {'; '.join(parts) or 'no number'}"


def _published(frame: pl.DataFrame) -> Table:
    columns = ("Published method", "Order of arguments", "Score", "SD over models", "Models", "Answers a model")
    rows = [
        (
            cell(words(row["method"])),
            cell(inert(row["variant"])),
            number(row["score"], 4),
            number(row["sd"], 4),
            count(row["n_models"]),
            count(row["n_answers"]),
        )
        for row in frame.to_dicts()
    ]
    return Table(
        "Published methods on every stored answer (0 to 1, 1 = alike; no interval was published)",
        columns,
        rows,
        frozenset(columns[2:]),
    )


def _pooled(frame: pl.DataFrame) -> Table:
    columns = ("Capability", "JSD, bits", "Least", "Most", "KL, nats", "Pairs", "Tokens a model, median")
    rows = [
        (
            cell(words(row["capability"])),
            *(number(row[name], 3) for name in ("jsd_bits", "jsd_bits_least", "jsd_bits_most", "kl_nats")),
            count(row["n_pairs"]),
            count(row["n_tokens_median"]),
        )
        for row in frame.to_dicts()
    ]
    return Table("Pooled word frequencies of two models, mean over pairs", columns, rows, frozenset(columns[1:]))
