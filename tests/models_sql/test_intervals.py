"""The two-way jackknife against its definition, with every model and prompt really left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.models_sql import second_opinion
from tests.models_sql.scenarios import SAFETY, TRUTH, curt, sampled
from tests.models_sql.test_convergence import answers_of

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake
    from tests.models_sql.small_lakes import SmallWave

NEAR = 1e-5


def parts_of(wave: SmallWave, kernel: str, built: BuiltLake, capabilities: tuple[str, ...]) -> second_opinion.Parts:
    return {
        capability: second_opinion.pair_parts(kernel, capability, answers_of(wave, capability), built.axes.vector)
        for capability in capabilities
    }


@pytest.mark.parametrize("kernel", ["semantic", "distributional"])
@pytest.mark.parametrize(
    ("capability", "capabilities"),
    [pytest.param("overall", (TRUTH, SAFETY), id="overall"), pytest.param(TRUTH, (TRUTH,), id="one capability")],
)
def test_a_waves_interval_leaves_out_each_model_and_each_prompt(
    built: BuiltLake, kernel: str, capability: str, capabilities: tuple[str, ...]
) -> None:
    wave = sampled(0, seed=1)
    low, high = second_opinion.interval(parts_of(wave, kernel, built, capabilities))
    found = built.rows(
        "SELECT ci_low, ci_high FROM out.convergence_by_wave "
        f"WHERE wave_id = '{wave.wave_id}' AND capability = '{capability}' AND kernel = '{kernel}'"
    )
    assert found == [(pytest.approx(low, abs=NEAR), pytest.approx(high, abs=NEAR))]


def test_a_models_interval_leaves_out_the_other_models(built: BuiltLake) -> None:
    wave = sampled(0, seed=1)
    parts = parts_of(wave, "semantic", built, (TRUTH, SAFETY))
    found = built.rows(
        "SELECT model, ci_low, ci_high FROM out.convergence_by_model "
        f"WHERE wave_id = '{wave.wave_id}' AND capability = 'overall' AND kernel = 'semantic' ORDER BY model"
    )
    assert len(found) == 4
    for model, low, high in found:
        assert (low, high) == pytest.approx(second_opinion.interval(parts, of=model), abs=NEAR)


def test_combined_has_an_interval_of_its_own_inside_what_the_kernels_allow(built: BuiltLake) -> None:
    widths = dict(
        built.rows(
            "SELECT kernel, ci_high - ci_low FROM out.convergence_by_wave "
            "WHERE wave_id = 'sampled/2026-01-01' AND capability = 'overall'"
        )
    )
    # a standard error of .4 x + .6 y is at most .4 of x's and .6 of y's; the t quantile differs a little
    assert 0 < widths["combined"] < 1.1 * (0.4 * widths["semantic"] + 0.6 * widths["distributional"])


def test_the_interval_of_a_change_is_that_of_the_differences(built: BuiltLake) -> None:
    # day 3 answers as day 2 did, so the change since day 2 is 0 whatever is left out
    rows = built.rows(
        "SELECT change, ci_low, ci_high FROM out.convergence_change "
        "WHERE wave_id = 'sampled/2026-01-03' AND reference_kind = 'previous'"
    )
    assert len(rows) == 9
    assert set(rows) == {(0.0, 0.0, 0.0)}
    ((change, low, high),) = built.rows(
        "SELECT change, ci_low, ci_high FROM out.convergence_change WHERE wave_id = 'sampled/2026-01-02' "
        "AND reference_kind = 'previous' AND capability = 'overall' AND kernel = 'semantic'"
    )
    assert low < change < high


def test_two_models_have_no_interval(built: BuiltLake) -> None:
    rows = built.rows("SELECT DISTINCT ci_low, ci_high FROM out.convergence_by_wave WHERE panel = 'half-permuted'")
    assert rows == [(None, None)]


@pytest.mark.parametrize(
    "table", ["convergence_by_wave", "convergence_by_model", "convergence_change", "power", "convergence_by_group"]
)
def test_what_a_pair_outside_overall_says_moves_no_digit_of_overall(built: BuiltLake, table: str) -> None:
    def rows(panel: str, capability: str) -> list[tuple[object, ...]]:
        return built.rows(
            f"SELECT COLUMNS(c -> c NOT IN ('wave_id', 'panel', 'reference')) FROM out.{table} "
            f"WHERE panel = '{panel}' AND capability = '{capability}' AND kernel <> 'semantic' ORDER BY ALL"
        )

    assert rows("curt", "overall") and rows("curt", "overall") == rows("curt-otherwise", "overall")
    # the pairs of curt have a score there, and say something else
    assert rows("curt", TRUTH) != rows("curt-otherwise", TRUTH)


def test_the_interval_of_overall_leaves_prompts_out_of_the_pairs_that_every_capability_scores(built: BuiltLake) -> None:
    wave = curt(0)
    parts = parts_of(wave, "distributional", built, (TRUTH, SAFETY))
    assert len(parts[TRUTH]) == 10 and len(parts[SAFETY]) == 6
    of_overall = {capability: {pair: pairs[pair] for pair in parts[SAFETY]} for capability, pairs in parts.items()}
    low, high = second_opinion.interval(of_overall)
    where = f"wave_id = '{wave.wave_id}' AND capability = 'overall' AND kernel = 'distributional'"
    found = built.rows(f"SELECT ci_low, ci_high, n_models, n_pairs FROM out.convergence_by_wave WHERE {where}")
    assert found == [(pytest.approx(low, abs=NEAR), pytest.approx(high, abs=NEAR), 4, 6)]
    (of_alpha,) = built.rows(f"SELECT ci_low, ci_high FROM out.convergence_by_model WHERE {where} AND model = 'alpha'")
    assert of_alpha == pytest.approx(second_opinion.interval(of_overall, of="alpha"), abs=NEAR)


@pytest.mark.parametrize("kernel", ["semantic", "distributional", "combined"])
def test_where_every_pair_is_in_every_capability_the_variances_of_overall_are_theirs(
    built: BuiltLake, kernel: str
) -> None:
    errors = dict(
        built.rows(
            "SELECT DISTINCT capability, prompt_error FROM out.power "
            f"WHERE wave_id = '{sampled(0, seed=1).wave_id}' AND estimate = 'score' AND kernel = '{kernel}'"
        )
    )
    # the mean of two capabilities: a quarter of the sum of their variances
    assert errors["overall"] ** 2 == pytest.approx((errors[TRUTH] ** 2 + errors[SAFETY] ** 2) / 4, abs=1e-12, rel=1e-12)
