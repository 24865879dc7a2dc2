"""The one rule of alarms: Holm over a wave and kind, and a second sample by Holm over the alarms it repeats."""

from __future__ import annotations

import pytest

from models_sql.alarms import DriftTest, changed_models, decisions, holm

LEVEL = 0.01
QUIET = DriftTest("w", "m", "pool", "truth", "semantic", "sha", False, 0.5, None)


def made(*p_values: tuple[float, float | None], **same: object) -> list[DriftTest]:
    """One test a capability, each with its p and that of its second sample."""
    return [
        QUIET._replace(capability=f"c{n}", p_value=p, p_confirmation=again, **same)
        for n, (p, again) in enumerate(p_values)
    ]


def test_holm_multiplies_the_smallest_most_and_never_falls() -> None:
    # .01 x 3, then max(.03, .02 x 2), then max(.04, .03 x 1); null takes no part
    assert holm([0.02, None, 0.01, 0.03]) == [pytest.approx(0.04), None, pytest.approx(0.03), pytest.approx(0.04)]
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_a_second_sample_is_held_to_the_alarms_it_repeats_and_not_to_all_tests() -> None:
    # one alarm of 18: its second p of .004 stands as it is, where .004 x 18 would be above the level
    tests = made((0.0001, 0.004), *[(0.5, 0.5)] * 17)
    assert [decision.cause for decision in decisions(tests, LEVEL)] == ["behaviour", *[None] * 17]
    assert changed_models(tests, LEVEL) == {("w", "m")}


def test_the_tests_of_the_other_models_of_a_wave_count() -> None:
    # .0004 x 18 alarms, .0004 x 36 does not: what another model is tested for moves the alarm, and with it the pool
    own = made((0.0004, None), *[(0.5, None)] * 17, identity_changed=True)
    other = made(*[(0.5, None)] * 18, model="other")
    assert changed_models(own, LEVEL) == {("w", "m")}
    assert changed_models([*own, *other], LEVEL) == set()
    # of another wave or kind of reference they do not
    assert changed_models([*own, *made(*[(0.5, None)] * 18, wave_id="v")], LEVEL) == {("w", "m")}
    assert changed_models([*own, *made(*[(0.5, None)] * 18, reference_kind="baseline")], LEVEL) == {("w", "m")}


@pytest.mark.parametrize(
    ("second", "identity_changed", "cause"),
    [(0.001, False, "behaviour"), (0.02, False, "unconfirmed"), (None, False, "unconfirmed"), (0.02, True, "identity")],
)
def test_only_a_confirmed_alarm_ends_a_pool(second: float | None, identity_changed: bool, cause: str) -> None:
    tests = made((0.0001, second), identity_changed=identity_changed)
    assert [decision.cause for decision in decisions(tests, LEVEL)] == [cause]
    assert changed_models(tests, LEVEL) == (set() if cause == "unconfirmed" else {("w", "m")})


def test_an_alarm_against_the_baseline_does_not_date_a_change_to_the_wave() -> None:
    assert changed_models(made((0.0001, 0.0001), reference_kind="baseline"), LEVEL) == set()
    assert changed_models(made((0.0001, 0.0001), reference_kind="previous"), LEVEL) == {("w", "m")}
