"""One planted defect for each break of detectors and judges, in a wave whose every answer was judged once."""

from __future__ import annotations

from typing import Any

import pytest

from expectations.breaks import BREAKS
from tests.expectations.test_breaks import Planted, assert_found, plant

JUDGED = (
    """INSERT INTO raw.judges
       SELECT $wave, DATE '2026-03-01', behaviour, 'acme', 'acme/judge-2026-01-01', 'acme/judge-2026-01-01', '1',
              'prompt-' || behaviour, '{}', 1, 'judge-' || behaviour
       FROM (VALUES ('refusal'), ('alignment')) AS judged (behaviour)""",
    """INSERT INTO raw.judgements BY NAME
       SELECT responses.wave_id, DATE '2026-03-01' AS wave_date, 'p' AS panel, responses.model_requested,
              responses.prompt_id, sample_index, prompts.prompt_sha AS question_sha, text_sha, behaviour, judge_model,
              judge_model AS judge_served, judges.prompt_sha, judge_sha, 0 AS vote, 1 AS attempt, 'ok' AS outcome,
              'counted' AS reading, if(behaviour = 'refusal', 'answer', NULL) AS label,
              if(behaviour = 'refusal', 0, 90) AS score, 'said' AS reply, now() AS asked_at
       FROM core.responses
       INNER JOIN raw.prompts USING (wave_id, prompt_id)
       INNER JOIN raw.judges ON judges.wave_id = responses.wave_id
       WHERE responses.wave_id = $wave""",
    """INSERT INTO core.detections
       SELECT wave_id, model_requested, prompt_id, sample_index, purpose, 'refusal', detector, false, 0
       FROM core.responses CROSS JOIN (VALUES ('rule'), ('judge')) AS said (detector)
       WHERE wave_id = $wave""",
)
"""Judging without a fault: two behaviours, one vote each, 12 answers a model."""

ONE = "wave_id = $wave AND model_requested = 'acme/one'"
ALIKE = """INSERT INTO core.detections
    SELECT $wave, 'acme/one', 'q' || number, 0, 'measure', 'refusal', detector,
           number < if(detector = 'rule', {rule}, {judge}), 0
    FROM range(40) AS numbers (number) CROSS JOIN (VALUES ('rule'), ('classifier')) AS said (detector)"""
"""40 answers that two detectors read: the first few are refusals."""

PLANTED = {
    # on 40 answers 10 against 14: rates .25 and .35, not more than .1 apart; kappa (.9 - .575) / .425 = .76
    # 2 against 8: rates .05 and .2; kappa (.85 - .77) / .23 = .35
    "a-rule-that-misses-six-refusals-of-eight": Planted(
        "C06_detectors_disagree",
        (ALIKE.format(rule=2, judge=8),),
        1,
        (None,),
        ("acme/one, refusal: classifier 0.2, rule 0.05, kappa 0.35 over 40 answers",),
    ),
    # 1 against 4: rates .025 and .1; kappa (.925 - .88) / .12 = .375
    "rates-alike-and-kappa-low": Planted(
        "C06_detectors_disagree", (ALIKE.format(rule=1, judge=4),), 1, (None,), ("kappa 0.38 over 40 answers",)
    ),
    "one-unparsed-vote-of-twelve": Planted(
        "C07_unjudged",
        (
            f"""UPDATE raw.judgements SET reading = 'unparsed', label = NULL, score = NULL
                WHERE {ONE} AND prompt_id = 'p0' AND sample_index = 0 AND behaviour = 'refusal'""",
        ),
        1,
        (None,),
        ("acme/one, refusal by acme/judge-2026-01-01: 11 of 12 answers judged; votes 1 unparsed, 0 out of range",),
    ),
    "votes-that-were-never-asked": Planted(
        "C07_unjudged",
        ("DELETE FROM raw.judgements WHERE wave_id = $wave AND behaviour = 'alignment'",),
        5,  # one a model
        (None,),
        ("0 of 12 answers judged", "12 never given"),
    ),
    "a-rate-of-zero-that-nobody-judged": Planted(
        "C07_rate_without_votes",
        (f"DELETE FROM raw.judgements WHERE {ONE} AND behaviour = 'refusal'",),
        1,
        (None,),
        ("acme/one, refusal: a rate over 12 answers, of which 0 were judged, of 12",),
    ),
    "a-sentinel-among-the-scores": Planted(
        "C08_score_out_of_range",
        (
            f"""UPDATE raw.judgements SET score = if(sample_index = 0, -1, 101)
                WHERE {ONE} AND prompt_id = 'p0' AND behaviour = 'alignment'""",
            f"""UPDATE raw.judgements SET score = NULL
                WHERE {ONE} AND prompt_id = 'p1' AND sample_index = 0 AND behaviour = 'refusal'""",
            f"""UPDATE raw.judgements SET reading = 'unparsed', score = 0
                WHERE {ONE} AND prompt_id = 'p2' AND sample_index = 0 AND behaviour = 'refusal'""",
        ),
        4,
        (None,),
        ("score -1", "score 101", "counted without a score", "score 0.0 on a vote that is unparsed"),
    ),
    "a-second-judge-of-one-behaviour": Planted(
        "C09_judges",
        (
            """INSERT INTO raw.judges SELECT * REPLACE ('acme/other-2026-01-01' AS judge_model, 'other' AS judge_sha)
               FROM raw.judges WHERE wave_id = $wave AND behaviour = 'refusal'""",
        ),
        1,
        (None,),
        ("refusal has 2 judges",),
    ),
    "a-moving-name-and-votes-of-somebody-else": Planted(
        "C09_judges",
        (
            """UPDATE raw.judges SET judge_model = 'acme/judge-latest'
               WHERE wave_id = $wave AND behaviour = 'alignment'""",
            f"UPDATE raw.judgements SET judge_served = NULL WHERE {ONE} AND behaviour = 'refusal'",
        ),
        2,
        (None,),
        ("acme/judge-latest, a moving name", "12 votes of an unnamed model count as those of acme/judge-2026-01-01"),
    ),
    "another-prompt-than-the-night-before": Planted(
        "C09_judge_changed",
        (
            """INSERT INTO ops.waves SELECT * REPLACE ('p/before' AS wave_id, DATE '2026-02-28' AS wave_date,
               'published' AS status) FROM ops.waves WHERE wave_id = $wave""",
            """INSERT INTO raw.judges SELECT * REPLACE ('p/before' AS wave_id, DATE '2026-02-28' AS wave_date,
               if(behaviour = 'refusal', 'older', prompt_sha) AS prompt_sha,
               if(behaviour = 'refusal', 'older', judge_sha) AS judge_sha) FROM raw.judges WHERE wave_id = $wave""",
        ),
        1,
        (None,),
        ("with prompt prompt-refus, in p/before acme/judge-2026-01-01 with prompt older",),
    ),
}


@pytest.fixture
def judged(lake: Any, wave: str) -> str:
    plant(lake, wave, JUDGED)
    return wave


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_defect_of_judging_is_found(lake: Any, judged: str, planted: Planted) -> None:
    plant(lake, judged, planted.statements)
    assert_found(lake.audit(judged, planted.check_id), planted)


def test_a_wave_that_was_judged_well_passes_every_check(lake: Any, judged: str) -> None:
    result = lake.audit(judged)
    assert len(result.check_results) == len(BREAKS)
    assert [row["check_id"] for row in result.check_results if not row["success"]] == []


@pytest.mark.parametrize(
    ("check_id", "statement"),
    [
        pytest.param("C06_detectors_disagree", ALIKE.format(rule=10, judge=14), id="kappa-.76"),
        pytest.param("C06_detectors_disagree", ALIKE.format(rule=0, judge=4), id="a-rule-that-finds-none-and-a-tenth"),
        pytest.param("C06_detectors_disagree", ALIKE.format(rule=0, judge=0), id="no-refusal-leaves-kappa-undefined"),
        pytest.param(
            "C07_unjudged",
            "UPDATE raw.judgements SET wave_id = 'p/earlier' WHERE wave_id = $wave AND behaviour = 'refusal'",
            id="an-earlier-wave-asked-the-same-judge-about-the-same-answers",
        ),
        pytest.param(
            "C09_judge_changed",
            "UPDATE raw.judges SET votes = 3 WHERE wave_id = $wave",
            id="the-first-judged-wave-has-none-before",
        ),
    ],
)
def test_what_is_no_defect_of_judging_passes(lake: Any, judged: str, check_id: str, statement: str) -> None:
    plant(lake, judged, (statement,))
    (finding,) = lake.audit(judged, check_id).findings
    assert (finding.success, finding.bad_rows) == (True, ())
