"""What lies ahead of a wave: prices, problems and credit from the endpoints' own pages. Asks no model anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from flows.progress import Step
from lake.errors import BudgetError, EndpointError, InputError, RefusedKeyError
from pipelines.asking.catalogue import Catalogue, fetch_catalogue, prices
from pipelines.asking.forecast import Forecast, forecast
from pipelines.asking.key_status import KeyStatus, fetch_key_status
from pipelines.asking.offers import ModelOffers, fetch_offers
from pipelines.asking.pricing import unpriced
from pipelines.asking.problems import GONE, Known, Problem, problems, unaffordable
from pipelines.asking.records import Question
from pipelines.panels.records import EndpointSpec, Panel


class _Page(NamedTuple):
    """What one endpoint says of itself."""

    catalogue: Catalogue
    offers: dict[str, ModelOffers]
    key: KeyStatus | None


@dataclass(frozen=True)
class Outlook:
    """What asking some questions would cost and run into; the forecast is for the questions to services.

    `unasked` are models that stand in no catalogue and have no declared price. They are left out: nobody could say
    what they cost.
    """

    questions: Sequence[Question]
    known: Known
    forecast: Forecast
    problems: list[Problem]
    left_usd: float | None = None
    unasked: frozenset[str] = field(default_factory=frozenset)


def look_ahead(
    panel: Panel,
    questions: Sequence[Question],
    day: date,
    key_of: Callable[[EndpointSpec], str | None],
    left_usd: float | None = None,
    allow_unpriced: bool = False,
) -> Outlook:
    """Return what asking the questions would cost and run into; connects to nobody for questions to checkpoints.

    `left_usd` is what the wave's cap still allows; None without a cap.
    Raises EndpointError for a catalogue that cannot be had or a key that is refused.
    """
    used = {question.entry.endpoint: None for question in questions}
    specs = [spec for name in used if (spec := panel.endpoints[name]).kind == "openai_compatible"]
    models = {name: list({q.entry.model: None for q in questions if q.entry.endpoint == name}) for name in used}
    with ThreadPoolExecutor(max(1, len(specs))) as threads:
        pages = dict(
            zip((s.name for s in specs), threads.map(lambda s: _page(s, key_of(s), models[s.name]), specs), strict=True)
        )
    catalogues = {name: page.catalogue for name, page in pages.items()}
    known = Known(
        catalogues=catalogues,
        keys={name: page.key for name, page in pages.items() if page.key is not None},
        offers={model: offers for page in pages.values() for model, offers in page.offers.items()},
        prices=prices(panel, catalogues),
    )
    found = problems(questions, known, day)
    unknown = {problem.model for problem in found if problem.kind == "unknown"}
    paid = set(unpriced(panel, known.prices))
    unasked = frozenset() if allow_unpriced else frozenset(unknown & paid)
    priced = [q for q in questions if q.entry.endpoint in catalogues and q.entry.model not in unasked]
    expected = forecast(priced, known.prices)
    found += unaffordable(expected, known.keys, left_usd)
    return Outlook(questions, known, expected, found, left_usd, unasked)


def require_worth_asking(panel: Panel, outlook: Outlook, allow_unpriced: bool) -> None:
    """Raise InputError where no model of a service would answer, BudgetError where a price is unknown.

    A wave of the laboratory, or one that is all answered, is always worth it.
    """
    asked = {q.entry.model: q.entry for q in outlook.questions if q.entry.endpoint in outlook.known.catalogues}
    gone = {problem.model for problem in outlook.problems if problem.kind in GONE}
    if asked and set(asked) <= gone:
        raise InputError(
            f"Not one of the {len(asked)} models of panel {panel.name} that are still to be asked is in the catalogue "
            f"of its endpoint ({', '.join(list(asked)[:5])}{' …' if len(asked) > 5 else ''}). Nothing was asked. "
            f"`driftlake plan --panel {panel.name}` says what is wrong with each; correct the slugs or the base_url."
        )
    unknown = [m for m in unpriced(panel, outlook.known.prices) if m in asked and m not in outlook.unasked]
    if unknown and not allow_unpriced:
        raise BudgetError(
            f"The price of {', '.join(unknown[:5])}{' …' if len(unknown) > 5 else ''} is unknown, so nobody can say "
            "what this wave would cost. Nothing was asked. Declare `price` for it in the panel, take it out, or allow "
            "it with --allow-unpriced."
        )


def announce(outlook: Outlook, cap_usd: float | None, step: Step) -> None:
    """Say before the first cent what the wave will cost and which models will not answer."""
    for problem in outlook.problems:
        if problem.stops or problem.kind in {"expiring", "alias", "budget", "credit"}:
            step.note(problem.message)
    if outlook.unasked:
        step.note(f"Not asked, because what they cost is unknown: {', '.join(sorted(outlook.unasked))}.")
    expected = outlook.forecast
    unbounded = f", {len(expected.unpriced)} models unpriced" if expected.unpriced else ""
    cap = f"cap {cap_usd:.2f}" if cap_usd is not None else "no cap"
    if cap_usd is not None and outlook.left_usd is not None and outlook.left_usd < cap_usd:
        cap += f", of which earlier starts left {max(0.0, outlook.left_usd):.2f}"
    price = f"{expected.expected_usd:.2f} expected, at most {expected.high_usd:.2f} USD"
    step.done(f"{expected.cells:,} cells, {price}{unbounded}, {cap}.")


def key_if_known(spec: EndpointSpec, key: str | None) -> KeyStatus | None:
    """Return what a key may still spend; None where its page cannot be had. Raises RefusedKeyError."""
    try:
        return fetch_key_status(spec, key)
    except RefusedKeyError:
        raise
    except EndpointError:
        return None


def keys_of(panel: Panel, environ: Mapping[str, str]) -> Callable[[EndpointSpec], str | None]:
    """Return what gives an endpoint's key, or None where it is not set; never raises for a missing one."""
    return lambda spec: environ.get(spec.key_env, "").strip() or None if spec.key_env else None


def _page(spec: EndpointSpec, key: str | None, models: Sequence[str]) -> _Page:
    with ThreadPoolExecutor(1) as beside:
        status = beside.submit(key_if_known, spec, key)
        catalogue = fetch_catalogue(spec, key)
        offers = fetch_offers(spec, key, catalogue, models)
        return _Page(catalogue, offers, status.result())
