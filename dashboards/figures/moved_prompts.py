"""Where the models that alarmed changed: by capability, and the prompts that moved most with both answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.figures.parts import Answers, Table, words
from dashboards.wording import DASH, cell, count, counted, drift_size, inert, listed, night, number, p_value

if TYPE_CHECKING:
    from dashboards.reading import Reading

_ROWS = 60


def by_capability(reading: Reading) -> Table:
    """Return where the models alarmed this night: size, noise, p and cause by model, reference and capability.

    The row is of the combined kernel where that alarmed, else of the first that did; every kernel that did is named.
    """
    keys = ["model", "reference_kind", "capability"]
    alarms = reading.frame("drift_capabilities")
    frame = alarms.group_by(keys, maintain_order=True).agg(pl.exclude(keys).first(), kernels=pl.col("kernel"))
    more = f", the first {_ROWS} of {frame.height}" if frame.height > _ROWS else ""
    confirmed = frame["p_confirmation"].drop_nulls().len() > 0
    columns: tuple[str, ...] = (
        *("Model", "Capability", "Reference", "Drift", "Noise SD", "p adjusted", "Prompts", "Kernels", "Cause"),
        *(("p of the second sample",) if confirmed else ()),
    )
    rows = [
        (
            cell(row["model"]),
            cell(words(row["capability"])),
            f"{night(row['reference'])} ({row['reference_kind']})",
            drift_size(row["drift"]),
            drift_size(row["noise"]),
            p_value(row["p_adjusted"]),
            count(row["n_prompts"]),
            "all three" if len(row["kernels"]) == 3 else cell(listed(row["kernels"])),
            cell(row["cause"]),
            *((p_value(row["p_confirmation"]),) if confirmed else ()),
        )
        for row in frame.head(_ROWS).to_dicts()
    ]
    title = (
        f"Where the models changed on {night(reading.wave_id)}, by capability; the number is of the first kernel{more}"
    )
    return Table(title, columns, rows, frozenset((*columns[3:7], *columns[9:])))


def moved_prompts(reading: Reading) -> tuple[Answers, ...]:
    """Return the prompts that moved most of the models that alarmed, each with the first answer of both nights."""
    return tuple(_answers(row, reading.wave_id) for row in reading.frame("moved_prompts").to_dicts())


def _answers(row: dict[str, Any], wave_id: str) -> Answers:
    size = "not comparable by the combined kernel"
    if row["shift"] is not None:
        size = f"shift {number(row['shift'], 3)}"
    elif row["distance"] is not None:
        size = f"distance {number(row['distance'], 3)}"
    heading = (
        f"{inert(row['model'])}, prompt {inert(row['prompt_id'])} ({words(row['capability'])}): {size}; "
        f"{counted(row['n_changed'], 'prompt')} of this model answered differently"
    )
    return Answers(
        heading,
        _cut(row["question"], row["question_length"], "The question is not stored."),
        f"Then, {night(row['reference'])}, the first of {counted(row['n_then'], 'answer')}",
        f"Now, {night(wave_id)}, the first of {counted(row['n_now'], 'answer')}",
        _cut(row["answer_then"], row["answer_then_length"], DASH),
        _cut(row["answer_now"], row["answer_now_length"], DASH),
    )


def _cut(text: str | None, length: int | None, absent: str) -> str:
    """Return a text on one line; where the query cut it, with how much of it there is."""
    if text is None or length is None:
        return absent
    more = f" … [{len(text):,} of {length:,} characters]" if length > len(text) else ""
    return f"{inert(text)}{more}"
