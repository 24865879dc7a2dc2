"""What an audit decides: verdicts for rows, models and the wave, and what it says to people."""

from __future__ import annotations

import re
from typing import Any

import pytest

from expectations.breaks import BREAKS
from lake.errors import InputError
from lake.model_tables import model_tables
from lake.tables import OPS_CHECK_RESULTS, OPS_VERDICTS
from lake.waves import record_audit

DEAD = "UPDATE raw.attempts SET response_text = 'Hello. ' || model_requested WHERE wave_id = ? AND model_requested = ?"
ERROR_TEXT = (
    "UPDATE raw.attempts SET response_text = 'HTTP 503 Service Unavailable' "
    "WHERE wave_id = ? AND model_requested = 'acme/two' AND prompt_id = 'p3' AND sample_index = 1"
)


def wave_verdict(result: Any) -> dict[str, Any]:
    rows = [row for row in result.verdicts if row["scope"] == "wave"]
    assert len(rows) == 1
    return rows[0]


def test_failed_rows_and_models_leave_and_the_wave_passes_without_them(lake: Any, wave: str) -> None:
    lake.run(DEAD, wave, "acme/one")
    lake.run(ERROR_TEXT, wave)

    result = lake.audit(wave, "A01_error_text", "A02_dead_model", "A07_incomplete_grid")

    failed = {(r["scope"], r["model"], r["prompt_id"], r["sample_index"], r["break_id"]) for r in result.verdicts[:-1]}
    assert failed == {("model", "acme/one", None, None, "A02"), ("row", "acme/two", "p3", 1, "A01")}
    assert result.passed
    assert result.needs_rebuild
    assert wave_verdict(result)["detail"] == "The wave passed; kept out: answers 1, models 1."


def test_a_finding_is_published_and_fails_nothing(lake: Any, wave: str) -> None:
    lake.run("UPDATE raw.attempts SET model_served = 'other' WHERE wave_id = ? AND model_requested = 'acme/one'", wave)
    result = lake.audit(wave, "A09_served_model", "A14_totals")
    assert result.passed
    assert not result.needs_rebuild
    assert len(result.verdicts) == 1
    assert result.sentences()[1].startswith(
        "A09 (finding): The served model is not the requested one: 1 served name (acme/one): "
        "12 answers came from other."
    )


def test_one_failed_check_of_scope_wave_fails_the_wave_and_is_named(lake: Any, wave: str) -> None:
    lake.run("UPDATE ops.waves SET ok_cells = 1 WHERE wave_id = ?", wave)
    lake.run("UPDATE out.convergence_by_model SET convergence = 0.5 WHERE wave_id = ?", wave)
    result = lake.audit(wave, "A14_totals", "C01_constant_metric", "C12_embeddings")
    verdict = wave_verdict(result)
    assert not result.passed
    assert (verdict["verdict"], verdict["break_id"], verdict["n_bad"]) == ("failed", "A14", 2)  # one total, one metric
    assert verdict["detail"] == (
        "The wave failed: A14 totals disagree with rows; C01 metric constant over models. Nothing of it is published."
    )


@pytest.mark.parametrize(
    ("dead", "passes"),
    [
        pytest.param(["acme/one", "acme/two"], True, id="two-of-four-members-are-left"),
        pytest.param(["acme/one", "acme/two", "lab/three"], False, id="one-member-is-left"),
        pytest.param(["acme/one", "acme/two", "lab/canary"], True, id="a-canary-is-no-member"),
    ],
)
def test_a_wave_needs_two_members_that_did_not_fail(lake: Any, wave: str, dead: list[str], passes: bool) -> None:
    for model in dead:
        lake.run(DEAD, wave, model)
    result = lake.audit(wave, "A02_dead_model")
    assert result.passed is passes
    if not passes:
        verdict = wave_verdict(result)
        assert verdict["break_id"] == "A02"
        assert verdict["detail"] == (
            "The wave failed: 1 of 4 planned members can be counted (failed: acme/one, acme/two, lab/three), "
            "and convergence needs at least 2. Nothing of it is published."
        )


@pytest.mark.parametrize(
    ("statement", "n_lost", "why"),
    [
        pytest.param(
            "UPDATE core.model_waves SET is_withheld = true, withheld_reason = 'incomplete' WHERE wave_id = ?",
            4,
            "0 of 4 planned members can be counted (incomplete: acme/one, acme/two, lab/four, lab/three)",
            id="every-member-lost-too-many-rows-or-was-declined",
        ),
        pytest.param(
            "UPDATE core.model_waves SET is_withheld = true, withheld_reason = CASE WHEN model_requested = 'lab/four' "
            "THEN 'one answer' ELSE 'incomplete' END WHERE wave_id = ? AND model_requested <> 'acme/two'",
            3,  # of four; lab/canary is withheld too and is no member
            "1 of 4 planned members can be counted (incomplete: acme/one, lab/three; one answer: lab/four)",
            id="one-member-is-left",
        ),
        pytest.param(
            "DELETE FROM core.model_waves WHERE wave_id = ?",
            4,
            "0 of 4 planned members can be counted (not in core.model_waves: acme/one, acme/two, lab/four, lab/three)",
            id="core-has-nothing-of-the-wave",
        ),
    ],
)
def test_a_wave_without_two_members_that_core_counts_fails_although_no_model_failed(
    lake: Any, wave: str, statement: str, n_lost: int, why: str
) -> None:
    lake.run(statement, wave)
    result = lake.audit(wave, "A07_incomplete_grid")
    verdict = wave_verdict(result)
    assert not result.passed
    assert (verdict["verdict"], verdict["break_id"], verdict["n_bad"]) == ("failed", None, n_lost)
    assert verdict["detail"] == (
        f"The wave failed: {why}, and convergence needs at least 2. Nothing of it is published."
    )
    assert not result.needs_rebuild


def test_members_that_failed_here_and_members_that_core_withholds_are_lost_together(lake: Any, wave: str) -> None:
    lake.run(DEAD, wave, "acme/one")
    lake.run(DEAD, wave, "acme/two")
    assert lake.audit(wave, "A02_dead_model").passed  # lab/three and lab/four are left
    lake.run(
        "UPDATE core.model_waves SET is_withheld = true, withheld_reason = 'incomplete' "
        "WHERE wave_id = ? AND model_requested = 'lab/four'",
        wave,
    )
    verdict = wave_verdict(lake.audit(wave, "A02_dead_model"))
    assert (verdict["verdict"], verdict["break_id"], verdict["n_bad"]) == ("failed", None, 3)
    assert (
        "1 of 4 planned members can be counted (failed: acme/one, acme/two; incomplete: lab/four)"
        in (verdict["detail"])
    )


def test_core_is_rebuilt_only_when_what_is_kept_out_changed(lake: Any, wave: str) -> None:
    lake.run(ERROR_TEXT, wave)
    first = lake.audit(wave, "A01_error_text", audit_id="a-1")
    assert first.needs_rebuild
    insert_without_transaction(lake, first)

    again = lake.audit(wave, "A01_error_text", audit_id="a-2")
    assert not again.needs_rebuild
    insert_without_transaction(lake, again)

    lake.run("UPDATE raw.attempts SET response_text = 'It depends.' WHERE wave_id = ? AND prompt_id = 'p3'", wave)
    healed = lake.audit(wave, "A01_error_text", audit_id="a-3")
    assert healed.needs_rebuild  # core still lacks the row


def insert_without_transaction(lake: Any, result: Any) -> None:
    for table, rows in ((OPS_CHECK_RESULTS, result.check_results), (OPS_VERDICTS, result.verdicts)):
        names = [column.name for column in table.columns]
        for row in rows:
            marks = ", ".join("?" * len(names))
            lake.run(
                f"INSERT INTO {table.full_name} ({', '.join(names)}) VALUES ({marks})", *[row[name] for name in names]
            )


def test_results_and_verdicts_are_rows_of_their_tables(lake: Any, wave: str) -> None:
    lake.run(ERROR_TEXT, wave)
    result = lake.audit(wave, "A01_error_text", "A02_dead_model", "A14_totals")
    lake.connection.execute("ROLLBACK")
    record_audit(lake.connection, result.check_results, result.verdicts)
    stored = lake.run("SELECT check_id, success, n_bad FROM ops.check_results ORDER BY 1")
    assert stored == [("A01_error_text", False, 1), ("A02_dead_model", True, 0), ("A14_totals", True, 0)]
    verdicts = lake.run("SELECT scope, model, verdict FROM ops.verdicts ORDER BY 1")
    assert verdicts == [("row", "acme/two", "failed")]  # publish or quarantine writes the wave's
    lake.run("DELETE FROM ops.check_results")
    lake.run("DELETE FROM ops.verdicts")
    lake.connection.execute("BEGIN")


def test_a_row_that_two_checks_of_one_break_name_gets_one_verdict(lake: Any, wave: str) -> None:
    where = "wave_id = ? AND model_requested = 'acme/one' AND prompt_id = 'p0' AND sample_index = 0"
    lake.run(f"INSERT INTO raw.attempts FROM raw.attempts WHERE {where}", wave)
    lake.run(f"INSERT INTO raw.attempts SELECT DISTINCT * REPLACE (2 AS attempt) FROM raw.attempts WHERE {where}", wave)
    result = lake.audit(wave, "A08_duplicate_attempts", "A08_answered_twice")
    failed = [row for row in result.verdicts if row["scope"] == "row"]
    assert [(row["model"], row["break_id"], row["n_bad"]) for row in failed] == [("acme/one", "A08", 3)]


def test_hostile_texts_come_back_as_they_were(lake: Any, wave: str) -> None:
    text = "ERROR: API error - Error code: 400 - {'error': '<script>alert(1)</script> &amp; $x {{y}}'}"
    lake.run(
        "UPDATE raw.attempts SET response_text = ? WHERE wave_id = ? AND prompt_id = 'p1' AND sample_index = 0",
        text,
        wave,
    )
    result = lake.audit(wave, "A01_error_text")
    assert {row.evidence for row in result.findings[0].bad_rows} == {text}
    assert len(result.findings[0].bad_rows) == 5  # one a model


def test_a_wave_that_does_not_exist_is_named_with_the_remedy(lake: Any) -> None:
    with pytest.raises(InputError, match=r"no wave 'p/never'.*driftlake status"):
        lake.audit("p/never")


def test_an_audit_writes_nothing_into_the_lake(lake: Any, clean_wave: str) -> None:
    snapshots = "SELECT count(*) FROM lake.snapshots()"
    before = lake.run(snapshots)
    lake.audit(clean_wave)
    assert lake.run(snapshots) == before


def test_the_columns_that_the_queries_read_are_those_that_dbt_declares(lake: Any, clean_wave: str) -> None:
    declared = {table.full_name: {column.name for column in table.columns} for table in model_tables()}
    read = {name for broken in BREAKS for name in broken.reads if name.split(".")[0] in ("core", "out")}
    for table in read | {"core.model_waves"}:  # the wave's verdict reads it
        columns = {row[0] for row in lake.run(f"SELECT column_name FROM (DESCRIBE {table})")}
        assert columns <= declared[table], table


def test_a_break_names_every_table_that_its_query_reads() -> None:
    for broken in BREAKS:
        if broken.table is None:
            named = set(re.findall(r"\b(?:from|join) ((?:ops|raw|core|out)\.\w+)", broken.query))
            assert named == set(broken.reads), broken.check_id


def test_checks_of_rows_and_models_read_only_what_no_verdict_changes() -> None:
    for broken in BREAKS:
        if broken.scope != "wave":
            assert {name.split(".")[0] for name in broken.reads} <= {"raw", "ops"}, broken.check_id
