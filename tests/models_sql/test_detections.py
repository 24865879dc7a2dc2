"""core.detections: three models, four prompts, three detectors, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from lake.catalog import connect_writer
from lake.store import Store
from models_sql.run import build
from pipelines.enrichment.refusal_classifier import load_classifier
from tests.models_sql.conftest import BuiltLake
from tests.models_sql.small_lakes import Axes, SmallWave, fill, sha

WAVE = "judged/2026-01-01"
PROMPTS = {f"p{number}": "safety_boundaries" for number in range(4)}
TEXTS = {
    "ann": ["I can't help with that.", "Not for me, thanks.", "Blue.", "Red."],
    "bob": ["One.", "Two.", "Three.", "Four."],
    "cat": ["Five.", "Six.", "Seven.", "Eight."],
}

VOTES: list[tuple[str, int, str, list[float | None]]] = [
    # model, prompt, behaviour, the score of each of three votes; None: a vote that cannot be read
    ("ann", 0, "refusal", [1, 1, 0]),
    ("ann", 1, "refusal", [1, 0, None]),  # two of three count, and they are tied
    ("ann", 2, "refusal", [0, 0, 0]),
    ("ann", 3, "refusal", [0, 0, 0]),
    *(("bob", prompt, "refusal", [0, 0, 0]) for prompt in range(3)),
    ("bob", 3, "refusal", [1, None, None]),  # one of three is no judgement: 3 of 4 answers are judged
    *(("cat", prompt, "alignment", [90, 60, 30]) for prompt in range(4)),
]


@pytest.fixture(scope="module")
def detected(tmp_path_factory: pytest.TempPathFactory) -> BuiltLake:
    store = Store(tmp_path_factory.mktemp("detected") / "store")
    answers = {(m, f"p{n}", 0): text for m, texts in TEXTS.items() for n, text in enumerate(texts)}
    axes = Axes()
    fill(store, [SmallWave("judged", 0, PROMPTS, answers)], axes)  # type: ignore[arg-type]
    connection = connect_writer(store)
    for behaviour in ("refusal", "alignment"):
        connection.execute(
            "INSERT INTO raw.judges VALUES (?, '2026-01-01', ?, 'e', 'j', 'j', '1', 'p', '{}', 3, ?)",
            [WAVE, behaviour, f"judge of {behaviour}"],
        )
    for model, prompt, behaviour, scores in VOTES:
        for vote, score in enumerate(scores):
            _vote(connection, model, prompt, behaviour, vote, score)
    # an error before the vote that came, and a judge that is none of this wave's
    _vote(connection, "ann", 0, "refusal", 0, 0, outcome="error", attempt=0)
    _vote(connection, "ann", 2, "refusal", 0, 1, judge="somebody else")
    for detector_sha, label, score in ((load_classifier().sha, "refusal", 0.75), ("older", "answer", 0.25)):
        connection.execute(
            "INSERT INTO raw.detections VALUES (?, 'refusal_classifier', ?, ?, ?, now())",
            [sha("Not for me, thanks."), detector_sha, label, score],
        )
    connection.close()
    return BuiltLake(store, axes, build(store, select="+detections +costs"))


def _vote(
    connection: Any, model: str, prompt: int, behaviour: str, vote: int, score: float | None, **other: Any
) -> None:
    connection.execute(
        """
        INSERT INTO raw.judgements BY NAME
        SELECT $wave AS wave_id, DATE '2026-01-01' AS wave_date, 'judged' AS panel, $model AS model_requested,
               $prompt AS prompt_id, 0 AS sample_index, $question AS question_sha, $text AS text_sha,
               $behaviour AS behaviour, 'j' AS judge_model, 'p' AS prompt_sha, $judge AS judge_sha, $vote AS vote,
               $attempt AS attempt, $outcome AS outcome, if($score IS NULL, 'unparsed', 'counted') AS reading,
               $score AS score, 0.5 AS cost_usd, TIMESTAMPTZ '2026-01-01 03:00:00+00' AS asked_at
        """,
        {
            "wave": WAVE, "model": model, "prompt": f"p{prompt}", "question": sha(f"p{prompt}"),
            "text": sha(TEXTS[model][prompt]), "behaviour": behaviour, "vote": vote, "score": score,
            "judge": other.get("judge", f"judge of {behaviour}"), "attempt": other.get("attempt", 1),
            "outcome": other.get("outcome", "ok"),
        },
    )  # fmt: skip


def test_each_detector_says_its_own_and_is_never_mixed_with_another(detected: BuiltLake) -> None:
    rows = detected.rows(
        "SELECT detector, prompt_id, is_positive, score FROM core.detections "
        "WHERE model = 'ann' AND behaviour = 'refusal' ORDER BY ALL"
    )
    assert rows == [
        ("classifier", "p1", True, 0.75),  # today's weights; the other texts were never classified
        ("judge", "p0", True, pytest.approx(2 / 3)),
        ("judge", "p1", None, 0.5),
        ("judge", "p2", False, 0.0),
        ("judge", "p3", False, 0.0),
        ("rule", "p0", True, 1.0),
        ("rule", "p1", False, 0.0),
        ("rule", "p2", False, 0.0),
        ("rule", "p3", False, 0.0),
    ]


def test_a_judge_that_read_three_of_four_answers_has_no_rate(detected: BuiltLake) -> None:
    assert detected.rows("SELECT DISTINCT model FROM core.detections WHERE detector = 'judge' ORDER BY ALL") == [
        ("ann",),
        ("cat",),
    ]


def test_alignment_is_a_score_without_a_class(detected: BuiltLake) -> None:
    rows = detected.rows("SELECT DISTINCT model, is_positive, score FROM core.detections WHERE behaviour = 'alignment'")
    assert rows == [("cat", None, 60.0)]


def test_a_judge_stands_in_the_books_beside_the_models(detected: BuiltLake) -> None:
    # 12 answers of three votes, and two more requests, at .5 each
    assert detected.rows("SELECT model, attempts, cost_usd FROM out.costs WHERE used_as = 'judging'") == [("j", 38, 19)]
    assert detected.value("SELECT count(*) FROM out.costs WHERE used_as = 'answering'") == 3
