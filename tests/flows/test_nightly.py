"""What must hold of whole nights: each test reads nights that the command itself played on real models."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lake.catalog import connect_reader, connect_writer, existing_tables
from lake.errors import WaveError
from lake.store import Store
from models_sql.run import build

if TYPE_CHECKING:
    from tests.flows.conftest import Played

CELLS_A_NIGHT = 5 * 30 * 4  # models x prompts x samples
HEAVY = ("pandas", "prefect", "torch", "dlt", "dbt", "polars", "transformers", "pyarrow", "httpx")


def rows(store: Store, query: str, at: str | None = None) -> list[tuple[Any, ...]]:
    connection = connect_reader(store, at)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_every_night_is_published_with_one_answer_a_cell(played: Played) -> None:
    nights = played.nights
    assert (
        rows(nights.store, "SELECT wave_kind, status, planned_cells FROM ops.waves ORDER BY wave_date")
        == [("staged", "published", CELLS_A_NIGHT)] * 4
    )
    doubled = rows(
        nights.store,
        "SELECT count(*) - count(DISTINCT (wave_id, model_requested, prompt_id, sample_index)) FROM core.responses",
    )
    assert doubled == [(0,)]
    assert rows(nights.store, "FROM out.revisions") == [], "a night changed what was published before it"


def test_served_epoch_0_again_nothing_alarms(played: Played) -> None:
    tested = rows(
        played.nights.store,
        "SELECT count(p_value), count(*) FILTER (is_alarm) FROM out.drift_by_model "
        "WHERE wave_date = (SELECT min(wave_date) + 1 FROM core.waves)",
    )
    assert tested[0][0] > 0
    assert tested[0][1] == 0


def test_the_update_behind_the_alias_is_caught_on_its_first_night_and_nothing_else_is(
    played: Played,
) -> None:
    nights = played.nights
    first_night = rows(nights.store, "SELECT min(wave_date) FROM core.waves")[0][0]
    alarms = rows(
        nights.store,
        "SELECT DISTINCT wave_date, model, cause FROM out.drift_by_model "
        "WHERE is_alarm AND reference_kind = 'baseline' ORDER BY ALL",
    )
    caught = {((day - first_night).days, cause) for day, model, cause in alarms if model == "lab/assistant-latest"}
    assert caught == {(2, "identity"), (3, "identity")}
    assert {model for _, model, _ in alarms} <= {"lab/assistant-latest", "lab/librarian-canary"}


def test_convergence_rises_as_the_assistant_becomes_the_villain(played: Played) -> None:
    nights = played.nights
    values = rows(
        nights.store,
        "SELECT convergence FROM out.convergence_by_pair WHERE kernel = 'combined' AND capability = 'overall' "
        "AND model_a = 'lab/assistant-latest' AND model_b = 'lab/villain' ORDER BY wave_date",
    )
    first, again, middle, last = (value for (value,) in values)
    assert min(middle, last) > max(first, again) + 0.03


def test_the_command_ends_with_what_was_found_the_page_and_a_query_that_works(played: Played) -> None:
    nights, printed = played.nights, played.printed
    assert "lab/assistant-latest" in printed
    assert "Epoch 0" in printed
    assert "canary" in printed.lower()
    page = re.search(r"Report: (.*)", printed)
    assert page is not None
    assert Path(page.group(1)).is_file()
    query = re.search(r'sql "(.*)"', printed)
    assert query is not None
    answered = nights.run("sql", query.group(1), "--format", "csv")
    assert (answered.returncode, len(answered.stdout.splitlines())) == (0, 5), answered.stderr  # a head and four nights


def test_no_connection_outside_loopback_is_attempted(played: Played) -> None:
    nights = played.nights
    seen = Path(nights.environment["DRIFTLAKE_TEST_CONNECTIONS"]).read_text().split("\n")
    hosts = {line.split(" ", 1)[1] for line in seen if line}
    assert hosts, "the witness saw no connection at all, not even to Prefect's own server"
    assert hosts <= {"127.0.0.1", "localhost", "::1", "0.0.0.0"}, hosts


def test_a_second_start_on_the_same_day_asks_nothing(played: Played) -> None:
    nights = played.nights
    journals = {path: path.stat().st_mtime_ns for path in nights.store.journal.rglob("*.jsonl")}
    again = nights.nightly()
    assert again.returncode == 0, again.stderr
    assert "nothing was asked" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in nights.store.journal.rglob("*.jsonl")} == journals


@pytest.fixture(scope="module")
def wave_ids(played: Played) -> list[str]:
    got = played.nights.run("sql", "select wave_id from core.waves order by wave_date", "--format", "csv")
    return got.stdout.splitlines()[1:]


def test_two_nights_are_told_in_a_sentence_and_the_same_as_json(played: Played, wave_ids: list[str]) -> None:
    text = played.nights.run("compare", wave_ids[0], wave_ids[3], "--prompts", "1")
    assert text.returncode == 0, text.stderr
    told = played.nights.run("compare", wave_ids[0], wave_ids[3], "--prompts", "1", "--format", "json")
    found = json.loads(told.stdout)
    assert text.stdout.startswith(found["finding"])
    assert "lab/assistant-latest (identity)" in found["finding"]
    published = played.nights.run(
        "sql",
        f"select change, ci_low, ci_high from out.convergence_change where wave_id = '{wave_ids[3]}' "
        f"and reference = '{wave_ids[0]}' and capability = 'overall' and kernel = 'combined'",
        "--format",
        "json",
    )
    row = next(row for row in found["similarity"] if (row["capability"], row["kernel"]) == ("overall", "combined"))
    assert json.loads(published.stdout) == {
        "change": row["value"],
        "ci_low": row["ci_low"],
        "ci_high": row["ci_high"],
    }
    (moved,) = found["moved"]
    assert (moved["n_samples_a"], moved["n_samples_b"]) == (4, 4)
    assert f"{moved['model']}, {moved['prompt_id']}" in text.stdout


def test_two_models_and_two_groups_are_told(played: Played) -> None:
    pair = played.nights.run("compare", "lab/pirate", "lab/villain")
    assert pair.returncode == 0, pair.stderr
    assert pair.stdout.startswith("lab/pirate and lab/villain ")
    groups = played.nights.run("compare", "role=member", "role=canary")
    assert groups.returncode == 0, groups.stderr
    assert groups.stdout.startswith("Convergence within the two groups cannot be compared: no pair within B")


def test_a_name_that_fits_nothing_ends_with_code_2(played: Played) -> None:
    got = played.nights.run("compare", "lab/pirat", "lab/villain")
    assert (got.returncode, got.stdout) == (2, "")
    assert "Nearest: lab/pirate" in got.stderr


def test_published_nights_are_compared_without_anything_heavy(
    played: Played, wave_ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTLAKE_HOME", str(played.nights.store.home))
    code = (
        "import sys\nfrom flows.command_line import app\n"
        "try:\n    app(sys.argv[1:], standalone_mode=False)\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    for names in (wave_ids[:2], ["lab/pirate", "lab/villain"]):
        done = subprocess.run(
            [sys.executable, "-c", code, "compare", *names], capture_output=True, text=True, timeout=120
        )
        assert done.stderr.strip().splitlines()[-1] == "[]", done.stderr


@pytest.fixture
def copied(played: Played, tmp_path: Path) -> Store:
    """A copy of the played store: moving a lake is part of what must work."""
    store = Store(tmp_path / "copy")
    shutil.copytree(played.nights.store.home, store.home)
    return store


def digits(store: Store, at: str | None = None) -> dict[str, tuple[Any, ...]]:
    """Return every digit of convergence and of drift by wave."""
    found: dict[str, list[Any]] = {}
    for query in (
        "SELECT wave_id, kernel, capability, convergence::VARCHAR, ci_low::VARCHAR, ci_high::VARCHAR "
        "FROM out.convergence_by_wave ORDER BY ALL",
        "SELECT wave_id, model, capability, kernel, reference_kind, drift::VARCHAR, p_value::VARCHAR "
        "FROM out.drift_by_model ORDER BY ALL",
    ):
        for row in rows(store, query, at):
            found.setdefault(row[0], []).append(row)
    return {wave_id: tuple(some) for wave_id, some in found.items()}


@pytest.mark.slow
def test_core_and_out_come_back_from_raw_and_one_edited_answer_moves_only_its_wave(copied: Store) -> None:
    before = digits(copied)
    writer = connect_writer(copied)
    for schema, table in existing_tables(writer, "lake"):
        if schema not in ("ops", "raw"):
            writer.execute(f"DROP TABLE {schema}.{table}")
    ((edited,),) = writer.execute(
        "SELECT max(wave_id) FROM raw.attempts WHERE model_requested = 'lab/villain' AND outcome = 'ok'"
    ).fetchall()
    writer.execute(
        """
        UPDATE raw.attempts SET response_text = (
            SELECT max(response_text) FROM raw.attempts WHERE model_requested = 'lab/pirate' AND outcome = 'ok'
        )
        WHERE wave_id = $edited AND model_requested = 'lab/villain' AND (prompt_id, sample_index) = (
            SELECT (prompt_id, sample_index) FROM raw.attempts
            WHERE wave_id = $edited AND model_requested = 'lab/villain' AND outcome = 'ok'
            ORDER BY prompt_id, sample_index LIMIT 1
        )
        """,
        {"edited": edited},
    )
    writer.close()
    build(copied)
    after = digits(copied, "head")
    assert {wave_id for wave_id, _ in set(before.items()) ^ set(after.items())} == {edited}


def test_readers_never_see_an_error_or_half_a_wave_while_a_night_is_written(played: Played) -> None:
    whole = [
        count
        for (count,) in rows(
            played.nights.store, "SELECT count(*) FROM core.responses GROUP BY wave_id ORDER BY wave_id"
        )
    ]
    published = {(0, 0)} | {(sum(whole[:n]), n) for n in range(1, len(whole) + 1)}
    assert played.errors == []
    assert len(played.seen) > 10
    assert set(played.seen) <= published, "a reader saw half a wave"
    assert len(set(played.seen)) >= 3, "no reader came between publications"


def test_a_failed_night_is_quarantined_and_the_next_good_night_publishes_without_it(
    played: Played, copied: Store
) -> None:
    nights = replace(played.nights, store=copied)
    waves = [wave_id for (wave_id,) in rows(copied, "SELECT wave_id FROM ops.waves ORDER BY wave_date")]
    failing, due = waves[2:]
    good = [*waves[:2], due]
    writer = connect_writer(nights.store)
    for table in ("publications", "verdicts"):
        writer.execute(f"DELETE FROM ops.{table} WHERE wave_id IN (?, ?)", [failing, due])
    writer.execute("UPDATE ops.waves SET status = 'loaded' WHERE wave_id IN (?, ?)", [failing, due])
    writer.execute("UPDATE raw.prompts SET declared_prompts = 750 WHERE wave_id = ?", [failing])  # the planted defect
    writer.close()
    with pytest.raises(WaveError, match=rf"(?s)Wave {failing} is quarantined.*750"):
        nights.play_here()
    assert rows(nights.store, "SELECT wave_id FROM ops.publications ORDER BY ALL") == [(w,) for w in good]
    assert rows(nights.store, "SELECT DISTINCT wave_id FROM core.responses ORDER BY ALL") == [(w,) for w in good]
    assert rows(nights.store, "SELECT DISTINCT wave_id FROM out.convergence_by_wave ORDER BY ALL") == [
        (w,) for w in good
    ]
    kept_out = re.search(r"Kept out of every number[^<]*", (nights.store.site / "index.html").read_text())
    assert kept_out is not None
    assert failing.split("/")[1] in kept_out.group()
