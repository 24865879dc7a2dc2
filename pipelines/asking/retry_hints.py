"""When a server says that it may be asked again: Retry-After and its relatives, in headers and bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pipelines.asking.pricing import amount

EPOCH_IN_SECONDS = 1e9
EPOCH_IN_MILLISECONDS = 1e12
"""A reset above these is a point in time in that unit; below them it is a number of seconds to wait."""

LIMITS = ("requests", "tokens")
"""What OpenAI and its like limit, each with headers of its own; the resets of all come with every reply."""

DURATION = re.compile(
    r"(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+(?:\.\d+)?)ms)?"
)
SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def wait_asked(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that headers (lower-case names) ask to wait; None where they ask nothing readable."""
    if (milliseconds := amount(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    if (after := headers.get("retry-after")) is not None and (seconds := _seconds_or_date(after, now)) is not None:
        return seconds
    if (reset := amount(headers.get("x-ratelimit-reset"))) is not None:
        return _until(reset, now)
    spent = [name for name in LIMITS if amount(headers.get(f"x-ratelimit-remaining-{name}")) == 0]
    waits = [seconds for name in spent if (seconds := duration(headers.get(f"x-ratelimit-reset-{name}"))) is not None]
    return max(waits, default=None)


def duration(text: str | None) -> float | None:
    """Return the seconds of a duration as Go writes it, such as 6m0s, 20ms or 1h2m3.5s; None for anything else."""
    found = DURATION.fullmatch(text or "")
    parts = {name: value for name, value in (found.groupdict() if found else {}).items() if value is not None}
    return sum(SECONDS[name] * float(value) for name, value in parts.items()) if parts else None


def wait_asked_in_body(error: Mapping[str, Any], availability: Mapping[str, Any], now: datetime) -> float | None:
    """Return the seconds that an error body asks to wait: availability.retry_after, the error, its metadata."""
    metadata = error.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for holder in (availability, error, metadata):
        for name in ("retry_after", "retry_after_seconds"):
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
