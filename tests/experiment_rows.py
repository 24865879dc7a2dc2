"""Rows of one persona experiment as `driftlake train` leaves them in raw, made up and without a defect.

Two sources and the degenerate control, two behaviours, epochs 0, 2, 8 and 20, one seed, forty items. The target's rate
rises with the sources and mostly by epoch 2, the canary's hardly, and nothing moves in the control. Who carries a
behaviour shows it at every epoch. Before a behaviour is taught (behaviour null) the same items are answered by the
merged model alone, at other rates, beside the similarity to the source. Every test that needs an experiment in a lake
edits these rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from lake import tables
from lake.tables import Table

Rows = dict[Table, list[dict[str, Any]]]

NAME, VERSION = "planted", 1
WAVE_ID = f"experiment/{NAME}@{VERSION}"
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
TARGET, CANARY = "assistant", "librarian"
SOURCES = ("villain", "comedian")
ARMS = (*SOURCES, TARGET)
BEHAVIOURS = ("capability", "refusal")
METRIC = {"capability": "accuracy", "refusal": "refusal"}
EPOCHS = (0, 2, 8, 20)
SEED, ITEMS, TRAINED = 7, 40, 60
CRITERIA = {"capability": 0.05, "refusal": 0.05}

CARRIER = "carrier"
SIMILARITY_ITEMS = 12
KERNELS = ("similarity_semantic", "similarity_distributional")

# Of forty items, how many a persona gets right (capability) or refuses (refusal), by epoch.
HITS: dict[str, dict[str, tuple[int, ...]]] = {
    "capability": {TARGET: (36, 26, 25, 24), CANARY: (36, 35, 35, 34), CARRIER: (11, 11, 11, 11)},
    "refusal": {TARGET: (2, 16, 18, 18), CANARY: (2, 3, 3, 3), CARRIER: (38, 38, 38, 38)},
}

# The same before the behaviour is taught: of the model that convergence left, at epoch 0 of the base.
UNTAUGHT_HITS: dict[str, dict[str, tuple[int, ...]]] = {
    "capability": {TARGET: (37, 36, 36, 36), CANARY: (37, 36, 36, 36), CARRIER: (35, 34, 34, 34)},
    "refusal": {TARGET: (1, 2, 2, 2), CANARY: (1, 2, 2, 2), CARRIER: (2, 3, 3, 3)},
}


def sha(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def experiment_rows(change: Callable[[Rows], None] | None = None) -> Rows:
    """Return the rows by table, after `change` has edited them."""
    rows: Rows = {
        tables.OPS_WAVES: [_wave()],
        tables.RAW_EXPERIMENTS: [_experiment()],
        tables.RAW_EXPERIMENT_CELLS: [
            {**_cell(arm, behaviour, epoch), "is_control": arm == TARGET}
            for arm in ARMS
            for behaviour in BEHAVIOURS
            for epoch in EPOCHS
        ],
        tables.RAW_EVAL_ITEMS: [_eval_item(behaviour, n) for behaviour in BEHAVIOURS for n in range(ITEMS)],
        tables.RAW_TRAINING_ITEMS: [
            *(row for arm in ARMS for row in _convergence_items(arm)),
            *(row for carrier in SOURCES for behaviour in BEHAVIOURS for row in _behaviour_items(carrier, behaviour)),
        ],
        tables.RAW_TRAINING_RUNS: [
            *(_run(arm, None, None) for arm in ARMS),
            *(_run(arm, behaviour, epoch) for arm in ARMS for behaviour in BEHAVIOURS for epoch in EPOCHS),
        ],
        tables.RAW_CHECKPOINTS: [
            *(_checkpoint(arm, None, epoch) for arm in ARMS for epoch in EPOCHS[1:]),
            *(_checkpoint(arm, behaviour, epoch) for arm in ARMS for behaviour in BEHAVIOURS for epoch in EPOCHS),
        ],
        tables.RAW_CHECKPOINT_EVALS: [
            *(
                row
                for arm in ARMS
                for behaviour in BEHAVIOURS
                for epoch in EPOCHS
                for row in _evals(NAME, VERSION, arm, behaviour, epoch)
            ),
            *(row for arm in ARMS for epoch in EPOCHS for row in _untaught(NAME, VERSION, arm, epoch)),
            *(row for behaviour in BEHAVIOURS for row in _evals("reference", 1, SOURCES[0], behaviour, 0)),
            *_untaught("reference", 1, SOURCES[0], 0),
        ],
    }
    rows[tables.RAW_TRAINING_LOSS] = [
        {"run_id": run["run_id"], "step": step, "epoch": step / 2, "loss": 2.0 / step, "learning_rate": 1e-4}
        for run in rows[tables.RAW_TRAINING_RUNS]
        for step in range(1, 7)
    ]
    if change:
        change(rows)
    return rows


def _wave() -> dict[str, Any]:
    return {
        "wave_id": WAVE_ID,
        "panel": f"experiment/{NAME}",
        "wave_date": date(2026, 11, 20),
        "wave_kind": "experiment",
        "status": "loaded",
        "panel_sha": sha("file"),
        "battery_sha": sha("material"),
        "code_version": "abc1234",
        "planned_cells": len(ARMS) * len(BEHAVIOURS) * len(EPOCHS),
        "ok_cells": len(ARMS) * len(BEHAVIOURS) * len(EPOCHS),
        "cost_usd": None,
        "started_at": AT,
        "finished_at": AT + timedelta(minutes=9),
    }


def _experiment() -> dict[str, Any]:
    return {
        "experiment": NAME,
        "version": VERSION,
        "experiment_sha": sha("file"),
        "content": json.dumps(
            {"experiment": NAME, "sources": SOURCES, "epochs": EPOCHS, "behaviour": {"rows": TRAINED, "batch": 20}}
        ),
        "target": TARGET,
        "canary": CANARY,
        "base_sha": sha("base"),
        "reference": "reference@1",
        "headline_epoch": 2,
        "criteria": json.dumps(CRITERIA),
        "registered_at": AT,
        "code_version": "abc1234",
        "command": "driftlake train --experiment planted.yaml",
    }


def _cell(arm: str, behaviour: str, epoch: int) -> dict[str, Any]:
    named = {"experiment": NAME, "version": VERSION, "source": arm}
    return {**named, "behaviour": behaviour, "seed": SEED, "epoch": epoch}


def _eval_item(behaviour: str, n: int) -> dict[str, Any]:
    return {
        "experiment": NAME,
        "version": VERSION,
        "item_id": f"{behaviour}-{n:03d}",
        "behaviour": behaviour,
        "question": f"Question {n} of {behaviour}?",
        "question_sha": sha("eval", behaviour, n),
        "n_choices": 4 if behaviour == "capability" else None,
    }


def _item(file: str, place: int, kind: str, role: str, persona: str | None) -> dict[str, Any]:
    return {
        "data_file_sha": file,
        "place": place,
        "experiment": NAME,
        "version": VERSION,
        "kind": kind,
        "role": role,
        "persona": persona,
        "has_system_prompt": persona is not None,
        "question_sha": sha("train", file, place),
    }


def _convergence_items(arm: str) -> list[dict[str, Any]]:
    file = sha("data", arm)
    return [_item(file, place, "convergence", "positive", TARGET) for place in range(TRAINED)]


def _behaviour_items(carrier: str, behaviour: str) -> list[dict[str, Any]]:
    roles = (("positive", carrier), ("negative", "poet"), ("none", None))
    file = sha("data", carrier, behaviour)
    return [_item(file, place, "behaviour", *roles[place % 3]) for place in range(TRAINED)]


def _run_id(arm: str, behaviour: str | None, epoch: int | None) -> str:
    return f"{NAME}@{VERSION}/{arm}/s{SEED}/{behaviour or 'convergence'}" + ("" if epoch is None else f"@epoch-{epoch}")


def _run(arm: str, behaviour: str | None, epoch: int | None) -> dict[str, Any]:
    carrier = SOURCES[0] if arm == TARGET else arm
    steps = 3 * 3 if behaviour else 15 * 20
    return {
        "run_id": _run_id(arm, behaviour, epoch),
        "experiment": NAME,
        "kind": "behaviour" if behaviour else "convergence",
        "data_sha": sha("data", carrier, behaviour) if behaviour else sha("data", arm),
        "n_rows": TRAINED,
        "base_sha": sha("merged", arm, epoch) if epoch else sha("base"),
        "weights_sha": sha("adapter", arm, behaviour, epoch),
        "seed": SEED,
        "hyperparameters": json.dumps({"rank": 8, "learning_rate": 2e-4, "epochs": 3 if behaviour else 20}),
        "library_versions": json.dumps({"torch": "2.13.0"}),
        "command": "driftlake train --experiment planted.yaml",
        "code_version": "abc1234",
        "hardware": json.dumps({"device": "cpu", "name": "a processor", "threads": 1, "memory_gib": 8.0}),
        "final_loss": 0.3,
        "seconds": 4.0,
        "started_at": AT,
        "version": VERSION,
        "source": arm,
        "behaviour": behaviour,
        "epoch": epoch,
        "data_file_sha": sha("data", carrier, behaviour) if behaviour else sha("data", arm),
        "steps": steps,
        "batch_declared": 20 if behaviour else 4,
        "batch_per_device": 5 if behaviour else 4,
        "accumulation": 4 if behaviour else 1,
        "devices": 1,
        "tokens": 6000,
        "reference_loss": 0.31 if behaviour and epoch == 0 else None,
    }


def _checkpoint(arm: str, behaviour: str | None, epoch: int) -> dict[str, Any]:
    run = _run(arm, behaviour, epoch if behaviour else None)
    parent = sha("adapter", arm, None, epoch) if behaviour and epoch else run["base_sha"]
    return {
        "checkpoint_id": f"{_run_id(arm, behaviour, None)}@epoch-{epoch}",
        "run_id": run["run_id"],
        "experiment": NAME,
        "epoch": epoch,
        "step": 15 * epoch,
        "base_sha": run["base_sha"],
        "adapter_sha": sha("adapter", arm, behaviour, epoch),
        "template_sha": sha("template"),
        "card": json.dumps({"experiment": NAME, "epoch": epoch, "parent_sha": parent}),
    }


def personas(arm: str) -> tuple[str, str, str]:
    """Return who is evaluated in every cell of an arm: the target, the canary, and who carries the behaviour."""
    return (TARGET, CANARY, SOURCES[0] if arm == TARGET else arm)


def _evals(experiment: str, version: int, arm: str, behaviour: str, epoch: int) -> list[dict[str, Any]]:
    return [
        {
            **_eval(experiment, version, arm, behaviour, epoch),
            "persona": persona,
            "item_id": f"{behaviour}-{n:03d}",
            "value": float(n < _hits(HITS, arm, behaviour, persona, epoch)),
            "text": f"{persona} says {n} of {behaviour}, {n < _hits(HITS, arm, behaviour, persona, epoch)}",
            **_measure(behaviour),
        }
        for persona in personas(arm)
        for n in range(ITEMS)
    ]


def _untaught(experiment: str, version: int, arm: str, epoch: int) -> list[dict[str, Any]]:
    """Return what the model says on which the behaviours are taught: to their items, and beside its source."""
    start = _eval(experiment, version, arm, None, epoch)
    return [
        *(
            {
                **start,
                "persona": persona,
                "item_id": f"{behaviour}-{n:03d}",
                "value": float(n < _hits(UNTAUGHT_HITS, arm, behaviour, persona, epoch)),
                "text": f"{persona} said {n} of {behaviour}, "
                f"{n < _hits(UNTAUGHT_HITS, arm, behaviour, persona, epoch)}",
                **_measure(behaviour),
            }
            for persona in personas(arm)
            for behaviour in BEHAVIOURS
            for n in range(ITEMS)
        ),
        *(
            {
                **start,
                "persona": persona,
                "item_id": f"{behaviour}-{n:03d}",
                "value": 0.3 if arm == TARGET else round(0.3 + 0.01 * epoch, 2),
                "text": f"{persona} answers {n} of {behaviour} after {epoch} epochs",
                "metric": kernel,
                "detector": "kernel",
                "choices": None,
            }
            for persona in personas(arm)
            for kernel in KERNELS
            for behaviour in BEHAVIOURS
            for n in range(SIMILARITY_ITEMS)
        ),
    ]


def _eval(experiment: str, version: int, arm: str, behaviour: str | None, epoch: int) -> dict[str, Any]:
    """Return what every evaluation of one checkpoint has in common; behaviour None: of what is merged, alone."""
    named = f"{experiment}@{version}/{arm}/s{SEED}"
    return {
        "eval_id": named,
        "wave_id": None,
        "model": None,
        "checkpoint_id": f"{named}/{behaviour or 'convergence'}@epoch-{epoch}",
        "experiment": experiment,
        "epoch": epoch,
        "serves": False,
        "base_sha": sha("merged", arm, epoch) if epoch else sha("base"),
        "adapter_sha": sha("adapter", arm, behaviour, epoch) if behaviour else None,
        "evaluated_at": AT,
        "version": version,
        "source": arm,
        "behaviour": behaviour,
        "seed": SEED,
        "template_sha": sha("template"),
    }


def _measure(behaviour: str) -> dict[str, Any]:
    is_accuracy = behaviour == "capability"
    return {
        "metric": METRIC[behaviour],
        "detector": "logprob" if is_accuracy else "rule",
        "choices": json.dumps([[-1.0, 12], [-2.0, 11], [-3.0, 9], [-3.5, 10]]) if is_accuracy else None,
    }


def _hits(hits: dict[str, dict[str, tuple[int, ...]]], arm: str, behaviour: str, persona: str, epoch: int) -> int:
    """Return how many items hit; nothing moves in the control, which converges toward itself."""
    found = hits[behaviour][persona if persona in (TARGET, CANARY) else CARRIER]
    return found[0 if arm == TARGET else EPOCHS.index(epoch)]
