"""How numbers and foreign text are written."""

from __future__ import annotations

import pytest

from dashboards.wording import DASH, cell, drift_size, estimate, inert, listed, night, number, p_value, share, usd


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.125, "0.12"), (-0.001, "0.00"), (-0.5, "-0.50"), (None, DASH), (float("nan"), DASH)],
)
def test_a_number_has_two_decimals_and_null_is_a_dash(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0042, "0.0042"), (0.3141, "0.314"), (-0.002, "-0.0020"), (None, DASH)])
def test_small_drifts_keep_two_significant_digits(value, text):
    assert drift_size(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.00005, "< 0.0001"), (0.0002, "0.0002"), (0.35, "0.35"), (1.0, "1.00"), (None, DASH)]
)
def test_a_p_value_is_never_written_as_zero(value, text):
    assert p_value(value) == text


def test_a_share_reaches_100_percent_only_when_nothing_is_missing():
    assert share(9999 / 10000) == "99.9 %"
    assert share(1.0) == "100 %"
    assert share(None) == DASH


def test_an_estimate_says_when_its_interval_or_itself_is_missing():
    assert estimate(0.5, 0.4, 0.6) == "0.50 [0.40, 0.60]"
    assert estimate(0.5, None, None) == "0.50 (no interval)"
    assert estimate(None, None, None) == "not enough data"


def test_an_unknown_cost_is_not_zero():
    assert usd(None) == "unknown"
    assert usd(0.0) == "0.0000"


def test_a_night_is_the_wave_without_its_panel():
    assert night("local/2026-11-18") == "2026-11-18"
    assert night("local/2026-11-18/evening") == "2026-11-18/evening"


def test_long_lists_say_how_many_they_leave_out():
    assert listed(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert listed(["a", "b"], most=2) == "a, b"


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x9b", "\u202e", "\u200b", "\u2028", "\n", "\ue000"])
def test_no_character_that_steers_survives(character):
    assert inert(f"a{character}b") == "a b"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\x00=", " ="])
def test_a_cell_is_no_formula_in_a_spreadsheet(start):
    assert cell(f"{start}1+1").startswith("'")


def test_an_empty_cell_is_a_dash_and_ordinary_text_stays():
    assert cell(None) == cell("") == DASH
    assert cell("lab/größe 1-2 = ok") == "lab/größe 1-2 = ok"
