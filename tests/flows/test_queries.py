import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows.queries import answer, report_path, status_text
from lake.catalog import connect_writer, create_lake
from lake.errors import InputError
from lake.store import Store

HOSTILE = "=cmd|' /C calc'!A0 \x1b[31mred\x1b[0m \x07 <script>alert(1)</script>"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("queries") / "store")
    create_lake(store)
    connect_writer(store).execute(
        "INSERT INTO raw.training_loss VALUES (?, 1, 0.5, 2.25, 0.001), ('plain', 2, 1.0, 1.25, 0.001)", [HOSTILE]
    )
    return store


def ask(store: Store, query: str, form: str, at: str | None = "head") -> str:
    out = io.StringIO()
    answer(store, query, at, form, out)
    return out.getvalue()


def test_a_hostile_text_is_inert_in_table_and_csv_and_whole_in_json(store: Store) -> None:
    query = "SELECT run_id FROM raw.training_loss ORDER BY step"
    for form in ("table", "csv"):
        text = ask(store, query, form)
        assert "\x1b" not in text
        assert "\x07" not in text
        assert r"\x1b[31mred" in text or r"\e[31mred" in text, "an escape is shown, not dropped"
    assert "'=cmd|" in ask(store, query, "csv")
    assert json.loads(ask(store, query, "json").splitlines()[0]) == {"run_id": HOSTILE}


def test_csv_and_json_carry_numbers_and_nulls(store: Store) -> None:
    query = "SELECT loss, NULL AS missing, 'a' AS text FROM raw.training_loss WHERE step = 1"
    assert ask(store, query, "csv") == "loss,missing,text\n2.25,,a\n"
    assert json.loads(ask(store, query, "json")) == {"loss": 2.25, "missing": None, "text": "a"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
def test_a_text_that_a_spreadsheet_would_run_is_a_text_in_csv_and_verbatim_in_json(store: Store, start: str) -> None:
    query = f"SELECT concat(chr({ord(start)}), '1+1') AS said, -1 AS number, -1.5 AS cost, 'a-b' AS harmless"
    said, *rest = next(csv.reader(io.StringIO(ask(store, query, "csv").split("\n", 1)[1], newline="")))
    assert said.startswith("'")
    assert rest == ["-1", "-1.5", "a-b"]
    assert json.loads(ask(store, query, "json"))["said"] == f"{start}1+1"


def test_a_column_name_is_no_formula_either(store: Store) -> None:
    assert ask(store, 'SELECT 1 AS "=1+1"', "csv") == "'=1+1\n1\n"


def test_parquet_is_a_parquet_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    with path.open("w") as file:
        answer(store, "SELECT step FROM raw.training_loss ORDER BY step", "head", "parquet", file)
    assert pq.read_table(path).to_pydict() == {"step": [1, 2]}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM head.raw.training_loss",
        "INSERT INTO pinned.raw.training_loss VALUES ('x', 1, 1, 1, 1)",
        "DROP TABLE head.raw.training_loss",
        "CREATE TABLE head.raw.more (a INTEGER)",
    ],
)
def test_nothing_can_be_written(store: Store, statement: str) -> None:
    with pytest.raises(InputError, match="cannot be answered"):
        ask(store, statement, "table")
    assert "2" in ask(store, "SELECT count(*) AS n FROM raw.training_loss", "csv")


def test_a_wrong_query_and_a_wrong_form_are_said(store: Store) -> None:
    with pytest.raises(InputError, match=r"(?s)cannot be answered: .*nothing_here"):
        ask(store, "FROM nothing_here", "table")
    with pytest.raises(InputError, match="'xml' is not known"):
        ask(store, "SELECT 1", "xml")


def test_status_and_report_before_the_first_wave(store: Store) -> None:
    assert str(store.home) in status_text(store, None)
    with pytest.raises(InputError, match="no wave was published"):
        report_path(store)


def test_help_and_sql_import_nothing_heavy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes them slow is an import; a clock would only measure the machine."""
    monkeypatch.setenv("DRIFTLAKE_HOME", str(store.home))
    code = (
        "import sys\nfrom flows.command_line import app\n"
        "try:\n    app(sys.argv[1:], standalone_mode=False)\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'prefect', 'torch', 'dlt', 'dbt', 'polars', 'transformers', 'pyarrow', 'httpx'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    for arguments in (["--help"], ["sql", "select 1"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
        assert done.stderr.strip().splitlines()[-1] == "[]", (arguments, done.stderr)
