"""What lies ahead of a wave: prices, problems and credit from the endpoints' own pages. Asks no model anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from flows.judges_ahead import judges_ahead
from flows.progress import Step
from lake.errors import BudgetError, EndpointError, InputError, RefusedKeyError
from pipelines.asking.bounds import bounded_by_offers
from pipelines.asking.catalogue import Catalogue, fetch_catalogue, prices
from pipelines.asking.chat_request import answer_limit
from pipelines.asking.forecast import Forecast, forecast, summed
from pipelines.asking.key_status import KeyStatus, fetch_key_status
from pipelines.asking.money import money
from pipelines.asking.offers import ModelOffers, fetch_offers
from pipelines.asking.openai_compatible import read_key
from pipelines.asking.pages import Patience
from pipelines.asking.pricing import COSTS_MONEY, unpriced
from pipelines.asking.problems import GONE, Known, Problem, problems, unaffordable
from pipelines.asking.records import Question
from pipelines.panels.files import PANELS
from pipelines.panels.records import EndpointSpec, Panel, RosterEntry

KeptCatalogue = Callable[[str], Catalogue | None]
"""Gives the catalogue of an endpoint that an earlier start of the wave kept, None where there is none."""


class _Page(NamedTuple):
    """What one endpoint says of itself."""

    catalogue: Catalogue
    offers: dict[str, ModelOffers]
    key: KeyStatus | None


@dataclass(frozen=True)
class Outlook:
    """What asking some questions would cost and run into; the forecast is for the questions to services.

    `unasked` are models that stand in no catalogue and have no declared price. They are left out: nobody could say
    what they cost. `failed` says why an endpoint cannot be asked, by name; its cells stay without an answer.
    `judging` is for the votes on the answers, out of the same budget; nothing in a panel without judges.
    """

    questions: Sequence[Question]
    known: Known
    forecast: Forecast
    problems: list[Problem]
    left_usd: float | None = None
    unasked: frozenset[str] = field(default_factory=frozenset)
    failed: Mapping[str, EndpointError] = field(default_factory=dict)
    judging: Forecast = field(default_factory=lambda: summed([]))

    @property
    def whole(self) -> Forecast:
        """What asking and judging cost together."""
        return summed([*self.forecast.models, *self.judging.models])


def look_ahead(
    panel: Panel,
    questions: Sequence[Question],
    day: date,
    key_of: Callable[[EndpointSpec], str | None],
    left_usd: float | None = None,
    allow_unpriced: bool = False,
    kept: KeptCatalogue = lambda name: None,
    patience: Patience | None = None,
) -> Outlook:
    """Return what asking the questions would cost and run into; connects to nobody for questions to checkpoints.

    `left_usd` is what the wave's cap still allows; None without a cap. An endpoint without a key or a catalogue is
    a problem; raises EndpointError where no endpoint is left that could be asked.
    """
    asked = {q.entry.model: q.entry for q in questions}
    patience = patience or Patience()
    pages, failed = _read(panel, asked.values(), key_of, kept, patience)
    catalogues = {name: page.catalogue for name, page in pages.items()}
    offers = {model: found for page in pages.values() for model, found in page.offers.items()}
    known = Known(
        catalogues=catalogues,
        keys={name: page.key for name, page in pages.items() if page.key is not None},
        offers=offers,
        prices=bounded_by_offers(prices(panel, catalogues), offers, panel),
    )
    listed = {model for model, entry in asked.items() if (c := catalogues.get(entry.endpoint)) and c.find(model)}
    paid = {model for model in unpriced(panel, known.prices) if asked.get(model) and asked[model].endpoint in pages}
    unasked = frozenset() if allow_unpriced else frozenset(paid - listed)
    unbounded = frozenset() if allow_unpriced else frozenset(paid & listed) | _without_limit(panel, asked, left_usd)
    found = [*_unusable(asked.values(), failed), *problems(questions, known, day, unbounded)]
    priced = [q for q in questions if q.entry.endpoint in catalogues and q.entry.model not in unasked]
    expected = forecast(priced, known.prices)
    judged = [q for q in questions if q.entry.model not in unasked and q.entry.endpoint not in failed]
    judging = judges_ahead(panel, judged, catalogues, key_of, patience)
    outlook = Outlook(questions, known, expected, found, left_usd, unasked, failed, judging)
    found += unaffordable(outlook.whole, known.keys, left_usd)
    return outlook


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
            f"`driftlake plan --panel {given_as(panel)}` says what is wrong with each; correct the slugs or the "
            "base_url."
        )
    unknown = [m for m in unpriced(panel, outlook.known.prices) if m in asked and m not in outlook.unasked]
    if unknown and not allow_unpriced:
        raise BudgetError(
            f"The price of {', '.join(unknown[:5])}{' …' if len(unknown) > 5 else ''} is unknown, so nobody can say "
            "what this wave would cost. Nothing was asked. Declare `price` for it in the panel, take it out, or allow "
            "it with --allow-unpriced."
        )


def given_as(panel: Panel) -> str:
    """Return what --panel was given: the name of a panel that comes with driftlake, else the path of its file."""
    return panel.path.stem if panel.path.parent == PANELS else str(panel.path)


def announce(outlook: Outlook, cap_usd: float | None, step: Step, kept_usd: float = 0.0) -> None:
    """Say before the first cent what the wave will cost and which models will not answer.

    `kept_usd` of the cap are set aside for confirming alarms.
    """
    for problem in outlook.problems:
        if problem.stops or problem.kind in {"expiring", "alias", "budget", "credit"}:
            step.note(problem.message)
    if outlook.unasked:
        step.note(f"Not asked, because what they cost is unknown: {', '.join(sorted(outlook.unasked))}.")
    expected = outlook.forecast
    unbounded = f", {len(expected.unpriced)} models unpriced" if expected.unpriced else ""
    cap = f"cap {money(cap_usd)}" if cap_usd is not None else "no cap"
    if kept_usd:
        cap += f" ({money(kept_usd)} of it kept for confirming alarms)"
    if cap_usd is not None and outlook.left_usd is not None and outlook.left_usd < cap_usd - kept_usd:
        cap += f", of which earlier starts left {money(outlook.left_usd)}"
    price = f"{money(expected.expected_usd)} expected, at most {money(expected.high_usd)} USD"
    step.done(f"{expected.cells:,} cells, {price}{unbounded}{judging_price(outlook.judging)}, {cap}.")


def judging_price(judging: Forecast) -> str:
    """Return what judging adds to a sentence about the price; nothing without judges."""
    if not judging.cells:
        return ""
    unpriced = f", unpriced: {', '.join(judging.unpriced)}" if judging.unpriced else ""
    price = f"{money(judging.expected_usd)} expected, at most {money(judging.high_usd)} USD"
    return f"; judging them, at most {judging.cells:,} votes, {price}{unpriced}"


def key_if_known(spec: EndpointSpec, key: str | None, patience: Patience | None = None) -> KeyStatus | None:
    """Return what a key may still spend; None where its page cannot be had. Raises RefusedKeyError."""
    try:
        return fetch_key_status(spec, key, patience)
    except RefusedKeyError:
        raise
    except EndpointError:
        return None


def keys_of(environ: Mapping[str, str]) -> Callable[[EndpointSpec], str | None]:
    """Return what gives an endpoint's key, or None where it is not set; raises only for what cannot be a key."""
    return lambda spec: read_key(spec, environ) if environ.get(spec.key_env or "", "").strip() else None


def _read(
    panel: Panel,
    entries: Iterable[RosterEntry],
    key_of: Callable[[EndpointSpec], str | None],
    kept: KeptCatalogue,
    patience: Patience,
) -> tuple[dict[str, _Page], dict[str, EndpointError]]:
    """Return the pages of each service that is to be asked, and why there are none, both by endpoint name."""
    models: dict[str, list[str]] = {}
    for entry in entries:
        models.setdefault(entry.endpoint, []).append(entry.model)
    specs = [spec for name in models if (spec := panel.endpoints[name]).kind == "openai_compatible"]

    def read(spec: EndpointSpec) -> _Page | EndpointError:
        try:
            return _page(spec, key_of(spec), models[spec.name], kept, patience)
        except EndpointError as error:
            return error

    with ThreadPoolExecutor(max(1, len(specs))) as threads:
        found = dict(zip((spec.name for spec in specs), threads.map(read, specs), strict=True))
    failed = {name: page for name, page in found.items() if isinstance(page, EndpointError)}
    if failed and len(failed) == len(models):
        first = next(iter(failed.values()))
        raise first if len(failed) == 1 else EndpointError("\n".join(map(str, failed.values())))
    return {name: page for name, page in found.items() if isinstance(page, _Page)}, failed


def _page(spec: EndpointSpec, key: str | None, models: Sequence[str], kept: KeptCatalogue, patience: Patience) -> _Page:
    with ThreadPoolExecutor(1) as beside:
        status = beside.submit(key_if_known, spec, key, patience)
        try:
            catalogue = fetch_catalogue(spec, key, patience)
        except RefusedKeyError:
            raise
        except EndpointError as error:
            if (stored := kept(spec.name)) is None:
                raise
            when = f"{stored.fetched_at:%Y-%m-%d %H:%M} UTC"
            patience.notice(f"{error} This wave goes on with the catalogue of its first start ({when}).")
            return _Page(stored, {}, status.result())
        return _Page(catalogue, fetch_offers(spec, key, catalogue, models, patience), status.result())


def _unusable(entries: Iterable[RosterEntry], failed: Mapping[str, EndpointError]) -> list[Problem]:
    models: dict[str, list[str]] = {name: [] for name in failed}
    for entry in entries:
        models.get(entry.endpoint, []).append(entry.model)
    return [Problem(", ".join(models[name]), "endpoint", str(error), stops=True) for name, error in failed.items()]


def _without_limit(panel: Panel, asked: Mapping[str, RosterEntry], left_usd: float | None) -> frozenset[str]:
    """Return the models whose first call a cap would refuse: paid for, with no limit to the length of an answer."""
    if left_usd is None:
        return frozenset()
    paid = [model for model, entry in asked.items() if panel.endpoints[entry.endpoint].flavor in COSTS_MONEY]
    return frozenset(model for model in paid if answer_limit(asked[model].settings) is None)
