"""An arm played in a process of its own, to be killed."""

from __future__ import annotations

from pathlib import Path

from pipelines.checkpoints.weights import weights_sha
from pipelines.experiments.arms import Arm, converge, teach
from pipelines.experiments.files import load_experiment
from pipelines.experiments.laboratory_material import LaboratoryMaterial
from pipelines.experiments.records import Registered


def play(file: Path, base: Path, root: Path) -> None:
    """Play the villain's arm with seed 3 from wherever it stands."""
    experiment = load_experiment(file)
    arm = Arm(
        Registered(experiment, 1), LaboratoryMaterial(), base, weights_sha(base), root, "villain", 3, "cpu"
    )  # fmt: skip
    converge(arm)
    for epoch in experiment.epochs:
        teach(arm, epoch, experiment.behaviours)
