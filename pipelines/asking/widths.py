"""How many requests to one model are in flight: grows while answers come as fast as ever, shrinks when they do not.

Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP does it: the width doubles each round of
answers until the first sign of congestion (slow start), and then grows by one a round. Signs of congestion are
rate limits, time-outs, and latency: a round of answers that took far longer than rounds usually do.

Answers differ in length, so their latencies spread widely; a round counts by its geometric mean, which few long
answers do not move, less two standard errors, so that chance alone seldom narrows anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FIRST_WIDTH = 8.0
SHORTEST_ROUND = 16
"""Answers at least in a round: the latency of a few answers says little, since long answers take longer."""

CONGESTED = 2.0
"""A round surely this many times slower than the usual one says that more requests only wait longer."""

STANDARD_ERRORS = 2.0
"""What is taken off a round's mean log latency before it counts as slower."""

TRUST_FASTER, TRUST_SLOWER = 0.3, 1.002
"""How the usual latency follows: by this share of the way down to a faster round, by this factor up to a slower one.
Up slowly, because a server that is congested for minutes must not pass for usual."""

SLOWER, LIMITED = 0.75, 0.5
"""What is left of the width after a slow round, and after a rate limit or a time-out."""


@dataclass(slots=True)
class Width:
    """Requests to one model that may be in flight, between 1 and `widest`. Latencies are milliseconds."""

    widest: int
    now: float = FIRST_WIDTH
    is_starting: bool = True
    usual_ms: float | None = None
    log_ms: float = 0.0
    log_ms_squared: float = 0.0
    answers: int = 0

    def __post_init__(self) -> None:
        self.now = min(self.now, float(self.widest))

    def answered(self, latency_ms: float) -> None:
        """Note an answer; widen for it, and look at the latency when a round is complete."""
        step = 1.0 if self.is_starting else 1.0 / self.now
        self.now = min(float(self.widest), self.now + step)
        log_ms = math.log(max(latency_ms, 0.001))
        self.log_ms, self.log_ms_squared = self.log_ms + log_ms, self.log_ms_squared + log_ms * log_ms
        self.answers += 1
        if self.answers >= max(SHORTEST_ROUND, self.now):
            self._end_round()

    def limit(self) -> None:
        """Halve the width: the server said that it is asked too fast, or did not answer in time."""
        self._shrink(LIMITED)

    def restart(self) -> None:
        """Begin again with one request: the model failed and is tried."""
        self.now, self.is_starting, self.usual_ms = 1.0, True, None
        self._new_round()

    def _end_round(self) -> None:
        mean = self.log_ms / self.answers
        variance = max(0.0, self.log_ms_squared / self.answers - mean * mean)
        round_ms, surely_ms = math.exp(mean), math.exp(mean - STANDARD_ERRORS * math.sqrt(variance / self.answers))
        self._new_round()
        if self.usual_ms is None:
            self.usual_ms = round_ms
        elif surely_ms > CONGESTED * self.usual_ms:
            self._shrink(SLOWER)
        if round_ms < self.usual_ms:
            self.usual_ms += TRUST_FASTER * (round_ms - self.usual_ms)
        else:
            self.usual_ms = min(round_ms, self.usual_ms * TRUST_SLOWER)

    def _shrink(self, share: float) -> None:
        self.now, self.is_starting = max(1.0, self.now * share), False
        self._new_round()

    def _new_round(self) -> None:
        self.log_ms, self.log_ms_squared, self.answers = 0.0, 0.0, 0
