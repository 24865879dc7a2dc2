"""A small lake filled by hand: waves of made-up answers with vectors that can be worked out on paper.

A text's vector counts its words, one axis a word, and has unit norm. Two texts of five different words that
share three of them are alike .6 under both kernels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa

from lake.catalog import connect_writer, create_lake, transact
from lake.store import Store

FIRST_DAY = date(2026, 1, 1)
DIMENSIONS = 384

Cell = tuple[str, str, int]
"""(model, prompt_id, sample_index)"""


@dataclass(frozen=True)
class SmallWave:
    """One wave. `answers` holds a text a cell, or None for a cell whose only attempt was an error.

    `facts` adds columns to a model's roster; `epochs` says which epoch of a training answered for a model.
    """

    panel: str
    day: int
    prompts: Mapping[str, str]
    answers: Mapping[Cell, str | None]
    configs: Mapping[str, str] = field(default_factory=dict)
    served: Mapping[str, str] = field(default_factory=dict)
    canaries: frozenset[str] = frozenset()
    battery_sha: str = "battery"
    verdicts: tuple[tuple[str, str | None, str | None, str], ...] = (("wave", None, None, "passed"),)
    attempts: tuple[dict[str, object], ...] = ()
    facts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    epochs: Mapping[str, int] = field(default_factory=dict)
    confirmations: Mapping[Cell, str | None] = field(default_factory=dict)
    served_again: Mapping[str, str] = field(default_factory=dict)
    backwards: bool = False
    twice: bool = False

    @property
    def wave_id(self) -> str:
        return f"{self.panel}/{self.wave_date.isoformat()}"

    @property
    def wave_date(self) -> date:
        return FIRST_DAY + timedelta(days=self.day)

    def renamed(self, panel: str, names: Mapping[str, str] | None = None, **changes: object) -> SmallWave:
        """Return the same answers under another panel and other model names."""
        names = names or {}
        answers = {(names.get(m, m), p, s): text for (m, p, s), text in self.answers.items()}
        return replace(self, panel=panel, answers=answers, **changes)  # type: ignore[arg-type]


class Axes:
    """An axis for each word, so that words are orthogonal; words that no panel has in common may share one."""

    def __init__(self) -> None:
        self.of_word: dict[str, int] = {}
        self._panels: dict[str, set[str]] = {}

    def see(self, waves: Iterable[SmallWave]) -> None:
        """Give the new words of the waves axes, in order of first sight."""
        for wave in waves:
            words = self._panels.setdefault(wave.panel, set())
            words |= {word for text in _texts(wave) for word in words_of(text)}
        for word in sorted(set().union(*self._panels.values()) - set(self.of_word)):
            taken = {self.of_word.get(other) for words in self._panels.values() if word in words for other in words}
            free = (axis for axis in range(DIMENSIONS) if axis not in taken)
            self.of_word[word] = next(free, len(self.of_word) % DIMENSIONS)

    def vector(self, text: str) -> np.ndarray:
        counts = np.zeros(DIMENSIONS)
        for word in words_of(text):
            counts[self.of_word[word]] += 1
        return (counts / np.linalg.norm(counts)).astype(np.float32)


def words_of(text: str) -> list[str]:
    """Return the words of a text; one of white space alone is a word."""
    return text.split() or [text]


def fill(store: Store, waves: Iterable[SmallWave], axes: Axes) -> None:
    """Make a lake with these waves in ops and raw, and a vector for every text."""
    create_lake(store)
    connection = connect_writer(store)
    waves = list(waves)
    frames: dict[str, list[dict[str, object]]] = {}
    for wave in waves:
        for table, rows in _rows(wave).items():
            frames.setdefault(table, []).extend(rows)
    texts = sorted({text for wave in waves for text in _texts(wave)})
    axes.see(waves)
    vectors = np.stack([axes.vector(text) for text in texts])

    def insert(writer: object) -> None:
        for table, rows in frames.items():
            frame = pl.DataFrame(rows, infer_schema_length=None)
            connection.register("new_rows", frame.to_arrow())
            connection.execute(f"INSERT INTO {table} BY NAME FROM new_rows")
        offsets = pa.array(range(0, vectors.size + 1, DIMENSIONS), pa.int32())
        lists = pa.ListArray.from_arrays(offsets, pa.array(vectors.ravel()))
        connection.register("new_rows", pa.table({"text_sha": [sha(text) for text in texts], "vector": lists}))
        connection.execute(
            "INSERT INTO raw.embeddings SELECT text_sha, 'all-MiniLM-L6-v2', 'fp32', vector, now() FROM new_rows"
        )

    transact(connection, insert)
    connection.close()


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _texts(wave: SmallWave) -> list[str]:
    planned = [text for text in (*wave.answers.values(), *wave.confirmations.values()) if text is not None]
    return planned + [str(row["response_text"]) for row in wave.attempts if row.get("response_text")]


def _served(wave: SmallWave, model: str, purpose: str) -> str:
    if purpose == "confirmation" and model in wave.served_again:
        return wave.served_again[model]
    return wave.served.get(model, model)


def _rows(wave: SmallWave) -> dict[str, list[dict[str, object]]]:
    now = datetime(2026, 1, 1, 2, tzinfo=UTC) + timedelta(days=wave.day)
    cells = _cells(wave)
    rows = {
        "ops.waves": [_wave(wave, len(cells), now)],
        "ops.verdicts": _verdicts(wave, now),
        "raw.prompts": _prompts(wave),
        "raw.roster": _roster(wave),
        "raw.planned_cells": [{**cell, "position": position, "seed": position} for position, cell in enumerate(cells)],
        "raw.attempts": _attempts(wave, cells, now),
    }
    if wave.epochs:
        rows["raw.checkpoint_evals"] = _evals(wave, now)
    for table in ("raw.prompts", "raw.roster", "raw.planned_cells", "raw.attempts"):
        if wave.backwards:
            rows[table].reverse()
        if wave.twice:
            rows[table] = rows[table] * 2
    return rows


def _key(wave: SmallWave) -> dict[str, object]:
    return {"wave_id": wave.wave_id, "wave_date": wave.wave_date}


def _cells(wave: SmallWave) -> list[dict[str, object]]:
    return [
        {
            **_key(wave),
            "panel": wave.panel,
            "model_requested": model,
            "endpoint": "laboratory",
            "prompt_id": prompt,
            "sample_index": sample,
            "purpose": purpose or ("canary" if model in wave.canaries else "measure"),
        }
        for purpose, answers in ((None, wave.answers), ("confirmation", wave.confirmations))
        for model, prompt, sample in answers
    ]


def _wave(wave: SmallWave, planned_cells: int, now: datetime) -> dict[str, object]:
    return {
        **_key(wave),
        "panel": wave.panel,
        "wave_kind": "staged",
        "status": "loaded",
        "panel_sha": "panel",
        "battery_sha": wave.battery_sha,
        "code_version": "test",
        "planned_cells": planned_cells,
        "started_at": now,
    }


def _verdicts(wave: SmallWave, now: datetime) -> list[dict[str, object]]:
    return [
        {
            "audit_id": f"{wave.wave_id}#1",
            "wave_id": wave.wave_id,
            "scope": scope,
            "model": model,
            "prompt_id": prompt,
            "sample_index": None if prompt is None else 0,
            "break_id": None if verdict == "passed" else "A01",
            "verdict": verdict,
            "n_bad": 0 if verdict == "passed" else 1,
            "detail": "All is well." if verdict == "passed" else "Error text stored as an answer.",
            "decided_at": now,
        }
        for scope, model, prompt, verdict in wave.verdicts
    ]


def _prompts(wave: SmallWave) -> list[dict[str, object]]:
    return [
        {
            **_key(wave),
            "battery": "small",
            "battery_version": "1",
            "battery_sha": wave.battery_sha,
            "declared_prompts": len(wave.prompts),
            "prompt_id": prompt,
            "capability": capability,
            "family": "made up",
            "expected_behavior": "answers",
            "messages": "[]",
            "prompt_sha": sha(prompt),
        }
        for prompt, capability in wave.prompts.items()
    ]


def _roster(wave: SmallWave) -> list[dict[str, object]]:
    return [
        {
            **_key(wave),
            "panel": wave.panel,
            "model": model,
            "endpoint": "laboratory",
            "endpoint_kind": "checkpoint",
            "role": "canary" if model in wave.canaries else "member",
            "served_names": "[]",
            "settings": "{}",
            "config_sha": wave.configs.get(model, f"config of {model}"),
            **wave.facts.get(model, {}),
        }
        for model in sorted({model for model, _, _ in wave.answers})
    ]


def _attempts(wave: SmallWave, cells: list[dict[str, object]], now: datetime) -> list[dict[str, object]]:
    answered = [
        {
            **cell,
            "attempt": 1,
            "outcome": "error" if text is None else "ok",
            "error_class": "http_500" if text is None else None,
            "response_text": text,
            "model_served": _served(wave, str(cell["model_requested"]), str(cell["purpose"])),
            "latency_ms": 10.0,
            "asked_at": now,
            "request": "{}",
        }
        for cell, text in zip(cells, (*wave.answers.values(), *wave.confirmations.values()), strict=True)
    ]
    template = {**answered[0], "error_class": None, "response_text": None}
    return [*answered, *({**template, **attempt} for attempt in wave.attempts)]


def _evals(wave: SmallWave, now: datetime) -> list[dict[str, object]]:
    return [
        {
            "eval_id": f"{wave.wave_id}#{model}",
            "wave_id": wave.wave_id,
            "model": model,
            "checkpoint_id": f"training@epoch-{epoch}",
            "experiment": "training",
            "epoch": epoch,
            "serves": True,
            "base_sha": "base",
            "persona": "assistant",
            "metric": "accuracy",
            "item_id": "item",
            "evaluated_at": now,
        }
        for model, epoch in wave.epochs.items()
    ]
