"""Money in words tells a hundredth of a cent from nothing, and never speaks of less than nothing."""

import pytest

from pipelines.asking.money import money


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (5, "5.00"), (0.5, "0.50"), (12.345, "12.35"), (1.2345, "1.234"), (1234.567, "1234.57"),
        (0.00123456, "0.001235"), (0.0000026, "0.0000026"), (0.001, "0.001"),
        (0, "0.00"), (-0.0, "0.00"), (-0.003, "0.00"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_money_has_four_digits_that_say_something(usd, words):
    assert money(usd) == words
