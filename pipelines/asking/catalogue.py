"""The endpoint's catalogue as of now: which models it has, what they cost and how long they stay.

Source: GET {base}/models of OpenRouter; other servers answer /models with less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pipelines.asking.dialects import dialect_of
from pipelines.asking.json_values import text_of
from pipelines.asking.pages import Patience, open_pages
from pipelines.asking.pricing import Price, declared_prices, parse_price
from pipelines.asking.redaction import Redactor, shown
from pipelines.panels.records import EndpointSpec, Panel

CONTEXT_NAMES = ("context_length", "max_model_len", "max_input_tokens")
"""The same fact as OpenRouter, vLLM and Anthropic name it."""


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One entry of a catalogue; None where it says nothing. `body` is the entry as received, JSON."""

    slug: str
    body: str
    canonical_slug: str | None = None
    alias_target: str | None = None
    context_length: int | None = None
    expiration_date: str | None = None
    supported_parameters: frozenset[str] | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All models of one endpoint by slug, and when they were listed (UTC)."""

    endpoint: str
    fetched_at: datetime
    models: Mapping[str, CatalogueModel]

    def find(self, model: str) -> CatalogueModel | None:
        """Return the entry for a model as the roster names it; by its permanent name if no slug fits."""
        if model in self.models:
            return self.models[model]
        return next((entry for entry in self.models.values() if entry.canonical_slug == model), None)


def fetch_catalogues(panel: Panel, key_of: Callable[[EndpointSpec], str | None]) -> dict[str, Catalogue]:
    """Return the catalogue of each OpenAI-compatible endpoint that the roster uses, by endpoint name.

    A panel that only has checkpoints makes no connection at all.
    """
    used = {entry.endpoint for entry in panel.roster}
    specs = [s for s in panel.endpoints.values() if s.name in used and s.kind == "openai_compatible"]
    return {spec.name: fetch_catalogue(spec, key_of(spec)) for spec in specs}


def fetch_catalogue(spec: EndpointSpec, api_key: str | None, patience: Patience | None = None) -> Catalogue:
    """Return the catalogue of one endpoint; raise EndpointError where it cannot be had."""
    with open_pages(spec, api_key, patience=patience) as pages:
        listed = pages.get(dialect_of(spec).models_path).get("data")
    return Catalogue(spec.name, datetime.now(UTC), _by_slug(listed, pages.redactor))


def kept_catalogue(endpoint: str, rows: Sequence[Mapping[str, Any]]) -> Catalogue | None:
    """Return the catalogue that rows of raw.catalog_models hold, as of when it was fetched; None without rows.

    It lists the models of that wave's roster only. `fetched_at` may be ISO text, as JSON keeps it.
    """
    if not rows:
        return None
    models = _by_slug([_object(row["body"]) for row in rows], Redactor())
    return Catalogue(endpoint, datetime.fromisoformat(str(rows[0]["fetched_at"])), models)


def prices(panel: Panel, catalogues: Mapping[str, Catalogue]) -> dict[str, Price]:
    """Return the price of each roster model that has a known one: its catalogue's, else what the panel declares."""
    found = {e.model: c.find(e.model) for e in panel.roster if (c := catalogues.get(e.endpoint)) is not None}
    listed = {model: entry.price for model, entry in found.items() if entry is not None and entry.price is not None}
    return declared_prices(panel) | listed


def catalogue_rows(
    panel: Panel, catalogues: Mapping[str, Catalogue], wave_id: str, wave_date: date
) -> list[dict[str, Any]]:
    """Return the rows of raw.catalog_models for a wave: one a roster model that its endpoint's catalogue lists."""
    rows = []
    for roster_entry in panel.roster:
        catalogue = catalogues.get(roster_entry.endpoint)
        listed = catalogue.find(roster_entry.model) if catalogue else None
        if catalogue is None or listed is None:
            continue
        rows.append(
            {
                "wave_id": wave_id,
                "wave_date": wave_date,
                "endpoint": catalogue.endpoint,
                "model": roster_entry.model,
                "canonical_slug": listed.canonical_slug,
                "context_length": listed.context_length,
                "prompt_usd": listed.price.prompt_usd if listed.price else None,
                "completion_usd": listed.price.completion_usd if listed.price else None,
                "expiration_date": listed.expiration_date,
                "body": listed.body,
                "fetched_at": catalogue.fetched_at,
            }
        )
    return rows


def _by_slug(listed: object, redactor: Redactor) -> dict[str, CatalogueModel]:
    items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return {entry.slug: entry for item in items if (entry := _entry(item, redactor)) is not None}


def _object(body: str) -> object:
    try:
        return json.loads(body)
    except ValueError:  # what could not be shown was kept as a note
        return None


def _entry(item: dict[str, Any], redactor: Redactor) -> CatalogueModel | None:
    said = redactor.fields(item)
    slug, parameters = item.get("id"), item.get("supported_parameters")
    context = next((item[name] for name in CONTEXT_NAMES if isinstance(item.get(name), int)), None)
    if not isinstance(slug, str) or not slug:
        return None
    return CatalogueModel(
        slug=slug,
        body=redactor.text(shown(item)),
        canonical_slug=text_of(said.get("canonical_slug")),
        alias_target=text_of(said.get("alias_target")),
        context_length=context if context is not None and context > 0 else None,
        expiration_date=text_of(said.get("expiration_date")),
        supported_parameters=frozenset(map(str, parameters)) if isinstance(parameters, list) else None,
        price=parse_price(item.get("pricing")),
    )
