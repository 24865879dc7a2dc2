"""Progress of training as people see it."""

from __future__ import annotations

import io

from pipelines.checkpoints.training import Progress
from pipelines.laboratory.progress import ProgressLine


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _run(line, total=200):
    for done in range(1, total + 1):
        line(Progress("base model", done, total, 2.0, float(total - done)))


def test_off_a_terminal_about_ten_lines_are_printed():
    stream = io.StringIO()
    _run(ProgressLine(stream=stream))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11  # the first step, then one at each tenth
    assert lines[1] == "training base model:  10%, loss 2.00, about 180 s left"
    assert lines[-1] == "training base model: 100%, loss 2.00"


def test_on_a_terminal_one_line_is_kept_up_to_date():
    stream = _Terminal()
    _run(ProgressLine(stream=stream))
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().count("\r") == 101


def test_lines_go_to_the_callers_note_where_one_is_given():
    said = []
    _run(ProgressLine(said.append))
    assert len(said) == 11
