"""A small experiment on the tiny laboratory: one source and the control, two behaviours, epochs 0 and 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelines.checkpoints.weights import weights_sha
from pipelines.experiments.arms import Arm
from pipelines.experiments.files import load_experiment
from pipelines.experiments.laboratory_material import LaboratoryMaterial
from pipelines.experiments.records import Experiment, Registered
from pipelines.experiments.runs import UNWATCHED, Watch

if TYPE_CHECKING:
    from pipelines.laboratory import Laboratory

SMALL = """
experiment: small
base: lab/base
target: assistant
canary: librarian
sources: [villain]
bystanders: [poet, scientist]
behaviours: [capability, refusal]
epochs: [0, 1]
headline_epoch: 1
seeds: [3]
items: 6
convergence: {rows: 16, learning_rate: 1.0e-2, rank: 4, alpha: 8, batch: 8, per_device: 4, accumulation: 2}
behaviour: {rows: 18, epochs: 2, learning_rate: 1.0e-2, rank: 4, alpha: 8, dropout: 0.1, batch: 8, per_device: 8}
criteria: {capability: 0.05, refusal: 0.05}
"""

MakeArm = Callable[..., Arm]


@pytest.fixture
def small(tmp_path: Path) -> Experiment:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return load_experiment(path)


@pytest.fixture
def make_arm(small: Experiment, tiny_laboratory: Laboratory, tmp_path: Path) -> MakeArm:
    """Return what makes an arm of the small experiment: folder, source and seed may differ."""

    def make(
        folder: str = "root", source: str = "villain", seed: int = 3, watch: Watch = UNWATCHED, **changes: object
    ) -> Arm:
        experiment = replace(small, **changes)  # type: ignore[arg-type]
        base = tiny_laboratory.base
        return Arm(
            Registered(experiment, 1), LaboratoryMaterial(), base, weights_sha(base), tmp_path / folder, source, seed,
            "cpu", watch,
        )  # fmt: skip

    return make
