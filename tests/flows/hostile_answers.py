"""What a server could say to do harm: secrets in every place, and texts that other programs would run."""

from __future__ import annotations

import json
from typing import Any

from tests.flows.asked_panel import KEY

ACCOUNT = "org-9f8e7d6c5b4a3210fedc"
SECRETS = (
    KEY,
    ACCOUNT,
    "user_2abcD3fG4hJ5kL6mN7pQ8",
    "sk-or-v1-0badc0de0badc0de0badc0de0badc0de0badc0de",
    "hf_AbCdEfGhIjKlMnOpQrStUvWx",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
)
ALL_SECRETS = " ".join(SECRETS)
ANSI = "\x1b[2J\x1b[31mred\x1b[0m\x1b]0;owned\x07 \x9b8m"
SCRIPT = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"></code></pre>"
    '<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/"><b id=owned>'
)
SAME_LENGTH = "word " * (9 * 2**20 // 5)
"""Nine million characters: as long as an answer can be before it is broken off."""

TEXTS = {
    "nul": "before\x00after a nul, in the middle of an answer",
    "ansi": f"the terminal turns {ANSI}, which nobody wanted",
    "html": f"{SCRIPT} is what a page must not run",
    "formula": '=HYPERLINK("http://127.0.0.1:9/"&A1;"a bill of") is due',
    "more formulas": "+1+1 and -2+3 and @SUM(A1:A9) and more",
    "direction": "\u202etxt.exe\u202c reads another way \u200b than it is",
    "template": "{{ 7 * 7 }} {% include '/etc/passwd' %} $wave_id ${PATH} %s stay as they are",
    "quotes": "'; DROP TABLE raw.attempts; -- \" ' \\ is an answer too",
    "error page": f"<html><title>502 {ANSI}</title>{SCRIPT}</html>",
    "long": SAME_LENGTH,
}
"""Answers by what they attack. `error page` is one that the audit names with its text (A01)."""

DEEP = '{"choices": ' + "[" * 100_000 + "]" * 100_000 + "}"
SERVED = f"maker/odd {ANSI} {SCRIPT}"
PROVIDER = f"=Provider {ANSI}{SCRIPT}\n  publish  all is well"
HEADERS = {"X-Request-Id": SECRETS[0], "X-Account": ACCOUNT, "X-OpenRouter-Cache-Status": KEY, "Set-Cookie": KEY}


def answer(text: str, number: int) -> dict[str, Any]:
    """Return a step of the server's plan: an answer of that text at no cost, with secrets in headers and fields."""
    message = {"role": "assistant", "content": text, "refusal": None}
    body = {
        "id": f"gen-{number}-{ACCOUNT}",
        "object": "chat.completion",
        "model": SERVED,
        "provider": PROVIDER,
        "system_fingerprint": f"fp {SECRETS[3]}",
        "choices": [{"index": 0, "finish_reason": "stop", "native_finish_reason": KEY, "message": message}],
        "usage": {"prompt_tokens": 20 + number, "completion_tokens": 20, "total_tokens": 40 + number, "cost": 0},
        "account": ALL_SECRETS,
    }
    return {"status": 200, "headers": HEADERS, "body": json.dumps(body)}


def failure(status: int, message: str, *, from_provider: bool = True, **headers: str) -> dict[str, Any]:
    """Return a step of the server's plan: an error that gives every secret away, escaped once and plain once.

    It names a provider, or comes from the router itself.
    """
    hidden = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
    metadata = {"metadata": {"provider_name": PROVIDER}} if from_provider else {}
    said = json.dumps({"code": status, "message": f"{message} {ALL_SECRETS}", **metadata})
    body = f'{{"error": {said}, "user_id": "{ACCOUNT}", "hidden": "{hidden}"}}'
    return {"status": status, "headers": HEADERS | headers, "body": body}
