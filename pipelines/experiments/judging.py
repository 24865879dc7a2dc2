"""The judges of an experiment: what they are to be asked about its answers, and their votes as evaluations.

The experiment's run is a wave, so plan, journal, votes and how a reply is read are those of a night
(pipelines/enrichment/judging.py), and an answer that some wave had judged is not judged again. A judge sees the answers
that the rule sees, without the persona's system prompt.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from lake.store import Store
from lake.waves import Wave
from pipelines.asking.records import SETTLED, Cell, Question
from pipelines.enrichment.judging import Answer, judge_sha, judging_plan
from pipelines.experiments.material import Item, Material
from pipelines.experiments.records import JUDGED, Experiment, Registered
from pipelines.panels.records import (
    Battery,
    Confirmation,
    EndpointSpec,
    Judge,
    Panel,
    Prompt,
    RosterEntry,
    sha256_of,
)
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    import duckdb

DETECTOR = "judge"
"""The detector of the rows that judges give; a behaviour has one judge (pipelines/panels/judges.py)."""

HERE = "here"
"""Endpoint of the checkpoints that answer, in a forecast."""

_HAS_TEXT = r"NOT regexp_full_match(coalesce(text, ''), '\s*')"
"""Nobody can judge an answer without text: it has a row without a value, and no vote is asked."""

_ANSWERS = """
    SELECT evals.*, sha256(evals.text) AS text_sha, questions.question_sha
    FROM raw.checkpoint_evals AS evals
    INNER JOIN questions USING (item_id)
    WHERE experiment = $experiment AND version = $version AND coalesce(behaviour, $behaviour) = $behaviour
        AND detector = 'rule'
"""

# the first settled vote counts, in whatever wave it was asked: models_sql/models/steps/detection/settled_votes.sql
_VOTES = """
    SELECT question_sha, text_sha, vote,
        arg_min(reading, {'at': asked_at, 'wave': wave_id}) AS reading,
        arg_min({'score': score}, {'at': asked_at, 'wave': wave_id}).score AS score
    FROM (
        SELECT wave_id, judge_sha, question_sha, text_sha, vote, outcome, asked_at, reading, score FROM raw.judgements
        UNION ALL BY NAME
        SELECT wave_id, judge_sha, question_sha, text_sha, vote, outcome, asked_at, reading, score FROM new_votes
    )
    WHERE judge_sha = $judge_sha AND vote < $votes AND list_contains($settled, outcome)
    GROUP BY question_sha, text_sha, vote
"""

_ROWS = f"""
    WITH answers AS ({_ANSWERS}), votes AS ({_VOTES}),
    tallies AS (
        SELECT question_sha, text_sha, count(*) AS n_settled, count(score) AS n_counted, avg(score) AS score,
            string_agg(reading, ', ' ORDER BY vote) FILTER (score IS NULL) AS others
        FROM votes GROUP BY question_sha, text_sha
    )
    SELECT answers.* EXCLUDE (text_sha, question_sha) REPLACE (
        concat($id, '/', source, '/s', seed, '/{DETECTOR}') AS eval_id,
        $metric AS metric,
        '{DETECTOR}' AS detector,
        NULL::VARCHAR AS choices,
        if({_HAS_TEXT} AND 2 * n_counted > $votes, score, NULL) AS value,
        CASE
            WHEN NOT {_HAS_TEXT} THEN 'the answer is empty'
            WHEN 2 * n_counted <= $votes THEN concat(n_counted, ' of ', $votes, ' votes count; the others: ', others)
        END AS reason
    )
    FROM answers LEFT JOIN tallies USING (question_sha, text_sha)
    WHERE NOT {_HAS_TEXT} OR n_settled = $votes
    ORDER BY checkpoint_id, persona, item_id
"""

_MISSING = f"""
    WITH planned AS (
        SELECT question_sha, text_sha, unnest(range($votes)) AS vote
        FROM (SELECT DISTINCT question_sha, text_sha FROM ({_ANSWERS}) WHERE {_HAS_TEXT})
    )
    SELECT count(*) FROM planned ANTI JOIN ({_VOTES}) USING (question_sha, text_sha, vote)
"""


def judging_wave(store: Store, registered: Registered, wave: Wave) -> WavePlan:
    """Return the experiment's run as the plan that its judges are asked under; it has no cells of its own."""
    experiment = registered.experiment
    panel = Panel(
        name=wave.panel,
        path=experiment.path,
        battery=Battery(experiment.name, str(registered.version), wave.battery_sha, ()),
        prompts=(),
        roster=(),
        endpoints=experiment.endpoints,
        samples=1,
        seed=experiment.seeds[0],
        sha=experiment.sha,
        declared=experiment.declared,
        budget_usd=experiment.budget_usd,
        judges=experiment.judges,
        confirmation=Confirmation(ask=False),
    )
    return WavePlan(
        wave_id=wave.wave_id,
        wave_date=wave.wave_date,
        wave_kind=wave.wave_kind,
        staged_night=None,
        panel=panel,
        folder=store.wave_journal(wave.wave_id),
        started_at=wave.started_at,
        code_version=wave.code_version,
        cells=(),
    )


def answers_to_judge(
    connection: duckdb.DuckDBPyConnection, registered: Registered, material: Material
) -> dict[str, list[Answer]]:
    """Return the distinct answers in the lake for each judge, by what it judges, sorted by their shas."""
    found = {}
    for judge in registered.experiment.judges:
        items = _items(registered.experiment, material, judge)
        rows = _about(
            connection,
            registered,
            judge,
            items,
            f"""
            SELECT question_sha, text_sha, min(checkpoint_id), min(item_id), min(text)
            FROM ({_ANSWERS}) WHERE {_HAS_TEXT}
            GROUP BY question_sha, text_sha ORDER BY question_sha, text_sha
            """,
        ).fetchall()
        found[judge.behaviour] = [
            Answer(question, sha, checkpoint, item_id, 0, json.dumps(list(items[item_id].turns)), text)
            for question, sha, checkpoint, item_id, text in rows
        ]
    return found


def judging_plans(
    plan: WavePlan, answers: Mapping[str, Sequence[Answer]], known: Set[tuple[str, str, str, int]], now: datetime
) -> list[WavePlan]:
    """Return what each judge is to be asked, a plan a judge: none sees answers to another behaviour's items.

    `known` as `pipelines.enrichment.judging.votes_known` returns it.
    """
    return [
        judging_plan(_of_judge(plan, judge), answers[judge.behaviour], known, now)
        for judge in plan.panel.judges
    ]  # fmt: skip


class Verdicts(NamedTuple):
    """What judges came to: rows of raw.checkpoint_evals, and how many votes are missing by what is judged."""

    rows: list[dict[str, Any]]
    missing: Counter[str]


def verdicts(
    connection: duckdb.DuckDBPyConnection,
    plan: WavePlan,
    registered: Registered,
    material: Material,
    votes: pl.DataFrame,
) -> Verdicts:
    """Return what the judges said of every answer whose votes are all settled, and what they did not say.

    `votes` are rows of raw.judgements, of which the lake may hold some already and which it may have more of.
    value: the mean of the votes that count, 0 to 1, alignment 0 to 100; null with its reason where no more than half
    of them do. evaluated_at is the answer's: a judge never mixes with the answers of another training.
    """
    connection.register("new_votes", votes.to_arrow())
    rows: list[dict[str, Any]] = []
    missing: Counter[str] = Counter()
    for judge in plan.panel.judges:
        items = _items(registered.experiment, material, judge)
        asked = {"judge_sha": judge_sha(plan.panel, judge), "votes": judge.votes, "settled": sorted(SETTLED)}
        named = {"id": registered.id, "metric": judge.behaviour}
        rows += _about(connection, registered, judge, items, _ROWS, **asked, **named).pl().to_dicts()
        row = _about(connection, registered, judge, items, _MISSING, **asked).fetchone()
        missing[judge.behaviour] += row[0] if row else 0
    return Verdicts(rows, +missing)


def answers_ahead(experiment: Experiment, material: Material, judge: Judge) -> list[Question]:
    """Return the answers that a judge will see, before there are any; equal ones, judged once, are each in it."""
    from pipelines.experiments.evaluation import GREEDY, evaluated_personas

    n_personas = sum(len(evaluated_personas(experiment, source)) for source in experiment.arms)
    times = 2 * n_personas * len(experiment.seeds) * len(experiment.epochs)  # before a behaviour is taught and after
    entry = RosterEntry(experiment.target, HERE, settings={"max_new_tokens": GREEDY.max_new_tokens})
    return [
        Question(Cell("", date.min, "", entry.model, HERE, item.item_id, 0, entry.purpose, 0, 0), entry, _asked(item))
        for item in _items(experiment, material, judge).values()
        for _ in range(times)
    ]


def panel_ahead(experiment: Experiment, judge: Judge) -> Panel:
    """Return the panel of one judge that reads what checkpoints say here."""
    endpoints = experiment.endpoints | {HERE: EndpointSpec(HERE, "checkpoint")}
    battery = Battery(experiment.name, "", "", ())
    return Panel(
        experiment.name, experiment.path, battery, (), (), endpoints, 1, 0, experiment.sha, {}, judges=(judge,)
    )


def _of_judge(plan: WavePlan, judge: Judge) -> WavePlan:
    return replace(plan, panel=replace(plan.panel, judges=(judge,)))


def _items(experiment: Experiment, material: Material, judge: Judge) -> dict[str, Item]:
    return {item.item_id: item for item in material.items(_behaviour(judge), experiment.items)}


def _behaviour(judge: Judge) -> str:
    """Return the behaviour whose items a judge sees the answers to."""
    return next(behaviour for behaviour, judged in JUDGED.items() if judged == judge.behaviour)


def _asked(item: Item) -> Prompt:
    return Prompt(item.item_id, "", item.behaviour, "", item.turns)


def _about(
    connection: duckdb.DuckDBPyConnection,
    registered: Registered,
    judge: Judge,
    items: Mapping[str, Item],
    query: str,
    **parameters: Any,
) -> duckdb.DuckDBPyConnection:
    """Run a query over _ANSWERS to the items of a judge."""
    questions = {item_id: sha256_of(list(item.turns)) for item_id, item in items.items()}
    frame = pl.DataFrame({"item_id": list(questions), "question_sha": list(questions.values())}, schema=_QUESTIONS)
    connection.register("questions", frame.to_arrow())
    named = {
        "experiment": registered.experiment.name,
        "version": registered.version,
        "behaviour": _behaviour(judge),
    }
    return connection.execute(query, named | parameters)


_QUESTIONS = {"item_id": pl.String(), "question_sha": pl.String()}
