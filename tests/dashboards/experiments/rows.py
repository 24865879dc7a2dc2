"""The out tables of the made-up experiment of tests/experiment_rows.py, worked out from the same hits.

Change and transfer have intervals of a fixed half-width, so that a number on the page can be told by hand:
change ± 0.10, the canary's ± 0.05, transfer ± 0.12. Similarity to the source rises from 0.30 by 0.20, 0.24 and 0.25.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lake.tables import Column, Table
from tests.experiment_rows import (
    ARMS,
    AT,
    BEHAVIOURS,
    CANARY,
    CRITERIA,
    EPOCHS,
    HITS,
    ITEMS,
    METRIC,
    NAME,
    SEED,
    SOURCES,
    TARGET,
    VERSION,
    WAVE_ID,
    experiment_rows,
)  # fmt: skip

HEADLINE = 2
SIMILARITY = {0: 0.30, 2: 0.50, 8: 0.54, 20: 0.55}

_TEXT = ("wave_id", "panel", "experiment", "source", "behaviour", "metric", "detector", "canary", "reason", "verdict")
_WHOLE = (
    "version", "seed", "epoch", "n_items", "n_missing", "change_n", "canary_n", "transfer_n", "n_unmatched",
    "headline_epoch", "n_seeds", "superseded_by",
)  # fmt: skip
_OTHER = {"is_control": "BOOLEAN", "wave_date": "DATE", "registered_at": "TIMESTAMP WITH TIME ZONE"}
_TRAJECTORIES = (
    "wave_id", "wave_date", "panel", "experiment", "version", "source", "is_control", "behaviour",
    "seed", "epoch", "metric", "detector", "n_items", "n_missing",
    "value", "value_ci_low", "value_ci_high", "change", "ci_low", "ci_high", "p_value", "canary", "canary_n",
    "canary_value", "canary_change", "canary_ci_low", "canary_ci_high", "transfer", "transfer_ci_low",
    "transfer_ci_high", "share_of_movement", "n_unmatched", "reason",
)  # fmt: skip
_VERDICTS = (
    "wave_id", "wave_date", "panel", "experiment", "version", "source", "behaviour", "headline_epoch",
    "metric", "detector", "n_seeds", "n_items",
    "change", "ci_low", "ci_high", "canary_change", "canary_ci_low", "canary_ci_high",
    "control_change", "control_ci_low", "control_ci_high", "untaught_change", "untaught_ci_low",
    "untaught_ci_high", "transfer", "transfer_ci_low",
    "transfer_ci_high", "criterion", "verdict", "reason", "superseded_by", "registered_at",
)  # fmt: skip


def _columns(names: Iterable[str]) -> tuple[Column, ...]:
    def kind(name: str) -> str:
        return "VARCHAR" if name in _TEXT else "BIGINT" if name in _WHOLE else _OTHER.get(name, "DOUBLE")

    return tuple(Column(name, kind(name), "", True) for name in names)


TRAJECTORIES = Table("out", "persona_trajectories", (), "", _columns(_TRAJECTORIES))
TRANSFER_VERDICTS = Table("out", "transfer_verdicts", (), "", _columns(_VERDICTS))

RUN = {"wave_id": WAVE_ID, "wave_date": AT.date(), "panel": f"experiment/{NAME}"}

Rows = dict[str, list[dict[str, Any]]]


def lake_rows(change: Callable[[Rows], None] | None = None, *, is_published: bool = True) -> Rows:
    """Return the rows by table name of one experiment that passed, after `change` has edited them."""
    rows: Rows = {table.full_name: some for table, some in experiment_rows().items()}
    rows["raw.experiment_gates"] = gate_rows()
    rows["out.persona_trajectories"] = [*trajectory_rows(), *similarity_rows()]
    rows["out.transfer_verdicts"] = [verdict_row(source, behaviour) for source in SOURCES for behaviour in BEHAVIOURS]
    rows["ops.verdicts"] = [wave_verdict("passed", None, "Passed.")]
    rows["ops.check_results"] = [
        {
            "audit_id": f"{WAVE_ID}#1", "wave_id": WAVE_ID, "check_id": "D01_check", "break_id": "D01",
            "severity": "fail", "success": True, "n_bad": 0, "detail": "Epoch 0 reproduced its reference.",
        }
    ]  # fmt: skip
    if is_published:
        rows["ops.publications"] = [
            {"publication_id": f"{WAVE_ID}#5", "snapshot_id": 5, "wave_id": WAVE_ID, "published_at": AT}
        ]
    if change:
        change(rows)
    return rows


def wave_verdict(verdict: str, break_id: str | None, detail: str) -> dict[str, Any]:
    return {
        "audit_id": f"{WAVE_ID}#1", "wave_id": WAVE_ID, "scope": "wave", "model": None, "prompt_id": None,
        "sample_index": None, "break_id": break_id, "verdict": verdict, "n_bad": int(verdict == "failed"),
        "detail": detail, "decided_at": AT,
    }  # fmt: skip


GATES = ("data", "pilot", "checkpoints", "epoch_zero", "behaviour_loss", "first_signal", "complete")


def gate_rows() -> list[dict[str, Any]]:
    """Every gate passed, each about the whole matrix, decided a minute apart."""
    return [gate_row(place, gate) for place, gate in enumerate(GATES)]


def gate_row(place: int, gate: str, *, passed: bool = True, **named: Any) -> dict[str, Any]:
    return {
        "experiment": NAME, "version": VERSION, "gate": gate, "subject": "matrix", "passed": passed, "n": 24 + place,
        "evidence": f"Evidence of {gate}", "break_id": None if passed else "D01",
        "decided_at": AT.replace(minute=place), **named,
    }  # fmt: skip


def stop_at_epoch_zero(rows: Rows) -> None:
    """Edit the rows into those of a run that ended at the gate epoch_zero: no verdict, no out row, not published."""
    evidence = "Epoch 0 has accuracy 0.90, the reference 0.50, tolerance 0.03 (n = 40)"
    rows["raw.experiment_gates"] = [
        *(gate_row(place, gate) for place, gate in enumerate(GATES[:3])),
        gate_row(3, "epoch_zero", passed=False, subject="villain/capability/7", evidence=evidence, n=40),
    ]
    rows["out.persona_trajectories"], rows["out.transfer_verdicts"] = [], []
    rows["ops.verdicts"] = [wave_verdict("failed", "D01", evidence)]
    rows["ops.waves"][0]["status"] = "quarantined"
    rows["ops.publications"] = []


def trajectory_rows() -> list[dict[str, Any]]:
    return [
        trajectory(
            arm, behaviour, epoch, METRIC[behaviour], "logprob" if behaviour == "capability" else "rule",
            [hits / ITEMS for hits in _levels(arm, behaviour, TARGET)],
            [hits / ITEMS for hits in _levels(arm, behaviour, CANARY)],
        )
        for arm in ARMS
        for behaviour in BEHAVIOURS
        for epoch in EPOCHS
    ]  # fmt: skip


def similarity_rows() -> list[dict[str, Any]]:
    levels = list(SIMILARITY.values())
    still = [0.30, 0.31, 0.32, 0.32]
    return [
        trajectory(
            arm, "convergence", epoch, f"similarity_{kernel}", "kernel", still if arm == TARGET else levels, still
        )
        for kernel in ("semantic", "distributional")
        for arm in ARMS
        for epoch in EPOCHS
    ]


def _levels(arm: str, behaviour: str, persona: str) -> list[int]:
    hits = HITS[behaviour][persona]
    return [hits[0]] * len(EPOCHS) if arm == TARGET else list(hits)


def trajectory(
    arm: str, behaviour: str, epoch: int, metric: str, detector: str, target: list[float], canary: list[float]
) -> dict[str, Any]:
    place = EPOCHS.index(epoch)
    change, canary_change = target[place] - target[0], canary[place] - canary[0]
    largest = max(abs(level - target[0]) for level in target)
    later = epoch > 0
    return {
        **RUN, "experiment": NAME, "version": VERSION, "source": arm, "is_control": arm == TARGET,
        "behaviour": behaviour,
        "seed": SEED, "epoch": epoch, "metric": metric, "detector": detector, "n_items": ITEMS,
        "n_missing": 0,
        "value": target[place], "value_ci_low": max(0.0, target[place] - 0.15), "value_ci_high": target[place] + 0.1,
        "change": change if later else None, "ci_low": change - 0.1 if later else None,
        "ci_high": change + 0.1 if later else None, "p_value": 0.001 if later else None,
        "canary": CANARY, "canary_n": ITEMS, "canary_value": canary[place],
        "canary_change": canary_change if later else None, "canary_ci_low": canary_change - 0.05 if later else None,
        "canary_ci_high": canary_change + 0.05 if later else None,
        "transfer": change - canary_change if later else None,
        "transfer_ci_low": change - canary_change - 0.12 if later else None,
        "transfer_ci_high": change - canary_change + 0.12 if later else None,
        "share_of_movement": abs(change) / largest if later and largest else None, "n_unmatched": 0,
        "reason": None,
    }  # fmt: skip


def verdict_row(source: str, behaviour: str, verdict: str = "transfer", **named: Any) -> dict[str, Any]:
    (here,) = [
        row
        for row in trajectory_rows()
        if (row["source"], row["behaviour"], row["epoch"]) == (source, behaviour, HEADLINE)
    ]
    same = (
        "experiment", "version", "source", "behaviour", "metric", "detector", "n_items", "change", "ci_low", "ci_high",
        "canary_change", "canary_ci_low", "canary_ci_high", "transfer", "transfer_ci_low", "transfer_ci_high",
    )  # fmt: skip
    return {
        **RUN, **{name: here[name] for name in same}, "headline_epoch": HEADLINE, "n_seeds": 1, "control_change": 0.0,
        "control_ci_low": -0.1, "control_ci_high": 0.1,
        "untaught_change": 0.02, "untaught_ci_low": -0.03, "untaught_ci_high": 0.07,
        "criterion": CRITERIA[behaviour], "verdict": verdict, "reason": f"Reason for {source} and {behaviour}",
        "superseded_by": None, "registered_at": AT, **named,
    }  # fmt: skip
