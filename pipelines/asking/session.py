"""Asks what a journal lacks and writes every attempt to it: the one place where an endpoint meets a journal."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from pipelines.asking.journal import Journal, remaining
from pipelines.asking.records import Attempt, Endpoint, Question


def ask_into(
    endpoint: Endpoint,
    questions: Sequence[Question],
    journal: Journal,
    on_attempt: Callable[[Attempt], None] | None = None,
) -> Counter[str]:
    """Ask each question without a settled attempt; return how many attempts had which outcome.

    Errors of the endpoint (BudgetError, EndpointError) pass through after every answer was written.
    `on_attempt` is called after each write.
    """

    async def ask() -> Counter[str]:
        counts: Counter[str] = Counter()
        async for attempt in endpoint.ask(missing):
            journal.append(attempt)
            counts[attempt.outcome] += 1
            if on_attempt:
                on_attempt(attempt)
        return counts

    with journal:
        missing = remaining(questions, journal)
        return asyncio.run(ask()) if missing else Counter()
