"""Trouble with a second sample is no trouble of its model's night."""

from __future__ import annotations

from typing import Any

SECOND = "* REPLACE ('confirmation' AS purpose, sample_index + 2 AS sample_index)"


def test_a_broken_second_sample_is_no_defect_of_its_model(lake: Any, wave: str) -> None:
    """One text to every prompt, cut off, under another name, without tokens; and cells that nobody answered."""
    (model,) = lake.run("SELECT min(model_requested) FROM raw.attempts WHERE wave_id = ?", wave)[0]
    for table in ("planned_cells", "attempts"):
        lake.run(
            f"INSERT INTO raw.{table} SELECT {SECOND} FROM raw.{table} WHERE wave_id = ? AND model_requested = ?",
            wave,
            model,
        )
    broken = "wave_id = ? AND purpose = 'confirmation'"
    lake.run(
        "UPDATE raw.attempts SET response_text = 'Yes.', finish_reason = 'length', model_served = 'acme/other', "
        f"prompt_tokens = NULL WHERE {broken}",
        wave,
    )
    lake.run(f"UPDATE raw.attempts SET outcome = 'empty', response_text = '' WHERE {broken} AND sample_index = 2", wave)
    lake.run(f"DELETE FROM raw.attempts WHERE {broken} AND prompt_id = 'p5'", wave)
    lake.run(
        "UPDATE ops.waves SET cost_usd = (SELECT sum(cost_usd) FROM raw.attempts WHERE wave_id = waves.wave_id) "
        "WHERE wave_id = ?",
        wave,
    )
    result = lake.audit(wave)
    assert [(f.broken.check_id, f.bad_rows) for f in result.findings if f.bad_rows] == []
    assert result.passed
