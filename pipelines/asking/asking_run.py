"""One call of `ask`: keeps as many requests in flight as allowed, and hands out attempts as they arrive."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from lake.errors import BudgetError
from pipelines.asking import stopping
from pipelines.asking.budget import Reservation
from pipelines.asking.chat_request import answer_limit, messages_of
from pipelines.asking.generation import with_cost
from pipelines.asking.lanes import Job, Lane, Lanes
from pipelines.asking.outcomes import Reading, Reply
from pipelines.asking.pricing import NO_CHARGE, SELF_HOSTED, most_prompt_tokens
from pipelines.asking.records import NOT_SENT, Attempt, Question
from pipelines.asking.shortening import shortened
from pipelines.asking.stopping import what_failed
from pipelines.asking.transport import Transport

if TYPE_CHECKING:
    from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint

OTHERS_SETTLE_S = 0.2
"""How often to look whether another endpoint's calls have left room in a shared budget."""

RATE_CLASSES = frozenset({"rate_limited", "overloaded", "capacity_exhausted"})
"""Errors that say the model is asked too fast: its whole lane pauses and narrows, not only the cell."""

SLOW_CLASSES = frozenset({"timeout", "request_timeout", "gateway_timeout"})
"""Errors that say the model is asked more than it can answer in time: its lane narrows."""

FRESH_REPLY = {"X-OpenRouter-Cache": "true", "X-OpenRouter-Cache-Clear": "true"}
"""Headers of a cell that was answered from a cache: the entry is dropped and the model asked. Clearing has no
effect on a request that has the cache switched off. Source: OpenRouter, response caching (August 2026)."""

LONGEST_NAME = 80
"""Characters of a provider's name that are shown; the server chooses it."""

PATIENT_RESTS = 2
"""Rests of a failing model that the end of a night waits for when no other model has anything left to ask."""

Sendable = tuple[Lane, Job, Reservation | None]

HandedOut = tuple[Attempt, asyncio.Future[None]]
"""An attempt on its way to the journal, and what is set once it is there."""


class AskingRun:
    """The state of one start. `attempts` may be read once; `cancel` ends what is under way."""

    def __init__(self, endpoint: OpenAICompatibleEndpoint, transport: Transport, questions: Sequence[Question]) -> None:
        self.endpoint, self.transport, self.clock = endpoint, transport, endpoint.clock
        self.lanes = Lanes(questions, endpoint.spec.max_in_flight)
        self.draws = random.Random(endpoint.seed)
        self.results: asyncio.Queue[HandedOut | None] = asyncio.Queue(maxsize=2 * endpoint.spec.max_in_flight)
        self.in_flight: set[asyncio.Task[None]] = set()
        self.wake = asyncio.Event()
        self.stopped_by: BaseException | None = None
        self.replies = self.unreachable = self.settled = 0
        self._driver: asyncio.Task[None] | None = None

    async def attempts(self) -> AsyncIterator[Attempt]:
        """Yield every attempt; then raise what stopped the run, if something did."""
        loop = asyncio.get_running_loop()
        if self.endpoint.interruption:
            self._stop_asked()
        self.endpoint.interruption.on_set(lambda: loop.is_closed() or loop.call_soon_threadsafe(self._stop_asked))
        self._driver = asyncio.create_task(self._drive())
        while (handed_out := await self.results.get()) is not None:
            attempt, is_kept = handed_out
            yield attempt
            if not is_kept.done():
                is_kept.set_result(None)
        await self._driver
        if self.stopped_by is not None:
            raise self.stopped_by

    async def cancel(self) -> None:
        """End every request under way."""
        tasks = [*self.in_flight, *([self._driver] if self._driver else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drive(self) -> None:
        try:
            while self.stopped_by is None and (self.lanes.queued or self.in_flight):
                self.wake.clear()
                wait_s = self._launch()
                if self.stopped_by is None and (self.lanes.queued or self.in_flight):
                    await self._rest(wait_s)
        except Exception as error:
            self._stop(error)
        # What is under way is paid for: it is waited for and handed out even when something stopped the run.
        while self.in_flight:
            await asyncio.wait(set(self.in_flight))
        await self.results.put(None)

    def _launch(self) -> float:
        """Send what can be sent now; return the seconds until more is due, inf if only an answer can change it."""
        while len(self.in_flight) < self.endpoint.spec.max_in_flight:
            following = self._next()
            if not isinstance(following, tuple):
                return following
            task = asyncio.create_task(self._work(following))
            self.in_flight.add(task)
            task.add_done_callback(self._done)
        return math.inf

    async def _work(self, following: Sendable | float) -> None:
        """Send one request and, as soon as it is read, the next: answers that came together are not kept together.

        Requests that one loop sent for all would be answered in clumps, and a clump waits for its last answer.
        """
        while isinstance(following, tuple):
            await self._send(*following)
            if len(self.in_flight) < self.endpoint.spec.max_in_flight:
                self.wake.set()
            following = self._next()

    def _next(self) -> Sendable | float:
        """Take the next cell and reserve its money; or return the seconds until one is due, as `_launch` does."""
        now = self.clock.monotonic()
        lane, due = self.lanes.pick(now) if self.stopped_by is None else (None, math.inf)
        if lane is None:
            return due - now
        job = lane.take(now)
        try:
            reservation = self._reserve(job.question)
        except BudgetError as error:
            lane.put_back(job)
            self._stop(error)
            return math.inf
        if reservation is None and self.endpoint.budget is not None:
            lane.put_back(job)
            return OTHERS_SETTLE_S
        return lane, job, reservation

    def _reserve(self, question: Question) -> Reservation | None:
        budget = self.endpoint.budget
        if budget is None:
            return None
        model, limit = question.cell.model_requested, answer_limit(question.entry.settings)
        price = self.endpoint.prices.get(model)
        if price is None and self.endpoint.spec.flavor in SELF_HOSTED:
            price, limit = NO_CHARGE, limit or 0
        return budget.reserve(model, price, most_prompt_tokens(messages_of(question)), limit)

    async def _rest(self, seconds: float) -> None:
        if math.isinf(seconds):
            await self.wake.wait()
            return
        sleeper = asyncio.ensure_future(self.clock.sleep(max(0.0, seconds)))
        waker = asyncio.ensure_future(self.wake.wait())
        try:
            await asyncio.wait({sleeper, waker}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waker.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self.in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._stop(error)
        self.wake.set()

    def _stop(self, error: BaseException) -> None:
        self.stopped_by = self.stopped_by or error
        self.wake.set()

    def _stop_asked(self) -> None:
        self._stop(stopping.interrupted())

    async def _send(self, lane: Lane, job: Job, reservation: Reservation | None) -> None:
        """Send one request, hand out its attempt, and decide what follows."""
        question, known = job.question, None
        number = question.attempts_before + job.requests + 1
        worst_usd = reservation.usd if reservation is not None else 0.0
        try:
            request = self.endpoint.request_text(question)
            job.first_sent = job.first_sent if job.requests else self.clock.monotonic()
            job.requests += 1
            if self.endpoint.sent is not None:
                self.endpoint.sent.sent(question.cell.key, number, worst_usd)
            asked_at, started = self.clock.now(), time.perf_counter()
            reply = await self.transport.post(
                request.encode("utf-8", "replace"), FRESH_REPLY if job.was_cached else None
            )
            latency_ms = (time.perf_counter() - started) * 1000
            known = reading = self.endpoint.read(reply, question)
            attempt = self.endpoint.attempt(
                question,
                reading,
                number=number,
                request=request,
                asked_at=asked_at,
                http_status=reply.status,
                latency_ms=latency_ms,
            )
        finally:
            lane.in_flight -= 1
            self._settle(question, number, reservation, known)
        await self._hand_out(attempt)
        if reading.action == "settle":
            self.settled += 1
            lane.settled(latency_ms)
        await self._after(lane, job, reading, reply)
        if self.endpoint.keeps_generations:
            await self._look_up_cost(question, reading, attempt, reservation)

    async def _hand_out(self, attempt: Attempt) -> None:
        """Hand an attempt out and wait until it is kept: what is not on disk still counts as in flight."""
        is_kept = asyncio.get_running_loop().create_future()
        await self.results.put((attempt, is_kept))
        await is_kept

    async def _look_up_cost(
        self, question: Question, reading: Reading, attempt: Attempt, reservation: Reservation | None
    ) -> None:
        """Hand an attempt whose reply told no cost out again, with the cost that its generation record tells."""
        told = await with_cost(reading, self.transport, self.clock)
        if told is reading or told.cost_usd is None:
            return
        if self.endpoint.budget is not None and reservation is not None:
            self.endpoint.budget.correct(reservation, attempt.cost_usd, told.cost_usd)
        if self.endpoint.sent is not None and attempt.cost_usd is None:
            self.endpoint.sent.settled(question.cell.key, attempt.attempt)
        await self._hand_out(self.endpoint.amended(question, told, attempt))

    def _settle(self, question: Question, number: int, held: Reservation | None, reading: Reading | None) -> None:
        """Put what a call cost in place of its reservation; one that says nothing of it may have cost its worst."""
        cost = None if reading is None else self.endpoint.cost_of(question, reading)[0]
        charged = "unknown" if reading is None else reading.charged
        if self.endpoint.budget is not None and held is not None:
            self.endpoint.budget.settle(held, cost, charged)
        if self.endpoint.sent is not None and reading is not None and cost is None and charged != "no":
            self.endpoint.sent.unsettled(question.cell.key, number, held.usd if held is not None else 0.0)

    async def _after(self, lane: Lane, job: Job, reading: Reading, reply: Reply) -> None:
        """Decide what follows from a reading, for its cell, its model and the whole run."""
        self.replies += reply.status is not None
        self.unreachable += reading.error_class == "unreachable"
        if reading.action == "retry":
            await self._retry(lane, job, reading, reply)
        elif reading.action == "drop_model":
            await self._bury(lane, what_failed(reading, reply))
        elif reading.action == "stop_key":
            self._stop(stopping.key_refused(self.endpoint, reading, reply))
        elif reading.action == "stop_credit":
            self._stop(stopping.credit_gone(self.endpoint, reading, reply))
        elif reading.action == "stop_address" and not self.settled:
            self._stop(stopping.not_found(self.endpoint))
        elif reading.action != "settle":
            await self._failed(lane, job, what_failed(reading, reply))

    async def _retry(self, lane: Lane, job: Job, reading: Reading, reply: Reply) -> None:
        now, policy = self.clock.monotonic(), self.endpoint.retries
        if lane.dead:
            return
        if self.replies == 0 and self.unreachable >= policy.max_attempts:
            self._stop(stopping.out_of_reach(self.endpoint, reading))
            return
        asked = reading.retry_after_s
        if asked is not None and asked > policy.max_seconds:
            await self._bury(lane, f"{what_failed(reading, reply)}, to be asked again in {asked:.0f} s")
            return
        job.was_cached = job.was_cached or reading.error_class == "cache_hit"
        wait = policy.wait(job.requests, now - job.first_sent, asked, self.draws)
        counts = True
        if asked is not None or reading.error_class in RATE_CLASSES:
            counts = lane.slow_down(now, now + (asked if asked is not None else wait or 0.0))
        elif reading.error_class in SLOW_CLASSES:
            lane.narrow(job)
        if wait is not None:
            self._queue_again(lane, job, wait, reading, reply)
        if counts:
            await self._failed(lane, job, what_failed(reading, reply))

    def _queue_again(self, lane: Lane, job: Job, wait: float, reading: Reading, reply: Reply) -> None:
        now = self.clock.monotonic()
        lane.retry(job, now + wait)
        if lane.announced <= now:
            lane.announced = now + wait
            who = shortened(reading.provider_served or self.endpoint.spec.name, LONGEST_NAME)
            code = reply.status if reply.status and reply.status >= 300 else reading.error_class
            self.endpoint.notice(f"waiting {wait:.{0 if wait >= 10 else 1}f} s: {code} from {who} (model {lane.model})")

    async def _failed(self, lane: Lane, job: Job, why: str) -> None:
        rest = lane.failed(job, self.clock.monotonic(), why)
        if rest is not None and lane.rests > PATIENT_RESTS and self.lanes.all_rest(self.clock.monotonic()):
            await self._bury(lane, why)
        elif rest is not None:
            self.endpoint.notice(f"resting {rest:.0f} s: requests to {lane.model} fail one after another ({why})")
        elif lane.dead:
            await self._bury(lane, lane.dead)

    async def _bury(self, lane: Lane, why: str) -> None:
        """Give each waiting cell of a dead model an attempt that says why it was not sent."""
        lane.dead = why
        jobs = lane.give_up()
        if jobs:
            self.endpoint.notice(f"{lane.model} is given up for this start, {len(jobs)} cells not sent: {why}")
        reading = Reading("error", "give_up", NOT_SENT, f"Not sent: {why}.", charged="no")
        for job in jobs:
            attempt = self.endpoint.attempt(
                job.question,
                reading,
                number=job.question.attempts_before + job.requests + 1,
                request=self.endpoint.request_text(job.question),
                asked_at=self.clock.now(),
            )
            await self._hand_out(attempt)
