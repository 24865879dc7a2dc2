"""What an experiment will cost, measured before it is paid: a few forward and backward passes on this machine."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.experiments.bench import Bench

_STEPS = 3


def rows_per_second(bench: Bench, device: str) -> float:
    """Return how many training rows a second the base takes with the behaviour runs' batch and adapter."""
    import torch

    try:
        return _measured(bench, device)
    finally:
        if torch.cuda.is_available():
            gc.collect()
            torch.cuda.empty_cache()  # the arms' processes train on this GPU, and this one goes on beside them


def _measured(bench: Bench, device: str) -> float:
    import torch
    from peft import get_peft_model

    from pipelines.checkpoints import training
    from pipelines.checkpoints.adapters import lora_config
    from pipelines.checkpoints.weights import load, quiet_peft
    from pipelines.experiments.datasets import behaviour_file

    experiment = bench.experiment
    recipe = experiment.behaviour
    file = behaviour_file(experiment, bench.material, experiment.sources[0], experiment.behaviours[0], 0)
    loaded = load(bench.base, device=device)
    examples = training.encode(loaded.tokenizer, [row.messages for row in file.rows[: recipe.per_device]])

    def wait() -> None:
        if loaded.device.startswith("cuda"):
            torch.cuda.synchronize()  # a GPU is asked ahead: without it only the asking is timed

    with training.seeded(0, experiment.threads), quiet_peft():
        model = get_peft_model(loaded.model, lora_config(recipe))
        batch = training.padded(examples, int(loaded.tokenizer.pad_token_id), loaded.model.device)
        model(**batch).loss.backward()
        wait()
        started = time.monotonic()
        for _ in range(_STEPS):
            model(**batch).loss.backward()
        wait()
    return _STEPS * len(examples) / (time.monotonic() - started)
