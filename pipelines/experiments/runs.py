"""One training run of an experiment: an adapter trained once, kept with its card, and its rows for the lake."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from lake.errors import CheckpointError
from pipelines.checkpoints.card import ReproducibilityCard, command_line, hardware, library_versions, read_card
from pipelines.checkpoints.folders import whole_folder
from pipelines.code_version import code_version
from pipelines.experiments.datasets import TrainingFile
from pipelines.experiments.records import CONVERGENCE, Registered, TrainingRecipe
from pipelines.panels.records import sha256_of

if TYPE_CHECKING:
    from pipelines.checkpoints.adapters import Trained
    from pipelines.checkpoints.card import LossPoint
    from pipelines.checkpoints.training import Progress, ShowProgress
    from pipelines.checkpoints.weights import LoadedModel

Row = dict[str, Any]
KeepLosses = Callable[[str, "Sequence[LossPoint]"], None]
"""Called at every step of a run with its id and its losses so far."""


def _unseen(progress: Progress) -> None:
    """Show nothing."""


def _not_kept(run_id: str, curve: Sequence[LossPoint]) -> None:
    """Keep nothing."""


class Watch(NamedTuple):
    """Who follows a run while it trains."""

    show: ShowProgress = _unseen
    keep_losses: KeepLosses = _not_kept


UNWATCHED = Watch()


class Start(NamedTuple):
    """What a run is trained on. `parent_sha`: of the convergence adapter merged into it, else that of the base."""

    load: Callable[[], LoadedModel]
    base_sha: str
    parent_sha: str


class Run(NamedTuple):
    """A run that is planned. `epoch`: epochs of convergence that a behaviour starts from; null for convergence."""

    registered: Registered
    source: str
    behaviour: str | None
    seed: int
    epoch: int | None
    folder: Path

    @property
    def recipe(self) -> TrainingRecipe:
        """Its hyperparameters."""
        experiment = self.registered.experiment
        return experiment.behaviour if self.behaviour else experiment.convergence

    @property
    def saved_epochs(self) -> tuple[int, ...]:
        """Epochs of its own training at which the adapter is kept."""
        return (self.recipe.epochs,) if self.behaviour else self.registered.experiment.epochs[1:]

    @property
    def run_id(self) -> str:
        """experiment@version/source/sSEED/behaviour@epoch-N, or …/convergence."""
        name = CONVERGENCE if self.behaviour is None else f"{self.behaviour}@epoch-{self.epoch}"
        return f"{self.registered.id}/{self.source}/s{self.seed}/{name}"

    def adapter(self, epoch: int) -> Path:
        """Folder of the adapter kept at an epoch."""
        return self.folder / f"epoch-{epoch}"

    def recipe_sha(self, file: TrainingFile, base_sha: str) -> str:
        """Return what the run is known by: hyperparameters, data, base, seed and threads."""
        return sha256_of(
            {
                "recipe": asdict(self.recipe),
                "data_sha": file.sha,
                "base_sha": base_sha,
                "seed": self.seed,
                "threads": self.registered.experiment.threads,
            }
        )


def arm_folder(root: Path, source: str, seed: int) -> Path:
    """Return the folder of everything that an arm leaves below the folder of its experiment's version."""
    return root / source / f"s{seed}"


def convergence_run(registered: Registered, root: Path, source: str, seed: int) -> Run:
    """Return the run that makes the target speak as a source."""
    return Run(registered, source, None, seed, None, arm_folder(root, source, seed) / "convergence")


def behaviour_run(registered: Registered, root: Path, source: str, seed: int, behaviour: str, epoch: int) -> Run:
    """Return the run that teaches a behaviour after some epochs of convergence."""
    folder = arm_folder(root, source, seed) / f"epoch-{epoch}" / behaviour
    return Run(registered, source, behaviour, seed, epoch, folder)


def is_trained(run: Run, file: TrainingFile, base_sha: str) -> bool:
    """Say whether the run is there whole, of this data, base and recipe, each adapter as its card says."""
    wanted = run.recipe_sha(file, base_sha)
    try:
        return all(_is_saved(run.adapter(epoch), wanted) for epoch in run.saved_epochs)
    except CheckpointError:
        return False


def _is_saved(adapter: Path, recipe_sha: str) -> bool:
    from pipelines.checkpoints.weights import weights_sha

    card = read_card(adapter)
    return card.recipe_sha == recipe_sha and card.weights_sha == weights_sha(adapter)


def train(
    run: Run,
    file: TrainingFile,
    start: Start,
    watch: Watch,
) -> None:
    """Train the run unless it is there; a killed one goes on from its last whole epoch.

    `watch` follows it step by step. Raises CheckpointError where an adapter
    that was to be kept is not.
    """
    work = run.folder.with_name(f"{run.folder.name}.work-{run.recipe_sha(file, start.base_sha)[:12]}")
    if is_trained(run, file, start.base_sha):
        shutil.rmtree(work, ignore_errors=True)
        return
    from pipelines.checkpoints import training
    from pipelines.checkpoints.adapters import train_adapter

    started_at, started = datetime.now(UTC), time.monotonic()
    model = start.load()
    examples = training.encode(model.tokenizer, [row.messages for row in file.rows])

    def stepped(progress: Progress, curve: Sequence[LossPoint]) -> None:
        watch.show(progress)
        watch.keep_losses(run.run_id, curve)

    with whole_folder(run.folder, resumed=work.exists()) as unfinished:
        (unfinished / "data.jsonl").write_text(file.text, encoding="utf-8")
        cards = _Cards(run, file, model, start.parent_sha, unfinished, started_at, started)
        trained = train_adapter(
            model,
            examples,
            run.recipe,
            run.seed,
            run.registered.experiment.threads,
            work,
            cards.save,
            stepped,
            run.run_id,
        )
        _add_measured(unfinished, trained)
        missing = [epoch for epoch in run.saved_epochs if not (unfinished / f"epoch-{epoch}" / "card.json").is_file()]
        if missing:
            raise CheckpointError(
                f"{run.run_id}: no checkpoint was saved at epochs {missing} (break D04). Train again."
            )
    shutil.rmtree(work, ignore_errors=True)


class _Cards:
    """Saves an adapter with its tokenizer and its card at the epochs that are kept."""

    def __init__(
        self,
        run: Run,
        file: TrainingFile,
        model: LoadedModel,
        parent_sha: str,
        folder: Path,
        started_at: datetime,
        started: float,
    ) -> None:
        self.run, self.file, self.folder, self.parent_sha = run, file, folder, parent_sha
        self.base_sha, self.template_sha, self.device = model.base_sha, model.template_sha, model.device
        self.tokenizer = model.tokenizer
        self.started_at, self.started = started_at, started

    def save(self, epoch: int, model: Any, curve: list[LossPoint]) -> None:
        if epoch not in self.run.saved_epochs:
            return
        from pipelines.checkpoints.weights import weights_sha

        run, recipe = self.run, self.run.recipe
        target = self.folder / f"epoch-{epoch}"
        model.save_pretrained(str(target), save_embedding_layers=False)
        self.tokenizer.save_pretrained(str(target))
        last = [point.loss for point in curve if point.epoch > epoch - 1]
        ReproducibilityCard(
            kind="behaviour" if run.behaviour else CONVERGENCE,
            experiment=run.registered.id,
            epoch=epoch,
            step=len(curve),
            recipe_sha=run.recipe_sha(self.file, self.base_sha),
            data_sha=self.file.sha,
            n_rows=len(self.file.rows),
            base_sha=self.base_sha,
            weights_sha=weights_sha(target),
            template_sha=self.template_sha,
            seed=run.seed,
            hyperparameters=asdict(recipe),
            library_versions=library_versions(),
            command=command_line(),
            code_version=code_version(),
            hardware=hardware(self.device, run.registered.experiment.threads),
            loss_curve=tuple(curve),
            final_loss=fmean(last),
            seconds=time.monotonic() - self.started,
            started_at=self.started_at.isoformat(),
            parent_sha=self.parent_sha,
        ).write(target)


def _add_measured(folder: Path, trained: Trained) -> None:
    content = {"tokens": trained.tokens, "peak_gib": trained.peak_gib, "devices": trained.devices}
    (folder / "measured.json").write_text(json.dumps(content), encoding="utf-8")


def run_rows(run: Run, reference_loss: float | None) -> tuple[Row, list[Row], list[Row]]:
    """Return a whole run as its row of raw.training_runs, of raw.training_loss and of raw.checkpoints."""
    cards = [read_card(run.adapter(epoch)) for epoch in run.saved_epochs]
    card, recipe = cards[-1], run.recipe
    measured = json.loads((run.folder / "measured.json").read_text(encoding="utf-8"))
    row = {
        "run_id": run.run_id,
        "experiment": run.registered.experiment.name,
        "kind": card.kind,
        "data_sha": card.data_sha,
        "n_rows": card.n_rows,
        "base_sha": card.base_sha,
        "weights_sha": card.weights_sha,
        "seed": card.seed,
        "hyperparameters": json.dumps(card.hyperparameters, sort_keys=True),
        "library_versions": json.dumps(card.library_versions, sort_keys=True),
        "command": card.command,
        "code_version": card.code_version,
        "hardware": json.dumps(card.hardware | {"peak_gib": measured["peak_gib"]}, sort_keys=True),
        "final_loss": card.final_loss,
        "seconds": card.seconds,
        "started_at": datetime.fromisoformat(card.started_at),
        "version": run.registered.version,
        "source": run.source,
        "behaviour": run.behaviour,
        "epoch": run.epoch,
        "data_file_sha": card.data_sha,
        "steps": card.step,
        "batch_declared": recipe.batch,
        "batch_per_device": recipe.per_device,
        "accumulation": recipe.accumulation,
        "devices": measured.get("devices"),  # null for a run that was trained before it was kept
        "tokens": measured["tokens"],
        "reference_loss": reference_loss,
    }
    return row, loss_rows(run.run_id, card.loss_curve), [_checkpoint_row(run, each) for each in cards]


def loss_rows(run_id: str, curve: Sequence[LossPoint]) -> list[Row]:
    """Return a run's losses as rows of raw.training_loss."""
    return [{"run_id": run_id, **point._asdict()} for point in curve]


def _checkpoint_row(run: Run, card: ReproducibilityCard) -> Row:
    epoch = card.epoch if run.behaviour is None else run.epoch
    name = CONVERGENCE if run.behaviour is None else run.behaviour
    return {
        "checkpoint_id": f"{run.registered.id}/{run.source}/s{run.seed}/{name}@epoch-{epoch}",
        "run_id": run.run_id,
        "experiment": run.registered.experiment.name,
        "epoch": epoch,
        "step": card.step,
        "base_sha": card.base_sha,
        "adapter_sha": card.weights_sha,
        "template_sha": card.template_sha,
        "card": card.as_json(),
    }
