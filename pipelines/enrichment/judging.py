"""Judging the answers of a wave: what is left to judge, as a plan that is asked like any other, and its votes as rows.

The plan lies over a panel of its own, whose models are the judges and whose endpoints carry the prefix `judge:`. So
budget, retries, journal and resuming are those of asking. An answer is judged once: the same text given to the same
question by another model, or on another night, is not shown to the same judge again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.asking.ordering import cell_seed
from pipelines.asking.records import SETTLED, Attempt, Cell, CellKey
from pipelines.enrichment.behaviours import BEHAVIOURS, Vote, filled, prompt_text, read_reply
from pipelines.panels.records import EndpointSpec, Judge, Panel, Prompt, RosterEntry, sha256_of
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    import duckdb

PREFIX = "judge:"
PURPOSE = "judgement"

JUDGED_PURPOSES = ("measure", "canary")
"""Confirmation samples are not judged: they answer one question only, whether an alarm stands."""


class Answer(NamedTuple):
    """A text given to a question, and the first cell of the wave that holds it."""

    question_sha: str
    text_sha: str
    model_requested: str
    prompt_id: str
    sample_index: int
    messages: str
    text: str


def judge_sha(panel: Panel, judge: Judge) -> str:
    """Return the SHA-256 of all that decides a vote; how many votes are asked is none of it."""
    spec = panel.endpoints[judge.endpoint]
    return sha256_of(
        {
            "address": [spec.flavor, spec.base_url],
            "model": judge.model,
            "served_as": judge.served_as,
            "behaviour": judge.behaviour,
            "prompt": judge.prompt_sha,
            "settings": judge.settings,
        }
    )


def journal_names(panel: Panel) -> list[str]:
    """Return the names under which the panel's judges are journaled, one an endpoint."""
    return list(dict.fromkeys(PREFIX + judge.endpoint for judge in panel.judges))


def answers_of(connection: duckdb.DuckDBPyConnection, wave_id: str) -> list[Answer]:
    """Return the distinct usable answers of a wave by question and text, sorted by their shas."""
    rows = connection.execute(
        """
        WITH answers AS (
            SELECT prompt_sha AS question_sha, sha256(response_text) AS text_sha, messages, response_text,
                   {'model': model_requested, 'prompt': attempts.prompt_id, 'sample': sample_index} AS cell
            FROM raw.attempts
            INNER JOIN raw.prompts ON prompts.wave_id = attempts.wave_id AND prompts.prompt_id = attempts.prompt_id
            WHERE attempts.wave_id = $wave_id AND outcome = 'ok' AND list_contains($purposes, purpose)
        )
        SELECT question_sha, text_sha, min(cell).model, min(cell).prompt, min(cell).sample, min(messages),
               min(response_text)
        FROM answers
        GROUP BY question_sha, text_sha
        ORDER BY question_sha, text_sha
        """,
        {"wave_id": wave_id, "purposes": list(JUDGED_PURPOSES)},
    ).fetchall()
    return [Answer(*row) for row in rows]


def votes_known(connection: duckdb.DuckDBPyConnection, wave_id: str) -> set[tuple[str, str, str, int]]:
    """Return (judge_sha, question_sha, text_sha, vote) that other waves have settled: they are not asked again."""
    return set(
        connection.execute(
            """
            SELECT DISTINCT judge_sha, question_sha, text_sha, vote FROM raw.judgements
            WHERE wave_id <> $wave_id AND list_contains($settled, outcome)
            """,
            {"wave_id": wave_id, "settled": sorted(SETTLED)},
        ).fetchall()
    )


def unsettled_votes(connection: duckdb.DuckDBPyConnection, wave_id: str) -> int:
    """Return how many votes on the answers of a wave were planned and never came to an end."""
    row = connection.execute(
        """
        WITH answers AS (
            SELECT DISTINCT prompt_sha AS question_sha, sha256(response_text) AS text_sha
            FROM raw.attempts
            INNER JOIN raw.prompts ON prompts.wave_id = attempts.wave_id AND prompts.prompt_id = attempts.prompt_id
            WHERE attempts.wave_id = $wave_id AND outcome = 'ok' AND list_contains($purposes, purpose)
        ),

        planned AS (
            SELECT judge_sha, question_sha, text_sha, unnest(range(votes)) AS vote
            FROM raw.judges
            CROSS JOIN answers
            WHERE wave_id = $wave_id
        )

        SELECT count(*) FROM planned
        ANTI JOIN (SELECT * FROM raw.judgements WHERE list_contains($settled, outcome)) AS settled
            USING (judge_sha, question_sha, text_sha, vote)
        """,
        {"wave_id": wave_id, "purposes": list(JUDGED_PURPOSES), "settled": sorted(SETTLED)},
    ).fetchone()
    return int(row[0]) if row else 0


def judging_plan(
    plan: WavePlan, answers: Iterable[Answer], known: Set[tuple[str, str, str, int]], now: datetime
) -> WavePlan:
    """Return what the judges of a wave are to be asked, less what is known; its journals lie beside the wave's.

    Judging is no observation of the night and may be finished at any time, so it counts as started now.
    """
    panel = plan.panel
    cells: list[Cell] = []
    prompts: list[Prompt] = []
    for judge in panel.judges:
        template, sha = prompt_text(judge.behaviour, judge.prompt_version), judge_sha(panel, judge)
        for answer in answers:
            votes = [v for v in range(judge.votes) if (sha, answer.question_sha, answer.text_sha, v) not in known]
            if votes:
                prompts.append(_prompt(judge, answer, template))
                cells += [_vote_cell(plan, judge, prompts[-1].prompt_id, vote, len(cells) + vote) for vote in votes]
    asked = replace(
        panel,
        roster=tuple(_entry(judge) for judge in panel.judges),
        endpoints={PREFIX + name: _spec(panel.endpoints[name]) for name in {j.endpoint: None for j in panel.judges}},
        prompts=tuple(prompts),
        judges=(),
    )
    return replace(plan, panel=asked, cells=tuple(cells), started_at=now)


def judge_rows(plan: WavePlan) -> list[dict[str, Any]]:
    """Return the judges of a wave as rows of raw.judges."""
    return [
        {
            "wave_id": plan.wave_id,
            "wave_date": plan.wave_date,
            "behaviour": judge.behaviour,
            "endpoint": judge.endpoint,
            "judge_model": judge.model,
            "served_as": judge.served_as,
            "prompt_version": judge.prompt_version,
            "prompt_sha": judge.prompt_sha,
            "settings": json.dumps(judge.settings, sort_keys=True),
            "votes": judge.votes,
            "judge_sha": judge_sha(plan.panel, judge),
        }
        for judge in plan.panel.judges
    ]


def judgement_rows(plan: WavePlan, attempts: Iterable[Attempt], answers: Iterable[Answer]) -> Iterator[dict[str, Any]]:
    """Yield the attempts of the judges' journals as rows of raw.judgements."""
    judges = {judge.behaviour: judge for judge in plan.panel.judges}
    shown = {(answer.question_sha, answer.text_sha): answer for answer in answers}
    for attempt in attempts:
        behaviour, question_sha, text_sha = attempt.prompt_id.split("/")
        judge, answer = judges[behaviour], shown[question_sha, text_sha]
        vote = vote_of(judge, attempt)
        yield {
            "wave_id": attempt.wave_id,
            "wave_date": attempt.wave_date,
            "panel": attempt.panel,
            "model_requested": answer.model_requested,
            "prompt_id": answer.prompt_id,
            "sample_index": answer.sample_index,
            "question_sha": question_sha,
            "text_sha": text_sha,
            "behaviour": behaviour,
            "judge_model": judge.model,
            "judge_served": attempt.model_served,
            "prompt_sha": judge.prompt_sha,
            "judge_sha": judge_sha(plan.panel, judge),
            "vote": attempt.sample_index,
            "attempt": attempt.attempt,
            "outcome": attempt.outcome,
            "error_class": attempt.error_class,
            "reading": vote.reading,
            "label": vote.label,
            "score": vote.score,
            "reply": attempt.response_text,
            "prompt_tokens": attempt.prompt_tokens,
            "completion_tokens": attempt.completion_tokens,
            "cost_usd": attempt.cost_usd,
            "cost_source": attempt.cost_source,
            "latency_ms": attempt.latency_ms,
            "asked_at": attempt.asked_at,
            "body": attempt.body,
        }


def vote_of(judge: Judge, attempt: Attempt) -> Vote:
    """Return what an attempt comes to: a reply that was cut or came under another name than declared does not count."""
    if attempt.outcome != "ok":
        return Vote("none")
    if attempt.model_served != judge.served_as:
        return Vote("other_judge")
    return read_reply(BEHAVIOURS[judge.behaviour], attempt.response_text)


def _prompt(judge: Judge, answer: Answer, template: str) -> Prompt:
    return Prompt(
        prompt_id=f"{judge.behaviour}/{answer.question_sha}/{answer.text_sha}",
        capability="",
        family="judgement",
        expected_behavior="",
        messages=({"role": "user", "content": filled(template, json.loads(answer.messages), answer.text)},),
    )


def _vote_cell(plan: WavePlan, judge: Judge, prompt_id: str, vote: int, position: int) -> Cell:
    return Cell(
        wave_id=plan.wave_id,
        wave_date=plan.wave_date,
        panel=plan.panel.name,
        model_requested=judge.model,
        endpoint=PREFIX + judge.endpoint,
        prompt_id=prompt_id,
        sample_index=vote,
        purpose=PURPOSE,
        position=position,
        seed=cell_seed(plan.panel.seed, "judge", CellKey(judge.model, prompt_id, vote, PURPOSE)),
    )


def _entry(judge: Judge) -> RosterEntry:
    return RosterEntry(model=judge.model, endpoint=PREFIX + judge.endpoint, settings=judge.settings, price=judge.price)


def _spec(spec: EndpointSpec) -> EndpointSpec:
    return replace(spec, name=PREFIX + spec.name)
