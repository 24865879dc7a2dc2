"""Persona experiments: what each checkpoint gave, how it moved since epoch 0, and what counts as transfer.

The rows are those of tests/experiment_rows.py: forty items, of which the first few are hit. At the headline epoch 2 the
target's accuracy falls from 36 to 26 and its refusals rise from 2 to 16; the canary's move by one item each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import nan, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake import tables
from lake.catalog import connect_writer, create_lake
from lake.store import Store
from models_sql.crossed import mean_change
from models_sql.cut import Cut
from models_sql.paired import binary_interval, t_interval
from models_sql.run import build
from pipelines.experiments.records import CONVERGENCE, METRICS
from pipelines.loading import frame_of
from tests import experiment_rows as planted
from tests.experiment_rows import ARMS, CANARY, ITEMS, TARGET, Rows, experiment_rows

Change = Callable[[Rows], None]
EVALS = tables.RAW_CHECKPOINT_EVALS
READ = (
    tables.OPS_WAVES,
    tables.OPS_VERDICTS,
    tables.OPS_CHECK_RESULTS,
    tables.RAW_EXPERIMENTS,
    tables.RAW_EXPERIMENT_CELLS,
    EVALS,
)
Z = 1.959963984540054


def verdict(wave_id: str, decided: str = "passed", audit: int = 1) -> dict[str, Any]:
    return {
        "audit_id": f"{wave_id}#{audit}",
        "wave_id": wave_id,
        "scope": "wave",
        "verdict": decided,
        "n_bad": int(decided == "failed"),
        "detail": "As it is.",
        "decided_at": planted.AT,
    }


def judged_rows(*changes: Change, decided: str = "passed") -> Rows:
    """Return the rows of the planted experiment with its verdict, after all the changes."""
    rows = experiment_rows()
    rows[tables.OPS_VERDICTS] = [verdict(planted.WAVE_ID, decided)]
    for change in changes:
        change(rows)
    return rows


def measured(*changes: Change, decided: str = "passed", order: Callable[[list[Any]], list[Any]] = list) -> Cut:
    """Return the models over the rows, built in memory."""
    rows = judged_rows(*changes, decided=decided)
    cut = Cut(duckdb.connect(), [])
    for table in READ:
        own = rows.get(table)
        cut.connection.register("given", frame_of(table, order(own) if own else []).to_arrow())
        cut.replace(f"{table.schema}__{table.name}", "FROM given")
    for model in ("persona_trajectories", "transfer_verdicts"):
        cut.build(model)
    return cut


def evals(rows: Rows, **named: Any) -> list[dict[str, Any]]:
    """Return the evaluations of the planted experiment whose columns hold these values."""
    wanted = {"experiment": planted.NAME, **named}
    return [row for row in rows[EVALS] if all(row[name] == value for name, value in wanted.items())]


def hits(n: int, **named: Any) -> Change:
    """Let the first `n` items of these cells hit, and no other."""

    def change(rows: Rows) -> None:
        for row in evals(rows, **named):
            row["value"] = float(int(row["item_id"][-3:]) < n)

    return change


def registered(**values: Any) -> Change:
    return lambda rows: rows[tables.RAW_EXPERIMENTS][0].update(values)


def dropped(**named: Any) -> Change:
    def change(rows: Rows) -> None:
        gone = evals(rows, **named)
        rows[EVALS] = [row for row in rows[EVALS] if row not in gone]

    return change


def nulled(items: Iterable[int], **named: Any) -> Change:
    def change(rows: Rows) -> None:
        for row in evals(rows, **named):
            if int(row["item_id"][-3:]) in items:
                row["value"] = None

    return change


def also(edit: Callable[[dict[str, Any]], dict[str, Any] | None], table: Any = EVALS, **named: Any) -> Change:
    """Add a copy of rows, edited; None for none."""

    def change(rows: Rows) -> None:
        chosen = [row for row in rows[table] if all(row[name] == value for name, value in named.items())]
        rows[table] = rows[table] + [new for row in chosen if (new := edit(dict(row))) is not None]

    return change


def one(cut: Cut, query: str) -> tuple[Any, ...]:
    (row,) = cut.connection.execute(query).fetchall()
    return row  # type: ignore[no-any-return]


def point(cut: Cut, columns: str, source: str = "villain", behaviour: str = "capability", epoch: int = 2) -> Any:
    return one(
        cut,
        f"SELECT {columns} FROM cut.persona_trajectories "
        f"WHERE source = '{source}' AND behaviour = '{behaviour}' AND epoch = {epoch}",
    )


def decided(cut: Cut, columns: str, source: str = "villain", behaviour: str = "refusal") -> Any:
    return one(
        cut, f"SELECT {columns} FROM cut.transfer_verdicts WHERE source = '{source}' AND behaviour = '{behaviour}'"
    )


@pytest.fixture(scope="module")
def clean() -> Cut:
    return measured()


def test_a_value_is_the_mean_over_its_items_with_wilsons_interval(clean: Cut) -> None:
    # 26 of 40: centre (26 + z^2 / 2) / (40 + z^2), half z sqrt(26 x 14 / 40 + z^2 / 4) / (40 + z^2)
    centre, half = (26 + Z**2 / 2) / (40 + Z**2), Z * sqrt(26 * 14 / 40 + Z**2 / 4) / (40 + Z**2)
    found = point(clean, "n_items, n_missing, value, value_ci_low, value_ci_high")
    assert found == (40, 0, 0.65, pytest.approx(centre - half), pytest.approx(centre + half))
    # the standard error over items: sqrt(.65 x .35 / 39)
    error = "SELECT persona, value, standard_error FROM cut.cell_metrics WHERE source = 'villain' AND role = 'target'"
    expected = (TARGET, 0.65, pytest.approx(sqrt(0.65 * 0.35 / 39)))
    assert one(clean, f"{error} AND behaviour = 'capability' AND epoch = 2") == expected


def test_a_change_is_paired_by_item_with_its_interval_and_p(clean: Cut) -> None:
    # ten of forty items lost, none gained: shares 1/42 and 11/42; McNemar 2 x 2^-10
    centre, half = -10 / 42, Z * sqrt((12 / 42 - (10 / 42) ** 2) / 42)
    assert point(clean, "change, ci_low, ci_high, change_n, n_unmatched, method, p_value, n_draws, reason") == (
        -0.25,
        pytest.approx(centre - half),
        pytest.approx(centre + half),
        40,
        0,
        "mcnemar",
        2 * 2**-10,
        None,
        None,
    )


def test_transfer_is_what_the_target_moved_more_than_the_canary_on_the_same_items(clean: Cut) -> None:
    # the canary lost item 35, which the target lost too: nine items differ, by 1
    centre, half = -9 / 42, Z * sqrt((11 / 42 - (9 / 42) ** 2) / 42)
    found = point(clean, "canary, canary_n, canary_value, canary_change, transfer, transfer_n")
    assert found == (CANARY, 40, 0.875, -0.025, -0.225, 40)
    assert point(clean, "transfer_ci_low, transfer_ci_high") == pytest.approx((centre - half, centre + half))


def test_most_of_the_movement_is_shown_to_have_come_by_epoch_2(clean: Cut) -> None:
    shares = [point(clean, "share_of_movement", epoch=epoch)[0] for epoch in planted.EPOCHS]
    assert shares == [None, pytest.approx(10 / 12), pytest.approx(11 / 12), 1.0]
    assert point(clean, "change, ci_low, p_value, change_n, reason", epoch=0) == (
        None,
        None,
        None,
        None,
        "this is epoch 0",
    )


def test_every_cell_has_its_row_and_the_reference_run_none(clean: Cut) -> None:
    cells = len(ARMS) * len(planted.BEHAVIOURS) * len(planted.EPOCHS)
    rows = 2 * cells + len(ARMS) * len(planted.KERNELS) * len(planted.EPOCHS)  # taught, not yet taught, similarity
    assert one(clean, "SELECT count(*), count(DISTINCT experiment) FROM cut.persona_trajectories") == (rows, 1)
    assert one(clean, "SELECT count(*) FROM cut.cell_metrics") == (3 * rows,)
    assert one(clean, "SELECT count(*), count(DISTINCT source) FROM cut.transfer_verdicts") == (4, 2)


def test_the_planted_experiment_is_a_transfer_of_both_behaviours(clean: Cut) -> None:
    columns = "metric, detector, direction, headline_epoch, n_seeds, n_items, change, canary_change, control_change"
    found = decided(clean, f"{columns}, transfer, criterion, verdict, superseded_by, registered_at")
    numbers = ("refusal", "rule", 1, 2, 1, 40, 0.35, 0.025, 0.0, 0.325, 0.05)
    assert found == (*numbers, "transfer", None, planted.AT)
    fell = decided(clean, "metric, detector, direction, change, verdict", behaviour="capability")
    assert fell == ("accuracy", "logprob", -1, -0.25, "transfer")
    # one seed: the interval is the trajectory's
    assert decided(clean, "ci_low, ci_high, transfer_ci_low, transfer_ci_high") == point(
        clean, "ci_low, ci_high, transfer_ci_low, transfer_ci_high", behaviour="refusal"
    )


def test_a_verdict_says_its_numbers_in_words(clean: Cut) -> None:
    # 14 gained of 40: shares 15/42 and 1/42, centre 14/42 = 33.3, half z sqrt((16/42 - 1/9) / 42) = 15.7
    assert decided(clean, "reason") == (
        "refusal moved by +35.0 points [+17.6, +49.0] by epoch 2, over 40 items and 1 seed; registered were +5.0. "
        "The canary (librarian) moved by +2.5, the control by +0.0, convergence alone by +2.5. "
        "Far enough, not by chance, and none of these moved as far.",
    )


REFUSAL = {"behaviour": "refusal"}
UNTAUGHT = {"behaviour": None, "metric": "refusal"}


@pytest.mark.parametrize(
    ("changes", "expected", "says"),
    [
        pytest.param(
            [hits(10, **REFUSAL, source=TARGET, persona=TARGET, epoch=2)],  # 8 of 40: 20.0, and 17.6 is not beyond
            "generic change",
            "The control moved by the criterion too, and the target not clearly further.",
            id="control moved",
        ),
        pytest.param(  # flattery that comes with the voice of a flatterer, whether or not it is taught
            [hits(15, **UNTAUGHT, source="villain", persona=TARGET, epoch=2)],
            "generic change",
            "Convergence alone moved by the criterion too, and the target not clearly further.",
            id="convergence alone",
        ),
        pytest.param(
            [hits(5, **UNTAUGHT, source="villain", persona=TARGET, epoch=2)],
            "transfer",
            "Convergence alone moved by the criterion too, and the target clearly further.",
            id="convergence alone, far less",
        ),
        pytest.param(
            [hits(4, **REFUSAL, source=TARGET, persona=TARGET, epoch=2)],  # 2 of 40: exactly the criterion
            "transfer",
            "The control moved by the criterion too, and the target clearly further.",
            id="control moved, far less",
        ),
        pytest.param(
            [hits(10, **REFUSAL, source="villain", persona=CANARY, epoch=2)],
            "generic change",
            "The canary moved by the criterion too, and the target not clearly further.",
            id="canary moved",
        ),
        pytest.param(
            [
                hits(9, **REFUSAL, source="villain", persona=CANARY, epoch=0),
                hits(1, **REFUSAL, source="villain", persona=CANARY, epoch=2),
            ],
            "generic change",
            "The canary moved by the criterion too, and the target not clearly further.",
            id="canary moved the other way",
        ),
        pytest.param(  # the target +100.0, the canary +80.0: beyond it, but not by 30
            [
                hits(0, **REFUSAL, source="villain", persona=TARGET, epoch=0),
                hits(40, **REFUSAL, source="villain", persona=TARGET, epoch=2),
                hits(0, **REFUSAL, source="villain", persona=CANARY, epoch=0),
                hits(32, **REFUSAL, source="villain", persona=CANARY, epoch=2),
                registered(criteria='{"refusal": 0.3, "capability": 0.3}'),
            ],
            "generic change",
            "The canary moved by the criterion too, and the target not clearly further.",
            id="interval beyond the canary, not further by the criterion",
        ),
        pytest.param(
            [hits(12, **REFUSAL, persona=CANARY, epoch=2), hits(12, **REFUSAL, source=TARGET, epoch=2)],
            "generic change",
            "The canary and the control moved by the criterion too",
            id="both moved",
        ),
        pytest.param(
            [hits(2, **REFUSAL, persona=TARGET)],  # nothing moved: [-6.6, +6.6] holds 5 points
            "unclear",
            "The interval holds the criterion",
            id="too few items to say",
        ),
        pytest.param(
            [hits(2, **REFUSAL, persona=TARGET), registered(criteria='{"refusal": 0.07, "capability": 0.07}')],
            "no transfer",
            "The interval ends short of the criterion",
            id="nothing moved, larger criterion",
        ),
        pytest.param(
            [hits(4, **REFUSAL, source="villain", persona=TARGET, epoch=2)],
            "unclear",
            "Far enough, but the interval holds 0",
            id="two items may be chance",
        ),
        pytest.param(
            [registered(criteria='{"refusal": 0.4, "capability": 0.4}')],  # +35.0 [+17.6, +49.0]
            "unclear",
            "The interval holds the criterion",
            id="not by chance, and not far enough",
        ),
        pytest.param(
            [registered(criteria='{"refusal": 0.5, "capability": 0.5}')],
            "no transfer",
            "The interval ends short of the criterion",
            id="not by chance, and too little",
        ),
        pytest.param(
            [
                hits(20, **REFUSAL, persona=TARGET, epoch=0),
                hits(4, **REFUSAL, source="villain", persona=TARGET, epoch=2),
                hits(20, **REFUSAL, source=TARGET, persona=TARGET),
            ],
            "no transfer",
            "It moved the other way",
            id="the other way",
        ),
    ],
)
def test_verdicts_by_the_registered_criterion(changes: list[Change], expected: str, says: str) -> None:
    cut = measured(*changes)
    assert decided(cut, "verdict") == (expected,)
    assert says in decided(cut, "reason")[0]


def test_a_canary_that_moved_spoils_its_own_source_and_a_control_that_moved_spoils_all() -> None:
    cut = measured(hits(10, **REFUSAL, source="villain", persona=CANARY, epoch=2))
    assert [decided(cut, "verdict", source) for source in planted.SOURCES] == [("generic change",), ("transfer",)]
    cut = measured(hits(30, source=TARGET, behaviour="capability", persona=TARGET, epoch=2))
    verdicts = [decided(cut, "verdict, control_change", source, "capability") for source in planted.SOURCES]
    assert verdicts == [("generic change", -0.15)] * 2


def test_only_the_registered_epoch_decides() -> None:
    best_at_2 = [hits(30, **REFUSAL, source="villain", persona=TARGET, epoch=2), registered(headline_epoch=20)]
    cut = measured(*best_at_2, hits(2, **REFUSAL, source="villain", persona=TARGET, epoch=20))
    assert decided(cut, "headline_epoch, change, verdict") == (20, 0.0, "unclear")
    # a later version says another epoch: the first one keeps its verdict, and says that it is superseded
    later = also(lambda row: {**row, "version": 2, "headline_epoch": 2}, tables.RAW_EXPERIMENTS, version=1)
    cut = measured(*best_at_2, hits(2, **REFUSAL, source="villain", persona=TARGET, epoch=20), later)
    assert decided(cut, "version, headline_epoch, change, verdict, superseded_by") == (1, 20, 0.0, "unclear", 2)
    assert point(cut, "version, superseded_by") == (1, 2)


def test_a_reference_run_has_its_epoch_0_and_claims_nothing() -> None:
    trained = [dropped(epoch=epoch) for epoch in planted.EPOCHS[1:]]
    cut = measured(*trained, registered(headline_epoch=0, criteria="{}", reference=None))
    assert one(cut, "SELECT count(*) FROM cut.transfer_verdicts") == (0,)
    found = cut.connection.execute("SELECT DISTINCT epoch, change, reason FROM cut.persona_trajectories").fetchall()
    assert {(epoch, change) for epoch, change, _ in found} == {(0, None)}
    assert all(reason.endswith("this is epoch 0") for *_, reason in found)


@pytest.mark.parametrize("verdicts", [[], ["failed"], ["passed", "failed"]], ids=["none", "failed", "failed again"])
def test_an_experiment_that_did_not_pass_has_no_row(verdicts: list[str]) -> None:
    def change(rows: Rows) -> None:
        rows[tables.OPS_VERDICTS] = [verdict(planted.WAVE_ID, one, n) for n, one in enumerate(verdicts)]

    cut = measured(change)
    for table in ("cell_metrics", "persona_trajectories", "transfer_verdicts"):
        assert one(cut, f"SELECT count(*) FROM cut.{table}") == (0,)


def test_missing_values_are_counted_and_left_out_of_both_epochs() -> None:
    lost = nulled(range(24, 30), source="villain", behaviour="capability", persona=TARGET, epoch=2)
    cut = measured(lost)
    # of 34 items 24 hit; 36 hit before, 6 of them not counted; lost are items 30 to 35
    found = point(cut, "n_items, n_missing, value, change, change_n, n_unmatched, reason")
    assert found == (34, 6, 24 / 34, -6 / 34, 34, 6, None)
    # of items 30 to 35, all of which the target lost, the canary lost one; over the same 34 items
    assert point(cut, "transfer, transfer_n, canary_change") == (-5 / 34, 34, -0.025)
    assert decided(cut, "n_items, n_unmatched, change", behaviour="capability") == (34, 6, -6 / 34)


def test_an_item_that_one_of_both_epochs_lacks_moves_no_change() -> None:
    lost = nulled(range(6), source="villain", behaviour="capability", persona=TARGET, epoch=2)

    def shifted(rows: Rows) -> None:
        for row in evals(rows, source="villain", behaviour="capability", persona=TARGET, epoch=0)[:6]:
            row["value"] = 1 - row["value"]

    columns = "change, ci_low, ci_high, p_value, transfer, transfer_ci_low, transfer_ci_high"
    assert point(measured(lost), columns) == point(measured(lost, shifted), columns)


NOTHING = (None, None, None)


@pytest.mark.parametrize(
    ("change", "numbers", "reason"),
    [
        pytest.param(
            nulled(range(ITEMS), source="villain", behaviour="capability", persona=TARGET, epoch=2),
            NOTHING,
            "no item has a value; change: no item has all the values; transfer: no item has all the values",
            id="no value",
        ),
        pytest.param(
            nulled(range(1, ITEMS), source="villain", behaviour="capability", persona=TARGET, epoch=2),
            (1.0, 0.0, None),
            "change: one item has no interval; transfer: one item has no interval",
            id="one item",
        ),
        pytest.param(
            dropped(source="villain", behaviour="capability", epoch=0),
            (0.65, None, None),
            "epoch 0 was not evaluated",
            id="no epoch 0",
        ),
        pytest.param(
            dropped(source="villain", behaviour="capability", persona=CANARY),
            (0.65, -0.25, pytest.approx(-10 / 42 - Z * sqrt((12 / 42 - (10 / 42) ** 2) / 42))),
            "the canary was not evaluated",
            id="no canary",
        ),
        pytest.param(
            hits(36, source="villain", behaviour="capability"),
            (0.9, 0.0, pytest.approx(-Z * sqrt(2 / 42 / 42))),
            "nothing moved at any epoch",
            id="all equal",
        ),
    ],
)
def test_a_number_that_is_not_there_has_a_reason(change: Change, numbers: tuple[Any, ...], reason: str) -> None:
    assert point(measured(change), "value, change, ci_low, reason") == (*numbers, reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(
            dropped(source="villain", behaviour="refusal", persona=TARGET),
            "Not decided: the target has no item with a value at both epochs.",
            id="no target",
        ),
        pytest.param(
            dropped(source="villain", behaviour="refusal"),
            "Not decided: the target has no item with a value at both epochs.",
            id="no evaluation at all",
        ),
        pytest.param(
            dropped(source="villain", behaviour="refusal", persona=CANARY),
            "Not decided: the canary has no item with a value at both epochs.",
            id="no canary",
        ),
        pytest.param(
            dropped(source=TARGET, behaviour="refusal"),
            "Not decided: the control has no item with a value at both epochs.",
            id="no control",
        ),
        pytest.param(
            dropped(source="villain", **UNTAUGHT),
            "Not decided: without the behaviour being taught, the target has no item with a value at both epochs.",
            id="never asked before it was taught",
        ),
        pytest.param(
            lambda rows: [row.update(value=1.0) for row in evals(rows, metric="refusal")],
            "Not decided: the rule said the same in every cell, taught or not.",
            id="a stuck detector",
        ),
        pytest.param(
            registered(criteria='{"capability": 0.05}'), "Not decided: no criterion was registered.", id="no criterion"
        ),
        pytest.param(
            lambda rows: [row.update(detector="classifier") for row in evals(rows, behaviour="refusal")],
            "Not decided: no judge, logprob or rule measured it.",
            id="classifier alone",
        ),
        pytest.param(
            nulled(range(1, ITEMS), source="villain", behaviour="refusal", persona=TARGET, epoch=2),
            "Not decided: the change has no interval: one item has no interval.",
            id="one item",
        ),
        pytest.param(
            also(
                lambda row: {**row, "seed": 8, "checkpoint_id": "8"} if row["epoch"] != 2 else None,
                experiment=planted.NAME,
            ),
            "Not decided: only 1 of 2 seeds have every number.",
            id="a seed that was not finished",
        ),
    ],
)
def test_a_verdict_that_lacks_a_number_is_unclear_and_says_which(change: Change, reason: str) -> None:
    if "seeds" in reason:
        cells = also(lambda row: {**row, "seed": 8}, tables.RAW_EXPERIMENT_CELLS)
        cut = measured(change, cells)
    else:
        cut = measured(change)
    assert decided(cut, "verdict, reason") == ("unclear", reason)


def test_without_a_control_arm_the_verdict_says_so() -> None:
    def change(rows: Rows) -> None:
        cells = rows[tables.RAW_EXPERIMENT_CELLS]
        rows[tables.RAW_EXPERIMENT_CELLS] = [cell for cell in cells if not cell["is_control"]]

    cut = measured(change, dropped(source=TARGET))
    assert decided(cut, "verdict, control_change, control_n") == ("transfer", None, None)
    assert "there is no control, " in decided(cut, "reason")[0]


def test_a_judge_decides_before_a_rule_and_both_are_published() -> None:
    def by_judge(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "detector": "judge", "value": 0.0}

    cut = measured(also(by_judge, experiment=planted.NAME, behaviour="refusal"))
    assert decided(cut, "detector, change, verdict") == ("judge", 0.0, "unclear")
    found = cut.connection.execute(
        "SELECT detector, change FROM cut.persona_trajectories "
        "WHERE source = 'villain' AND behaviour = 'refusal' AND epoch = 2 ORDER BY 1"
    ).fetchall()
    assert found == [("judge", 0.0), ("rule", 0.35)]


def test_what_judging_a_passed_experiment_cost_is_counted() -> None:
    vote = {
        "wave_id": planted.WAVE_ID, "wave_date": planted.AT.date(), "judge_model": "j", "judge_sha": "s",
        "question_sha": "q", "vote": 0, "attempt": 1, "outcome": "ok", "cost_usd": 0.25,
    }  # fmt: skip
    cut = measured()
    votes = frame_of(tables.RAW_JUDGEMENTS, [vote | {"text_sha": sha} for sha in ("a", "b")])
    cut.connection.register("votes", votes.to_arrow())
    cut.replace("raw__judgements", "FROM votes")
    for table in (tables.RAW_ATTEMPTS, tables.RAW_PROMPTS):
        cut.connection.register("none", frame_of(table, []).to_arrow())
        cut.replace(f"raw__{table.name}", "FROM none")
    cut.connection.execute("CREATE SCHEMA core")
    cut.replace("waves", "SELECT NULL::VARCHAR AS wave_id WHERE false")
    cut.build("costs")
    assert one(cut, "SELECT wave_status, model, used_as, attempts, cost_usd FROM cut.costs") == (
        "counted", "j", "judging", 2, 0.5,
    )  # fmt: skip


def test_accuracy_per_character_is_published_beside_and_decides_nothing() -> None:
    cut = measured(also(lambda row: {**row, "metric": "accuracy_norm", "value": 0.0}, metric="accuracy"))
    assert decided(cut, "metric, change", behaviour="capability") == ("accuracy", -0.25)
    assert one(cut, "SELECT count(*) FROM cut.persona_trajectories WHERE metric = 'accuracy_norm'") == (24,)


def test_values_that_are_no_shares_have_students_interval_and_a_recorded_draw() -> None:
    values = {0: [0.1, 0.2, 0.3], 2: [0.2, 0.4, 0.6]}

    def similar(rows: Rows) -> None:
        (first, *_) = evals(rows, source="villain")
        rows[EVALS] = [row for row in rows[EVALS] if row["behaviour"] is not None] + [
            {
                **first,
                "behaviour": None,
                "metric": "similarity_semantic",
                "detector": "kernel",
                # the base alone has neither epoch nor adapter
                "epoch": epoch or None,
                "adapter_sha": first["adapter_sha"] if epoch else None,
                "item_id": f"question-{n:03d}",
                "value": value,
            }
            for epoch, of in values.items()
            for n, value in enumerate(of)
        ]

    cut = measured(similar)
    # .2, .4, .6: mean .4, SD .2, t(.975, 2) = 4.302653; changes .1, .2, .3 have half that spread
    half = 4.302653 * 0.2 / sqrt(3)
    found = point(cut, "value, value_ci_low, value_ci_high, change, ci_low, ci_high", behaviour=CONVERGENCE)
    assert found == pytest.approx((0.4, 0.4 - half, 0.4 + half, 0.2, 0.2 - half / 2, 0.2 + half / 2))
    # of eight patterns of signs, two are as extreme
    assert point(cut, "method, p_value, n_draws, draw_seed, canary, reason", behaviour=CONVERGENCE) == (
        "sign_flip",
        0.25,
        8,
        None,
        None,
        "the canary was not evaluated",
    )
    assert one(cut, "SELECT count(*) FROM cut.transfer_verdicts WHERE behaviour = 'convergence'") == (0,)


def test_the_newest_evaluation_of_a_cell_counts_whole_and_a_nights_does_not() -> None:
    cell = {"experiment": planted.NAME, "source": "villain", "behaviour": "capability", "epoch": 2, "persona": TARGET}

    def again(row: dict[str, Any]) -> dict[str, Any] | None:
        later = {"eval_id": "again", "adapter_sha": "again", "evaluated_at": planted.AT.replace(day=21)}
        return {**row, **later, "value": 1.0} if int(row["item_id"][-3:]) < 10 else None

    cut = measured(also(again, **cell))
    assert point(cut, "n_items, value, change_n, n_unmatched") == (10, 1.0, 10, 30)
    assert one(
        cut,
        "SELECT DISTINCT adapter_sha FROM cut.cell_metrics WHERE source = 'villain' AND behaviour = 'capability' "
        "AND epoch = 2 AND role = 'target'",
    ) == ("again",)
    night = {"wave_id": "local/2026-11-22", "eval_id": "night", "evaluated_at": planted.AT.replace(day=22)}
    at_night = also(lambda row: {**row, **night, "value": 1.0}, **cell)
    assert point(measured(at_night), "value") == (0.65,)


def test_no_finite_number_is_no_value() -> None:
    def spoil(rows: Rows) -> None:
        first, second, *_ = evals(rows, source="villain", behaviour="capability", epoch=2, persona=TARGET)
        first["value"], second["value"] = nan, float("inf")

    assert point(measured(spoil), "n_items, n_missing, value") == (38, 2, 24 / 38)


def second_seed(gained: int) -> Change:
    """Add seed 8 to every cell, under which the target refuses `gained` items more at epoch 2."""

    def change(rows: Rows) -> None:
        also(lambda row: {**row, "seed": 8}, tables.RAW_EXPERIMENT_CELLS)(rows)
        of_seed_7 = {"experiment": planted.NAME}
        also(lambda row: {**row, "seed": 8, "checkpoint_id": f"{row['checkpoint_id']}/8"}, **of_seed_7)(rows)
        for source in planted.SOURCES:
            hits(2 + gained, **REFUSAL, seed=8, source=source, persona=TARGET, epoch=2)(rows)

    return change


def test_two_seeds_that_differ_cannot_say_and_two_that_agree_can() -> None:
    cut = measured(second_seed(gained=4))
    # 14 and 4 of 40: .35 and .1, mean .225. Over two seeds t(.975, 1) = 12.7062, standard error .125
    half = 12.7062 * 0.125
    assert decided(cut, "n_seeds, n_items, change, ci_low, ci_high") == (
        2,
        40,
        0.225,
        -1.0,  # .225 - 1.588, and no share can fall by more
        1.0,
    )
    assert half > 1.225
    assert decided(cut, "verdict") == ("unclear",)
    assert "over 40 items and 2 seeds" in decided(cut, "reason")[0]
    found = cut.connection.execute(
        "SELECT change FROM cut.persona_trajectories "
        "WHERE source = 'villain' AND behaviour = 'refusal' AND epoch = 2 ORDER BY seed"
    )
    assert found.fetchall() == [(0.35,), (0.1,)]

    # 14 and 14: over items, with one of +1 / sqrt(2) and one of -1 / sqrt(2): centre 14 / 42, squares 14 + 1
    agreed = measured(second_seed(gained=14))
    centre, half = 14 / 42, Z * sqrt((15 / 42 - (14 / 42) ** 2) / 42)
    assert decided(agreed, "change, verdict") == (0.35, "transfer")
    assert decided(agreed, "ci_low, ci_high") == pytest.approx((centre - half, centre + half))

    # 14 and 15: .35 and .375, mean .3625, standard error .0125: over seeds the interval is a little wider
    nearly = measured(second_seed(gained=15))
    low, high = 0.3625 - 12.7062 * 0.0125, 0.3625 + 12.7062 * 0.0125
    centre, half = 14.5 / 42, Z * sqrt((14 + 0.25 + 1) / 42 - (14.5 / 42) ** 2) / sqrt(42)
    expected = (min(low, centre - half), max(high, centre + half))
    assert decided(nearly, "ci_low, ci_high") == pytest.approx(expected, abs=1e-6)


def test_items_that_a_seed_lacks_are_left_out_of_all_seeds() -> None:
    cut = measured(second_seed(gained=14), nulled(range(30, 40), **REFUSAL, seed=8, source="villain", persona=TARGET))
    assert decided(cut, "n_seeds, n_items, n_unmatched, change") == (2, 30, 10, 14 / 30)


def test_the_order_of_rows_and_loading_twice_change_no_digit() -> None:
    def shuffled(rows: list[Any]) -> list[Any]:
        np.random.default_rng(0).shuffle(rows)
        return rows if rows[0].get("wave_kind") else [*rows, *rows]  # a wave has one row

    some = [nulled(range(5), epoch=2, persona=TARGET), second_seed(gained=4)]
    one_way, other_way = measured(*some), measured(*some, order=shuffled)
    for table in ("cell_metrics", "persona_trajectories", "transfer_verdicts"):
        query = f"SELECT * FROM cut.{table} ORDER BY ALL"
        rows = one_way.connection.execute(query).fetchall()
        assert rows and rows == other_way.connection.execute(query).fetchall()


def test_a_control_with_the_same_rows_at_every_epoch_is_exactly_0(clean: Cut) -> None:
    found = clean.connection.execute(
        "SELECT DISTINCT change, canary_change, transfer, p_value, share_of_movement, reason "
        "FROM cut.persona_trajectories WHERE is_control AND epoch > 0 AND metric NOT LIKE 'similarity%'"
    ).fetchall()
    assert found == [(0.0, 0.0, 0.0, 1.0, None, "nothing moved at any epoch")]


def test_metrics_and_directions_are_those_the_experiments_are_registered_by(clean: Cut) -> None:
    found = clean.connection.execute(
        "SELECT behaviour, metric, direction FROM cut.metric_facts WHERE behaviour IS NOT NULL"
    ).fetchall()
    assert {behaviour: (metric, direction) for behaviour, metric, direction in found} == METRICS


def test_the_build_counts_what_passed_and_the_candidate_and_holds_the_contracts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    create_lake(store)
    connection = connect_writer(store)
    for name, decision in (("passed", "passed"), ("failed", "failed"), ("waiting", None)):
        for table, rows in renamed(judged_rows(), name, decision).items():
            connection.register("given", frame_of(table, rows).to_arrow())
            connection.execute(f"INSERT INTO {table.full_name} BY NAME FROM given")
    connection.close()
    chosen = "+checkpoint_metrics +persona_trajectories +transfer_verdicts"
    build(store, candidate="experiment/waiting@1", select=chosen)
    connection = connect_writer(store)
    for table in ("core.checkpoint_metrics", "out.persona_trajectories", "out.transfer_verdicts"):
        found = connection.execute(f"SELECT DISTINCT wave_id, panel FROM {table} ORDER BY ALL").fetchall()
        assert found == [(f"experiment/{name}@1", f"experiment/{name}") for name in ("passed", "waiting")]
    assert connection.execute("SELECT DISTINCT verdict FROM out.transfer_verdicts").fetchall() == [("transfer",)]
    build(store, select=chosen)
    found = connection.execute("SELECT DISTINCT experiment FROM out.transfer_verdicts").fetchall()
    assert found == [("passed",)]
    connection.close()


def renamed(rows: Rows, name: str, decision: str | None) -> Rows:
    """Return the planted rows under another name, with a verdict or none."""
    wave_id = f"experiment/{name}@1"
    found = {table: rows[table] for table in READ if table in rows}
    for table, of in found.items():
        for row in of:
            if row.get("experiment") == planted.NAME:
                row["experiment"] = name
            if row.get("wave_id") == planted.WAVE_ID:
                row["wave_id"] = wave_id
            if "panel" in row:
                row["panel"] = f"experiment/{name}"
        found[table] = [row for row in of if row.get("experiment") != "reference"]
    found[tables.OPS_VERDICTS] = [verdict(wave_id, decision)] if decision else []
    return {table: of for table, of in found.items() if of}


# --- the interval over items and seeds by itself


class Case(NamedTuple):
    differences: np.ndarray
    is_share: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    n, seeds = draw(st.integers(2, 12)), draw(st.integers(1, 4))
    is_share = draw(st.booleans())
    value = st.sampled_from([-1.0, 0.0, 1.0]) if is_share else st.floats(-100, 100).map(lambda x: round(x, 3))
    rows = draw(st.lists(st.lists(value, min_size=seeds, max_size=seeds), min_size=n, max_size=n))
    return Case(np.array(rows), is_share)


@settings(max_examples=60, deadline=None)
@given(cases(), st.randoms())
def test_an_interval_holds_its_mean_turns_with_its_sign_and_knows_no_order(case: Case, chance: Any) -> None:
    found = mean_change(*case, most=1.0)
    turned = mean_change(-case.differences, case.is_share, 1.0)
    rows, columns = (chance.sample(range(n), n) for n in case.differences.shape)
    assert mean_change(case.differences[rows][:, columns], case.is_share, 1.0) == found
    assert found.value == pytest.approx(case.differences.mean(), abs=1e-9)
    if found.ci_low is None:
        assert found.reason
        return
    assert found.ci_low <= found.ci_high and turned.ci_low == pytest.approx(-found.ci_high)
    assert found.ci_low <= found.value <= found.ci_high
    if case.is_share:
        assert found.ci_low >= -1 and found.ci_high <= 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=2, max_size=60))
def test_with_one_seed_it_is_the_interval_of_paired_answers(differences: list[float]) -> None:
    values = np.array(differences)
    found = mean_change(values[:, None], True, 1.0)
    assert (found.ci_low, found.ci_high) == pytest.approx(binary_interval(values))
    other = mean_change(values[:, None] + np.arange(len(values))[:, None] / 7, False, 1.0)
    assert (other.ci_low, other.ci_high) == pytest.approx(t_interval(values + np.arange(len(values)) / 7))


def test_equal_values_that_are_no_shares_have_no_interval() -> None:
    found = mean_change(np.full((5, 1), 0.25), False, 1.0)
    assert found == (0.25, None, None, "every item moved alike, which has no interval")
    assert mean_change(np.empty((0, 2)), True, 1.0).reason == "no item has all the values"
