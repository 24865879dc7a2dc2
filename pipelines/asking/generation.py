"""What an answered call cost when its reply does not say: OpenRouter's own record of the generation.

Source: GET {base}/generation?id=… of the OpenRouter API reference (August 2026). The record appears a moment after
the answer, so it is asked for a few times.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pipelines.asking.clock import Clock
from pipelines.asking.json_values import count_of, text_of
from pipelines.asking.outcomes import Reading
from pipelines.asking.pricing import amount
from pipelines.asking.transport import Transport

WAITS_S = (0.0, 0.5, 2.0)
"""Seconds before each look."""


async def with_cost(reading: Reading, transport: Transport, clock: Clock) -> Reading:
    """Return the reading with the cost, tokens and provider of its generation record, where it has one.

    The reading itself where it already has a cost, names no generation, was not charged, or none is found.
    """
    if reading.cost_usd is not None or reading.response_id is None or reading.charged == "no":
        return reading
    for wait_s in WAITS_S:
        if wait_s:
            await clock.sleep(wait_s)
        reply = await transport.get(f"/generation?id={quote(reading.response_id, safe='')}")
        record = _record(reply.body) if reply.status == 200 else None
        if record is not None and (cost := amount(record.get("total_cost"))) is not None:
            return replace(
                reading,
                cost_usd=cost,
                prompt_tokens=reading.prompt_tokens or count_of(record.get("native_tokens_prompt")),
                completion_tokens=reading.completion_tokens or count_of(record.get("native_tokens_completion")),
                provider_served=reading.provider_served or text_of(record.get("provider_name")),
            )
        if reply.status is not None and reply.status != 404:
            break  # 404: not yet written. Anything else will not change in two seconds.
    return reading


def _record(body: bytes | None) -> dict[str, Any] | None:
    try:
        data = json.loads(body or b"").get("data")
    except (ValueError, AttributeError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
