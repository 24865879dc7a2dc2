"""The second sample that an alarm asks for: which alarms ask, what is afforded, and how far asking came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from flows.stages.asking import unanswered
from lake.catalog import connect_reader, connect_writer
from lake.errors import DriftlakeError
from lake.store import Store
from pipelines.asking.pricing import SELF_HOSTED
from pipelines.asking.records import Question
from pipelines.confirmation import Alarm, Decision, afforded, confirming_plan, decided, keep, wanted
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    from flows.outlook import Outlook
    from pipelines.asking.budget import Budget

MOST_LOST = 0.05
"""Share of its answers above which a model that loses them is withheld as incomplete (core.model_waves)."""


def alarms_to_confirm(store: Store, plan: WavePlan, left_usd: float | None) -> list[Alarm]:
    """Return the alarms of the wave, as it was modelled, that no second sample was asked for yet.

    Not those that an earlier start could not afford and that what is left now (None: no cap) does not cover either.
    """
    if not plan.panel.confirmation.ask:
        return []
    connection = connect_reader(store, "head")
    try:
        rows = connection.execute(
            "SELECT model, capabilities, p_adjusted FROM out.drift_confirmations "
            "WHERE wave_id = ? AND state = 'not asked' ORDER BY model",
            [plan.wave_id],
        ).fetchall()
    finally:
        connection.close()
    known = decided(plan.folder)
    settled = {decision.model for decision in known if decision.is_asked or not _can_afford(decision, left_usd)}
    alarms = [Alarm(model, frozenset(where.split()), p) for model, where, p in rows if model not in settled]
    broken = _broken_models(store, plan) if alarms else set()
    return [alarm for alarm in alarms if alarm.model not in broken]


def _broken_models(store: Store, plan: WavePlan) -> set[str]:
    """Return the models that the audit will keep out: their alarm is no behaviour, and they would have the smallest p.

    They fail a check of models, or so many of their answers fail one of answers that too few are left.
    """
    from expectations.audit import audit
    from expectations.breaks import BREAKS

    failing = tuple(broken for broken in BREAKS if broken.severity == "fail" and broken.scope in ("row", "model"))
    connection = connect_writer(store)
    try:
        result = audit(connection, store, plan.wave_id, f"{plan.wave_id}#before-confirmation", failing)
    finally:
        connection.close()
    failed = [row for row in result.verdicts if row["verdict"] == "failed" and row["model"] is not None]
    planned = Counter(cell.model_requested for cell in plan.cells)
    lost = Counter(row["model"] for row in failed if row["scope"] == "row")
    few = {model for model, count in lost.items() if count > MOST_LOST * planned[model]}
    return few | {row["model"] for row in failed if row["scope"] == "model"}


def _can_afford(decision: Decision, left_usd: float | None) -> bool:
    return left_usd is None or (decision.worst_usd is not None and decision.worst_usd <= left_usd)


def begun_confirmation(plan: WavePlan) -> WavePlan:
    """Return what earlier starts began to ask, as a plan; without cells where there is nothing."""
    return confirming_plan(plan, decided(plan.folder))


def is_confirmed(plan: WavePlan) -> bool:
    """Say whether every second sample that was begun is answered."""
    return not _unanswered(begun_confirmation(plan))


def wanted_confirmation(plan: WavePlan, alarms: Sequence[Alarm], now: datetime) -> WavePlan:
    """Return what was begun and what new alarms ask for, whatever it costs, as a plan."""
    return confirming_plan(plan, [*decided(plan.folder), *wanted(plan, alarms, now)])


def decide_confirmation(
    plan: WavePlan, alarms: Sequence[Alarm], outlook: Outlook | None, budget: Budget | None, now: datetime
) -> list[Decision]:
    """Decide and keep on disk who is asked within the budget; return the decisions that are new."""
    begun = {question.entry.model for question in _unanswered(begun_confirmation(plan))}
    worst = _worst(plan, outlook, budget, begun | {alarm.model for alarm in alarms})
    left = None if budget is None else budget.left_usd - sum(worst[model] or 0.0 for model in begun)
    new = afforded(wanted(plan, alarms, now), worst, left)
    keep(plan.folder, new)
    return new


def note_trouble(plan: WavePlan, errors: Sequence[DriftlakeError], now: datetime) -> None:
    """Keep why second samples that were asked are not complete; forget it of those that are by now."""
    left = [question.entry.model for question in _unanswered(begun_confirmation(plan))]
    changed = []
    for decision in decided(plan.folder):
        missing = left.count(decision.model)
        reason = _trouble(decision, missing, errors) if missing else None
        if decision.is_asked and reason != decision.reason:
            changed.append(replace(decision, reason=reason, decided_at=now))
    if changed:
        keep(plan.folder, changed)


def _trouble(decision: Decision, missing: int, errors: Sequence[DriftlakeError]) -> str:
    why = f": {errors[0]}".rstrip(".") if errors else ""
    return f"{missing} of {decision.n_cells} answers of the second sample did not come{why}"


def _unanswered(plan: WavePlan) -> list[Question]:
    return [question for name in plan.panel.endpoints for question in unanswered(plan, name)]


def _worst(plan: WavePlan, outlook: Outlook | None, budget: Budget | None, models: set[str]) -> dict[str, float | None]:
    """Return the most that what is still to be asked of some models can cost in USD; None where nobody can say."""
    known = {} if outlook is None else {model.model: model.high_usd for model in outlook.forecast.models}
    anything_goes = budget is not None and budget.allow_unpriced
    worst: dict[str, float | None] = {}
    for model in models:
        spec = plan.panel.endpoints[plan.panel.entry(model).endpoint]
        is_free = spec.kind == "checkpoint" or spec.flavor in SELF_HOSTED
        worst[model] = known.get(model)
        if worst[model] is None and (is_free or anything_goes):
            worst[model] = 0.0
    return worst
