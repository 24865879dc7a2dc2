"""Judging the answers of an experiment: what it will cost, asking what is missing, and keeping what was said.

Safe to run at any time and twice: votes are journaled as they arrive, and only those that lack are asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.endpoints import cap_of, open_budget, open_endpoints
from flows.progress import Step
from flows.signals import stopping_on_signals
from flows.stages import ask_endpoint, unanswered
from lake import waves
from lake.catalog import connect_reader, connect_writer
from lake.errors import DriftlakeError, ExperimentError, StoppedError, WaveError
from lake.store import Store
from lake.tables import RAW_CHECKPOINT_EVALS, RAW_JUDGEMENTS, RAW_JUDGES
from pipelines.asking.money import money
from pipelines.experiments.material import Material
from pipelines.experiments.records import Experiment, Registered
from pipelines.experiments.registering import wave_id_of
from pipelines.panels.records import EndpointSpec
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    from pipelines.asking.budget import Budget
    from pipelines.asking.interruption import Interruption


@dataclass(frozen=True)
class Spending:
    """What judging may spend: `cap_usd` over all starts of a version (None: the file's budget, or no cap)."""

    cap_usd: float | None = None
    allow_unpriced: bool = False


@task(name="judge", cache_policy=NO_CACHE)
def judge(store: Store, registered: Registered, spending: Spending) -> None:
    """Have the judges say what they have not said of the answers in the lake, and load it as evaluations.

    Raises ExperimentError where votes are missing after that, StoppedError when the user stops it; what was said is
    loaded before.
    """
    from pipelines.experiments.bench import material_of

    step = Step("judge")
    material = material_of(registered.experiment)
    plan = _plan(store, registered)
    stopped = ask_judges(store, plan, registered, material, spending, step)
    step.done(load_votes(store, plan, registered, material))
    if stopped and isinstance(stopped[0], StoppedError):
        raise stopped[0]
    _require_all(store, plan, registered, material, stopped)


def ask_judges(
    store: Store, plan: WavePlan, registered: Registered, material: Material, spending: Spending, step: Step
) -> list[DriftlakeError]:
    """Ask every judge what it was not asked yet; return what stopped them. The trouble of one never stops another."""
    from pipelines.enrichment.judging import votes_known
    from pipelines.experiments.judging import answers_to_judge, judging_plans

    connection = connect_reader(store, "head")
    try:
        answers, known = answers_to_judge(connection, registered, material), votes_known(connection, plan.wave_id)
    finally:
        connection.close()
    stopped: list[DriftlakeError] = []
    with stopping_on_signals(step) as interruption:
        for judging in judging_plans(plan, answers, known, datetime.now(UTC)):
            try:
                _ask(store, judging, open_budget(plan, *_limits(spending)), spending, step, interruption)
            except StoppedError as error:
                return [error]
            except DriftlakeError as error:
                stopped.append(error)
    return stopped


def load_votes(store: Store, plan: WavePlan, registered: Registered, material: Material) -> str:
    """Put every vote into raw, and each answer's as an evaluation once all of them are settled; say what was new."""
    from pipelines.asking.journal import Journal
    from pipelines.enrichment.judging import journal_names, judge_rows, judgement_rows
    from pipelines.experiments.judging import answers_to_judge, judged_rows
    from pipelines.loading import frame_of, load

    connection = connect_reader(store, "head")
    try:
        answers = [each for some in answers_to_judge(connection, registered, material).values() for each in some]
    finally:
        connection.close()
    attempts = [attempt for name in journal_names(plan.panel) for attempt in Journal(plan.folder, name).attempts()]
    votes = {RAW_JUDGES: judge_rows(plan), RAW_JUDGEMENTS: [*judgement_rows(plan, attempts, answers)]}
    loaded = load(store, {table: frame_of(table, some) for table, some in votes.items()})
    connection = connect_reader(store, "head")
    try:
        rows = judged_rows(connection, plan, registered, material)
    finally:
        connection.close()
    new = load(store, {RAW_CHECKPOINT_EVALS: frame_of(RAW_CHECKPOINT_EVALS, rows)})
    cost = _write_cost(store, plan)
    empty = sum(row["value"] is None for row in rows)
    return (
        f"{loaded.get('judgements', 0):,} votes and {new.get('checkpoint_evals', 0):,} judged answers loaded; "
        f"{len(rows):,} answers are judged, {empty:,} of them without a value, for {cost}."
    )


def judging_ahead(
    experiment: Experiment,
    material: Material,
    cap_usd: float | None,
    key_of: Callable[[EndpointSpec], str | None],
    notice: Callable[[str], None],
) -> str:
    """Return what judging the whole experiment will cost, as a sentence; reads the prices of the judges' endpoints."""
    from dataclasses import replace

    from flows.judges_ahead import judge_prices
    from pipelines.asking.forecast import summed
    from pipelines.asking.pages import Patience
    from pipelines.enrichment.judging_forecast import judging_forecast
    from pipelines.experiments.judging import answers_ahead, panel_ahead

    panels = {judge.behaviour: panel_ahead(experiment, judge) for judge in experiment.judges}
    every = replace(next(iter(panels.values())), judges=experiment.judges)
    prices = judge_prices(every, {}, key_of, Patience(notice=notice))
    lines = [
        line
        for judge in experiment.judges
        for line in judging_forecast(panels[judge.behaviour], answers_ahead(experiment, material, judge), prices).models
    ]
    foreseen = summed(lines)
    unpriced = f", unpriced: {', '.join(foreseen.unpriced)}" if foreseen.unpriced else ""
    cap = experiment.budget_usd if cap_usd is None else cap_usd
    limit = "no cap" if cap is None else f"cap {money(cap)}"
    return (
        f"Judging: at most {foreseen.cells:,} votes, {money(foreseen.expected_usd)} expected, at most "
        f"{money(foreseen.high_usd)} USD{unpriced}, {limit}."
    )


def require_keys(experiment: Experiment) -> None:
    """Raise EndpointError where a judge's key is not set: better now than when everything is trained."""
    from pipelines.asking.openai_compatible import read_key

    for name in {judge.endpoint: None for judge in experiment.judges}:
        read_key(experiment.endpoints[name], os.environ)


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


def _plan(store: Store, registered: Registered) -> WavePlan:
    from pipelines.experiments.judging import judging_wave

    connection = connect_reader(store, "head")
    try:
        wave = waves.find(connection, wave_id_of(registered))
    finally:
        connection.close()
    if wave is None:
        raise WaveError(f"{wave_id_of(registered)} is not in ops.waves. Start the same command again.")
    plan = judging_wave(store, registered, wave)
    plan.folder.mkdir(parents=True, exist_ok=True)
    return plan


def _limits(spending: Spending) -> tuple[float | None, bool]:
    return spending.cap_usd, spending.allow_unpriced


def _write_cost(store: Store, plan: WavePlan) -> str:
    """Write what all requests of the run cost into ops.waves, and return it in words."""
    connection = connect_writer(store)
    try:
        row = connection.execute(
            "SELECT sum(cost_usd) FROM raw.judgements WHERE wave_id = ?", [plan.wave_id]
        ).fetchone()
        cost = row[0] if row else None
        waves.update(connection, plan.wave_id, "loaded", cost_usd=cost)
    finally:
        connection.close()
    cap = cap_of(plan.panel, None)
    return ("an unknown sum" if cost is None else f"{money(cost)} USD") + (f" of {money(cap)}" if cap else "")


def _require_all(
    store: Store, plan: WavePlan, registered: Registered, material: Material, stopped: list[DriftlakeError]
) -> None:
    from pipelines.experiments.judging import missing_votes

    connection = connect_reader(store, "head")
    try:
        missing = missing_votes(connection, plan, registered, material)
        last = connection.execute(
            "SELECT max_by(error_class, asked_at) FROM raw.judgements WHERE wave_id = ? AND outcome = 'error'",
            [plan.wave_id],
        ).fetchone()
    finally:
        connection.close()
    if not missing:
        return
    why = " ".join(map(str, stopped)) or f"The last request that failed ended with {last[0] if last else 'no reply'}."
    told = ", ".join(f"{n:,} on {behaviour}" for behaviour, n in sorted(missing.items()))
    raise ExperimentError(
        f"Votes of the judges of {registered.id} are missing: {told}. {why} What was trained, evaluated and judged is "
        "kept; the same command asks only what is missing."
    )
