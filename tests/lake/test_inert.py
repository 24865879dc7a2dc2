"""What a server wrote is shown, and obeyed by nothing."""

import pytest

from flows.progress import Step
from lake.inert import one_line, visible


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x9b2J\x7f\x00", r"\x9b2J\x7f\x00"),
        ("a\rb", r"a\x0db"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("日本語 é 👩\u200d👩\u200d👧", "日本語 é 👩\u200d👩\u200d👧"),
    ],
    ids=["escape sequence", "one-byte controls", "carriage return", "direction", "line ends", "other scripts"],
)
def test_what_steers_a_terminal_is_shown_as_an_escape_and_all_else_as_it_is(written: str, shown: str) -> None:
    assert visible(written) == shown


def test_a_notice_stays_one_line_whatever_a_server_put_into_it(capsys: pytest.CaptureFixture[str]) -> None:
    Step("ask").note("waiting 1 s: 429 from x\n  publish  all is well\x1b[8m")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "\x1b" not in said
    assert one_line("a\nb\u2028c") == r"a\x0ab\u2028c"
