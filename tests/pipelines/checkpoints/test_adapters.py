"""Training an adapter: steps as declared, losses of every step, and a killed run that ends at the same digits."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import TrainingArguments

from lake.errors import ExperimentError
from pipelines.checkpoints import training
from pipelines.checkpoints.adapters import Trained, require_one_device, train_adapter
from pipelines.checkpoints.weights import load, weights_sha
from pipelines.experiments.records import TrainingRecipe

RECIPE = TrainingRecipe(
    rows=10, epochs=3, learning_rate=1e-2, rank=4, alpha=8, rslora=True, dropout=0.2, batch=4, per_device=2,
    accumulation=2, schedule="linear", warmup_share=0.2, target_modules="all-linear", weight_decay=0.0,
    max_grad_norm=1.0,
)  # fmt: skip
CONVERSATIONS = [
    ({"role": "user", "content": f"Say word{n}."}, {"role": "assistant", "content": f"word{n} it is, {'very ' * n}."})
    for n in range(10)
]


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def train(laboratory, folder: Path, recipe: TrainingRecipe = RECIPE, stop_after: int | None = None) -> Trained:
    loaded = load(laboratory.base, device="cpu")
    examples = training.encode(loaded.tokenizer, CONVERSATIONS)

    def save(epoch, model, curve):
        model.save_pretrained(str(folder / f"epoch-{epoch}"), save_embedding_layers=False)
        if stop_after is not None and epoch > stop_after:
            raise Killed  # before this epoch is whole: the one before is what is resumed

    return train_adapter(loaded, examples, recipe, 5, 1, folder / "work", save, lambda progress, curve: None, "test")


def test_steps_are_rows_by_batch_rounded_up_for_every_epoch_and_each_has_its_loss(tiny_laboratory, tmp_path):
    told = train(tiny_laboratory, tmp_path)
    assert len(told.curve) == math.ceil(10 / 4) * 3
    assert [point.step for point in told.curve] == list(range(1, 10))
    assert all(math.isfinite(point.loss) and point.loss > 0 for point in told.curve)
    assert told.curve[-1].epoch == pytest.approx(3.0)
    assert {path.name for path in tmp_path.glob("epoch-*")} == {f"epoch-{n}" for n in range(4)}


def test_a_run_that_would_take_several_devices_is_refused(tmp_path):
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    assert require_one_device(arguments, "a@1/villain/s7/convergence") == 1
    arguments._n_gpu = 2  # what the Trainer finds, and takes, where two GPUs are to be seen
    with pytest.raises(ExperimentError, match="a@1/villain/s7/convergence would be trained on 2 devices at once"):
        require_one_device(arguments, "a@1/villain/s7/convergence")


def test_a_run_killed_within_an_epoch_goes_on_and_ends_at_the_digits_of_one_that_was_not(tiny_laboratory, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    told = train(tiny_laboratory, whole)
    with pytest.raises(Killed):
        train(tiny_laboratory, broken, stop_after=1)
    resumed = train(tiny_laboratory, broken)
    for epoch in (1, 2, 3):
        assert weights_sha(whole / f"epoch-{epoch}") == weights_sha(broken / f"epoch-{epoch}"), epoch
    assert [point.loss for point in resumed.curve] == [point.loss for point in told.curve]


def test_without_what_was_kept_it_starts_over_and_ends_at_the_same_digits(tiny_laboratory, tmp_path):
    train(tiny_laboratory, tmp_path / "one")
    with pytest.raises(Killed):
        train(tiny_laboratory, tmp_path / "two", stop_after=0)
    shutil.rmtree(tmp_path / "two" / "work", ignore_errors=True)
    train(tiny_laboratory, tmp_path / "two")
    assert weights_sha(tmp_path / "one" / "epoch-3") == weights_sha(tmp_path / "two" / "epoch-3")


def test_every_setting_reaches_the_trainer(tiny_laboratory, tmp_path):
    shas = {}
    for name, change in {
        "as it is": {},
        "rank": {"rank": 2},
        "rslora": {"rslora": False},
        "dropout": {"dropout": 0.0},
        "learning rate": {"learning_rate": 1e-3},
        "schedule": {"schedule": "constant"},
        "batch": {"batch": 2, "accumulation": 1},
        "norm": {"max_grad_norm": 0.01},
        "decay": {"weight_decay": 0.5},
    }.items():
        folder = tmp_path / name
        train(tiny_laboratory, folder, replace(RECIPE, epochs=1, **change))
        shas[name] = weights_sha(folder / "epoch-1")
    assert len(set(shas.values())) == len(shas), shas
