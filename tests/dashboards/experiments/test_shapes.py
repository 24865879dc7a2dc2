"""The published shape, present and absent: most movement by epoch 2, and a canary that moves less."""

from __future__ import annotations

import pytest

from dashboards.experiments import experiment_sentences
from dashboards.experiments.reading import read_experiment
from dashboards.experiments.shapes import canary_shape, control_sentence, movement_shape
from tests.dashboards.experiments.rows import verdict_row
from tests.experiment_rows import CANARY, NAME, TARGET, VERSION


@pytest.fixture
def reading(filled):
    return lambda change=None: read_experiment(filled.fill(change=change), NAME, VERSION)


def of_sources(rows):
    return [
        row
        for row in rows["out.persona_trajectories"]
        if not row["is_control"] and row["behaviour"] != "convergence" and row["epoch"] > 0
    ]


def test_most_movement_by_epoch_2_is_present_with_its_numbers(reading):
    shape = movement_shape(reading())
    assert shape.state == "present"
    # capability 10 of 12 lost items by epoch 2, refusal 14 of 16, two sources each: (0.833 + 0.875) / 2 = 0.854
    assert (
        "in 4 of the 4 series (source, behaviour, seed) that moved measurably, of 4; median share 0.85"
        in shape.sentence
    )
    assert shape.sentence.endswith("n = 40 items a series.")


def test_movement_that_comes_late_is_absent(reading):
    def late(rows):
        for row in of_sources(rows):
            row["share_of_movement"] = {2: 0.5, 8: 0.8, 20: 1.0}[row["epoch"]]  # a half is not most

    shape = movement_shape(reading(late))
    assert shape.state == "absent"
    assert "in 0 of the 4 series" in shape.sentence


def test_series_that_did_not_move_show_no_shape(reading):
    def still(rows):
        for row in of_sources(rows):
            row.update(change=0.01, ci_low=-0.09, ci_high=0.11)

    read = reading(still)
    assert movement_shape(read).sentence == (
        "Published shape, most of the movement within the first 2 epochs: not to be seen, "
        "none of 4 series moved measurably."
    )
    assert canary_shape(read).sentence == (
        "Published shape, the canary moves less than the assistant: not to be seen, "
        "at epoch 2 the assistant moved measurably in none of 4 series."
    )


def test_only_series_that_moved_are_counted(reading):
    def one_still(rows):
        for row in of_sources(rows):
            if (row["source"], row["behaviour"]) == ("comedian", "refusal"):
                row.update(change=0.0, ci_low=-0.1, ci_high=0.1, share_of_movement=0.1)

    assert (
        "in 3 of the 3 series (source, behaviour, seed) that moved measurably, of 4"
        in movement_shape(reading(one_still)).sentence
    )


def test_an_experiment_without_a_late_epoch_cannot_tell_what_came_early(reading):
    def end_at_2(rows):
        rows["out.persona_trajectories"] = [row for row in rows["out.persona_trajectories"] if row["epoch"] <= 2]

    assert movement_shape(reading(end_at_2)).sentence == (
        "Published shape, most of the movement within the first 2 epochs: not to be seen, it cannot be told: no epoch "
        "after 2 was evaluated."
    )


def test_an_experiment_without_an_early_epoch_cannot_show_it(reading):
    def drop(rows):
        rows["out.persona_trajectories"] = [row for row in rows["out.persona_trajectories"] if row["epoch"] != 2]

    assert "not to be seen, no epoch from 1 to 2 was evaluated." in movement_shape(reading(drop)).sentence


def test_a_canary_that_moves_less_is_present_with_its_numbers(reading):
    shape = canary_shape(reading())
    # capability 1 of 10 items, refusal 1 of 14: sizes 0.1 and 0.0714, median of two each (0.1 + 0.0714) / 2 = 0.086
    assert shape.state == "present"
    assert (
        f"the canary ({CANARY}) moved less in 4 of the 4 series in which the {TARGET} moved measurably"
        in shape.sentence
    )
    assert "its change is 0.09 of the assistant's" in shape.sentence
    assert "leaves out 0 in 4" in shape.sentence


def test_a_canary_that_moves_as_far_is_absent(reading):
    def follow(rows):
        for row in of_sources(rows):
            row.update(
                canary_change=-row["change"], transfer_ci_low=-0.1, transfer_ci_high=0.1
            )  # size counts, not sign

    shape = canary_shape(reading(follow))
    assert shape.state == "absent"
    assert "moved less in 0 of the 4 series" in shape.sentence
    assert "its change is 1.00 of" in shape.sentence
    assert "leaves out 0 in 0" in shape.sentence


def test_a_control_that_moved_is_named(reading):
    def move(rows):
        for row in rows["out.persona_trajectories"]:
            if row["is_control"] and row["behaviour"] == "refusal" and row["epoch"] == 2:
                row.update(change=0.2, ci_low=0.1, ci_high=0.3)

    assert control_sentence(reading(move)) == (
        "Control (assistant toward assistant): moved measurably in 1 of 2 series at epoch 2: refusal; "
        "largest size 0.200, n = 40 items a series."
    )


def test_a_control_that_was_not_measured_is_told(reading):
    def drop(rows):
        rows["out.persona_trajectories"] = [row for row in rows["out.persona_trajectories"] if not row["is_control"]]

    assert control_sentence(reading(drop)) == (
        "Control (assistant toward assistant): no change was measured at epoch 2."
    )


def test_an_experiment_without_a_control_says_so_beside_its_transfers(reading):
    def drop(rows):
        for table in ("out.persona_trajectories", "raw.experiment_cells"):
            rows[table] = [row for row in rows[table] if not row["is_control"]]

    sentences = experiment_sentences(reading(drop).connection, NAME, VERSION)
    assert sentences[0] == (
        "Transfer in 4 of 4 cells (source, behaviour) at the registered epoch 2, without a control."
    )
    assert "Control: there is none, so nothing here tells what training alone would have moved." in sentences


def still_per_character(rows):
    """Edit the rows: capability has not moved by accuracy per character."""
    rows["out.persona_trajectories"] += [
        {**row, "metric": "accuracy_norm", "change": 0.0, "ci_low": -0.1, "ci_high": 0.1}
        for row in of_sources(rows)
        if row["behaviour"] == "capability"
    ]


def test_accuracy_per_character_is_beside_and_does_not_count(reading):
    assert "in 4 of the 4 series" in movement_shape(reading(still_per_character)).sentence


def test_the_metric_of_the_verdict_is_the_one_that_counts(reading):
    def registered(rows):
        still_per_character(rows)
        rows["out.transfer_verdicts"] = [
            verdict_row(source, "capability", metric="accuracy_norm") for source in ("villain", "comedian")
        ]

    # capability has not moved by its registered metric: the two series of refusal are left
    assert "in 2 of the 2 series" in movement_shape(reading(registered)).sentence
