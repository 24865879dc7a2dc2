"""The breaks this project looks for, as data: what each is, whom it fails, why it matters, what to do.

A break's query (expectations/sql/<check id>.sql) returns the bad rows of one wave, with columns
model_requested, prompt_id, sample_index (null where the scope is wider) and evidence, a short text.
It reads raw, core, out and ops at head with the parameter $wave_id, so it runs by hand too. Where it
reads vectors, $embedder and $precision are the dbt variables of these names: what the models read.
Checks of scope row and model read `raw` only: what they say must not depend on an earlier verdict.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from lake.tables import RAW_ATTEMPTS, Table

Scope = Literal["row", "model", "wave"]
Severity = Literal["fail", "warn"]
Kind = Literal["asked", "checkpoint", "imported"]
Expects = Literal["no_bad_rows", "unique_grain", "no_nulls"]

SQL_FOLDER = Path(__file__).parent / "sql"
DBT_PROJECT = Path(__file__).parent.parent / "models_sql" / "dbt_project.yml"

EVERYTHING: frozenset[Kind] = frozenset({"asked", "checkpoint", "imported"})


class Break(NamedTuple):
    """One way a pipeline lies, and the suite that looks for it.

    `applies_to` names kinds of source: asked (an OpenAI-compatible endpoint), checkpoint (in process),
    imported. Severity fail: it makes numbers false; warn: it is itself a finding and is published.
    `bad_row` and `bad_rows` name what a bad row is, for sentences. `expects` other than no_bad_rows
    derives its expectations from the declaration of `table` and has no query. `folder` is that of the
    query below expectations/sql, for breaks of other things than waves.
    """

    id: str
    name: str
    title: str
    scope: Scope
    severity: Severity
    applies_to: frozenset[Kind]
    why: str
    remedy: str
    reads: tuple[str, ...]
    bad_row: str
    bad_rows: str
    expects: Expects = "no_bad_rows"
    table: Table | None = None
    folder: str = ""

    @property
    def check_id(self) -> str:
        """Name of the suite; names the query's file too."""
        return f"{self.id}_{self.name}"

    @property
    def query(self) -> str:
        """SQL that returns the bad rows of the wave $wave_id (or of what the folder's breaks are about)."""
        return (SQL_FOLDER / self.folder / f"{self.check_id}.sql").read_text(encoding="utf-8")


BREAKS: tuple[Break, ...] = (
    Break(
        id="A01",
        name="error_text",
        title="API error text stored as an answer",
        scope="row",
        severity="fail",
        applies_to=EVERYTHING,
        why="Error messages resemble each other, so dead endpoints look like models that converge.",
        remedy="The cells are kept out; see why the endpoint reported success (status, body) and ask again.",
        reads=("raw.attempts",),
        bad_row="answer",
        bad_rows="answers",
    ),
    Break(
        id="A02",
        name="dead_model",
        title="One distinct answer to many prompts",
        scope="model",
        severity="fail",
        applies_to=EVERYTHING,
        why="A constant output is an endpoint's doing, not a model's, and drags every partner's score.",
        remedy="The model is left out of this wave; read the text and correct its roster entry or drop it.",
        reads=("raw.attempts",),
        bad_row="model",
        bad_rows="models",
    ),
    Break(
        id="A03",
        name="empty_answers",
        title="Empty answers",
        scope="model",
        severity="fail",
        applies_to=EVERYTHING,
        why="Empty answers drop out of every measure, so the rest no longer stands for the battery.",
        remedy="The model is left out of this wave; raise max_tokens (reasoning may use them up) or ask its provider.",
        reads=("raw.planned_cells", "raw.attempts"),
        bad_row="model",
        bad_rows="models",
    ),
    Break(
        id="A06",
        name="truncated",
        title="Truncated answers, or no finish reason",
        scope="model",
        severity="fail",
        applies_to=EVERYTHING,
        why="Answers cut at one length become alike in length and format, whatever the models would have said.",
        remedy="The model is left out of this wave; raise its max_tokens before the next one.",
        reads=("raw.attempts", "ops.waves"),
        bad_row="model",
        bad_rows="models",
    ),
    Break(
        id="A07",
        name="incomplete_grid",
        title="Planned cells without an answer",
        scope="model",
        severity="fail",
        applies_to=EVERYTHING,
        why="Cells go missing where a model is slow or refuses, so a thinned grid compares other questions.",
        remedy="The model is left out of this wave; within 24 hours the same command asks only what is missing.",
        reads=("raw.planned_cells", "raw.attempts"),
        bad_row="model",
        bad_rows="models",
    ),
    Break(
        id="A08",
        name="duplicate_attempts",
        title="The same attempt stored more than once",
        scope="row",
        severity="fail",
        applies_to=EVERYTHING,
        why="Doubled rows count one answer twice in every total.",
        remedy="The cells are kept out; find the load that wrote them twice (the grain of raw.attempts is its key).",
        reads=("raw.attempts",),
        bad_row="row",
        bad_rows="rows",
        expects="unique_grain",
        table=RAW_ATTEMPTS,
    ),
    Break(
        id="A08",
        name="answered_twice",
        title="A cell answered more than once",
        scope="row",
        severity="fail",
        applies_to=frozenset({"asked", "checkpoint"}),
        # a source that corrected an answer gives its cell a second attempt: the newest stands
        why="A cell is asked once; with two answers somebody chooses which one counts.",
        remedy="The cells are kept out; see whether two processes asked the wave at one time.",
        reads=("raw.attempts",),
        bad_row="cell",
        bad_rows="cells",
    ),
    Break(
        id="A08",
        name="one_model_two_names",
        title="Equal answers under two model names",
        scope="model",
        severity="fail",
        applies_to=EVERYTHING,
        why="One system under two names agrees with itself and is counted as two that converge.",
        remedy="The later name is left out of this wave; drop one from the roster, or pin what each is served by.",
        reads=("raw.attempts",),
        bad_row="model",
        bad_rows="models",
    ),
    Break(
        id="A09",
        name="served_model",
        title="The served model is not the requested one",
        scope="model",
        severity="warn",
        applies_to=EVERYTHING,
        why="The answers are another model's, so a change in them is a change of model, not of behaviour.",
        remedy="Published with the finding; add the name to served_names if it is the same model, else pin the model.",
        reads=("raw.attempts", "raw.roster"),
        bad_row="served name",
        bad_rows="served names",
    ),
    Break(
        id="A13",
        name="cost_not_measured",
        title="Cost not measured",
        scope="model",
        severity="fail",
        applies_to=frozenset({"asked"}),
        why="An estimate stored as a cost, or lost token counts, show that usage was not read from the responses.",
        remedy="The model is left out of this wave; read usage and cost from the body, and store null where unknown.",
        reads=("raw.attempts", "raw.roster", "raw.catalog_models"),
        bad_row="sign",
        bad_rows="signs",
    ),
    Break(
        id="A14",
        name="totals",
        title="Totals disagree with rows",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="A total that is not the sum of its rows means that rows were lost, doubled or written later.",
        remedy="Start the same command again: it loads what is missing and writes the totals anew.",
        reads=("ops.waves", "raw.planned_cells", "raw.attempts", "raw.judgements"),
        bad_row="total",
        bad_rows="totals",
    ),
    Break(
        id="A16",
        name="missing_values",
        title="A declared value is missing",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="Columns declared not null identify and date every row; a null there drops rows from joins silently.",
        remedy="Compare the source's fields with lake/tables.py and load the wave again from its journal.",
        reads=("raw.attempts",),
        bad_row="null",
        bad_rows="nulls",
        expects="no_nulls",
        table=RAW_ATTEMPTS,
    ),
    Break(
        id="B01",
        name="declared_prompts",
        title="Declared prompt count is not the distinct count",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="Repeated prompts count as independent evidence and narrow every interval.",
        remedy="Remove repeated texts from the battery, or correct the plan; then give the battery a new version.",
        reads=("raw.prompts", "raw.planned_cells"),
        bad_row="count",
        bad_rows="counts",
    ),
    Break(
        id="B02",
        name="battery_changed",
        title="Battery changed under the same version",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="Another question gives another answer; compared under one version it would be called drift.",
        remedy="Restore the battery's text, or give it a new version: a new series starts there.",
        reads=("raw.prompts", "ops.waves"),
        bad_row="sha",
        bad_rows="shas",
    ),
    Break(
        id="C01",
        name="constant_metric",
        title="Metric constant over models",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="A score that is the same for every model is a placeholder or a default, not a measurement.",
        remedy="Trace the score to its rows in out.convergence_by_pair; look for one text or vector used throughout.",
        reads=("out.convergence_by_model",),
        bad_row="metric",
        bad_rows="metrics",
    ),
    Break(
        id="C02",
        name="null_without_variance",
        title="Null distribution without variance",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="Against a null without spread any difference looks infinitely significant.",
        remedy="See whether the permutation really reorders samples (a shuffle before a mean changes nothing).",
        reads=("out.drift_by_model", "out.convergence_by_wave"),
        bad_row="test",
        bad_rows="tests",
    ),
    Break(
        id="C04",
        name="similarity",
        title="Asymmetric similarity, or self-similarity other than 1",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="Such a number depends on the order of the models and is no similarity.",
        remedy="Read the pair's kernel in models_sql; vectors must have unit norm and pairs one order.",
        reads=("out.convergence_by_pair", "core.responses", "raw.embeddings"),
        bad_row="similarity",
        bad_rows="similarities",
    ),
    Break(
        id="C06",
        name="detectors_disagree",
        title="Detectors disagree",
        scope="wave",
        severity="warn",
        applies_to=EVERYTHING,
        why="A rate that depends on who reads the answers says more about the reader than about the model.",
        remedy="Published with the finding: quote no rate of these models without its detector, and read some answers.",
        reads=("core.detections",),
        bad_row="pair of detectors",
        bad_rows="pairs of detectors",
    ),
    Break(
        id="C07",
        name="unjudged",
        title="Answers that the judge did not judge",
        scope="wave",
        severity="warn",
        applies_to=EVERYTHING,
        why="Judges fail most on the answers that matter, so what is left is no sample of all.",
        remedy="The judge's rate of these models is withheld; the same command asks what lacks, or mend the judge.",
        reads=("core.responses", "raw.prompts", "raw.judges", "raw.judgements"),
        bad_row="model",
        bad_rows="models",
    ),
    Break(
        id="C07",
        name="rate_without_votes",
        title="A judge's rate over answers that were not judged",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="Failures counted as zeros, or left out of the denominator, make a rate of something else.",
        remedy="See models_sql/models/steps/detection/judged_answers.sql: a rate needs 98 % of the answers.",
        reads=("core.detections", "core.responses", "raw.prompts", "raw.judges", "raw.judgements"),
        bad_row="rate",
        bad_rows="rates",
    ),
    Break(
        id="C08",
        name="score_out_of_range",
        title="A judge's sentinel in a score column",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="A -1 that stands for no verdict is averaged as if the answer were worse than the worst.",
        remedy="Store what cannot be read as a vote without a score (pipelines/enrichment/behaviours.py).",
        reads=("raw.judgements", "raw.detections", "core.responses"),
        bad_row="score",
        bad_rows="scores",
    ),
    Break(
        id="C09",
        name="judges",
        title="More than one judge, or an unpinned one, inside a comparison",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="Two judges differ by more than the models they judge, and a moving name is two judges in time.",
        remedy="Declare one judge a behaviour by its full, dated id, and count only the votes that carry it.",
        reads=("raw.judges", "raw.judgements"),
        bad_row="finding",
        bad_rows="findings",
    ),
    Break(
        id="C09",
        name="judge_changed",
        title="Another judge than in the wave before",
        scope="wave",
        severity="warn",
        applies_to=EVERYTHING,
        why="A change of the judge moves every judged rate at once, and none of the models did it.",
        remedy="Published with the finding: compare judged rates within this wave only; a new series starts here.",
        reads=("raw.judges", "ops.waves"),
        bad_row="behaviour",
        bad_rows="behaviours",
    ),
    Break(
        id="C12",
        name="embeddings",
        title="Vectors off unit norm, mixed or missing",
        scope="wave",
        severity="fail",
        applies_to=EVERYTHING,
        why="Dot products of vectors of different norm or dimension are no cosines, and a text without one drops out.",
        remedy="Embed the texts with the embedder and precision of dbt_project.yml (enrich does what is missing).",
        reads=("core.responses", "raw.embeddings", "ops.waves"),
        bad_row="finding",
        bad_rows="findings",
    ),
    Break(
        id="D01",
        name="epoch_zero",
        title="Epoch 0 does not reproduce the reference",
        scope="model",
        severity="fail",
        applies_to=frozenset({"checkpoint"}),
        why="If the untrained starting point moved, what later epochs show is the set-up, not the training.",
        remedy="The model is left out of this wave; compare base sha, template and library versions with the card.",
        reads=("raw.checkpoint_evals", "raw.attempts", "raw.checkpoints"),
        bad_row="difference",
        bad_rows="differences",
    ),
    Break(
        id="D07",
        name="adapter_not_applied",
        title="The adapter is not applied",
        scope="model",
        severity="fail",
        applies_to=frozenset({"checkpoint"}),
        why="The base alone answers under the checkpoint's name, so training seems to have had no effect.",
        remedy="The model is left out of this wave; see that the adapter's weights load where it is served.",
        reads=("raw.checkpoint_evals",),
        bad_row="model",
        bad_rows="models",
    ),
)
