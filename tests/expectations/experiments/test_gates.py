"""Gates: they pass a whole experiment with numbers, close on one planted defect, and never pass over nothing."""

from __future__ import annotations

import duckdb
import pytest

from expectations.experiments.breaks import BREAK_BY_CHECK
from expectations.gates import GATES, Decision, decide
from lake.errors import InputError
from tests.experiment_rows import NAME, VERSION

RAW = ("checkpoint_evals", "training_runs", "training_items", "checkpoints")


def asked(connection: duckdb.DuckDBPyConnection, gate: str, subject: str = "") -> Decision:
    return decide(connection, gate, NAME, VERSION, subject)


@pytest.mark.parametrize(
    ("gate", "n", "evidence"),
    [
        # 3 convergence files and 2 x 2 behaviour files of 60 rows
        (
            "data",
            420,
            "As planned in size, system prompts and contrast, and without evaluation items: training rows 420.",
        ),
        # 3 arms x (3 of convergence + 2 behaviours x 4 epochs)
        (
            "checkpoints",
            33,
            "on their own base: checkpoints 33; the highest final loss is 0.300 of refusal toward villain.",
        ),
        # 3 arms x 3 personas x (2 behaviours x 40, taught and before, + 2 kernels x 24)
        (
            "epoch_zero",
            1872,
            "furthest off the reference: similarity_semantic of villain toward villain 0.3, reference 0.3.",
        ),
        # 3 arms x 2 behaviours, at epoch 0
        ("behaviour_loss", 6, "furthest off the reference's loss: 0.300 of refusal toward villain"),
        # 2 sources x 2 behaviours x 3 epochs x 40; refusals go from 2 to 18 of 40, that is 40 points
        ("first_signal", 480, "refusal toward villain went from 5.0 % to 45.0 % by epoch 8, the criterion is 5 points"),
        # 4 epochs of what epoch 0 has
        ("complete", 7488, "with canary and control, and no output, card or id is broken: values 7,488."),
    ],
)
def test_a_whole_experiment_passes_every_gate(
    planted: duckdb.DuckDBPyConnection, gate: str, n: int, evidence: str
) -> None:
    decision = asked(planted, gate)
    assert (decision.passed, decision.n, decision.break_id) == (True, n, None)
    assert evidence in decision.evidence


def test_the_gates_are_those_of_the_protocol_and_name_known_breaks() -> None:
    assert [gate.name for gate in GATES] == [
        "data",
        "checkpoints",
        "epoch_zero",
        "behaviour_loss",
        "first_signal",
        "complete",
    ]
    assert {check for gate in GATES for check in gate.check_ids} <= set(BREAK_BY_CHECK)


@pytest.mark.parametrize("gate", [gate.name for gate in GATES])
def test_no_gate_passes_over_nothing(planted: duckdb.DuckDBPyConnection, gate: str) -> None:
    for table in RAW:
        planted.execute(f"DELETE FROM raw.{table} WHERE experiment = 'planted'")
    decision = asked(planted, gate)
    assert not decision.passed
    assert decision.n == 0
    assert decision.break_id is not None


@pytest.mark.parametrize(
    ("gate", "statement", "break_id", "evidence"),
    [
        (
            "data",
            "UPDATE raw.training_items SET has_system_prompt = false WHERE persona = 'villain'",
            "D08",
            "D08: training file",
        ),
        (
            "data",
            "UPDATE raw.training_items SET persona = 'assistant' WHERE role = 'negative'",
            "D09",
            "D09: training file",
        ),
        ("checkpoints", "DELETE FROM raw.checkpoints WHERE epoch = 20", "D04", "; and 6 more."),  # 9 in all
        (
            "checkpoints",
            """UPDATE raw.checkpoint_evals SET text = 'the same', choices = NULL WHERE source = 'villain'
               AND behaviour = 'refusal' AND epoch IN (0, 8)""",
            "D07",
            "D07: refusal toward villain at epoch 8 gives on all of 120 items the output of epoch 0",
        ),
        (
            "checkpoints",
            "UPDATE raw.checkpoint_evals SET adapter_sha = NULL WHERE behaviour = 'refusal' AND epoch = 2",
            "D07",
            "120 values were given without an adapter",
        ),
        (
            "checkpoints",
            """UPDATE raw.checkpoint_evals SET value = 0 WHERE behaviour = 'refusal' AND epoch = 0
               AND persona = 'villain' AND source = 'villain'""",
            "D07",
            "D07: refusal is not shown by villain, who was taught it, at epoch 0",
        ),
        (
            "checkpoints",
            """UPDATE raw.checkpoints SET adapter_sha = 'one' WHERE checkpoint_id LIKE '%/convergence@epoch-2'
               AND checkpoint_id NOT LIKE '%/assistant/%'""",
            "D06",  # the card of the behaviours on it names the other one
            "the convergence checkpoint of its place is one",
        ),
        ("checkpoints", "UPDATE raw.training_runs SET final_loss = 1.2", "D13", "is 1.200, it must be below 1"),
        (
            "epoch_zero",
            """UPDATE raw.checkpoint_evals SET value = 1, base_sha = 'other' WHERE experiment = 'reference'
               AND behaviour = 'capability' AND persona = 'assistant'""",
            "D01",
            "D01: capability of assistant at epoch 0 is 90.0 %, the reference run reference@1 has 100.0 %, tolerance 3 "
            "points over 40 items (villain/capability/s7@0); the base at epoch 0 is",
        ),
        ("behaviour_loss", "UPDATE raw.training_runs SET reference_loss = 0.9", "D13", "the reference run has 0.900"),
        ("behaviour_loss", "UPDATE raw.training_runs SET reference_loss = NULL", "D17", "never passes with n = 0"),
        (
            "first_signal",
            # nothing but the control moves
            "UPDATE raw.checkpoint_evals SET value = 0 WHERE source <> 'assistant'",
            None,
            "No change reaches its criterion in 480 pairs of answers;",
        ),
        (
            "complete",
            """UPDATE raw.checkpoint_evals SET value = 0 WHERE behaviour = 'refusal' AND epoch = 0
               AND persona = 'villain' AND source = 'villain'""",
            "D07",
            "D07: refusal is not shown by villain, who was taught it, at epoch 0",
        ),
        (
            "complete",
            "DELETE FROM raw.checkpoint_evals WHERE metric LIKE 'similarity%'",
            "D04",
            "assistant was not compared with assistant at epoch 2, seed 7",
        ),
        (
            "complete",
            "DELETE FROM raw.checkpoint_evals WHERE persona = 'librarian' AND source = 'assistant'",
            "D10",
            "the canary librarian was not evaluated beside assistant",
        ),
        (
            "complete",
            "DELETE FROM raw.checkpoint_evals WHERE source = 'assistant'",
            "D04",
            "assistant was not evaluated on capability toward assistant at epoch 0",
        ),
    ],
)
def test_a_gate_closes_and_says_by_how_much(
    planted: duckdb.DuckDBPyConnection, gate: str, statement: str, break_id: str | None, evidence: str
) -> None:
    planted.execute(statement)
    decision = asked(planted, gate)
    assert (decision.passed, decision.break_id) == (False, break_id)
    assert decision.n > 0 or break_id == "D17"
    assert evidence in decision.evidence


def test_a_pilot_is_not_held_to_the_rest_of_the_matrix(planted: duckdb.DuckDBPyConnection) -> None:
    for table in ("checkpoint_evals", "training_runs"):
        planted.execute(
            f"DELETE FROM raw.{table} WHERE experiment = 'planted' "
            "AND NOT (source = 'villain' AND coalesce(behaviour, 'refusal') = 'refusal')"
        )
    for gate in ("data", "checkpoints", "epoch_zero"):
        assert asked(planted, gate, "villain/refusal").passed, gate
    assert not asked(planted, "checkpoints").passed
    planted.execute("DELETE FROM raw.checkpoints WHERE checkpoint_id = 'planted@1/villain/s7/convergence@epoch-8'")
    assert asked(planted, "checkpoints", "villain/refusal").break_id == "D04"
    planted.execute("UPDATE raw.checkpoint_evals SET value = 1 - value WHERE experiment = 'planted'")
    assert asked(planted, "epoch_zero", "villain/refusal").break_id == "D01"


def test_a_reference_run_has_nothing_to_reproduce(planted: duckdb.DuckDBPyConnection) -> None:
    planted.execute("UPDATE raw.experiments SET reference = NULL")
    assert asked(planted, "epoch_zero").break_id == "D01"
    planted.execute("UPDATE raw.training_runs SET reference_loss = NULL")
    for table in ("checkpoint_evals", "training_runs", "experiment_cells"):
        planted.execute(f"DELETE FROM raw.{table} WHERE experiment = 'planted' AND coalesce(epoch, 1) > 0")
    planted.execute("DELETE FROM raw.training_items WHERE kind = 'convergence'")
    for gate in ("data", "checkpoints", "epoch_zero", "behaviour_loss", "complete"):
        assert asked(planted, gate).passed, asked(planted, gate)
    assert asked(planted, "epoch_zero").evidence.endswith("furthest off the reference: nothing to compare with.")
    # an experiment that names a reference which nobody published is no reference run
    planted.execute("""UPDATE raw.experiments SET content = '{"reference": "missing", "sources": ["villain"]}'""")
    assert "the reference run missing that planted@1 names is not published" in asked(planted, "epoch_zero").evidence


def test_detectors_are_compared_each_with_itself(planted: duckdb.DuckDBPyConnection) -> None:
    planted.execute(
        """INSERT INTO raw.checkpoint_evals BY NAME SELECT * REPLACE ('classifier' AS detector,
           eval_id || '/classifier' AS eval_id, 1 - value AS value)
           FROM raw.checkpoint_evals WHERE metric = 'refusal'"""
    )
    # twice the values of refusal; its two detectors contradict each other, and neither moved at epoch 0
    assert (asked(planted, "epoch_zero").passed, asked(planted, "epoch_zero").n) == (True, 2592)
    assert asked(planted, "complete").passed, asked(planted, "complete")


def test_a_classifier_that_decides_nothing_is_no_first_signal(planted: duckdb.DuckDBPyConnection) -> None:
    planted.execute(
        """INSERT INTO raw.checkpoint_evals BY NAME SELECT * REPLACE ('classifier' AS detector)
           FROM raw.checkpoint_evals WHERE metric = 'refusal'"""
    )
    assert asked(planted, "first_signal").n == 480
    planted.execute("UPDATE raw.checkpoint_evals SET value = 0 WHERE detector <> 'classifier'")
    assert not asked(planted, "first_signal").passed


def test_data_is_looked_at_before_anything_is_trained(planted: duckdb.DuckDBPyConnection) -> None:
    for table in ("checkpoint_evals", "training_runs", "checkpoints"):
        planted.execute(f"DELETE FROM raw.{table} WHERE experiment = 'planted'")
    assert asked(planted, "data", "villain/refusal") == asked(planted, "data")
    assert asked(planted, "data").passed
    planted.execute("DELETE FROM raw.training_items WHERE kind = 'convergence' AND place = 0")
    planted.execute("DELETE FROM raw.training_items WHERE kind = 'behaviour' AND place = 0")
    decision = asked(planted, "data")
    assert decision.break_id == "D08"
    assert "(behaviour) has 59 rows, 60 are planned" in decision.evidence


def test_a_gate_says_what_it_does_not_know(planted: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(InputError, match=r"no gate 'zero'. The gates are: data, checkpoints"):
        asked(planted, "zero")
    with pytest.raises(InputError, match="no experiment planted@9"):
        decide(planted, "data", NAME, 9)


def test_a_first_signal_that_only_a_judge_sees_counts_and_is_told_as_its(planted: duckdb.DuckDBPyConnection) -> None:
    planted.execute("""INSERT INTO raw.checkpoint_evals SELECT * REPLACE ('judge' AS detector)
        FROM raw.checkpoint_evals WHERE experiment = 'planted' AND behaviour = 'refusal'""")
    planted.execute("UPDATE raw.checkpoint_evals SET value = 0 WHERE source <> 'assistant' AND detector <> 'judge'")
    decision = asked(planted, "first_signal")
    assert decision.passed
    assert "refusal toward villain by judge went from 5.0 % to 45.0 % by epoch 8" in decision.evidence
