"""Drift of one model between two waves: what it is, when it alarms, and what is said of the cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.models_sql import second_opinion
from tests.models_sql.scenarios import SAFETY, TRUTH, drifting

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake


def causes(built: BuiltLake, day: int, kind: str = "previous") -> dict[str, tuple[bool, str | None]]:
    rows = built.rows(
        "SELECT model, is_alarm, cause FROM out.drift_by_model "
        f"WHERE wave_id = '{drifting(day).wave_id}' AND reference_kind = '{kind}' "
        "AND capability = 'overall' AND kernel = 'combined'"
    )
    return {model: (is_alarm, cause) for model, is_alarm, cause in rows}


def test_nothing_alarms_while_only_sampling_differs(built: BuiltLake) -> None:
    quiet = causes(built, day=1)
    assert quiet.pop("retuned") == (False, "configuration")
    assert quiet == dict.fromkeys(("frozen", "mover", "sly", "steady", "watched"), (False, None))


@pytest.mark.parametrize("kind", ["previous", "baseline"])
def test_a_moved_model_alarms_and_the_cause_says_whether_its_identity_changed(built: BuiltLake, kind: str) -> None:
    found = causes(built, day=2, kind=kind)
    assert found["mover"] == (True, "identity")
    assert found["sly"] == (True, "unconfirmed")
    assert [found[model] for model in ("frozen", "steady", "watched")] == [(False, None)] * 3


def test_a_changed_configuration_is_never_called_drift(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT DISTINCT drift, p_value, p_adjusted, is_alarm, cause FROM out.drift_by_model "
        f"WHERE wave_id = '{drifting(1).wave_id}' AND model = 'retuned'"
    )
    assert rows == [(None, None, None, False, "configuration")]


def test_the_baseline_is_the_first_wave_under_the_same_configuration(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT DISTINCT model, reference FROM out.drift_by_model "
        f"WHERE wave_id = '{drifting(2).wave_id}' AND reference_kind = 'baseline' ORDER BY model"
    )
    first, second = drifting(0).wave_id, drifting(1).wave_id
    assert dict(rows) == {m: second if m == "retuned" else first for m in causes(built, day=2)}


def test_the_same_texts_are_exactly_no_drift(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT DISTINCT method, drift, p_value, changed_share FROM out.drift_by_model "
        "WHERE panel = 'drifting' AND model = 'frozen'"
    )
    assert rows == [("identical", 0.0, 1.0, 0.0)]


@pytest.mark.parametrize("capability", [TRUTH, SAFETY, "overall"])
@pytest.mark.parametrize("kernel", ["semantic", "distributional"])
def test_drift_is_mmd_squared_by_its_definition(built: BuiltLake, capability: str, kernel: str) -> None:
    now, then = drifting(2), drifting(1)
    texts: list[dict[str, list[str]]] = []
    for wave in (now, then):
        of_prompt: dict[str, list[str]] = {}
        for (model, prompt, _), text in wave.answers.items():
            if model == "sly" and capability in ("overall", wave.prompts[prompt]):
                of_prompt.setdefault(prompt, []).append(str(text))
        texts.append(of_prompt)
    k = second_opinion.semantic(built.axes.vector) if kernel == "semantic" else second_opinion.distributional
    rows = built.rows(
        "SELECT drift, n_prompts, n_samples, method FROM out.drift_by_model "
        f"WHERE wave_id = '{now.wave_id}' AND model = 'sly' AND reference_kind = 'previous' "
        f"AND capability = '{capability}' AND kernel = '{kernel}'"
    )
    n = 12 if capability == "overall" else 6
    assert rows == [(pytest.approx(second_opinion.mmd(k, *texts), abs=1e-6), n, n * 8, "mmd")]


def test_the_null_of_drift_is_centred_at_zero_and_p_counts_its_draws(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT drift, noise_mean, noise, p_value, n_draws FROM out.drift_by_model "
        "WHERE panel = 'drifting' AND method = 'mmd'"
    )
    assert len(rows) > 50
    for drift, mean, noise, p, draws in rows:
        assert draws >= 19_999
        assert abs(mean) < 5 * noise / draws**0.5 + 1e-12
        assert 1 / (draws + 1) <= p <= 1
        if drift > mean + 6 * noise:
            assert p < 0.001
        if drift < mean - noise:
            assert p > 0.5


def test_enough_permutations_are_drawn_for_an_alarm_to_be_possible(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT wave_id, reference_kind, max(n_draws), count(p_value) FROM out.drift_by_model "
        "WHERE panel = 'drifting' GROUP BY ALL"
    )
    for _, _, draws, tests in rows:
        assert tests / (draws + 1) < 0.01


def test_p_is_adjusted_by_holm_over_the_tests_of_a_wave(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT p_value, p_adjusted FROM out.drift_by_model WHERE p_value IS NOT NULL "
        f"AND wave_id = '{drifting(2).wave_id}' AND reference_kind = 'previous' ORDER BY p_value, p_adjusted"
    )
    assert len(rows) == 6 * 3 * 3
    largest = 0.0
    for rank, (p, adjusted) in enumerate(rows):
        largest = max(largest, (len(rows) - rank) * p)
        assert adjusted == pytest.approx(min(1.0, largest))


def test_one_sample_a_prompt_tells_how_far_and_how_many_but_has_no_p(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT kernel, method, drift, changed_share, p_value, is_alarm, n_prompts, n_samples FROM out.drift_by_model "
        "WHERE panel = 'single' AND capability = 'overall' AND reference_kind = 'previous' ORDER BY kernel"
    )
    # 5 of 10 prompts changed one word of five: kernel .8 there, so the mean distance is .5 x .2 = .1
    assert rows == [
        (kernel, "distance", pytest.approx(0.1, abs=1e-6), 0.5, None, False, 10, 20)
        for kernel in ("combined", "distributional", "semantic")
    ]


def test_a_canary_is_watched_for_drift(built: BuiltLake) -> None:
    rows = built.rows("SELECT DISTINCT model FROM out.drift_by_model WHERE panel = 'drifting' AND purpose = 'canary'")
    assert rows == [("watched",)]
