"""The order of asking is matched across models and the same everywhere; seeds differ by cell and night."""

import subprocess
import sys
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.asking.ordering import SEED_LIMIT, plan_cells
from pipelines.panels.records import Battery, Panel, Prompt, RosterEntry

NIGHT = date(2026, 8, 1)


def panel_of(models=3, prompts=4, samples=2, seed=7, canaries=0):
    asked = tuple(
        Prompt(f"p{n}", "truthfulness", "f", "b", ({"role": "user", "content": "?"},)) for n in range(prompts)
    )
    roster = tuple(RosterEntry(f"m{n}", "e", role="canary" if n < canaries else "member") for n in range(models))
    return Panel(
        "test", Path("test.yaml"), Battery("b", "1", "sha", asked), asked, roster, {}, samples, seed, "sha", {}
    )


@settings(max_examples=60, deadline=None)
@given(
    models=st.integers(1, 6),
    prompts=st.integers(1, 8),
    samples=st.integers(1, 4),
    seed=st.integers(0, 2**40),
    blocks=st.integers(0, 40),
)
def test_a_wave_cut_short_at_a_block_is_matched_across_models(models, prompts, samples, seed, blocks):
    cells = plan_cells(panel_of(models, prompts, samples, seed), "test/2026-08-01", NIGHT)
    assert [cell.position for cell in cells] == list(range(models * prompts * samples))
    assert len({cell.key for cell in cells}) == len(cells)
    prefix = cells[: blocks * models]
    by_model = {
        f"m{n}": {(c.prompt_id, c.sample_index) for c in prefix if c.model_requested == f"m{n}"} for n in range(models)
    }
    assert all(asked == by_model["m0"] for asked in by_model.values())
    assert all(1 <= cell.seed <= SEED_LIMIT for cell in cells)


def test_blocks_and_models_are_shuffled_by_the_seed_and_the_night():
    def order(seed, night):
        cells = plan_cells(panel_of(6, 20, 2, seed), f"test/{night}", night)
        return [c.key for c in cells]

    assert order(7, NIGHT) == order(7, NIGHT)
    assert order(7, NIGHT) != order(8, NIGHT)
    assert order(7, NIGHT) != order(7, date(2026, 8, 2))
    first_models = [key.model_requested for key in order(7, NIGHT)[::6]]
    assert len(set(first_models)) == 6


def test_seeds_differ_by_model_prompt_sample_and_night():
    cells = plan_cells(panel_of(), "test/2026-08-01", NIGHT) + plan_cells(panel_of(), "x/2026-08-02", date(2026, 8, 2))
    assert len({cell.seed for cell in cells}) == len(cells) == 2 * 3 * 4 * 2


def test_a_staged_night_is_the_same_on_any_date_and_differs_from_the_next():
    def plan(night, day):
        return [(c.key, c.seed) for c in plan_cells(panel_of(), f"test/{day}", day, night)]

    assert plan(0, NIGHT) == plan(0, date(2027, 1, 1))
    assert {seed for _, seed in plan(0, NIGHT)}.isdisjoint({seed for _, seed in plan(1, NIGHT)})


def test_two_slots_of_one_night_draw_apart():
    plain, slot = (plan_cells(panel_of(), wave_id, NIGHT) for wave_id in ("test/2026-08-01", "test/2026-08-01/noon"))
    assert {c.seed for c in plain}.isdisjoint({c.seed for c in slot})


def test_a_canary_has_its_own_purpose():
    cells = plan_cells(panel_of(canaries=1), "test/2026-08-01", NIGHT)
    assert {(c.model_requested, c.purpose) for c in cells} == {("m0", "canary"), ("m1", "measure"), ("m2", "measure")}


def test_another_process_with_another_hash_seed_plans_the_same():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_ordering as t\n"
        "print([(c.key, c.seed) for c in t.plan_cells(t.panel_of(), 'test/2026-08-01', t.NIGHT)])"
    )
    out = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True, text=True, check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }  # fmt: skip
    assert out == {f"{[(c.key, c.seed) for c in plan_cells(panel_of(), 'test/2026-08-01', NIGHT)]}\n"}
