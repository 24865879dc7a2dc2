"""Whom an alarm asks again: the prompts it rests on, cells that are nobody else's, and what the budget affords."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake.store import Store
from pipelines.confirmation import Alarm, afforded, confirming_plan, decided, keep, prompts_of, wanted
from pipelines.panels.files import load_panel
from pipelines.panels.records import Confirmation
from pipelines.panels.resampling import with_samples
from pipelines.planning import WavePlan, draft_plan

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)
PANEL = load_panel("frontier")
FIRST, SECOND, *_ = [entry.model for entry in PANEL.roster]
EVERYWHERE = frozenset({"overall", "truthfulness"})


@pytest.fixture
def plan(tmp_path: Path) -> WavePlan:
    return draft_plan(Store(tmp_path), PANEL, NOW.date(), None, NOW)


def test_the_prompts_asked_again_are_those_that_the_alarm_rests_on(plan: WavePlan) -> None:
    one = prompts_of(plan, Alarm(FIRST, frozenset({"truthfulness"}), 0.001))
    assert {plan.panel.prompt(prompt).capability for prompt in one} == {"truthfulness"}
    assert len(one) == 6
    assert len(prompts_of(plan, Alarm(FIRST, EVERYWHERE, 0.001))) == 30


def test_a_second_sample_has_cells_and_seeds_of_its_own(plan: WavePlan) -> None:
    alarms = [Alarm(FIRST, EVERYWHERE, 0.002), Alarm(SECOND, EVERYWHERE, 0.001)]
    cells = confirming_plan(plan, wanted(plan, alarms, NOW)).cells
    assert len(cells) == 2 * 30 * 2
    assert {cell.purpose for cell in cells} == {"confirmation"}
    assert {cell.sample_index for cell in cells} == {2, 3}  # the wave's own are 0 and 1
    assert not {cell.seed for cell in cells} & {cell.seed for cell in plan.cells}
    assert [cell.position for cell in cells] == list(range(len(plan.cells), len(plan.cells) + 120))
    assert cells[0].model_requested == SECOND, "the smallest p comes first"


@pytest.mark.parametrize(
    ("of_wave", "declared", "expected"),
    [
        pytest.param(1, None, 1, id="one-answer-a-prompt-has-a-pool-and-needs-one"),
        pytest.param(1, 4, 1, id="and-reads-no-more"),
        pytest.param(2, None, 2, id="as-many-as-the-wave"),
        pytest.param(4, 3, 3, id="as-many-as-declared"),
    ],
)
def test_how_many_answers_a_second_sample_has(of_wave: int, declared: int | None, expected: int) -> None:
    panel = replace(with_samples(PANEL, of_wave), confirmation=Confirmation(samples=declared))
    assert panel.confirmation_samples == expected


def test_how_alarms_are_confirmed_decides_no_question_of_the_wave() -> None:
    assert Confirmation().share == 0.1
    assert "confirmation" not in PANEL.declared


@given(
    costs=st.lists(st.none() | st.floats(0, 10), min_size=1, max_size=5),
    left=st.none() | st.floats(-1, 20),
)
def test_what_is_afforded_never_costs_more_than_is_left(costs: list[float | None], left: float | None) -> None:
    models = [entry.model for entry in PANEL.roster][: len(costs)]
    plan = draft_plan(Store(Path("nowhere")), PANEL, NOW.date(), None, NOW)
    worst = dict(zip(models, costs, strict=True))
    decisions = afforded(wanted(plan, [Alarm(m, EVERYWHERE, 0.001) for m in models], NOW), worst, left)
    asked = [decision for decision in decisions if decision.is_asked]
    assert all((decision.reason is None) == decision.is_asked for decision in decisions)
    if left is None:
        assert len(asked) == len(models)
    else:
        assert all(decision.worst_usd is not None for decision in asked)
        assert sum(decision.worst_usd or 0.0 for decision in asked) <= max(0.0, left) + 1e-9
    assert len(confirming_plan(plan, decisions).cells) == 60 * len(asked)


def test_what_was_decided_is_read_back_and_a_new_decision_takes_the_place_of_the_old(plan: WavePlan) -> None:
    plan.folder.mkdir(parents=True)
    alarms = [Alarm(FIRST, EVERYWHERE, 0.001), Alarm(SECOND, EVERYWHERE, 0.002)]
    first = afforded(wanted(plan, alarms, NOW), {FIRST: 0.5, SECOND: 0.6}, 1.0)
    assert [decision.is_asked for decision in first] == [True, False]
    assert first[1].reason == (
        "a second sample was not asked: its 60 answers can cost 0.60 USD, and 0.50 USD of the budget are left"
    )
    keep(plan.folder, first)
    assert decided(plan.folder) == first
    more = [replace(first[1], is_asked=True, reason=None)]
    keep(plan.folder, more)
    assert decided(plan.folder) == [first[0], *more]
