"""Training an adapter with transformers' Trainer and peft: bf16 on a GPU, gradient accumulation, resumed after a kill.

On a CPU the same seed gives the same weights, killed and resumed or not: optimizer, learning rate, generators and place
in the data are part of what is saved after each epoch.
Source: https://huggingface.co/docs/transformers/main_classes/trainer, https://huggingface.co/docs/peft
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, get_peft_model
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import get_last_checkpoint

from lake.errors import ExperimentError
from pipelines.checkpoints.card import LossPoint
from pipelines.checkpoints.training import Example, Progress, padded, seeded
from pipelines.checkpoints.weights import LoadedModel, quiet_peft

if TYPE_CHECKING:
    from pipelines.experiments.records import TrainingRecipe

SaveEpoch = Callable[[int, Any, list[LossPoint]], None]
"""Called with the epochs done, the model and the losses so far; 0 before the first step."""
Stepped = Callable[[Progress, list[LossPoint]], None]
"""Called after each step with where the run stands and the losses so far."""


@dataclass(frozen=True)
class Trained:
    """What a run took. `devices` it ran on at once; `peak_gib`: memory of the GPU at its most; null on a CPU."""

    curve: tuple[LossPoint, ...]
    tokens: int
    seconds: float
    peak_gib: float | None
    devices: int


class _Rows(Dataset[Example]):
    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> Example:
        return self.examples[place]


def train_adapter(
    start: LoadedModel,
    examples: Sequence[Example],
    recipe: TrainingRecipe,
    seed: int,
    threads: int,
    work: Path,
    save: SaveEpoch,
    stepped: Stepped,
    what: str,
) -> Trained:
    """Train a fresh adapter on `start`, which is used up; `save` is called at every epoch, `stepped` at every step.

    `work` keeps what a killed run needs to go on; the caller deletes it once the run is whole. Raises ExperimentError
    where the run would be spread over several GPUs.
    """
    on_gpu = start.device.startswith("cuda")
    arguments = _arguments(recipe, seed, work, on_gpu, len(examples))
    devices = require_one_device(arguments, what)
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()  # else a small run after a large one has the large one's memory
    with seeded(seed, threads), quiet_peft():
        model: Any = get_peft_model(start.model, lora_config(recipe))
        # A path of this machine in the adapter would be wrong as soon as the store moves.
        model.peft_config["default"].base_model_name_or_path = f"base:{start.base_sha[:12]}"
        model.config.use_cache = False
        resumed = get_last_checkpoint(str(work))
        watch = _Watch(recipe, examples, save, stepped, what)
        if resumed is None:
            save(0, model, [])
        pad_id = int(start.tokenizer.pad_token_id)
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=_Rows(examples),
            data_collator=lambda batch: padded(batch, pad_id, "cpu"),
            callbacks=[watch],
        )
        trainer.pop_callback(PrinterCallback)  # progress is told in our own lines
        trainer.train(resume_from_checkpoint=resumed)
    return Trained(
        curve=tuple(watch.curve),
        tokens=sum(len(example.input_ids) for example in examples) * recipe.epochs,
        seconds=time.monotonic() - started,
        peak_gib=torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None,
        devices=devices,
    )


def require_one_device(arguments: TrainingArguments, what: str) -> int:
    """Return on how many devices the Trainer would train; raise ExperimentError where that is more than one.

    The Trainer takes every GPU it sees (DataParallel), and several processes where torchrun started it: each step would
    see so many times the batch that was declared.
    """
    devices = max(1, int(arguments.n_gpu)) * int(arguments.world_size)
    if devices > 1:
        raise ExperimentError(
            f"{what} would be trained on {devices} devices at once, which makes its batch another than the declared "
            "one. Set CUDA_VISIBLE_DEVICES to one GPU where the training runs (for a work pool: where its worker is "
            "started) and start the same command again."
        )
    return devices


def lora_config(recipe: TrainingRecipe) -> LoraConfig:
    """Return a recipe's adapter as peft configures it."""
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        use_rslora=recipe.rslora,
        target_modules=recipe.target_modules,
        task_type="CAUSAL_LM",
    )


def _arguments(recipe: TrainingRecipe, seed: int, work: Path, on_gpu: bool, n_examples: int) -> TrainingArguments:
    steps = math.ceil(n_examples / recipe.batch) * recipe.epochs
    return TrainingArguments(
        output_dir=str(work),
        per_device_train_batch_size=recipe.per_device,
        gradient_accumulation_steps=recipe.accumulation,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=math.ceil(recipe.warmup_share * steps),
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        seed=seed,
        data_seed=seed,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        logging_steps=1,
        save_strategy="epoch",
        save_total_limit=1,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=on_gpu,
        label_names=["labels"],
    )


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Keeps the losses, shows progress and saves at the end of each epoch."""

    def __init__(
        self, recipe: TrainingRecipe, examples: Sequence[Example], save: SaveEpoch, stepped: Stepped, what: str
    ) -> None:
        self.recipe, self.save, self.stepped, self.what = recipe, save, stepped, what
        self.tokens_an_epoch = sum(len(example.input_ids) for example in examples)
        self.curve: list[LossPoint] = []
        self.begun: tuple[float, int] = (time.monotonic(), 0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take over the losses of the run that is resumed."""
        self.curve = [_point(logged) for logged in state.log_history if "loss" in logged]
        self.begun = (time.monotonic(), state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Keep the loss of a step and tell how far the run is."""
        if not logs or "loss" not in logs:
            return
        self.curve.append(_point(logs | {"step": state.global_step}))
        at, first = self.begun
        done = state.global_step - first
        a_step = (time.monotonic() - at) / max(done, 1)
        left = a_step * (state.max_steps - state.global_step)
        speed = self.tokens_an_epoch * self.recipe.epochs / state.max_steps / a_step
        progress = Progress(self.what, state.global_step, state.max_steps, logs["loss"], left, speed)
        self.stepped(progress, self.curve)

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Hand over the model; `state.epoch` is whole here."""
        self.save(round(state.epoch), model, self.curve)


def _point(logged: dict[str, float]) -> LossPoint:
    return LossPoint(int(logged["step"]), float(logged["epoch"]), float(logged["loss"]), float(logged["learning_rate"]))
