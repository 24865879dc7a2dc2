"""The most a call can cost at the providers it may be routed to: the catalogue states one price, and they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.asking.chat_request import provider_pin
from pipelines.asking.offers import ModelOffers, Offer
from pipelines.asking.pricing import Price
from pipelines.panels.records import Panel, RosterEntry


def bounded_by_offers(prices: Mapping[str, Price], offers: Mapping[str, ModelOffers], panel: Panel) -> dict[str, Price]:
    """Return the prices with their upper bounds raised to the dearest provider that may answer; base prices stay.

    A model without a page of offers keeps the bound of the catalogue.
    """
    entries = {entry.model: entry for entry in panel.roster}
    return {
        model: _raised(price, allowed(entries[model], offers[model].offers)) if model in offers else price
        for model, price in prices.items()
    }


def allowed(entry: RosterEntry, offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
    """Return the offers that a roster entry may be routed to: those it pins, else all."""
    pin = provider_pin(entry.settings.get("provider")) or {}
    names = [*(pin.get("only") or ()), *((pin.get("order") or ()) if pin.get("allow_fallbacks") is False else ())]
    pinned = tuple(offer for offer in offers if any(offer.is_named(str(name)) for name in names))
    return pinned or offers


def max_price(price: Price) -> dict[str, float]:
    """Return OpenRouter's `provider.max_price` for a price: no provider dearer than what is reserved may answer.

    USD per million tokens. Source: OpenRouter, provider routing (seen November 2026).
    """
    dearest = {
        "prompt": max(price.prompt_usd, price.prompt_usd_most),
        "completion": max(price.completion_usd, price.completion_usd_most),
    }
    return {name: round(usd * 1e6, 9) for name, usd in dearest.items()}


def _raised(price: Price, offers: tuple[Offer, ...]) -> Price:
    others = [offer.price for offer in offers if offer.price is not None]
    most: dict[str, Any] = {
        f"{name}_most": max(
            value for each in (price, *others) for value in (getattr(each, name), getattr(each, f"{name}_most"))
        )
        for name in ("prompt_usd", "completion_usd", "request_usd")
    }
    return replace(price, **most)
