"""Reading recorded answers: what is usable, and why the rest is kept out."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.errors import InputError
from pipelines.importers.rows import Recorded, Request, read

ROW: dict[str, Any] = {
    "model": "acme/one",
    "prompt_id": "p1",
    "prompt": "Why?",
    "response": "Because.",
    "sample_idx": 0,
    "observed_at": "2024-05-01T12:00:00+00:00",
}


def recorded(folder: Path, *rows: Any, lines: list[bytes] | None = None, **options: Any) -> Recorded:
    path = folder / "answers.jsonl"
    texts = [json.dumps({**ROW, **row} if isinstance(row, dict) else row).encode() for row in rows]
    path.write_bytes(b"\n".join([*texts, *(lines or [])]) + b"\n")
    return read(Request((path,), "recorded", options.pop("axis", "asked_at"), **options))


def reasons(found: Recorded) -> list[tuple[int, str]]:
    return list(found.rejects.select("file_row", "reason").rows())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"model": None}, "no model"),
        ({"model": "  "}, "no model"),
        ({"prompt": ""}, "no prompt"),
        ({"response": None}, "no answer"),
        ({"observed_at": None}, "no observed_at to date it by"),
        ({"observed_at": ""}, "no observed_at to date it by"),
        ({"observed_at": "last week"}, "wrong type: observed_at is no date or time"),
        ({"response": 7}, "wrong type: response is no text"),
        ({"sample_idx": 1.5}, "wrong type: sample_idx is no whole number"),
        ({"sample_idx": True}, "wrong type: sample_idx is no whole number"),
        ({"sample_idx": -1}, "sample_idx below 0"),
        ({"status": "mock"}, "a mock, not an answer"),
        ({"capability": "humour"}, "unknown capability"),
        ([1, 2], "unreadable line: not a JSON object"),
    ],
)
def test_a_bad_row_is_kept_out_with_its_reason_and_the_others_stay(tmp_path: Path, row: Any, reason: str) -> None:
    found = recorded(tmp_path, {"prompt_id": "p0", "prompt": "Who?"}, row)
    assert found.rows["prompt_id"].to_list() == ["p0"]
    assert reasons(found) == [(2, reason)]
    assert found.files[0].n_rows == 2


def test_lines_that_are_no_json_or_no_utf8_are_named_by_their_number(tmp_path: Path) -> None:
    found = recorded(tmp_path, {}, lines=[b'{"model": ', b'{"model": "\xff"}', b""])
    assert reasons(found) == [(2, "unreadable line: not JSON"), (3, "unreadable line: not UTF-8")]


def test_an_empty_answer_and_an_error_text_are_what_the_source_said(tmp_path: Path) -> None:
    found = recorded(
        tmp_path,
        {"response": ""},
        {"prompt_id": "p2", "prompt": "What?", "response": "ERROR: 404", "status": "error", "http_code": 404},
    )
    assert sorted(found.rows["response"]) == ["", "ERROR: 404"]
    assert found.rejects.is_empty()


def test_a_cell_said_twice_counts_once_and_one_answered_two_ways_not_at_all(tmp_path: Path) -> None:
    other = {"prompt_id": "p2", "prompt": "What?"}
    found = recorded(tmp_path, {}, {}, {**other, "response": "This."}, {**other, "response": "That."})
    assert found.rows["prompt_id"].to_list() == ["p1"]
    assert found.n_repeated == 1
    assert reasons(found) == [(3, "2 different answers for one cell"), (4, "2 different answers for one cell")]


def test_one_prompt_id_has_one_text_and_one_text_has_one_id(tmp_path: Path) -> None:
    found = recorded(
        tmp_path,
        {"model": "a"},
        {"model": "b"},
        {"model": "c", "prompt": "Why not?"},
        {"model": "a", "prompt_id": "p9", "prompt": "  why? ".strip()},
    )
    assert reasons(found) == [(3, "another text under the same prompt id"), (4, "repeats the text of prompt p1")]


def test_a_prompt_without_an_id_gets_one_from_its_text(tmp_path: Path) -> None:
    found = recorded(tmp_path, {"prompt_id": None}, {"prompt_id": " ", "model": "b"})
    # the first 16 digits of the SHA-256 of "Why?": the same on every machine
    assert found.rows["prompt_id"].unique().to_list() == ["text-5d8a995a6fa7cf7c"]


def test_a_day_dates_only_what_no_column_dates(tmp_path: Path) -> None:
    found = recorded(tmp_path, {}, {"prompt_id": "p2", "prompt": "W?", "observed_at": None}, day=date(2023, 1, 2))
    assert sorted(found.rows["wave_date"]) == [date(2023, 1, 2), date(2024, 5, 1)]


def test_a_mapped_column_is_read_and_one_that_no_file_has_is_refused(tmp_path: Path) -> None:
    found = recorded(tmp_path, {"generator": "acme/two"}, columns={"model": "generator"})
    assert found.rows["model"].to_list() == ["acme/two"]
    with pytest.raises(InputError, match="no file has a column 'writer'"):
        recorded(tmp_path, {}, columns={"model": "writer"})


def test_parquet_csv_and_jsonl_of_the_same_rows_are_read_alike(tmp_path: Path) -> None:
    rows = [
        {**ROW, "observed_at": datetime(2024, 5, 1, 12, tzinfo=UTC)},
        {**ROW, "prompt_id": "p2", "prompt": "Wo?", "response": 'a,\n"b" 🙂 ñ', "observed_at": None},
        {**ROW, "prompt_id": "p3", "prompt": "Wer?", "response": "", "observed_at": datetime(2024, 5, 2, tzinfo=UTC)},
        {**ROW, "prompt_id": "p4", "prompt": "Lang?", "response": "x" * 100_000, "observed_at": datetime(2024, 5, 2)},
    ]
    pl.DataFrame([{**row, "observed_at": str(row["observed_at"] or "")[:19] or None} for row in rows]).write_parquet(
        tmp_path / "a.parquet"
    )
    with (tmp_path / "a.jsonl").open("w") as file:
        file.writelines(json.dumps(row, default=str) + "\n" for row in rows)
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROW))
        writer.writeheader()
        writer.writerows(rows)
    found = [read(Request((tmp_path / name,), "p", "asked_at")) for name in ("a.parquet", "a.jsonl", "a.csv")]
    for one in found:
        assert one.rows.drop("file_sha").equals(found[0].rows.drop("file_sha"))
        assert reasons(one) == [(2, "no observed_at to date it by")]


def test_a_csv_row_of_another_width_is_kept_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("model,prompt,response,timestamp\na,Q,A,2024-01-01\na,Q2,A\n")
    found = read(Request((tmp_path / "a.csv",), "p", "asked_at"))
    assert found.rows.height == 1
    assert reasons(found) == [(2, "unreadable line: 3 cells under 4 columns")]


def test_a_copy_of_a_file_is_one_source(tmp_path: Path) -> None:
    recorded(tmp_path, {})
    (tmp_path / "copy.jsonl").write_bytes((tmp_path / "answers.jsonl").read_bytes())
    found = read(Request((tmp_path / "answers.jsonl", tmp_path / "copy.jsonl"), "p", "asked_at"))
    assert (len(found.files), found.rows.height, found.n_repeated) == (1, 1, 0)


@pytest.mark.parametrize(("name", "message"), [("no.jsonl", "There is no file"), ("a.xlsx", "is none of .csv")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(Request((tmp_path / name,), "p", "asked_at"))


def test_a_parquet_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="is not a whole Parquet file"):
        read(Request((tmp_path / "a.parquet",), "p", "asked_at"))


CELLS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["a", "b", ""]),
        "prompt_id": st.sampled_from(["p1", "p2"]),
        "prompt": st.sampled_from(["Why?", "Who?"]),
        "response": st.sampled_from(["yes", "no", "", None]),
        "observed_at": st.sampled_from(["2024-05-01", "2024-05-02", None]),
    }
)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(CELLS, max_size=12), data=st.data())
def test_the_order_of_rows_changes_no_cell_and_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(rows))
    folder = tmp_path_factory.mktemp("rows")
    one, two = (recorded(folder, *some) for some in (rows, shuffled))
    cells = ("wave_date", "series", "prompt_id", "sample_idx", "response", "prompt")
    assert one.rows.select(cells).sort(cells).equals(two.rows.select(cells).sort(cells))
    assert sorted(one.rejects["reason"]) == sorted(two.rejects["reason"])
    assert one.rows.height + one.rejects.height + one.n_repeated == len(rows)
    assert one.rows.select(cells[:4]).is_duplicated().sum() == 0
