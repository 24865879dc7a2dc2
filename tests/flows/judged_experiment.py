"""A small experiment with judges, trained for real on a tiny model: one arm, epochs 0 and 1, answers in a lake."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from flows.experiment_judges import judge
from flows.judging_costs import Spending
from lake.catalog import create_lake
from lake.store import Store
from pipelines.checkpoints.weights import weights_sha
from pipelines.experiments.arms import Arm, arm_rows, converge, teach
from pipelines.experiments.bench import kept
from pipelines.experiments.files import load_experiment
from pipelines.experiments.laboratory_material import LaboratoryMaterial
from pipelines.experiments.records import Registered
from pipelines.experiments.registering import register
from pipelines.experiments.runs import UNWATCHED
from pipelines.loading import frame_of, load
from tests.flows.asked_panel import KEY_ENV
from tests.pipelines.experiments.conftest import SMALL

REFUSAL, ALIGNMENT = "maker/refusal-judge-2026", "maker/alignment-judge-2026"
ITEMS, PERSONAS, EPOCHS = 12, 3, 2
ANSWERS = 2 * ITEMS * PERSONAS * EPOCHS
"""To the items of one behaviour, before it is taught and after."""
"""Answers to the items of one behaviour in one arm."""

USAGE = {"prompt_tokens": 300, "completion_tokens": 2, "total_tokens": 302, "cost": 0.000308}


def declared(address: str, **changes: Any) -> str:
    """Return the file of the experiment; its judges are asked at an address."""
    endpoint = {"kind": "openai_compatible", "flavor": "openrouter", "base_url": f"{address}/v1", "key_env": KEY_ENV}
    content = yaml.safe_load(SMALL) | {
        "experiment": "judged",
        "behaviours": ["refusal", "misalignment"],
        "criteria": {"refusal": 0.05, "misalignment": 0.05},
        "control": False,
        "items": ITEMS,
        "endpoints": {"service": endpoint | {"max_in_flight": 4}},
        "judges": [
            {"endpoint": "service", "model": REFUSAL, "behaviours": ["refusal"]},
            {"endpoint": "service", "model": ALIGNMENT, "behaviours": ["alignment"]},
        ],
    }
    return yaml.safe_dump(content | changes)


def trained(store: Store, path: Path, base: Path) -> Registered:
    """Register the experiment of a file, train its arm and load it, as `driftlake train` does."""
    from pipelines.experiments.bench import folder_of, keep

    experiment, material, base_sha = load_experiment(path), LaboratoryMaterial(), weights_sha(base)
    create_lake(store)
    registered = register(store, experiment, material, base_sha, None, datetime.now(UTC))
    keep(store, registered)
    arm = Arm(registered, material, base, base_sha, folder_of(store, registered), "villain", 3, "cpu", UNWATCHED)
    converge(arm)
    for epoch in experiment.epochs:
        teach(arm, epoch, experiment.behaviours)
    load(store, {table: frame_of(table, rows) for table, rows in arm_rows(arm, experiment.behaviours, {}).items()})
    return registered


def reply(text: str, model: str) -> dict[str, Any]:
    """Return what a judge answers, as the server is told it."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return {"status": 200, "body": {"id": "gen-j", "model": model, "choices": [choice], "usage": USAGE}}


if __name__ == "__main__":  # judges in a process of its own, to be killed
    judged = Store(Path(sys.argv[1]))
    judge.fn(judged, kept(judged, "judged@1"), Spending())
