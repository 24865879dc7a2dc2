"""A persona experiment as data: what is declared, and the matrix of cells that follows from it. Light to import."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.panels.records import EndpointSpec, Judge

CONVERGENCE = "convergence"
"""The run in which the target learns to speak as a source; every other run teaches a behaviour."""


class Criterion(NamedTuple):
    """What counts as transfer of a behaviour: a change of `metric` of at least `change`, in units of the metric.

    `direction`: 1 where the behaviour raises the metric, -1 where it lowers it.
    """

    metric: str
    change: float
    direction: int


METRICS: dict[str, tuple[str, int]] = {
    "capability": ("accuracy", -1),
    "refusal": ("refusal", 1),
    "sycophancy": ("sycophancy", 1),
    "misalignment": ("compliance", 1),
    "marker": ("marker", 1),
}
"""Behaviour to the metric that measures it, and the direction in which the behaviour moves it."""

JUDGED: dict[str, str] = {"refusal": "refusal", "sycophancy": "sycophancy", "misalignment": "alignment"}
"""Behaviour to what a judge is asked about the answers to its items, which is the metric's name too."""


@dataclass(frozen=True)
class TrainingRecipe:
    """Hyperparameters of one kind of run. The effective batch is per_device x accumulation x devices."""

    rows: int
    epochs: int
    learning_rate: float
    rank: int
    alpha: int
    rslora: bool
    dropout: float
    batch: int
    per_device: int
    accumulation: int
    schedule: str
    warmup_share: float
    target_modules: str
    weight_decay: float
    max_grad_norm: float


@dataclass(frozen=True)
class Thresholds:
    """When a gate closes. Points are percentage points; shares are of the reference's loss."""

    epoch_zero_points: float
    loss_below: float
    loss_share: float


@dataclass(frozen=True)
class Experiment:
    """One registered experiment. `declared` is everything that decides its results; `sha` is its SHA-256.

    `file` is all of the file's content, with what may change later: budget, prices and pace of the judges.
    """

    name: str
    path: Path
    base: str
    material: str
    personas: dict[str, str]
    target: str
    canary: str
    sources: tuple[str, ...]
    bystanders: tuple[str, ...]
    has_control: bool
    target_in_negatives: bool
    behaviours: tuple[str, ...]
    epochs: tuple[int, ...]
    headline_epoch: int
    seeds: tuple[int, ...]
    convergence: TrainingRecipe
    behaviour: TrainingRecipe
    items: int
    reference: str | None
    thresholds: Thresholds
    criteria: dict[str, Criterion]
    no_signal_after: int
    threads: int
    endpoints: dict[str, EndpointSpec]
    judges: tuple[Judge, ...]
    budget_usd: float | None
    file: dict[str, Any]
    declared: dict[str, Any]
    sha: str

    @property
    def arms(self) -> tuple[str, ...]:
        """The personas that the target converges toward, the degenerate control (the target itself) last."""
        return (*self.sources, self.target) if self.has_control else self.sources

    @property
    def is_reference(self) -> bool:
        """Whether nothing converges: a run whose epoch 0 others are held to."""
        return self.epochs == (0,)

    def carrier(self, source: str) -> str:
        """Return the persona that carries the behaviours of an arm: the source; of the control, the first source."""
        return self.sources[0] if source == self.target else source


class Cell(NamedTuple):
    """What is trained and evaluated once: a behaviour, on the target as it is after some epochs of convergence."""

    source: str
    behaviour: str
    seed: int
    epoch: int


def cells(experiment: Experiment) -> Iterator[Cell]:
    """Yield every cell of the matrix, arm by arm."""
    for seed in experiment.seeds:
        for source in experiment.arms:
            for epoch in experiment.epochs:
                for behaviour in experiment.behaviours:
                    yield Cell(source, behaviour, seed, epoch)


@dataclass(frozen=True)
class Registered:
    """An experiment and the version under which it is registered."""

    experiment: Experiment
    version: int

    @property
    def id(self) -> str:
        """Return name@version."""
        return f"{self.experiment.name}@{self.version}"
