"""How each flavor of server is addressed, asked and read. What they share is chat_request.py and outcomes.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pipelines.asking import anthropic_messages
from pipelines.asking.chat_request import OPENROUTER_HEADERS, chat_request, messages_of
from pipelines.asking.outcomes import Reading, Reply, Translate, failed, from_cache, read, rejected
from pipelines.asking.records import Question
from pipelines.panels.records import EndpointSpec

LEAST_CUT_BYTES = 2048
"""Bytes of the shortest prompt that can be too long: Ollama's smallest usual context, and no token is under a byte."""

BYTES_A_TOKEN, BYTES_A_TOKEN_AT_THE_EDGE = 8.0, 5.5
"""More bytes a token than text has with any tokenizer in use (3 to 6). Ollama keeps half a context of a prompt that
is too long, which doubles the ratio; a count at the very edge of a power of two betrays the cut at a lower one."""

EDGE_TOKENS = 4
"""How far from a power of two the count of a cut prompt lies: half the context, and up to 3 (ollama issue 17427)."""


def bearer(api_key: str | None) -> dict[str, str]:
    """Return the header with the key; none without one."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def not_replayed(reading: Reading, question: Question) -> Reading:
    """Return an answer whose counters are all 0 as what it is: OpenRouter bills nothing for a cached reply."""
    is_free_answer = reading.prompt_tokens == 0 and reading.completion_tokens == 0 and bool(reading.response_text)
    return from_cache(reading) if is_free_answer else reading


def at_asked_tier(reading: Reading, question: Question) -> Reading:
    """Note that OpenAI served another tier than was asked, which has other prices than those declared."""
    served = reading.parsed.get("service_tier") if isinstance(reading.parsed, dict) else None
    asked = question.entry.settings.get("service_tier") or "default"
    accepted = {None, "default"} if asked == "auto" else {None, asked}
    return reading if served in accepted else replace(reading, at_list_price=False)


def by_asked_model(reading: Reading, question: Question) -> Reading:
    """Note that a fallback answered, which has other prices than the model asked."""
    return replace(reading, at_list_price=not anthropic_messages.served_by_fallback(reading.parsed))


def whole_prompt(reading: Reading, question: Question) -> Reading:
    """Return an answer to a prompt that Ollama cut as an error: it answers another question than was asked.

    Ollama says nothing of it; the count of prompt tokens is the only sign. A cut of less than half passes unseen.
    """
    sent = sum(len(message["content"].encode("utf-8", "replace")) for message in messages_of(question))
    counted = reading.prompt_tokens or 0
    at_the_edge = min(abs(counted - 2**n) for n in range(8, 21)) < EDGE_TOKENS
    ratio = BYTES_A_TOKEN_AT_THE_EDGE if at_the_edge else BYTES_A_TOKEN
    if not counted or sent < LEAST_CUT_BYTES or sent <= ratio * counted:
        return reading
    problem = f"The prompt has {sent} bytes and only {counted} tokens of it were read: Ollama cut it to its context."
    return rejected(reading, failed("context_cut", problem, reading.charged))


@dataclass(frozen=True, slots=True)
class Dialect:
    """One flavor: paths below base_url, headers for a key, the body of a question, and what its replies mean.

    `check` sees every reading that would settle a cell.
    """

    path: str = "/chat/completions"
    models_path: str = "/models"
    key_headers: Callable[[str | None], dict[str, str]] = bearer
    more_headers: tuple[tuple[str, str], ...] = ()
    request: Callable[[Question, EndpointSpec], dict[str, Any]] = chat_request
    translate: Translate | None = None
    check: Callable[[Reading, Question], Reading] | None = None

    def headers(self, api_key: str | None) -> dict[str, str]:
        """Return the headers of every request: what the flavor wants, and the key."""
        return dict(self.more_headers) | self.key_headers(api_key)

    def read(self, reply: Reply, question: Question, now: datetime) -> Reading:
        """Return what the reply to a question means."""
        reading = read(reply, now, self.translate)
        return self.check(reading, question) if self.check and reading.action == "settle" else reading


DIALECTS: dict[str, Dialect] = {
    "openrouter": Dialect(more_headers=tuple(OPENROUTER_HEADERS.items()), check=not_replayed),
    "openai": Dialect(check=at_asked_tier),
    "ollama": Dialect(check=whole_prompt),
    "anthropic": Dialect(
        path=anthropic_messages.PATH,
        models_path=anthropic_messages.MODELS_PATH,
        key_headers=anthropic_messages.headers,
        request=anthropic_messages.messages_request,
        translate=anthropic_messages.openai_shape,
        check=by_asked_model,
    ),
}


def dialect_of(spec: EndpointSpec) -> Dialect:
    """Return the dialect of an endpoint; plain chat completions for a flavor without one of its own."""
    return DIALECTS.get(spec.flavor or "", Dialect())
