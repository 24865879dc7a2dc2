"""A second sample that nobody answers, and what of the budget waits for one; no night is played."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows import nightly, stages
from flows.endpoints import kept_back, open_budget
from flows.running import Night, _is_answered, _unsettled_cells
from lake.catalog import connect_writer
from lake.errors import EndpointError
from pipelines.asking.journal import Journal
from pipelines.asking.records import Attempt
from pipelines.confirmation import Alarm, decided, keep, wanted
from pipelines.panels.files import load_panel
from pipelines.panels.records import Confirmation
from pipelines.planning import WavePlan, freeze_plan
from tests.flows.asked_panel import MODELS, asked_panel, rows
from tests.flows.conftest import Nights

NOW = datetime.now(UTC)
ALARM = Alarm(MODELS[0], frozenset({"overall"}), 0.0001)
GONE = EndpointError("openrouter cannot be reached.")


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return asked_panel(tmp_path, "http://127.0.0.1:9")


@pytest.fixture
def plan(nights: Nights) -> WavePlan:
    return freeze_plan(nights.store, load_panel(nights.panel), NOW.date(), None, NOW)


def attempts_of(plan: WavePlan, cost_usd: float) -> list[Attempt]:
    facts: dict[str, Any] = {"outcome": "ok", "asked_at": NOW, "request": "{}", "response_text": "yes", "attempt": 1}
    return [
        Attempt(
            **{name: value for name, value in cell._asdict().items() if name not in ("position", "seed")},
            **facts,
            cost_usd=cost_usd,
        )
        for cell in plan.cells
    ]


def test_an_endpoint_that_is_dead_leaves_the_alarm_unconfirmed_and_the_next_start_asks(
    nights: Nights, plan: WavePlan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(*arguments: Any, **options: Any) -> None:
        raise GONE

    monkeypatch.setattr(nightly, "look_ahead_of", unreachable)
    stages.go_on_with_lake(nights.store.prepare())
    stages.register_plan(nights.store, plan)
    nightly.confirm.fn(nights.store, plan, [ALARM], None, False)
    said = "24 of 24 answers of the second sample did not come: openrouter cannot be reached"
    assert f"{MODELS[0]} stays unconfirmed: {said}." in capsys.readouterr().err
    assert rows(nights.store, "SELECT is_asked, n_prompts, n_cells, reason FROM raw.confirmations") == [
        (True, 12, 24, said)
    ]
    assert _unsettled_cells(nights.store, plan.wave_id) == len(plan.cells) + 24
    assert not stages.is_confirmed(plan)
    assert rows(nights.store, "SELECT planned_cells, ok_cells FROM ops.waves") == [(96, 0)]


def test_a_sample_that_was_answered_in_the_end_has_no_reason_any_more(nights: Nights, plan: WavePlan) -> None:
    keep(plan.folder, wanted(plan, [ALARM], NOW))
    stages.note_trouble(plan, [GONE], NOW)
    assert [decision.reason is None for decision in decided(plan.folder)] == [False]
    begun = stages.begun_confirmation(plan)
    assert not _is_answered(nights.store, plan.panel, Night(plan.wave_date, None))
    with Journal(plan.folder, "openrouter") as journal:
        for attempt in [*attempts_of(begun, 0.0), *attempts_of(plan, 0.0)]:
            journal.append(attempt)
    stages.note_trouble(plan, [], NOW)
    assert [decision.reason for decision in decided(plan.folder)] == [None]
    assert stages.is_confirmed(plan)
    assert _is_answered(nights.store, plan.panel, Night(plan.wave_date, None)), "no key is needed to finish it"


def test_what_is_kept_for_confirming_is_never_spent_by_the_wave(plan: WavePlan) -> None:
    own, second = open_budget(plan, 1.0, False), open_budget(plan, 1.0, False, confirming=True)
    assert own is not None
    assert second is not None
    assert (own.left_usd, second.left_usd) == (pytest.approx(0.9), 1.0)
    keep(plan.folder, wanted(plan, [ALARM], NOW))
    with Journal(plan.folder, "openrouter") as journal:
        for attempt in attempts_of(stages.begun_confirmation(plan), 0.0025):  # 24 answers, 0.06 USD
            journal.append(attempt)
    assert kept_back(plan, 1.0) == pytest.approx(0.04)
    resumed = open_budget(plan, 1.0, False)
    assert resumed is not None
    assert resumed.left_usd == pytest.approx(0.9)  # what the second sample cost was not the wave's to spend


@pytest.mark.parametrize(
    ("confirmation", "kept"),
    [
        pytest.param(Confirmation(share=0.25), 0.5, id="the-panels-share"),
        pytest.param(Confirmation(ask=False), 0.0, id="nothing-is-ever-asked"),
    ],
)
def test_how_much_of_two_dollars_is_kept(plan: WavePlan, confirmation: Confirmation, kept: float) -> None:
    assert kept_back(replace(plan, panel=replace(plan.panel, confirmation=confirmation)), 2.0) == kept


def test_a_panel_that_asks_for_no_confirmation_has_no_alarm_to_confirm(nights: Nights, plan: WavePlan) -> None:
    silent = replace(plan, panel=replace(plan.panel, confirmation=Confirmation(ask=False)))
    assert stages.alarms_to_confirm(nights.store, silent, None) == []


def test_a_model_that_the_audit_will_keep_out_takes_no_second_sample_from_the_others(
    nights: Nights, plan: WavePlan
) -> None:
    """The first gives one text to everything, the second error texts to some; both alarm, and so does the third."""
    dead, garbled, changed = MODELS[:3]
    error = '{"error": {"message": "no credit", "code": 402}}'

    def said(attempt: Attempt, place: int) -> str:
        if attempt.model_requested == dead:
            return "The same to everyone."
        if attempt.model_requested == garbled and place % 5 == 0:
            return error
        return f"An answer of {attempt.model_requested} to {attempt.prompt_id}, sample {attempt.sample_index}."

    stages.go_on_with_lake(nights.store.prepare())
    stages.register_plan(nights.store, plan)
    with Journal(plan.folder, "openrouter") as journal:
        for place, attempt in enumerate(attempts_of(plan, 0.0)):
            measured = {"cost_usd": 0.001 + place / 1e6, "prompt_tokens": 5, "completion_tokens": 7 + place % 9}
            journal.append(replace(attempt, response_text=said(attempt, place), finish_reason="stop", **measured))
    stages.load_wave(nights.store, plan, None)
    connection = connect_writer(nights.store)
    for model in (dead, garbled, changed):
        connection.execute(
            "INSERT INTO out.drift_confirmations (wave_id, wave_date, panel, model, n_alarms, n_confirmed, p_adjusted, "
            "capabilities, state, n_planned, n_answers, n_prompts) "
            "VALUES (?, ?, ?, ?, 1, 0, .001, 'overall', 'not asked', 0, 0, 0)",
            [plan.wave_id, plan.wave_date, plan.panel.name, model],
        )
    connection.close()
    assert [alarm.model for alarm in stages.alarms_to_confirm(nights.store, plan, None)] == [changed]
