"""Published numbers that later change are listed, once and for good; a build that changes none lists none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import jinja2
import pytest

from lake import waves
from lake.catalog import connect_reader, connect_writer
from lake.store import Store
from models_sql.run import PROJECT, build
from tests.models_sql.scenarios import hand
from tests.models_sql.small_lakes import Axes, SmallWave, fill

FIRST, SECOND, THIRD = (f"hand/2026-01-0{day}" for day in (1, 2, 3))
REASONS = {
    "withdrawn": ("DELETE FROM core.waves WHERE panel = 'withdrawn'", "wave withdrawn"),
    "reference": ("UPDATE out.drift_by_model SET reference = 'another' WHERE panel = 'reference'", "another reference"),
    "answers": ("UPDATE raw.attempts SET outcome = 'empty' WHERE panel = 'answers'", "new answers"),
    "verdicts": ("UPDATE core.model_waves SET is_withheld = true WHERE panel = 'verdicts'", "other verdicts"),
    "vectors": (
        "DELETE FROM raw.embeddings WHERE text_sha IN (SELECT sha256(response_text) FROM raw.attempts "
        "WHERE panel = 'vectors')",
        "new vectors",
    ),
    "code": ("UPDATE ops.publications SET code_version = 'another'", "code changed"),
}
"""What happens in a panel, and the reason that its revisions give."""

REVISIONS = "changed_numbers wave_causes revision_reasons revisions"


def publish(store: Store, wave_id: str, code_version: str = "one") -> None:
    connection = connect_writer(store)
    wave = waves.find(connection, wave_id)
    assert wave is not None
    waves.publish(connection, wave, wave.started_at + timedelta(hours=1), (), code_version)
    connection.close()


def write(store: Store, *statements: str) -> None:
    connection = connect_writer(store)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    return connect_reader(store, "head").execute(query).fetchall()


def revised(store: Store, candidate: str | None = THIRD) -> list[tuple[Any, ...]]:
    """Build the revisions alone, over tables as they lie; return them all."""
    build(store, candidate, REVISIONS)
    return rows(store, "FROM out.revisions ORDER BY ALL")


@pytest.fixture(scope="module")
def three_nights(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three nights with the same answers, all modelled; the first two were published. So were those of REASONS."""
    store = Store(tmp_path_factory.mktemp("three_nights"))
    others = [replace(named(panel), day=day) for panel in REASONS for day in range(2)]
    fill(store, [*others, *(replace(hand(), day=day) for day in range(3))], Axes())
    build(store, select="+revisions")
    for wave_id in (*(wave.wave_id for wave in others), FIRST, SECOND):
        publish(store, wave_id)
    return store


def named(panel: str) -> SmallWave:
    """Return the hand panel in words of its own, so that its vectors are its own."""
    answers = {cell: f"{text} {panel}" for cell, text in hand().answers.items()}
    return replace(hand(), panel=panel, answers=answers)


@pytest.fixture
def store(three_nights: Store, copy_of: Callable[[Store], Store]) -> Store:
    return copy_of(three_nights)


@pytest.mark.slow
def test_an_edited_answer_of_an_old_wave_lists_the_numbers_it_moved_and_no_others(store: Store) -> None:
    edited = f"WHERE wave_id = '{FIRST}' AND model_requested = 'bob' AND prompt_id = 'p1'"
    write(store, f"UPDATE raw.attempts SET response_text = 'the sea1 was1 not1 calm1' {edited}")
    build(store, THIRD, "+revisions")
    found = rows(
        store,
        "SELECT wave_id, model, other_model, before, after, reason, split_part(publication_id, '#', 1), revised_with "
        "FROM out.revisions WHERE table_name = 'convergence_by_pair' AND column_name = 'match' "
        "AND kernel = 'distributional' AND capability = 'overall' ORDER BY ALL",
    )
    # ann-bob was (3 + 2 x .6) / 5 = .84 and is (.2 + 2 + 2 x .6) / 5 = .68; bob-cat was .2, is (1 + 4 x .2) / 5 = .36
    assert found == [
        (FIRST, "ann", "bob", pytest.approx(0.84), pytest.approx(0.68), "new answers", SECOND, THIRD),
        (FIRST, "bob", "cat", pytest.approx(0.2), pytest.approx(0.36), "new answers", SECOND, THIRD),
    ]
    assert rows(store, "SELECT DISTINCT wave_id FROM out.revisions ORDER BY 1") == [(FIRST,), (SECOND,)]
    # the second night is compared with the first: its change and drift moved, though none of its answers did
    moved = rows(store, f"SELECT DISTINCT table_name, reason FROM out.revisions WHERE wave_id = '{SECOND}' ORDER BY 1")
    assert moved == [("convergence_change", "new answers"), ("drift_by_model", "new answers")]
    listed = rows(store, "FROM out.revisions ORDER BY ALL")
    assert revised(store) == listed, "building twice listed twice"
    publish(store, THIRD)
    assert revised(store, None) == listed, "a revision once published did not stay as it was"
    write(store, f"UPDATE out.convergence_by_wave SET chance = .5 WHERE wave_id = '{THIRD}' AND kernel = 'combined'")
    later = set(revised(store, None)) - set(listed)
    assert {(row[0], row[10], row[14].split("#")[0]) for row in later} == {(THIRD, "chance", THIRD)}


def test_every_revision_names_the_first_reason_that_holds(store: Store) -> None:
    causes = [cause for cause, _ in REASONS.values()]
    write(store, *causes, "UPDATE out.drift_by_model SET drift = .125, is_alarm = true WHERE panel <> 'hand'")
    found = {(row[2], row[10], row[12], row[13]) for row in revised(store)}
    assert found == {
        (panel, column, value, reason)
        for panel, (_, reason) in REASONS.items()
        for column, value in (("drift", 0.125), ("is_alarm", 1.0))
    }
    write(store, "UPDATE ops.publications SET code_version = null")
    assert {row[13] for row in revised(store) if row[2] == "code"} == {"code changed"}, "no version told its code then"


@pytest.mark.slow
def test_neither_a_new_column_nor_a_new_table_nor_a_wave_that_nobody_saw_is_a_revision(store: Store) -> None:
    write(
        store,
        "ALTER TABLE out.convergence_by_wave RENAME COLUMN ci_low TO other",
        "ALTER TABLE out.drift_by_model RENAME TO other",
        "ALTER TABLE out.revisions DROP COLUMN code_after",
        "DELETE FROM ops.publications WHERE wave_id <> 'code/2026-01-01'",
    )
    publish(store, SECOND)
    write(
        store,
        "ALTER TABLE out.convergence_by_wave RENAME COLUMN other TO ci_low",
        "ALTER TABLE out.other RENAME TO drift_by_model",
        f"UPDATE out.convergence_by_wave SET chance = .5 WHERE wave_id = '{THIRD}'",
        "UPDATE out.convergence_by_wave SET ci_low = .5",
        "UPDATE out.drift_by_model SET drift = .5",
    )
    assert revised(store) == []
    write(store, f"DELETE FROM out.convergence_by_wave WHERE wave_id = '{SECOND}' AND kernel = 'combined'")
    gone = [row for row in revised(store) if row[10] == "convergence"]
    assert [row[12] for row in gone] == [None] * len(gone) and gone


def test_before_the_first_publication_nothing_can_be_revised(store: Store) -> None:
    write(store, "DELETE FROM ops.publications WHERE true", "UPDATE out.convergence_by_wave SET chance = .5")
    assert revised(store) == []


@pytest.mark.parametrize(
    ("waves_now", "reason"),
    [
        ([("w2", "b")], "another reference"),  # the reference was withdrawn, after an answer of it changed
        ([("w1", "other"), ("w2", "b")], "another reference"),  # it has another battery by now
        ([("w1", "b"), ("w2", "b")], "new answers"),  # it is still there: the model left it, or left this wave
        ([("w1", "b")], "wave withdrawn"),
    ],
)
def test_a_comparison_that_lost_its_reference_says_so(waves_now: list[tuple[str, str]], reason: str) -> None:
    database = duckdb.connect()
    database.execute("CREATE SCHEMA ops")
    database.execute(
        "CREATE TABLE ops.waves AS SELECT unnest(['w1', 'w2']) AS wave_id, DATE '2026-01-02' AS wave_date, 'p' AS panel"
    )
    database.execute("CREATE TABLE waves (wave_id VARCHAR, battery_sha VARCHAR)")
    database.executemany("INSERT INTO waves VALUES (?, ?)", waves_now)
    database.execute(
        "CREATE TABLE changed_numbers AS SELECT 'w2' AS wave_id, 'previous' AS reference_kind, "
        "'w1' AS reference_then, NULL::VARCHAR AS reference_now"
    )
    database.execute(
        "CREATE TABLE wave_causes AS SELECT *, wave_id = 'w1' AS has_new_answers, false AS has_other_members, "
        "false AS has_new_vectors, wave_id NOT IN (SELECT wave_id FROM waves) AS is_withdrawn FROM ops.waves"
    )
    sql = (PROJECT / "models" / "steps" / "revisions" / "revision_reasons.sql").read_text(encoding="utf-8")
    query = jinja2.Template(sql).render(
        ref=lambda name: name, source=lambda schema, name: f"{schema}.{name}", last_publication=lambda: None,
        sql_text=lambda text: "'one'", var=lambda name: "one",
    )  # fmt: skip
    assert database.execute(f"SELECT reason FROM ({query})").fetchall() == [(reason,)]
