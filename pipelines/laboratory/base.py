"""Training the laboratory's base: tokenizer and model from scratch, saved in Hugging Face layout with its card."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from pipelines.checkpoints import training
from pipelines.checkpoints.card import ReproducibilityCard, command_line, hardware, library_versions
from pipelines.checkpoints.training import Schedule, ShowProgress
from pipelines.checkpoints.weights import template_sha, weights_sha
from pipelines.code_version import code_version
from pipelines.laboratory.recipe import BaseRecipe
from pipelines.laboratory.tokenizer import train_tokenizer

DEVICE = "cpu"
"""A model this small trains faster on two cores than a GPU takes to launch its kernels, and it repeats exactly."""


def train_base(recipe: BaseRecipe, folder: Path, show: ShowProgress) -> ReproducibilityCard:
    """Train the base and save weights, tokenizer and card into a folder; return the card.

    The caller gives a folder that nobody reads yet and renames it when this returns.
    """
    started_at, started = datetime.now(UTC), time.monotonic()
    rows = recipe.training_rows()
    tokenizer = train_tokenizer(rows, recipe.vocabulary)
    examples = training.encode(tokenizer, [row.messages for row in rows])
    schedule = Schedule(
        epochs=recipe.epochs,
        batch=recipe.batch,
        learning_rate=recipe.learning_rate,
        schedule=recipe.schedule,
        seed=recipe.seed,
        threads=recipe.threads,
        warmup_share=recipe.warmup_share,
    )
    with training.seeded(recipe.seed, recipe.threads):
        model = _new_model(recipe, tokenizer)
        pad_id = int(tokenizer.pad_token_id)
        curve = training.fit(model, examples, schedule, pad_id, lambda epoch, curve: None, "base model", show)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    card = ReproducibilityCard(
        kind="base",
        experiment="laboratory",
        epoch=recipe.epochs,
        step=len(curve),
        recipe_sha=recipe.sha(),
        data_sha=recipe.data_sha(),
        n_rows=len(rows),
        base_sha=None,
        weights_sha=weights_sha(folder),
        template_sha=template_sha(tokenizer),
        seed=recipe.seed,
        hyperparameters=asdict(recipe) | {"parameters": sum(each.numel() for each in model.parameters())},
        library_versions=library_versions(),
        command=command_line(),
        code_version=code_version(),
        hardware=hardware(DEVICE, recipe.threads),
        loss_curve=tuple(curve),
        final_loss=fmean(point.loss for point in curve[-(len(curve) // recipe.epochs) :]),
        seconds=time.monotonic() - started,
        started_at=started_at.isoformat(),
    )
    card.write(folder)
    return card


def _new_model(recipe: BaseRecipe, tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    return LlamaForCausalLM(config)
