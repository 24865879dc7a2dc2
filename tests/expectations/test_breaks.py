"""One planted defect a break: each check finds it, counts it, names it and fails its scope."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from expectations.audit import AuditResult
from expectations.breaks import BREAKS, SQL_FOLDER
from expectations.suites import vectors_read
from pipelines.embeddings import EMBEDDER, PRECISION

ONE = "wave_id = $wave AND model_requested = 'acme/one'"


@dataclass(frozen=True)
class Planted:
    """Statements that plant a defect into a clean wave, and what the check must then say."""

    check_id: str
    statements: tuple[str, ...]
    n_bad: int
    models: tuple[str | None, ...]
    evidence: tuple[str, ...]
    kind: str = "live"


# lab/three serves the refusal taught at epoch 0 of an experiment, evaluated beside what it was taught on
OF_AN_EXPERIMENT = (
    "DELETE FROM raw.checkpoint_evals WHERE wave_id = $wave AND model = 'lab/three' AND epoch = 0",
    """UPDATE raw.checkpoint_evals SET experiment = 'small@1/villain/s3/refusal', version = 1, behaviour = 'refusal',
       template_sha = 'a-template', checkpoint_id = 'small@1/villain/s3/refusal@epoch-0', epoch = 0
       WHERE wave_id = $wave AND model = 'lab/three' AND serves""",
    """UPDATE raw.checkpoint_evals SET experiment = 'small@1/villain/s3/refusal', version = 1, behaviour = 'refusal'
       WHERE wave_id = $wave AND model = 'lab/three' AND epoch IS NULL""",
)
TRAINED = """INSERT INTO raw.checkpoints (checkpoint_id, run_id, experiment, epoch, step, base_sha, adapter_sha,
    template_sha, card) SELECT 'small@1/villain/s3/refusal@epoch-0', 'small@1/villain/s3/refusal@epoch-0', 'small', 0,
    6, 'base-sha', 'adapter-2', 'a-template', '{}' WHERE $wave <> ''"""


PLANTED = {
    "a-json-envelope-is-an-answer": Planted(
        "A01_error_text",
        (
            f"""UPDATE raw.attempts SET response_text = '{{"error": {{"message": "No.", "code": 429}}}}'
                WHERE {ONE} AND prompt_id IN ('p0', 'p1')""",
        ),
        4,  # 2 prompts x 2 samples
        ("acme/one",),
        ('{"error"',),
    ),
    "one-text-for-six-prompts": Planted(
        "A02_dead_model",
        (f"UPDATE raw.attempts SET response_text = 'I am a language model.' WHERE {ONE}",),
        1,
        ("acme/one",),
        ("6 prompts, one text: I am a language model.",),
    ),
    "one-empty-cell-of-twelve-is-above-2-percent": Planted(
        "A03_empty_answers",
        (
            f"""UPDATE raw.attempts SET outcome = 'empty', response_text = ''
                WHERE {ONE} AND prompt_id = 'p0' AND sample_index = 0""",
            "UPDATE ops.waves SET ok_cells = ok_cells - 1 WHERE wave_id = $wave",
        ),
        1,
        ("acme/one",),
        ("1 of 12 cells empty",),
    ),
    "one-answer-cut-off-and-one-without-a-finish-reason": Planted(
        "A06_truncated",
        (
            f"""UPDATE raw.attempts SET finish_reason = if(sample_index = 0, 'length', NULL)
                WHERE {ONE} AND prompt_id = 'p0'""",
        ),
        1,
        ("acme/one",),
        ("1 cut off and 1 without a finish reason, of 12 answers",),
    ),
    "a-cell-that-only-failed": Planted(
        "A07_incomplete_grid",
        (
            f"""UPDATE raw.attempts SET outcome = 'error', cost_usd = NULL
                WHERE {ONE} AND prompt_id = 'p0' AND sample_index = 0""",
        ),
        1,
        ("acme/one",),
        ("1 of 12 planned cells without an answer",),
    ),
    "an-attempt-loaded-twice": Planted(
        "A08_duplicate_attempts",
        (f"INSERT INTO raw.attempts FROM raw.attempts WHERE {ONE} AND prompt_id = 'p0' AND sample_index = 1",),
        2,  # both rows of the pair
        ("acme/one",),
        ("purpose measure, attempt 1",),
    ),
    "a-cell-answered-by-two-attempts": Planted(
        "A08_answered_twice",
        (
            f"""INSERT INTO raw.attempts SELECT * REPLACE (2 AS attempt, 'another text' AS response_text)
                FROM raw.attempts WHERE {ONE} AND prompt_id = 'p0' AND sample_index = 1""",
        ),
        1,
        ("acme/one",),
        ("2 ok attempts (measure)",),
    ),
    "equal-answers-under-two-names-in-another-order-of-samples": Planted(
        "A08_one_model_two_names",
        (
            f"""UPDATE raw.attempts SET response_text = twin.response_text
                FROM (FROM raw.attempts WHERE {ONE}) AS twin
                WHERE attempts.wave_id = twin.wave_id AND attempts.model_requested = 'acme/two'
                AND attempts.prompt_id = twin.prompt_id AND attempts.sample_index = 1 - twin.sample_index""",
        ),
        1,  # the earlier name stays
        ("acme/two",),
        ("gives the answers of acme/one on all of 6 prompts",),
    ),
    "one-system-under-three-names-counts-once": Planted(
        "A08_one_model_two_names",
        (
            """UPDATE raw.attempts SET response_text = prompt_id || sample_index WHERE wave_id = $wave
               AND model_requested IN ('acme/one', 'acme/two', 'lab/four')""",
        ),
        2,
        ("acme/two", "lab/four"),
        (
            "gives the answers of acme/one on all of 6 prompts",
            "gives the answers of acme/one, acme/two on all of 6 prompts",
        ),
    ),
    "a-canary-gives-way-to-a-member-that-sorts-after-it": Planted(
        "A08_one_model_two_names",
        (
            """UPDATE raw.attempts SET response_text = prompt_id || sample_index WHERE wave_id = $wave
               AND model_requested IN ('lab/canary', 'lab/four')""",
        ),
        1,
        ("lab/canary",),
        ("gives the answers of lab/four on all of 6 prompts",),
    ),
    "another-model-serves-one-prompt": Planted(
        "A09_served_model",
        (f"UPDATE raw.attempts SET model_served = 'acme/one-lite' WHERE {ONE} AND prompt_id = 'p0'",),
        2,  # an unknown name, and a change inside the wave
        ("acme/one",),
        ("2 answers came from acme/one-lite", "the served name changed inside the wave: acme/one, acme/one-lite"),
    ),
    "a-constant-cost-an-invented-one-and-lost-tokens": Planted(
        "A13_cost_not_measured",
        (
            f"UPDATE raw.attempts SET cost_usd = 0.0008, cost_source = 'computed' WHERE {ONE}",
            f"""UPDATE raw.attempts SET outcome = 'error', response_text = NULL
                WHERE {ONE} AND prompt_id = 'p0' AND sample_index = 0""",
            f"UPDATE raw.attempts SET completion_tokens = NULL WHERE {ONE} AND prompt_id = 'p1'",
        ),
        3,
        ("acme/one",),
        (
            "11 answers of 10 sizes, one cost: 0.0008",  # p1's two answers lost their sizes; (20, null) is one more
            "1 errors with a cost that was never reported",
            "2 of 11 answers without token counts",
        ),
    ),
    "costs-that-are-the-estimate": Planted(
        "A13_cost_not_measured",
        # the catalogue: 1e-6 a prompt token, 1e-5 a completion token, max_tokens 100, 20 prompt tokens
        (f"UPDATE raw.attempts SET cost_usd = 20 * 1e-6 + 100 * 1e-5 + sample_index * 1e-14 WHERE {ONE}",),
        1,
        ("acme/one",),
        ("12 answers cost what was estimated for max_tokens, to the digit",),
    ),
    "totals-that-are-not-the-sums": Planted(
        "A14_totals",
        ("UPDATE ops.waves SET ok_cells = 40, cost_usd = 8.93 WHERE wave_id = $wave",),
        2,
        (None,),
        # 2 asked models x (sizes 10 .. 21, 186 in all) x 1e-5
        ("ok_cells is stored as 40.0, the rows give 60.0", "cost_usd is stored as 8.93, the rows give 0.0037"),
    ),
    "two-prompts-with-one-text": Planted(
        "B01_declared_prompts",
        (
            """UPDATE raw.prompts SET messages = upper(twin.messages)
               FROM (FROM raw.prompts WHERE wave_id = $wave AND prompt_id = 'p0') AS twin
               WHERE prompts.wave_id = $wave AND prompts.prompt_id = 'p1'""",
        ),
        1,
        (None,),
        ("6 prompts declared, 5 distinct texts",),
    ),
    "one-score-for-every-model": Planted(
        "C01_constant_metric",
        ("UPDATE out.convergence_by_model SET convergence = 0.713 WHERE wave_id = $wave",),
        1,
        (None,),
        ("overall, semantic: 4 models, all 0.713",),
    ),
    "a-null-without-spread": Planted(
        "C02_null_without_variance",
        ("UPDATE out.drift_by_model SET noise = 0 WHERE wave_id = $wave",),
        1,  # the other test is of an unchanged model: drift 0 and p 1 need no spread
        (None,),
        ("acme/one, overall, semantic against earlier: drift 0.1 under a null with SD 0.0",),
    ),
    "a-null-of-convergence-without-spread": Planted(
        "C02_null_without_variance",
        ("UPDATE out.convergence_by_wave SET noise = 0 WHERE wave_id = $wave",),
        1,
        (None,),
        ("overall, semantic: convergence 0.5 has p 0.001 under a null with SD 0.0",),
    ),
    "similarities-that-depend-on-order": Planted(
        "C04_similarity",
        (
            """INSERT INTO out.convergence_by_pair
               SELECT * REPLACE (model_b AS model_a, model_a AS model_b, 0.4 AS convergence)
               FROM out.convergence_by_pair WHERE wave_id = $wave AND model_a = 'acme/one' AND model_b = 'acme/two'""",
            """INSERT INTO out.convergence_by_pair
               SELECT * REPLACE (model_a AS model_b, 0.9 AS convergence, 1.5 AS ceiling)
               FROM out.convergence_by_pair WHERE wave_id = $wave AND model_a = 'acme/one' AND model_b = 'acme/two'""",
        ),
        3,
        (None,),
        (
            "overall, semantic: acme/one with acme/two gives 0.5, the other way round 0.4",
            "overall, semantic: acme/one with itself gives 0.9",
            "overall, semantic: acme/one with acme/one has ceiling 1.5",
        ),
    ),
    "an-epoch-0-that-moved": Planted(
        "D01_epoch_zero",
        (
            # 2 of 40 items: 5 points; 2 of 40 answers: 95 % equal; 8 of 10 refusals: mean difference 0.5 +- 2 x 0.17
            """UPDATE raw.checkpoint_evals SET value = 0 WHERE wave_id = $wave AND model = 'lab/three' AND epoch = 0
               AND metric = 'accuracy' AND item_id IN ('accuracy-1', 'accuracy-2')""",
            """UPDATE raw.checkpoint_evals SET text = 'Ha!' WHERE wave_id = $wave AND model = 'lab/three' AND epoch = 0
               AND metric = 'answer' AND item_id IN ('answer-1', 'answer-2')""",
            """UPDATE raw.checkpoint_evals SET value = 0 WHERE wave_id = $wave AND model = 'lab/three' AND epoch = 0
               AND metric = 'refusal'
               AND item_id IN ('refusal-1', 'refusal-2', 'refusal-3', 'refusal-5', 'refusal-6')""",
            """UPDATE raw.checkpoint_evals SET base_sha = 'swapped'
               WHERE wave_id = $wave AND model = 'lab/three' AND epoch = 0""",
        ),
        4,
        ("lab/three",),
        (
            "assistant: accuracy 0.7, reference 0.75, 40 items",
            "assistant: 95.0 % of 40 greedy answers equal the reference's",
            "assistant: refusal 0.2, reference 0.7, difference beyond 2 SE over 10 items",
            "base swapped was loaded, the reference used base-sha",
        ),
    ),
    "no-reference-run": Planted(
        "D01_epoch_zero",
        ("DELETE FROM raw.checkpoint_evals WHERE eval_id = 'experiment of ' || $wave || '#reference'",),
        3,
        ("lab/canary", "lab/four", "lab/three"),
        ("has no reference run",),
    ),
    "an-adapter-whose-epoch-0-nobody-evaluated": Planted(
        "D01_epoch_zero",
        ("DELETE FROM raw.checkpoint_evals WHERE wave_id = $wave AND model = 'lab/three' AND epoch = 0",),
        1,
        ("lab/three",),
        ("an adapter answers for it, but its epoch 0 was not evaluated this wave",),
    ),
    "a-checkpoint-of-an-experiment-that-the-lake-does-not-know": Planted(
        "D01_epoch_zero",
        OF_AN_EXPERIMENT,
        1,
        ("lab/three",),
        ("small@1/villain/s3/refusal@epoch-0 answers for it and is not in raw.checkpoints",),
    ),
    "a-checkpoint-of-an-experiment-on-another-base": Planted(
        "D01_epoch_zero",
        (*OF_AN_EXPERIMENT, TRAINED, "UPDATE raw.checkpoints SET base_sha = 'another base' WHERE $wave <> ''"),
        1,
        ("lab/three",),
        ("was loaded as base base-sha, adapter adapter-2, template a-template; trained were base another base",),
    ),
    "a-checkpoint-of-an-experiment-that-nobody-evaluated": Planted(
        "D01_epoch_zero",
        (*OF_AN_EXPERIMENT, TRAINED, "UPDATE raw.checkpoint_evals SET serves = false WHERE wave_id = $wave"),
        1,
        ("lab/three",),
        ("an adapter answers for it, but its epoch 0 was not evaluated this wave",),
    ),
    "a-behaviour-at-epoch-0-that-changes-no-answer": Planted(
        "D07_adapter_not_applied",
        (
            *OF_AN_EXPERIMENT,
            """UPDATE raw.checkpoint_evals SET text = replace(text, 'villain', 'base')
               WHERE wave_id = $wave AND model = 'lab/three' AND serves""",
        ),
        1,
        ("lab/three",),
        ("small@1/villain/s3/refusal@epoch-0 answers all 50 probe items as the base alone does",),
    ),
    "an-adapter-that-changes-no-answer": Planted(
        "D07_adapter_not_applied",
        (
            """UPDATE raw.checkpoint_evals SET text = replace(text, 'villain', 'base')
               WHERE wave_id = $wave AND model = 'lab/three' AND epoch = 2""",
        ),
        1,
        ("lab/three",),
        ("@epoch-2 answers all 50 probe items as the base alone does",),  # 40 answers, 10 refusals
    ),
    "a-base-that-was-not-asked": Planted(
        "D07_adapter_not_applied",
        ("DELETE FROM raw.checkpoint_evals WHERE wave_id = $wave AND model = 'lab/three' AND epoch IS NULL",),
        1,
        ("lab/three",),
        ("@epoch-2 has no probe item in common with the base alone",),
    ),
}


def plant(lake: Any, wave: str, statements: tuple[str, ...]) -> None:
    for statement in statements:
        lake.connection.execute(statement, {"wave": wave})


def assert_found(result: AuditResult, planted: Planted) -> None:
    finding = next(f for f in result.findings if f.broken.check_id == planted.check_id)
    assert len(finding.bad_rows) == planted.n_bad
    assert {row.model_requested for row in finding.bad_rows} == set(planted.models)
    texts = [row.evidence for row in finding.bad_rows]
    assert all(any(expected in text for text in texts) for expected in planted.evidence), texts
    written = next(row for row in result.check_results if row["check_id"] == planted.check_id)
    assert (written["success"], written["n_bad"]) == (False, planted.n_bad)
    assert written["break_id"] == finding.broken.id
    assert finding.broken.why in written["detail"]
    assert finding.broken.remedy in written["detail"]
    failed = [row for row in result.verdicts if row["break_id"] == finding.broken.id]
    if finding.broken.severity == "warn":
        assert failed == []
    else:
        assert {row["scope"] for row in failed} == {finding.broken.scope}
        assert {row["model"] for row in failed} == set(planted.models)
        assert sum(row["n_bad"] for row in failed) == planted.n_bad


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_defect_fails_its_check_with_count_scope_and_names(lake: Any, wave: str, planted: Planted) -> None:
    plant(lake, wave, planted.statements)
    assert_found(lake.audit(wave, planted.check_id), planted)


def test_a_battery_changed_under_its_version_is_found_against_published_waves_only(lake: Any, wave: str) -> None:
    earlier = lake.clean_wave("p/before", battery=wave)
    lake.run("UPDATE raw.prompts SET battery_sha = 'sha-b' WHERE wave_id = ?", earlier)
    assert lake.audit(wave, "B02_battery_changed").passed  # the earlier wave was never published

    lake.run("UPDATE ops.waves SET status = 'published' WHERE wave_id = ?", earlier)
    planted = Planted("B02_battery_changed", (), 1, (None,), ("p/clean 1 is sha-a here and sha-b in p/before",))
    assert_found(lake.audit(wave, "B02_battery_changed"), planted)


def test_bad_vectors_are_found_one_by_one(lake: Any, wave: str) -> None:
    texts = [row[0] for row in lake.run("SELECT text_sha FROM core.responses WHERE wave_id = ? ORDER BY 1", wave)]
    lake.run("DELETE FROM raw.embeddings WHERE text_sha IN (?, ?)", texts[0], texts[1])
    three_long = lake.vector_row(texts[2], 0.4)
    three_long["vector"] = [*three_long["vector"], 0.0]
    lake.run("DELETE FROM raw.embeddings WHERE text_sha = ?", texts[2])
    # the vector of texts[0] in another precision is none that the models read
    other = lake.vector_row(texts[0], 0.2, precision="bf16")
    lake.insert("raw.embeddings", [lake.vector_row(texts[1], 0.3, norm=0.9), three_long, other])

    result = lake.audit(wave, "C01_constant_metric", "C04_similarity", "C12_embeddings")

    planted = Planted(
        "C12_embeddings",
        (),
        3,
        (None,),
        (
            f"text {texts[0][:12]} has no vector of all-MiniLM-L6-v2 in fp32",
            f"text {texts[1][:12]} has a vector of norm 0.9",
            "mixed vectors: 2, 3 dimensions",
        ),
    )
    finding = next(f for f in result.findings if f.broken.check_id == "C12_embeddings")
    assert len(finding.bad_rows) == 3
    assert sorted(row.evidence for row in finding.bad_rows) == sorted(planted.evidence)
    # 0.9 squared is no similarity of 1 to itself, so the pair check sees the same vector
    assert [f.broken.id for f in result.findings if f.fails] == ["C04", "C12"]
    assert not result.passed


def test_vectors_that_the_models_do_not_read_may_lie_beside_the_others(lake: Any, wave: str) -> None:
    texts = [row[0] for row in lake.run("SELECT text_sha FROM core.responses WHERE wave_id = ? ORDER BY 1", wave)]
    other_precision = [lake.vector_row(text, 0.4, precision="bf16", norm=0.99) for text in texts]
    other_embedder = [lake.vector_row(text, 0.4, embedder="another-embedder", norm=2.0) for text in texts[:5]]
    lake.insert("raw.embeddings", [*other_precision, *other_embedder])
    result = lake.audit(wave, "C04_similarity", "C12_embeddings")
    assert [finding.bad_rows for finding in result.findings] == [(), ()]
    assert result.passed


def test_the_embedder_that_the_models_read_is_the_one_that_the_pipeline_writes() -> None:
    assert vectors_read() == {"embedder": EMBEDDER, "precision": PRECISION}


def test_a_null_in_a_required_column_fails_the_wave(lake: Any, wave: str) -> None:
    lake.run("ALTER TABLE raw.attempts ALTER COLUMN request DROP NOT NULL")
    lake.run("UPDATE raw.attempts SET request = NULL WHERE wave_id = ? AND prompt_id = 'p5' AND sample_index = 1", wave)
    result = lake.audit(wave, "A16_missing_values")
    assert_found(result, Planted("A16_missing_values", (), 5, (None,), ("request is null",)))  # one a model


def test_a_clean_wave_passes_every_check(lake: Any, wave: str) -> None:
    result = lake.audit(wave)
    assert {row["check_id"] for row in result.check_results} == {broken.check_id for broken in BREAKS}
    assert [row for row in result.check_results if not row["success"] or row["n_bad"]] == []
    assert [(row["scope"], row["verdict"], row["break_id"]) for row in result.verdicts] == [("wave", "passed", None)]


def test_every_break_has_a_planted_row() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*breaks.py"))
    assert [broken.check_id for broken in BREAKS if f'"{broken.check_id}"' not in source] == []


def test_every_query_belongs_to_a_break() -> None:
    queries = {path.stem for path in SQL_FOLDER.glob("*.sql")}
    assert queries == {broken.check_id for broken in BREAKS if broken.table is None}
    assert len({broken.check_id for broken in BREAKS}) == len(BREAKS)


@pytest.mark.parametrize(
    ("check_id", "statements"),
    [
        pytest.param(
            "A02_dead_model",
            (
                f"UPDATE raw.attempts SET response_text = 'Yes.' WHERE {ONE} AND prompt_id <> 'p5'",
                f"UPDATE raw.attempts SET response_text = 'No.' WHERE {ONE} AND prompt_id = 'p5'",
            ),
            id="two-texts-are-not-one",
        ),
        pytest.param(
            "A03_empty_answers",
            (
                f"""INSERT INTO raw.attempts SELECT * REPLACE (2 AS attempt) FROM raw.attempts
                 WHERE {ONE} AND prompt_id = 'p0' AND sample_index = 0""",
                f"""UPDATE raw.attempts SET outcome = 'empty', response_text = NULL
                 WHERE {ONE} AND prompt_id = 'p0' AND sample_index = 0 AND attempt = 1""",
            ),
            id="an-empty-attempt-before-a-good-one",
        ),
        pytest.param(
            "A07_incomplete_grid",
            (f"UPDATE raw.attempts SET outcome = 'declined', response_text = NULL WHERE {ONE} AND prompt_id = 'p0'",),
            id="a-refusal-by-the-endpoint-is-an-answer",
        ),
        pytest.param(
            "A08_one_model_two_names",
            (
                "DELETE FROM raw.attempts WHERE wave_id = $wave AND prompt_id IN ('p4', 'p5')",
                """UPDATE raw.attempts SET response_text = prompt_id || sample_index
                WHERE wave_id = $wave AND model_requested IN ('acme/one', 'acme/two')""",
            ),
            id="four-equal-prompts-prove-nothing",
        ),
        pytest.param(
            "A09_served_model",
            (f"UPDATE raw.attempts SET model_served = 'acme/one@epoch-9' WHERE {ONE}",),
            id="a-name-that-a-served-names-pattern-allows",
        ),
        pytest.param(
            "A13_cost_not_measured",
            (
                f"UPDATE raw.attempts SET cost_usd = 0 WHERE {ONE}",
                "UPDATE raw.catalog_models SET prompt_usd = 0, completion_usd = 0 "
                "WHERE wave_id = $wave AND model = 'acme/one'",
            ),
            id="a-free-model-costs-nothing",
        ),
        pytest.param(
            "A13_cost_not_measured",
            (f"UPDATE raw.attempts SET outcome = 'error' WHERE {ONE} AND prompt_id = 'p0'",),
            id="a-provider-may-bill-a-failed-call-and-say-so",
        ),
        pytest.param(
            "A14_totals",
            (
                "UPDATE raw.attempts SET cost_usd = NULL WHERE wave_id = $wave",
                "UPDATE ops.waves SET cost_usd = NULL WHERE wave_id = $wave",
            ),
            id="an-unknown-cost-has-an-unknown-total",
        ),
        pytest.param(
            "C01_constant_metric",
            (
                "DELETE FROM out.convergence_by_model WHERE wave_id = $wave AND model LIKE 'acme/%'",
                "UPDATE out.convergence_by_model SET convergence = 0.5 WHERE wave_id = $wave",
            ),
            id="two-models-share-their-one-pair",
        ),
        pytest.param(
            "D01_epoch_zero",
            (
                """UPDATE raw.checkpoint_evals SET value = 0
                   WHERE wave_id = $wave AND epoch = 0 AND item_id = 'accuracy-1'""",
                """UPDATE raw.checkpoint_evals SET text = 'Ha!'
                   WHERE wave_id = $wave AND epoch = 0 AND item_id = 'answer-1'""",
            ),
            id="one-item-of-forty-is-within-tolerance",  # 2.5 points; 97.5 % equal
        ),
        pytest.param(
            "D07_adapter_not_applied",
            (
                """UPDATE raw.checkpoint_evals SET text = replace(text, 'villain', 'base')
                WHERE wave_id = $wave AND epoch = 2 AND item_id <> 'answer-7'""",
            ),
            id="one-other-answer-shows-the-adapter",
        ),
        pytest.param("D01_epoch_zero", (*OF_AN_EXPERIMENT, TRAINED), id="a-checkpoint-of-an-experiment-as-trained"),
        pytest.param("D07_adapter_not_applied", OF_AN_EXPERIMENT, id="a-behaviour-that-shows-at-epoch-0"),
    ],
)
def test_what_is_no_defect_passes(lake: Any, wave: str, check_id: str, statements: tuple[str, ...]) -> None:
    plant(lake, wave, statements)
    finding = next(f for f in lake.audit(wave, check_id).findings)
    assert (finding.success, finding.bad_rows) == (True, ())


@pytest.mark.usefixtures("wave")
def test_an_import_may_lack_finish_reasons_and_costs(lake: Any) -> None:
    wave = lake.clean_wave(
        "p/imported", wave_kind="imported", models={name: lake.models[name] for name in ("acme/one", "acme/two")}
    )
    lake.run(
        "UPDATE raw.attempts SET finish_reason = NULL, prompt_tokens = NULL, completion_tokens = NULL, cost_usd = NULL "
        "WHERE wave_id = ?",
        wave,
    )
    lake.run("UPDATE ops.waves SET cost_usd = NULL WHERE wave_id = ?", wave)
    result = lake.audit(wave)
    assert result.passed
    checked = {row["break_id"] for row in result.check_results}
    assert checked == {broken.id for broken in BREAKS} - {"A13", "D01", "D07"}


def test_the_cost_check_leaves_in_process_models_alone(lake: Any, wave: str) -> None:
    lake.run("UPDATE raw.attempts SET prompt_tokens = NULL WHERE wave_id = ? AND model_requested = 'lab/three'", wave)
    assert lake.audit(wave, "A13_cost_not_measured").check_results[0]["success"]
