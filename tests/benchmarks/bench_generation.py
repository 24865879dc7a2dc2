"""Generation of panel `local` as a night does it, against plain one-by-one `generate`, as a ratio within one run.

Both sides answer prompts of the same models at the same settings, with as many threads. The plain side answers a
part of them, because it is slow, and is compared by seconds an answer. Prints one JSON line.

    python tests/benchmarks/bench_generation.py [LABORATORY]

Without a folder the laboratory of the default store is used, trained if it is not there.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import torch

from lake.store import open_store
from pipelines.asking.checkpoint import CheckpointEndpoint
from pipelines.asking.ordering import plan_cells
from pipelines.asking.records import Attempt, Question
from pipelines.checkpoints.generation import prompt_ids, threads_for
from pipelines.checkpoints.weights import LoadedModel, load
from pipelines.laboratory import Laboratory, prepare_laboratory
from pipelines.panels.files import load_panel
from pipelines.panels.records import Panel

PLAIN_ANSWERS = 40
STAGED_NIGHT = 0


def questions_of(panel: Panel) -> list[Question]:
    """Return the questions of one staged night."""
    cells = plan_cells(panel, f"{panel.name}/benchmark", datetime.now(UTC).date(), STAGED_NIGHT)
    return [Question(cell, panel.entry(cell.model_requested), panel.prompt(cell.prompt_id)) for cell in cells]


async def batched(laboratory: Laboratory, panel: Panel, questions: list[Question]) -> list[Attempt]:
    """Answer as a night does."""
    endpoint = CheckpointEndpoint(panel.endpoints["laboratory"], laboratory.folder, STAGED_NIGHT)
    return [attempt async for attempt in endpoint.ask(questions)]


def one_by_one(laboratory: Laboratory, questions: list[Question]) -> int:
    """Answer each question by a call of transformers' own `generate`; return the tokens written."""
    loaded = load(laboratory.base)
    with threads_for(loaded):
        return sum(_answer(loaded, question) for question in questions)


def _answer(loaded: LoadedModel, question: Question) -> int:
    system = {"role": "system", "content": question.entry.system_prompt or ""}
    (ids,) = prompt_ids(loaded, [[system, *question.prompt.messages]])
    torch.manual_seed(question.cell.seed)
    output = loaded.model.generate(
        input_ids=torch.tensor([ids], device=loaded.model.device),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long, device=loaded.model.device),
        do_sample=True,
        temperature=question.entry.settings["temperature"],
        top_k=0,
        max_new_tokens=question.entry.settings["max_tokens"],
    )
    return int(output.shape[1] - len(ids))


def main() -> None:
    """Time both in one run and print the figures."""
    laboratory = prepare_laboratory(
        Path(sys.argv[1]) if sys.argv[1:] else open_store(os.environ.get("DRIFTLAKE_HOME")).laboratory
    )
    panel = load_panel("local")
    questions = questions_of(panel)
    base_alone = [each for each in questions if each.entry.checkpoint and each.entry.checkpoint.experiment is None]
    asyncio.run(batched(laboratory, panel, questions[:8]))
    one_by_one(laboratory, base_alone[:2])

    started = time.perf_counter()
    plain_tokens = one_by_one(laboratory, base_alone[:PLAIN_ANSWERS])
    plain_s = (time.perf_counter() - started) / PLAIN_ANSWERS

    started = time.perf_counter()
    attempts = asyncio.run(batched(laboratory, panel, questions))
    batched_s = (time.perf_counter() - started) / len(questions)
    print(
        json.dumps(
            {
                "answers": len(attempts),
                "tokens_an_answer": round(sum(each.completion_tokens or 0 for each in attempts) / len(attempts), 1),
                "tokens_an_answer_plain": round(plain_tokens / PLAIN_ANSWERS, 1),
                "night_s": round(batched_s * len(questions), 2),
                "batched_ms_an_answer": round(batched_s * 1000, 2),
                "plain_ms_an_answer": round(plain_s * 1000, 2),
                "times_faster": round(plain_s / batched_s, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
