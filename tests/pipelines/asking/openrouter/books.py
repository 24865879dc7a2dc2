"""What the server was told to do, and its books: every call counted, every answer charged."""

from __future__ import annotations

import hashlib
import time
from array import array
from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any

PROMPT_SHOWN = 80
"""Characters of a prompt that name its cell in the books; a longer one ends in its hash."""


class Control:
    """What POST /control says; see the server's docstring for the fields."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.plans: dict[str, deque[Any]] = {model: deque(steps) for model, steps in said.get("plans", {}).items()}
        self.always: dict[str, Any] = said.get("always", {})
        self.chances: dict[str, dict[str, float]] = said.get("chances", {})
        self.cursed: dict[str, float] = said.get("cursed", {})
        self.seed = said.get("seed", 0)
        self.latency_s = said.get("latency_ms", 0) / 1000
        self.growth_s = said.get("latency_growth_ms", 0) / 1000
        self.knee = said.get("latency_knee", 0)
        self.key: str | None = said.get("key")
        self.limit_usd: float | None = said.get("limit_usd")
        self.is_free_tier: bool = said.get("is_free_tier", False)
        self.catalogue: list[Any] = said.get("catalogue", [])
        self.models: list[str] = said.get("models", [])
        self.endpoints: dict[str, Any] = said.get("endpoints", {})
        self.rate_limits: dict[str, dict[str, float]] = said.get("rate_limits", {})
        self.generation_404s: int = said.get("generation_404s", 0)
        self._now = datetime.fromisoformat(said["now"]) if "now" in said else None

    def now(self) -> datetime:
        """The time that dates in replies count from: the client's, where /control gave it."""
        return self._now or datetime.now(UTC)

    def step(self, model: str, cell: str, nth: int) -> Any:
        """What becomes of the nth call of a cell: a curse, the model's plan, chance, or what always happens."""
        if self.cursed and (step := _drawn(self.cursed, f"{self.seed}|cursed|{cell}")):
            return step
        if plan := self.plans.get(model):
            return plan.popleft()
        if model in self.always:
            return self.always[model]
        chances = self.chances.get(model) or self.chances.get("*")
        return (chances and _drawn(chances, f"{self.seed}|{cell}|{nth}")) or "ok"

    def latency(self, in_flight: int) -> float:
        """Seconds that an answer takes with so many calls in flight, itself included."""
        return self.latency_s + self.growth_s * max(0, in_flight - self.knee)


def _drawn(chances: dict[str, float], what: str) -> str | None:
    """Draw a step, or None. The draw depends on `what` alone, not on the order in which calls arrive."""
    draw = int.from_bytes(hashlib.blake2b(what.encode("utf-8", "replace"), digest_size=8).digest(), "big") / 2**64
    for step, chance in chances.items():
        draw -= chance
        if draw < 0:
            return step
    return None


def cell_name(model: str, prompt: str, seed: object) -> str:
    """The books' name of what was asked: model|prompt|seed."""
    if len(prompt) > PROMPT_SHOWN:
        prompt = prompt[:PROMPT_SHOWN] + hashlib.blake2b(prompt.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{model}|{prompt}|{seed}"


class Books:
    """What was called and charged since the last /control. A generation is one answer: arrays, a few bytes each."""

    def __init__(self) -> None:
        self.calls_by_model: Counter[str] = Counter()
        self.calls_by_cell: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        self.cells: Counter[str] = Counter()
        self.answers = self.schema_violations = self.lookups = 0
        self.charged_usd = self.undelivered_usd = 0.0
        self.undelivered = self.in_flight = self.most_at_once = 0
        self.last_request: dict[str, Any] = {}
        self.last_violation = ""
        self.windows: dict[str, deque[float]] = {}
        self.lookups_of: Counter[int] = Counter()
        self._costs, self._tokens, self._who = array("d"), array("L"), array("L")
        self._names: dict[tuple[str, str], int] = {}

    def begin(self) -> None:
        """A chat completion has arrived."""
        self.in_flight += 1
        self.most_at_once = max(self.most_at_once, self.in_flight)

    def answered(self, model: str, provider: str, tokens: tuple[int, int], cost_usd: float) -> None:
        """Book an answer as the next generation; 0 USD where it is not charged."""
        self.answers += 1
        self.charged_usd += cost_usd
        self._costs.append(cost_usd)
        self._tokens.extend(tokens)
        self._who.append(self._names.setdefault((model, provider), len(self._names)))

    def lost(self, cost_usd: float | None) -> None:
        """A reply was made and its client was gone, or the connection broke under it."""
        self.undelivered += 1
        self.undelivered_usd += cost_usd or 0.0

    def next_generation(self) -> int:
        """The number of the next answer; the first is 1."""
        return len(self._costs) + 1

    def generation(self, number: int) -> tuple[str, str, tuple[int, int], float] | None:
        """Model, provider, tokens in and out, and cost in USD of an answer; None of one that is not in the books."""
        if not 1 <= number <= len(self._costs):
            return None
        model, provider = list(self._names)[self._who[number - 1]]
        return model, provider, (self._tokens[2 * number - 2], self._tokens[2 * number - 1]), self._costs[number - 1]

    def admits(self, model: str, limits: dict[str, dict[str, float]]) -> float | None:
        """Count a call against its model's rate limit; seconds until there is room, None where there is."""
        limit = limits.get(model) or limits.get("*")
        if limit is None:
            return None
        window, now = self.windows.setdefault(model, deque()), time.monotonic()
        while window and window[0] <= now - limit["window_s"]:
            window.popleft()
        if len(window) >= limit["requests"]:
            return window[0] + limit["window_s"] - now
        window.append(now)
        return None

    def shown(self) -> dict[str, Any]:
        """All of it, as /books gives it."""
        return {
            "calls": sum(self.calls_by_model.values()),
            "calls_by_model": self.calls_by_model,
            "calls_by_cell": self.calls_by_cell,
            "steps": self.steps,
            "cells": self.cells,
            "answers": self.answers,
            "charged_usd": self.charged_usd,
            "charged_by_id": {f"gen-{n}": cost for n, cost in enumerate(self._costs, start=1)},
            "undelivered": self.undelivered,
            "undelivered_usd": self.undelivered_usd,
            "in_flight": self.in_flight,
            "most_at_once": self.most_at_once,
            "lookups": self.lookups,
            "schema_violations": self.schema_violations,
            "last_violation": self.last_violation,
            "last_request": self.last_request,
        }
