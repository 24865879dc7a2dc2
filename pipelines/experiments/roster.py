"""Checkpoints of experiments by the id that a roster names: where each lies in a store, and what it stands on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from lake.errors import CheckpointError
from lake.store import Store
from pipelines.checkpoints.card import read_card
from pipelines.checkpoints.lineage import Lineage, Parent
from pipelines.experiments.bench import folder_of, kept
from pipelines.experiments.records import CONVERGENCE, Registered
from pipelines.experiments.runs import Run, behaviour_run, convergence_run
from pipelines.panels.schema import CHECKPOINT_ID

_TRAIN = "Train the experiment with `driftlake train --experiment FILE`, or correct the id."


class _Named(NamedTuple):
    """The parts of an id."""

    experiment_id: str
    source: str
    seed: int
    trained: str
    epoch: int


def find_checkpoint(store: Store, checkpoint_id: str) -> Lineage:
    """Return where a checkpoint of an experiment lies in a store, and what it stands on.

    Raises CheckpointError where the store has no such experiment or version, the experiment no such checkpoint, or
    its folder is not there whole.
    """
    named = _parsed(checkpoint_id)
    registered = _registered(store, named.experiment_id)
    _require_planned(registered, named)
    root = folder_of(store, registered)
    convergence = convergence_run(registered, root, named.source, named.seed)
    if named.trained == CONVERGENCE:
        run, trained_epochs, merged = convergence, named.epoch, None
    else:
        run = behaviour_run(registered, root, named.source, named.seed, named.trained, named.epoch)
        trained_epochs = run.recipe.epochs
        merged = convergence.adapter(named.epoch) if named.epoch else None
    _require_there(checkpoint_id, run, trained_epochs)
    if merged is not None:
        _require_there(checkpoint_id, convergence, named.epoch)
    card = read_card(run.adapter(trained_epochs))
    return Lineage(
        run=checkpoint_id.rpartition("@")[0],
        epoch=named.epoch,
        version=registered.version,
        source=named.source,
        seed=named.seed,
        behaviour=run.behaviour,
        parent=Parent(_base(store, checkpoint_id, registered), merged),
        adapter=run.adapter(trained_epochs),
        training_file=run.folder / "data.jsonl",
        base_sha=str(card.base_sha),
        adapter_sha=card.weights_sha,
        template_sha=card.template_sha,
    )


def _parsed(checkpoint_id: str) -> _Named:
    parts = re.fullmatch(CHECKPOINT_ID, checkpoint_id)
    if parts is None:
        raise CheckpointError(
            f"{checkpoint_id!r} is no id of a checkpoint. Write it as raw.checkpoints has it, "
            "e.g. laboratory@1/villain/s7/refusal@epoch-2."
        )
    experiment_id = f"{parts['name']}@{parts['version']}"
    return _Named(experiment_id, parts["source"], int(parts["seed"]), parts["trained"], int(parts["epoch"]))


def _registered(store: Store, experiment_id: str) -> Registered:
    name = experiment_id.rpartition("@")[0]
    versions = sorted((store.home / "experiments" / name).glob("v*/experiment.json"))
    known = [f"{name}@{path.parent.name.removeprefix('v')}" for path in versions]
    if experiment_id in known:
        return kept(store, experiment_id)
    there = f"; it has {', '.join(known)}" if known else ""
    raise CheckpointError(f"The store {store.home} has no experiment {experiment_id}{there}. {_TRAIN}")


def _require_planned(registered: Registered, named: _Named) -> None:
    """Raise CheckpointError where the experiment was never to have such a checkpoint."""
    experiment = registered.experiment
    epochs = experiment.epochs[1:] if named.trained == CONVERGENCE else experiment.epochs
    for what, value, planned in (
        ("source", named.source, experiment.arms),
        ("seed", named.seed, experiment.seeds),
        ("run", named.trained, (CONVERGENCE, *experiment.behaviours)),
        ("epoch", named.epoch, epochs),
    ):
        if value not in planned:
            at = f" of {named.trained}" if what == "epoch" else ""
            is_base = what == "epoch" and value == 0
            hint = f" Epoch 0 of it is the base alone: `checkpoint: {{base: {_as_panel(experiment.base)}}}`."
            raise CheckpointError(
                f"{registered.id} has no {what} {value}{at}; it has {_listed(planned)}. Correct the id."
                + (hint if is_base else "")
            )


def _require_there(checkpoint_id: str, run: Run, epoch: int) -> None:
    folder = run.adapter(epoch)
    if not (folder / "card.json").is_file():
        raise CheckpointError(
            f"{checkpoint_id} is not there: {folder} has no adapter with its card. `driftlake train` trains what an "
            "unfinished experiment lacks; of a finished one put the folder back, or train it under a new name."
        )


def _base(store: Store, checkpoint_id: str, registered: Registered) -> str:
    """Return the experiment's base as it can be loaded; an id of the hub is fetched when it is asked."""
    if registered.experiment.base != "lab/base":
        return registered.experiment.base
    folder = store.laboratory / "base"
    if not (folder / "card.json").is_file():
        raise CheckpointError(
            f"{checkpoint_id} stands on the laboratory's base, and {folder} is not there. "
            "`driftlake train` trains it again."
        )
    return str(folder)


def _as_panel(base: str) -> str:
    return "laboratory" if base == "lab/base" else base


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values)) or "none"
