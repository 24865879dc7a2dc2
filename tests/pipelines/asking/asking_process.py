"""A process that asks and journals, to be killed: `python asking_process.py BASE_URL FOLDER CELLS`."""

from __future__ import annotations

import asyncio
import sys
from datetime import date
from pathlib import Path

from pipelines.asking.journal import Journal, remaining
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.records import Cell, Question
from pipelines.panels.records import EndpointSpec, Prompt, RosterEntry

IN_FLIGHT = 8


def questions(count: int) -> list[Question]:
    """One cell a prompt, over two models in turn."""
    entries = [RosterEntry(model, "openrouter", settings={"max_tokens": 50}) for model in ("a/one", "a/two")]
    asked = []
    for n in range(count):
        prompt = Prompt(f"p{n // 2}", "truthfulness", "f", "b", ({"role": "user", "content": f"question {n}"},))
        cell = Cell(
            "test/2026-08-01", date(2026, 8, 1), "test", entries[n % 2].model, "openrouter",
            prompt.prompt_id, 0, "measure", n, n + 1,
        )  # fmt: skip
        asked.append(Question(cell, entries[n % 2], prompt))
    return asked


async def run(base_url: str, folder: Path, count: int) -> None:
    """Ask what the journal lacks, and say when asking begins."""
    spec = EndpointSpec(
        "openrouter", "openai_compatible", base_url=base_url, flavor="openrouter", max_in_flight=IN_FLIGHT
    )
    with Journal(folder, "openrouter") as journal:
        missing = remaining(questions(count), journal)
        sys.stdout.write(f"asking {len(missing)}\n")
        sys.stdout.flush()
        async for attempt in OpenAICompatibleEndpoint(spec, None).ask(missing):
            journal.append(attempt)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
