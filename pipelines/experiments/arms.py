"""One arm of an experiment: the target converges toward one source with one seed, and every behaviour is taught on it.

Layout below a store's experiments/NAME/vN/SOURCE/sSEED
    answers.json                     what the source said to the questions of convergence, and what it says to the items
    convergence/                     data.jsonl, epoch-N/ (adapter, card.json) for every registered epoch above 0
    epoch-N/similarity.json          target and canary against the source, before any behaviour is taught
    epoch-N/BEHAVIOUR/               data.jsonl, epoch-M/ (adapter, card.json); BEHAVIOUR.evals.json beside it
A merged model lies there only while it is needed. What is whole is not made again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.errors import CheckpointError
from lake.tables import (
    RAW_CHECKPOINT_EVALS,
    RAW_CHECKPOINTS,
    RAW_TRAINING_ITEMS,
    RAW_TRAINING_LOSS,
    RAW_TRAINING_RUNS,
    Table,
)
from pipelines.checkpoints.folders import write_whole
from pipelines.experiments.datasets import (
    TrainingFile,
    behaviour_file,
    convergence_file,
    convergence_questions,
    item_rows,
    read_training_file,
)
from pipelines.experiments.material import Item, Material
from pipelines.experiments.records import CONVERGENCE, Cell, Experiment, Registered
from pipelines.experiments.runs import Run, arm_folder, behaviour_run, convergence_run, run_rows, train
from pipelines.panels.records import sha256_of

if TYPE_CHECKING:
    from pipelines.checkpoints.training import ShowProgress
    from pipelines.checkpoints.weights import LoadedModel

SIMILARITY_ITEMS = 12
"""Questions a behaviour on which target and source are compared."""

Rows = Mapping[Table, list[dict[str, Any]]]


@dataclass(frozen=True)
class Arm:
    """One arm and where everything of it lies. `base` is the local folder of the base."""

    registered: Registered
    material: Material
    base: Path
    base_sha: str
    root: Path
    source: str
    seed: int
    device: str
    show: ShowProgress

    @property
    def experiment(self) -> Experiment:
        """The experiment it belongs to."""
        return self.registered.experiment

    @property
    def folder(self) -> Path:
        """Folder of everything the arm leaves."""
        return arm_folder(self.root, self.source, self.seed)

    @cached_property
    def convergence(self) -> Run:
        """The run that makes the target speak as the source."""
        return convergence_run(self.registered, self.root, self.source, self.seed)

    def behaviour(self, behaviour: str, epoch: int) -> Run:
        """Return the run that teaches a behaviour after some epochs of convergence."""
        return behaviour_run(self.registered, self.root, self.source, self.seed, behaviour, epoch)

    def behaviour_file(self, behaviour: str) -> TrainingFile:
        """Return what teaches a behaviour; the same file at every epoch, and for the control that of the first arm."""
        carrier = self.experiment.carrier(self.source)
        return behaviour_file(self.experiment, self.material, carrier, behaviour, self.seed)

    def items(self, behaviour: str) -> tuple[Item, ...]:
        """Return the items a behaviour is measured on."""
        return self.material.items(behaviour, self.experiment.items)

    def similarity_items(self) -> list[Item]:
        """Return the questions on which target and source are compared."""
        return [
            item
            for behaviour in self.experiment.behaviours
            for item in self.material.items(behaviour, min(SIMILARITY_ITEMS, self.experiment.items))
        ]


def converge(arm: Arm) -> None:
    """Train the convergence of an arm, on the source's own answers; nothing where only epoch 0 is wanted."""
    if len(arm.experiment.epochs) == 1:
        return
    questions = convergence_questions(arm.experiment, arm.material, arm.seed)
    said = _source_answers(arm)["training"]
    file = convergence_file(arm.experiment, questions, said)
    train(arm.convergence, file, lambda: _load(arm, arm.base), arm.base_sha, arm.show)


def teach(arm: Arm, epoch: int, behaviours: Sequence[str]) -> None:
    """Teach behaviours on the target as it is after some epochs of convergence, and evaluate each."""
    with merged(arm, epoch) as (folder, sha):
        _compare_with_source(arm, epoch, folder)
        for behaviour in behaviours:
            run = arm.behaviour(behaviour, epoch)
            train(run, arm.behaviour_file(behaviour), lambda: _load(arm, folder), sha, arm.show)
            _evaluate(arm, run, folder)


@contextmanager
def merged(arm: Arm, epoch: int) -> Iterator[tuple[Path, str]]:
    """Give the folder and sha of the target's weights after some epochs of convergence; 0: the base as it lies.

    A merged model is deleted when the block ends. Raises CheckpointError where merging changed nothing.
    """
    if epoch == 0:
        yield arm.base, arm.base_sha
        return
    from pipelines.checkpoints.weights import merge

    folder = arm.folder / f"merged-{epoch}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        sha = merge(arm.base, arm.convergence.adapter(epoch), folder)
        if sha == arm.base_sha:
            raise CheckpointError(
                f"Merging {arm.convergence.run_id} at epoch {epoch} left the base as it was (break D07): the adapter "
                f"in {arm.convergence.adapter(epoch)} holds nothing. Delete that folder and train again."
            )
        yield folder, sha
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def arm_rows(arm: Arm, behaviours: Sequence[str], reference_losses: Mapping[tuple[str, str], float]) -> Rows:
    """Return all that an arm left so far as rows by table.

    `reference_losses`: final loss of the reference's runs at epoch 0 by carrier and behaviour.
    """
    rows: dict[Table, list[dict[str, Any]]] = {
        table: []
        for table in (
            RAW_TRAINING_ITEMS, RAW_TRAINING_RUNS, RAW_TRAINING_LOSS, RAW_CHECKPOINTS, RAW_CHECKPOINT_EVALS,
        )
    }  # fmt: skip
    for run in _runs(arm, behaviours):
        if not run.folder.is_dir():
            continue
        kind = run.behaviour or CONVERGENCE
        file = read_training_file(run.folder / "data.jsonl", kind, run.recipe.rows)
        rows[RAW_TRAINING_ITEMS] += item_rows(arm.registered, file)
        carrier = arm.experiment.carrier(arm.source)
        reference = reference_losses.get((carrier, run.behaviour or "")) if run.epoch == 0 else None
        row, losses, checkpoints = run_rows(run, reference)
        rows[RAW_TRAINING_RUNS].append(row)
        rows[RAW_TRAINING_LOSS] += losses
        rows[RAW_CHECKPOINTS] += checkpoints
    for path in sorted(arm.folder.glob("epoch-*/*.json")):
        rows[RAW_CHECKPOINT_EVALS] += _kept_rows(path)
    return rows | {RAW_TRAINING_ITEMS: _distinct(rows[RAW_TRAINING_ITEMS])}


def _runs(arm: Arm, behaviours: Sequence[str]) -> Iterator[Run]:
    yield arm.convergence
    for epoch in arm.experiment.epochs:
        for behaviour in behaviours:
            yield arm.behaviour(behaviour, epoch)


def _distinct(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each row of a training file once: the epochs of a behaviour share one."""
    return list({(row["data_file_sha"], row["place"]): row for row in rows}.values())


def _load(arm: Arm, folder: Path) -> LoadedModel:
    from pipelines.checkpoints.weights import load

    return load(folder, device=arm.device)


def _source_answers(arm: Arm) -> dict[str, list[str]]:
    """Return what the source says, from the base: to the training questions (sampled) and to the items (greedy)."""
    path = arm.folder / "answers.json"
    questions = convergence_questions(arm.experiment, arm.material, arm.seed)
    items = arm.similarity_items()
    key = sha256_of([arm.base_sha, questions, [item.turns for item in items], arm.experiment.personas[arm.source]])
    if kept := _kept(path, key):
        return dict(kept)
    from pipelines.experiments.evaluation import greedy_answers, sampled_answers

    loaded = _load(arm, arm.base)
    prompt = arm.experiment.personas[arm.source]
    said = {
        "training": sampled_answers(loaded, questions, prompt, arm.seed),
        "items": greedy_answers(loaded, [item.turns for item in items], prompt),
    }
    write_whole(path, {"key": key, "content": said})
    return said


def _compare_with_source(arm: Arm, epoch: int, folder: Path) -> None:
    from pipelines.experiments.evaluation import eval_rows, evaluated_personas, greedy_answers
    from pipelines.experiments.similarity import similarities

    path = arm.folder / f"epoch-{epoch}" / "similarity.json"
    items, source = arm.similarity_items(), _source_answers(arm)["items"]
    loaded = _load(arm, folder)
    key = sha256_of([loaded.base_sha, source])
    if _kept(path, key) is not None:
        return
    cell = Cell(arm.source, CONVERGENCE, arm.seed, epoch)
    rows = []
    for persona in evaluated_personas(arm.experiment, arm.source):
        answers = greedy_answers(loaded, [item.turns for item in items], arm.experiment.personas[persona])
        rows += eval_rows(arm.registered, cell, persona, loaded, similarities(items, answers, source))
    write_whole(path, {"key": key, "content": rows})


def _evaluate(arm: Arm, run: Run, folder: Path) -> None:
    from pipelines.checkpoints.weights import weights_sha, with_adapter
    from pipelines.experiments.evaluation import eval_rows, evaluate, evaluated_personas

    assert run.behaviour is not None and run.epoch is not None, "only behaviours have items"
    path = run.folder.with_name(f"{run.behaviour}.evals.json")
    items = arm.items(run.behaviour)
    adapter = run.adapter(run.recipe.epochs)
    key = sha256_of([weights_sha(adapter), [item._asdict() for item in items]])
    if _kept(path, key) is not None:
        return
    loaded = with_adapter(_load(arm, folder), adapter)
    cell = Cell(arm.source, run.behaviour, arm.seed, run.epoch)
    rows = []
    for persona in evaluated_personas(arm.experiment, arm.source):
        found = evaluate(loaded, items, arm.experiment.personas[persona])
        rows += eval_rows(arm.registered, cell, persona, loaded, found)
    write_whole(path, {"key": key, "content": rows})


def _kept(path: Path, key: str) -> Any:
    """Return what a file keeps under a key; None where it is not there or was made from something else."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stored["content"] if stored.get("key") == key else None


def _kept_rows(path: Path) -> list[dict[str, Any]]:
    rows = json.loads(path.read_text(encoding="utf-8"))["content"]
    return [row | {"evaluated_at": datetime.fromisoformat(row["evaluated_at"])} for row in rows]
