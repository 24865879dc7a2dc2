"""The small computations behind the charts of an experiment."""

from __future__ import annotations

import polars as pl
import pytest

from dashboards.experiments.figures.losses import thinned
from dashboards.experiments.figures.panels import points_of
from dashboards.experiments.wording import change, is_clear, sentence, signed

ROW = {
    "seed": 7, "epoch": 2, "value": 0.65, "change": -0.25, "ci_low": -0.35, "ci_high": -0.10,
    "canary_value": 0.8, "canary_change": None, "canary_ci_low": None, "canary_ci_high": None,
}  # fmt: skip


def test_a_bar_is_the_interval_of_the_change_around_the_level():
    target, canary = points_of([ROW], [])
    # at epoch 0 the level was 0.65 + 0.25 = 0.90; 0.90 - 0.35 = 0.55 to 0.90 - 0.10 = 0.80
    assert (target.role, target.low, target.high) == ("target", pytest.approx(0.55), pytest.approx(0.80))
    assert canary == ("canary", 7, 2, 0.8, None, None)


def test_epoch_0_has_no_bar_and_a_missing_value_no_point():
    first = {**ROW, "epoch": 0, "change": 0.0, "ci_low": 0.0, "ci_high": 0.0, "canary_value": None}
    assert points_of([first], [{**ROW, "value": None}]) == [("target", 7, 0, 0.65, None, None)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "+0.250"), (-0.25, "-0.250"), (0.0, "0.000"), (0.0001, "0.000"), (-0.0001, "0.000"), (None, "\u2013")],
)
def test_changes_have_a_sign_and_nothing_has_none(value, text):
    assert signed(value) == text


def test_a_change_without_an_interval_says_so():
    assert change(0.1, None, None) == "+0.100 (no interval)"
    assert change(None, 0.0, 1.0) == "\u2013"


@pytest.mark.parametrize(
    ("low", "high", "clear"),
    [(0.1, 0.2, True), (-0.2, -0.1, True), (0.0, 0.2, False), (-0.1, 0.1, False), (None, 1.0, False)],
)
def test_a_change_is_measured_where_its_interval_leaves_out_0(low, high, clear):
    assert is_clear({"ci_low": low, "ci_high": high}) is clear


def test_stored_text_ends_with_a_full_stop_once():
    assert [sentence("a"), sentence("a."), sentence("a?")] == ["a.", "a.", "a?"]


def test_long_losses_are_thinned_run_by_run_and_keep_both_ends():
    frame = pl.DataFrame({"run_id": ["a"] * 10 + ["b"] * 2, "step": [*range(10), 0, 1]})
    # 12 points, at most 4: every third of each run, and its last
    assert thinned(frame, 4).rows() == [("a", 0), ("a", 3), ("a", 6), ("a", 9), ("b", 0), ("b", 1)]
    assert thinned(frame, 12).equals(frame)
