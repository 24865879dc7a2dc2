"""Anthropic's own API: one question as a request to /messages, and its reply in the shape that the rest reads.

Only the shape differs. Outcomes, retries, lanes, money and the journal are those of every other endpoint.
Source: Anthropic API reference, messages, errors, stop reasons and fallback, models (August 2026).
"""

from __future__ import annotations

from typing import Any

from lake.errors import InputError
from pipelines.asking.chat_request import answer_limit, messages_of
from pipelines.asking.records import Question
from pipelines.panels.records import EndpointSpec
from pipelines.panels.settings import LENGTH_SETTINGS, RESERVED

PATH = "/messages"
MODELS_PATH = "/models?limit=1000"
"""All models in one page; the default page holds 20."""

VERSION = "2023-06-01"
INPUT_TOKENS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
"""The prompt is counted in three parts that do not overlap."""


def headers(api_key: str | None) -> dict[str, str]:
    """Return the headers that name the caller and the version of the interface."""
    return {"anthropic-version": VERSION} | ({"x-api-key": api_key} if api_key else {})


def messages_request(question: Question, spec: EndpointSpec) -> dict[str, Any]:
    """Return the request body for a question: the system prompt beside the turns, never among them, and no seed.

    Raises InputError without a limit on the answer's length, which this API demands, and where the roster entry
    sets a field that is not its to set.
    """
    settings, model = question.entry.settings, question.entry.model
    limit = answer_limit(settings)
    if limit is None:
        raise InputError(f"{model} needs `max_tokens` at {spec.name}. Add it to the model's settings in the panel.")
    if taken := RESERVED.intersection(settings):
        raise InputError(
            f"{model} sets {', '.join(sorted(taken))}, which driftlake sets itself. "
            "Take it out of the model's settings in the panel."
        )
    turns = messages_of(question)
    system = "\n\n".join(turn["content"] for turn in turns if turn["role"] == "system")
    return (
        {"model": model, "max_tokens": limit}
        | ({"system": system} if system else {})
        | {"messages": [turn for turn in turns if turn["role"] != "system"]}
        | {name: value for name, value in settings.items() if value is not None and name not in LENGTH_SETTINGS}
    )


def openai_shape(body: dict[str, Any]) -> dict[str, Any]:
    """Return a message in the shape of a chat completion; an error, or anything else, as it came.

    A stop_reason of refusal carries its explanation apart from the content: it becomes the message's refusal.
    """
    if body.get("type") != "message":
        return body
    details = body.get("stop_details")
    explanation = details.get("explanation") if isinstance(details, dict) else None
    message = {"content": _text_blocks(body.get("content")), "refusal": explanation}
    return {
        "id": body.get("id"),
        "model": body.get("model"),
        "choices": [{"message": message, "finish_reason": body.get("stop_reason")}],
        "usage": _usage(body.get("usage")),
    }


def served_by_fallback(body: object) -> bool:
    """Say whether another model took over, by the record of its attempts that the usage then holds."""
    usage = body.get("usage") if isinstance(body, dict) else None
    iterations = usage.get("iterations") if isinstance(usage, dict) else None
    listed = iterations if isinstance(iterations, list) else []
    return any(isinstance(one, dict) and one.get("type") == "fallback_message" for one in listed)


def _text_blocks(content: object) -> list[object]:
    """Return the blocks of text; thoughts and tools are no part of the answer."""
    listed = content if isinstance(content, list) else []
    return [block for block in listed if isinstance(block, dict) and block.get("type") == "text"]


def _usage(usage: object) -> dict[str, Any]:
    if not isinstance(usage, dict):
        return {}
    parts = [usage.get(name) for name in INPUT_TOKENS]
    counted = [part for part in parts if isinstance(part, int) and not isinstance(part, bool)]
    return {
        "prompt_tokens": sum(counted) if isinstance(parts[0], int) else None,
        "completion_tokens": usage.get("output_tokens"),
        "prompt_tokens_details": {"cached_tokens": usage.get("cache_read_input_tokens")},
    }
