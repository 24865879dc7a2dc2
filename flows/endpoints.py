"""Opening the endpoints of a wave: the one place where keys are read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from flows.progress import Step
from flows.stages.asking import unanswered
from flows.stages.checkpoints import find_checkpoints
from flows.stages.kept import CATALOG_FILE, KEYS_FILE, OFFERS_FILE, keep_rows, kept_rows
from lake.errors import EndpointError
from lake.store import Store
from pipelines.asking.records import Endpoint
from pipelines.panels.records import EndpointSpec, Panel
from pipelines.planning import WavePlan

if TYPE_CHECKING:
    from flows.outlook import Outlook
    from pipelines.asking.budget import Budget
    from pipelines.asking.interruption import Interruption
    from pipelines.asking.key_status import KeyStatus


def look_ahead_of(
    plan: WavePlan,
    cap_usd: float | None,
    allow_unpriced: bool,
    environ: Mapping[str, str],
    step: Step | None = None,
    *,
    confirming: bool = False,
) -> Outlook | None:
    """Return what lies ahead of the cells that are still to be asked; None where no service is to be asked anything
    and no judge is to read the answers.

    A wave that was started before goes on with the catalogue it kept where there is none to be had now. `step` is told
    of waits. Raises EndpointError where no endpoint is left to be asked, and what `require_worth_asking` raises.
    """
    questions = [question for name in plan.panel.endpoints for question in unanswered(plan, name)]
    here = all(plan.panel.endpoints[question.entry.endpoint].kind == "checkpoint" for question in questions)
    if here and not (questions and plan.panel.judges):
        return None
    from flows.outlook import look_ahead, require_worth_asking
    from pipelines.asking.catalogue import kept_catalogue
    from pipelines.asking.openai_compatible import read_key
    from pipelines.asking.pages import Patience

    budget = open_budget(plan, cap_usd, allow_unpriced, confirming=confirming)
    outlook = look_ahead(
        plan.panel,
        questions,
        plan.wave_date,
        lambda spec: read_key(spec, environ),
        None if budget is None else budget.left_usd,
        allow_unpriced,
        lambda name: kept_catalogue(name, kept_rows(plan.folder / CATALOG_FILE.format(endpoint=name))),
        Patience() if step is None else Patience(notice=step.note),
    )
    require_worth_asking(plan.panel, outlook, allow_unpriced)
    return outlook


def open_endpoints(
    store: Store,
    plan: WavePlan,
    budget: Budget | None,
    environ: Mapping[str, str],
    step: Step,
    outlook: Outlook | None,
    interruption: Interruption | None = None,
) -> dict[str, Endpoint | None]:
    """Return an endpoint for each name in the panel; None where all is answered, so that no key or server is needed.

    None too for one that the outlook found to have failed. One budget is shared by all that cost money. What the
    services say of themselves is kept beside the journal.

    Raises EndpointError for a key that is not set, CheckpointError for weights that are not there.
    """
    failed = outlook.failed if outlook is not None else {}
    if outlook is not None:
        keep_pages(plan, outlook)
    return {
        name: _open(store, plan, spec, budget, environ, step, outlook, interruption)
        if name not in failed and unanswered(plan, name)
        else None
        for name, spec in plan.panel.endpoints.items()
    }


def keep_pages(plan: WavePlan, outlook: Outlook) -> None:
    """Keep catalogue, offers and key of each service until they are loaded; what a first start kept stays."""
    from pipelines.asking.catalogue import catalogue_rows
    from pipelines.asking.offers import offer_rows

    known, models = outlook.known, {entry.model: entry.endpoint for entry in plan.panel.roster}
    for name, catalogue in known.catalogues.items():
        spec = plan.panel.endpoints[name]
        offers = {model: found for model, found in known.offers.items() if models.get(model) == name}
        pages = {
            CATALOG_FILE: catalogue_rows(plan.panel, {name: catalogue}, plan.wave_id, plan.wave_date),
            OFFERS_FILE: offer_rows(spec, offers, plan.wave_id, plan.wave_date),
        }
        for file, rows in pages.items():
            path = plan.folder / file.format(endpoint=name)
            if rows and not path.exists():
                keep_rows(path, rows)
        if name in known.keys:
            _keep_key(plan, spec, known.keys[name], "start")


def note_keys(plan: WavePlan, outlook: Outlook | None, environ: Mapping[str, str]) -> None:
    """Keep what the key of each service may spend now that asking is over; a page that cannot be had is no error."""
    from flows.outlook import keys_of
    from pipelines.asking.key_status import fetch_key_status

    key_of = keys_of(environ)
    for name in outlook.known.catalogues if outlook is not None else ():
        spec = plan.panel.endpoints[name]
        try:
            status = fetch_key_status(spec, key_of(spec))
        except EndpointError:
            continue
        if status is not None:
            _keep_key(plan, spec, status, "end")


def _keep_key(plan: WavePlan, spec: EndpointSpec, status: KeyStatus, moment: Literal["start", "end"]) -> None:
    from pipelines.asking.key_status import key_row

    path = plan.folder / KEYS_FILE.format(endpoint=spec.name)
    wave = {"wave_id": plan.wave_id, "wave_date": plan.wave_date}
    keep_rows(path, [*kept_rows(path), key_row(status, spec, wave, moment)])


def cap_of(panel: Panel, cap_usd: float | None) -> float | None:
    """Return the hard cap of a wave in USD: the flag's, else the panel's, else None."""
    return panel.budget_usd if cap_usd is None else cap_usd


def kept_back(plan: WavePlan, cap_usd: float | None) -> float:
    """Return how much of a wave's cap in USD is still set aside for confirming alarms."""
    from pipelines.asking.journal import Journal
    from pipelines.asking.sent import held
    from pipelines.confirmation import PURPOSE

    cap = cap_of(plan.panel, cap_usd)
    if cap is None:
        return 0.0
    names = plan.panel.endpoints
    gone = sum(Journal(plan.folder, name).spent_usd(PURPOSE) + held(plan.folder, name, PURPOSE).usd for name in names)
    return max(0.0, cap * share_kept(plan.panel) - gone)


def share_kept(panel: Panel) -> float:
    """Return the part of a panel's budget that is set aside for confirming alarms; 0 where nothing is ever asked."""
    return panel.confirmation.share if panel.confirmation.ask and not only_checkpoints(panel) else 0.0


def open_budget(
    plan: WavePlan, cap_usd: float | None, allow_unpriced: bool, *, confirming: bool = False
) -> Budget | None:
    """Return the wave's budget less what earlier starts spent; None where neither flag nor panel sets one.

    What is set aside for confirming alarms can be spent where it is opened for `confirming` alone.
    """
    from pipelines.asking.budget import Budget
    from pipelines.asking.journal import Journal
    from pipelines.asking.sent import held
    from pipelines.enrichment.judging import journal_names

    cap = cap_of(plan.panel, cap_usd)
    if cap is None:
        return None
    journals = [*plan.panel.endpoints, *journal_names(plan.panel)]
    spent = sum(Journal(plan.folder, name).spent_usd() for name in journals)
    unsettled = sum(held(plan.folder, name).usd for name in journals)
    return Budget(cap, spent, allow_unpriced, unsettled, 0.0 if confirming else kept_back(plan, cap_usd))


def _open(
    store: Store,
    plan: WavePlan,
    spec: EndpointSpec,
    budget: Budget | None,
    environ: Mapping[str, str],
    step: Step,
    outlook: Outlook | None,
    interruption: Interruption | None,
) -> Endpoint:
    if spec.kind == "checkpoint":
        from pipelines.asking.checkpoint import CheckpointEndpoint

        lineages = find_checkpoints(store, plan.panel)
        return CheckpointEndpoint(spec, store.laboratory, plan.staged_night, interruption, lineages)
    from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint, read_key
    from pipelines.asking.pricing import COSTS_MONEY
    from pipelines.asking.sent import SentLog

    prices = outlook.known.prices if outlook is not None else {}
    is_priced = any(entry.endpoint == spec.name and entry.model in prices for entry in plan.panel.roster)
    is_free = spec.flavor is not None and spec.flavor not in COSTS_MONEY and not is_priced
    return OpenAICompatibleEndpoint(
        spec,
        read_key(spec, environ),
        prices=prices,
        budget=None if is_free else budget,
        seed=plan.panel.seed,
        notice=step.note,
        sent=SentLog(plan.folder, spec.name),
        interruption=interruption,
    )


def only_checkpoints(panel: Panel) -> bool:
    """Say whether asking the panel makes no connection at all."""
    return all(spec.kind == "checkpoint" for spec in panel.endpoints.values())
