"""Agreement on refusals: Cohen's kappa by hand, against scikit-learn, and null with a reason where it says nothing."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from models_sql.models.steps.refusals import refusal_kappas

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake


def pair(built: BuiltLake, a: str, b: str, columns: str, panel: str = "declining") -> Any:
    (found,) = built.rows(
        f"SELECT DISTINCT {columns} FROM out.refusal_agreement WHERE panel = '{panel}' AND comparison = 'models' "
        f"AND capability = 'overall' AND model_a = '{a}' AND model_b = '{b}'"
    )
    return found


def test_kappa_of_two_models_is_what_is_worked_out_by_hand(built: BuiltLake) -> None:
    columns = "detector_a, detector_b, n_prompts, n_answers, refusal_share_a, refusal_share_b, agreement_share, kappa"
    # both refuse 6 of 20, neither 8: agreement .7; expected .4 x .5 + .6 x .5 = .5; (.7 - .5) / .5 = .4.
    # One of coy's ten refusals is a cell that the API declined.
    found = pair(built, "bold", "coy", columns)
    assert found == ("rule", "rule", 20, 40, *(pytest.approx(x) for x in (0.4, 0.5, 0.7, 0.4)))


def test_the_interval_of_kappa_leaves_out_each_prompt(built: BuiltLake) -> None:
    def kappa(both: int, bold: int, coy: int, neither: int) -> float:
        n = both + bold + coy + neither
        a, b = (both + bold) / n, (both + coy) / n
        expected = a * b + (1 - a) * (1 - b)
        return ((both + neither) / n - expected) / (1 - expected)

    left_out = [kappa(5, 2, 4, 8)] * 6 + [kappa(6, 1, 4, 8)] * 2 + [kappa(6, 2, 3, 8)] * 4 + [kappa(6, 2, 4, 7)] * 8
    half = t.ppf(0.975, 19) * (19 * np.var(left_out)) ** 0.5
    low, high, reason = pair(built, "bold", "coy", "ci_low, ci_high, reason")
    assert (low, high, reason) == (pytest.approx(0.4 - half), pytest.approx(0.4 + half), None)


@pytest.mark.parametrize(
    ("panel", "a", "b", "kappa", "reason"),
    [
        pytest.param("declining", "meek", "mild", None, "neither ever refuses", id="nobody refuses"),
        pytest.param("all-refusing", "a", "b", None, "both always refuse", id="both always do"),
        pytest.param("declining", "bold", "meek", 0.0, None, id="one of them does"),
        pytest.param("single", "(all)", "(all)", None, "fewer than 2 models", id="one model"),
        pytest.param("hand", "(all)", "(all)", None, "no pair of models has a kappa", id="a wave without refusals"),
        pytest.param("empty", "(all)", "(all)", None, "no model counts in this wave", id="an empty wave"),
        pytest.param("alike", "x", "y", None, "fewer than 5 prompts that both rated", id="four prompts"),
    ],
)
def test_kappa_is_null_with_the_reason_where_it_says_nothing(
    built: BuiltLake, panel: str, a: str, b: str, kappa: float | None, reason: str | None
) -> None:
    expected = None if kappa is None else pytest.approx(kappa)
    assert pair(built, a, b, "kappa, reason", panel) == (expected, reason)


def test_the_wave_is_the_mean_over_pairs_that_have_a_kappa(built: BuiltLake) -> None:
    # bold-coy .4; four pairs with a model that never refuses 0; meek-mild none
    n_pairs, n_prompts, kappa, low, high = pair(built, "(all)", "(all)", "n_pairs, n_prompts, kappa, ci_low, ci_high")
    assert (n_pairs, n_prompts, kappa) == (5, 20, pytest.approx(0.4 / 5))
    assert low < kappa < high


def test_two_detectors_are_compared_on_the_same_answers_of_each_model() -> None:
    # of 10 answers the judge finds 4 refusals, the rule 3 of them and one more: agreement .8,
    # expected .4 x .4 + .6 x .6 = .52; (.8 - .52) / .48
    judge = {f"p{n}": {0: n < 2, 1: n < 2} for n in range(5)}
    rule = {prompt: dict(of) for prompt, of in judge.items()}
    rule["p1"][1], rule["p4"][0] = False, True
    rows = refusal_kappas.slice_rows({("rule", "m"): rule, ("judge", "m"): judge, ("rule", "other"): judge})
    (found,) = [row for row in rows if row["comparison"] == "detectors"]
    assert (found["detector_a"], found["detector_b"], found["model_a"], found["model_b"]) == ("judge", "rule", "m", "m")
    assert (found["n_prompts"], found["n_answers"], found["kappa"]) == (5, 10, pytest.approx(0.28 / 0.48))
    assert [row.get("model_b") for row in rows if row["comparison"] == "models"] == [None, "other", None]


def test_several_samples_agree_over_all_their_pairs() -> None:
    a = {f"p{n}": {0: True, 1: False} for n in range(6)}
    found, row = refusal_kappas.Agreement(a, a, is_paired=False).measured()
    # each side refuses half of the time on every prompt, so nothing tells the prompts apart
    assert (found.value, row["agreement_share"], row["n_answers"]) == (pytest.approx(0), 0.5, 24)


@settings(max_examples=100, deadline=None)
@given(answers=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=5, max_size=40))
def test_with_one_sample_a_prompt_kappa_is_cohens(answers: list[tuple[bool, bool]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    a, b = ({f"p{n}": {0: pair[k]} for n, pair in enumerate(answers)} for k in (0, 1))
    found = refusal_kappas.Agreement(a, b, is_paired=False).measured()[0].value
    swapped = refusal_kappas.Agreement(b, a, is_paired=False).measured()[0].value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = metrics.cohen_kappa_score(*zip(*answers, strict=True))
    assert np.array_equal([found], [swapped], equal_nan=True)
    assert found == pytest.approx(expected, nan_ok=True)
