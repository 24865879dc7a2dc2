"""When a server says that it may be asked again: Retry-After and its relatives, in headers and bodies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pipelines.asking.pricing import amount

EPOCH_IN_SECONDS = 1e9
EPOCH_IN_MILLISECONDS = 1e12
"""A reset above these is a point in time in that unit; below them it is a number of seconds to wait."""


def wait_asked(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that headers (lower-case names) ask to wait; None where they ask nothing readable."""
    if (milliseconds := amount(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    if (after := headers.get("retry-after")) is not None and (seconds := _seconds_or_date(after, now)) is not None:
        return seconds
    reset = amount(headers.get("x-ratelimit-reset"))
    return None if reset is None else _until(reset, now)


def wait_asked_in_body(error: Mapping[str, Any], availability: Mapping[str, Any], now: datetime) -> float | None:
    """Return the seconds that an error body asks to wait: availability.retry_after, metadata, metadata.headers."""
    metadata = error.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for holder, name in ((availability, "retry_after"), (metadata, "retry_after"), (metadata, "retry_after_seconds")):
        if (seconds := _seconds_or_date(holder.get(name), now)) is not None:
            return seconds
    headers = metadata.get("headers")
    if not isinstance(headers, dict):
        return None
    return wait_asked({str(name).lower(): str(value) for name, value in headers.items()}, now)


def _seconds_or_date(value: object, now: datetime) -> float | None:
    if (seconds := amount(value)) is not None:
        return seconds
    if not isinstance(value, str):
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _until(reset: float, now: datetime) -> float:
    if reset >= EPOCH_IN_MILLISECONDS:
        reset /= 1000
    return max(0.0, reset - now.timestamp()) if reset >= EPOCH_IN_SECONDS else reset
