"""The checks on recorded answers of public models: known defects are found, good answers are left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from expectations.breaks import BREAKS

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
SCREENING = CORPORA / "published_screening" / "level1_responses.jsonl"

ATTEMPT = """
    INSERT INTO raw.attempts BY NAME
    SELECT
        $wave AS wave_id, DATE '2026-03-01' AS wave_date, 'p' AS panel, model AS model_requested, 'source' AS endpoint,
        prompt_id, sample_index, 'measure' AS purpose, 1 AS attempt,
        if(trim(response) = '', 'empty', 'ok') AS outcome, response AS response_text,
        TIMESTAMPTZ '2026-03-01 12:00:00+00' AS asked_at, '{}' AS request
    FROM source_rows
"""
PLANNED = """
    INSERT INTO raw.planned_cells BY NAME
    SELECT wave_id, wave_date, panel, model_requested, endpoint, prompt_id, sample_index, purpose,
        row_number() OVER () AS position, 0 AS seed
    FROM raw.attempts WHERE wave_id = $wave
"""
WAVE = """
    INSERT INTO ops.waves BY NAME
    SELECT $wave AS wave_id, 'p' AS panel, DATE '2026-03-01' AS wave_date, 'imported' AS wave_kind, 'loaded' AS status,
        '0' AS panel_sha, '0' AS battery_sha, '0' AS code_version, count(*) AS planned_cells,
        count_if(outcome = 'ok') AS ok_cells, TIMESTAMPTZ '2026-03-01 12:00:00+00' AS started_at
    FROM raw.attempts WHERE wave_id = $wave
"""

MODEL_WAVES = """
    INSERT INTO core.model_waves BY NAME
    SELECT DISTINCT wave_id, model_requested, purpose, false AS is_withheld
    FROM raw.attempts WHERE wave_id = $wave
"""


def load(lake: Any, wave: str, query: str) -> None:
    lake.run(f"CREATE OR REPLACE TEMP TABLE source_rows AS {query}")
    for statement in (ATTEMPT, PLANNED, WAVE, MODEL_WAVES):
        lake.connection.execute(statement, {"wave": wave})


def bad_rows(result: Any, check_id: str) -> list[Any]:
    return list(next(f for f in result.findings if f.broken.check_id == check_id).bad_rows)


@pytest.mark.usefixtures("wave")
def test_the_dead_models_of_a_published_screening_are_found_by_name(lake: Any) -> None:
    if not SCREENING.exists():
        pytest.skip(f"the recorded screening is not at {SCREENING}")
    source = f"SELECT *, 0 AS sample_index FROM read_json_auto('{SCREENING}') WHERE run_kind = 'live'"
    load(lake, "p/level1", source)
    dead = {row[0] for row in lake.run("SELECT DISTINCT model FROM source_rows WHERE status = 'error'")}
    assert len(dead) == 9

    result = lake.audit("p/level1", *[b.check_id for b in BREAKS if b.id.startswith("A")])

    errors = bad_rows(result, "A01_error_text")
    assert len(errors) == 270  # 9 models x 30 prompts
    assert {row.model_requested for row in errors} == dead
    assert {row.model_requested for row in bad_rows(result, "A02_dead_model")} == dead
    assert {(row.model_requested, row.evidence) for row in bad_rows(result, "A03_empty_answers")} == {
        ("deepseek/deepseek-r1", "7 of 30 cells empty"),
        ("openai/o1-mini", "3 of 30 cells empty"),
    }
    assert result.passed  # 12 of the 23 models are left
    assert result.needs_rebuild
    assert {row["break_id"] for row in result.check_results if not row["success"]} == {"A01", "A02", "A03"}


@pytest.mark.usefixtures("wave")
def test_no_recorded_good_answer_is_taken_for_an_error(lake: Any) -> None:
    path = CORPORA / "alpaca_eval_responses.parquet"
    if not path.exists():
        pytest.skip(f"the recorded answers are not at {path}")
    lake.run("LOAD parquet")
    load(lake, "p/alpaca", f"SELECT *, sample_idx AS sample_index FROM read_parquet('{path}')")
    assert lake.run("SELECT count(*) > 24000 FROM raw.attempts WHERE wave_id = 'p/alpaca' AND outcome = 'ok'") == [
        (True,)
    ]
    assert bad_rows(lake.audit("p/alpaca", "A01_error_text"), "A01_error_text") == []
