"""What a server can do wrong: replies that do not depend on the answer, by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

How = Literal["send", "reset", "cut", "drip", "hang"]


@dataclass(frozen=True, slots=True)
class Canned:
    """A reply, and what happens to it on the wire: `cut` sends half of it and breaks the connection off."""

    status: int = 200
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    how: How = "send"


def error(
    code: int | str, message: str, http: int | None = None, headers: dict[str, str] | None = None, **more: Any
) -> Canned:
    """An error in OpenRouter's shape; `http` is the HTTP status where it differs from the error's code."""
    metadata = {name: more.pop(name) for name in ("metadata",) if name in more}
    body = {"error": {"code": code, "message": message, **metadata}, **more}
    return Canned(http or int(code), json.dumps(body), headers or {})


MODERATED = {"reasons": ["violence"], "flagged_input": "how to", "provider_name": "ProviderA", "model_slug": "m"}
BY_A = {"provider_name": "ProviderA"}
UNAVAILABLE = {"code": "temporarily_unavailable", "retryable": True}

FAULTS: dict[str, Canned] = {
    **{
        f"status_{status}": error(status, f"status {status}", metadata=BY_A)
        for status in (400, 402, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503, 504, 524, 529)
    },
    "status_401": error(401, "No auth credentials found"),
    "forbidden": error(403, "This key may not do that"),
    "moderated": error(403, "Your input was flagged", metadata=MODERATED),
    "key_limit": error(403, "Key limit exceeded (total limit). Manage it in your settings."),
    "spend_limit": error(429, "You have reached your monthly spend limit."),
    "insufficient_quota": Canned(
        429, json.dumps({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})
    ),
    "retry_after_2": error(429, "slow down", headers={"Retry-After": "2"}, metadata=BY_A),
    "retry_after_2_503": error(503, "busy", headers={"Retry-After": "2"}, metadata=BY_A),
    "retry_after_day": error(429, "free-models-per-day", headers={"Retry-After": "86400"}),
    "refusal": error(400, "The provider refused", metadata={"error_type": "refusal", **BY_A}),
    "context_length": error(400, "This endpoint's maximum context length is 8192 tokens. You requested about 9000."),
    "error_in_200": error(502, "Provider returned error", http=200, metadata=BY_A),
    "error_in_200_as_word": error("server_error", "Provider returned error", http=200),
    "no_credit_in_200": error(402, "Insufficient credits", http=200),
    "rate_limit_in_200": error(429, "Rate limit exceeded", http=200, metadata={"headers": {"X-RateLimit-Reset": "3"}}),
    "retry_after_in_200": error(429, "Rate limit exceeded", http=200, metadata={"retry_after": 2, **BY_A}),
    "capacity": error(
        503, "No capacity", availability={"code": "capacity_exhausted", "retryable": True, "retry_after": 2}
    ),
    "unavailable_in_200": error(503, "Back soon", http=200, availability={**UNAVAILABLE, "retry_after": 2}),
    "deprecated": error(400, "Gone", availability={"code": "model_deprecated", "retryable": False}),
    "free_ended": error(404, "The free variant ended", availability={"code": "free_variant_ended"}),
    "constraint": error(404, "No allowed providers", availability={"code": "constraint_filtered"}),
    "not_retryable_503": error(503, "Not today", availability={"code": "x", "retryable": False}),
    "choices_null": Canned(200, json.dumps({"id": "none", "choices": None})),
    "choices_empty": Canned(200, json.dumps({"id": "none", "choices": []})),
    "null": Canned(200, "null"),
    "empty_body": Canned(200, ""),
    "malformed": Canned(200, '{"id": "none", "choices": [{"mess'),
    "deep": Canned(200, "[" * 200_000 + "]" * 200_000),
    "deep_error": Canned(500, '{"error":' + "[" * 900 + "]" * 900 + "}"),
    "html": Canned(200, "<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    "html_404": Canned(404, "<html>Not found</html>", {"Content-Type": "text/html"}),
    "html_502": Canned(502, "<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    "hostile_error": error(502, "nul \x00 \x1b[31mred\x1b[0m\r\n<script>x</script> =cmd|'/c calc'!A1"),
    "redirect": Canned(307, "", {"Location": "http://127.0.0.1:9/elsewhere"}),
    "invalid_utf8": Canned(200, b'{"choices": [{"message": {"content": "caf\xe9"}, "finish_reason": "stop"}]}'),
    "huge": Canned(200, b"x" * (11 * 2**20)),
    "bad_gzip": Canned(200, b"not gzip", {"Content-Encoding": "gzip"}),
    "reset": Canned(how="reset"),
    "drip": Canned(how="drip"),
    "hang": Canned(how="hang"),
    "vllm_404": Canned(404, json.dumps({"object": "error", "message": "no such model", "type": "NotFoundError"})),
    "ollama_error": Canned(500, json.dumps({"error": "model runner has stopped"})),
    "anthropic_529": Canned(529, json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})),
}


def _in_two_seconds(now: datetime) -> str:
    return format_datetime(now + timedelta(seconds=2), usegmt=True)


DATED: dict[str, Callable[[datetime], Canned]] = {
    "retry_after_date": lambda now: error(
        429, "slow down", headers={"Retry-After": _in_two_seconds(now)}, metadata=BY_A
    ),
    "retry_after_date_503": lambda now: error(503, "busy", headers={"Retry-After": _in_two_seconds(now)}),
    "retry_after_date_in_200": lambda now: error(
        429, "slow down", http=200, metadata={"headers": {"Retry-After": _in_two_seconds(now)}}
    ),
    "rate_limit_reset": lambda now: error(
        429,
        "Rate limit exceeded",
        headers={
            "X-RateLimit-Limit": "20",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int((now.timestamp() + 2) * 1000)),
        },
    ),
}
"""Faults that name a time of day, two seconds from the server's now (`now` of /control where that is given)."""

ACCOUNT = "user_2dHFtVWx2n56w6HkM0000000000"

LEAKS: dict[str, Callable[[str], Canned]] = {
    "leak_in_error": lambda secret: error(
        502,
        f"Upstream refused Bearer {secret} of {ACCOUNT}",
        headers={"X-Debug": secret, "Set-Cookie": f"session={secret}; account={ACCOUNT}"},
        metadata={"provider_name": "ProviderA", "raw": json.dumps({"key": secret}), "user": ACCOUNT},
        user_id=ACCOUNT,
    ),
    "leak_in_401": lambda secret: error(401, f"Incorrect API key provided: {secret} ({ACCOUNT})"),
    "leak_in_html": lambda secret: Canned(
        502, f"<html>{secret} {ACCOUNT}</html>", {"Content-Type": f"text/html; k={secret}"}
    ),
    "leak_in_malformed": lambda secret: Canned(200, f'{{"key": "{secret}", "user": "{ACCOUNT}", '),
}
"""Replies that tell the key and an account id. `secret` is the key that the request came with."""
