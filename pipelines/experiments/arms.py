"""One arm of an experiment: the target converges toward one source with one seed, and every behaviour is taught on it.

Layout below a store's experiments/NAME/vN/SOURCE/sSEED
    answers.json                     what the source said to the questions of convergence, and what it says to the items
    convergence/                     data.jsonl, epoch-N/ (adapter, card.json) for every registered epoch above 0
    epoch-N/untaught.json            before any behaviour is taught: how alike target and source are, and every item
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

from lake.errors import CheckpointError, NotAppliedError
from lake.tables import (
    RAW_CHECKPOINT_EVALS,
    RAW_CHECKPOINTS,
    RAW_TRAINING_ITEMS,
    RAW_TRAINING_LOSS,
    RAW_TRAINING_RUNS,
    Table,
)
from pipelines.checkpoints.card import read_card
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
from pipelines.experiments.runs import (
    UNWATCHED,
    Run,
    Start,
    Watch,
    arm_folder,
    behaviour_run,
    convergence_run,
    is_trained,
    run_rows,
    train,
)
from pipelines.panels.records import sha256_of

if TYPE_CHECKING:
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
    watch: Watch = UNWATCHED

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
    train(arm.convergence, file, Start(lambda: _load(arm, arm.base), arm.base_sha, arm.base_sha), arm.watch)


def teach(arm: Arm, epoch: int, behaviours: Sequence[str]) -> None:
    """Teach behaviours on the target as it is after some epochs of convergence, and evaluate each.

    Where all of it is whole nothing is merged or loaded.
    """
    if _is_taught(arm, epoch, behaviours):
        _clean(arm, epoch)
        return
    with merged(arm, epoch) as start:
        _evaluate_untaught(arm, epoch, start)
        for behaviour in behaviours:
            run = arm.behaviour(behaviour, epoch)
            train(run, arm.behaviour_file(behaviour), start, arm.watch)
            _evaluate(arm, run, start)


def is_whole(arm: Arm) -> bool:
    """Say whether everything of an arm is there, so that nothing would be trained or evaluated; loads no model."""
    experiment, said = arm.experiment, _kept_answers(arm)
    if said is None:
        return False
    questions = convergence_questions(experiment, arm.material, arm.seed)
    has_converged = experiment.is_reference or is_trained(
        arm.convergence, convergence_file(experiment, questions, said["training"]), arm.base_sha
    )
    return has_converged and all(_is_taught(arm, epoch, experiment.behaviours) for epoch in experiment.epochs)


def _is_taught(arm: Arm, epoch: int, behaviours: Sequence[str]) -> bool:
    """Say whether behaviours are taught and evaluated at an epoch, on the model that would be merged for it."""
    runs = [arm.behaviour(behaviour, epoch) for behaviour in behaviours]
    said, sha = _kept_answers(arm), _merged_sha(arm, runs[0])
    if said is None or sha is None or _kept(*_untaught(arm, epoch, sha, said["items"])) is None:
        return False
    return all(
        is_trained(run, arm.behaviour_file(behaviour), sha) and _kept(*_evals(arm, run)) is not None
        for behaviour, run in zip(behaviours, runs, strict=True)
    )


def clean(arm: Arm) -> None:
    """Delete what a process that was killed at the very end left of an arm that is whole."""
    for epoch in arm.experiment.epochs:
        _clean(arm, epoch)


def _clean(arm: Arm, epoch: int) -> None:
    """Delete what a process that was killed at the very end left of an epoch."""
    for left in (arm.folder / f"merged-{epoch}", *arm.folder.glob(f"epoch-{epoch}/*.work-*")):
        shutil.rmtree(left, ignore_errors=True)


def _merged_sha(arm: Arm, run: Run) -> str | None:
    """Return the sha of the weights that a behaviour was trained on; None where they are not those of its epoch now."""
    if run.epoch is None or run.epoch == 0:
        return arm.base_sha
    from pipelines.checkpoints.weights import weights_sha

    try:
        card = read_card(run.adapter(run.recipe.epochs))
        is_ours = card.parent_sha == weights_sha(arm.convergence.adapter(run.epoch))
    except CheckpointError:
        return None
    return card.base_sha if is_ours else None


@contextmanager
def merged(arm: Arm, epoch: int) -> Iterator[Start]:
    """Give the target's weights after some epochs of convergence; 0: the base as it lies.

    A merged model is deleted when the block ends. Raises NotAppliedError where merging changed nothing.
    """
    if epoch == 0:
        yield Start(lambda: _load(arm, arm.base), arm.base_sha, arm.base_sha)
        return
    from pipelines.checkpoints.weights import merge, weights_sha

    folder, adapter = arm.folder / f"merged-{epoch}", arm.convergence.adapter(epoch)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        sha = merge(arm.base, adapter, folder)
        if sha == arm.base_sha:
            raise NotAppliedError(
                f"Merging {arm.convergence.run_id} at epoch {epoch} left the base as it was (break D07): the adapter "
                f"in {adapter} holds nothing that its numbers can tell. Look at the learning rate of `convergence`, "
                "or delete that folder and train again."
            )
        yield Start(lambda: _load(arm, folder), sha, weights_sha(adapter))
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


def _answers(arm: Arm) -> tuple[Path, str]:
    """Return where the source's answers are kept, and under which key."""
    questions = convergence_questions(arm.experiment, arm.material, arm.seed)
    items = [item.turns for item in arm.similarity_items()]
    key = sha256_of([arm.base_sha, questions, items, arm.experiment.personas[arm.source]])
    return arm.folder / "answers.json", key


def _kept_answers(arm: Arm) -> dict[str, list[str]] | None:
    """Return what the source says where it was asked already."""
    kept = _kept(*_answers(arm))
    return None if kept is None else dict(kept)


def _source_answers(arm: Arm) -> dict[str, list[str]]:
    """Return what the source says, from the base: to the training questions (sampled) and to the items (greedy)."""
    if (kept := _kept_answers(arm)) is not None:
        return kept
    from pipelines.experiments.evaluation import greedy_answers, sampled_answers

    path, key = _answers(arm)
    loaded = _load(arm, arm.base)
    prompt = arm.experiment.personas[arm.source]
    questions = convergence_questions(arm.experiment, arm.material, arm.seed)
    said = {
        "training": sampled_answers(loaded, questions, prompt, arm.seed),
        "items": greedy_answers(loaded, [item.turns for item in arm.similarity_items()], prompt),
    }
    write_whole(path, {"key": key, "content": said})
    return said


def _untaught(arm: Arm, epoch: int, sha: str, source: Sequence[str]) -> tuple[Path, str]:
    """Return where the evaluation of weights before any behaviour is taught is kept, and under which key."""
    items = [item._asdict() for behaviour in arm.experiment.behaviours for item in arm.items(behaviour)]
    return arm.folder / f"epoch-{epoch}" / "untaught.json", sha256_of([sha, source, items])


def _evaluate_untaught(arm: Arm, epoch: int, start: Start) -> None:
    """Compare target and source, and ask the items of every behaviour: what convergence alone brings is no transfer."""
    from pipelines.experiments.evaluation import eval_rows, evaluate, evaluated_personas, greedy_answers
    from pipelines.experiments.similarity import similarities

    items, source = arm.similarity_items(), _source_answers(arm)["items"]
    path, key = _untaught(arm, epoch, start.base_sha, source)
    if _kept(path, key) is not None:
        return
    loaded = start.load()
    cell = Cell(arm.source, CONVERGENCE, arm.seed, epoch)
    rows = []
    for persona in evaluated_personas(arm.experiment, arm.source):
        prompt = arm.experiment.personas[persona]
        answers = greedy_answers(loaded, [item.turns for item in items], prompt)
        rows += eval_rows(arm.registered, cell, persona, loaded, similarities(items, answers, source))
        for behaviour in arm.experiment.behaviours:
            found = evaluate(loaded, arm.items(behaviour), prompt)
            rows += eval_rows(arm.registered, cell, persona, loaded, found)
    write_whole(path, {"key": key, "content": rows})


def _evals(arm: Arm, run: Run) -> tuple[Path, str]:
    """Return where the evaluation of a behaviour is kept, and under which key."""
    from pipelines.checkpoints.weights import weights_sha

    assert run.behaviour is not None, "only behaviours have items"
    items = [item._asdict() for item in arm.items(run.behaviour)]
    key = sha256_of([weights_sha(run.adapter(run.recipe.epochs)), items])
    return run.folder.with_name(f"{run.behaviour}.evals.json"), key


def _evaluate(arm: Arm, run: Run, start: Start) -> None:
    from pipelines.checkpoints.weights import with_adapter
    from pipelines.experiments.evaluation import eval_rows, evaluate, evaluated_personas

    assert run.behaviour is not None and run.epoch is not None, "only behaviours have items"
    path, key = _evals(arm, run)
    if _kept(path, key) is not None:
        return
    loaded = with_adapter(start.load(), run.adapter(run.recipe.epochs))
    cell = Cell(arm.source, run.behaviour, arm.seed, run.epoch)
    items = arm.items(run.behaviour)
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
