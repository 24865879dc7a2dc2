"""Every class of error that an endpoint can give, and what to do after it.

Source: OpenRouter's published error reference (August 2026), and what OpenAI, Anthropic, vLLM and Ollama send.
"""

from __future__ import annotations

import re
from typing import Literal

Action = Literal["settle", "retry", "give_up", "drop_model", "stop_key", "stop_credit", "stop_address"]
"""settle: an answer or a decline, nothing more to do. retry: may succeed later. give_up: this cell fails.
drop_model: no cell of this model can succeed. stop_*: nothing can be asked: key, money, address."""

BY_STATUS: dict[int, str] = {
    400: "bad_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "model_not_found",
    408: "request_timeout",
    409: "conflict",
    413: "payload_too_large",
    422: "unprocessable",
    425: "too_early",
    429: "rate_limited",
    500: "server_error",
    502: "bad_gateway",
    503: "unavailable",
    504: "gateway_timeout",
    524: "gateway_timeout",
    529: "overloaded",
}

ACTIONS: dict[str, Action] = {
    "bad_request": "give_up",
    "unauthorized": "stop_key",
    "payment_required": "stop_credit",
    "spend_limit": "stop_credit",
    "forbidden": "give_up",
    "wrong_address": "stop_address",
    "model_not_found": "drop_model",
    "model_deprecated": "drop_model",
    "free_variant_ended": "drop_model",
    "constraint_filtered": "drop_model",
    "payload_too_large": "give_up",
    "context_length_exceeded": "give_up",
    "unprocessable": "give_up",
    "redirected": "give_up",
    "unexpected_status": "give_up",
    "body_too_large": "give_up",
    "request_timeout": "retry",
    "conflict": "retry",
    "too_early": "retry",
    "rate_limited": "retry",
    "server_error": "retry",
    "bad_gateway": "retry",
    "unavailable": "retry",
    "gateway_timeout": "retry",
    "overloaded": "retry",
    "capacity_exhausted": "retry",
    "temporarily_unavailable": "retry",
    "provider_error": "retry",
    "no_choices": "retry",
    "malformed_json": "retry",
    "wrong_content_type": "retry",
    "invalid_utf8": "retry",
    "timeout": "retry",
    "unreachable": "retry",
    "connection_lost": "retry",
    "refusal": "settle",
    "moderation": "settle",
    "content_filter": "settle",
}

DECLINES: frozenset[str] = frozenset({"refusal", "moderation", "content_filter"})
"""Classes that are data: the API would not answer this prompt."""

SERVER_WORDS: dict[str, str] = {
    **{name: name for name in ACTIONS if name not in {"server_error", "bad_request", "forbidden", "timeout"}},
    "invalid_api_key": "unauthorized",
    "authentication_error": "unauthorized",
    "authenticationerror": "unauthorized",
    "insufficient_quota": "payment_required",
    "insufficient_credits": "payment_required",
    "billing_error": "payment_required",
    "billing_hard_limit_reached": "payment_required",
    "spend_limit_exceeded": "spend_limit",
    "spending_limit_exceeded": "spend_limit",
    "rate_limit_exceeded": "rate_limited",
    "rate_limit_error": "rate_limited",
    "rate_limit": "rate_limited",
    "overloaded_error": "overloaded",
    "provider_overloaded": "overloaded",
    "not_found_error": "model_not_found",
    "notfounderror": "model_not_found",
    "model_retired": "model_deprecated",
    "content_policy_violation": "moderation",
    "content_moderation": "moderation",
    "moderation_error": "moderation",
    "guardrail_block": "moderation",
    "max_context_length_exceeded": "context_length_exceeded",
    "request_too_large": "payload_too_large",
}
"""What servers write in error_type, type, code or availability.code (lower case), and the class it means."""

SPEND_STATUSES: frozenset[int] = frozenset({400, 402, 403, 429})
SPEND_MESSAGE = re.compile(
    r"spend(?:ing)?[ _-]limit|key limit exceeded|insufficient (?:credits?|quota|balance|funds)"
    r"|exceeded your current quota|credit balance is too low|out of credits",
    re.IGNORECASE,
)
MODERATION_MESSAGE = re.compile(r"moderation|flagged|content policy|guardrail", re.IGNORECASE)
CONTEXT_MESSAGE = re.compile(r"maximum context length|context length exceeded|context window", re.IGNORECASE)


def class_of_status(status: int) -> str:
    """Return the class of an HTTP status that is not a success."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    if 500 <= status < 600:
        return "server_error"
    if 400 <= status < 500:
        return "bad_request"
    return "redirected" if 300 <= status < 400 else "unexpected_status"


def classify(status: int | None, words: list[str], message: str, is_moderation: bool) -> str:
    """Return the class of an error from its status (HTTP's or the body's), the server's words, and its message.

    Words come first because they are the most exact; a status says least: 403 can be a refused key,
    an exhausted one, or a prompt that moderation flagged.
    """
    known = [SERVER_WORDS[word.lower()] for word in words if word.lower() in SERVER_WORDS]
    if (status is None or status in SPEND_STATUSES) and SPEND_MESSAGE.search(message):
        return "payment_required" if status == 402 else "spend_limit"
    if known:
        return known[0]
    if is_moderation or (status == 403 and MODERATION_MESSAGE.search(message)):
        return "moderation"
    if status in {400, 413, 422} and CONTEXT_MESSAGE.search(message):
        return "context_length_exceeded"
    return "provider_error" if status is None else class_of_status(status)
