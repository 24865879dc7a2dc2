"""Published numbers that later change are listed, once and for good; a night that changes none lists none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lake import waves
from lake.catalog import connect_reader, connect_writer
from lake.store import Store
from models_sql.run import build
from tests.models_sql.scenarios import hand
from tests.models_sql.small_lakes import Axes, SmallWave, fill

FIRST, SECOND, THIRD = (f"hand/2026-01-0{day}" for day in (1, 2, 3))
AXES = Axes()


def night(day: int, **changes: object) -> SmallWave:
    return replace(hand(), day=day, **changes)  # type: ignore[arg-type]


def publish(store: Store, wave_id: str, code_version: str = "one") -> None:
    connection = connect_writer(store)
    wave = waves.find(connection, wave_id)
    assert wave is not None
    waves.publish(connection, wave, wave.started_at + timedelta(hours=1), (), code_version)
    connection.close()


def write(store: Store, statement: str) -> None:
    connection = connect_writer(store)
    connection.execute(statement)
    connection.close()


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    return connect_reader(store, "head").execute(query).fetchall()


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two nights with the same answers, both published, with a third loaded and not yet modelled."""
    store = Store(tmp_path_factory.mktemp("two_nights"))
    fill(store, [night(0), night(1), night(2, verdicts=())], AXES)
    build(store)
    publish(store, FIRST)
    publish(store, SECOND)
    return store


def test_a_night_that_changes_nothing_lists_nothing(two_nights: Store, copy_of: Callable[[Store], Store]) -> None:
    store = copy_of(two_nights)
    build(store, THIRD)
    assert rows(store, "FROM out.revisions") == []
    assert rows(store, "SELECT count(DISTINCT wave_id) FROM out.convergence_by_wave") == [(3,)]


def test_an_edited_answer_of_an_old_wave_lists_the_numbers_before_and_after(
    two_nights: Store, copy_of: Callable[[Store], Store]
) -> None:
    store = copy_of(two_nights)
    write(
        store,
        "UPDATE raw.attempts SET response_text = 'the sea1 was1 not1 calm1' "
        f"WHERE wave_id = '{FIRST}' AND model_requested = 'bob' AND prompt_id = 'p1'",
    )
    build(store, THIRD)
    build(store, THIRD)  # building again lists nothing again
    found = rows(
        store,
        "SELECT model, other_model, before, after, reason, publication_id LIKE 'hand/2026-01-02#%', revised_with "
        "FROM out.revisions WHERE table_name = 'convergence_by_pair' AND column_name = 'match' "
        "AND kernel = 'distributional' AND capability = 'overall' ORDER BY ALL",
    )
    # ann-bob was (3 + 2 x .6) / 5 = .84 and is (.2 + 2 + 2 x .6) / 5 = .68; bob-cat was .2, is (1 + 4 x .2) / 5 = .36
    assert found == [
        ("ann", "bob", pytest.approx(0.84), pytest.approx(0.68), "new answers", True, THIRD),
        ("bob", "cat", pytest.approx(0.2), pytest.approx(0.36), "new answers", True, THIRD),
    ]
    assert rows(store, "SELECT DISTINCT wave_id FROM out.revisions WHERE table_name LIKE 'convergence_by%'") == [
        (FIRST,)
    ]
    # the second night is compared with the first: its drift and change moved, though none of its answers did
    moved = rows(store, f"SELECT DISTINCT table_name, reason FROM out.revisions WHERE wave_id = '{SECOND}' ORDER BY 1")
    assert moved == [("convergence_change", "new answers"), ("drift_by_model", "new answers")]


def test_a_revision_once_published_stays_and_is_not_listed_again(
    two_nights: Store, copy_of: Callable[[Store], Store]
) -> None:
    store = copy_of(two_nights)
    edit = f"WHERE wave_id = '{FIRST}' AND model_requested = 'cat' AND prompt_id = 'p2'"
    write(store, f"UPDATE raw.attempts SET response_text = 'the red2 fox2 ran2 far2' {edit}")
    build(store, THIRD)
    listed = rows(store, "FROM out.revisions ORDER BY ALL")
    publish(store, THIRD)
    build(store)
    assert rows(store, "FROM out.revisions ORDER BY ALL") == listed
    write(store, f"UPDATE raw.attempts SET response_text = 'the sea2 was2 not2 calm2' {edit}")  # back again
    build(store)
    both = rows(store, "FROM out.revisions ORDER BY ALL")
    assert set(listed) < set(both)
    turned = rows(
        store,
        "SELECT count(*), count(DISTINCT publication_id) FROM out.revisions AS r "
        "JOIN out.revisions AS back USING (table_name, wave_id, capability, kernel, column_name) "
        "WHERE r.before IS NOT DISTINCT FROM back.after AND r.after IS NOT DISTINCT FROM back.before "
        "AND r.publication_id < back.publication_id AND r.model IS NOT DISTINCT FROM back.model "
        "AND r.other_model IS NOT DISTINCT FROM back.other_model "
        "AND r.reference_kind IS NOT DISTINCT FROM back.reference_kind AND r.wave_id = '" + FIRST + "'",
    )
    assert turned[0][0] == len([row for row in listed if row[0] == FIRST])


def test_a_withdrawn_wave_leaves_null_and_says_so(two_nights: Store, copy_of: Callable[[Store], Store]) -> None:
    store = copy_of(two_nights)
    write(store, f"UPDATE ops.verdicts SET verdict = 'failed' WHERE wave_id = '{SECOND}'")
    build(store, THIRD)
    gone = rows(
        store,
        "SELECT DISTINCT wave_id, reason FROM out.revisions "
        "WHERE table_name = 'convergence_by_wave' AND before IS NOT NULL AND after IS NULL",
    )
    assert gone == [(SECOND, "wave withdrawn")]
    assert rows(store, f"SELECT count(*) FROM out.revisions WHERE wave_id NOT IN ('{SECOND}')") == [(0,)]


def test_an_answer_kept_out_by_a_later_verdict_is_no_new_answer(
    two_nights: Store, copy_of: Callable[[Store], Store]
) -> None:
    store = copy_of(two_nights)
    write(
        store,
        "INSERT INTO ops.verdicts SELECT * REPLACE ('model' AS scope, 'cat' AS model, 'failed' AS verdict) "
        f"FROM ops.verdicts WHERE wave_id = '{SECOND}'",
    )
    build(store, THIRD)
    reasons = rows(store, f"SELECT DISTINCT reason FROM out.revisions WHERE wave_id = '{SECOND}'")
    assert reasons == [("other verdicts",)]


def test_a_wave_that_comes_in_between_is_another_reference(tmp_path: Path) -> None:
    store = Store(tmp_path)
    moved = {**hand().answers, ("cat", "p3", 0): "the sea3 was3 not3 wild3"}
    fill(store, [night(0), night(2), night(1, answers=moved, verdicts=())], AXES)
    build(store)
    publish(store, FIRST)
    publish(store, THIRD)
    build(store, SECOND)
    found = rows(
        store,
        "SELECT DISTINCT reason FROM out.revisions "
        f"WHERE wave_id = '{THIRD}' AND table_name = 'drift_by_model' AND reference_kind = 'previous' AND model = 'cat'",
    )
    assert found == [("another reference",)]
    assert rows(store, f"SELECT count(*) FROM out.revisions WHERE wave_id = '{SECOND}'") == [(0,)]  # never published


def test_other_code_alone_is_named_as_the_reason(two_nights: Store, copy_of: Callable[[Store], Store]) -> None:
    store = copy_of(two_nights)
    # as if other code had said another number then: the table itself is edited and published again
    write(store, "UPDATE out.convergence_by_wave SET convergence = convergence + .25 WHERE kernel = 'combined'")
    publish(store, SECOND, "another")
    build(store, THIRD)
    found = rows(
        store,
        "SELECT DISTINCT column_name, round(before - after, 9), reason, code_before, code_after <> '' "
        "FROM out.revisions",
    )
    assert found == [("convergence", 0.25, "code changed", "another", True)]


def test_a_column_that_the_publication_did_not_have_is_no_revision(
    two_nights: Store, copy_of: Callable[[Store], Store]
) -> None:
    store = copy_of(two_nights)
    write(store, "ALTER TABLE out.convergence_by_wave DROP COLUMN ci_low")
    write(store, "DROP TABLE out.convergence_by_pair")
    write(store, "ALTER TABLE out.revisions DROP COLUMN code_after")
    publish(store, SECOND)
    build(store, THIRD)
    assert rows(store, "FROM out.revisions") == []
    assert rows(store, "SELECT count(ci_low) > 0 FROM out.convergence_by_wave") == [(True,)]
