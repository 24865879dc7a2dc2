"""`driftlake plan`: what the next wave would ask, cost and run into. Asks nothing and writes nothing."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flows.choosing import chosen_panel
from flows.endpoints import cap_of, only_checkpoints, share_kept
from flows.progress import Step
from flows.settings import Settings
from flows.stages import find_checkpoints
from lake.errors import CheckpointError
from lake.inert import one_line
from lake.store import Store
from pipelines.asking.money import money
from pipelines.asking.ordering import plan_cells
from pipelines.asking.records import Question
from pipelines.panels.records import Panel
from pipelines.planning import wave_id_of

if TYPE_CHECKING:
    from flows.outlook import Outlook
    from pipelines.asking.forecast import Forecast
    from pipelines.asking.problems import Problem

HEAD = ("model", "cells", "low", "expected", "at most", "providers", "problems")
_RIGHT = ("cells", "low", "expected", "at most", "providers")


def preview(settings: Settings) -> str:
    """Return cells, price and problems of today's wave of the panel, as text.

    Prices come from the endpoints' live catalogues, which need no key on OpenRouter; raises EndpointError where
    no endpoint can be asked.
    """
    today = datetime.now(UTC).date()
    panel = chosen_panel(settings, today)
    entries = {entry.model: entry for entry in panel.roster}
    prompts = {prompt.prompt_id: prompt for prompt in panel.prompts}
    questions = [
        Question(cell, entries[cell.model_requested], prompts[cell.prompt_id])
        for cell in plan_cells(panel, wave_id_of(panel, today), today)
    ]
    capabilities = Counter(prompt.capability for prompt in panel.prompts)
    source = panel.declared.get("roster_from")
    lines = [
        f"Panel {panel.name} ({panel.path})",
        f"  {len(questions):,} cells = {len(panel.roster)} models x {len(panel.prompts)} prompts "
        f"x {panel.samples} samples",
        *([f"  roster: the {source['top']} most convergent models of {source['publication']}"] if source else []),
        "  prompts: " + ", ".join(f"{count} {name}" for name, count in capabilities.items()),
        f"  battery {panel.battery.name} version {panel.battery.version}, sha {panel.battery.sha[:12]}",
        *_checkpoints(settings.store, panel),
        *_money(panel, questions, settings),
        "Nothing was asked.",
    ]
    return "\n".join(map(one_line, lines))


def _checkpoints(store: Store, panel: Panel) -> list[str]:
    """Return a line a checkpoint of a persona experiment, and why asking would stop where one is not there."""
    try:
        found = find_checkpoints(store, panel)
    except CheckpointError as error:
        return [f"  stops: {error}"]
    return [
        f"  {model} is {lineage.checkpoint_id}: base {lineage.base_sha[:12]}, adapter {lineage.adapter_sha[:12]}"
        for model, lineage in found.items()
    ]


def _money(panel: Panel, questions: list[Question], settings: Settings) -> list[str]:
    if only_checkpoints(panel):
        return ["  cost: none; every model runs in this process"]
    from flows.outlook import keys_of, look_ahead
    from pipelines.asking.pages import Patience

    cap, day = cap_of(panel, settings.budget_usd), questions[0].cell.wave_date
    kept = share_kept(panel) * (cap or 0.0)
    outlook = look_ahead(
        panel,
        questions,
        day,
        keys_of(os.environ),
        None if cap is None else cap - kept,
        settings.allow_unpriced,
        patience=Patience(notice=Step("plan").note),
    )
    expected = outlook.whole
    kinds = Counter(problem.kind for problem in outlook.problems)
    return [
        "",
        *(f"  {line}" for line in table(HEAD, _rows(panel, outlook), _RIGHT)),
        "",
        *_judges(outlook.judging),
        f"  cost: {money(expected.low_usd)} low, {money(expected.expected_usd)} expected, "
        f"{money(expected.high_usd)} at most (USD)",
        f"  budget: {money(cap)} USD" if cap is not None else "  budget: none; set one with --budget or budget_usd",
        *_confirmation(panel, outlook.forecast, cap, kept),
        *_credit(outlook),
        *(f"  unpriced: {model}" for model in expected.unpriced),
        "  problems: " + (", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none found"),
        *(f"  {'stops' if problem.stops else 'note'}: {problem.message}" for problem in outlook.problems),
    ]


def _confirmation(panel: Panel, expected: Forecast, cap: float | None, kept: float) -> list[str]:
    """Return what confirming alarms costs at worst: every model alarms, and answers all prompts again."""
    if not panel.confirmation.ask:
        return ["  confirmation: none; alarms stay unconfirmed"]
    times = panel.confirmation_samples / panel.samples
    dearest = max((model.high_usd or 0.0 for model in expected.models), default=0.0)
    set_aside = f"; {money(kept)} USD of the budget are kept for it" if cap is not None else ""
    return [
        f"  confirmation: a model that alarms is asked for {panel.confirmation_samples * len(panel.prompts):,} fresh "
        f"answers at most, {money(times * dearest)} USD for the dearest, {money(times * expected.high_usd)} for all"
        + set_aside
    ]


def _judges(judging: Forecast) -> list[str]:
    """Return a line a judge, with the most votes it can be asked: equal answers are judged once."""
    return [
        f"  {judge.model}: at most {judge.cells:,} votes, {_usd(judge.low_usd)} low, "
        f"{_usd(judge.expected_usd)} expected, {_usd(judge.high_usd)} at most (USD)"
        for judge in judging.models
    ]


def _rows(panel: Panel, outlook: Outlook) -> list[tuple[str, ...]]:
    """Return one row a model and the total, each cell as text."""
    named = _by_model(outlook.problems)
    costs = {model.model: model for model in outlook.forecast.models}
    cells = Counter(question.entry.model for question in outlook.questions)
    endpoints = {question.entry.model: question.entry.endpoint for question in outlook.questions}
    rows = []
    for model, count in cells.items():
        cost, offers = costs.get(model), outlook.known.offers.get(model)
        money = (cost.low_usd, cost.expected_usd, cost.high_usd) if cost else (None, None, None)
        is_here = panel.endpoints[endpoints[model]].kind == "checkpoint"
        providers = "here" if is_here else str(len({offer.provider for offer in offers.offers})) if offers else "?"
        rows.append((model, f"{count:,}", *map(_usd, money), providers, ", ".join(named.get(model, []))))
    total = outlook.forecast
    sums = map(_usd, (total.low_usd, total.expected_usd, total.high_usd))
    return [*rows, ("total", f"{sum(cells.values()):,}", *sums, "", "")]


def _by_model(found: Sequence[Problem]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for problem in found:
        for model in problem.model.split(", "):
            if problem.kind not in kinds.setdefault(model, []):
                kinds[model].append(problem.kind)
    return kinds


def _credit(outlook: Outlook) -> list[str]:
    return [
        f"  key of {name}: "
        + (f"{money(key.limit_remaining)} USD left" if key.limit_remaining is not None else "no limit of its own")
        + (f" of {money(key.limit)}" if key.limit is not None else "")
        + (", free tier" if key.is_free_tier else "")
        for name, key in outlook.known.keys.items()
    ]


def _usd(amount: float | None) -> str:
    return "?" if amount is None else money(amount)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> list[str]:
    """Return lines of an aligned table; the columns named in `right` are aligned to the right."""
    shown = [[one_line(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, head, strict=True)
        ).rstrip()
        for row in shown
    ]
