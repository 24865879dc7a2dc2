"""Takes secrets and account ids out of text before anything is built from it.

Keys and account ids come back in error messages and bodies of real servers. Only shapes that are long and
specific are replaced, so that an answer that merely talks about keys stays verbatim.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """One kind of secret: its pattern, and what stands in its place."""

    pattern: re.Pattern[str]
    replacement: str


_START = r"(?:\b|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4}))"
"""Where a word starts, in JSON too: there the `n` of an escaped line break stands right before it."""

_WITH_DIGIT = r"(?=[A-Za-z]*\d)[A-Za-z0-9]{12,}"
_MIXED_CASE = r"(?=[a-z]*[A-Z])(?=[A-Z]*[a-z])(?![A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,})*\b)[A-Za-z]{16,}"
"""Letters alone are an account id where they are no words: `user_AuthenticationMiddleware` is ordinary text."""

SHAPES: tuple[Shape, ...] = (
    Shape(re.compile(_START + r"(?:sk|rk|pk)[-_][A-Za-z0-9_-]{16,}"), "[redacted key]"),
    Shape(re.compile(_START + r"(?:hf|gsk|xai|ghp|r8)[-_][A-Za-z0-9]{20,}"), "[redacted key]"),
    Shape(re.compile(_START + r"AIza[A-Za-z0-9_-]{30,}"), "[redacted key]"),
    Shape(
        re.compile(r"(?i)" + _START + r"bearer(?:\s|\\[nrt]){1,8}(?=[^\s\"\\]*\d)[A-Za-z0-9._~+/=-]{12,}"),
        "[redacted key]",
    ),
    Shape(
        re.compile(_START + rf"(?:user|org|acct|proj)[-_](?:{_WITH_DIGIT}|{_MIXED_CASE})"),
        "[redacted account]",
    ),
)

HINT = re.compile(r"[-_](?<=(?:[srp]k|hf|ai|hp|r8|er|rg|ct|oj).)[A-Za-z0-9_-]{12}")
"""What stands in every key and account id of SHAPES, but for those in `_may_hold_a_secret`.

It is found twenty times as fast as the shapes, which took a third of the CPU of a call.
"""

KEY_MARK = "[redacted key]"
LONE_SURROGATES = re.compile("[\ud800-\udfff]")
ESCAPES = re.compile(r"(?:\\(?:u005[cC])?){1,16}(?:u00([2-7][0-9A-Fa-f])|(/))")
"""JSON's escapes of printable ASCII, in JSON inside JSON too, where each level doubles the backslashes."""


def shown(value: object) -> str:
    """Return a value as JSON; a note where it is nested too deeply to be written."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        return "[nested too deeply to show]"


def _may_hold_a_secret(text: str) -> bool:
    return HINT.search(text) is not None or "AIza" in text or "bearer" in text.lower()


def _is_worth_hiding(key: str) -> bool:
    return len(key) >= 16 or (len(key) >= 8 and any(character.isdigit() for character in key))


def _without_escapes(text: str) -> str:
    def plain(escape: re.Match[str]) -> str:
        character = escape[2] or chr(int(escape[1], 16))
        return escape[0] if character in '"\\\x7f' else character  # unescaped, these would end or break the string

    return ESCAPES.sub(plain, text)


class Redactor:
    """Replaces secrets in text. Holds the keys in use, so it shows none of them in its repr.

    A key in use is replaced wherever it stands if it has at least 16 characters, or 8 with a digit among them. A
    shorter one is taken for no secret: servers on this machine are given words such as `ollama` or `EMPTY`, which
    answers contain.
    """

    def __init__(self, *secrets: str | None) -> None:
        self._secrets = tuple(s for s in secrets if s and _is_worth_hiding(s))

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def text(self, text: str) -> str:
        """Return the text without keys and account ids; lone surrogates, which UTF-8 cannot hold, become U+FFFD.

        JSON can hide a secret behind escapes (\\u0073k-…, \\/), and a body can hold JSON in its strings. Only where
        reading them so brings a secret to light is the text written without them; what was JSON stays JSON.
        """
        text = self._replaced(text)
        if "\\u00" in text or "\\/" in text:
            plain = _without_escapes(text)
            if (clean := self._replaced(plain)) != plain:
                text = clean
        return text if text.isascii() else LONE_SURROGATES.sub("\ufffd", text)

    def fields(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the same fields with every text among them redacted."""
        return {name: self.text(value) if isinstance(value, str) else value for name, value in fields.items()}

    def _replaced(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, KEY_MARK)
        if _may_hold_a_secret(text):
            for shape in SHAPES:
                text = shape.pattern.sub(shape.replacement, text)
        return text
