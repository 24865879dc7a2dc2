"""From a response to a typed outcome. Nothing here raises on what a server sent: every body has a reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from pipelines.asking.error_classes import ACTIONS, DECLINES, Action, class_of_status, classify
from pipelines.asking.pricing import amount
from pipelines.asking.records import Outcome
from pipelines.asking.redaction import shown
from pipelines.asking.retry_hints import wait_asked, wait_asked_in_body

Charged = Literal["yes", "no", "unknown"]

FINISH_REASONS: dict[str, str] = {
    "max_tokens": "length",
    "max_output_tokens": "length",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "safety": "content_filter",
    "refusal": "content_filter",
    "function_call": "tool_calls",
}
"""Words of single servers (lower case) for the reasons of the OpenAI interface; the word itself is kept beside."""

MOST_TOKENS = 2**53
MESSAGE_LIMIT = 2_000
"""Characters of an error message that are kept; the body keeps the rest."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came over the wire. `problem` is the class of what went wrong on the way, with `detail` in words.

    `headers` have lower-case names. `body` is None where none arrived. `status` is None without a response.
    """

    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: bytes | None = None
    problem: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply means: the fields of an Attempt that come from the response, and what to do next.

    `charged` is "unknown" where the call may have cost something that nobody reported.
    """

    outcome: Outcome
    action: Action
    error_class: str | None = None
    error_message: str | None = None
    retry_after_s: float | None = None
    charged: Charged = "unknown"
    body: str | None = None
    parsed: object = None
    model_served: str | None = None
    provider_served: str | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    response_text: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    system_fingerprint: str | None = None
    response_id: str | None = None
    cache_status: str | None = None


def read(reply: Reply, now: datetime) -> Reading:
    """Return the reading of a reply; `now` is needed where the server names a time of day to come back at."""
    headers = reply.headers or {}
    text, valid = _decoded(reply.body)
    if reply.problem is not None:
        charged: Charged = "no" if reply.problem == "unreachable" else "unknown"
        return replace(_failure(reply.problem, reply.detail or reply.problem, charged), body=text)
    status = reply.status or 0
    parsed = _parsed(text)
    if not isinstance(parsed, dict):
        reading = _unreadable(status, headers, text)
    else:
        reading = _read_object(status, parsed, now)
        if not valid and reading.action == "settle":
            reading = replace(_failure("invalid_utf8", "The body is not valid UTF-8."), cost_usd=reading.cost_usd)
        reading = replace(reading, parsed=parsed)
    asked = wait_asked(headers, now) if reading.action == "retry" else None
    return replace(
        reading,
        body=text,
        cache_status=_cache_status(headers),
        retry_after_s=asked if asked is not None else reading.retry_after_s,
    )


def _decoded(body: bytes | None) -> tuple[str | None, bool]:
    if body is None:
        return None, True
    try:
        return body.decode(), True
    except UnicodeDecodeError:
        return body.decode(errors="replace"), False


def _parsed(text: str | None) -> object:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _failure(error_class: str, message: str, charged: Charged = "unknown") -> Reading:
    outcome: Outcome = "declined" if error_class in DECLINES else "error"
    return Reading(
        outcome=outcome,
        action=ACTIONS[error_class],
        error_class=error_class,
        error_message=message[:MESSAGE_LIMIT],
        charged=charged,
    )


def _unreadable(status: int, headers: Mapping[str, str], text: str | None) -> Reading:
    kind = headers.get("content-type", "no content type")
    if not 200 <= status < 300:
        error_class = "wrong_address" if status == 404 else class_of_status(status)
        return _failure(error_class, f"HTTP {status} with {kind}: {(text or '').strip()[:200]}", "no")
    if "json" not in kind.lower():
        return _failure("wrong_content_type", f"HTTP {status} with {kind} where JSON was expected.")
    return _failure("malformed_json", f"HTTP {status} with a body that is no JSON object.")


def _read_object(status: int, body: dict[str, Any], now: datetime) -> Reading:
    error = body.get("error")
    if status == 404 and error is None and "detail" in body:
        return _failure("wrong_address", f"HTTP 404: {shown(body['detail'])}", "no")
    if error is None and not 200 <= status < 300:
        error = body
    reading = _read_error(status, error, body, now, "no") if error else _read_choices(status, body, now)
    usage = _object(body.get("usage"))
    return replace(
        reading,
        model_served=_text(body.get("model")),
        provider_served=_text(body.get("provider")) or _router_provider(body) or reading.provider_served,
        system_fingerprint=_text(body.get("system_fingerprint")),
        response_id=_text(body.get("id")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_count(_object(usage.get("prompt_tokens_details")).get("cached_tokens")),
        cost_usd=amount(usage.get("cost")) if not isinstance(usage.get("cost"), str) else None,
    )


def _read_choices(status: int, body: dict[str, Any], now: datetime) -> Reading:
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    if choice is None:
        return _failure("no_choices", f"HTTP {status} without a choice (choices: {shown(choices)[:80]}).")
    finish, native = _finish(choice)
    if choice.get("error") or finish == "error":
        reading = _read_error(
            status, choice.get("error") or "The provider failed while answering.", body, now, "unknown"
        )
    else:
        reading = _read_message(choice.get("message"), finish)
    return replace(reading, finish_reason=finish, native_finish_reason=native)


def _read_message(message: object, finish: str | None) -> Reading:
    content = _object(message)
    text = _content(content.get("content"))
    refusal = _text(content.get("refusal"))
    if finish == "content_filter":
        return replace(_failure("content_filter", "A content filter ended the answer."), response_text=text or refusal)
    if refusal and not text:
        return replace(_failure("refusal", refusal), response_text=refusal)
    outcome: Outcome = "truncated" if finish == "length" else "ok" if text and text.strip() else "empty"
    return Reading(outcome=outcome, action="settle", response_text=text, charged="yes")


def _read_error(status: int, error: object, body: dict[str, Any], now: datetime, charged: Charged) -> Reading:
    details = error if isinstance(error, dict) else {"message": str(error)}
    metadata = _object(details.get("metadata"))
    availability = _object(body.get("availability")) or _object(
        details.get("availability") or metadata.get("availability")
    )
    message = _text(details.get("message")) or shown(details)[:200]
    candidates = (availability.get("code"), metadata.get("error_type"), details.get("error_type"))
    words = [word for word in (*candidates, details.get("type"), details.get("code")) if isinstance(word, str)]
    error_class = classify(
        status if status >= 300 else _status_in(details.get("code")),
        words,
        message,
        "flagged_input" in metadata or "reasons" in metadata,
    )
    reading = _failure(error_class, message, charged)
    return replace(
        reading,
        action=_with_availability(reading.action, availability.get("retryable")),
        retry_after_s=wait_asked_in_body(details, availability, now),
        provider_served=_text(metadata.get("provider_name")),
    )


def _with_availability(action: Action, retryable: object) -> Action:
    if action == "retry" and retryable is False:
        return "give_up"
    return "retry" if action == "give_up" and retryable is True else action


def _status_in(code: object) -> int | None:
    if isinstance(code, str) and code.isascii() and code.isdigit():
        code = int(code[:4])
    return code if isinstance(code, int) and not isinstance(code, bool) and 300 <= code < 600 else None


def _finish(choice: dict[str, Any]) -> tuple[str | None, str | None]:
    said = _text(choice.get("finish_reason"))
    stop_reason = choice.get("stop_reason")
    native = _text(choice.get("native_finish_reason")) or (None if stop_reason is None else str(stop_reason))
    finish = said and FINISH_REASONS.get(said.lower(), said)
    return finish, native or (said if said != finish else None)


def _content(content: object) -> str | None:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _router_provider(body: dict[str, Any]) -> str | None:
    endpoints = _object(_object(body.get("openrouter_metadata")).get("endpoints")).get("available")
    for endpoint in endpoints if isinstance(endpoints, list) else ():
        if isinstance(endpoint, dict) and endpoint.get("selected") is True:
            return _text(endpoint.get("provider"))
    return None


def _cache_status(headers: Mapping[str, str]) -> str | None:
    said = headers.get("x-openrouter-cache-status", "").strip().upper()
    return said if said in {"HIT", "MISS"} else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS
    return value if is_count and isinstance(value, int) else None
