"""When to ask again: after what can succeed, a few times, within a time, at a random moment."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of retrying one cell. Seconds are wall time from its first request.

    `max_attempts` counts all requests of one start, the first included.
    """

    max_attempts: int = 4
    max_seconds: float = 900.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0

    def wait(self, requests: int, elapsed_s: float, asked_s: float | None, draws: random.Random) -> float | None:
        """Return the seconds to wait before the next request, or None to give up.

        Full jitter: anything from 0 to the doubled wait is equally likely, so that cells that failed together
        do not return together. What the server asked for is waited in full, and the jitter comes on top.
        """
        if requests >= self.max_attempts:
            return None
        backoff = min(self.longest_wait_s, self.first_wait_s * 2.0 ** (requests - 1))
        seconds = (asked_s or 0.0) + draws.uniform(0.0, backoff)
        return seconds if elapsed_s + seconds <= self.max_seconds else None
