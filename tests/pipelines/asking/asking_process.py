"""A process that asks and journals, to be killed: `python asking_process.py BASE_URL FOLDER CELLS IN_FLIGHT`."""

from __future__ import annotations

import asyncio
import sys
from datetime import date
from pathlib import Path

from pipelines.asking.budget import Budget
from pipelines.asking.journal import Journal, remaining
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.pricing import Price
from pipelines.asking.records import Cell, Question
from pipelines.asking.sent import SentLog, held
from pipelines.panels.records import EndpointSpec, Prompt, RosterEntry

MODELS = tuple(f"a/{name}" for name in ("one", "two", "three", "four", "five", "six", "seven", "eight"))
PRICE = Price(prompt_usd=0.000001, completion_usd=0.000004)
CAP_USD = 10.0


def questions(count: int) -> list[Question]:
    """One cell a prompt, over all models in turn."""
    entries = [RosterEntry(model, "openrouter", settings={"max_tokens": 50}) for model in MODELS]
    asked = []
    for n in range(count):
        entry = entries[n % len(MODELS)]
        prompt = Prompt(f"p{n}", "truthfulness", "f", "b", ({"role": "user", "content": f"question {n}"},))
        cell = Cell(
            "test/2026-08-01", date(2026, 8, 1), "test", entry.model, "openrouter", prompt.prompt_id, 0, "measure",
            n, n + 1,
        )  # fmt: skip
        asked.append(Question(cell, entry, prompt))
    return asked


async def run(base_url: str, folder: Path, count: int, in_flight: int) -> None:
    """Ask what the journal lacks, within what the earlier starts have left of the budget; say when asking begins."""
    spec = EndpointSpec(
        "openrouter", "openai_compatible", base_url=base_url, flavor="openrouter", max_in_flight=in_flight
    )
    with Journal(folder, "openrouter") as journal:
        missing = remaining(questions(count), journal)
        budget = Budget(CAP_USD, journal.spent_usd(), held_usd=held(folder, "openrouter").usd)
        endpoint = OpenAICompatibleEndpoint(
            spec, None, prices=dict.fromkeys(MODELS, PRICE), budget=budget, sent=SentLog(folder, "openrouter")
        )
        sys.stdout.write(f"asking {len(missing)}\n")
        sys.stdout.flush()
        async for attempt in endpoint.ask(missing):
            journal.append(attempt)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
