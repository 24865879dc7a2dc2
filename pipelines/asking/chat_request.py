"""Builds the body of one chat completion, in the dialect of the endpoint that is asked.

Every setting that is not one of ours is sent as it stands: what we chose is part of the configuration
(config_sha), and an endpoint that refuses a setting says so better than a list here could.
"""

from __future__ import annotations

from typing import Any

from lake.errors import InputError
from pipelines.asking.records import Question
from pipelines.panels.records import EndpointSpec, Message
from pipelines.panels.settings import LENGTH_SETTINGS, RESERVED

LENGTH_NAME: dict[str, str] = {"openai": "max_completion_tokens", "vllm": "max_tokens", "ollama": "max_tokens"}
"""The one name that a flavor takes; the others take either, as the panel writes it."""

NO_COMPRESSION: dict[str, Any] = {
    "transforms": [],
    "plugins": [{"id": "context-compression", "enabled": False}],
}
"""Switches off that OpenRouter cuts the middle out of long prompts, which it does by default at endpoints with
little context: by the plugin's name of today, and by the older parameter."""

OPENROUTER_HEADERS: dict[str, str] = {"X-OpenRouter-Metadata": "enabled", "X-OpenRouter-Cache": "false"}
"""Routing evidence on, response cache off: a cached reply is no observation of the model."""


def chat_request(question: Question, spec: EndpointSpec) -> dict[str, Any]:
    """Return the request body for a question.

    Raises InputError when the roster entry sets a field that is not its to set.
    """
    entry = question.entry
    if taken := RESERVED.intersection(entry.settings):
        raise InputError(
            f"{entry.model} sets {', '.join(sorted(taken))}, which driftlake sets itself. "
            "Take it out of the model's settings in the panel."
        )
    body: dict[str, Any] = {"model": entry.model, "messages": messages_of(question)}
    body |= {name: value for name, value in entry.settings.items() if value is not None and name != "provider"}
    if "seed" not in entry.settings:
        body["seed"] = question.cell.seed
    if (wanted := LENGTH_NAME.get(spec.flavor or "")) and (length := answer_limit(entry.settings)) is not None:
        body = {name: value for name, value in body.items() if name not in LENGTH_SETTINGS} | {wanted: length}
    if spec.flavor == "openrouter":
        body |= NO_COMPRESSION | {"usage": {"include": True}}
        if pin := provider_pin(entry.settings.get("provider")):
            body["provider"] = pin
    return body


def messages_of(question: Question) -> list[Message]:
    """Return the conversation as sent: the system prompt first if there is one."""
    system = question.entry.system_prompt
    head: list[Message] = [] if system is None else [{"role": "system", "content": system}]
    return [*head, *question.prompt.messages]


def answer_limit(settings: dict[str, Any]) -> int | None:
    """Return the most tokens an answer may have; None where the settings do not say."""
    limits = [settings[name] for name in LENGTH_SETTINGS if isinstance(settings.get(name), int)]
    return max(limits, default=None)


def provider_pin(provider: object) -> dict[str, Any] | None:
    """Return OpenRouter's `provider` field: a name or a list pins the order, without fallbacks.

    A mapping is sent as it stands; if it pins providers and says nothing of fallbacks, there are none.
    """
    if isinstance(provider, str):
        return {"order": [provider], "allow_fallbacks": False}
    if isinstance(provider, (list, tuple)) and provider:
        return {"order": list(provider), "allow_fallbacks": False}
    if isinstance(provider, dict) and provider:
        pinned = "order" in provider or "only" in provider
        return ({"allow_fallbacks": False} if pinned else {}) | provider
    return None
