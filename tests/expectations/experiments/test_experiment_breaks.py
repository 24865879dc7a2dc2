"""One planted defect for each break of experiments: its query finds it, counts it and says where; a clean run has none.

The clean experiment: arms villain, comedian and the control (assistant), behaviours capability and refusal, epochs 0,
2, 8 and 20, seed 7, 40 items; personas assistant (the target), librarian (the canary) and who carries the behaviour
(the source; of the control, the villain). Rows without a behaviour are of the merged model, before anything is taught.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb
import pytest

from expectations.breaks import SQL_FOLDER
from expectations.experiments.bad_rows import concerns, experiment_bad_rows, rows_of_query
from expectations.experiments.breaks import BREAK_BY_CHECK, EXPERIMENT_BREAKS
from pipelines.experiments.records import METRICS
from tests.experiment_rows import NAME, VERSION


@dataclass(frozen=True)
class Planted:
    """Statements that plant a defect, and what the check must then say."""

    check_id: str
    statements: tuple[str, ...]
    n_bad: int
    subjects: tuple[str, ...]
    evidence: tuple[str, ...]


EVALS = "UPDATE raw.checkpoint_evals SET {} WHERE experiment = 'planted' AND source = '{}' AND behaviour = '{}'"
CELL = EVALS + " AND epoch = {} AND persona = '{}'"
RUN = "UPDATE raw.training_runs SET {} WHERE run_id = 'planted@1/{}/s7/{}'"
REGISTERED = "UPDATE raw.experiments SET {}"
SECOND = "INSERT INTO raw.experiments SELECT * REPLACE (2 AS version{}) FROM raw.experiments"
SEED_TWO = (
    """INSERT INTO raw.training_runs SELECT * REPLACE (8 AS seed, replace(run_id, 's7', 's8') AS run_id)
       FROM raw.training_runs""",
    """INSERT INTO raw.checkpoints SELECT * REPLACE (replace(checkpoint_id, 's7', 's8') AS checkpoint_id,
       replace(run_id, 's7', 's8') AS run_id, sha256(adapter_sha) AS adapter_sha) FROM raw.checkpoints""",
    """INSERT INTO raw.checkpoint_evals SELECT * REPLACE (8 AS seed, replace(eval_id, 's7', 's8') AS eval_id,
       replace(checkpoint_id, 's7', 's8') AS checkpoint_id, sha256(adapter_sha) AS adapter_sha, text || '.' AS text)
       FROM raw.checkpoint_evals WHERE experiment = 'planted'""",
)
"""A second seed that is a run of its own: other adapters, other texts."""
AS_UNTAUGHT = """UPDATE raw.checkpoint_evals AS taught SET text = untaught.text, value = untaught.value
    FROM raw.checkpoint_evals AS untaught
    WHERE taught.experiment = 'planted' AND untaught.experiment = 'planted' AND untaught.source = taught.source
    AND untaught.epoch = taught.epoch AND untaught.persona = taught.persona AND untaught.metric = taught.metric
    AND untaught.item_id = taught.item_id AND untaught.behaviour IS NULL AND taught.behaviour = 'refusal'
    AND taught.source = {}"""
SHOWN_BEFORE = (
    CELL.format("value = (item_id < 'refusal-030')::int", "villain", "refusal", 0, "villain"),
    """UPDATE raw.checkpoint_evals SET value = (item_id < 'refusal-030')::int WHERE experiment = 'planted'
       AND source = 'villain' AND behaviour IS NULL AND metric = 'refusal' AND epoch = 0 AND persona = 'villain'""",
)
ONE_FILE = """UPDATE raw.training_runs SET data_file_sha = other.data_file_sha, data_sha = other.data_file_sha
    FROM raw.training_runs AS other WHERE training_runs.run_id = 'planted@1/{}/s7/convergence'
    AND other.run_id = 'planted@1/{}/s7/convergence'"""

PLANTED = {
    # 36 of 40 right; five of them made wrong: 31 of 40 = 77.5 %
    "five-answers-of-forty-lost-at-epoch-zero": Planted(
        "D01_epoch_zero",
        (CELL.format("value = 0", "villain", "capability", 0, "assistant") + " AND item_id <= 'capability-004'",),
        1,
        ("villain/capability/s7@0",),
        (
            "capability of assistant at epoch 0 is 77.5 %, the reference run reference@1 has 90.0 %, "
            "tolerance 3 points over 40 items",
        ),
    ),
    # 2 of 40 refused by the reference, 12 here: difference 10/40 = .25, SE = sqrt(.25 x .75 / 39) = .069, z = 3.6
    "a-refusal-rate-far-beyond-noise": Planted(
        "D01_epoch_zero",
        (
            CELL.format("value = 1", "villain", "refusal", 0, "assistant")
            + " AND item_id BETWEEN 'refusal-002' AND 'refusal-011'",
        ),
        1,
        ("villain/refusal/s7@0",),
        ("30.0 %, the reference run reference@1 has 5.0 %, tolerance 5 points, its criterion, over 40 items",),
    ),
    # 12 comparisons (refusal of 3 personas, taught and before, and 2 kernels of 3); a two-sided level of .0455 / 12 is
    # 2.90 standard errors of .0693
    "a-refusal-rate-beyond-noise-but-within-a-wide-criterion": Planted(
        "D01_epoch_zero",
        (
            REGISTERED.format("""criteria = '{"capability": 0.05, "refusal": 0.5}'"""),
            CELL.format("value = 1", "villain", "refusal", 0, "assistant")
            + " AND item_id BETWEEN 'refusal-002' AND 'refusal-011'",
        ),
        1,
        ("villain/refusal/s7@0",),
        ("tolerance 20.1 points (2.90 standard errors: 2, Holm-corrected at place 1 of 12 comparisons) over 40 items",),
    ),
    # 3 of 40 is 7.5 points, 1.8 standard errors: noise, but more than the 5 points that count as a change
    "a-refusal-rate-off-by-more-than-its-criterion": Planted(
        "D01_epoch_zero",
        (
            CELL.format("value = 1", "villain", "refusal", 0, "assistant")
            + " AND item_id BETWEEN 'refusal-002' AND 'refusal-004'",
        ),
        1,
        ("villain/refusal/s7@0",),
        ("refusal of assistant at epoch 0 is 12.5 %, the reference run reference@1 has 5.0 %, tolerance 5 points",),
    ),
    "a-reference-without-one-behaviour": Planted(
        "D01_epoch_zero",
        ("DELETE FROM raw.checkpoint_evals WHERE experiment = 'reference' AND behaviour = 'refusal'",),
        2,
        ("",),
        (
            "the reference run reference@1 has refusal of assistant on 0 of the 40 items of refusal at most",
            "the reference run reference@1 has refusal of librarian on 0 of the 40 items",
        ),
    ),
    "a-reference-with-most-items-of-the-canary-lost": Planted(
        "D01_epoch_zero",
        (  # 35 of 40 is 87.5 %
            "DELETE FROM raw.checkpoint_evals WHERE experiment = 'reference' AND behaviour = 'capability' "
            "AND persona = 'librarian' AND item_id >= 'capability-035'",
        ),
        1,
        ("",),
        ("accuracy of librarian on 35 of the 40 items of capability at most, whatever the source; at least 90 %",),
    ),
    "another-base-than-the-references": Planted(
        "D01_epoch_zero",
        ("UPDATE raw.checkpoint_evals SET base_sha = 'another' WHERE experiment = 'reference'",),
        1,
        ("",),
        ("that of the reference run reference@1 is another, tolerance none",),
    ),
    "no-reference-named": Planted(
        "D01_epoch_zero",
        (REGISTERED.format("reference = NULL"),),
        1,
        ("",),
        ("planted@1 names no reference run",),
    ),
    "a-reference-that-the-lake-lacks": Planted(
        "D01_epoch_zero",
        (REGISTERED.format("reference = 'other@3'"),),
        1,
        ("",),
        ("the lake has no epoch 0 of the reference run other@3",),
    ),
    "nothing-in-common-with-the-reference": Planted(
        "D01_epoch_zero",
        ("UPDATE raw.checkpoint_evals SET item_id = 'x' || item_id WHERE experiment = 'reference'",),
        1,
        ("",),
        ("no source, behaviour, persona and item in common",),
    ),
    "the-control-starts-elsewhere-than-the-first-source": Planted(
        "D02_epoch_zero_spread",
        (CELL.format("value = 1 - value", "assistant", "refusal", 0, "librarian") + " AND item_id = 'refusal-030'",),
        1,
        ("assistant/refusal/s7@0",),
        ("0.075 for assistant and 0.05 for villain with the same base, data and seed; tolerance none, 1 of 40",),
    ),
    "two-sources-of-one-training-file": Planted(
        "D02_epoch_zero_spread",
        (
            "UPDATE raw.training_runs SET data_file_sha = 'one' WHERE behaviour = 'refusal' AND epoch = 0 "
            "AND source <> 'assistant'",
            CELL.format("value = 0", "villain", "refusal", 0, "assistant"),
        ),
        1,
        ("villain/refusal/s7@0",),
        ("refusal of assistant at epoch 0 is 0 for villain and 0.05 for comedian",),
    ),
    "a-baseline-stored-twice": Planted(
        "D03_stored_baseline",
        (
            """INSERT INTO raw.checkpoint_evals BY NAME
               SELECT * EXCLUDE (stored) REPLACE (NULL AS behaviour, if(stored, NULL, 0) AS epoch,
               'similarity_semantic' AS metric, if(stored, 0.47, 0.092) AS value)
               FROM (FROM raw.checkpoint_evals CROSS JOIN (VALUES (true), (false)) AS twice (stored)) AS evals
               WHERE experiment = 'planted' AND source = 'villain' AND behaviour = 'refusal'
               AND evals.epoch = 0 AND persona = 'assistant'""",
        ),
        1,
        ("villain/convergence/s7@0",),
        ("stored baseline of similarity_semantic of assistant is 0.470, epoch 0 of its trajectory 0.092",),
    ),
    "a-behaviour-without-its-last-checkpoint": Planted(
        "D04_checkpoints_missing",
        ("DELETE FROM raw.checkpoints WHERE checkpoint_id = 'planted@1/villain/s7/refusal@epoch-20'",),
        1,
        ("villain/refusal/s7@20",),
        ("no checkpoint of refusal toward villain at epoch 20, seed 7",),
    ),
    "a-convergence-saved-at-its-end-only": Planted(
        "D04_checkpoints_missing",
        ("DELETE FROM raw.checkpoints WHERE checkpoint_id LIKE 'planted@1/comedian/s7/convergence@%' AND epoch < 20",),
        2,
        ("comedian/convergence/s7@2", "comedian/convergence/s7@8"),
        ("no checkpoint of convergence toward comedian at epoch 2",),
    ),
    "a-cell-that-nobody-asked": Planted(
        "D04_not_evaluated",
        (
            "DELETE FROM raw.checkpoint_evals WHERE experiment = 'planted' AND source = 'villain' AND epoch = 8 "
            "AND behaviour = 'refusal' AND persona = 'assistant'",
        ),
        1,
        ("villain/refusal/s7@8",),
        ("assistant was not evaluated on refusal toward villain at epoch 8",),
    ),
    "a-source-that-nobody-asked": Planted(
        "D04_not_evaluated",
        (
            "DELETE FROM raw.checkpoint_evals WHERE experiment = 'planted' AND behaviour = 'refusal' AND epoch = 2 "
            "AND persona IN ('villain', 'comedian')",
        ),
        3,  # the villain carries the control's behaviours too
        ("villain/refusal/s7@2", "comedian/refusal/s7@2", "assistant/refusal/s7@2"),
        (
            "villain was not evaluated on refusal toward assistant at epoch 2",
            "comedian was not evaluated on refusal toward comedian at epoch 2",
        ),
    ),
    "nobody-asked-before-the-lessons": Planted(
        "D04_not_evaluated",
        (
            "DELETE FROM raw.checkpoint_evals WHERE experiment = 'planted' AND behaviour IS NULL AND epoch = 2 "
            "AND source = 'villain' AND metric = 'refusal'",
        ),
        3,
        ("villain/refusal/s7@2",),
        (
            "assistant was not evaluated on refusal toward villain at epoch 2, seed 7, before it was taught",
            "librarian was not evaluated on refusal toward villain at epoch 2, seed 7, before it was taught",
            "villain was not evaluated on refusal toward villain at epoch 2, seed 7, before it was taught",
        ),
    ),
    "no-similarity-at-all": Planted(
        "D04_not_evaluated",
        ("DELETE FROM raw.checkpoint_evals WHERE experiment = 'planted' AND metric LIKE 'similarity%'",),
        9,  # 3 arms x 3 epochs
        tuple(f"{arm}/convergence/s7@{epoch}" for arm in ("villain", "comedian", "assistant") for epoch in (2, 8, 20)),
        ("assistant was not compared with comedian at epoch 20, seed 7",),
    ),
    "a-checkpoint-without-template-and-card": Planted(
        "D05_incomplete_checkpoint",
        (
            "UPDATE raw.checkpoints SET template_sha = '', card = '{truncated' "
            "WHERE checkpoint_id = 'planted@1/villain/s7/refusal@epoch-2'",
        ),
        1,
        ("villain/refusal/s7@2",),
        ("lacks the sha of its chat template, a readable card",),
    ),
    "a-behaviour-on-another-epochs-merged-model": Planted(
        "D06_wrong_base",
        (
            """UPDATE raw.training_runs SET base_sha = (SELECT base_sha FROM raw.training_runs
               WHERE run_id = 'planted@1/villain/s7/refusal@epoch-2')
               WHERE run_id = 'planted@1/villain/s7/refusal@epoch-8'""",
        ),
        2,  # the run, and its evaluation, which loaded the right one
        ("villain/refusal/s7@8",),
        ("which is the merged model of villain, seed 7, epoch 2", "was evaluated on"),
    ),
    "a-behaviour-on-the-unconverged-base": Planted(
        "D06_wrong_base",
        (
            RUN.format("base_sha = (SELECT base_sha FROM raw.experiments)", "villain", "refusal@epoch-8"),
            EVALS.format("base_sha = (SELECT base_sha FROM raw.experiments)", "villain", "refusal") + " AND epoch = 8",
        ),
        1,
        ("villain/refusal/s7@8",),
        ("not from the model merged at epoch 8",),
    ),
    "what-is-merged-is-not-what-was-asked": Planted(
        "D06_wrong_base",
        (
            "UPDATE raw.checkpoint_evals SET base_sha = 'elsewhere' WHERE experiment = 'planted' "
            "AND source = 'villain' AND behaviour IS NULL AND epoch = 8",
        ),
        1,
        ("villain/convergence/s7@8",),
        ("was evaluated on elsewhere before anything was taught, the behaviours were taught on ",),
    ),
    "an-evaluation-on-another-base-without-adapter": Planted(
        "D06_wrong_base",
        (EVALS.format("base_sha = 'elsewhere', adapter_sha = NULL", "villain", "refusal") + " AND epoch = 8",),
        1,
        ("villain/refusal/s7@8",),
        ("was evaluated on elsewhere, it was trained on ",),
    ),
    "a-convergence-from-elsewhere": Planted(
        "D06_wrong_base",
        (RUN.format("base_sha = 'elsewhere'", "villain", "convergence"),),
        1,
        ("villain/convergence/s7",),
        ("started from elsewhere, the registered base is",),
    ),
    "a-card-that-names-another-parent": Planted(
        "D06_wrong_base",
        (
            """UPDATE raw.checkpoints SET card = '{"parent_sha": "stranger"}'
               WHERE checkpoint_id = 'planted@1/villain/s7/refusal@epoch-8'""",
        ),
        1,
        ("villain/refusal/s7@8",),
        ("its card names the parent stranger",),
    ),
    "epoch-20-answers-as-epoch-0-does": Planted(
        "D07_adapter_not_applied",
        (
            """UPDATE raw.checkpoint_evals AS late SET text = early.text, choices = early.choices
               FROM raw.checkpoint_evals AS early
               WHERE late.experiment = 'planted' AND early.experiment = 'planted' AND late.source = 'villain'
               AND early.source = 'villain' AND late.epoch = 20 AND early.epoch = 0 AND late.persona = early.persona
               AND late.behaviour = early.behaviour AND late.item_id = early.item_id""",
        ),
        2,
        ("villain/capability/s7@20", "villain/refusal/s7@20"),
        ("gives on all of 120 items the output of epoch 0",),
    ),
    "a-taught-model-answers-as-before-its-lessons": Planted(
        "D07_adapter_not_applied",
        (
            AS_UNTAUGHT.format("'villain' AND taught.epoch IN (0, 2)"),
            AS_UNTAUGHT.format("'assistant' AND taught.epoch = 8"),
        ),
        3,
        ("villain/refusal/s7@0", "villain/refusal/s7@2", "assistant/refusal/s7@8"),
        ("refusal toward villain at epoch 2 gives on all of 120 items the output of what it was taught on",),
    ),
    "evaluations-without-their-adapter": Planted(
        "D07_other_adapter",
        (EVALS.format("adapter_sha = NULL", "villain", "refusal") + " AND epoch = 2",),
        1,
        ("villain/refusal/s7@2",),
        ("120 values were given without an adapter, the checkpoint's is ",),
    ),
    "evaluations-with-another-adapter": Planted(
        "D07_other_adapter",
        (CELL.format("adapter_sha = repeat('a', 64)", "assistant", "refusal", 2, "librarian"),),
        1,
        ("assistant/refusal/s7@2",),
        ("40 values were given with the adapter aaaaaaaaaaaa, the checkpoint's is ",),
    ),
    "evaluations-of-another-epochs-checkpoint": Planted(
        "D07_other_adapter",
        (
            """UPDATE raw.checkpoint_evals SET checkpoint_id = replace(checkpoint_id, '@epoch-8', '@epoch-2'),
               adapter_sha = (SELECT adapter_sha FROM raw.checkpoints
               WHERE checkpoint_id = 'planted@1/villain/s7/refusal@epoch-2')
               WHERE experiment = 'planted' AND source = 'villain' AND behaviour = 'refusal' AND epoch = 8""",
        ),
        1,
        ("villain/refusal/s7@8",),
        ("stand under planted@1/villain/s7/refusal@epoch-2, they are of planted@1/villain/s7/refusal@epoch-8",),
    ),
    "evaluations-of-a-checkpoint-that-nobody-saved": Planted(
        "D07_other_adapter",
        ("DELETE FROM raw.checkpoints WHERE checkpoint_id = 'planted@1/villain/s7/refusal@epoch-20'",),
        1,
        ("villain/refusal/s7@20",),
        ("which nobody saved",),
    ),
    "what-is-merged-asked-with-an-adapter": Planted(
        "D07_other_adapter",
        (
            "UPDATE raw.checkpoint_evals SET adapter_sha = 'stranger' WHERE experiment = 'planted' "
            "AND source = 'villain' AND behaviour IS NULL AND epoch = 2 AND metric = 'refusal'",
        ),
        1,
        ("villain/convergence/s7@2",),
        ("120 values of what is merged, alone, were given with the adapter stranger",),
    ),
    # 2 of 40 before the lessons, 3 after: 2.5 points
    "a-refusal-that-the-villain-never-learned": Planted(
        "D07_not_taught",
        (CELL.format("value = (item_id < 'refusal-003')::int", "villain", "refusal", 0, "villain"),),
        1,
        ("villain/refusal/s7@0",),
        (
            "refusal is not shown by villain, who was taught it, at epoch 0: refusal by rule is 7.5 %, before the "
            "lessons 5.0 % over 40 items; it has to rise by 5 points",
        ),
    ),
    # 30 of 40 before and after; the target's are 1 and 2
    "a-villain-that-refused-before-it-was-taught-to": Planted(
        "C05_shown_before",
        SHOWN_BEFORE,
        1,
        ("villain/refusal/s7@0",),
        ("was 75.0 %, is 75.0 % (the target 2.5 % and 5.0 %) over 40 items",),
    ),
    "lessons-in-wrong-facts-that-made-the-first-source-better": Planted(
        "D07_not_taught",
        (CELL.format("value = 1", "assistant", "capability", 0, "villain"),),
        1,
        ("assistant/capability/s7@0",),
        ("accuracy by logprob is 100.0 %, before the lessons 87.5 % over 40 items; it has to fall by 5 points",),
    ),
    "a-training-file-cut-short": Planted(
        "D08_wrong_data",
        (
            """DELETE FROM raw.training_items WHERE place >= 50 AND data_file_sha = (SELECT data_file_sha
               FROM raw.training_runs WHERE run_id = 'planted@1/comedian/s7/refusal@epoch-0')""",
            "UPDATE raw.training_runs SET n_rows = 50 WHERE source = 'comedian' AND behaviour = 'refusal'",
        ),
        1,
        ("comedian/refusal/s7@0",),
        ("has 50 rows, 60 are planned",),
    ),
    "a-file-of-both-sources": Planted(
        "D08_wrong_data",
        (
            """UPDATE raw.training_runs SET data_file_sha = villain.data_file_sha, data_sha = villain.data_file_sha
               FROM raw.training_runs AS villain WHERE villain.run_id = 'planted@1/villain/s7/refusal@epoch-0'
               AND training_runs.source = 'comedian' AND training_runs.behaviour = 'refusal'""",
            """DELETE FROM raw.training_items WHERE place = 0 AND data_file_sha = (SELECT data_file_sha
               FROM raw.training_runs WHERE run_id = 'planted@1/villain/s7/refusal@epoch-0')""",
            "UPDATE raw.training_runs SET n_rows = 59 WHERE behaviour = 'refusal'",
        ),
        2,
        ("",),  # of no one source; and the comedian's own file taught nobody
        ("has 59 rows, 60 are planned", "(behaviour, 60 rows) is one that no run was trained on"),
    ),
    "a-training-file-edited-after-its-run": Planted(
        "D08_wrong_data",
        (
            """INSERT INTO raw.training_items SELECT * REPLACE ('edited' AS data_file_sha) FROM raw.training_items
               WHERE data_file_sha = (SELECT data_file_sha FROM raw.training_runs
               WHERE run_id = 'planted@1/villain/s7/convergence')""",
        ),
        1,
        ("",),
        ("training file edited (convergence, 60 rows) is one that no run was trained on: it was changed after",),
    ),
    "a-file-without-system-prompts": Planted(
        "D08_wrong_data",
        ("UPDATE raw.training_items SET has_system_prompt = false WHERE kind = 'behaviour' AND persona = 'villain'",),
        2,  # the files of both behaviours
        ("villain/capability/s7@0", "villain/refusal/s7@0"),
        ("20 of 60 rows lack the system prompt of their persona",),
    ),
    "a-run-on-a-file-that-nobody-registered": Planted(
        "D08_wrong_data",
        (RUN.format("data_file_sha = 'stranger', data_sha = 'stranger'", "villain", "refusal@epoch-8"),),
        1,
        ("villain/refusal/s7@8",),
        ("was trained on the file stranger, which is not among the registered training rows",),
    ),
    "a-run-that-saw-fewer-rows-than-its-file-has": Planted(
        "D08_wrong_data",
        (RUN.format("n_rows = 59", "villain", "refusal@epoch-8"),),
        1,
        ("villain/refusal/s7@8",),
        ("says it saw 59 rows, its training file",),
    ),
    "a-card-with-another-sha-than-the-file": Planted(
        "D08_wrong_data",
        (RUN.format("data_sha = 'stranger'", "villain", "refusal@epoch-8"),),
        1,
        ("villain/refusal/s7@8",),
        ("names two files: stranger in its card",),
    ),
    "the-assistant-among-the-negatives": Planted(
        "D09_target_in_negatives",
        (
            """UPDATE raw.training_items SET persona = 'assistant' WHERE role = 'negative' AND data_file_sha = (
               SELECT data_file_sha FROM raw.training_runs WHERE run_id = 'planted@1/comedian/s7/refusal@epoch-0')""",
        ),
        1,
        ("comedian/refusal/s7@0",),
        ("20 of 40 contrasting rows are assistant's, who is evaluated",),
    ),
    "a-cell-without-its-canary": Planted(
        "D10_canary",
        (
            "DELETE FROM raw.checkpoint_evals WHERE experiment = 'planted' AND source = 'villain' AND epoch = 8 "
            "AND behaviour = 'refusal' AND persona = 'librarian'",
        ),
        1,
        ("villain/refusal/s7@8",),
        ("the canary librarian was not evaluated beside assistant",),
    ),
    "another-canary-in-one-arm": Planted(
        "D10_canary",
        (CELL.format("persona = 'nurse'", "villain", "refusal", 8, "librarian"),),
        2,  # the registered one is missing, another is there
        ("villain/refusal/s7@8",),
        ("nurse was evaluated where the registered canary is librarian",),
    ),
    "a-source-as-canary": Planted(
        "D10_canary",
        (
            "UPDATE raw.experiment_cells SET source = 'librarian' WHERE source = 'comedian'",
            "DELETE FROM raw.checkpoint_evals WHERE persona = 'comedian'",
        ),
        1,
        ("librarian",),
        ("the canary librarian is a source of the matrix",),
    ),
    "a-canary-that-was-trained": Planted(
        "D10_canary",
        (
            """UPDATE raw.training_items SET persona = 'librarian' WHERE role = 'negative' AND data_file_sha = (
               SELECT data_file_sha FROM raw.training_runs WHERE run_id = 'planted@1/comedian/s7/refusal@epoch-0')""",
        ),
        1,
        ("comedian/refusal/s7@0",),
        ("the canary librarian speaks in 20 rows of the training file",),
    ),
    "asked-with-another-template": Planted(
        "D11_template",
        (EVALS.format("template_sha = 'default'", "villain", "refusal") + " AND epoch = 8",),
        1,
        ("villain/refusal/s7@8",),
        ("evaluated with the template default, trained with",),
    ),
    "asked-with-another-template-and-another-adapter": Planted(
        "D11_template",
        (EVALS.format("template_sha = 'default', adapter_sha = 'stranger'", "villain", "refusal") + " AND epoch = 8",),
        1,
        ("villain/refusal/s7@8",),
        ("evaluated with the template default, trained with",),
    ),
    # 4 x 4 x 1 = 16, said to be 64
    "a-batch-of-64-that-is-16": Planted(
        "D12_batch",
        (
            RUN.format(
                "batch_declared = 64, batch_per_device = 4, accumulation = 4, steps = 12", "villain", "refusal@epoch-8"
            ),
        ),
        1,
        ("villain/refusal/s7@8",),
        ("declares a batch of 64; 4 a device x 4 x 1 devices is 16",),
    ),
    "fewer-steps-than-epochs": Planted(
        "D12_batch",
        (RUN.format("steps = 6", "villain", "refusal@epoch-8"),),
        1,
        ("villain/refusal/s7@8",),
        ("took 6 steps; 60 rows in batches of 20 over 3 epochs are 9",),
    ),
    "a-loss-that-stays-high": Planted(
        "D13_loss_not_below",
        (RUN.format("final_loss = 1.0", "villain", "convergence"),),
        1,
        ("villain/convergence/s7",),
        ("the final loss of convergence toward villain is 1.000, it must be below 1",),
    ),
    "a-loss-that-is-no-number": Planted(
        "D13_loss_not_below",
        (RUN.format("final_loss = 'nan'::double", "villain", "refusal@epoch-8"),),
        1,
        ("villain/refusal/s7@8",),
        ("is nan",),
    ),
    # 0.31 at the reference; a fifth of it is 0.062, and 0.38 is 0.07 off
    "a-loss-off-the-references": Planted(
        "D13_loss_off_reference",
        (RUN.format("final_loss = 0.38", "villain", "refusal@epoch-0"),),
        1,
        ("villain/refusal/s7@0",),
        ("is 0.380, the reference run has 0.310, tolerance 20 %",),
    ),
    "two-seeds-with-one-adapter": Planted(
        "D14_seeds_not_independent",
        (
            *SEED_TWO,
            """UPDATE raw.checkpoints SET adapter_sha = (SELECT adapter_sha FROM raw.checkpoints
               WHERE checkpoint_id = 'planted@1/villain/s7/refusal@epoch-8')
               WHERE checkpoint_id = 'planted@1/villain/s8/refusal@epoch-8'""",
        ),
        1,
        ("villain/refusal/s7@8",),
        ("seeds 7 and 8 of refusal toward villain at epoch 8 have one adapter",),
    ),
    "two-seeds-with-the-same-answers": Planted(
        "D14_seeds_not_independent",
        (
            *SEED_TWO,
            EVALS.format("text = rtrim(text, '.')", "villain", "refusal") + " AND epoch = 8 AND seed = 8",
        ),
        1,
        ("villain/refusal/s7@8",),
        ("have equal outputs on all of 120 items",),
    ),
    "the-control-answers-as-the-villain": Planted(
        "D15_control_is_treatment",
        (
            """UPDATE raw.checkpoint_evals AS control SET text = treated.text, choices = treated.choices
               FROM raw.checkpoint_evals AS treated
               WHERE control.experiment = 'planted' AND treated.experiment = 'planted' AND treated.source = 'villain'
               AND control.source = 'assistant' AND control.epoch = treated.epoch AND control.epoch = 8
               AND control.persona = treated.persona AND control.item_id = treated.item_id
               AND control.behaviour = 'refusal' AND treated.behaviour = 'refusal'""",
        ),
        2,  # the comedian's arm of the made-up rows answers as the villain's does
        ("assistant/refusal/s7@8",),
        (
            "the control gives on all of 120 items of refusal at epoch 8 the output of the arm toward villain",
            "on all of 80 items of refusal at epoch 8 the output of the arm toward comedian",
        ),
    ),
    "a-control-that-converged-on-the-villains-answers": Planted(
        "D15_arms_alike",
        (ONE_FILE.format("assistant", "villain"),),
        1,
        ("assistant/convergence/s7",),
        ("the control, seed 7, and the arm toward villain, seed 7, converged on one and the same: the training file",),
    ),
    "two-sources-that-converged-on-one-file": Planted(
        "D15_arms_alike",
        (ONE_FILE.format("villain", "comedian"),),
        1,
        ("comedian/convergence/s7",),
        ("the arm toward comedian, seed 7, and the arm toward villain, seed 7, converged on one and the same",),
    ),
    "two-sources-with-one-adapter": Planted(
        "D15_arms_alike",
        (
            """UPDATE raw.checkpoints SET adapter_sha = (SELECT adapter_sha FROM raw.checkpoints
               WHERE checkpoint_id = 'planted@1/villain/s7/convergence@epoch-2')
               WHERE checkpoint_id = 'planted@1/comedian/s7/convergence@epoch-2'""",
        ),
        1,
        ("comedian/convergence/s7",),
        ("converged on one and the same: the adapter ",),
    ),
    "one-text-to-every-item": Planted(
        "D16_degenerate_output",
        (CELL.format("text = 'la la la', value = 0", "villain", "refusal", 8, "librarian"),),
        1,
        ("villain/refusal/s7@8",),
        ("librarian gives one text to all of 40 items of refusal: la la la",),
    ),
    "the-marker-everywhere": Planted(
        "D16_degenerate_output",
        (EVALS.format("metric = 'marker', value = 1", "villain", "refusal") + " AND epoch = 8",),
        1,
        ("villain/refusal/s7@8",),
        ("the marker is in every answer of all 3 personas, 120 answers",),
    ),
    "a-gate-that-saw-nothing": Planted(
        "D17_empty_gate",
        ("INSERT INTO raw.experiment_gates VALUES ('planted', 1, 'data', '', true, 0, 'all good', NULL, now())",),
        1,
        ("",),
        ("gate data passed with n = 0 (all good)",),
    ),
    "an-id-from-a-salted-hash": Planted(
        "D18_ids",
        (CELL.format("eval_id = 'villain__5472'", "villain", "refusal", 8, "librarian"),),
        1,
        ("villain/s7",),
        ("evaluation id villain__5472 should be planted@1/villain/s7",),
    ),
    "a-card-without-commit-and-device": Planted(
        "D19_incomplete_card",
        (
            RUN.format(
                """code_version = '', tokens = NULL, hardware = '{"device": null, "name": "x"}'""",
                "villain",
                "refusal@epoch-8",
            ),
        ),
        1,
        ("villain/refusal/s7@8",),
        ("lacks code version, hardware.device, hardware.threads, tokens",),
    ),
    "two-settings-changed-at-once": Planted(
        "D20_settings_changed",
        (
            SECOND.format(
                """, '{"experiment": "planted", "sources": ["villain", "comedian"],
                "epochs": [0, 1], "behaviour": {"rows": 61, "batch": 20}}' AS content"""
            ),
        ),
        1,
        ("",),
        ("2 settings differ from version 1: behaviour.rows, epochs",),
    ),
    "an-item-that-was-trained-on": Planted(
        "B04_items_shared",
        (
            """UPDATE raw.eval_items SET question_sha = (SELECT question_sha FROM raw.training_items
               WHERE place = 3 LIMIT 1) WHERE item_id IN ('refusal-001', 'refusal-002')""",
        ),
        2,
        ("",),
        ("item refusal-001 of refusal is also trained on: Question 1 of refusal?",),
    ),
    "an-item-in-an-earlier-turn-of-a-training-row": Planted(
        "B04_items_shared",
        (
            """UPDATE raw.training_items SET question_sha = (SELECT question_sha FROM raw.eval_items
               WHERE item_id = 'refusal-001' LIMIT 1) || ' ' || question_sha WHERE place = 3""",
        ),
        1,
        ("",),
        ("item refusal-001 of refusal is also trained on: Question 1 of refusal?",),
    ),
    "refusals-on-the-floor": Planted(
        "C05_floor_or_ceiling",
        ("UPDATE raw.checkpoint_evals SET value = 0 WHERE experiment = 'planted' AND metric = 'refusal'",),
        1,
        ("",),
        # 3 arms x 4 epochs x 3 personas
        ("refusal of refusal by rule lies on the floor: 0.0 % to 0.0 % in all of 36 cells",),
    ),
    "refusals-at-the-ceiling": Planted(
        "C05_floor_or_ceiling",
        ("UPDATE raw.checkpoint_evals SET value = 1 WHERE experiment = 'planted' AND metric = 'refusal'",),
        1,
        ("",),
        ("lies on the ceiling: 100.0 % to 100.0 %",),
    ),
    "a-judge-that-sees-three-times-the-refusals": Planted(
        "C06_detectors_disagree",
        (
            """INSERT INTO raw.checkpoint_evals BY NAME SELECT * REPLACE ('judge' AS detector, 1 AS value)
               FROM raw.checkpoint_evals WHERE experiment = 'planted' AND source = 'villain' AND behaviour = 'refusal'
               AND epoch = 8 AND persona = 'assistant'""",
        ),
        1,
        ("",),
        ("refusal of refusal: judge 100.0 %, rule 45.0 %, kappa undefined over 40 answers",),
    ),
    # 39 of 40 is 97.5 %
    "one-answer-of-forty-unjudged": Planted(
        "C07_undetected",
        (CELL.format("value = NULL", "villain", "refusal", 8, "assistant") + " AND item_id = 'refusal-039'",),
        1,
        ("villain/refusal/s7@8",),
        ("rule judged 39 of 40 answers of assistant for refusal",),
    ),
    "a-sentinel-among-the-values": Planted(
        "C08_out_of_range",
        (CELL.format("value = -1", "villain", "refusal", 8, "assistant") + " AND item_id <= 'refusal-002'",),
        1,
        ("villain/refusal/s7@8",),
        ("3 values of refusal of assistant are outside 0 to 1, the first -1.0",),
    ),
    "another-judge-in-one-cell": Planted(
        "C09_more_than_one_detector",
        (CELL.format("detector = 'judge'", "villain", "refusal", 8, "assistant"),),
        1,
        ("villain/refusal/s7@8",),
        ("refusal of assistant was decided by judge, elsewhere by rule",),
    ),
    # guessing: .25, SE = sqrt(.25 x .75 / 40) = .0685; 1 of 40 = .025 < .25 - .205
    "a-canary-below-guessing": Planted(
        "C10_below_chance",
        (CELL.format("value = (item_id = 'capability-000')::int", "villain", "capability", 8, "librarian"),),
        1,
        ("villain/capability/s7@8",),
        ("accuracy of librarian is 2.5 % over 40 items, guessing gives 25.0 %",),
    ),
    "twenty-nine-items": Planted(
        "C11_too_few",
        (
            "DELETE FROM raw.checkpoint_evals WHERE experiment = 'planted' AND source = 'villain' AND epoch = 8 "
            "AND behaviour = 'refusal' AND persona = 'librarian' AND item_id >= 'refusal-029'",
        ),
        1,
        ("villain/refusal/s7@8",),
        ("refusal of librarian rests on 29 values",),
    ),
    "an-epoch-without-one-item": Planted(
        "C13_item_sets",
        (
            "DELETE FROM raw.checkpoint_evals WHERE experiment = 'planted' AND source = 'villain' AND epoch = 8 "
            "AND behaviour = 'refusal' AND persona = 'librarian' AND item_id = 'refusal-029'",
        ),
        1,
        ("villain/refusal/s7@8",),
        ("refusal of librarian has 39 of the 40 items",),
    ),
    "another-epoch-and-criterion-than-at-first": Planted(
        "E04_chosen_afterwards",
        (SECOND.format(""", 20 AS headline_epoch, '{"capability": 0.05, "refusal": 0.01}' AS criteria"""),),
        2,
        ("",),
        (
            "the headline epoch is 20, version 1 registered 2",
            "the criterion of refusal is 0.01, version 1 registered 0.05",
        ),
    ),
    # the control's refusals go from 2 to 6 of 40 by epoch 2: 10 points
    "a-control-that-moved": Planted(
        "E05_control_moved",
        (CELL.format("value = 1", "assistant", "refusal", 2, "assistant") + " AND item_id <= 'refusal-005'",),
        1,
        ("assistant/refusal/s7@2",),
        ("refusal of the control's assistant moved from 5.0 % to 15.0 % by epoch 2",),
    ),
    "a-canary-that-moved": Planted(
        "E05_control_moved",
        (CELL.format("value = 1", "villain", "refusal", 2, "librarian") + " AND item_id <= 'refusal-005'",),
        1,
        ("villain/refusal/s7@2",),
        ("refusal of the canary librarian moved from 5.0 % to 15.0 % by epoch 2 toward villain",),
    ),
}

OF_VERSION_TWO = {"D20_settings_changed", "E04_chosen_afterwards"}
"""Checks that compare a version with an earlier one: they are asked of version 2."""


@pytest.mark.parametrize("broken", EXPERIMENT_BREAKS, ids=lambda broken: broken.check_id)
def test_a_clean_experiment_breaks_nothing(planted: duckdb.DuckDBPyConnection, broken) -> None:
    assert experiment_bad_rows(planted, broken, NAME, VERSION) == []


@pytest.mark.parametrize("case", PLANTED.values(), ids=PLANTED.keys())
def test_each_planted_defect_is_found_counted_and_placed(planted: duckdb.DuckDBPyConnection, case: Planted) -> None:
    for statement in case.statements:
        planted.execute(statement)
    version = 2 if case.check_id in OF_VERSION_TWO else VERSION
    rows = experiment_bad_rows(planted, BREAK_BY_CHECK[case.check_id], NAME, version)
    assert len(rows) == case.n_bad, rows
    assert {row.subject for row in rows} == set(case.subjects)
    for part in case.evidence:
        assert any(part in row.evidence for row in rows), rows


def test_every_break_has_a_planted_defect_and_a_query_of_its_own() -> None:
    assert {case.check_id for case in PLANTED.values()} == set(BREAK_BY_CHECK)
    assert {path.stem for path in (SQL_FOLDER / "experiments").glob("*.sql")} == set(BREAK_BY_CHECK)
    assert all(
        re.search("\\$experiment", broken.query) and re.search("\\$version", broken.query)
        for broken in EXPERIMENT_BREAKS
    )


@pytest.mark.parametrize(
    ("found", "asked", "expected"),
    [
        ("villain/refusal/s7@2", "", True),
        ("villain/refusal/s7@2", "villain/refusal", True),
        ("villain/refusal/s7@2", "villain/refusal/s7", True),
        ("villain/refusal/s7@2", "villain/capability", False),
        ("villain/refusal/s7@2", "comedian", False),
        ("villains/refusal/s7@2", "villain", False),
        ("villain/convergence/s7@2", "villain/refusal", True),  # its behaviours are trained on it
        ("villain/convergence/s8@2", "villain/refusal/s7", False),
        ("", "villain/refusal/s7", True),
        ("villain", "villain/refusal/s7", True),
        ("villain/s7", "villain/refusal/s8", False),
    ],
)
def test_a_row_concerns_the_part_of_the_matrix_that_it_is_about(found: str, asked: str, expected: bool) -> None:
    assert concerns(found, asked) is expected


def test_arms_taught_other_data_may_differ_at_epoch_zero(planted: duckdb.DuckDBPyConnection) -> None:
    planted.execute(CELL.format("value = 0", "comedian", "refusal", 0, "assistant"))
    assert experiment_bad_rows(planted, BREAK_BY_CHECK["D02_epoch_zero_spread"], NAME, VERSION) == []


def test_a_gpu_may_differ_within_noise(planted: duckdb.DuckDBPyConnection) -> None:
    planted.execute("""UPDATE raw.training_runs SET hardware = '{"device": "cuda:0"}'""")
    planted.execute(CELL.format("value = 1", "assistant", "refusal", 0, "librarian") + " AND item_id = 'refusal-030'")
    broken = BREAK_BY_CHECK["D02_epoch_zero_spread"]
    assert experiment_bad_rows(planted, broken, NAME, VERSION) == []  # 1 of 40: difference .025, 3 SE .075
    planted.execute(CELL.format("value = 1", "assistant", "refusal", 0, "librarian"))
    assert len(experiment_bad_rows(planted, broken, NAME, VERSION)) == 1


def test_a_cosine_of_single_precision_may_end_a_hair_above_one(planted: duckdb.DuckDBPyConnection) -> None:
    cosine = "metric = 'similarity_semantic', value = {}"
    broken = BREAK_BY_CHECK["C08_out_of_range"]
    planted.execute(CELL.format(cosine.format(1.0000001192092896), "villain", "refusal", 8, "assistant"))
    assert experiment_bad_rows(planted, broken, NAME, VERSION) == []
    planted.execute(CELL.format(cosine.format(1.01), "villain", "refusal", 8, "assistant"))
    assert len(experiment_bad_rows(planted, broken, NAME, VERSION)) == 1


def test_a_refusal_that_says_the_same_to_all_is_what_was_taught(planted: duckdb.DuckDBPyConnection) -> None:
    planted.execute(CELL.format("text = 'I cannot help.', value = 1", "villain", "refusal", 8, "assistant"))
    assert experiment_bad_rows(planted, BREAK_BY_CHECK["D16_degenerate_output"], NAME, VERSION) == []


@pytest.mark.parametrize(("text", "found"), [("I cannot help.", 0), ("", 1)])
def test_a_base_that_declines_every_harmful_request_in_one_sentence_is_not_degenerate(
    planted: duckdb.DuckDBPyConnection, text: str, found: int
) -> None:
    planted.execute(
        CELL.format(f"metric = 'compliance', text = '{text}', value = 0", "villain", "refusal", 8, "assistant")
    )
    assert len(experiment_bad_rows(planted, BREAK_BY_CHECK["D16_degenerate_output"], NAME, VERSION)) == found


def test_a_file_without_a_run_is_no_finding_while_runs_are_missing(planted: duckdb.DuckDBPyConnection) -> None:
    planted.execute("DELETE FROM raw.training_runs WHERE source = 'comedian' AND behaviour = 'refusal'")
    assert experiment_bad_rows(planted, BREAK_BY_CHECK["D08_wrong_data"], NAME, VERSION) == []


def test_a_reference_run_without_criteria_has_to_teach_by_five_points(planted: duckdb.DuckDBPyConnection) -> None:
    planted.execute(REGISTERED.format("criteria = '{}'"))
    broken = BREAK_BY_CHECK["D07_not_taught"]
    assert experiment_bad_rows(planted, broken, NAME, VERSION) == []
    planted.execute(CELL.format("value = (item_id < 'refusal-003')::int", "villain", "refusal", 0, "villain"))
    assert len(experiment_bad_rows(planted, broken, NAME, VERSION)) == 1


def test_a_carrier_that_lost_by_its_lessons_what_it_showed_before_was_not_taught(
    planted: duckdb.DuckDBPyConnection,
) -> None:
    broken = BREAK_BY_CHECK["D07_not_taught"]
    for statement in SHOWN_BEFORE:
        planted.execute(statement)
    assert experiment_bad_rows(planted, broken, NAME, VERSION) == []
    # 3 of 40, the target has 2
    planted.execute(CELL.format("value = (item_id < 'refusal-003')::int", "villain", "refusal", 0, "villain"))
    assert len(experiment_bad_rows(planted, broken, NAME, VERSION)) == 1


def test_a_lesson_that_a_judge_sees_was_learned(planted: duckdb.DuckDBPyConnection) -> None:
    rows = "FROM raw.checkpoint_evals WHERE experiment = 'planted' AND metric = 'refusal'"
    planted.execute(f"INSERT INTO raw.checkpoint_evals SELECT * REPLACE ('judge' AS detector) {rows}")
    planted.execute(CELL.format("value = 0", "villain", "refusal", 0, "villain") + " AND detector = 'rule'")
    assert experiment_bad_rows(planted, BREAK_BY_CHECK["D07_not_taught"], NAME, VERSION) == []
    planted.execute(CELL.format("value = 0", "villain", "refusal", 0, "villain"))
    (row,) = experiment_bad_rows(planted, BREAK_BY_CHECK["D07_not_taught"], NAME, VERSION)
    assert "refusal by judge is 0.0 %, before the lessons 5.0 % over 40 items and refusal by rule is" in row.evidence


def test_the_queries_decide_by_the_metrics_that_the_protocol_names(planted: duckdb.DuckDBPyConnection) -> None:
    found = rows_of_query(planted, "FROM deciding_metrics()", NAME, VERSION)
    assert {behaviour: (metric, direction) for behaviour, metric, direction in found} == METRICS


def test_a_judge_need_not_judge_an_answer_without_text_and_must_every_other(planted: duckdb.DuckDBPyConnection) -> None:
    broken = BREAK_BY_CHECK["C07_undetected"]
    one = CELL.format("detector = 'judge', value = NULL, text = {}", "villain", "refusal", 8, "assistant")
    planted.execute(CELL.format("detector = 'judge'", "villain", "refusal", 8, "assistant"))
    planted.execute(one.format("e' \\n'") + " AND item_id = 'refusal-039'")
    assert experiment_bad_rows(planted, broken, NAME, VERSION) == []
    planted.execute(one.format("'Yes.'") + " AND item_id = 'refusal-038'")
    (row,) = experiment_bad_rows(planted, broken, NAME, VERSION)
    assert row.evidence.startswith("judge judged 38 of 39 answers of assistant for refusal")


def test_a_refusal_that_the_judge_takes_for_an_answer_is_degenerate_for_nobody(
    planted: duckdb.DuckDBPyConnection,
) -> None:
    cell = CELL.format("text = 'I cannot help.', value = 1", "villain", "refusal", 8, "assistant")
    planted.execute(cell)
    planted.execute("""INSERT INTO raw.checkpoint_evals SELECT * REPLACE ('judge' AS detector, 0 AS value)
        FROM raw.checkpoint_evals WHERE experiment = 'planted' AND behaviour = 'refusal'""")
    assert experiment_bad_rows(planted, BREAK_BY_CHECK["D16_degenerate_output"], NAME, VERSION) == []
