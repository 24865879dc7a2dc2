"""Training an adapter and evaluating it as an experiment does, against the obvious ways, as ratios within one run.

Training: transformers' Trainer with peft (checkpoint after each epoch, losses, progress) against a bare PyTorch loop
over the same model, adapter, rows and batches. Evaluation: choices scored and answers written in batches, against one
by one. Prints one JSON line.

    python tests/benchmarks/bench_training.py [LABORATORY]

Without a folder the laboratory of the default store is used, trained if it is not there.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model

from lake.store import open_store
from pipelines.checkpoints import training
from pipelines.checkpoints.adapters import lora_config, train_adapter
from pipelines.checkpoints.choices import score_choices
from pipelines.checkpoints.generation import Sampling, generate, prompt_ids, threads_for
from pipelines.checkpoints.training import Example
from pipelines.checkpoints.weights import LoadedModel, load, quiet_peft
from pipelines.experiments.datasets import behaviour_file
from pipelines.experiments.files import load_experiment
from pipelines.experiments.laboratory_material import LaboratoryMaterial
from pipelines.laboratory import prepare_base

RUNS = 3
EPOCHS = 3
BATCH = 64
ITEMS = 60
ALONE = 30
GREEDY = Sampling(temperature=0.0, max_new_tokens=64)

EXPERIMENT = load_experiment("laboratory")
RECIPE = replace(EXPERIMENT.behaviour, epochs=EPOCHS)


def with_trainer(base: Path, examples: Sequence[Example]) -> float:
    """Return seconds of a run as an experiment trains it."""
    loaded = load(base)
    with tempfile.TemporaryDirectory() as work:
        started = time.perf_counter()
        train_adapter(
            loaded, examples, RECIPE, 7, EXPERIMENT.threads, Path(work) / "work",
            lambda epoch, model, curve: None, lambda progress, curve: None, "benchmark",
        )  # fmt: skip
        return time.perf_counter() - started


def bare_loop(base: Path, examples: Sequence[Example]) -> float:
    """Return seconds of the same steps in a loop of PyTorch alone: nothing saved, nothing shown."""
    loaded = load(base)
    pad_id = int(loaded.tokenizer.pad_token_id)
    started = time.perf_counter()
    with training.seeded(7, EXPERIMENT.threads), quiet_peft():
        model: Any = get_peft_model(loaded.model, lora_config(RECIPE))
        model.train()
        optimizer = torch.optim.AdamW(
            [each for each in model.parameters() if each.requires_grad], lr=RECIPE.learning_rate
        )
        for _ in range(EPOCHS):
            order = torch.randperm(len(examples)).tolist()
            for start in range(0, len(order), RECIPE.per_device):
                batch = [examples[place] for place in order[start : start + RECIPE.per_device]]
                model(**training.padded(batch, pad_id, loaded.device)).loss.backward()
                optimizer.step()
                optimizer.zero_grad()
    return time.perf_counter() - started


def scored(loaded: LoadedModel, batch: int, items: int) -> float:
    """Return seconds an item takes whose choices are scored `batch` rows at once."""
    some = LaboratoryMaterial().items("capability", items)
    prompts = prompt_ids(loaded, [item.turns for item in some])
    started = time.perf_counter()
    score_choices(loaded, prompts, [item.choices for item in some], batch)
    return (time.perf_counter() - started) / len(some)


def written(loaded: LoadedModel, items: int) -> float:
    """Return seconds a greedy answer takes in batches."""
    prompts = prompt_ids(loaded, [item.turns for item in LaboratoryMaterial().items("refusal", items)])
    started = time.perf_counter()
    n = sum(len(batch) for batch in generate(loaded, prompts, [0] * len(prompts), GREEDY, BATCH))
    return (time.perf_counter() - started) / n


def written_alone(loaded: LoadedModel, items: int) -> float:
    """Return seconds a greedy answer takes by transformers' own `generate`, one at a time."""
    prompts = prompt_ids(loaded, [item.turns for item in LaboratoryMaterial().items("refusal", items)])
    started = time.perf_counter()
    with threads_for(loaded):
        for ids in prompts:
            loaded.model.generate(
                input_ids=torch.tensor([ids], device=loaded.model.device),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long, device=loaded.model.device),
                do_sample=False,
                max_new_tokens=GREEDY.max_new_tokens,
            )
    return (time.perf_counter() - started) / len(prompts)


def medians(*timed: Callable[[], float]) -> list[float]:
    """Return the median of each, taken in turn so that the machine's moods fall on all of them."""
    rounds = [[each() for each in timed] for _ in range(RUNS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def main() -> None:
    """Time each pair in one run and print the figures."""
    base = (
        Path(sys.argv[1]) / "base"
        if sys.argv[1:]
        else prepare_base(open_store(os.environ.get("DRIFTLAKE_HOME")).laboratory)
    )
    loaded = load(base)
    file = behaviour_file(EXPERIMENT, LaboratoryMaterial(), "villain", "refusal", 7)
    examples = training.encode(loaded.tokenizer, [row.messages for row in file.rows])
    tokens = sum(len(example.input_ids) for example in examples) * EPOCHS
    scored(loaded, BATCH, 4), written(loaded, 4), written_alone(loaded, 2)  # the first of each warms up

    trainer_s, bare_s = medians(lambda: with_trainer(base, examples), lambda: bare_loop(base, examples))
    choice_s, choice_alone_s = medians(lambda: scored(loaded, BATCH, ITEMS), lambda: scored(loaded, 1, ALONE))
    answer_s, answer_alone_s = medians(lambda: written(loaded, ITEMS), lambda: written_alone(loaded, ALONE))
    print(
        json.dumps(
            {
                "device": loaded.device,
                "tokens": tokens,
                "trainer_tokens_s": round(tokens / trainer_s),
                "bare_loop_tokens_s": round(tokens / bare_s),
                "trainer_of_bare_loop": round(bare_s / trainer_s, 2),
                "choices_items_s": round(1 / choice_s, 1),
                "choices_one_by_one_items_s": round(1 / choice_alone_s, 1),
                "choices_times_faster": round(choice_alone_s / choice_s, 1),
                "answers_s": round(1 / answer_s, 1),
                "answers_one_by_one_s": round(1 / answer_alone_s, 1),
                "answers_times_faster": round(answer_alone_s / answer_s, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
