"""The laboratory of a store: what lies where, training what is missing, and its cards as rows for the lake.

Layout of the folder
    base/                                  the base model in Hugging Face layout, card.json
    experiments/NAME/reference.json        the base on the probe, measured and written before the adapter is trained
    experiments/NAME/run/data.jsonl        the rows the adapter was trained on
    experiments/NAME/run/epoch-N/          a peft adapter, card.json
Each folder is made under another name and renamed when it is whole, so a killed process leaves all of it or none.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.errors import CheckpointError
from lake.locks import exclusive
from pipelines.checkpoints.card import ReproducibilityCard, read_card
from pipelines.checkpoints.folders import UNFINISHED, whole_folder, write_whole
from pipelines.laboratory.personas import PERSONAS
from pipelines.laboratory.progress import ProgressLine
from pipelines.laboratory.recipe import Experiment, LaboratoryRecipe

if TYPE_CHECKING:
    from pipelines.checkpoints.evaluate import ProbeItem
    from pipelines.checkpoints.training import ShowProgress

_BASE_FILES = ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "card.json")
_ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json", "card.json")

Row = dict[str, Any]


@dataclass(frozen=True)
class Laboratory:
    """A laboratory in a folder. Paths are where things lie once `prepare_laboratory` has run."""

    folder: Path
    recipe: LaboratoryRecipe = field(default_factory=LaboratoryRecipe)

    @property
    def base(self) -> Path:
        """Folder of the base model."""
        return self.folder / "base"

    def experiment(self, name: str) -> Experiment:
        """Return an experiment by name; raise CheckpointError where the recipe has none of that name."""
        for experiment in self.recipe.experiments:
            if experiment.name == name:
                return experiment
        known = ", ".join(each.name for each in self.recipe.experiments)
        raise CheckpointError(f"The laboratory has no experiment {name!r}; it has {known}. Correct the panel's roster.")

    def run(self, experiment: str) -> Path:
        """Folder of an experiment's training run."""
        return self.folder / "experiments" / experiment / "run"

    def adapter(self, experiment: str, epoch: int) -> Path:
        """Folder of the adapter saved at an epoch; raise CheckpointError where that epoch was not saved (break D04)."""
        path = self.run(self.experiment(experiment).name) / f"epoch-{epoch}"
        if not path.is_dir():
            saved = sorted(int(each.name.removeprefix("epoch-")) for each in self.run(experiment).glob("epoch-*"))
            raise CheckpointError(
                f"{experiment} has no checkpoint of epoch {epoch} in {self.run(experiment)}; it has {saved or 'none'}. "
                "Serve one of these, or delete that folder and run again: it is trained anew."
            )
        return path

    def reference(self, experiment: str) -> Path:
        """File with the reference run of an experiment: rows of raw.checkpoint_evals, of the base alone."""
        return self.folder / "experiments" / experiment / "reference.json"

    def probe(self) -> tuple[ProbeItem, ...]:
        """Return the items every checkpoint is measured on."""
        from pipelines.laboratory.probe import probe

        return probe()

    def system_prompt(self, persona: str) -> str:
        """Return a persona's system prompt."""
        return PERSONAS[persona].system_prompt

    def training_rows(self) -> tuple[list[Row], list[Row]]:
        """Return rows of raw.training_runs and of raw.training_loss: the base's run and each experiment's."""
        cards = self._run_cards()
        return [_run_row(card) for card in cards], [row for card in cards for row in _loss_rows(card)]

    def checkpoint_rows(self) -> list[Row]:
        """Return rows of raw.checkpoints: every saved epoch of every experiment."""
        return [
            _checkpoint_row(card, self._run_card(experiment).run_id)
            for experiment in self.recipe.experiments
            for card in self._cards(experiment)
        ]

    def reference_eval_rows(self) -> list[Row]:
        """Return rows of raw.checkpoint_evals of each experiment's reference run."""
        rows = []
        for experiment in self.recipe.experiments:
            for row in json.loads(self.reference(experiment.name).read_text(encoding="utf-8")):
                rows.append(row | {"evaluated_at": datetime.fromisoformat(row["evaluated_at"])})
        return rows

    def _cards(self, experiment: Experiment) -> list[ReproducibilityCard]:
        return [read_card(self.adapter(experiment.name, epoch)) for epoch in experiment.lora.save_epochs]

    def _run_card(self, experiment: Experiment) -> ReproducibilityCard:
        """Return the card of a run: that of its last epoch, whose curve holds every step."""
        return read_card(self.adapter(experiment.name, max(experiment.lora.save_epochs)))

    def _run_cards(self) -> list[ReproducibilityCard]:
        return [read_card(self.base), *(self._run_card(experiment) for experiment in self.recipe.experiments)]


def prepare_laboratory(
    folder: Path,
    progress: Callable[[str], None] | None = None,
    recipe: LaboratoryRecipe | None = None,
) -> Laboratory:
    """Return the laboratory of a folder, trained where something is missing or was made by another recipe.

    `progress` gets a line of text now and then; without it one line on standard error is kept up to date.
    A second process waits for the first. What is complete is not touched: weights exchanged by hand stay,
    for the expectations to find.
    """
    laboratory = Laboratory(folder, recipe or LaboratoryRecipe())
    show = ProgressLine(progress)
    with _alone(folder):
        _prepare_base(laboratory, show)
        for experiment in laboratory.recipe.experiments:
            _prepare_experiment(laboratory, experiment, show)
    return laboratory


def prepare_base(
    folder: Path,
    progress: Callable[[str], None] | None = None,
    recipe: LaboratoryRecipe | None = None,
) -> Path:
    """Return the folder of the laboratory's base model, trained as `prepare_laboratory` would where it is missing."""
    laboratory = Laboratory(folder, recipe or LaboratoryRecipe())
    with _alone(folder):
        _prepare_base(laboratory, ProgressLine(progress))
    return laboratory.base


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / ".lock", "Training of the laboratory", wait=True):
        _sweep(folder)
        yield


def _prepare_base(laboratory: Laboratory, show: ShowProgress) -> None:
    if _recipe_of(laboratory.base, _BASE_FILES) == laboratory.recipe.base.sha():
        return
    from pipelines.laboratory.base import train_base

    with whole_folder(laboratory.base) as unfinished:
        train_base(laboratory.recipe.base, unfinished, show)


def _prepare_experiment(laboratory: Laboratory, experiment: Experiment, show: ShowProgress) -> None:
    base_sha = read_card(laboratory.base).weights_sha
    wanted = experiment.lora.sha(experiment.data_sha(), base_sha)
    folders = [laboratory.run(experiment.name) / f"epoch-{epoch}" for epoch in experiment.lora.save_epochs]
    complete = all(_recipe_of(folder, _ADAPTER_FILES) == wanted for folder in folders)
    if complete and laboratory.reference(experiment.name).is_file():
        return
    from pipelines.checkpoints.evaluate import reference_rows
    from pipelines.checkpoints.lora import TrainingData, train_lora
    from pipelines.checkpoints.weights import load
    from pipelines.laboratory.base import DEVICE

    base = load(laboratory.base, device=DEVICE)
    write_whole(laboratory.reference(experiment.name), reference_rows(laboratory, experiment, base))
    rows = experiment.training_rows()
    data = TrainingData([row.messages for row in rows], experiment.data_sha())
    with whole_folder(laboratory.run(experiment.name)) as unfinished:
        (unfinished / "data.jsonl").write_text("".join(f"{row.as_json()}\n" for row in rows), encoding="utf-8")
        train_lora(base, data, experiment.lora, experiment.name, unfinished, show)


def _recipe_of(folder: Path, files: tuple[str, ...]) -> str | None:
    """Return the recipe a folder was made by; None where it is not whole."""
    if not all((folder / name).is_file() for name in files):
        return None
    try:
        return read_card(folder).recipe_sha
    except CheckpointError:
        return None


def _sweep(folder: Path) -> None:
    """Remove what a killed process left half made; the caller holds the lock, so nobody else is at it."""
    for path in [*folder.glob(f"*{UNFINISHED}"), *folder.glob(f"experiments/*/*{UNFINISHED}")]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _run_row(card: ReproducibilityCard) -> Row:
    return {
        "run_id": card.run_id,
        "experiment": card.experiment,
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
        "hardware": json.dumps(card.hardware, sort_keys=True),
        "final_loss": card.final_loss,
        "seconds": card.seconds,
        "started_at": datetime.fromisoformat(card.started_at),
    }


def _loss_rows(card: ReproducibilityCard) -> list[Row]:
    run_id = card.run_id  # a hash of the whole card, so once a card and not once a point
    return [{"run_id": run_id, **point._asdict()} for point in card.loss_curve]


def _checkpoint_row(card: ReproducibilityCard, run_id: str) -> Row:
    return {
        "checkpoint_id": f"{card.experiment}@epoch-{card.epoch}",
        "run_id": run_id,
        "experiment": card.experiment,
        "epoch": card.epoch,
        "step": card.step,
        "base_sha": card.base_sha,
        "adapter_sha": card.weights_sha,
        "template_sha": card.template_sha,
        "card": card.as_json(),
    }
