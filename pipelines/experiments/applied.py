"""Whether the checkpoints of experiments that a night asks are applied: measured beside what they stand on.

Each is asked, greedily, what it was trained on, and so is its parent without it. Nothing shows sooner than these rows
that an adapter is not applied; and they lie beside the adapter, whatever became of the experiment's material.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from lake.errors import CheckpointError
from pipelines.checkpoints.evaluate import Measurement, ProbeItem, measure
from pipelines.checkpoints.lineage import Lineage, load_parent, require_parent, with_checkpoint
from pipelines.checkpoints.weights import LoadedModel, release, without_adapter
from pipelines.experiments.datasets import read_training_file
from pipelines.experiments.material import TrainingRow
from pipelines.experiments.records import CONVERGENCE

ITEMS = 24
"""Training rows a checkpoint is asked again each night."""


def evaluate_served(lineages: Mapping[str, Lineage], wave_id: str, device: str = "auto") -> list[dict[str, Any]]:
    """Return rows of raw.checkpoint_evals by roster model: the checkpoint that serves, and its parent without it.

    `experiment` is the run of the checkpoint, so that seeds and sources stay apart; the parent's epoch is null. Models
    of one checkpoint share a measurement. Raises CheckpointError where weights are missing or not what they were.
    """
    rows: list[dict[str, Any]] = []
    for parent in sorted({lineage.parent for lineage in lineages.values()}, key=str):
        loaded = load_parent(parent, device)
        for lineage in sorted({each for each in lineages.values() if each.parent == parent}, key=str):
            require_parent(lineage, loaded)
            items = _items(lineage)
            loaded = without_adapter(loaded)
            measured = list(_rows(lineage, loaded, measure(loaded, _asked(items), None), items, serves=False))
            loaded = with_checkpoint(lineage, loaded)
            measured += _rows(lineage, loaded, measure(loaded, _asked(items), None), items, serves=True)
            for model in sorted(model for model, each in lineages.items() if each == lineage):
                named = {"eval_id": f"{wave_id}#{model}", "wave_id": wave_id, "model": model}
                rows += [row | named for row in measured]
        release(loaded)
    return rows


def _items(lineage: Lineage) -> list[tuple[int, TrainingRow]]:
    """Return training rows that show what is taught, with their places, spread evenly over the file."""
    kind = lineage.behaviour or CONVERGENCE
    try:
        rows = read_training_file(lineage.training_file, kind, 0).rows
    except OSError as error:
        raise CheckpointError(
            f"{lineage.checkpoint_id}: what it was trained on is not in {lineage.training_file} ({error.strerror}), so "
            "nothing can show that its adapter is applied. Put the file back."
        ) from error
    shown = [(place, row) for place, row in enumerate(rows) if row.role == "positive"]
    return shown if len(shown) <= ITEMS else [shown[place * len(shown) // ITEMS] for place in range(ITEMS)]


def _asked(items: list[tuple[int, TrainingRow]]) -> tuple[ProbeItem, ...]:
    return tuple(ProbeItem(f"train-{place:04d}", "answer", row.messages[:-1]) for place, row in items)


def _rows(
    lineage: Lineage,
    loaded: LoadedModel,
    measured: list[Measurement],
    items: list[tuple[int, TrainingRow]],
    *,
    serves: bool,
) -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC)
    for measurement, (_, row) in zip(measured, items, strict=True):
        yield {
            "checkpoint_id": lineage.checkpoint_id if serves else f"{lineage.run}@base",
            "experiment": lineage.run,
            "epoch": lineage.epoch if serves else None,
            "serves": serves,
            "base_sha": loaded.base_sha,
            "adapter_sha": loaded.adapter_sha,
            "persona": row.persona,
            **measurement._asdict(),
            "evaluated_at": now,
            "version": lineage.version,
            "source": lineage.source,
            "behaviour": lineage.behaviour,
            "seed": lineage.seed,
            "template_sha": loaded.template_sha,
        }
