"""The journal keeps what it was given, through crashes, and says so when something else damaged it."""

import resource
import signal
import subprocess
import sys
from datetime import UTC, date, datetime

import polars as pl
import pytest

from lake.errors import BusyError, StoreError
from lake.tables import RAW_ATTEMPTS
from pipelines.asking.journal import FRAME_SCHEMA, Journal, journal_frame, remaining
from pipelines.asking.records import Attempt


def attempt_of(question, outcome="ok", number=1, **more):
    cell = question.cell
    return Attempt(
        wave_id=cell.wave_id, wave_date=cell.wave_date, panel=cell.panel, model_requested=cell.model_requested,
        endpoint=cell.endpoint, prompt_id=cell.prompt_id, sample_index=cell.sample_index, purpose=cell.purpose,
        attempt=number, outcome=outcome, asked_at=datetime(2026, 8, 1, 2, 3, 4, 5, tzinfo=UTC), request="{}", **more,
    )  # fmt: skip


HOSTILE = 'line\nbreak \u2028 nul \x00 quote " slash \\ \x1b[31m é 😀 <script> =1+1'


def test_attempts_come_back_as_they_were_written(tmp_path, questions):
    first, second = questions(["a/one", "a/two"])
    written = [
        attempt_of(first, "error", error_class="timeout"),
        attempt_of(second, response_text=HOSTILE, cost_usd=0.1, prompt_tokens=3, latency_ms=1.5, body=HOSTILE),
    ]
    with Journal(tmp_path, "openrouter") as journal:
        for attempt in written:
            journal.append(attempt)
    assert list(Journal(tmp_path, "openrouter").attempts()) == written
    assert (tmp_path / "openrouter.jsonl").read_bytes().count(b"\n") == 2


def test_remaining_leaves_out_what_is_settled_and_puts_what_failed_last(tmp_path, questions):
    asked = questions(["a/one"], prompts=5)
    with Journal(tmp_path, "openrouter") as journal:
        journal.append(attempt_of(asked[0], "ok"))
        journal.append(attempt_of(asked[1], "error", 1))
        journal.append(attempt_of(asked[1], "error", 2))
        journal.append(attempt_of(asked[2], "error", 1))
        journal.append(attempt_of(asked[2], "declined", 2))
        journal.append(attempt_of(asked[3], "truncated"))
        left = remaining(asked, journal)
    assert [(q.cell.prompt_id, q.attempts_before) for q in left] == [("p4", 0), ("p1", 2)]
    assert journal.settled() == {asked[n].cell.key for n in (0, 2, 3)}


def test_spent_is_the_sum_of_known_costs(tmp_path, questions):
    one, two = questions(["a/one", "a/two"])
    with Journal(tmp_path, "e") as journal:
        journal.append(attempt_of(one, cost_usd=0.25))
        journal.append(attempt_of(two))
    assert journal.spent_usd() == 0.25


def test_a_line_cut_short_by_a_crash_is_dropped_and_writing_goes_on(tmp_path, questions):
    one, two = questions(["a/one", "a/two"])
    with Journal(tmp_path, "e") as journal:
        journal.append(attempt_of(one))
    with journal.path.open("ab") as file:
        file.write(b'{"wave_id": "test/2026-08-01", "wave_da')
    assert len(list(journal.attempts())) == 1
    assert journal_frame([journal.path]).height == 1
    with journal:
        journal.append(attempt_of(two))
    assert [a.model_requested for a in journal.attempts()] == ["a/one", "a/two"]


def test_a_first_line_cut_short_leaves_an_empty_journal(tmp_path, questions):
    path = tmp_path / "e.jsonl"
    path.write_bytes(b'{"wave' + b"x" * 100_000)
    with Journal(tmp_path, "e") as journal:
        assert path.stat().st_size == 0
        journal.append(attempt_of(questions(["a/one"])[0]))
    assert len(list(journal.attempts())) == 1


@pytest.mark.parametrize(
    "damage",
    [b"garbage", b'{"wave_id": "x"}', b'{"outcome": ', b"[1]", b'"text"', b"\x00\x00\x00", b"\xff\xfe"],
)
def test_a_line_damaged_in_the_middle_is_named(tmp_path, questions, damage):
    with Journal(tmp_path, "e") as journal:
        journal.append(attempt_of(questions(["a/one"])[0]))
    good = journal.path.read_bytes()
    journal.path.write_bytes(good + damage + b"\n" + good)
    with pytest.raises(StoreError, match=r"e\.jsonl:2 is not an attempt"):
        list(journal.attempts())
    with pytest.raises(StoreError, match=r"e\.jsonl:2 is not an attempt"):
        journal_frame([journal.path])


def test_a_second_process_is_told_that_the_journal_is_in_use(tmp_path):
    with Journal(tmp_path, "e"):
        code = "import sys; from pathlib import Path; from pipelines.asking.journal import Journal\n"
        code += "with Journal(Path(sys.argv[1]), 'e'): pass"
        result = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert "BusyError: Another process is asking e for this wave" in result.stderr
        with pytest.raises(BusyError), Journal(tmp_path, "e"):
            pass


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_whole_lines(tmp_path, questions):
    question = questions(["a/one"])[0]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(tmp_path, "e") as journal:
        journal.append(attempt_of(question))
        size = journal.path.stat().st_size
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
        try:
            for _ in range(2):  # the first is taken in part, the second not at all
                with pytest.raises(StoreError, match=r"e\.jsonl cannot be written .* free some space"):
                    journal.append(attempt_of(question))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
        journal.append(attempt_of(question, number=2))
    assert [a.attempt for a in journal.attempts()] == [1, 2]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written"), Journal(tmp_path / "file" / "wave", "e"):
        pass


def test_appending_outside_a_with_block_is_refused(tmp_path, questions):
    with pytest.raises(StoreError, match=r"is not open for writing"):
        Journal(tmp_path, "e").append(attempt_of(questions(["a/one"])[0]))


def test_an_endpoint_name_never_leaves_the_folder(tmp_path):
    assert Journal(tmp_path, "../../etc/x").path.parent == tmp_path


def test_the_frame_has_exactly_the_columns_and_types_of_raw_attempts(tmp_path, questions):
    one, two = questions(["a/one", "a/two"])
    for endpoint, question in (("e", one), ("f", two)):
        with Journal(tmp_path, endpoint) as journal:
            journal.append(attempt_of(question, response_text=HOSTILE, cost_usd=0.5, http_status=200))
    frame = journal_frame([tmp_path / "e.jsonl", tmp_path / "f.jsonl", tmp_path / "absent.jsonl"])
    assert frame.columns == [column.name for column in RAW_ATTEMPTS.columns]
    assert dict(frame.schema) == FRAME_SCHEMA
    row = frame.row(0, named=True)
    assert row["wave_date"] == date(2026, 8, 1)
    assert row["asked_at"] == datetime(2026, 8, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (row["response_text"], row["cost_usd"], row["http_status"]) == (HOSTILE, 0.5, 200)
    assert frame["model_requested"].to_list() == ["a/one", "a/two"]
    assert frame["error_class"].to_list() == [None, None]


def test_no_journal_gives_an_empty_frame_of_the_right_types():
    assert journal_frame([]).equals(pl.DataFrame(schema=FRAME_SCHEMA))
