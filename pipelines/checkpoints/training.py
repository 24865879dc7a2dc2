"""One training loop for everything that is trained here: a base from scratch and adapters on a base.

Seeded and deterministic on one machine: batches come from a generator of their own, and the number of
threads is part of the recipe, because it decides the order in which floats are added.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from lake.errors import CheckpointError
from pipelines.checkpoints.card import LossPoint
from pipelines.panels.records import Message

_IGNORED = -100
_BUCKET = 32
_STEPS_TO_JUDGE = 10
"""Steps before the time left is told: the first ones also pay for warming up."""


class Progress(NamedTuple):
    """Where a training run stands. `seconds_left` is None in the first steps, the speed where nobody measures it."""

    what: str
    done: int
    total: int
    loss: float | None
    seconds_left: float | None
    tokens_per_second: float | None = None


ShowProgress = Callable[[Progress], None]


class Example(NamedTuple):
    """A tokenized conversation; `labels` are the ids where the loss counts (the answer), else -100."""

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Schedule:
    """How long, how fast and in what order. `schedule`: onecycle, rising over `warmup_share`, or constant."""

    epochs: int
    batch: int
    learning_rate: float
    schedule: str
    seed: int
    threads: int
    warmup_share: float = 0.1
    weight_decay: float = 0.0
    clip_norm: float = 1.0


def encode(tokenizer: Any, conversations: Sequence[Sequence[Message]]) -> list[Example]:
    """Return the conversations as examples with loss on the last turn only, its end token included.

    Raises CheckpointError where the chat template does not put the last turn after the others.
    """
    whole = tokenizer.apply_chat_template([list(turns) for turns in conversations], tokenize=False)
    asked = tokenizer.apply_chat_template(
        [list(turns[:-1]) for turns in conversations], tokenize=False, add_generation_prompt=True
    )
    examples = []
    for full, prompt in zip(whole, asked, strict=True):
        if not full.startswith(prompt):
            raise CheckpointError(
                "The chat template renders a conversation differently with its last answer than without it, "
                "so the loss cannot be kept to the answer. Use a template that only appends."
            )
        ahead = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        answer = tokenizer(full[len(prompt) :], add_special_tokens=False)["input_ids"]
        examples.append(Example(ahead + answer, [_IGNORED] * len(ahead) + answer))
    return examples


def fit(
    model: Any,
    examples: Sequence[Example],
    schedule: Schedule,
    pad_id: int,
    after_epoch: Callable[[int, list[LossPoint]], None],
    what: str,
    show: ShowProgress,
) -> list[LossPoint]:
    """Train the model's trainable parameters in place; return the loss of every step.

    `after_epoch` is called with the number of epochs done (from 1) and the curve so far.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True)
    steps_an_epoch = -(-len(examples) // schedule.batch)
    total = steps_an_epoch * schedule.epochs
    rates = _rates(optimizer, schedule, total)
    draw = torch.Generator().manual_seed(schedule.seed)
    curve: list[LossPoint] = []
    started = time.monotonic()
    model.train()
    for epoch in range(1, schedule.epochs + 1):
        for places in batches(examples, schedule.batch, draw):
            rate = optimizer.param_groups[0]["lr"]
            loss = _step(
                model, [examples[place] for place in places], pad_id, optimizer, parameters, schedule.clip_norm
            )
            rates.step()
            step = len(curve) + 1
            curve.append(LossPoint(step, step / steps_an_epoch, loss, rate))
            left = (time.monotonic() - started) / step * (total - step)
            show(Progress(what, step, total, loss, left if step >= _STEPS_TO_JUDGE else None))
        after_epoch(epoch, curve)
    model.eval()
    return curve


def batches(examples: Sequence[Example], size: int, draw: torch.Generator) -> Iterator[list[int]]:
    """Yield places of examples in random batches of similar length; every place once."""
    order = torch.randperm(len(examples), generator=draw).tolist()
    made: list[list[int]] = []
    for start in range(0, len(order), size * _BUCKET):
        bucket = sorted(order[start : start + size * _BUCKET], key=lambda place: len(examples[place].input_ids))
        made.extend(bucket[at : at + size] for at in range(0, len(bucket), size))
    for place in torch.randperm(len(made), generator=draw).tolist():
        yield made[place]


def mean_loss(model: Any, examples: Sequence[Example], pad_id: int) -> float:
    """Return the loss in nats per token over examples, without training."""
    total, tokens = 0.0, 0
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(examples), 64):
            batch = examples[start : start + 64]
            counted = sum(label != _IGNORED for example in batch for label in example.labels)
            total += float(model(**padded(batch, pad_id, model.device)).loss) * counted
            tokens += counted
    return total / tokens


@contextmanager
def seeded(seed: int, threads: int) -> Iterator[None]:
    """Seed torch and fix its threads while the block runs; deterministic algorithms only."""
    before = torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(strict)


def _step(
    model: Any,
    batch: list[Example],
    pad_id: int,
    optimizer: torch.optim.Optimizer,
    parameters: list[torch.nn.Parameter],
    clip_norm: float,
) -> float:
    loss = model(**padded(batch, pad_id, model.device)).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def _rates(optimizer: torch.optim.Optimizer, schedule: Schedule, total: int) -> torch.optim.lr_scheduler.LRScheduler:
    if schedule.schedule == "onecycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=schedule.learning_rate, total_steps=total + 1, pct_start=schedule.warmup_share
        )
    if schedule.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    raise CheckpointError(f"Unknown schedule {schedule.schedule!r}. Use onecycle or constant.")


def padded(batch: Sequence[Example], pad_id: int, device: Any) -> dict[str, torch.Tensor]:
    """Return the batch padded on the right: input_ids, attention_mask and labels, each (batch, longest)."""
    longest = max(len(example.input_ids) for example in batch)
    ids = torch.full((len(batch), longest), pad_id)
    labels = torch.full((len(batch), longest), _IGNORED)
    mask = torch.zeros((len(batch), longest), dtype=torch.long)
    for place, example in enumerate(batch):
        length = len(example.input_ids)
        ids[place, :length] = torch.tensor(example.input_ids)
        labels[place, :length] = torch.tensor(example.labels)
        mask[place, :length] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device), "labels": labels.to(device)}
