"""What a comparison holds. Its JSON has these names as keys: they are a contract, more may be added.

Every difference is B less A. A number that cannot be computed is null and its `reason` says why.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Operand:
    """One side. `kind`: wave, model or group; `wave_id`: where it was observed; `models`: who is in a group."""

    kind: str
    name: str
    wave_id: str
    models: tuple[str, ...] = ()
    fact: str | None = None


@dataclass(frozen=True)
class Similarity:
    """A convergence, or a difference of two, with its 95 % interval.

    `quantity`: change (waves), pair (models), within_a, within_b, between, difference (within B less within A) or
    separation (the mean of both withins less between) for groups. `value_a`, `value_b`: what a change is between.
    `n_models` and `n_prompts` are those behind it; `match`, `chance` and `ceiling` are those of a pair.
    """

    quantity: str
    capability: str
    kernel: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n_models: int
    n_prompts: int | None
    n_pairs: int | None = None
    value_a: float | None = None
    value_b: float | None = None
    match: float | None = None
    chance: float | None = None
    ceiling: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Drift:
    """How far one model moved between two waves; columns as in out.drift_by_model, the same in both directions."""

    model: str
    capability: str
    kernel: str
    method: str | None
    drift: float | None
    noise: float | None
    p_value: float | None
    p_adjusted: float | None
    is_alarm: bool
    cause: str | None
    changed_share: float | None
    n_prompts: int | None
    reason: str | None = None


@dataclass(frozen=True)
class Rate:
    """A rate on both sides and the difference, paired by prompt; `model` is null for the mean over all models.

    `a`, `b`: means over the prompts of both. `p_value` by `method` (paired t, or mcnemar where every prompt has a
    yes or a no on both sides); `p_adjusted` by Holm over all rates of the comparison.
    """

    model: str | None
    rate: str
    n_models: int
    n_prompts: int
    a: float | None
    b: float | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    p_adjusted: float | None
    method: str | None
    reason: str | None


@dataclass(frozen=True)
class Unmatched:
    """What one side has and the comparison leaves out. `model` null: every model; `prompt_id` null: the whole model.

    `side`: the side that lacks it, A, B or both.
    """

    model: str | None
    prompt_id: str | None
    side: str
    reason: str


@dataclass(frozen=True)
class Moved:
    """A prompt whose answers differ between the sides, with the first sample of each.

    `distance`: mean of 1 - kernel between the sides' answers. `within`: the mean of the same between the samples of
    each side; null with one sample. `shift`: distance - within, half of MMD squared; null with `within`.
    """

    model: str | None
    capability: str
    prompt_id: str
    question: str | None
    distance: float
    within: float | None
    shift: float | None
    n_samples_a: int
    n_samples_b: int
    answer_a: str
    answer_b: str


@dataclass(frozen=True)
class Comparison:
    """All of it. `notes`: what a reader must know, in sentences.

    `moved` is sorted by `ranked_by`. Prompts of a model: `n_compared` answered on both sides, `n_changed` of them not
    with the same texts, `n_incomparable` of these such that the kernel cannot tell how far.
    """

    kind: str
    a: Operand
    b: Operand
    finding: str
    similarity: tuple[Similarity, ...]
    drift: tuple[Drift, ...] = ()
    rates: tuple[Rate, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()
    moved: tuple[Moved, ...] = ()
    ranked_by: str | None = None
    n_compared: int | None = None
    n_changed: int | None = None
    n_incomparable: int | None = None
    notes: tuple[str, ...] = ()


def as_json(value: Any) -> Any:
    """Return a record as what JSON can hold: objects by field name, lists; a number that is none becomes null."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    return value
