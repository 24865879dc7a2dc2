"""Tables of schema core: which answers count, which are kept out, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake


def test_only_waves_that_passed_their_newest_audit_take_part(built: BuiltLake) -> None:
    assert built.rows("SELECT wave_date::varchar, is_candidate FROM core.waves WHERE panel = 'judged' ORDER BY 1") == [
        ("2026-01-01", False),
        ("2026-01-03", False),
    ]


def test_a_candidate_takes_part_before_its_verdict_and_a_failed_wave_does_not(rebuilt: BuiltLake) -> None:
    assert rebuilt.rows(
        "SELECT wave_date::varchar, is_candidate FROM core.waves WHERE panel = 'judged' ORDER BY 1"
    ) == [
        ("2026-01-01", False),
        ("2026-01-03", False),
        ("2026-01-04", True),
    ]
    assert rebuilt.value("SELECT count(*) FROM core.responses WHERE wave_id = 'judged/2026-01-04'") == 15


def test_failed_rows_and_models_are_kept_out_with_the_reason(built: BuiltLake) -> None:
    kept = built.rows(
        "SELECT model_requested, prompt_id, break_id, reason FROM core.quarantine "
        "WHERE wave_id = 'judged/2026-01-01' ORDER BY ALL"
    )
    reason = "Error text stored as an answer."
    assert kept == [("ann", "p2", "A01", reason)] + [("cat", f"p{n}", "A01", reason) for n in range(1, 6)]
    assert built.value("SELECT count(*) FROM core.responses WHERE wave_id = 'judged/2026-01-01'") == 15 - 6
    states = built.rows(
        "SELECT state, count(*) FROM core.cells WHERE wave_id = 'judged/2026-01-01' GROUP BY state ORDER BY state"
    )
    assert states == [("ok", 9), ("quarantined", 6)]


def test_a_failed_wave_is_in_quarantine_and_in_no_measure(built: BuiltLake) -> None:
    wave = "wave_id = 'judged/2026-01-02'"
    assert built.value(f"SELECT count(*) FROM core.quarantine WHERE {wave}") == 15
    for table in (
        "core.waves",
        "core.cells",
        "core.responses",
        "core.model_waves",
        "out.convergence_by_wave",
        "out.drift_by_model",
    ):
        assert built.value(f"SELECT count(*) FROM {table} WHERE {wave}") == 0, table


def test_a_wave_that_was_never_audited_is_in_no_measure(built: BuiltLake) -> None:
    for table in ("core.quarantine", "core.cells", "core.responses", "out.convergence_by_pair", "out.drift_by_model"):
        assert built.value(f"SELECT count(*) FROM {table} WHERE wave_id = 'judged/2026-01-04'") == 0, table


def test_each_cell_has_one_response_even_where_raw_holds_a_load_twice(built: BuiltLake) -> None:
    assert built.value("SELECT count(*) FROM raw.attempts WHERE panel = 'shuffled'") == 2 * 4 * 62 * 2
    # 4 models x 62 prompts x 2 samples, less delta's two missing ones
    assert built.value("SELECT count(*) FROM core.responses WHERE panel = 'shuffled'") == 4 * 62 * 2 - 2
    assert built.value("SELECT max(n_attempts) FROM core.cells WHERE panel = 'shuffled'") == 1


def test_the_newest_ok_attempt_stands_before_any_other_settled_one(built: BuiltLake) -> None:
    cells = built.rows(
        "SELECT model_requested, prompt_id, state, n_attempts FROM core.cells "
        "WHERE panel = 'retried' AND (n_attempts > 1 OR state <> 'ok') ORDER BY ALL"
    )
    assert cells == [
        ("ann", "p1", "ok", 2),
        ("ann", "p5", "truncated", 2),
        ("bob", "p2", "ok", 2),
        ("cat", "p3", "ok", 2),
    ]
    answer = built.value(
        "SELECT response_text FROM core.responses "
        "WHERE panel = 'retried' AND model_requested = 'cat' AND prompt_id = 'p3'"
    )
    assert answer == "the newer answer counts here"


def test_models_that_must_not_count_are_withheld_by_name_with_the_reason(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT model_requested, withheld_reason, answered_share FROM core.model_waves "
        "WHERE panel = 'withheld' ORDER BY model_requested"
    )
    assert rows == [
        ("ann", None, 1.0),
        ("bob", None, 1.0),
        ("cat", None, 1.0),
        ("constant", "one answer", 1.0),
        ("dead", "incomplete", 0.0),
        ("twin-of-ann", "same identity as another name", 1.0),
        ("watched", None, 1.0),
    ]


def test_a_model_below_95_percent_of_its_cells_is_withheld(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT model_requested, ok_cells, planned_cells, is_withheld, withheld_reason FROM core.model_waves "
        "WHERE wave_id = 'judged/2026-01-01' ORDER BY 1"
    )
    assert rows == [
        ("ann", 4, 5, True, "incomplete"),
        ("bob", 5, 5, False, None),
        ("cat", 0, 5, True, "failed verdict"),
    ]


def test_features_are_read_off_the_text_by_rule(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT n_chars, n_tokens, n_lines, is_refusal_rule, format_class FROM core.response_features "
        "WHERE panel = 'hand' AND model_requested = 'ann' AND prompt_id = 'p1'"
    )
    assert rows == [(len("the red1 fox1 ran1 far1"), 5, 1, False, "one_liner")]


def test_costs_count_every_request_and_never_call_unknown_zero(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT model, attempts, ok_attempts, cost_usd, cost_per_1000_usd, unknown_cost_share, latency_median_ms "
        "FROM out.costs WHERE panel = 'retried' ORDER BY model"
    )
    assert rows == [
        # 5 planned cells and two more requests; only the truncated one says its cost
        ("ann", 7, 4, 0.125, None, 1 - 1 / 7, 10.0),
        ("bob", 6, 5, 0.25, None, 1 - 1 / 6, 10.0),
        # five answers at 10 ms and one at 30 ms; the one known cost of an answer is 0.5
        ("cat", 6, 6, 0.5, 500.0, 1 - 1 / 6, 10.0),
    ]


def test_what_a_wave_cost_is_told_whatever_became_of_the_wave(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT wave_date::VARCHAR, wave_status, sum(attempts) FROM out.costs WHERE panel = 'judged' "
        "GROUP BY ALL ORDER BY ALL"
    )
    # three models and five prompts, one request each: passed with a failed row and model, failed, passed, never audited
    assert rows == [
        ("2026-01-01", "counted", 15),
        ("2026-01-02", "quarantined", 15),
        ("2026-01-03", "counted", 15),
        ("2026-01-04", "not audited", 15),
    ]


def test_what_a_candidate_costs_is_counted(rebuilt: BuiltLake) -> None:
    statuses = rebuilt.rows("SELECT DISTINCT wave_status FROM out.costs WHERE wave_id = 'judged/2026-01-04'")
    assert statuses == [("counted",)]
