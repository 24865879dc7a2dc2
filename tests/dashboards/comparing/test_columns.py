from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboards.comparing.columns import MOST_LINES, display_width, side_by_side, table, wrapped

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


def test_words_wrap_at_the_width_and_long_words_are_cut() -> None:
    assert wrapped("one two three\nfour", 8) == ["one two", "three", "four"]
    assert wrapped("abcdefghij kl", 4) == ["abcd", "efgh", "ij", "kl"]
    # a wide character takes two cells
    assert wrapped("日本語", 4) == ["日本", "語"]


@given(TEXTS)
def test_no_line_is_wider_than_asked_and_no_control_character_gets_out(text: str) -> None:
    for line in wrapped(text, 20):
        assert display_width(line) <= 20
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066" for c in line)


@given(TEXTS, TEXTS)
def test_two_texts_stand_beside_each_other_in_the_width(a: str, b: str) -> None:
    shown = side_by_side(("A", "B"), (a, b), 80).split("\n")
    assert len(shown) <= MOST_LINES + 3
    assert all(display_width(line) <= 80 for line in shown)


def test_a_hostile_answer_is_shown_and_not_obeyed() -> None:
    shown = side_by_side(("A", "B"), ("\x1b[2J gone", "plain"), 60)
    assert r"\x1b[2J gone" in shown
    assert "\x1b" not in shown


def test_an_answer_of_100_kilobytes_without_a_space_is_cut_and_counted() -> None:
    # 28 cells a line: 100,000 / 28 = 3,572 lines, 14 of them shown
    assert "… 3,558 more lines" in side_by_side(("A", "B"), ("a" * 100_000, "\U0001f600" * 50), 61)


def test_what_is_cut_is_counted() -> None:
    assert "… 86 more lines" in side_by_side(("A", "B"), ("line\n" * 99, ""), 60)


def test_a_name_with_a_line_end_stays_one_row_of_a_table() -> None:
    assert len(table(("model", "n"), [("two\nlines", "1")]).split("\n")) == 2
