"""A hard cap on spending. Every call reserves the most it can cost before it is sent, and is settled after.

One budget serves all endpoints of a wave, in whatever threads they run.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from lake.errors import BudgetError
from pipelines.asking.money import money
from pipelines.asking.pricing import Price


@dataclass(slots=True)
class Reservation:
    """Money held for one call, in USD."""

    usd: float
    model: str
    open: bool = True


class Budget:
    """At most `cap_usd` is ever spent. `spent_usd` is what earlier starts of the same wave have spent.

    `held_usd` is money of calls that ended without saying what they cost (a time-out, a lost connection, a killed
    process), in this start or an earlier one: they may have been charged, so their worst case stays reserved.
    `kept_usd` of the cap is set aside for something else and never spent from here.
    """

    def __init__(
        self,
        cap_usd: float,
        spent_usd: float = 0.0,
        allow_unpriced: bool = False,
        held_usd: float = 0.0,
        kept_usd: float = 0.0,
    ) -> None:
        self.cap_usd, self.allow_unpriced, self.kept_usd = cap_usd, allow_unpriced, kept_usd
        self.spent_usd, self.held_usd = spent_usd, held_usd
        self._reserved_usd, self._in_flight = 0.0, 0
        self._dearer: dict[str, float] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Budget({self.spent_usd:.6f} of {self.cap_usd:.6f} USD spent, {self._reserved_usd:.6f} reserved)"

    @property
    def left_usd(self) -> float:
        """What may still be spent, calls in flight aside."""
        return self.cap_usd - self.kept_usd - self.spent_usd - self.held_usd

    def reserve(
        self, model: str, price: Price | None, prompt_tokens: int, completion_tokens: int | None
    ) -> Reservation | None:
        """Hold the worst case of one call; None while only the calls in flight leave no room: wait for one to settle.

        Raises BudgetError when the call would not fit even if every call in flight were free, and when its
        price is unknown and unpriced calls are not allowed.
        """
        if price is None or completion_tokens is None:
            if not self.allow_unpriced:
                raise BudgetError(_unpriced(model, price))
            worst = 0.0
        else:
            worst = price.most(prompt_tokens, completion_tokens)
        with self._lock:
            worst *= self._dearer.get(model, 1.0)
            gone = self.spent_usd + self.held_usd + self.kept_usd
            if gone + worst > self.cap_usd:
                raise BudgetError(
                    f"The budget of {money(self.cap_usd)} USD is used up: {money(self.spent_usd)} USD are spent, "
                    f"{money(self.held_usd)} USD may be{self._kept()}, and the next call to {model} can cost "
                    f"{money(worst)} USD. "
                    "What was answered is kept; start the same command with a higher --budget to go on."
                )
            if gone + self._reserved_usd + worst > self.cap_usd:
                return None
            self._reserved_usd += worst
            self._in_flight += 1
            return Reservation(worst, model)

    def _kept(self) -> str:
        return f", {money(self.kept_usd)} USD are kept for confirming alarms" if self.kept_usd else ""

    def settle(
        self, reservation: Reservation, cost_usd: float | None, charged: Literal["yes", "no", "unknown"]
    ) -> None:
        """Put the real cost in place of a reservation; None with charged "unknown" keeps the worst case held."""
        with self._lock:
            if not reservation.open:
                return
            reservation.open = False
            self._in_flight -= 1
            # Nothing in flight is exactly nothing: a remainder of rounding would make `reserve` wait for ever.
            self._reserved_usd = self._reserved_usd - reservation.usd if self._in_flight else 0.0
            if cost_usd is not None:
                self.spent_usd += cost_usd
                self._learn(reservation, cost_usd)
            elif charged != "no":
                self.held_usd += reservation.usd

    def _learn(self, reservation: Reservation, cost_usd: float) -> None:
        """Reserve more for a model from now on, once a call cost more than its bound: a price was not what was said."""
        if 0 < reservation.usd < cost_usd:
            known = self._dearer.get(reservation.model, 1.0)
            self._dearer[reservation.model] = known * cost_usd / reservation.usd

    def correct(self, reservation: Reservation, settled_usd: float | None, cost_usd: float) -> None:
        """Put a cost that became known later in place of what a reservation was settled with (None: its worst case)."""
        with self._lock:
            if settled_usd is None:
                self.held_usd -= reservation.usd
            self.spent_usd += cost_usd - (settled_usd or 0.0)


def _unpriced(model: str, price: Price | None) -> str:
    if price is None:
        what, remedy = "has no price in the catalogue", "Take it out of the panel"
    else:
        what, remedy = "has no bound on the length of its answers", "Set max_tokens for it"
    return f"{model} {what}, so a budget cannot hold. {remedy}, or allow it with --allow-unpriced."
