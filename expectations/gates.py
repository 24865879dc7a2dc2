"""The gates of a persona experiment, as data: what each looks at, and what closes it.

When each is decided, and about which part of the matrix, is said in flows/experiments.py; some are decided twice.
A gate is decided from the lake alone, so the same rows always give the same decision. It is closed by a bad row of one
of its breaks, and by having looked at nothing (break D17): a check over nothing always passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from expectations.breaks import SQL_FOLDER
from expectations.experiments.bad_rows import ExperimentRow, concerns, experiment_bad_rows, rows_of_query
from expectations.experiments.breaks import BREAK_BY_CHECK, FOLDER
from lake.errors import InputError

if TYPE_CHECKING:
    import duckdb

__all__ = ["GATES", "GATE_BY_NAME", "Decision", "Gate", "decide"]

EMPTY_GATE = "D17"
ROWS_SHOWN = 3
NOTHING_TO_COMPARE = "nothing to compare with"


class Gate(NamedTuple):
    """One gate. `passes` is the sentence of a pass; `{n}` is what was looked at, `{largest}` the furthest of it.

    `signal`: the gate needs something of at least this size to be seen (None: nothing bad must be found).
    """

    name: str
    check_ids: tuple[str, ...]
    passes: str
    nothing: str
    signal: float | None = None

    @property
    def query(self) -> str:
        """SQL that returns what the gate looks at: subject, n, size (what `largest` is the largest of) and seen."""
        return (SQL_FOLDER / FOLDER / "gates" / f"{self.name}.sql").read_text(encoding="utf-8")


class Decision(NamedTuple):
    """What a gate decided. `break_id` is null where it passed, and where nothing is broken but no signal was seen."""

    passed: bool
    n: int
    evidence: str
    break_id: str | None


GATES: tuple[Gate, ...] = (
    Gate(
        "data",
        ("D08_wrong_data", "D09_target_in_negatives", "D10_canary", "B04_items_shared"),
        "As planned in size, system prompts and contrast, and without evaluation items: training rows {n}.",
        "the lake has no training rows of it",
    ),
    Gate(
        "checkpoints",
        (
            "D04_checkpoints_missing",
            "D05_incomplete_checkpoint",
            "D06_wrong_base",
            "D07_adapter_not_applied",
            "D07_other_adapter",
            "D07_not_taught",
            "D15_arms_alike",
            "D13_loss_not_below",
        ),
        "Saved, complete, applied, learned, on their own base: checkpoints {n}; the highest final loss is {largest}.",
        "the lake has no checkpoint of it",
    ),
    Gate(
        "epoch_zero",
        ("D01_epoch_zero", "D02_epoch_zero_spread"),
        "Values of epoch 0 looked at: {n}; furthest off the reference: {largest}.",
        "epoch 0 was not evaluated",
    ),
    Gate(
        "behaviour_loss",
        ("D13_loss_off_reference",),
        "Behaviour runs looked at: {n}; furthest off the reference's loss: {largest}.",
        "no behaviour run has a counterpart in the reference run",
    ),
    Gate(
        "first_signal",
        (),
        "Pairs of answers looked at: {n}; {largest}.",
        "no change of the target since epoch 0 can be computed",
        signal=1.0,
    ),
    Gate(
        "complete",
        (
            "D04_checkpoints_missing",
            "D10_canary",
            "D04_not_evaluated",
            "D07_adapter_not_applied",
            "D07_other_adapter",
            "D07_not_taught",
            "D11_template",
            "D12_batch",
            "D14_seeds_not_independent",
            "D15_control_is_treatment",
            "D15_arms_alike",
            "D16_degenerate_output",
            "D18_ids",
            "D19_incomplete_card",
            "C07_undetected",
            "C08_out_of_range",
            "C09_more_than_one_detector",
            "C10_below_chance",
            "C11_too_few",
            "C13_item_sets",
        ),
        "Every planned cell has its values, with canary and control, and no output, card or id is broken: values {n}.",
        "nothing was evaluated",
    ),
)

GATE_BY_NAME: dict[str, Gate] = {gate.name: gate for gate in GATES}


def decide(
    connection: duckdb.DuckDBPyConnection, gate: Gate | str, experiment: str, version: int, subject: str = ""
) -> Decision:
    """Return whether an experiment may go on past a gate, with the numbers in one sentence.

    `subject` limits the question to a part of the matrix (source, source/behaviour, source/behaviour/sSEED): what is
    missing is then what is missing of that part. '' is the whole matrix. `connection` sees raw at head.
    Raises InputError for a gate that does not exist, or an experiment that is not registered.
    """
    declared = gate if isinstance(gate, Gate) else _gate(gate)
    _require_registered(connection, experiment, version)
    looked_at = [
        row for row in rows_of_query(connection, declared.query, experiment, version) if concerns(row[0] or "", subject)
    ]
    n = sum(row[1] or 0 for row in looked_at)
    for check_id in declared.check_ids:
        broken = BREAK_BY_CHECK[check_id]
        if rows := experiment_bad_rows(connection, broken, experiment, version, subject):
            return Decision(False, n, f"{broken.id}: {_listed(rows)}.", broken.id)
    if n == 0:
        return Decision(False, 0, f"{EMPTY_GATE}: {declared.nothing}, and a gate never passes with n = 0.", EMPTY_GATE)
    size, largest = max(
        ((row[2], row[3]) for row in looked_at if row[2] is not None), default=(0.0, NOTHING_TO_COMPARE)
    )
    if declared.signal is not None and size < declared.signal:
        return Decision(False, n, f"No change reaches its criterion in {n:,} pairs of answers; {largest}.", None)
    return Decision(True, n, declared.passes.format(n=f"{n:,}", largest=largest), None)


def _gate(name: str) -> Gate:
    if name not in GATE_BY_NAME:
        raise InputError(f"There is no gate {name!r}. The gates are: {', '.join(GATE_BY_NAME)}.")
    return GATE_BY_NAME[name]


def _require_registered(connection: duckdb.DuckDBPyConnection, experiment: str, version: int) -> None:
    found = connection.execute(
        "SELECT 1 FROM raw.experiments WHERE experiment = ? AND version = ?", [experiment, version]
    ).fetchone()
    if found is None:
        raise InputError(
            f"The lake has no experiment {experiment}@{version}. Register it (driftlake train) before its gates."
        )


def _listed(rows: list[ExperimentRow]) -> str:
    more = f"; and {len(rows) - ROWS_SHOWN:,} more" if len(rows) > ROWS_SHOWN else ""
    return "; ".join(str(row) for row in rows[:ROWS_SHOWN]) + more
