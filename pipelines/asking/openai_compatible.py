"""Asks a server that speaks OpenAI's chat completions: OpenRouter, OpenAI, vLLM, Ollama and their like.

What a server can do wrong is typed in error_classes.py; what is sent next is decided in lanes.py.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

import httpx

from lake.errors import EndpointError
from pipelines.asking.asking_run import AskingRun
from pipelines.asking.bounds import max_price
from pipelines.asking.budget import Budget
from pipelines.asking.clock import Clock
from pipelines.asking.dialects import dialect_of
from pipelines.asking.interruption import Interruption
from pipelines.asking.outcomes import Reading, Reply
from pipelines.asking.pricing import Price
from pipelines.asking.records import Attempt, Question
from pipelines.asking.redaction import Redactor
from pipelines.asking.retrying import RetryPolicy
from pipelines.asking.sent import SentLog
from pipelines.asking.transport import Transport
from pipelines.panels.records import EndpointSpec


def read_key(spec: EndpointSpec, environ: Mapping[str, str]) -> str | None:
    """Return the key that the endpoint's `key_env` names; None for an endpoint without one.

    Raises EndpointError when the variable is not set, or holds what cannot be a key.
    """
    if spec.key_env is None:
        return None
    key = environ.get(spec.key_env, "").strip()
    if not key:
        raise EndpointError(
            f"Endpoint {spec.name} needs a key and {spec.key_env} is not set. "
            f"Set it (export {spec.key_env}=…) and start the same command again."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise EndpointError(f"{spec.key_env} holds characters that no key has. Set it again, without quotes or spaces.")
    return key


class OpenAICompatibleEndpoint:
    """One server. `ask` yields every attempt as it arrives, the failed ones too.

    `prices` holds the catalogue's prices by roster model: without a reported cost they give a computed one, and
    with a budget they bound each call before it is sent. `notice` is told of every wait in one sentence.
    `sent` notes each request before it goes out, so that a killed process forgets no money. `interruption` ends it:
    nothing new is sent, and what is under way is waited for.
    The key is sent in one header and appears in no attempt, message or repr.
    """

    def __init__(
        self,
        spec: EndpointSpec,
        api_key: str | None,
        *,
        prices: Mapping[str, Price] | None = None,
        budget: Budget | None = None,
        seed: int = 0,
        notice: Callable[[str], None] | None = None,
        clock: Clock | None = None,
        retries: RetryPolicy | None = None,
        sent: SentLog | None = None,
        interruption: Interruption | None = None,
    ) -> None:
        self.interruption = Interruption() if interruption is None else interruption
        self.spec, self.seed, self.sent = spec, seed, sent
        self.base_url = _base_url(spec)
        self.dialect = dialect_of(spec)
        self.url = self.base_url + self.dialect.path
        self.prices: Mapping[str, Price] = prices or {}
        self.budget, self.clock = budget, clock or Clock()
        self.retries = retries or RetryPolicy(max_attempts=spec.max_attempts)
        self.redactor = Redactor(api_key)
        json_only = {"Content-Type": "application/json", "Accept": "application/json"}
        self._headers = json_only | self.dialect.headers(api_key)
        self._notice = notice

    def __repr__(self) -> str:
        return f"OpenAICompatibleEndpoint({self.spec.name!r}, {self.url!r})"

    @property
    def keeps_generations(self) -> bool:
        """Whether the server keeps a record of each answer, with its cost."""
        return self.spec.flavor == "openrouter"

    async def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Attempt, None]:
        """Ask each question once, plus retries; yield attempts as they arrive, in any order.

        Cells of a model that turned out dead yield an attempt with error_class `circuit_open`, which was not
        sent. Raises EndpointError when nothing can be asked at all and BudgetError when money stops it; every
        answer that was under way has been yielded by then.
        """
        transport = Transport(self.base_url, self.dialect.path, self._headers, self.spec.timeout_s)
        run = AskingRun(self, transport, questions)
        try:
            async for attempt in run.attempts():
                yield attempt
        finally:
            await run.cancel()
            await transport.close()
            if self.sent is not None:
                self.sent.close()

    def notice(self, sentence: str) -> None:
        """Tell the user of a wait, without secrets."""
        if self._notice:
            self._notice(self.redactor.text(sentence))

    def request_text(self, question: Question) -> str:
        """Return the request body as it is sent, JSON. Under a budget no provider dearer than reserved may answer."""
        body, price = self.dialect.request(question, self.spec), self.prices.get(question.cell.model_requested)
        if self.spec.flavor == "openrouter" and self.budget is not None and price is not None:
            body["provider"] = {"max_price": max_price(price)} | body.get("provider", {})
        return json.dumps(body, ensure_ascii=False)

    def read(self, reply: Reply, question: Question) -> Reading:
        """Return what a reply to a question means."""
        return self.dialect.read(reply, question, self.clock.now())

    def attempt(
        self,
        question: Question,
        reading: Reading,
        *,
        number: int,
        request: str,
        asked_at: datetime,
        http_status: int | None = None,
        latency_ms: float | None = None,
    ) -> Attempt:
        """Return the attempt that a reading makes: the one place where text is redacted and cost decided."""
        cost, source = self.cost_of(question, reading)
        body = None if reading.body is None else self.redactor.text(reading.body)
        said = self.redactor.fields(
            {
                "request": request,
                "model_served": reading.model_served,
                "provider_served": reading.provider_served,
                "error_message": reading.error_message,
                "finish_reason": reading.finish_reason,
                "native_finish_reason": reading.native_finish_reason,
                "response_text": reading.response_text,
                "system_fingerprint": reading.system_fingerprint,
                "response_id": reading.response_id,
            }
        )
        return Attempt(
            **question.cell.carried,
            attempt=number,
            outcome=reading.outcome,
            error_class=reading.error_class,
            asked_at=asked_at,
            http_status=http_status,
            prompt_tokens=reading.prompt_tokens,
            completion_tokens=reading.completion_tokens,
            cost_usd=cost,
            cost_source=source,
            latency_ms=latency_ms,
            cache_status=reading.cache_status,
            body=body,
            **said,
        )

    def amended(self, question: Question, reading: Reading, first: Attempt) -> Attempt:
        """Return an attempt once more, with the cost, tokens and provider that its reading has by now."""
        cost, source = self.cost_of(question, reading)
        provider = None if reading.provider_served is None else self.redactor.text(reading.provider_served)
        return replace(
            first,
            cost_usd=cost,
            cost_source=source,
            prompt_tokens=reading.prompt_tokens,
            completion_tokens=reading.completion_tokens,
            provider_served=provider,
            amends=True,
        )

    def cost_of(
        self, question: Question, reading: Reading
    ) -> tuple[float | None, Literal["reported", "computed"] | None]:
        """Return cost in USD and its source: as reported, else from tokens at catalogue prices, else unknown.

        Prices with conditions are never used to compute: nobody says which condition applied.
        """
        if reading.cost_usd is not None:
            return reading.cost_usd, "reported"
        price = self.prices.get(question.cell.model_requested)
        tokens = (reading.prompt_tokens, reading.completion_tokens)
        if price is None or price.conditional or not reading.at_list_price or reading.charged == "no":
            return None, None
        if tokens[0] is None or tokens[1] is None:
            return None, None
        return price.of(tokens[0], tokens[1], reading.cached_tokens or 0), "computed"


def _base_url(spec: EndpointSpec) -> str:
    try:
        base = httpx.URL(spec.base_url or "")
    except httpx.InvalidURL:
        base = httpx.URL("")
    if base.scheme not in {"http", "https"} or not base.host:
        raise EndpointError(
            f"Endpoint {spec.name} has no usable base_url ({spec.base_url!r}). "
            "Give the part before /chat/completions in the panel, such as https://openrouter.ai/api/v1."
        )
    return f"{spec.base_url}".rstrip("/")
