from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lake.errors import InputError
from lake.store import Store
from lake.tables import RAW_PLANNED_CELLS, RAW_PROMPTS, RAW_ROSTER
from pipelines.loading import frame_of
from pipelines.panels.records import Battery, EndpointSpec, Panel, Prompt, RosterEntry, sha256_of
from pipelines.planning import freeze_plan, plan_rows, require_resumable

NOW = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
TODAY = NOW.date()


def panel(system_prompt: str = "Be brief.") -> Panel:
    prompts = tuple(
        Prompt(f"p{number}", "truthfulness", "facts", "answer", ({"role": "user", "content": f"Question {number}?"},))
        for number in range(3)
    )
    declared = {"panel": "small", "system_prompt": system_prompt}
    roster = tuple(
        RosterEntry(model, "e", role=role, system_prompt=system_prompt)
        for model, role in (("a", "member"), ("b", "member"), ("c", "canary"))
    )
    return Panel(
        name="small",
        path=Path("small.yaml"),
        battery=Battery("tiny", "1", "battery-sha", prompts),
        prompts=prompts,
        roster=roster,
        endpoints={"e": EndpointSpec("e", "checkpoint")},
        samples=2,
        seed=7,
        sha=sha256_of(declared),
        declared=declared,
    )


def test_a_plan_has_every_cell_once_and_is_the_same_at_every_start(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = freeze_plan(store, panel(), TODAY, None, NOW)
    again = freeze_plan(store, panel(), TODAY, None, NOW + timedelta(hours=3))
    assert len({cell.key for cell in first.cells}) == len(first.cells) == 18  # 3 models x 3 prompts x 2 samples
    assert again.cells == first.cells
    assert again.started_at == first.started_at == NOW
    assert {cell.purpose for cell in first.cells if cell.model_requested == "c"} == {"canary"}


def test_a_changed_panel_is_refused_on_resume_with_the_difference(tmp_path: Path) -> None:
    store = Store(tmp_path)
    freeze_plan(store, panel(), TODAY, None, NOW)
    with pytest.raises(
        InputError, match=r"(?s)-system_prompt: Be brief\..*\+system_prompt: Be long\..*Put the panel back"
    ):
        freeze_plan(store, panel("Be long."), TODAY, None, NOW)


def test_a_changed_prompt_is_named_on_resume(tmp_path: Path) -> None:
    store = Store(tmp_path)
    before = panel()
    freeze_plan(store, before, TODAY, None, NOW)
    changed = replace(before.prompts[1], messages=({"role": "user", "content": "Another?"},))
    after = replace(before, prompts=(before.prompts[0], changed, before.prompts[2]), sha="another")
    with pytest.raises(InputError, match="prompts that differ: p1"):
        freeze_plan(store, after, TODAY, None, NOW)


@pytest.mark.parametrize(
    ("day", "message"),
    [
        (TODAY + timedelta(days=1), "2026-03-05 is in the future"),
        (TODAY - timedelta(days=1), "never started, and a missed night stays missed"),
    ],
)
def test_only_today_can_be_started(tmp_path: Path, day: date, message: str) -> None:
    with pytest.raises(InputError, match=message):
        freeze_plan(Store(tmp_path), panel(), day, None, NOW)
    assert not list(tmp_path.iterdir()), "nothing half-written"


def test_a_started_wave_can_be_resumed_for_a_day_and_no_longer(tmp_path: Path) -> None:
    plan = freeze_plan(Store(tmp_path), panel(), TODAY, None, NOW)
    require_resumable(plan, NOW + timedelta(hours=23, minutes=59))
    with pytest.raises(InputError, match="more than 24 hours ago"):
        require_resumable(plan, NOW + timedelta(hours=24, minutes=1))


def test_staged_nights_may_be_dated_in_the_past_and_say_so(tmp_path: Path) -> None:
    plan = freeze_plan(Store(tmp_path), panel(), TODAY - timedelta(days=3), 0, NOW)
    assert (plan.wave_kind, plan.wave_id) == ("staged", "small/2026-03-01")


def test_the_plan_fits_the_declared_tables(tmp_path: Path) -> None:
    plan = freeze_plan(Store(tmp_path), panel(), TODAY, None, NOW)
    rows = plan_rows(plan)
    assert {table: frame_of(table, rows[table]).height for table in rows} == {
        RAW_PLANNED_CELLS: 18,
        RAW_PROMPTS: 3,
        RAW_ROSTER: 3,
    }
