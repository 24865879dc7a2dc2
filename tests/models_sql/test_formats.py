"""Entropy of format classes, and how far it fell since epoch 0: by hand, as properties, and with reasons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy
from scipy.stats import t

from models_sql.models.steps.formats import format_estimates

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake


def bits(*counts: int) -> float:
    return -sum(n / sum(counts) * math.log2(n / sum(counts)) for n in counts if n)


def row(built: BuiltLake, day: int, model: str, columns: str) -> Any:
    (found,) = built.rows(
        f"SELECT {columns} FROM out.format_entropy WHERE wave_id = 'shapes/2026-01-0{day + 1}' "
        f"AND model = '{model}' AND capability = 'overall'"
    )
    return found


def test_shares_and_entropy_are_what_is_worked_out_by_hand(built: BuiltLake) -> None:
    columns = (
        "n_models, n_prompts, n_answers, dominant_class, dominant_share, bullets_share, one_liner_share, code_share"
    )
    assert row(built, 1, "tuned", columns) == (1, 20, 20, "one_liner", 0.9, 0.1, 0.9, 0.0)
    assert row(built, 1, "tuned", "entropy_bits") == (pytest.approx(bits(2, 18)),)
    # half and half: of equals the first in the order of the rule
    assert row(built, 0, "tuned", "dominant_class, entropy_bits") == ("bullets", pytest.approx(1))
    assert row(built, 0, "(all)", "n_models, n_prompts, n_answers") == (2, 20, 40)
    assert row(built, 0, "(all)", "entropy_bits, ci_low, reason") == (
        pytest.approx(bits(10, 30)),
        None,
        "no interval: fewer than 3 models or 2 prompts",
    )


def test_the_interval_leaves_out_each_prompt(built: BuiltLake) -> None:
    left_out = np.array([bits(1, 18)] * 2 + [bits(2, 17)] * 18)
    half = t.ppf(0.975, 19) * math.sqrt(19 * left_out.var())
    low, high = row(built, 1, "tuned", "ci_low, ci_high")
    assert (low, high) == (pytest.approx(bits(2, 18) - half), pytest.approx(bits(2, 18) + half))
    left_out = np.array([18 / 19] * 2 + [17 / 19] * 18)
    half = t.ppf(0.975, 19) * math.sqrt(19 * left_out.var())
    low, high = row(built, 1, "tuned", "dominant_ci_low, dominant_ci_high")
    assert (low, high) == (pytest.approx(0.9 - half), pytest.approx(0.9 + half))


def test_the_collapse_is_measured_on_the_prompts_answered_at_every_epoch(built: BuiltLake) -> None:
    columns = "experiment, epoch, epoch_0_wave_id, first_epoch, n_matched_prompts, epoch_0_entropy_bits, collapse_bits"
    # 19 prompts, because the last is not answered at epoch 8: 10 bullets and 9 lines, then 2 and 17, then none
    assert row(built, 2, "tuned", columns) == (
        *("training", 8, "shapes/2026-01-01", 2, 19),
        *(pytest.approx(bits(10, 9)), pytest.approx(bits(10, 9))),
    )
    share = (bits(10, 9) - bits(2, 17)) / bits(10, 9)
    found, low, high, reason = row(
        built, 2, "tuned", "first_epoch_share, first_epoch_ci_low, first_epoch_ci_high, collapse_reason"
    )
    assert found == pytest.approx(share)
    # without a prompt in bullets then and now, in bullets then only, in lines at all three
    moved = [(bits(9, 9), bits(1, 17))] * 2 + [(bits(9, 9), bits(2, 16))] * 8 + [(bits(10, 8), bits(2, 16))] * 9
    left_out = np.array([(then - first) / then for then, first in moved])
    half = t.ppf(0.975, 18) * math.sqrt(18 * left_out.var())
    assert (low, high, reason) == (pytest.approx(share - half), pytest.approx(share + half), None)
    # by the first epoch all of it had happened
    assert row(built, 1, "tuned", "collapse_bits, first_epoch_share") == (pytest.approx(1 - bits(2, 18)), 1.0)


@pytest.mark.parametrize(
    ("day", "model", "reason"),
    [(0, "tuned", "this is epoch 0"), (2, "plain", "not a checkpoint"), (2, "(all)", "not a checkpoint")],
)
def test_where_there_is_no_collapse_to_tell_it_says_why(built: BuiltLake, day: int, model: str, reason: str) -> None:
    assert row(built, day, model, "collapse_bits, first_epoch_share, collapse_reason") == (None, None, reason)


def test_a_path_that_does_not_fall_has_no_share() -> None:
    counts = {f"p{n}": np.eye(7)[n % 2] for n in range(6)}
    found = format_estimates.collapse_row([format_estimates.Path(counts, counts, counts)])
    assert found["collapse_bits"] == 0
    assert found["collapse_reason"] == "no collapse" and "first_epoch_share" not in found
    nothing = format_estimates.collapse_row([format_estimates.Path(counts, {}, counts)])
    assert nothing == {"n_matched_prompts": 0, "collapse_reason": "no prompt answered at all three epochs"}


def test_a_wave_without_an_answer_has_a_reason_instead_of_zero(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT DISTINCT n_answers, entropy_bits, dominant_share, prose_share, reason FROM out.format_entropy "
        "WHERE panel = 'empty'"
    )
    assert rows == [(0, None, None, None, "no model counts in this wave")]


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(0, 50), min_size=7, max_size=7).filter(any))
def test_entropy_is_scipys_between_nothing_and_log2_of_seven(counts: list[int]) -> None:
    found = float(format_estimates.entropy(np.array(counts, dtype=float)))
    assert found == pytest.approx(scipy_entropy(counts, base=2), abs=1e-12)
    assert -1e-12 <= found <= math.log2(7) + 1e-12
    assert np.isnan(format_estimates.entropy(np.zeros(7)))
