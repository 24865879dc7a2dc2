"""What goes into an endpoint and what comes out: cells, questions, attempts, and the protocol between them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, Protocol

from pipelines.panels.records import Prompt, RosterEntry

Outcome = Literal["ok", "empty", "truncated", "declined", "error"]


class CellKey(NamedTuple):
    """What identifies a cell inside its wave."""

    model_requested: str
    prompt_id: str
    sample_index: int
    purpose: str


class Cell(NamedTuple):
    """What is asked once: a row of raw.planned_cells."""

    wave_id: str
    wave_date: date
    panel: str
    model_requested: str
    endpoint: str
    prompt_id: str
    sample_index: int
    purpose: str
    position: int
    seed: int

    @property
    def key(self) -> CellKey:
        """Identity inside the wave."""
        return CellKey(self.model_requested, self.prompt_id, self.sample_index, self.purpose)

    @property
    def carried(self) -> dict[str, Any]:
        """What every attempt of the cell carries: all but the order of asking and the seed."""
        return {name: value for name, value in self._asdict().items() if name not in ("position", "seed")}


@dataclass(frozen=True, slots=True)
class Question:
    """A cell with all that is needed to ask it. `attempts_before` counts the attempts already in the journal."""

    cell: Cell
    entry: RosterEntry
    prompt: Prompt
    attempts_before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request and what came of it: a row of raw.attempts (column meanings: lake.tables.RAW_ATTEMPTS).

    `amends` says that this is the attempt of the same cell and number once more, with a cost that came later; it
    stands in the place of the first and is no column.
    """

    wave_id: str
    wave_date: date
    panel: str
    model_requested: str
    endpoint: str
    prompt_id: str
    sample_index: int
    purpose: str
    attempt: int
    outcome: Outcome
    asked_at: datetime
    request: str
    model_served: str | None = None
    provider_served: str | None = None
    error_class: str | None = None
    error_message: str | None = None
    http_status: int | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    response_text: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    cost_source: Literal["reported", "computed"] | None = None
    latency_ms: float | None = None
    system_fingerprint: str | None = None
    response_id: str | None = None
    cache_status: str | None = None
    body: str | None = None
    amends: bool = False

    @property
    def key(self) -> CellKey:
        """Identity of the attempt's cell inside the wave."""
        return CellKey(self.model_requested, self.prompt_id, self.sample_index, self.purpose)


NOT_SENT = "circuit_open"
"""error_class of an attempt that was not sent because its model is dead."""

NOT_LISTED = "not_listed"
"""error_class of an attempt that was not sent because its model is in no catalogue and nobody knows its price."""

UNSENT: frozenset[str | None] = frozenset({NOT_SENT, NOT_LISTED})

SETTLED: frozenset[str] = frozenset({"ok", "empty", "truncated", "declined"})
"""Outcomes after which a cell is not asked again. An error may be asked again by the next start."""


class Endpoint(Protocol):
    """One way to ask. Attempts are yielded as they arrive, in any order; the caller writes each to the journal.

    An implementation retries inside `ask` what can succeed and yields every attempt, the failed ones too.
    It raises EndpointError when nothing can be asked at all, BudgetError when the budget stops it.
    """

    def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Attempt, None]:
        """Ask each question once (plus retries)."""
        ...


def unlisted(question: Question, now: datetime) -> Attempt:
    """Return the attempt of a cell that is not asked: its model is in no catalogue, so no cap could hold."""
    return Attempt(
        **question.cell.carried,
        attempt=question.attempts_before + 1,
        outcome="error",
        error_class=NOT_LISTED,
        error_message="Not sent: the model is in no catalogue and nobody knows its price.",
        asked_at=now,
        request="{}",
    )
