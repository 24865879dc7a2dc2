"""From a response to a typed outcome. Nothing here raises on what a server sent: every body has a reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from pipelines.asking.error_classes import ACTIONS, ADVICE, DECLINES, Action, class_of_status, classify
from pipelines.asking.json_values import count_of, object_of, text_of
from pipelines.asking.pricing import amount
from pipelines.asking.records import Outcome
from pipelines.asking.redaction import shown
from pipelines.asking.retry_hints import wait_asked, wait_asked_in_body
from pipelines.asking.served import served
from pipelines.asking.shortening import shortened, without_last_word

Charged = Literal["yes", "no", "unknown"]

FINISH_REASONS: dict[str, str] = {
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "safety": "content_filter",
    "refusal": "content_filter",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "abort": "error",
}
"""Words of single servers (lower case) for the reasons of the OpenAI interface; the word itself is kept beside."""

ID_HEADERS = ("x-generation-id", "request-id", "x-request-id")
"""Where a server names a reply whose body does not."""

Translate = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns a body of another shape into that of OpenAI's interface."""

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

    `charged` is "unknown" where the call may have cost something that nobody reported. `at_list_price` is False
    where another model or tier served than was asked, so that catalogue prices say nothing of the cost.
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
    at_list_price: bool = True


def read(reply: Reply, now: datetime, translate: Translate | None = None) -> Reading:
    """Return the reading of a reply; `now` is needed where the server names a time of day to come back at."""
    headers = reply.headers or {}
    text, valid = _decoded(reply.body)
    if reply.problem is not None:
        charged: Charged = "no" if reply.problem == "unreachable" else "unknown"
        body = without_last_word(text) if text and reply.problem == "body_too_large" else text
        return replace(failed(reply.problem, reply.detail or reply.problem, charged), body=body)
    status = reply.status or 0
    parsed = _parsed(text)
    if not isinstance(parsed, dict):
        reading = _unreadable(status, headers, text)
    else:
        reading = _read_object(status, translate(parsed) if translate else parsed, now)
        if not valid and reading.action == "settle":
            reading = replace(failed("invalid_utf8", "The body is not valid UTF-8."), cost_usd=reading.cost_usd)
        reading = replace(reading, parsed=parsed)
    cache_status = _cache_status(headers)
    if cache_status == "HIT" and reading.action == "settle":
        reading = from_cache(reading)
    asked = wait_asked(headers, now) if reading.action == "retry" else None
    return replace(
        reading,
        body=text,
        cache_status=cache_status,
        response_id=reading.response_id or next((headers[name] for name in ID_HEADERS if headers.get(name)), None),
        retry_after_s=asked if asked is not None else reading.retry_after_s,
    )


def from_cache(reading: Reading) -> Reading:
    """Return what a reply out of a cache is: no observation of the model, to be asked again."""
    failure = failed("cache_hit", "The answer came from a cache, not from the model.", "no")
    return rejected(reading, failure)


def rejected(reading: Reading, failure: Reading) -> Reading:
    """Return an answer as a failure: who served it and what it cost stay; its text is left in the body alone."""
    return replace(
        reading,
        outcome=failure.outcome,
        action=failure.action,
        error_class=failure.error_class,
        error_message=failure.error_message,
        charged=failure.charged,
        response_text=None,
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


def failed(error_class: str, message: str, charged: Charged = "unknown") -> Reading:
    """Return the reading of a failure of a known class, with what the user can do about it."""
    if (advice := ADVICE.get(error_class)) is not None:
        message = f"{message.rstrip('. ')}. {advice}"
    outcome: Outcome = "declined" if error_class in DECLINES else "error"
    return Reading(
        outcome=outcome,
        action=ACTIONS[error_class],
        error_class=error_class,
        error_message=shortened(message, MESSAGE_LIMIT),
        charged=charged,
    )


def _unreadable(status: int, headers: Mapping[str, str], text: str | None) -> Reading:
    kind = headers.get("content-type", "no content type")
    if not 200 <= status < 300:
        error_class = "wrong_address" if status == 404 else class_of_status(status)
        return failed(error_class, f"HTTP {status} with {kind}: {shortened((text or '').strip(), 200)}", "no")
    if "json" not in kind.lower():
        return failed("wrong_content_type", f"HTTP {status} with {kind} where JSON was expected.")
    return failed("malformed_json", f"HTTP {status} with a body that is no JSON object.")


def _read_object(status: int, body: dict[str, Any], now: datetime) -> Reading:
    error = body.get("error")
    if status == 404 and error is None and "detail" in body:
        return failed("wrong_address", f"HTTP 404: {shown(body['detail'])}", "no")
    if error is None and not 200 <= status < 300:
        error = body
    reading = _read_error(status, error, body, now, "no") if error else _read_choices(status, body, now)
    usage, who = object_of(body.get("usage")), served(body)
    return replace(
        reading,
        model_served=who.model,
        provider_served=reading.provider_served or who.provider,
        system_fingerprint=text_of(body.get("system_fingerprint")),
        response_id=text_of(body.get("id")) or text_of(body.get("request_id")),
        prompt_tokens=count_of(usage.get("prompt_tokens")),
        completion_tokens=count_of(usage.get("completion_tokens")),
        cached_tokens=count_of(object_of(usage.get("prompt_tokens_details")).get("cached_tokens")),
        cost_usd=amount(usage.get("cost")) if not isinstance(usage.get("cost"), str) else None,
    )


def _read_choices(status: int, body: dict[str, Any], now: datetime) -> Reading:
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    if choice is None:
        return failed("no_choices", f"HTTP {status} without a choice (choices: {shortened(shown(choices), 80)}).")
    finish, native = _finish(choice)
    if choice.get("error") or finish == "error":
        reading = _read_error(
            status, choice.get("error") or "The provider failed while answering.", body, now, "unknown"
        )
    else:
        reading = _read_message(choice.get("message"), finish, native)
    return replace(reading, finish_reason=finish, native_finish_reason=native)


def _read_message(message: object, finish: str | None, native: str | None) -> Reading:
    content = object_of(message)
    text = _content(content.get("content"))
    refusal = text_of(content.get("refusal"))
    if finish == "content_filter" and (native or "").lower() == "refusal":
        return replace(failed("refusal", refusal or "The model refused."), response_text=text or refusal)
    if finish == "content_filter":
        return replace(failed("content_filter", "A content filter ended the answer."), response_text=text or refusal)
    if refusal and not text:
        return replace(failed("refusal", refusal), response_text=refusal)
    outcome: Outcome = "truncated" if finish == "length" else "ok" if text and text.strip() else "empty"
    return Reading(outcome=outcome, action="settle", response_text=text, charged="yes")


def _read_error(status: int, error: object, body: dict[str, Any], now: datetime, charged: Charged) -> Reading:
    details = error if isinstance(error, dict) else {"message": str(error)}
    metadata = object_of(details.get("metadata"))
    availability = object_of(body.get("availability")) or object_of(
        details.get("availability") or metadata.get("availability")
    )
    message = text_of(details.get("message")) or shortened(shown(details), 200)
    candidates = (availability.get("code"), metadata.get("error_type"), details.get("error_type"))
    words = [word for word in (*candidates, details.get("type"), details.get("code")) if isinstance(word, str)]
    error_class = classify(
        status if status >= 300 else _status_in(details.get("code")),
        words,
        message,
        is_moderation="flagged_input" in metadata or "reasons" in metadata,
        is_upstream="provider_name" in metadata,
    )
    reading = failed(error_class, message, charged)
    return replace(
        reading,
        action=_with_availability(reading.action, availability.get("retryable")),
        retry_after_s=wait_asked_in_body(details, availability, now),
        provider_served=text_of(metadata.get("provider_name")),
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
    said = text_of(choice.get("finish_reason"))
    stop_reason = choice.get("stop_reason")
    native = text_of(choice.get("native_finish_reason")) or (None if stop_reason is None else str(stop_reason))
    finish = said and FINISH_REASONS.get(said.lower(), said)
    return finish, native or (said if said != finish else None)


def _content(content: object) -> str | None:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _cache_status(headers: Mapping[str, str]) -> str | None:
    said = headers.get("x-openrouter-cache-status", "").strip().upper()
    return said if said in {"HIT", "MISS"} else None
