"""When drift alarms, and when a change is confirmed: the one rule, for what is published and for what stays in a pool.

A test alarms where its p by Holm, over all tests of its wave and kind of reference (models x capabilities x kernels),
is below the alarm level. The cause of an alarm is `identity` where another model, provider, fingerprint or checkpoint
served; `behaviour` where none of these changed and the second sample of the same night alarms too, by Holm over the
alarming tests of the model and wave that it repeats; else `unconfirmed`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

CONFIRMED = frozenset({"identity", "behaviour"})
"""Causes of a change that is no accident of one sample."""

SINCE_THE_NIGHT_BEFORE = frozenset({"previous", "pool"})
"""Kinds of reference that date a change to the wave; against its baseline an old change alarms every night."""


class DriftTest(NamedTuple):
    """One test of one model and wave; `p_confirmation`: p of its second sample, null without one."""

    wave_id: str
    model: str
    reference_kind: str
    capability: str
    kernel: str
    inputs_sha: str
    identity_changed: bool
    p_value: float | None
    p_confirmation: float | None


class Decision(NamedTuple):
    """What a test comes to; `cause` is null without an alarm."""

    p_adjusted: float | None
    cause: str | None


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p adjusted by Holm (Scandinavian Journal of Statistics 6, 1979), null where p is null."""
    present = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, place) in enumerate(present):
        least = min(1.0, max(least, p * (len(present) - rank)))
        adjusted[place] = least
    return adjusted


def decisions(tests: Sequence[DriftTest], level: float) -> list[Decision]:
    """Return what every test comes to, in their order. The tests of a wave must all be there."""
    adjusted = _holm_within(tests, [test.p_value for test in tests], lambda test: (test.wave_id, test.reference_kind))
    alarming = [p is not None and p < level for p in adjusted]
    confirmed = _confirmed([test for test, alarms in zip(tests, alarming, strict=True) if alarms], level)
    found = []
    for test, p, alarms in zip(tests, adjusted, alarming, strict=True):
        behaviour = "behaviour" if _repeated(test) in confirmed else "unconfirmed"
        cause = "identity" if test.identity_changed else behaviour
        found.append(Decision(p, cause if alarms else None))
    return found


def changed_models(tests: Sequence[DriftTest], level: float) -> set[tuple[str, str]]:
    """Return (wave_id, model) of the models that a confirmed change began in the wave; the tests as for `decisions`."""
    return {
        (test.wave_id, test.model)
        for test, decision in zip(tests, decisions(tests, level), strict=True)
        if decision.cause in CONFIRMED and test.reference_kind in SINCE_THE_NIGHT_BEFORE
    }


def _repeated(test: DriftTest) -> tuple[str, ...]:
    """Return what identifies a test: one that stands under two kinds of reference is one."""
    return (test.wave_id, test.model, test.inputs_sha, test.capability, test.kernel)


def _confirmed(alarming: Sequence[DriftTest], level: float) -> set[tuple[str, ...]]:
    second = {
        _repeated(test): test
        for test in alarming
        if not test.identity_changed and test.p_confirmation is not None
    }  # fmt: skip
    tests = list(second.values())
    adjusted = _holm_within(tests, [test.p_confirmation for test in tests], lambda test: (test.wave_id, test.model))
    return {_repeated(test) for test, p in zip(tests, adjusted, strict=True) if p is not None and p < level}


def _holm_within(
    tests: Sequence[DriftTest], p_values: Sequence[float | None], family: Callable[[DriftTest], Hashable]
) -> list[float | None]:
    families: dict[Hashable, list[int]] = {}
    for place, test in enumerate(tests):
        families.setdefault(family(test), []).append(place)
    adjusted: list[float | None] = [None] * len(tests)
    for places in families.values():
        for place, p in zip(places, holm([p_values[place] for place in places]), strict=True):
            adjusted[place] = p
    return adjusted
