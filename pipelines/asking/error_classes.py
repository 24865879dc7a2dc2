"""Every class of error that an endpoint can give, and what to do after it.

Source: the error references of OpenRouter, OpenAI and Anthropic (August 2026), and what vLLM and Ollama send.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

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
    410: "model_deprecated",
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
    "free_limit": "drop_model",
    "unsupported_setting": "drop_model",
    "payload_too_large": "give_up",
    "context_length_exceeded": "give_up",
    "context_cut": "give_up",
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
    "cache_hit": "retry",
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

ADVICE: dict[str, str] = {
    "free_limit": "Free variants are counted by UTC day: start the same command again after midnight UTC.",
    "unsupported_setting": "Set it to null, or to what the model takes, in this model's settings.",
    "context_cut": "Raise OLLAMA_CONTEXT_LENGTH, or num_ctx in the Modelfile, and start the same command again.",
}
"""What the user can do, for classes whose message does not say it."""

OUR_WORDS = frozenset({"server_error", "bad_request", "forbidden", "timeout", "context_cut", "cache_hit"})
"""Classes that no server's word stands for: such a word says less than the status does."""

SERVER_WORDS: dict[str, str] = {
    **{name: name for name in ACTIONS if name not in OUR_WORDS},
    "invalid_api_key": "unauthorized",
    "authentication": "unauthorized",
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
    "provider_unavailable": "unavailable",
    "timeout_error": "gateway_timeout",
    "not_found": "model_not_found",
    "not_found_error": "model_not_found",
    "notfounderror": "model_not_found",
    "model_retired": "model_deprecated",
    "content_policy_violation": "moderation",
    "content_moderation": "moderation",
    "moderation_error": "moderation",
    "guardrail_block": "moderation",
    "max_context_length_exceeded": "context_length_exceeded",
    "max_tokens_exceeded": "context_length_exceeded",
    "token_limit_exceeded": "context_length_exceeded",
    "string_too_long": "context_length_exceeded",
    "exceed_context_size_error": "context_length_exceeded",
    "unsupported_value": "unsupported_setting",
    "unsupported_parameter": "unsupported_setting",
    "request_too_large": "payload_too_large",
}
"""What servers write in error_type, type, code or availability.code (lower case), and the class it means."""

ABOUT_THE_ACCOUNT: frozenset[str] = frozenset({"payment_required", "spend_limit", "unauthorized"})
"""Classes that stop every model. What a provider behind OpenRouter says of its own account does not."""


class MessageRule(NamedTuple):
    """What a message means under one of some statuses (None: an error inside a 200 that names no status)."""

    error_class: str
    statuses: frozenset[int | None]
    pattern: re.Pattern[str]


def _rule(error_class: str, statuses: set[int | None], pattern: str) -> MessageRule:
    return MessageRule(error_class, frozenset(statuses), re.compile(pattern, re.IGNORECASE))


BEFORE_WORDS = (
    _rule(
        "spend_limit",
        {None, 400, 403, 429},
        r"spend(?:ing)?[ _-]limit|key limit exceeded|insufficient (?:credits?|quota|balance|funds)|out of credits"
        r"|exceeded your current quota|credit balance is too low|reached your specified \w+ usage limits",
    ),
    _rule("payment_required", {402}, r""),
    _rule("free_limit", {None, 429}, r"free-models-per-day|free model requests per day"),
)
"""Messages that are more exact than the server's words: a 429 that names a spend limit is no rate limit."""

AFTER_WORDS = (
    _rule("moderation", {403}, r"moderation|flagged|content policy|usage policy|guardrail"),
    _rule("moderation", {400}, r"prompt was flagged"),
    _rule(
        "context_length_exceeded",
        {400, 413, 422},
        r"maximum (?:context|model) length|context[ _]length|context window|prompt is too long"
        r"|exceeds? (?:the )?(?:available )?context (?:size|limit)",
    ),
    _rule("constraint_filtered", {404}, r"no allowed providers|no endpoints found (?:that|matching)"),
)
"""Messages that are more exact than the status alone: 403 can be a refused key or a prompt that was flagged."""


def class_of_status(status: int) -> str:
    """Return the class of an HTTP status that is not a success."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    if 500 <= status < 600:
        return "server_error"
    if 400 <= status < 500:
        return "bad_request"
    return "redirected" if 300 <= status < 400 else "unexpected_status"


def classify(
    status: int | None, words: list[str], message: str, *, is_moderation: bool = False, is_upstream: bool = False
) -> str:
    """Return the class of an error from its status (HTTP's or the body's), the server's words, and its message.

    Words are the most exact, then messages; a status says least. `is_upstream` says that a provider behind
    OpenRouter wrote the message: its quota and key are not the user's, and must not stop the other models.
    """
    lowered = [word.lower() for word in words]
    found = [
        *(rule.error_class for rule in BEFORE_WORDS if status in rule.statuses and rule.pattern.search(message)),
        *(SERVER_WORDS[word] for word in lowered if word in SERVER_WORDS),
        *(["moderation"] if is_moderation else []),
        *(rule.error_class for rule in AFTER_WORDS if status in rule.statuses and rule.pattern.search(message)),
        "provider_error" if status is None else class_of_status(status),
    ]
    if is_upstream and status != 402:
        found = [one for one in found if one not in ABOUT_THE_ACCOUNT] or ["forbidden"]
    return found[0]
