"""How many effects replicate: what counts as one, what counts as found again, and the interval of the share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, mannwhitneyu

from models_sql.cut import Cut

DRIFT = (
    "SELECT *, '{kind}' AS reference_kind, 'm' AS model, 'overall' AS capability, 'combined' AS kernel, "
    "'panel' AS panel, 0.0 AS noise_mean FROM (VALUES {rows}) AS t "
    "(wave_id, wave_date, reference, drift, p_value, noise, is_alarm)"
)
CHANGE = (
    "SELECT *, 'first' AS reference_kind, 'overall' AS capability, 'combined' AS kernel, 'panel' AS panel "
    "FROM (VALUES {rows}) AS t (wave_id, wave_date, reference, change, ci_low, ci_high)"
)
FEATURE = (
    "SELECT * EXCLUDE (drift, noise, is_alarm, noise_mean, kernel), '' AS feature, 0.0 AS difference, 0.0 AS ci_low, "
    "0.0 AS ci_high, 0.0 AS p_adjusted FROM cut.drift_by_model WHERE false"
)
EFFECT = (
    "SELECT *, now() AS imported_at FROM (VALUES {rows}) AS t "
    "(study, effect_id, estimate, p_value, again_estimate, again_p_value)"
)

Drift = tuple[str, float, float | None, bool]
"""(reference, drift, p_value, is_alarm)"""


def sql(value: object) -> str:
    if value is None:
        return "CAST(NULL AS DOUBLE)"
    return (
        f"DATE '{value}'" if isinstance(value, date) else repr(value).lower() if value in (True, False) else repr(value)
    )


def values(rows: list[tuple[Any, ...]]) -> str:
    return ", ".join("(" + ", ".join(map(sql, row)) + ")" for row in rows)


def built(
    drift: Sequence[Drift | None] = (),
    change: list[tuple[float, float, float]] = [],  # noqa: B006  (never changed)
    published: list[tuple[float, float, float, float]] = [],  # noqa: B006
    kind: str = "baseline",
) -> Cut:
    """Return the models over tables filled by hand; one night a row, in order, None for a night that does not test."""
    cut = Cut(duckdb.connect(), [])
    nights = [(f"panel/{number:02d}", date(2026, 1, 1) + timedelta(number)) for number in range(30)]
    given_drift = [
        (*night, *row[:3], 0.5, row[3]) for night, row in zip(nights, drift, strict=False) if row is not None
    ]
    none = [("", date(2026, 1, 1), "", 0.0, None, 0.5, False)]
    cut.replace("drift_by_model", DRIFT.format(kind=kind, rows=values(given_drift or none)))
    changes = [(*night, "first", *row) for night, row in zip(nights, change, strict=False)]
    cut.replace(
        "convergence_change", CHANGE.format(rows=values(changes or [("", date(2026, 1, 1), "", 0.0, None, 0.0)]))
    )
    cut.replace("drift_of_features", FEATURE)
    effects = [("study", f"e{number}", *row) for number, row in enumerate(published)]
    query = EFFECT.format(rows=values(effects or [("", "", 0.0, 1.0, 0.0, 1.0)]))
    cut.replace("raw__effects", query if effects else f"{query} WHERE false")
    numbered = values(nights)
    cut.replace("waves", f"SELECT *, 'panel' AS panel FROM (VALUES {numbered}) AS t (wave_id, wave_date)")
    cut.build("replication")
    return cut


def rows(cut: Cut, query: str) -> list[tuple[Any, ...]]:
    return cut.connection.execute(query).fetchall()


def test_an_effect_is_what_was_found_anew_and_its_test_is_the_next_wave_against_the_same_reference() -> None:
    cut = built(
        [
            ("base", 0.1, 0.6, False),
            ("base", 2.0, 0.0001, True),  # found
            ("base", 1.0, 0.04, False),  # found again at 5 %, though it would not alarm by itself
            ("base", 3.0, 0.0001, True),  # found anew
            ("base", 3.0, 0.0001, True),  # found again; no new effect
            ("base", 2.0, 0.0001, True),
            ("other", 4.0, 0.0001, True),  # another baseline: found, and not yet tested again
        ]
    )
    found = rows(
        cut,
        "SELECT wave_id, reference, strength, again_wave_id, has_replicated FROM cut.replication_effects ORDER BY ALL",
    )
    assert found == [
        ("panel/01", "base", 4.0, "panel/02", True),
        ("panel/03", "base", 6.0, "panel/04", True),
        ("panel/06", "other", 8.0, None, None),
    ]
    assert rows(
        cut, "SELECT n_effects, n_replicated, n_untested, share FROM cut.replication WHERE strength_band = 'all'"
    ) == [(2, 2, 1, 1.0)]


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        pytest.param(("base", 0.5, 0.051, False), False, id="p above alpha"),
        pytest.param(("base", -0.5, 0.001, True), False, id="other sign"),
        pytest.param(("base", 0.0, 1.0, False), False, id="the same texts again"),
        pytest.param(("base", 0.5, 0.049, False), True, id="same sign, p below alpha"),
    ],
)
def test_replicated_is_the_same_sign_and_p_below_alpha(again: Drift, expected: bool) -> None:
    cut = built([("base", 1.0, 0.0001, True), again])
    assert rows(cut, "SELECT has_replicated FROM cut.replication_effects LIMIT 1") == [(expected,)]


def test_a_change_of_convergence_replicates_with_an_interval_without_0_on_the_same_side() -> None:
    up, down, nothing = (0.2, 0.1, 0.3), (-0.2, -0.3, -0.1), (0.05, -0.05, 0.15)
    cut = built(change=[up, up, nothing, down, up, nothing, up])
    found = rows(cut, "SELECT wave_id, strength, has_replicated FROM cut.replication_effects ORDER BY ALL")
    # half widths are .1, so .2 is two of them; down to up is one run of found effects, and its sign did not hold
    assert found == [
        ("panel/00", pytest.approx(2.0), True),
        ("panel/03", pytest.approx(2.0), False),
        ("panel/06", pytest.approx(2.0), None),
    ]


def test_what_is_compared_with_the_wave_before_is_not_the_same_test_twice() -> None:
    cut = built([("a", 1.0, 0.0001, True), ("b", 1.0, 0.0001, True)], kind="previous")
    assert rows(cut, "FROM cut.replication_effects") == []
    assert rows(cut, "FROM cut.replication") == []


def test_a_night_later_than_the_next_is_no_second_test() -> None:
    found = ("base", 2.0, 0.0001, True)
    cut = built([found, None, ("base", 2.0, 0.0001, False)])
    assert rows(
        cut, "SELECT wave_id, again_wave_id, again_estimate, again_p_value, has_replicated FROM cut.replication_effects"
    ) == [("panel/00", None, None, None, None)]
    assert rows(cut, "SELECT n_effects, n_untested FROM cut.replication WHERE strength_band = 'all'") == [(0, 1)]


def test_84_of_111_published_main_effects_are_three_quarters_with_wilsons_interval() -> None:
    effects = [(1.0, 0.01, 0.5, 0.01)] * 84 + [(1.0, 0.01, -0.5, 0.01)] * 14 + [(1.0, 0.01, 0.5, 0.2)] * 13
    cut = built(published=effects)
    (found,) = rows(
        cut,
        "SELECT n_effects, n_replicated, share, ci_low, ci_high, strength_auc FROM cut.replication "
        "WHERE measure = 'published' AND strength_band = 'all'",
    )
    # z = 1.959964: centre (84 + 1.920729) / 114.841459 = .748168,
    # half 1.959964 / 114.841459 x sqrt(84 x 27 / 111 + .960365) = .078937
    assert found[:3] == (111, 84, 84 / 111)
    assert found[3:] == (pytest.approx(0.748168 - 0.078937, abs=2e-6), pytest.approx(0.827105, abs=2e-6), 0.5)


def test_strength_is_shown_by_halves_and_by_how_often_the_stronger_one_of_two_replicated() -> None:
    # -log10 p: 1, 2, 3, 4; replicated are 2, 3 and 4: the one that did not was weaker than each of them
    effects = [(1.0, 0.1, 1.0, 0.5), (1.0, 0.01, 1.0, 0.01), (1.0, 0.001, 1.0, 0.01), (1.0, 0.0001, 1.0, 0.01)]
    found = rows(
        built(published=effects),
        "SELECT strength_band, n_effects, n_replicated, median_strength, strength_auc FROM cut.replication ORDER BY 1",
    )
    assert found == [
        ("all", 4, 3, pytest.approx(2.5), 1.0),
        ("stronger half", 2, 2, pytest.approx(3.5), None),
        ("weaker half", 2, 1, pytest.approx(1.5), None),
    ]


def test_an_effect_without_a_p_has_no_strength_and_stands_in_neither_half() -> None:
    # -log10 p: 1 and 3, so the middle is 2; the two without p count among all effects only
    effects: list[Any] = [(1.0, 0.1, 1.0, 0.5), (1.0, 0.001, 1.0, 0.01), (1.0, None, 1.0, 0.01), (1.0, None, 1.0, 0.5)]
    cut = built(published=effects)
    assert (
        rows(cut, "SELECT p_value, strength FROM cut.replication_effects WHERE p_value IS NULL") == [(None, None)] * 2
    )
    found = rows(cut, "SELECT strength_band, n_effects, median_strength, strength_auc FROM cut.replication ORDER BY 1")
    assert found == [
        ("all", 4, pytest.approx(2.0), 1.0),
        ("stronger half", 1, pytest.approx(3.0), None),
        ("weaker half", 1, pytest.approx(1.0), None),
    ]


P = st.sampled_from([0.0001, 0.001, 0.01, 0.04, 0.06, 0.5])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([-1.0, 1.0]), P, st.sampled_from([-1.0, 1.0]), P), min_size=1, max_size=40))
def test_share_interval_and_separation_agree_with_known_code_in_any_order(
    effects: list[tuple[float, float, float, float]],
) -> None:
    query = "SELECT * FROM cut.replication ORDER BY ALL"
    cut = built(published=effects)
    assert rows(cut, query) == rows(built(published=effects[::-1]), query)
    (found,) = rows(
        cut,
        "SELECT n_replicated, ci_low, ci_high, share, strength_auc FROM cut.replication WHERE strength_band = 'all'",
    )
    same = [estimate == again and p < 0.05 for estimate, _, again, p in effects]
    low, high = binomtest(sum(same), len(same)).proportion_ci(method="wilson")
    assert found[:3] == (sum(same), pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))
    assert 0 <= found[1] <= found[3] <= found[2] <= 1
    strong = [-p for (_, p, _, _), replicated in zip(effects, same, strict=True) if replicated]
    weak = [-p for (_, p, _, _), replicated in zip(effects, same, strict=True) if not replicated]
    if strong and weak:
        assert found[4] == pytest.approx(mannwhitneyu(strong, weak).statistic / len(strong) / len(weak))
    else:
        assert found[4] is None
