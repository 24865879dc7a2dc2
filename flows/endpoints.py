"""Opening the endpoints of a wave: the one place where keys are read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flows.progress import Step
from flows.stages import CATALOG_FILE, keep_rows, unanswered
from lake.store import Store
from pipelines.asking.records import Endpoint
from pipelines.panels.records import EndpointSpec, Panel
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    from pipelines.asking.budget import Budget


def open_endpoints(
    store: Store, plan: WavePlan, budget: Budget | None, environ: Mapping[str, str], step: Step
) -> dict[str, Endpoint | None]:
    """Return an endpoint for each name in the panel; None where all is answered, so that no key or server is needed.

    One budget is shared by all that cost money.

    Raises EndpointError for a refused key or an unreachable catalogue, CheckpointError for weights that are not there.
    """
    return {
        name: _open(store, plan, spec, budget, environ, step) if unanswered(plan, name) else None
        for name, spec in plan.panel.endpoints.items()
    }


def open_budget(plan: WavePlan, cap_usd: float | None, allow_unpriced: bool) -> Budget | None:
    """Return the wave's budget less what earlier starts spent; None where neither flag nor panel sets one."""
    from pipelines.asking.budget import Budget
    from pipelines.asking.journal import Journal
    from pipelines.asking.sent import held

    cap = plan.panel.budget_usd if cap_usd is None else cap_usd
    if cap is None:
        return None
    spent = sum(Journal(plan.folder, name).spent_usd() for name in plan.panel.endpoints)
    unsettled = sum(held(plan.folder, name).usd for name in plan.panel.endpoints)
    return Budget(cap, spent, allow_unpriced, unsettled)


def _open(
    store: Store, plan: WavePlan, spec: EndpointSpec, budget: Budget | None, environ: Mapping[str, str], step: Step
) -> Endpoint:
    if spec.kind == "checkpoint":
        from pipelines.asking.checkpoint import CheckpointEndpoint

        return CheckpointEndpoint(spec, store.laboratory, plan.staged_night)
    from pipelines.asking.catalogue import catalogue_rows, fetch_catalogue, prices
    from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint, read_key
    from pipelines.asking.sent import SentLog

    key = read_key(spec, environ)
    catalogues = {spec.name: fetch_catalogue(spec, key)}
    rows = catalogue_rows(plan.panel, catalogues, plan.wave_id, plan.wave_date)
    keep_rows(plan.folder / CATALOG_FILE.format(endpoint=spec.name), rows)
    return OpenAICompatibleEndpoint(
        spec,
        key,
        prices=prices(plan.panel, catalogues),
        budget=budget,
        seed=plan.panel.seed,
        notice=step.note,
        sent=SentLog(plan.folder, spec.name),
    )


def only_checkpoints(panel: Panel) -> bool:
    """Say whether asking the panel makes no connection at all."""
    return all(spec.kind == "checkpoint" for spec in panel.endpoints.values())
