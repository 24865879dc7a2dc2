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


def test_the_vector_of_a_text_that_only_a_second_sample_said_fails_no_night(lake: Any, wave: str) -> None:
    lake.run(
        f"INSERT INTO core.responses SELECT {SECOND[:-1]}, 'said again only' AS text_sha) FROM core.responses "
        "WHERE wave_id = ? LIMIT 1",
        wave,
    )
    result = lake.audit(wave, "C12_embeddings")
    assert [finding.bad_rows for finding in result.findings] == [()]
    # said in answer to the night's own question it counts
    lake.run("UPDATE core.responses SET purpose = 'measure' WHERE text_sha = 'said again only' AND wave_id = ?", wave)
    assert [len(finding.bad_rows) for finding in lake.audit(wave, "C12_embeddings").findings] == [1]
