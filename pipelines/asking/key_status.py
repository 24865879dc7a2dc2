"""What a key may still spend: GET {base}/key of OpenRouter, whose label and account id are never read.

Source: OpenRouter, Limits (seen November 2026).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pipelines.asking.json_values import count_of, object_of
from pipelines.asking.pages import Patience, open_pages
from pipelines.asking.pricing import amount
from pipelines.panels.records import EndpointSpec

TIMEOUT_S = 20.0

FREE_PER_MINUTE = 20
FREE_PER_DAY, FREE_PER_DAY_AFTER_PURCHASE = 50, 1000
"""Requests to free variants, a day before and after a first purchase (OpenRouter, August 2026)."""


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """What a key may still spend in USD (None: no limit), has spent, and whether it is on the free tier.

    `free_limit` and `free_remaining` count requests to free variants in this UTC day; None where nobody says.
    """

    limit_remaining: float | None
    usage: float | None
    is_free_tier: bool
    limit: float | None = None
    free_limit: int | None = None
    free_remaining: int | None = None

    def free_requests_left(self) -> int:
        """Return how many requests to free variants today still allows."""
        if self.free_remaining is not None:
            return self.free_remaining
        return FREE_PER_DAY if self.is_free_tier else FREE_PER_DAY_AFTER_PURCHASE


def fetch_key_status(spec: EndpointSpec, api_key: str | None, patience: Patience | None = None) -> KeyStatus | None:
    """Return what the key may still spend; None where the endpoint has no such page (all but OpenRouter)."""
    if spec.flavor != "openrouter" or api_key is None:
        return None
    with open_pages(spec, api_key, TIMEOUT_S, patience) as pages:
        data = object_of(pages.get("/key").get("data"))
    free = object_of(data.get("free_model_daily_requests"))
    return KeyStatus(
        limit_remaining=_signed(data.get("limit_remaining")),
        usage=amount(data.get("usage")),
        is_free_tier=data.get("is_free_tier") is True,
        limit=amount(data.get("limit")),
        free_limit=count_of(free.get("limit")),
        free_remaining=count_of(free.get("remaining")),
    )


def key_row(
    status: KeyStatus, spec: EndpointSpec, wave: dict[str, Any], moment: Literal["start", "end"]
) -> dict[str, Any]:
    """Return a row of raw.key_snapshots taken now; `wave` holds its wave_id and wave_date."""
    return {
        **wave,
        "endpoint": spec.name,
        "moment": moment,
        "limit_usd": status.limit,
        "limit_remaining_usd": status.limit_remaining,
        "usage_usd": status.usage,
        "is_free_tier": status.is_free_tier,
        "free_requests_limit": status.free_limit,
        "free_requests_remaining": status.free_remaining,
        "taken_at": datetime.now(UTC),
    }


def _signed(value: object) -> float | None:
    """Return an amount that may be overdrawn; None for what is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
        below = amount(-value)
        return None if below is None else -below
    return amount(value)
