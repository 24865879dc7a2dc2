"""What a call costs at catalogue prices: at most (before it is sent) and in fact (after it came back).

Catalogues state prices as strings in USD a token. Conditional overrides (a long prompt, an hour of the day)
name only the prices that they change. Before a call nobody knows which will apply, so the dearest counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.panels.records import Message, Panel

TOKENS_AROUND_A_MESSAGE = 32
"""Upper bound for what a chat template adds to a message: role markers, names, line ends."""

TOKENS_OF_A_DECLARED_PRICE = 1_000_000

COSTS_MONEY = frozenset({"openrouter", "openai", "anthropic"})
"""Flavors whose answers are paid for."""

SELF_HOSTED = frozenset({"vllm", "ollama"})
"""Flavors whose answers cost nothing that anyone states: no budget holds them up, and their cost is null, never 0."""

TOKENS_AROUND_A_PROMPT = 64
"""Upper bound for what a chat template adds once: start markers, a default system prompt's frame."""


@dataclass(frozen=True, slots=True)
class Price:
    """USD per token (per request for `request_usd`). The `_most` fields hold the dearest that any condition allows."""

    prompt_usd: float
    completion_usd: float
    request_usd: float = 0.0
    cached_usd: float | None = None
    prompt_usd_most: float = 0.0
    completion_usd_most: float = 0.0
    request_usd_most: float = 0.0
    conditional: bool = False

    def most(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the highest cost in USD that a call of at most this many tokens can have."""
        return (
            max(self.prompt_usd, self.prompt_usd_most) * prompt_tokens
            + max(self.completion_usd, self.completion_usd_most) * completion_tokens
            + max(self.request_usd, self.request_usd_most)
        )

    def of(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float:
        """Return the cost in USD at base prices; tokens read from a prompt cache at their own price, if it is known."""
        cached = min(cached_tokens, prompt_tokens) if self.cached_usd is not None else 0
        return (
            self.prompt_usd * (prompt_tokens - cached)
            + (self.cached_usd or 0.0) * cached
            + self.completion_usd * completion_tokens
            + self.request_usd
        )


NO_CHARGE = Price(0.0, 0.0)
"""What a call to a self-hosted server takes from a budget."""


def amount(value: object) -> float | None:
    """Return a price or cost as a number; None for what is no finite number of at least 0 (-1 stands for "varies")."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def parse_price(pricing: object) -> Price | None:
    """Return the price that a catalogue entry's `pricing` states; None if prompt or completion price is unknown."""
    if not isinstance(pricing, dict):
        return None
    prompt, completion = amount(pricing.get("prompt")), amount(pricing.get("completion"))
    if prompt is None or completion is None:
        return None
    overrides = [entry for entry in _overrides(pricing) if entry]
    everywhere = [pricing, *overrides]
    return Price(
        prompt_usd=prompt,
        completion_usd=completion,
        request_usd=amount(pricing.get("request")) or 0.0,
        cached_usd=amount(pricing.get("input_cache_read")),
        prompt_usd_most=_dearest(everywhere, ("prompt", "input_cache_write", "input_cache_write_1h")),
        completion_usd_most=_dearest(everywhere, ("completion", "internal_reasoning")),
        request_usd_most=_dearest(everywhere, ("request",)),
        conditional=bool(overrides),
    )


def declared_prices(panel: Panel) -> dict[str, Price]:
    """Return the prices that the panel's roster declares, by model: for endpoints whose catalogue states none."""
    return {
        entry.model: Price(
            prompt_usd=entry.price.prompt_usd_per_million / TOKENS_OF_A_DECLARED_PRICE,
            completion_usd=entry.price.completion_usd_per_million / TOKENS_OF_A_DECLARED_PRICE,
        )
        for entry in panel.roster
        if entry.price is not None
    }


def unpriced(panel: Panel, prices: Mapping[str, Price]) -> list[str]:
    """Return the roster's models whose answers are paid for at a price that neither catalogue nor panel states."""
    return [
        entry.model
        for entry in panel.roster
        if panel.endpoints[entry.endpoint].flavor in COSTS_MONEY and entry.model not in prices
    ]


def _overrides(pricing: dict[str, Any]) -> list[dict[str, Any]]:
    listed = pricing.get("overrides")
    entries = listed.values() if isinstance(listed, dict) else listed if isinstance(listed, list) else ()
    found = [entry for entry in entries if isinstance(entry, dict)]
    return found + [entry["pricing"] for entry in found if isinstance(entry.get("pricing"), dict)]


def _dearest(entries: Iterable[dict[str, Any]], names: tuple[str, ...]) -> float:
    return max((price for e in entries for n in names if (price := amount(e.get(n))) is not None), default=0.0)


def most_prompt_tokens(messages: Iterable[Message]) -> int:
    """Return a bound that no tokenizer exceeds: one token a byte of UTF-8, plus what a chat template adds."""
    listed = list(messages)
    size = sum(len(message["content"].encode("utf-8", "replace")) for message in listed)
    return size + TOKENS_AROUND_A_MESSAGE * len(listed) + TOKENS_AROUND_A_PROMPT
