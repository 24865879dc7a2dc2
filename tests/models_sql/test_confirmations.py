"""Second samples of three nights, two answers a prompt: what they decide, and that they decide nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lake.store import Store
from models_sql.run import build
from tests.models_sql.conftest import BuiltLake
from tests.models_sql.small_lakes import Axes, Cell, SmallWave, fill

if TYPE_CHECKING:
    from collections.abc import Iterable

PROMPTS = {f"c{n:02d}": ("truthfulness" if n < 6 else "safety_boundaries") for n in range(12)}
MODELS = ("steady", "turned", "odd", "plain")
CHANGED = {("turned", 1), ("turned", 2), ("odd", 1)}
"""Models that draw from other words, by day. odd does so on one night, and no longer when it is asked again."""

MOVED_BY_CONFIRMING = {"drift_by_model", "drift_confirmations", "costs"}


def said(model: str, day: int, samples: Iterable[int], changed: bool) -> dict[Cell, str]:
    rng = np.random.default_rng([day, MODELS.index(model), *samples])
    pool = "new" if changed else "old"
    return {
        (model, prompt, sample): " ".join([f"{prompt}all", *(f"{prompt}{pool}{rng.integers(8)}" for _ in range(5))])
        for prompt in PROMPTS
        for sample in samples
    }


def night(day: int, asked_again: tuple[str, ...] = ()) -> SmallWave:
    answers: dict[Cell, str | None] = {}
    for model in MODELS:
        answers |= said(model, day, (0, 1), (model, day) in CHANGED)
    again: dict[Cell, str] = {}
    for model in asked_again:
        again |= said(model, day, (2, 3), (model, day) in CHANGED and model != "odd")
    return SmallWave("confirming", day, PROMPTS, answers, confirmations=again)


WAVES = [night(0), night(1, ("turned", "odd")), night(2, ("odd",))]


def built_of(folder: str, waves: list[SmallWave], factory: pytest.TempPathFactory) -> BuiltLake:
    store, axes = Store(factory.mktemp(folder)), Axes()
    fill(store, waves, axes)
    return BuiltLake(store, axes, build(store))


@pytest.fixture(scope="module")
def confirming(tmp_path_factory: pytest.TempPathFactory) -> BuiltLake:
    return built_of("confirming", WAVES, tmp_path_factory)


def test_a_second_sample_decides_and_is_compared_with_the_second_sample_of_its_reference(confirming: BuiltLake) -> None:
    found = confirming.rows(
        "SELECT date_diff('day', DATE '2026-01-01', wave_date), model, state, n_planned, n_answers, n_prompts, "
        "known_since FROM out.drift_confirmations ORDER BY ALL"
    )
    assert found == [
        (1, "odd", "not confirmed", 24, 24, 12, None),
        (1, "turned", "confirmed", 24, 24, 12, None),
        # the way back: the first samples of both nights differ, the second ones do not
        (2, "odd", "not confirmed", 24, 24, 12, None),
        # from the baseline it is still what it was on the night before, and nothing moved since
        (2, "turned", "known", 0, 0, 0, "confirming/2026-01-02"),
    ]


def test_only_a_second_sample_that_alarms_makes_it_behaviour(confirming: BuiltLake) -> None:
    found = confirming.rows(
        "SELECT date_diff('day', DATE '2026-01-01', wave_date), model, reference_kind, cause, "
        "p_confirmation < 0.01 FROM out.drift_by_model "
        "WHERE capability = 'overall' AND kernel = 'combined' AND is_alarm ORDER BY ALL"
    )
    assert found == [
        (1, "odd", "baseline", "unconfirmed", False),  # the night before is the first
        (1, "odd", "previous", "unconfirmed", False),
        (1, "turned", "baseline", "behaviour", True),
        (1, "turned", "previous", "behaviour", True),
        (2, "odd", "previous", "unconfirmed", False),
        (2, "turned", "baseline", "unconfirmed", None),
    ]


def test_second_samples_move_nothing_else(confirming: BuiltLake, tmp_path_factory: pytest.TempPathFactory) -> None:
    without = built_of("without", [replace(wave, confirmations={}) for wave in WAVES], tmp_path_factory)
    names = [
        name
        for (name,) in confirming.rows(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'out' AND database_name = 'lake' "
            "UNION SELECT view_name FROM duckdb_views() WHERE schema_name = 'out' ORDER BY 1"
        )
    ]
    assert len(names) > 15
    for name in sorted(set(names) - MOVED_BY_CONFIRMING):
        # a test of features is asked for anew under another sha, and comes to the same
        columns = "* EXCLUDE (inputs_sha)" if name == "drift_of_features" else "*"
        query = f"SELECT {columns} FROM out.{name} ORDER BY ALL"
        assert confirming.rows(query) == without.rows(query), name
    assert confirming.table("core.model_waves") == without.table("core.model_waves")
