"""A text that is cut holds no part of a secret."""

import pytest

from pipelines.asking.shortening import shortened

KEY = "sk-or-v1-0123456789abcdef"


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert shortened(KEY, len(KEY)) == KEY


@pytest.mark.parametrize("before", ["the key is ", '{"key":"', "x" * 1000 + " ", ""])
def test_a_cut_anywhere_inside_a_key_leaves_nothing_of_it(before: str) -> None:
    text = f"{before}{KEY} and more words after it"
    for limit in range(len(before) + 1, len(before) + len(KEY) + 1):
        cut = shortened(text, limit)
        assert len(cut) <= limit
        assert "sk" not in cut
        assert cut.endswith("…")


def test_one_endless_word_is_kept_but_for_its_end() -> None:
    assert shortened("x" * 5000, 2000) == "x" * 1599 + "…"
