"""Request settings that a panel may not make, found when the panel is loaded and not after the first request.

Everything else is sent as it stands: an endpoint that refuses a setting says so better than a list here could.
Source: OpenRouter (provider routing, plugins), Anthropic (messages) and Ollama (context length), seen August 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

LENGTH_SETTINGS = ("max_tokens", "max_completion_tokens")

RESERVED: frozenset[str] = frozenset(
    {
        "model", "messages", "system", "stream", "stream_options", "n", "usage", "transforms", "plugins",
        "models", "route", "preset", "fallback", "fallbacks",
    }
)  # fmt: skip
"""Settings that would change what a cell is: one request, one answer, one model, and the prompt as it is written."""

PINS = ("order", "only")
ROUTING = frozenset(
    {
        "order", "only", "ignore", "allow_fallbacks", "require_parameters", "data_collection", "zdr",
        "quantizations", "sort", "max_price", "enforce_distillable_text", "preferred_min_throughput",
        "preferred_max_latency",
    }
)  # fmt: skip
"""The keys of OpenRouter's `provider`."""


class Refusal(NamedTuple):
    """One setting that cannot be sent: its name, what is wrong with it, and what to do."""

    setting: str
    problem: str
    remedy: str


def refusal(settings: Mapping[str, Any], flavor: str | None) -> Refusal | None:
    """Return the first thing that is wrong with the settings of a model, or None. `settings` are resolved."""
    for rule in (_reserved, _lengths, FLAVOR_RULES.get(flavor or "", _no_provider)):
        if (found := next(rule(settings), None)) is not None:
            return found
    return None


def _reserved(settings: Mapping[str, Any]) -> Iterator[Refusal]:
    for name in sorted(RESERVED.intersection(settings)):
        yield Refusal(name, f"`{name}` is set by driftlake itself.", "Take it out of the settings.")


def _lengths(settings: Mapping[str, Any]) -> Iterator[Refusal]:
    for name in LENGTH_SETTINGS:
        value = settings.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            yield Refusal(name, f"`{name}` is {value!r}.", "Give the most tokens of an answer, a whole number above 0.")


def _no_provider(settings: Mapping[str, Any]) -> Iterator[Refusal]:
    if settings.get("provider") is not None:
        remedy = "Remove it, or set `flavor: openrouter` on the endpoint."
        yield Refusal("provider", "`provider` pins a provider of OpenRouter, and this endpoint is none.", remedy)


def _openrouter(settings: Mapping[str, Any]) -> Iterator[Refusal]:
    provider = settings.get("provider")
    if provider is None:
        return
    if isinstance(provider, str) or (isinstance(provider, list) and all(isinstance(name, str) for name in provider)):
        if not provider:
            yield Refusal("provider", "`provider` is empty.", "Name a provider, or remove it.")
        return
    if not isinstance(provider, dict):
        remedy = "Write a name, a list of names, or OpenRouter's keys such as {order: [OpenAI]}."
        yield Refusal("provider", f"`provider` is {provider!r}.", remedy)
        return
    yield from _contradictions(provider)


def _contradictions(provider: Mapping[str, Any]) -> Iterator[Refusal]:
    """Yield what makes a pin none: a provider that was not pinned could answer all the same."""
    if unknown := sorted(set(provider) - ROUTING):
        yield Refusal("provider", f"`provider` has an unknown key {unknown[0]!r}.", f"Known: {', '.join(ROUTING)}.")
    pinned = [name for name in PINS if provider.get(name)]
    if pinned and provider.get("allow_fallbacks"):
        problem = f"`provider` pins by `{pinned[0]}` and allows fallbacks: any provider could answer."
        yield Refusal("provider", problem, "Remove `allow_fallbacks`, or the pin.")
    if provider.get("order") and provider.get("sort"):
        yield Refusal("provider", "`provider` has both `order` and `sort`.", "Keep `order`: a sorted choice moves.")
    listed = {name: {str(one).lower() for one in _names(provider.get(name))} for name in (*PINS, "ignore")}
    if both := sorted((listed["order"] | listed["only"]) & listed["ignore"]):
        yield Refusal("provider", f"`provider` pins and ignores {both[0]!r}.", "Remove it from one of the two.")
    if listed["only"] and (outside := sorted(listed["order"] - listed["only"])):
        yield Refusal("provider", f"`provider` orders {outside[0]!r}, which `only` excludes.", "Add it to `only`.")


def _names(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value] if value else []


def _anthropic(settings: Mapping[str, Any]) -> Iterator[Refusal]:
    if not any(settings.get(name) for name in LENGTH_SETTINGS):
        yield Refusal("max_tokens", "Anthropic answers no request without `max_tokens`.", "Add `max_tokens: 1024`.")
    if settings.get("seed") is not None:
        yield Refusal("seed", "Anthropic takes no `seed`.", "Remove it: the answers of this model cannot be repeated.")
    yield from _no_provider(settings)


def _ollama(settings: Mapping[str, Any]) -> Iterator[Refusal]:
    for name in ("options", "num_ctx"):
        if settings.get(name) is not None:
            remedy = "Set OLLAMA_CONTEXT_LENGTH where the server starts, or `PARAMETER num_ctx` in a Modelfile."
            yield Refusal(name, f"Ollama ignores `{name}` at /v1/chat/completions without a word.", remedy)
    yield from _no_provider(settings)


FLAVOR_RULES: dict[str, Callable[[Mapping[str, Any]], Iterator[Refusal]]] = {
    "openrouter": _openrouter,
    "anthropic": _anthropic,
    "ollama": _ollama,
}
