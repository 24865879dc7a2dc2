"""`driftlake plan`: what the next wave would ask, cost and run into. Asks nothing and writes nothing."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime

from flows.endpoints import only_checkpoints
from flows.settings import Settings
from pipelines.asking.ordering import plan_cells
from pipelines.asking.records import Question
from pipelines.panels.files import load_panel
from pipelines.panels.records import EndpointSpec, Panel
from pipelines.panels.resampling import with_samples
from pipelines.planning import wave_id_of


def preview(settings: Settings) -> str:
    """Return cells, price and problems of today's wave of the panel, as text.

    Prices come from the endpoint's live catalogue, which needs no key on OpenRouter; raises
    EndpointError where it cannot be had.
    """
    panel = with_samples(load_panel(settings.panel), settings.samples)
    today = datetime.now(UTC).date()
    entries = {entry.model: entry for entry in panel.roster}
    prompts = {prompt.prompt_id: prompt for prompt in panel.prompts}
    questions = [
        Question(cell, entries[cell.model_requested], prompts[cell.prompt_id])
        for cell in plan_cells(panel, wave_id_of(panel, today), today)
    ]
    capabilities = Counter(prompt.capability for prompt in panel.prompts)
    lines = [
        f"Panel {panel.name} ({panel.path})",
        f"  {len(questions):,} cells = {len(panel.roster)} models x {len(panel.prompts)} prompts "
        f"x {panel.samples} samples",
        "  prompts: " + ", ".join(f"{count} {name}" for name, count in capabilities.items()),
        f"  battery {panel.battery.name} version {panel.battery.version}, sha {panel.battery.sha[:12]}",
        *_money(panel, questions, settings.budget_usd),
        "Nothing was asked.",
    ]
    return "\n".join(lines)


def _money(panel: Panel, questions: list[Question], cap_usd: float | None) -> list[str]:
    if only_checkpoints(panel):
        return ["  cost: none; every model runs in this process"]
    from pipelines.asking.catalogue import fetch_catalogues, fetch_key_status, prices
    from pipelines.asking.forecast import forecast, problems

    catalogues = fetch_catalogues(panel, _key)
    expected = forecast(questions, prices(panel, catalogues))
    keys = {
        name: status
        for name in catalogues
        if (status := fetch_key_status(panel.endpoints[name], _key(panel.endpoints[name]))) is not None
    }
    cap = panel.budget_usd if cap_usd is None else cap_usd
    found = problems(questions, catalogues, questions[0].cell.wave_date, keys)
    return [
        f"  cost: {expected.low_usd:.4f} low, {expected.expected_usd:.4f} expected, "
        f"{expected.high_usd:.4f} at most (USD)",
        f"  budget: {cap:.2f} USD" if cap is not None else "  budget: none; set one with --budget or budget_usd",
        *(f"  unpriced: {model}" for model in expected.unpriced),
        *(f"  {'stops' if problem.stops else 'note'}: {problem.message}" for problem in found),
    ]


def _key(spec: EndpointSpec) -> str | None:
    return os.environ.get(spec.key_env) if spec.key_env else None
