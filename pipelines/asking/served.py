"""Who answered: the model and provider of a reply, by its own fields and by what OpenRouter's router says of it.

Source: OpenRouter, router metadata (experimental, August 2026): openrouter_metadata {requested, endpoints {available
[{model, provider, selected}]}, attempts [{model, provider, status}]}. Whatever is missing or odd reads as unknown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pipelines.asking.json_values import object_of, text_of


class Served(NamedTuple):
    """Model and provider that answered; None where nobody says."""

    model: str | None
    provider: str | None


def served(body: dict[str, Any]) -> Served:
    """Return who answered, or who failed last.

    The router's last attempt knows best: it is there after a fallback, which the chosen endpoint does not show.
    A model name that only repeats the request (an alias, an automatic choice) gives way to what was routed to.
    """
    router = object_of(body.get("openrouter_metadata"))
    tried, chosen = _last_attempt(router), _selected(router)
    named = text_of(body.get("model"))
    routed = text_of(tried.get("model")) or text_of(chosen.get("model"))
    is_echo = named is None or named == router.get("requested")
    return Served(
        (routed or named) if is_echo else named,
        text_of(tried.get("provider")) or text_of(body.get("provider")) or text_of(chosen.get("provider")),
    )


def _last_attempt(router: dict[str, Any]) -> dict[str, Any]:
    attempts = router.get("attempts")
    return object_of(attempts[-1]) if isinstance(attempts, list) and attempts else {}


def _selected(router: dict[str, Any]) -> dict[str, Any]:
    available = object_of(router.get("endpoints")).get("available")
    listed = [object_of(endpoint) for endpoint in available] if isinstance(available, list) else []
    return next((endpoint for endpoint in listed if endpoint.get("selected") is True), {})
