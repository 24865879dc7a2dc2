"""What the judges of a panel would cost, from their endpoints' own pages. Asks no judge anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lake.errors import EndpointError
from pipelines.asking.bounds import bounded_by_offers
from pipelines.asking.catalogue import Catalogue, fetch_catalogue, prices
from pipelines.asking.offers import ModelOffers, fetch_offers
from pipelines.asking.pages import Patience
from pipelines.asking.records import Question
from pipelines.panels.records import EndpointSpec, Panel, RosterEntry

if TYPE_CHECKING:
    from pipelines.asking.forecast import Forecast
    from pipelines.asking.pricing import Price

KeyOf = Callable[[EndpointSpec], str | None]


def judges_ahead(
    panel: Panel, questions: Sequence[Question], catalogues: Mapping[str, Catalogue], key_of: KeyOf, patience: Patience
) -> Forecast:
    """Return what judging the answers to the questions would cost; nothing, at no request, for a panel without judges.

    `catalogues` are those that were read already. A judge whose endpoint cannot be read is unpriced: its trouble
    withholds its rates and never the night.
    """
    from pipelines.enrichment.judging_forecast import judging_forecast

    return judging_forecast(panel, questions, judge_prices(panel, catalogues, key_of, patience))


def judge_prices(
    panel: Panel, catalogues: Mapping[str, Catalogue], key_of: KeyOf, patience: Patience
) -> dict[str, Price]:
    """Return the prices of a panel's judges by model; a judge whose endpoint cannot be read has none."""
    roster = tuple(
        RosterEntry(judge.model, judge.endpoint, settings=judge.settings, price=judge.price) for judge in panel.judges
    )
    judges = replace(panel, roster=roster)
    read: dict[str, Catalogue] = {}
    offers: dict[str, ModelOffers] = {}
    for name in {judge.endpoint: None for judge in panel.judges}:
        spec, models = panel.endpoints[name], [judge.model for judge in panel.judges if judge.endpoint == name]
        try:
            key = key_of(spec)
            read[name] = catalogues.get(name) or fetch_catalogue(spec, key, patience)
            offers |= fetch_offers(spec, key, read[name], models, patience)
        except EndpointError as error:
            patience.notice(f"The judges at {name} cannot be priced: {error}")
    return bounded_by_offers(prices(judges, read), offers, judges)
