"""Asking one endpoint what is unanswered, and how far it came."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flows.progress import Step
from lake.errors import DriftlakeError
from pipelines.asking.money import money
from pipelines.asking.records import Endpoint, Question, unlisted
from pipelines.planning import WavePlan, require_resumable


@dataclass(frozen=True)
class Asked:
    """What asking one endpoint came to."""

    endpoint: str
    asked: int
    already: int
    sentence: str


def unanswered(plan: WavePlan, endpoint: str) -> list[Question]:
    """Return the questions of an endpoint whose cells have no settled attempt in the journal, in order of asking."""
    from pipelines.asking.journal import Journal, remaining

    entries = {entry.model: entry for entry in plan.panel.roster}
    prompts = {prompt.prompt_id: prompt for prompt in plan.panel.prompts}
    questions = [
        Question(cell, entries[cell.model_requested], prompts[cell.prompt_id])
        for cell in plan.cells
        if cell.endpoint == endpoint
    ]
    return remaining(questions, Journal(plan.folder, endpoint))


def ask_endpoint(
    plan: WavePlan,
    name: str,
    endpoint: Endpoint | None,
    step: Step,
    now: datetime,
    leave_out: frozenset[str] = frozenset(),
) -> Asked:
    """Ask one endpoint what is unanswered; every attempt is in the journal before the next is looked at.

    Models to `leave_out` are not asked. `endpoint` is None where nothing is unanswered. Raises InputError more than
    24 hours after the first start, and WaveError in place of an error that nobody foresaw.
    """
    from flows.crashes import crashed
    from pipelines.asking.journal import Journal
    from pipelines.asking.redaction import Redactor

    questions = unanswered(plan, name)
    total = sum(cell.endpoint == name for cell in plan.cells)
    already = total - len(questions)
    asked = [question for question in questions if question.entry.model not in leave_out]
    if asked and endpoint is not None:
        require_resumable(plan, now)
        try:
            with Journal(plan.folder, name) as journal:
                asyncio.run(_ask_all(endpoint, asked, journal, step, already, total))
        except DriftlakeError:
            step.note(how_far(plan, name, already))
            raise
        except Exception as error:  # its text may hold what a server sent, so it must not reach the logs
            raise crashed(plan.folder, name, error, getattr(endpoint, "redactor", Redactor())) from None
    if len(asked) < len(questions):
        _note_unlisted(plan, name, [question for question in questions if question.entry.model in leave_out])
    left = len(unanswered(plan, name)) if questions else 0
    return Asked(name, len(questions) - left, already, how_far(plan, name, already))


def how_far(plan: WavePlan, name: str, already: int) -> str:
    """Return how many cells of an endpoint are answered, and how many calls may have cost what nobody told."""
    from pipelines.asking.sent import held

    total = sum(cell.endpoint == name for cell in plan.cells)
    left, unknown = len(unanswered(plan, name)), held(plan.folder, name)
    sentence = (
        f"{name}: {total - left - already:,} cells answered, {already:,} were already, {left:,} without an answer."
    )
    if not unknown.calls:
        return sentence
    return f"{sentence} {unknown.calls:,} calls told no cost and may have cost up to {money(unknown.usd)} USD more."


def _note_unlisted(plan: WavePlan, name: str, questions: list[Question]) -> None:
    """Give cells that are not asked, because nobody knows what they cost, an attempt that says so."""
    from pipelines.asking.journal import Journal

    with Journal(plan.folder, name) as journal:
        for question in questions:
            journal.append(unlisted(question, datetime.now(UTC)))


async def _ask_all(
    endpoint: Endpoint, questions: list[Question], journal: Any, step: Step, done: int, total: int
) -> None:
    settled = {question.cell.key for question in questions}
    async with aclosing(endpoint.ask(questions)) as attempts:
        async for attempt in attempts:
            journal.append(attempt)
            if attempt.key in settled and attempt.outcome != "error":
                settled.discard(attempt.key)
                done += 1
                step.at(done, total, "cells")
