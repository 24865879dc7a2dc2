"""What judging an experiment will cost and needs, told before anything is trained. Light: Prefect is not imported here.

(Prefect reads its settings when it is imported, and `driftlake train` sets them after it has told the cost.)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipelines.asking.money import money
from pipelines.experiments.material import Material
from pipelines.experiments.records import Experiment
from pipelines.panels.records import EndpointSpec


@dataclass(frozen=True)
class Spending:
    """What judging may spend: `cap_usd` over all starts of a version (None: the file's budget, or no cap)."""

    cap_usd: float | None = None
    allow_unpriced: bool = False


def judging_ahead(
    experiment: Experiment,
    material: Material,
    cap_usd: float | None,
    key_of: Callable[[EndpointSpec], str | None],
    notice: Callable[[str], None],
) -> str:
    """Return what judging the whole experiment will cost, as a sentence; reads the prices of the judges' endpoints."""
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
