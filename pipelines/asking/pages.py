"""What an endpoint says of itself on pages of JSON: GET {base}/models, /key and their like."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from lake.errors import EndpointError, RefusedKeyError
from pipelines.asking.clock import Clock
from pipelines.asking.dialects import dialect_of
from pipelines.asking.outcomes import Reply
from pipelines.asking.redaction import Redactor
from pipelines.asking.retry_hints import wait_asked
from pipelines.asking.retrying import RetryPolicy
from pipelines.asking.transport import Transport
from pipelines.panels.records import EndpointSpec

TIMEOUT_S = 60.0

AT_ONCE = 8
"""Pages of one endpoint that are read at the same time."""

PASSES = frozenset({"unreachable", "connection_lost", "timeout"})
PASSING_STATUS = frozenset({408, 425, 429})
"""What may be gone a moment later, beside every status from 500."""

REFUSALS = frozenset({401, 403})


PATIENT = RetryPolicy(max_attempts=4, max_seconds=120.0, longest_wait_s=20.0)


def silent(sentence: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Patience:
    """How long a page is waited for, and who hears of it; a wait beyond what the retries allow is an error at once."""

    notice: Callable[[str], None] = silent
    clock: Clock = field(default_factory=Clock)
    retries: RetryPolicy = field(default_factory=lambda: PATIENT)
    draws: random.Random = field(default_factory=random.Random)


class Pages:
    """The pages of one endpoint, over one pool of connections. For one thread, in which no event loop runs."""

    def __init__(
        self, spec: EndpointSpec, transport: Transport, loop: asyncio.Runner, redactor: Redactor, patience: Patience
    ) -> None:
        self._spec, self._transport, self._loop = spec, transport, loop
        self.redactor, self._patience = redactor, patience

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at a path below base_url.

        What may pass (5xx, 429, a lost connection) is tried again. Raises RefusedKeyError for a key that is not
        taken, EndpointError for whatever is no such page.
        """
        return self._loop.run(self._page(path))

    def get_each(self, paths: Sequence[str]) -> list[dict[str, Any] | None]:
        """Return the JSON objects at some paths, in their order; None for one that cannot be had."""
        return self._loop.run(self._each(paths))

    async def _each(self, paths: Sequence[str]) -> list[dict[str, Any] | None]:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(path: str) -> dict[str, Any] | None:
            async with places:
                try:
                    return await self._page(path)
                except EndpointError:
                    return None

        return await asyncio.gather(*map(one, paths))

    async def _page(self, path: str) -> dict[str, Any]:
        reply, tries = await self._reply(path)
        url, name = f"{self._spec.base_url}".rstrip("/") + path, self._spec.name
        if reply.status in REFUSALS:
            raise RefusedKeyError(
                f"{name} refused the key at {url} (HTTP {reply.status}). Check {self._spec.key_env or 'the key'}."
            )
        page = None if reply.problem else _object(reply)
        if page is None:
            after = f", after {tries} tries" if tries > 1 else ""
            raise EndpointError(
                f"{name} gave no catalogue at {url} ({self._said(reply)}{after}). "
                "Check base_url and the network, then start the same command again."
            )
        return page

    async def _reply(self, path: str) -> tuple[Reply, int]:
        """Return the last reply and how many requests it took."""
        clock, tries = self._patience.clock, 0
        started = clock.monotonic()
        while True:
            try:
                reply = await self._transport.get(path)
            except (ValueError, httpx.InvalidURL):  # its text may hold a piece of the key
                reply = Reply(problem="malformed", detail="the request cannot be written: check base_url and the key")
            tries += 1
            if not _may_pass(reply):
                return reply, tries
            asked_s = wait_asked(reply.headers or {}, clock.now())
            elapsed = clock.monotonic() - started
            wait = self._patience.retries.wait(tries, elapsed, asked_s, self._patience.draws)
            if wait is None:
                return reply, tries
            self._patience.notice(
                f"{self._spec.name} gave no page at {path} ({self._said(reply)}); tried again in {wait:.1f} s."
            )
            await clock.sleep(wait)

    def _said(self, reply: Reply) -> str:
        if reply.problem:
            return self.redactor.text(f"{reply.problem}: {reply.detail}")
        return f"HTTP {reply.status}" if reply.status != 200 else "HTTP 200, but no JSON object"


@contextmanager
def open_pages(
    spec: EndpointSpec, api_key: str | None, timeout_s: float = TIMEOUT_S, patience: Patience | None = None
) -> Iterator[Pages]:
    """Yield the pages of an endpoint over one pool of connections.

    `timeout_s` covers each whole exchange. Raises EndpointError for an address or a key that cannot be sent.
    """
    headers = {"Accept": "application/json"} | dialect_of(spec).headers(api_key)
    with asyncio.Runner() as loop:
        try:
            transport = Transport(f"{spec.base_url}".rstrip("/"), "", headers, timeout_s)
        except (ValueError, httpx.InvalidURL):  # the text of an error of headers may hold a piece of the key
            raise EndpointError(
                f"{spec.name} cannot be asked at {spec.base_url}: "
                f"no request can be written. Check base_url and {spec.key_env or 'the key'}."
            ) from None
        try:
            yield Pages(spec, transport, loop, Redactor(api_key), patience or Patience())
        finally:
            loop.run(transport.close())


def _may_pass(reply: Reply) -> bool:
    status = reply.status or 0
    return reply.problem in PASSES or status >= 500 or status in PASSING_STATUS


def _object(reply: Reply) -> dict[str, Any] | None:
    if reply.status != 200 or reply.body is None:
        return None
    try:
        page = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return page if isinstance(page, dict) else None
