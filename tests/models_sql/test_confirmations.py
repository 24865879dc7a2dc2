"""Second samples of three nights, two answers a prompt: what they decide, and that they decide nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from lake.store import Store
from models_sql.alarms import DriftTest
from models_sql.cut import Cut, _files
from models_sql.run import build
from tests.models_sql.conftest import BuiltLake
from tests.models_sql.small_lakes import Axes, Cell, SmallWave, fill

if TYPE_CHECKING:
    from collections.abc import Iterable

PROMPTS = {f"c{n:02d}": ("truthfulness" if n < 6 else "safety_boundaries") for n in range(12)}
MODELS = ("steady", "turned", "odd", "plain", "halted", "moved")
CHANGED = {("turned", 1), ("turned", 2), ("odd", 1), ("halted", 1), ("halted", 2), ("moved", 1), ("moved", 2)}
"""Models that draw from other words, by day. odd does so on one night, and no longer when it is asked again; when moved
is asked again, another system answers."""

CAME = {1: 22, 2: 23}
"""How many of the 24 second answers of halted came, by day: 92 % and 96 %."""

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
    again: dict[Cell, str | None] = {}
    for model in asked_again:
        again |= said(model, day, (2, 3), (model, day) in CHANGED and model != "odd")
        if model == "halted":
            again |= dict.fromkeys(list(again)[CAME[day] - 24 :])
    return SmallWave(
        "confirming", day, PROMPTS, answers, confirmations=again, served_again={"moved": "moved-to-another"}
    )


WAVES = [night(0), night(1, ("turned", "odd", "halted", "moved")), night(2, ("odd", "halted"))]


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
        # the answers that came alarm, and are too few to decide
        (1, "halted", "incomplete", 24, 22, 11, None),
        # they alarm, and come from another system than the first sample did
        (1, "moved", "another system", 24, 24, 12, None),
        (1, "odd", "not confirmed", 24, 24, 12, None),
        (1, "turned", "confirmed", 24, 24, 12, None),
        (2, "halted", "confirmed", 24, 23, 12, None),
        (2, "moved", "not asked", 0, 0, 0, None),
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
        (1, "halted", "baseline", "unconfirmed", None),
        (1, "halted", "previous", "unconfirmed", None),
        (1, "moved", "baseline", "unconfirmed", None),
        (1, "moved", "previous", "unconfirmed", None),
        (1, "odd", "baseline", "unconfirmed", False),  # the night before is the first
        (1, "odd", "previous", "unconfirmed", False),
        (1, "turned", "baseline", "behaviour", True),
        (1, "turned", "previous", "behaviour", True),
        (2, "halted", "baseline", "behaviour", True),
        (2, "moved", "baseline", "unconfirmed", None),
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


def test_a_second_sample_is_held_to_holm_over_the_alarming_tests_it_repeats() -> None:
    cut = Cut(duckdb.connect(), [])
    # p of the second sample: three of four reach .01 by themselves; x 4, x 3, x 2 they are .008, .012, .012.
    # The test without an alarm does not count, nor does one test that stands under two kinds of reference twice
    tests = [("a", 0.0001, 0.002), ("b", 0.0001, 0.004), ("c", 0.0001, 0.006), ("d", 0.0001, 0.5), ("e", 0.9, 0.001)]
    values = ", ".join(map(str, tests))
    rest = ("method VARCHAR", "drift", "noise_mean", "noise", "changed_share", "n_prompts BIGINT", "n_samples BIGINT")
    more = ("n_draws BIGINT", "seed BIGINT", "n_waves BIGINT", "p_difference", "shift", "p_shift")
    nulls = ", ".join(f"CAST(NULL AS {(*c.split(), 'DOUBLE')[1]}) AS {c.split()[0]}" for c in (*rest, *more))
    result = (
        f"SELECT 'w' AS wave_id, 'm' AS model, 'v' AS reference, 'sha' AS inputs_sha, "
        f"false AS identity_changed, {nulls}, "
        "'semantic' AS kernel, capability, CAST(p_first AS DOUBLE) AS p_value, "
        "CAST(p_second AS DOUBLE) AS p_confirmation "
        f"FROM (VALUES {values}) AS t (capability, p_first, p_second)"
    )
    kinds = "(VALUES ('baseline'), ('previous')) AS kinds (reference_kind)"
    cut.replace("drift_results", f"SELECT * FROM ({result}), {kinds}")
    cut.replace("pool_tests", f"SELECT * FROM ({result}) WHERE false")
    cut.replace(
        "drift_references",
        "SELECT 'w' AS wave_id, 'm' AS model, 'previous' AS reference_kind, 'v' AS reference, "
        "false AS identity_changed, false AS configuration_changed, false AS is_confirmation",
    )
    cut.replace("battery_prompts", "SELECT 'w' AS wave_id, 'a' AS capability")
    cut.replace("waves", "SELECT 'w' AS wave_id, DATE '2026-01-01' AS wave_date, 'p' AS panel, 'staged' AS wave_kind")
    cut.replace("model_waves", "SELECT 'w' AS wave_id, 'm' AS model_requested, 'measure' AS purpose")
    found = cut.connection.execute(
        f"SELECT capability, cause FROM {cut.build('drift_by_model')} WHERE reference_kind = 'previous' ORDER BY 1"
    ).fetchall()
    assert found == [
        ("a", "behaviour"), ("b", "unconfirmed"), ("c", "unconfirmed"), ("d", "unconfirmed"), ("e", None)
    ]  # fmt: skip


def test_a_wave_that_is_published_as_changed_stays_in_no_pool() -> None:
    """Seven nights of one model. Of the 18 tests of the fourth one alarms, its second p is .004: below .01, above
    .01 / 18. Published as behaviour, the night begins a new pool, which has three nights on the seventh.
    """
    cut = Cut(duckdb.connect(), [])
    sha = "sha256(concat_ws(' ', 'METHOD', '99', 'w3', 'm', 'a3', 'None', 'a0', 'a1', 'a2'))"
    method = cut._config("pool_tests", _files()["pool_tests"])["drift_method"]
    cut.replace(
        "pool_waves",
        "SELECT w AS wave_key, 1 AS series_key, w AS night_key, 'w' || w AS wave_id, 'm' AS model, "
        "'c' AS configuration, 'i' AS identity_sha, true AS is_single, 'a' || w AS answers_sha, "
        "CAST(NULL AS VARCHAR) AS confirmation_sha, 99 AS n_draws FROM range(7) AS t (w)",
    )
    cut.replace(
        "pool_answers",
        "SELECT w AS wave_key, false AS is_confirmation, 'c0' AS capability, 'p' || p AS prompt_id, "
        "10 * w + p AS text_key FROM range(7) AS t (w), range(6) AS u (p)",
    )
    cut.replace("text_vectors", "SELECT 0 AS text_key, [0.0]::FLOAT[1] AS vector WHERE false")
    cut.replace(
        "text_tokens",
        "SELECT 10 * w + p AS text_key, token_key, .2 AS frequency "
        "FROM range(7) AS t (w), range(6) AS u (p), (SELECT unnest(range(5)) AS token_key)",
    )
    nulls = ("drift", "noise_mean", "noise", "p_difference", "shift", "p_shift", "changed_share")
    cut.replace(
        "drift_stored",
        f"SELECT {sha.replace('METHOD', method)} AS inputs_sha, 'c' || c AS capability, kernel, 'pool' AS method, "
        f"{', '.join(f'CAST(NULL AS DOUBLE) AS {name}' for name in nulls)}, 6 AS n_prompts, 24 AS n_samples, "
        "99 AS n_draws, 1 AS seed, CASE WHEN c = 0 AND kernel = 'semantic' THEN 1e-4 ELSE .5 END AS p_value, "
        "CASE WHEN c = 0 AND kernel = 'semantic' THEN 4e-3 ELSE .5 END AS p_confirmation "
        "FROM range(6) AS t (c), (VALUES ('semantic'), ('distributional'), ('combined')) AS k (kernel)",
    )
    fields = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in DriftTest._fields)
    cut.replace("drift_results", f"SELECT {fields} WHERE false")
    tests, alarms = cut.build("pool_tests"), cut.build("drift_alarms")
    found = cut.connection.execute(f"SELECT DISTINCT wave_id, n_waves, reference FROM {tests} ORDER BY ALL").fetchall()
    assert found == [("w3", 3, "w2"), ("w6", 3, "w5")]
    alarming = cut.connection.execute(f"SELECT wave_id, cause FROM {alarms} WHERE cause IS NOT NULL").fetchall()
    assert alarming == [("w3", "behaviour")]
