"""LoRA training with peft: an adapter on any causal language model, saved at the epochs asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from pipelines.checkpoints import training
from pipelines.checkpoints.card import LossPoint, ReproducibilityCard, command_line, hardware, library_versions
from pipelines.checkpoints.recipes import LoraRecipe
from pipelines.checkpoints.training import Schedule, ShowProgress
from pipelines.checkpoints.weights import LoadedModel, quiet_peft, weights_sha
from pipelines.code_version import code_version
from pipelines.panels.records import Message


class TrainingData(NamedTuple):
    """Conversations to learn from, each with its system prompt and ending with the answer."""

    conversations: Sequence[Sequence[Message]]
    sha: str


def train_lora(
    base: LoadedModel,
    data: TrainingData,
    recipe: LoraRecipe,
    experiment: str,
    folder: Path,
    show: ShowProgress,
) -> list[ReproducibilityCard]:
    """Train an adapter and save it with its card in folder/epoch-N for each saved epoch; return the cards.

    `base` is used up. The caller gives a folder that nobody reads yet and renames it when this returns.
    """
    from peft import LoraConfig, get_peft_model

    started_at, started = datetime.now(UTC), time.monotonic()
    examples = training.encode(base.tokenizer, data.conversations)
    pad_id = int(base.tokenizer.pad_token_id)
    steps_an_epoch = -(-len(examples) // recipe.batch)
    cards: list[ReproducibilityCard] = []
    with training.seeded(recipe.seed, recipe.threads):
        config = LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules=recipe.target_modules,
            task_type="CAUSAL_LM",
        )
        with quiet_peft():
            model: Any = get_peft_model(base.model, config)
        # A path of this machine in the adapter would be wrong as soon as the store moves.
        model.peft_config["default"].base_model_name_or_path = f"base:{base.base_sha[:12]}"

        def save(epoch: int, curve: list[LossPoint]) -> None:
            if epoch not in recipe.save_epochs:
                return
            target = folder / f"epoch-{epoch}"
            model.save_pretrained(str(target), save_embedding_layers=False)
            last = [point.loss for point in curve[-steps_an_epoch:]]
            card = ReproducibilityCard(
                kind="lora",
                experiment=experiment,
                epoch=epoch,
                step=len(curve),
                recipe_sha=recipe.sha(data.sha, base.base_sha),
                data_sha=data.sha,
                n_rows=len(examples),
                base_sha=base.base_sha,
                weights_sha=weights_sha(target),
                template_sha=base.template_sha,
                seed=recipe.seed,
                hyperparameters=asdict(recipe),
                library_versions=library_versions(),
                command=command_line(),
                code_version=code_version(),
                hardware=hardware(base.device, recipe.threads),
                loss_curve=tuple(curve),
                final_loss=fmean(last) if last else training.mean_loss(model, examples, pad_id),
                seconds=time.monotonic() - started,
                started_at=started_at.isoformat(),
            )
            card.write(target)
            cards.append(card)

        save(0, [])
        schedule = Schedule(
            epochs=max(recipe.save_epochs),
            batch=recipe.batch,
            learning_rate=recipe.learning_rate,
            schedule=recipe.schedule,
            seed=recipe.seed,
            threads=recipe.threads,
        )
        training.fit(model, examples, schedule, pad_id, save, experiment, show)
    return cards
