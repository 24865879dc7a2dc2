"""The audit of an experiment: one verdict, every check with its result, findings in the verdict's own words."""

from __future__ import annotations

import duckdb
import pytest

from expectations.data_docs import data_docs
from expectations.experiments.audit import audit_experiment
from expectations.experiments.breaks import EXPERIMENT_BREAKS
from lake import tables
from lake.errors import InputError
from lake.store import Store
from pipelines.loading import frame_of
from tests.experiment_rows import NAME, VERSION, WAVE_ID

HOSTILE = "<script>alert(1)</script>"


def test_a_clean_experiment_passes_and_every_check_has_a_result(
    planted: duckdb.DuckDBPyConnection, experiment_store: Store
) -> None:
    result = audit_experiment(planted, experiment_store, NAME, VERSION, "clean#1")
    assert result.passed
    assert (result.wave_id, result.needs_rebuild) == (WAVE_ID, False)
    assert [row["detail"] for row in result.verdicts] == ["The experiment passed."]
    assert [row["check_id"] for row in result.check_results] == [broken.check_id for broken in EXPERIMENT_BREAKS]
    assert all(row["success"] and row["n_bad"] == 0 for row in result.check_results)
    # the rows fit the tables they are for
    frame_of(tables.OPS_VERDICTS, result.verdicts)
    frame_of(tables.OPS_CHECK_RESULTS, result.check_results)


def test_what_makes_numbers_false_fails_the_experiment(
    planted: duckdb.DuckDBPyConnection, experiment_store: Store
) -> None:
    planted.execute(
        "UPDATE raw.checkpoint_evals SET value = 0 WHERE experiment = 'reference' AND metric = 'accuracy' "
        "AND behaviour IS NOT NULL AND persona <> 'villain'"
    )
    result = audit_experiment(planted, experiment_store, NAME, VERSION, "failed#1")
    (verdict,) = result.verdicts
    assert (result.passed, verdict["break_id"], verdict["n_bad"]) == (False, "D01", 2)
    assert "run reference@1 has 0.0 %, tolerance 3 points" in verdict["detail"]
    assert result.sentences()[1].startswith("D01 (failed): Epoch 0 does not reproduce the reference: 2 differences:")


def test_a_finding_is_published_and_stands_in_the_verdict(
    planted: duckdb.DuckDBPyConnection, experiment_store: Store
) -> None:
    planted.execute(
        "INSERT INTO raw.experiments SELECT * REPLACE (0 AS version, 20 AS headline_epoch) FROM raw.experiments"
    )
    result = audit_experiment(planted, experiment_store, NAME, VERSION, "found#1")
    assert result.passed
    assert result.verdicts[0]["detail"] == (
        "The experiment passed with findings: E04 headline epoch or criteria were changed "
        "(the headline epoch is 2, version 0 registered 20)."
    )


def test_the_pages_show_evidence_and_run_none_of_it(
    planted: duckdb.DuckDBPyConnection, experiment_store: Store
) -> None:
    planted.execute(
        "UPDATE raw.eval_items SET question = ?, question_sha = (SELECT min(question_sha) FROM raw.training_items) "
        "WHERE item_id = 'refusal-001'",
        [HOSTILE],
    )
    result = audit_experiment(planted, experiment_store, NAME, VERSION, "hostile#1")
    assert f"item refusal-001 of refusal is also trained on: {HOSTILE}" in result.verdicts[0]["detail"]
    index = data_docs(experiment_store, result)
    pages = [page.read_text() for page in index.parent.rglob("*.html")]
    assert any("item refusal-001 of refusal is also trained on" in page for page in pages)
    assert not any("<script" in page for page in pages)


def test_an_unknown_experiment_is_refused(planted: duckdb.DuckDBPyConnection, experiment_store: Store) -> None:
    with pytest.raises(InputError, match="no wave 'experiment/other@1'. Register and run it"):
        audit_experiment(planted, experiment_store, "other", 1, "none#1")
