"""Judging the answers of an experiment: asking what is missing, and keeping what was said.

Safe to run at any time and twice: votes are journaled as they arrive, and only those that lack are asked.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.endpoints import open_budget, open_endpoints
from flows.judging_costs import Spending
from flows.progress import Step
from flows.signals import stopping_on_signals
from flows.stages import ask_endpoint, unanswered
from lake import waves
from lake.catalog import connect_writer
from lake.errors import DriftlakeError, ExperimentError, StoppedError, WaveError
from lake.store import Store
from lake.tables import RAW_CHECKPOINT_EVALS, RAW_JUDGEMENTS, RAW_JUDGES
from lake.waves import Wave
from pipelines.asking.money import money
from pipelines.experiments.material import Material
from pipelines.experiments.records import Registered
from pipelines.experiments.registering import wave_id_of
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    from pipelines.asking.budget import Budget
    from pipelines.asking.interruption import Interruption
    from pipelines.asking.records import Attempt
    from pipelines.enrichment.judging import Answer


@task(name="judge", cache_policy=NO_CACHE)
def judge(store: Store, registered: Registered, spending: Spending) -> None:
    """Have the judges say what they have not said of the answers in the lake, and load it as evaluations.

    Raises ExperimentError where votes are missing after that, StoppedError when the user stops it; what was said is
    loaded before.
    """
    from pipelines.experiments.bench import material_of

    step = Step("judge")
    material = material_of(registered.experiment)
    hearing = open_hearing(store, registered, material)
    stopped = ask_judges(store, hearing, spending, step)
    missing = load_votes(store, registered, hearing, material, step)
    if stopped and isinstance(stopped[0], StoppedError):
        raise stopped[0]
    if missing:
        raise ExperimentError(_told(registered, missing, stopped, hearing))


@dataclass(frozen=True)
class Hearing:
    """What there is to judge: the run as a plan, its answers by what is judged, and what each judge is asked."""

    wave: Wave
    plan: WavePlan
    answers: dict[str, list[Answer]]
    asked: list[WavePlan]

    def attempts(self) -> list[Attempt]:
        """Return every request to a judge, of this start and of earlier ones."""
        from pipelines.asking.journal import Journal
        from pipelines.enrichment.judging import journal_names

        names = journal_names(self.plan.panel)
        return [attempt for name in names for attempt in Journal(self.plan.folder, name).attempts()]


def open_hearing(store: Store, registered: Registered, material: Material) -> Hearing:
    """Return what there is to judge in the lake as it stands."""
    from pipelines.enrichment.judging import votes_known
    from pipelines.experiments.judging import answers_to_judge, judging_plans, judging_wave

    connection = connect_writer(store)
    try:
        wave = waves.find(connection, wave_id_of(registered))
        if wave is None:
            raise WaveError(f"{wave_id_of(registered)} is not in ops.waves. Start the same command again.")
        plan = judging_wave(store, registered, wave)
        answers = answers_to_judge(connection, registered, material)
        asked = judging_plans(plan, answers, votes_known(connection, plan.wave_id), datetime.now(UTC))
    finally:
        connection.close()
    plan.folder.mkdir(parents=True, exist_ok=True)
    return Hearing(wave, plan, answers, asked)


def ask_judges(store: Store, hearing: Hearing, spending: Spending, step: Step) -> list[DriftlakeError]:
    """Ask every judge what it was not asked yet; return what stopped them. The trouble of one never stops another."""
    stopped: list[DriftlakeError] = []
    with stopping_on_signals(step) as interruption:
        for judging in hearing.asked:
            budget = open_budget(hearing.plan, spending.cap_usd, spending.allow_unpriced)
            try:
                _ask(store, judging, budget, spending, step, interruption)
            except StoppedError as error:
                return [error]
            except DriftlakeError as error:
                stopped.append(error)
    return stopped


def load_votes(store: Store, registered: Registered, hearing: Hearing, material: Material, step: Step) -> Counter[str]:
    """Put every vote into raw, and each answer's as an evaluation once all of them are settled.

    Returns how many votes are missing, by what is judged.
    """
    from pipelines.enrichment.judging import judge_rows, judgement_rows
    from pipelines.experiments.judging import verdicts
    from pipelines.loading import frame_of, load

    answers = [answer for some in hearing.answers.values() for answer in some]
    votes = frame_of(RAW_JUDGEMENTS, [*judgement_rows(hearing.plan, hearing.attempts(), answers)])
    connection = connect_writer(store)
    try:
        rows, missing = verdicts(connection, hearing.plan, registered, material, votes)
        cost = float(votes["cost_usd"].sum()) if votes["cost_usd"].count() else None
        if cost != hearing.wave.cost_usd:
            waves.update(connection, hearing.wave.wave_id, "loaded", cost_usd=cost)
    finally:
        connection.close()
    new = load(
        store,
        {
            RAW_JUDGES: frame_of(RAW_JUDGES, judge_rows(hearing.plan)),
            RAW_JUDGEMENTS: votes,
            RAW_CHECKPOINT_EVALS: frame_of(RAW_CHECKPOINT_EVALS, rows),
        },
    )
    without = sum(row["value"] is None for row in rows)
    step.done(
        f"{new.get('judgements', 0):,} votes and {new.get('checkpoint_evals', 0):,} judged answers loaded; "
        f"{len(rows):,} answers are judged, {without:,} of them without a value. Judging has cost "
        f"{'an unknown sum' if cost is None else f'{money(cost)} USD'}."
    )
    return missing


def _ask(
    store: Store, judging: WavePlan, budget: Budget | None, spending: Spending, step: Step, interruption: Interruption
) -> None:
    from flows.outlook import look_ahead
    from pipelines.asking.openai_compatible import read_key
    from pipelines.asking.pages import Patience

    questions = [question for name in judging.panel.endpoints for question in unanswered(judging, name)]
    if not questions:
        return
    outlook = look_ahead(
        judging.panel,
        questions,
        judging.wave_date,
        lambda spec: read_key(spec, os.environ),
        None if budget is None else budget.left_usd,
        spending.allow_unpriced,
        patience=Patience(notice=step.note),
    )
    price = f"{money(outlook.forecast.expected_usd)} expected, at most {money(outlook.forecast.high_usd)} USD"
    step.note(f"{questions[0].entry.model}: {len(questions):,} votes, {price}.")
    for name, endpoint in open_endpoints(store, judging, budget, os.environ, step, outlook, interruption).items():
        step.note(ask_endpoint(judging, name, endpoint, step, datetime.now(UTC), outlook.unasked).sentence)


def _told(registered: Registered, missing: Counter[str], stopped: Sequence[DriftlakeError], hearing: Hearing) -> str:
    """Return which votes are missing, why, and what to do."""
    failed = [attempt for attempt in hearing.attempts() if attempt.outcome == "error"]
    why = [str(error) for error in stopped] or [
        f"The last request that failed: {failed[-1].error_class}." for _ in failed[:1]
    ]
    told = ", ".join(f"{n:,} on {behaviour}" for behaviour, n in sorted(missing.items()))
    return (
        f"Votes of the judges of {registered.id} are missing: {told}. {' '.join(dict.fromkeys(why))} What was trained, "
        "evaluated and judged is kept; the same command asks only what is missing."
    )
