"""Which cell is sent next. Each model has a lane of its own, so that one in trouble holds up no other.

A lane is as wide as its model can bear (widths.py), and a lane that has more than its share in flight lets the
others go first, so that a slow model does not fill the whole endpoint. A model whose requests fail in a row rests
and is tried with one; a model that stays dead costs a bounded number of requests, and the rest of its cells are
not sent.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.asking.records import Question
from pipelines.asking.widths import Width

FAILURES_IN_A_ROW = 15
"""Requests to a model that may fail one after another before it rests."""

RESTS_S = (15.0, 60.0, 180.0, 600.0)
"""Seconds a failing model rests before one request tries it again; after the last rest it counts as dead."""


@dataclass(slots=True, eq=False)
class Job:
    """A question on its way: how often this start has sent it, when first (monotonic seconds), and in which era.

    `narrowing` counts how often its lane had narrowed by then. `was_cached` says that a cache has answered it: it
    is then asked in a way that no cache can answer.
    """

    question: Question
    order: int
    requests: int = 0
    first_sent: float = 0.0
    era: int = 0
    narrowing: int = 0
    was_cached: bool = False


@dataclass(slots=True)
class Lane:
    """The cells of one model. Times are monotonic seconds.

    `width` bounds the requests in flight; `dead` says why nothing more is sent; `announced` is the time until
    which the user knows of a wait.
    """

    model: str
    width: Width
    fresh: deque[Job] = field(default_factory=deque)
    again: list[tuple[float, int, Job]] = field(default_factory=list)
    in_flight: int = 0
    paused_until: float = -math.inf
    resting_until: float = -math.inf
    announced: float = -math.inf
    failures: int = 0
    rests: int = 0
    era: int = 0
    narrowings: int = 0
    dead: str | None = None

    @property
    def queued(self) -> int:
        """Cells that wait in this lane."""
        return len(self.fresh) + len(self.again)

    def due(self) -> float:
        """Return when this lane can send next: -inf at once, inf not before something else happens."""
        if self.dead or not self.queued or self.in_flight >= int(self.width.now):
            return math.inf
        return max(self.paused_until, self.resting_until, -math.inf if self.fresh else self.again[0][0])

    def next_order(self, now: float) -> int:
        """Return the place of the cell that `take` would give."""
        return self.again[0][1] if self.again and self.again[0][0] <= now else self.fresh[0].order

    def take(self, now: float) -> Job:
        """Return the next cell: a due retry before a fresh one."""
        self.in_flight += 1
        is_due = bool(self.again) and self.again[0][0] <= now
        job = heapq.heappop(self.again)[2] if is_due else self.fresh.popleft()
        job.era, job.narrowing = self.era, self.narrowings
        return job

    def put_back(self, job: Job) -> None:
        """Undo `take`: the cell was not sent."""
        self.in_flight -= 1
        self.fresh.appendleft(job)

    def retry(self, job: Job, due: float) -> None:
        """Queue a cell once more, to be sent no earlier than `due`."""
        heapq.heappush(self.again, (due, job.order, job))

    def slow_down(self, now: float, until: float) -> bool:
        """Send nothing before `until`, and then fewer at once.

        Replies to one burst halve it once: False says that this one came to a lane already paused.
        """
        is_first = now >= self.paused_until
        if is_first:
            self.width.limit()
        self.paused_until = max(self.paused_until, until)
        return is_first

    def narrow(self, job: Job) -> None:
        """Send fewer at once from now on: a request was not answered in time. One round of them counts once."""
        if job.narrowing == self.narrowings:
            self.width.limit()
            self.narrowings += 1

    def settled(self, latency_ms: float) -> None:
        """Note an answer and how long it took: the model lives, and may bear more."""
        self.failures = self.rests = 0
        self.width.answered(latency_ms)

    def failed(self, job: Job, now: float, why: str) -> float | None:
        """Note a failed request. Return the seconds this lane now rests, or None if it goes on.

        After a rest the first failure counts; after the last rest it makes the lane dead.
        """
        if self.dead or job.era != self.era:
            return None
        self.failures += 1
        if self.failures < (1 if self.rests else FAILURES_IN_A_ROW):
            return None
        if self.rests >= len(RESTS_S):
            self.dead = why
            return None
        rest = RESTS_S[self.rests]
        self.rests, self.era = self.rests + 1, self.era + 1
        self.failures, self.resting_until = 0, now + rest
        self.width.restart()
        return rest

    def give_up(self) -> list[Job]:
        """Return every waiting cell in order and leave the lane empty."""
        jobs = sorted([*self.fresh, *(job for _, _, job in self.again)], key=lambda job: job.order)
        self.fresh.clear()
        self.again.clear()
        return jobs


class Lanes:
    """All lanes of one start, in the order in which the questions came. `widest` bounds what is in flight in all."""

    def __init__(self, questions: Sequence[Question], widest: int) -> None:
        self.widest = widest
        self.by_model: dict[str, Lane] = {}
        for order, question in enumerate(questions):
            model = question.cell.model_requested
            lane = self.by_model.get(model)
            if lane is None:
                lane = self.by_model[model] = Lane(model, Width(widest))
            lane.fresh.append(Job(question, order))

    @property
    def queued(self) -> int:
        """Cells that wait in any lane."""
        return sum(lane.queued for lane in self.by_model.values())

    def all_rest(self, now: float) -> bool:
        """Say whether every lane that has something left to ask is resting, because its model fails."""
        return all(lane.resting_until > now for lane in self.by_model.values() if lane.queued or lane.in_flight)

    def pick(self, now: float) -> tuple[Lane | None, float]:
        """Return the lane whose next cell is sent now, and -inf; or None and when some lane is due (inf: none).

        The cell that comes first goes first, unless its model has its share in flight already and another has not.
        """
        waiting = [lane for lane in self.by_model.values() if lane.queued and not lane.dead]
        share = self.widest / max(1, len(waiting))
        chosen, place, soonest = None, (True, math.inf), math.inf
        for lane in waiting:
            due = lane.due()
            if due > now:
                soonest = min(soonest, due)
            elif (here := (lane.in_flight >= share, lane.next_order(now))) < place:
                chosen, place = lane, here
        return chosen, -math.inf if chosen else soonest
