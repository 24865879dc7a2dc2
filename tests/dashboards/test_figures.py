"""The small computations behind the charts."""

from __future__ import annotations

import polars as pl
import pytest

from dashboards.figures.pairs import legend, order, thresholds
from dashboards.figures.parts import milliseconds, night_axis, spread


def test_labels_are_moved_apart_in_their_order():
    # 0.40 and 0.41 would touch: the upper goes to 0.50, and both shift down by the mean of what was added, 0.09 / 2
    assert spread([0.41, 0.40], 0.1) == pytest.approx([0.455, 0.355])


def test_labels_that_do_not_touch_stay():
    assert spread([0.9, 0.1, 0.5], 0.1) == pytest.approx([0.9, 0.1, 0.5])


def test_colour_steps_cover_the_values_rounded_outward():
    # 0.07 .. 0.33 -> 0.05 .. 0.35, six steps of 0.05
    assert thresholds([0.07, 0.33]) == pytest.approx([0.10, 0.15, 0.20, 0.25, 0.30])
    assert [words for _, words in legend(thresholds([0.07, 0.33]))] == [
        "below 0.10", "0.10 to 0.15", "0.15 to 0.20", "0.20 to 0.25", "0.25 to 0.30", "0.30 and above",
    ]  # fmt: skip


def test_equal_values_still_have_steps():
    assert len(set(thresholds([0.2, 0.2]))) == 5


def test_models_stand_by_their_mean_with_the_unscored_last():
    # a: (0.1 + 0.5) / 2 = 0.3; b: (0.1 + 0.3) / 2 = 0.2; c: (0.5 + 0.3) / 2 = 0.4; d is in no scored pair
    pairs = pl.DataFrame(
        {"model_a": ["a", "a", "b", "a"], "model_b": ["b", "c", "c", "d"], "convergence": [0.1, 0.5, 0.3, None]}
    )
    assert order(pairs) == ["c", "a", "b", "d"]


def test_a_day_is_midnight_utc():
    from datetime import date

    assert milliseconds(date(1970, 1, 2)) == 86_400_000


@pytest.mark.parametrize(("n_nights", "n_labels"), [(1, 1), (4, 4), (6, 6), (7, 4), (30, 5)])
def test_few_nights_are_labelled_and_the_newest_always(n_nights, n_labels):
    from datetime import date, timedelta

    days = [date(2026, 11, 1) + timedelta(days=number) for number in range(n_nights)]
    marked = night_axis(days, "live")["axis"]["values"]
    # 7 nights: every second from the newest = 4; 30 nights: 29 / 5 rounded up = every sixth = 5
    assert len(marked) == n_labels
    assert max(marked) == milliseconds(days[-1])
