"""Convergence within and between groups: by hand, against really leaving out, and with the reasons for nulls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import t

from tests.models_sql import second_opinion
from tests.models_sql.measure_scenarios import SAMPLED_PROVIDERS, grouped_samples
from tests.models_sql.scenarios import CURT_PROVIDERS, SAFETY, TRUTH, curt
from tests.models_sql.test_convergence import answers_of

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake

NEAR = 1e-6
COUNTS = "n_models, n_other_models, n_within_pairs, n_between_pairs, n_prompts"
MEANS = "within_convergence, between_convergence, difference"


def group(built: BuiltLake, panel: str, grouping: str, name: str, columns: str, capability: str = "overall") -> Any:
    (row,) = built.rows(
        f"SELECT {columns} FROM out.convergence_by_group WHERE panel = '{panel}' AND grouping = '{grouping}' "
        f"AND group_name = '{name}' AND capability = '{capability}' AND kernel = 'combined'"
    )
    return row


def test_two_groups_give_what_is_worked_out_by_hand(built: BuiltLake) -> None:
    # ann-bob and cat-dan are pairs of one provider, convergence .8 each; the four across share only `the`, 0
    assert group(built, "grouped", "provider", "(all)", COUNTS) == (4, 0, 2, 4, 5)
    means = group(built, "grouped", "provider", "(all)", MEANS)
    assert means == tuple(pytest.approx(x, abs=NEAR) for x in (0.8, 0, 0.8))
    # left: ann and bob; ann-bob within, four pairs with the right; eve declares no provider and takes no part
    assert group(built, "grouped", "provider", "left", COUNTS) == (2, 2, 1, 4, 5)
    means = group(built, "grouped", "provider", "left", MEANS)
    assert means == tuple(pytest.approx(x, abs=NEAR) for x in (0.8, 0, 0.8))


@pytest.mark.parametrize(
    ("grouping", "name", "reason"),
    [
        ("provider", "(all)", None),
        ("provider", "left", "leaving out one model leaves no pair"),
        ("family", "one", "no pair with another group"),
        ("architecture", "ann", "no pair within the group"),
        ("open_weights", "closed weights", "no pair within the group"),
        ("open_weights", "open weights", "leaving out one model leaves no pair"),
    ],
)
def test_what_cannot_be_told_is_null_with_the_reason(
    built: BuiltLake, grouping: str, name: str, reason: str | None
) -> None:
    low, high, found = group(built, "grouped", grouping, name, "difference_ci_low, difference_ci_high, reason")
    assert found == reason
    assert (low is None, high is None) == (reason is not None, reason is not None)
    if reason and reason.startswith("no pair"):
        assert group(built, "grouped", grouping, name, "difference") == (None,)


def test_nobody_declares_a_region_so_there_is_no_row(built: BuiltLake) -> None:
    assert built.rows("SELECT 1 FROM out.convergence_by_group WHERE panel = 'grouped' AND grouping = 'region'") == []


def difference(parts: second_opinion.Parts, model: str | None = None, without: tuple[str, str] | None = None) -> float:
    scores = []
    for capability, pairs in parts.items():
        prompt = without[1] if without and without[0] == capability else None
        sides: dict[bool, list[float]] = {True: [], False: []}
        for pair, (match, links) in pairs.items():
            if model not in pair:
                is_same = SAMPLED_PROVIDERS[pair[0]] == SAMPLED_PROVIDERS[pair[1]]
                sides[is_same].append(second_opinion.convergence(match, links, prompt))
        scores.append(np.mean(sides[True]) - np.mean(sides[False]))
    return float(np.mean(scores))


@pytest.mark.parametrize("capabilities", [(TRUTH, SAFETY), (SAFETY,)], ids=["overall", "one capability"])
def test_the_interval_leaves_out_each_model_and_each_prompt(built: BuiltLake, capabilities: tuple[str, ...]) -> None:
    wave = grouped_samples()
    parts = {
        capability: second_opinion.pair_parts(
            "distributional", capability, answers_of(wave, capability), built.axes.vector
        )
        for capability in capabilities
    }
    factors = [np.array([difference(parts, model=model) for model in sorted(SAMPLED_PROVIDERS)])]
    for capability in capabilities:
        prompts = sorted(prompt for prompt, own in wave.prompts.items() if own == capability)
        factors.append(np.array([difference(parts, without=(capability, prompt)) for prompt in prompts]))
    variances = [(len(f) - 1) * f.var() for f in factors]
    df = sum(variances) ** 2 / sum(v**2 / (len(f) - 1) for v, f in zip(variances, factors, strict=True))
    half = t.ppf(0.975, df) * sum(variances) ** 0.5
    (found,) = built.rows(
        "SELECT difference, difference_ci_low, difference_ci_high FROM out.convergence_by_group "
        "WHERE panel = 'grouped-samples' AND group_name = '(all)' AND kernel = 'distributional' "
        f"AND capability = '{'overall' if len(capabilities) > 1 else capabilities[0]}'"
    )
    value = difference(parts)
    assert found == tuple(pytest.approx(x, abs=1e-5) for x in (value, value - half, value + half))


def test_within_a_group_leaves_out_its_own_models_and_no_others(built: BuiltLake) -> None:
    """Three of the five models are left's: leaving out the others would lend the interval degrees of freedom."""
    wave = grouped_samples()
    left = {model for model, provider in SAMPLED_PROVIDERS.items() if provider == "left"}
    parts = second_opinion.pair_parts("distributional", SAFETY, answers_of(wave, SAFETY), built.axes.vector)
    inside: second_opinion.Parts = {SAFETY: {pair: part for pair, part in parts.items() if left.issuperset(pair)}}
    found = built.rows(
        "SELECT within_ci_low, within_ci_high FROM out.convergence_by_group WHERE panel = 'grouped-samples' "
        f"AND group_name = 'left' AND kernel = 'distributional' AND capability = '{SAFETY}'"
    )
    assert found == [pytest.approx(second_opinion.interval(inside), abs=1e-5)]


def test_overall_leaves_prompts_out_of_the_pairs_that_every_capability_scores(built: BuiltLake) -> None:
    wave = curt(0)
    parts = {
        capability: second_opinion.pair_parts(
            "distributional", capability, answers_of(wave, capability), built.axes.vector
        )
        for capability in (TRUTH, SAFETY)
    }
    across = [pair for pair in parts[SAFETY] if CURT_PROVIDERS[pair[0]] != CURT_PROVIDERS[pair[1]]]
    of_overall: second_opinion.Parts = {c: {pair: pairs[pair] for pair in across} for c, pairs in parts.items()}
    found = built.rows(
        "SELECT between_ci_low, between_ci_high, n_between_pairs FROM out.convergence_by_group "
        "WHERE wave_id = 'curt/2026-01-01' AND group_name = '(all)' AND kernel = 'distributional' "
        "AND capability = 'overall'"
    )
    low, high = second_opinion.interval(of_overall)
    assert found == [(pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5), 4)]


ROUNDED = "COLUMNS(c -> c NOT IN ('wave_id', 'panel', 'model', 'seed', 'stability', 'place', 'cluster'))"


@pytest.mark.parametrize(
    "table", ["convergence_by_group", "homogeneity_ensemble", "homogeneity_bins", "format_entropy"]
)
def test_row_order_and_loads_repeated_change_no_digit(built: BuiltLake, table: str) -> None:
    plain, backwards = (
        built.rows(f"SELECT {ROUNDED} FROM out.{table} WHERE panel = '{panel}' ORDER BY ALL")
        for panel in ("grouped-samples", "grouped-backwards")
    )
    assert plain and plain == backwards


@pytest.mark.parametrize(
    "table", ["convergence_by_group", "homogeneity", "homogeneity_bins", "format_entropy", "clusters"]
)
def test_names_change_no_digit(built: BuiltLake, table: str) -> None:
    # architecture is the model's name in this panel, and keeps it
    plain, renamed = (
        built.rows(f"SELECT {ROUNDED} FROM out.{table} WHERE panel = '{panel}' ORDER BY ALL")
        for panel in ("grouped", "grouped-renamed")
    )
    assert plain and plain == renamed
