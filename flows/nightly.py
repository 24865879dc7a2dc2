"""One wave, in order: price, plan, ask, load, enrich, model, confirm, audit, publish, draw. Safe to run twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows import stages
from flows.choosing import chosen_panel
from flows.endpoints import cap_of, kept_back, look_ahead_of, note_keys, open_budget, open_endpoints
from flows.foreseen import foreseen
from flows.progress import Step
from flows.settings import TOP, Settings
from flows.signals import stopping_on_signals
from lake.errors import DriftlakeError, QuarantineError, StoppedError
from lake.inert import visible
from lake.store import Store, open_store
from lake.waves import asking_lock, publishing_lock, revised
from pipelines.asking.money import money
from pipelines.asking.records import Endpoint
from pipelines.confirmation import Alarm, decided, keep, wanted
from pipelines.panels.records import Panel
from pipelines.planning import WavePlan, draft_plan, freeze_plan, wave_id_of

if TYPE_CHECKING:
    from expectations.audit import AuditResult
    from flows.outlook import Outlook
    from lake.waves import Publication
    from pipelines.asking.budget import Budget
    from pipelines.laboratory import Laboratory


@flow(name="nightly", flow_run_name="{panel} {wave_date}", validate_parameters=False)
def nightly(
    panel: str = "local",
    wave_date: str | None = None,
    staged_night: int | None = None,
    samples: int | None = None,
    budget_usd: float | None = None,
    allow_unpriced: bool = False,
    home: str | None = None,
    escalate_from: str | None = None,
    top: int = TOP,
) -> str | None:
    """Run one wave end to end; return where its page is.

    `wave_date` is the ISO date the wave stands for; left out, it is the UTC date of the scheduled start.
    Raises QuarantineError when the audit keeps the wave from being published, after everything else was done.
    """
    store = open_store(home or os.environ.get("DRIFTLAKE_HOME")).prepare()
    stages.go_on_with_lake(store)
    day = date.fromisoformat(wave_date) if wave_date else scheduled_day()
    chosen = chosen_panel(Settings(store, panel, samples, budget_usd, "", allow_unpriced, escalate_from, top), day)
    with asking_lock(store, wave_id_of(chosen, day)):
        outlook = price(store, chosen, day, staged_night, budget_usd, allow_unpriced)
        plan = plan_wave(store, chosen, day, staged_night)
        laboratory = prepare_laboratory(store) if stages.uses_laboratory(chosen) else None
        budget = open_budget(plan, budget_usd, allow_unpriced)
        stopped = ask_all(store, plan, laboratory, budget, outlook)
        load(store, plan, laboratory)
        if stopped is not None:
            raise stopped
        if chosen.judges:
            judge(store, plan, budget, allow_unpriced)
        enrich(store, plan)
        result, publication = conclude(store, plan, budget_usd, allow_unpriced)
        page = draw(store, publication, plan)
    create_markdown_artifact(key="nightly-summary", markdown=_summary(plan, result, page))
    if not result.passed:
        raise QuarantineError(plan.wave_id, result.sentences())
    return page


def ask_all(
    store: Store, plan: WavePlan, laboratory: Laboratory | None, budget: Budget | None, outlook: Outlook | None
) -> DriftlakeError | None:
    """Ask every endpoint at once; return what stopped one of them, so that what was answered is loaded all the same.

    Raises StoppedError when the user stops it.
    """
    step = Step("ask")
    evaluate = partial(stages.evaluate_checkpoints, store, plan, laboratory)
    stopped = ask_endpoints(store, plan, evaluate, budget, outlook, step)
    note_keys(plan, outlook, os.environ)
    for other in stopped[1:]:
        step.note(str(other))
    if stopped and isinstance(stopped[0], StoppedError):
        raise stopped[0]
    return stopped[0] if stopped else None


def ask_endpoints(
    store: Store,
    plan: WavePlan,
    evaluate: Callable[[str], int] | None,
    budget: Budget | None,
    outlook: Outlook | None,
    step: Step,
) -> list[DriftlakeError]:
    """Ask every endpoint of a plan at once; return what stopped them, the user's wish first.

    `evaluate` measures the wave's checkpoints on a device once they have answered; None for a second sample.
    """
    stopped: list[DriftlakeError] = []
    with stopping_on_signals(step) as interruption:
        endpoints = open_endpoints(store, plan, budget, os.environ, step, outlook, interruption)
        leave_out = outlook.unasked if outlook is not None else frozenset()
        for future in [ask.submit(plan, name, endpoint, evaluate, leave_out) for name, endpoint in endpoints.items()]:
            try:
                future.result()
            except DriftlakeError as error:
                stopped.append(error)
    stopped += outlook.failed.values() if outlook is not None else ()
    return sorted(stopped, key=lambda error: not isinstance(error, StoppedError))


def conclude(
    store: Store, plan: WavePlan, cap_usd: float | None, allow_unpriced: bool
) -> tuple[AuditResult, Publication | None]:
    """Model the wave, confirm what alarms, audit and publish it; return the audit and the publication, if it passed.

    The lock is let go while a second sample is asked, and the wave modelled once more after it.
    """
    left = open_budget(plan, cap_usd, allow_unpriced, confirming=True)
    with publishing_lock(store):
        model(store, plan)
        alarms = stages.alarms_to_confirm(store, plan, None if left is None else left.left_usd)
        if not alarms and stages.is_confirmed(plan):
            return decide(store, plan)
    confirm(store, plan, alarms, cap_usd, allow_unpriced)
    enrich(store, plan)
    with publishing_lock(store):
        model(store, plan)
        return decide(store, plan)


def decide(store: Store, plan: WavePlan) -> tuple[AuditResult, Publication | None]:
    """Audit a modelled wave, then publish or quarantine it. Call it under the publishing lock."""
    result = audit(store, plan)
    if result.passed:
        return result, publish(store, plan, result)
    quarantine(store, plan, result)
    return result, None


@task(name="confirm", cache_policy=NO_CACHE)
def confirm(store: Store, plan: WavePlan, alarms: list[Alarm], cap_usd: float | None, allow_unpriced: bool) -> None:
    """Ask the second samples that alarms ask for, and load them.

    Trouble leaves an alarm unconfirmed, never the night unfinished; raises StoppedError when the user stops it.
    """
    step = Step("confirm")
    try:
        stopped = ask_second_samples(store, plan, alarms, cap_usd, allow_unpriced, step)
    except DriftlakeError as error:
        stopped = [error]
    stages.note_trouble(plan, stopped, datetime.now(UTC))
    if stopped and isinstance(stopped[0], StoppedError):
        raise stopped[0]
    for decision in decided(plan.folder):
        if decision.reason is not None:
            step.note(f"{decision.model} stays unconfirmed: {decision.reason}.")
    step.done(stages.load_wave(store, plan, None))


def ask_second_samples(
    store: Store, plan: WavePlan, alarms: list[Alarm], cap_usd: float | None, allow_unpriced: bool, step: Step
) -> list[DriftlakeError]:
    """Ask what the budget allows of the second samples; return what stopped an endpoint."""
    now = datetime.now(UTC)
    wished = stages.wanted_confirmation(plan, alarms, now)
    try:
        outlook = look_ahead_of(wished, cap_usd, allow_unpriced, os.environ, step, confirming=True)
    except DriftlakeError:
        keep(plan.folder, wanted(plan, alarms, now))  # the next start asks them
        raise
    budget = open_budget(plan, cap_usd, allow_unpriced, confirming=True)
    for decision in stages.decide_confirmation(plan, alarms, outlook, budget, now):
        if decision.is_asked:
            worst = "at no cost" if not decision.worst_usd else f"for {money(decision.worst_usd)} USD at most"
            step.note(f"{decision.model} is asked for {decision.n_cells} fresh answers, {worst}.")
    return ask_endpoints(store, stages.begun_confirmation(plan), None, budget, outlook, step)


def scheduled_day() -> date:
    """Return the UTC date of the flow run's scheduled start: a run that starts late still stands for its day."""
    start = flow_run.scheduled_start_time
    return (start or datetime.now(UTC)).astimezone(UTC).date()


@task(name="price", cache_policy=NO_CACHE)
def price(
    store: Store, panel: Panel, day: date, staged_night: int | None, cap_usd: float | None, allow_unpriced: bool
) -> Outlook | None:
    """Say what the wave will cost before anything is frozen or asked; refuse one that is not worth asking."""
    step = Step("price")
    draft = draft_plan(store, panel, day, staged_night, datetime.now(UTC), scheduled_day())
    outlook = foreseen(draft.wave_id) or look_ahead_of(draft, cap_usd, allow_unpriced, os.environ, step)
    if outlook is not None:
        from flows.outlook import announce

        announce(outlook, cap_of(panel, cap_usd), step, kept_back(draft, cap_usd))
    return outlook


@task(name="plan", cache_policy=NO_CACHE)
def plan_wave(store: Store, panel: Panel, day: date, staged_night: int | None) -> WavePlan:
    """Freeze the plan at the first start; go by it at every other."""
    step = Step("plan")
    plan = freeze_plan(store, panel, day, staged_night, datetime.now(UTC), scheduled_day())
    stages.register_plan(store, plan)
    step.done(
        f"{plan.wave_id} ({plan.wave_kind}): {len(plan.cells):,} cells, "
        f"{len(panel.roster)} models, {len(panel.prompts)} prompts."
    )
    return plan


@task(name="laboratory", cache_policy=NO_CACHE)
def prepare_laboratory(store: Store) -> Laboratory:
    """Train the laboratory's models on first use."""
    return stages.prepare_laboratory(store, Step("train"))


@task(name="ask", task_run_name="ask {name}", cache_policy=NO_CACHE)
def ask(
    plan: WavePlan,
    name: str,
    endpoint: Endpoint | None,
    evaluate: Callable[[str], int] | None,
    leave_out: frozenset[str] = frozenset(),
) -> stages.Asked:
    """Ask one endpoint what is unanswered, in seeded blocks across its models."""
    step = Step("ask")
    asked = stages.ask_endpoint(plan, name, endpoint, step, datetime.now(UTC), leave_out)
    if evaluate is not None and plan.panel.endpoints[name].kind == "checkpoint":
        evaluate(plan.panel.endpoints[name].device)
    step.done(asked.sentence)
    return asked


@task(name="load", cache_policy=NO_CACHE)
def load(store: Store, plan: WavePlan, laboratory: Laboratory | None) -> None:
    """Append what is new to raw."""
    step = Step("load")
    step.done(stages.load_wave(store, plan, laboratory))


@task(name="judge", cache_policy=NO_CACHE)
def judge(store: Store, plan: WavePlan, budget: Budget | None, allow_unpriced: bool) -> None:
    """Ask the panel's judges what they have not said yet. Their trouble withholds their rates, never the night."""
    step = Step("judge")
    judging = stages.plan_judging(store, plan, datetime.now(UTC))
    try:
        ask_judges(store, judging, budget, allow_unpriced, step)
    except DriftlakeError as error:
        step.note(f"Judging stopped: {error} The votes that came are kept; the same command asks the rest.")
    step.done(stages.load_judgements(store, plan))


def ask_judges(store: Store, judging: WavePlan, budget: Budget | None, allow_unpriced: bool, step: Step) -> None:
    """Ask every judge of a plan; raises what stopped one, after its votes are in the journal."""
    cap = budget.cap_usd if budget is not None else None
    outlook = look_ahead_of(judging, cap, allow_unpriced, os.environ)
    if outlook is not None:
        votes = outlook.forecast
        step.note(f"{votes.cells:,} votes, {money(votes.expected_usd)} expected, {money(votes.high_usd)} USD at most.")
    for name, endpoint in open_endpoints(store, judging, budget, os.environ, step, outlook).items():
        step.note(stages.ask_endpoint(judging, name, endpoint, step, datetime.now(UTC)).sentence)


@task(name="enrich", cache_policy=NO_CACHE)
def enrich(store: Store, plan: WavePlan) -> None:
    """Embed and classify unseen texts."""
    step = Step("enrich")
    step.done(stages.enrich_wave(store, plan, step))


@task(name="model", cache_policy=NO_CACHE)
def model(store: Store, plan: WavePlan) -> None:
    """Build core and out with this wave as the candidate."""
    step = Step("model")
    step.done(stages.model_waves(store, plan.wave_id))
    stages.set_status(store, plan, "modelled")


@task(name="audit", cache_policy=NO_CACHE)
def audit(store: Store, plan: WavePlan) -> AuditResult:
    """Run the expectations; rows and models that fail leave core and out, and what is left is audited again."""
    step = Step("audit")
    result = stages.audit_wave(store, plan, datetime.now(UTC))
    if result.needs_rebuild:
        step.note("Rows or models failed: core and out are built again without them.")
        stages.model_waves(store, plan.wave_id)
        result = stages.audit_wave(store, plan, datetime.now(UTC))
    failed = sum(not row["success"] for row in result.check_results)
    verdict = "passed" if result.passed else "failed: the wave is quarantined, readers keep the last publication"
    step.done(f"{len(result.check_results)} checks, {failed} found something; the wave {verdict}.")
    for sentence in result.sentences():
        step.note(sentence)
    return result


@task(name="publish", cache_policy=NO_CACHE)
def publish(store: Store, plan: WavePlan, result: AuditResult) -> Publication:
    """Let readers see the wave."""
    step = Step("publish")
    publication = stages.publish_wave(store, plan, result, datetime.now(UTC))
    step.done(f"Readers now see snapshot {publication.snapshot_id}.")
    if changed := revised(store, publication):
        step.note(f"{changed:,} numbers published before are others now; out.revisions lists them with the reason.")
    return publication


@task(name="quarantine", cache_policy=NO_CACHE)
def quarantine(store: Store, plan: WavePlan, result: AuditResult) -> None:
    """Keep the wave from readers."""
    stages.quarantine_wave(store, plan, result, datetime.now(UTC))


@task(name="draw", cache_policy=NO_CACHE)
def draw(store: Store, publication: Publication | None, plan: WavePlan) -> str | None:
    """Draw the page of a publication, or the notice of a quarantine on the newest page."""
    step = Step("draw")
    page = stages.draw_page(store, publication, plan)
    step.done(f"Page: {page}" if page else "Nothing was published yet, so there is no page.")
    return str(page) if page else None


def _summary(plan: WavePlan, result: AuditResult, page: str | None) -> str:
    lines = [
        f"# {plan.wave_id}: {'published' if result.passed else 'quarantined'}",
        f"{len(plan.cells):,} cells, {len(plan.panel.roster)} models, {len(plan.panel.prompts)} prompts.",
        *(f"* {escape(visible(sentence), quote=False)}" for sentence in result.sentences()),
        f"Page: `{page}`" if page else "No page.",
    ]
    return "\n\n".join(lines)
