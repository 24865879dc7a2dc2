"""The laboratory and its checkpoints: trained on first use, evaluated once in each wave that they serve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.progress import Step
from flows.stages.kept import EVALS_FILE, keep_rows
from lake.store import Store
from lake.tables import RAW_CHECKPOINT_EVALS, RAW_CHECKPOINTS, RAW_TRAINING_LOSS, RAW_TRAINING_RUNS, Table
from pipelines.panels.records import Panel
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    from pipelines.laboratory import Laboratory


def uses_laboratory(panel: Panel) -> bool:
    """Say whether any model of the panel is served from the store's laboratory."""
    return any(entry.checkpoint is not None and entry.checkpoint.base == "laboratory" for entry in panel.roster)


def prepare_laboratory(store: Store, step: Step) -> Laboratory:
    """Return the laboratory of real tiny models, trained on first use."""
    from pipelines.laboratory import prepare_laboratory as prepare

    return prepare(store.laboratory, step.note)


def evaluate_checkpoints(plan: WavePlan, laboratory: Laboratory, device: str) -> int:
    """Evaluate every checkpoint that serves in this wave, epoch 0 and the base beside it; return the rows kept.

    The rows wait in the wave's journal folder until they are loaded; an evaluation that is there is not repeated.
    """
    from pipelines.checkpoints.evaluate import evaluate_for_wave

    path = plan.folder / EVALS_FILE
    if path.exists():
        return len(json.loads(path.read_text(encoding="utf-8")))
    rows: list[dict[str, Any]] = []
    for entry in plan.panel.roster:
        if entry.checkpoint is not None and entry.checkpoint.experiment is not None:
            epoch = entry.checkpoint.epoch(plan.staged_night)
            rows += evaluate_for_wave(laboratory, entry, epoch, plan.wave_id, device=device)
    keep_rows(path, rows)
    return len(rows)


def laboratory_rows(laboratory: Laboratory) -> Mapping[Table, list[dict[str, Any]]]:
    """Return the laboratory's cards, losses, checkpoints and reference evaluation as rows by table."""
    runs, losses = laboratory.training_rows()
    return {
        RAW_TRAINING_RUNS: runs,
        RAW_TRAINING_LOSS: losses,
        RAW_CHECKPOINTS: laboratory.checkpoint_rows(),
        RAW_CHECKPOINT_EVALS: laboratory.reference_eval_rows(),
    }
