"""Who offers a model, in which quantization and at what price: GET {base}/models/{author}/{slug}/endpoints.

Source: OpenRouter, List all endpoints for a model (seen November 2026). Best effort: a model without such a page is
no error, for the catalogue has what asking needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from pipelines.asking.catalogue import Catalogue
from pipelines.asking.json_values import text_of
from pipelines.asking.pages import Pages, Patience, open_pages
from pipelines.asking.pricing import Price, parse_price
from pipelines.asking.redaction import shown
from pipelines.asking.retrying import RetryPolicy
from pipelines.panels.records import EndpointSpec

TIMEOUT_S = 15.0

RETRIES = RetryPolicy(max_attempts=2, max_seconds=20.0, longest_wait_s=5.0)
"""Less patience than for a catalogue, without which nothing can be asked."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One provider that serves a model; None where the page says nothing. `body` is its entry, redacted JSON."""

    provider: str
    body: str
    tag: str | None = None
    quantization: str | None = None
    context_length: int | None = None
    max_completion_tokens: int | None = None
    price: Price | None = None

    def is_named(self, name: str) -> bool:
        """Say whether a provider pin means this offer: by display name, tag, or tag without its variant."""
        tag = (self.tag or "").lower()
        return name.lower() in {self.provider.lower(), tag, tag.split("/")[0]} - {""}


@dataclass(frozen=True, slots=True)
class ModelOffers:
    """The offers for one model of the roster. `asked_as` is the slug whose page was read; fetched_at is UTC."""

    model: str
    asked_as: str
    fetched_at: datetime
    offers: tuple[Offer, ...]


def fetch_offers(
    spec: EndpointSpec,
    api_key: str | None,
    catalogue: Catalogue,
    models: Iterable[str],
    patience: Patience | None = None,
) -> dict[str, ModelOffers]:
    """Return the offers of each model that has a page of them, by model; none at endpoints other than OpenRouter."""
    if spec.flavor != "openrouter":
        return {}
    listed = {model: entry for model in models if (entry := catalogue.find(model)) is not None}
    slugs = {model: entry.alias_target or entry.slug for model, entry in listed.items()}
    paths = [f"/models/{quote(slug, safe='/~:')}/endpoints" for slug in slugs.values()]
    with open_pages(spec, api_key, TIMEOUT_S, replace(patience or Patience(), retries=RETRIES)) as pages:
        found = zip(slugs.items(), pages.get_each(paths), strict=True)
        return {model: _offers(pages, model, slug, page) for (model, slug), page in found if page is not None}


def offer_rows(
    spec: EndpointSpec, offered: Mapping[str, ModelOffers], wave_id: str, wave_date: date
) -> list[dict[str, Any]]:
    """Return the rows of raw.catalog_endpoints for a wave: one a model and offer."""
    return [
        {
            "wave_id": wave_id,
            "wave_date": wave_date,
            "endpoint": spec.name,
            "model": model,
            "asked_as": found.asked_as,
            "provider": offer.provider,
            "tag": offer.tag,
            "quantization": offer.quantization,
            "context_length": offer.context_length,
            "max_completion_tokens": offer.max_completion_tokens,
            "prompt_usd": offer.price.prompt_usd if offer.price else None,
            "completion_usd": offer.price.completion_usd if offer.price else None,
            "body": offer.body,
            "fetched_at": found.fetched_at,
        }
        for model, found in offered.items()
        for offer in found.offers
    ]


def _offers(pages: Pages, model: str, slug: str, page: Mapping[str, Any]) -> ModelOffers:
    data = page.get("data")
    listed = data.get("endpoints") if isinstance(data, dict) else None
    offers = [_offer(item, pages) for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return ModelOffers(model, slug, datetime.now(UTC), tuple(offer for offer in offers if offer is not None))


def _offer(item: dict[str, Any], pages: Pages) -> Offer | None:
    said = pages.redactor.fields(item)
    provider = text_of(said.get("provider_name"))
    if provider is None:
        return None
    return Offer(
        provider=provider,
        body=pages.redactor.text(shown(item)),
        tag=text_of(said.get("tag")),
        quantization=text_of(said.get("quantization")),
        context_length=_tokens(item.get("context_length")),
        max_completion_tokens=_tokens(item.get("max_completion_tokens")),
        price=parse_price(item.get("pricing")),
    )


def _tokens(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None
