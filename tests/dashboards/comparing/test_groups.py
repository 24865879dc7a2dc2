from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.comparing.groups import QUANTITIES, value_of

PAIRS = {("a1", "a2"): 0.6, ("a1", "b1"): 0.1, ("a1", "b2"): 0.2, ("a2", "b1"): 0.3, ("a2", "b2"): 0.4}
PAIRS |= {("b1", "b2"): 0.9}
A, B = frozenset({"a1", "a2"}), frozenset({"b1", "b2"})


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("within_a", 0.6),
        ("within_b", 0.9),
        ("between", (0.1 + 0.2 + 0.3 + 0.4) / 4),
        ("difference", 0.9 - 0.6),
        ("separation", (0.6 + 0.9) / 2 - 0.25),
    ],
)
def test_two_groups_of_two_give_what_is_worked_out_by_hand(quantity: str, expected: float) -> None:
    assert value_of(quantity, PAIRS, A, B) == pytest.approx(expected)


def test_a_group_of_one_model_has_no_pair_within_and_nothing_that_needs_it() -> None:
    alone = frozenset({"a1"})
    found = {quantity: value_of(quantity, PAIRS, alone, B) for quantity in QUANTITIES}
    assert found == {
        "within_a": None,
        "within_b": 0.9,
        "between": pytest.approx(0.15),
        "difference": None,
        "separation": None,
    }


@given(st.dictionaries(st.sampled_from(sorted(PAIRS)), st.floats(-1, 1), min_size=1))
def test_groups_exchanged_turn_the_sign_and_a_group_with_itself_is_zero(pairs: dict[tuple[str, str], float]) -> None:
    there, back = value_of("difference", pairs, A, B), value_of("difference", pairs, B, A)
    assert there is None or back is None or there == -back
    assert value_of("separation", pairs, A, B) == value_of("separation", pairs, B, A)
    for quantity in ("difference", "separation"):
        assert value_of(quantity, pairs, A, A) in (0.0, None)
