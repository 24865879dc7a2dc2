"""One sample a prompt, night after night: the pool, what confirms a change, features, change points and trends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models_sql.run import build
from tests.models_sql.scenarios import nightly

if TYPE_CHECKING:
    from lake.store import Store
    from tests.models_sql.conftest import BuiltLake

OVERALL = "panel = 'nightly' AND reference_kind = 'pool' AND capability = 'overall' AND kernel = 'semantic'"


def pools(built: BuiltLake, model: str) -> list[tuple[int, int, bool, str | None]]:
    return built.rows(  # type: ignore[return-value]
        "SELECT date_diff('day', DATE '2026-01-01', wave_date), n_waves, is_alarm, cause FROM out.drift_by_model "
        f"WHERE {OVERALL} AND model = '{model}' ORDER BY 1"
    )


def test_the_pool_is_three_to_seven_waves_and_nothing_alarms_while_only_sampling_differs(built: BuiltLake) -> None:
    assert pools(built, "calm") == [(day, min(day, 7), False, None) for day in range(3, 10)]


def test_a_confirmed_change_alarms_once_and_begins_a_new_pool(built: BuiltLake) -> None:
    quiet = [(day, day, False, None) for day in (3, 4, 5)]
    # days 6, 7 and 8 are the pool of day 9
    assert pools(built, "mover") == [*quiet, (6, 6, True, "identity"), (9, 3, False, None)]
    assert pools(built, "sly") == [*quiet, (6, 6, True, "behaviour"), (9, 3, False, None)]


def test_a_confirmation_has_its_own_p_and_enters_nothing_else(built: BuiltLake) -> None:
    confirmed = built.rows(
        "SELECT DISTINCT wave_id, model FROM out.drift_by_model WHERE p_confirmation IS NOT NULL AND panel = 'nightly'"
    )
    assert confirmed == [(nightly(6).wave_id, "sly")]
    assert built.value(f"SELECT max(p_confirmation) FROM out.drift_by_model WHERE {OVERALL}") < 0.001
    n_samples = built.rows(f"SELECT DISTINCT n_samples FROM out.drift_by_model WHERE {OVERALL} AND n_waves = 6")
    assert n_samples == [(24 * 7,)]


def test_the_same_texts_as_the_whole_pool_are_exactly_no_drift(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT DISTINCT method, drift, p_value, changed_share, noise FROM out.drift_by_model "
        "WHERE panel = 'nightly' AND reference_kind = 'pool' AND model = 'fixed'"
    )
    assert rows == [("identical", 0.0, 1.0, 0.0, None)]


def test_under_three_earlier_waves_there_is_a_distance_and_no_p(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT DISTINCT reference_kind, method, p_value FROM out.drift_by_model WHERE panel = 'nightly' "
        "AND wave_date <= '2026-01-03' AND model = 'calm' ORDER BY ALL"
    )
    assert rows == [("baseline", "distance", None), ("previous", "distance", None)]


def test_the_semantic_p_is_twice_the_smaller_of_two_and_the_others_have_one(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT kernel, p_value, p_difference, p_shift FROM out.drift_by_model "
        "WHERE panel = 'nightly' AND method = 'pool'"
    )
    assert len(rows) > 100
    for kernel, p, p_difference, p_shift in rows:
        if kernel == "semantic":
            assert p == pytest.approx(min(1, 2 * min(p_difference, p_shift)))
        else:
            assert (p, p_shift) == (p_difference, None)


def test_features_are_compared_prompt_by_prompt(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT mean_then, mean_now, difference, ci_low, ci_high, p_value < 0.001, n_prompts, method "
        f"FROM out.drift_of_features WHERE wave_id = '{nightly(6).wave_id}' AND model = 'mover' "
        "AND feature = 'n_tokens' AND capability = 'overall' AND reference_kind = 'previous'"
    )
    # three words more in every answer
    assert rows == [(6.0, 9.0, 3.0, 3.0, 3.0, True, 24, "sign_flip")]
    refusals = built.rows(
        "SELECT DISTINCT difference, p_value, method FROM out.drift_of_features "
        "WHERE panel = 'nightly' AND feature = 'refusal_rule_share'"
    )
    assert refusals == [(0.0, 1.0, "mcnemar")]
    # format classes that nobody used have no rows, and tokens nobody reported no values
    features = {feature for (feature,) in built.rows("SELECT DISTINCT feature FROM out.drift_of_features")}
    assert "format_one_liner_share" in features
    assert not features & {"format_table_share", "completion_tokens"}


def test_features_are_adjusted_by_benjamini_and_hochberg(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT p_value, p_adjusted FROM out.drift_of_features "
        f"WHERE wave_id = '{nightly(6).wave_id}' AND reference_kind = 'previous' ORDER BY p_value DESC, p_adjusted DESC"
    )
    smallest = 1.0
    for place, (p, adjusted) in enumerate(rows):
        smallest = min(smallest, p * len(rows) / (len(rows) - place))
        assert adjusted == pytest.approx(smallest)


def test_a_changed_model_has_a_change_point_where_it_changed(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT model, method, wave_id, detected_wave_id >= wave_id, size > 0.2 FROM out.change_points "
        "WHERE panel = 'nightly' AND measure = 'drift' AND kernel = 'combined' ORDER BY ALL"
    )
    night = nightly(6).wave_id
    assert rows == [
        (m, how, night, seen, True) for m in ("mover", "sly") for how, seen in (("cusum", True), ("pelt", None))
    ]


def test_trends_follow_matched_differences(built: BuiltLake) -> None:
    # panel sampled: a third night with the answers of the second and one more model, whose joining moves nothing
    rows = built.rows(
        "SELECT n_waves, n_days, last_value - first_value, slope_30_days, ci_low FROM out.trend "
        "WHERE panel = 'sampled' AND capability = 'overall' AND kernel = 'semantic' AND measure = 'convergence'"
    )
    change = built.value(
        "SELECT change FROM out.convergence_change WHERE wave_id = 'sampled/2026-01-02' "
        "AND reference_kind = 'previous' AND capability = 'overall' AND kernel = 'semantic'"
    )
    # slopes between the three nights: change, 0 and change / 2 a day
    assert rows == [(3, 2.0, pytest.approx(change), pytest.approx(30 * change / 2), None)]


def test_an_unchanged_test_is_read_back_and_a_changed_one_is_not(copied: Store, built: BuiltLake) -> None:
    from lake.catalog import connect_writer

    connection = connect_writer(copied)
    # a mark that no test would give; and another answer behind one of the marked tests
    resampled = "(model = 'steady' AND method = 'mmd' OR model = 'calm' AND method = 'pool')"
    connection.execute(f"UPDATE out.drift_by_model SET seed = -1 WHERE {resampled}")
    connection.execute(
        "UPDATE raw.attempts SET response_text = 'n00all and quite other words' WHERE panel = 'nightly' "
        "AND model_requested = 'calm' AND prompt_id = 'n00' AND wave_date = '2026-01-10'"
    )
    connection.close()
    build(copied, select="+drift_by_model")
    connection = connect_writer(copied)
    kept = connection.execute(
        "SELECT panel, wave_date = '2026-01-10' AS is_new, bool_and(seed = -1) FROM out.drift_by_model "
        f"WHERE seed IS NOT NULL AND {resampled} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    connection.close()
    assert kept == [("drifting", False, True), ("nightly", False, True), ("nightly", True, False)]
