"""The laboratory and its checkpoints: trained on first use, evaluated once in each wave that they serve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.progress import Step
from flows.stages.kept import EVALS_FILE, keep_rows
from lake.errors import CheckpointError
from lake.store import Store
from lake.tables import RAW_CHECKPOINT_EVALS, RAW_CHECKPOINTS, RAW_TRAINING_LOSS, RAW_TRAINING_RUNS, Table
from pipelines.panels.files import roster_line
from pipelines.panels.records import Panel
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    from pipelines.checkpoints.lineage import Lineage
    from pipelines.laboratory import Laboratory


def uses_laboratory(panel: Panel) -> bool:
    """Say whether any model of the panel is served from the store's laboratory."""
    return any(entry.checkpoint is not None and entry.checkpoint.is_of_laboratory for entry in panel.roster)


def find_checkpoints(store: Store, panel: Panel) -> dict[str, Lineage]:
    """Return by roster model where the checkpoints of persona experiments lie that a panel asks.

    Raises CheckpointError with the roster's line where one is not there.
    """
    from pipelines.experiments.roster import find_checkpoint

    found = {}
    for entry in panel.roster:
        if entry.checkpoint is not None and entry.checkpoint.id is not None:
            try:
                found[entry.model] = find_checkpoint(store, entry.checkpoint.id)
            except CheckpointError as error:
                raise CheckpointError(f"{roster_line(panel, entry.model)}: {entry.model!r}: {error}") from error
    return found


def prepare_laboratory(store: Store, step: Step) -> Laboratory:
    """Return the laboratory of real tiny models, trained on first use."""
    from pipelines.laboratory import prepare_laboratory as prepare

    return prepare(store.laboratory, step.note)


def evaluate_checkpoints(store: Store, plan: WavePlan, laboratory: Laboratory | None, device: str) -> int:
    """Evaluate every checkpoint that serves in this wave beside what it stands on; return the rows kept.

    Of the laboratory's own runs that is epoch 0 and the base, on the probe; of a persona experiment's checkpoint its
    parent, on what it was trained on. The rows wait in the wave's journal folder until they are loaded; an evaluation
    that is there is not repeated.
    """
    path = plan.folder / EVALS_FILE
    if path.exists():
        return len(json.loads(path.read_text(encoding="utf-8")))
    rows = _laboratory_evals(plan, laboratory, device) if laboratory is not None else []
    if lineages := find_checkpoints(store, plan.panel):
        from pipelines.experiments.applied import evaluate_served

        rows += evaluate_served(lineages, plan.wave_id, device)
    keep_rows(path, rows)
    return len(rows)


def _laboratory_evals(plan: WavePlan, laboratory: Laboratory, device: str) -> list[dict[str, Any]]:
    from pipelines.checkpoints.evaluate import evaluate_for_wave

    rows: list[dict[str, Any]] = []
    for entry in plan.panel.roster:
        if entry.checkpoint is not None and entry.checkpoint.experiment is not None:
            epoch = entry.checkpoint.epoch(plan.staged_night)
            rows += evaluate_for_wave(laboratory, entry, epoch, plan.wave_id, device=device)
    return rows


def laboratory_rows(laboratory: Laboratory) -> Mapping[Table, list[dict[str, Any]]]:
    """Return the laboratory's cards, losses, checkpoints and reference evaluation as rows by table."""
    runs, losses = laboratory.training_rows()
    return {
        RAW_TRAINING_RUNS: runs,
        RAW_TRAINING_LOSS: losses,
        RAW_CHECKPOINTS: laboratory.checkpoint_rows(),
        RAW_CHECKPOINT_EVALS: laboratory.reference_eval_rows(),
    }
