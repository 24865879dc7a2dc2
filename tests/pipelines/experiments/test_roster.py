"""An id of a checkpoint becomes what lies in the store, or a sentence that says what is missing and what to do."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lake.errors import CheckpointError
from lake.store import Store
from pipelines.checkpoints.card import read_card
from pipelines.checkpoints.lineage import load_parent, with_checkpoint
from pipelines.checkpoints.weights import release
from pipelines.experiments.arms import Arm, converge, merged
from pipelines.experiments.bench import folder_of, keep
from pipelines.experiments.records import Registered
from pipelines.experiments.roster import find_checkpoint
from pipelines.experiments.runs import train

if TYPE_CHECKING:
    from pipelines.experiments.records import Experiment
    from pipelines.laboratory import Laboratory
    from tests.pipelines.experiments.conftest import MakeArm


@pytest.fixture
def store(tmp_path: Path, tiny_laboratory: Laboratory, small: Experiment) -> Store:
    """Return a store with the tiny laboratory and the small experiment registered, nothing of it trained."""
    store = Store(tmp_path / "store").prepare()
    shutil.copytree(tiny_laboratory.folder, store.laboratory)
    keep(store, Registered(small, 1))
    return store


@pytest.fixture
def trained(store: Store, make_arm: MakeArm) -> Arm:
    """Return the villain's arm, converged, with refusal taught at epoch 1."""
    arm = replace(make_arm(), root=folder_of(store, make_arm().registered))
    converge(arm)
    with merged(arm, 1) as start:
        train(arm.behaviour("refusal", 1), arm.behaviour_file("refusal"), start, arm.watch)
    return arm


@pytest.mark.parametrize(
    ("checkpoint_id", "message"),
    [
        (
            "other@1/villain/s3/refusal@epoch-1",
            "has no experiment other@1. Train .*`driftlake train --experiment FILE`",
        ),
        ("small@2/villain/s3/refusal@epoch-1", "has no experiment small@2; it has small@1. Train the experiment with"),
        (
            "small@1/pirate/s3/refusal@epoch-1",
            "small@1 has no source pirate; it has villain, assistant. Correct the id",
        ),
        ("small@1/villain/s4/refusal@epoch-1", "small@1 has no seed 4; it has 3. Correct the id"),
        ("small@1/villain/s3/marker@epoch-1", "has no run marker; it has convergence, capability, refusal"),
        ("small@1/villain/s3/refusal@epoch-2", "has no epoch 2 of refusal; it has 0, 1. Correct the id"),
        (
            "small@1/villain/s3/convergence@epoch-0",
            "has no epoch 0 of convergence; it has 1. .*the base alone: `checkpoint: {base: laboratory}`",
        ),
        ("small@1/villain/s3/refusal@epoch-1", "is not there: .*/epoch-1/refusal/epoch-2 has .*`driftlake train`"),
        ("small@1/../s3/refusal@epoch-1", "is no id of a checkpoint. Write it as raw.checkpoints has it"),
        ("/etc@1/villain/s3/refusal@epoch-1", "is no id of a checkpoint"),
    ],
)
def test_what_is_not_there_is_named_with_the_remedy(store: Store, checkpoint_id: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        find_checkpoint(store, checkpoint_id)


def test_a_behaviour_stands_on_the_base_merged_with_its_convergence(store: Store, trained: Arm) -> None:
    found = find_checkpoint(store, "small@1/villain/s3/refusal@epoch-1")
    card = read_card(trained.behaviour("refusal", 1).adapter(2))
    assert (found.base_sha, found.adapter_sha) == (card.base_sha, card.weights_sha)
    parent = load_parent(found.parent, "cpu")
    assert parent.base_sha == card.base_sha != trained.base_sha
    adapted = with_checkpoint(found, parent)
    assert (adapted.base_sha, adapted.adapter_sha) == (card.base_sha, card.weights_sha)
    release(adapted)


def test_without_its_convergence_or_its_base_a_behaviour_is_not_asked(store: Store, trained: Arm) -> None:
    shutil.move(trained.convergence.adapter(1), store.home / "aside")
    with pytest.raises(CheckpointError, match=r"refusal@epoch-1 is not there: .*/convergence/epoch-1 has no adapter"):
        find_checkpoint(store, "small@1/villain/s3/refusal@epoch-1")
    shutil.move(store.home / "aside", trained.convergence.adapter(1))
    shutil.rmtree(store.laboratory / "base")
    with pytest.raises(
        CheckpointError, match="stands on the laboratory's base, and .* is not there. `driftlake train`"
    ):
        find_checkpoint(store, "small@1/villain/s3/convergence@epoch-1")


def test_an_adapter_that_was_exchanged_or_put_on_another_model_is_refused(store: Store, trained: Arm) -> None:
    behaviour = find_checkpoint(store, "small@1/villain/s3/refusal@epoch-1")
    convergence = find_checkpoint(store, "small@1/villain/s3/convergence@epoch-1")
    base = load_parent(convergence.parent, "cpu")
    with pytest.raises(CheckpointError, match=r"refusal@epoch-1 was trained on base \w{12}, but .*break D06"):
        with_checkpoint(behaviour, base)
    shutil.copy(behaviour.adapter / "adapter_model.safetensors", convergence.adapter / "adapter_model.safetensors")
    with pytest.raises(CheckpointError, match=r"their card says \w{12} \(break D05\)"):
        with_checkpoint(convergence, base)
