"""Two groups of models of one wave: convergence within each and between them, with the jackknife over models.

Pairs are those of out.convergence_by_pair. within: both models in the group; between: one in A, the other in B. A model
in both groups is in the pairs of both. The prompts are taken as given: the interval is over models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import fsum
from typing import TYPE_CHECKING

from dashboards.comparing.batteries import capabilities
from dashboards.comparing.paired import jackknife
from dashboards.comparing.records import Comparison, Operand, Similarity, Unmatched
from dashboards.comparing.sentences import group_finding
from dashboards.comparing.unmatched import standing
from lake.catalog import quoted

if TYPE_CHECKING:
    import duckdb

Pairs = Mapping[tuple[str, str], float]
"""Convergence of each pair of models that has one, by (model_a, model_b)."""

QUANTITIES = ("within_a", "within_b", "between", "difference", "separation")


def compare_groups(connection: duckdb.DuckDBPyConnection, a: Operand, b: Operand) -> Comparison:
    """Return the comparison of two groups of a wave."""
    stand = standing(connection, a.wave_id)
    groups = [frozenset(m for m in side.models if m in stand and stand[m] is None) for side in (a, b)]
    rows = connection.execute(
        "SELECT capability, kernel, model_a, model_b, convergence, n_prompts FROM out.convergence_by_pair "
        f"WHERE wave_id = {quoted(a.wave_id)} AND convergence IS NOT NULL ORDER BY ALL"
    ).fetchall()
    similarity = []
    for capability in ("overall", *capabilities(connection, a.wave_id)):
        for kernel in ("combined", "semantic", "distributional"):
            own = {(row[2], row[3]): row[4:] for row in rows if row[0] == capability and row[1] == kernel}
            pairs = {pair: values[0] for pair, values in own.items()}
            prompts = {pair: values[1] for pair, values in own.items()}
            similarity += [
                _estimate(quantity, capability, kernel, pairs, prompts, groups[0], groups[1]) for quantity in QUANTITIES
            ]
    return Comparison(
        kind="groups",
        a=a,
        b=b,
        finding=group_finding(a.name, b.name, tuple(similarity)),
        similarity=tuple(similarity),
        unmatched=tuple(_unmatched(a, b, stand)),
        notes=_notes(a, b),
    )


def members(pairs: Pairs, a: frozenset[str], b: frozenset[str]) -> dict[str, list[tuple[str, str]]]:
    """Return which pairs lie within A, within B and between them."""
    return {
        "within_a": [pair for pair in pairs if a.issuperset(pair)],
        "within_b": [pair for pair in pairs if b.issuperset(pair)],
        "between": [(m, n) for m, n in pairs if (m in a and n in b) or (n in a and m in b)],
    }


def value_of(quantity: str, pairs: Pairs, a: frozenset[str], b: frozenset[str]) -> float | None:
    """Return one of QUANTITIES; null where a mean it needs has no pair.

    difference: within_b - within_a. separation: (within_a + within_b) / 2 - between.
    """
    sides = members(pairs, a, b)
    means = {name: fsum(pairs[pair] for pair in of) / len(of) if of else None for name, of in sides.items()}
    return _OF[quantity](means["within_a"], means["within_b"], means["between"])


def _difference(within_a: float | None, within_b: float | None, between: float | None) -> float | None:
    return None if within_a is None or within_b is None else within_b - within_a


def _separation(within_a: float | None, within_b: float | None, between: float | None) -> float | None:
    if within_a is None or within_b is None or between is None:
        return None
    return (within_a + within_b) / 2 - between


_OF: dict[str, Callable[[float | None, float | None, float | None], float | None]] = {
    "within_a": lambda within_a, within_b, between: within_a,
    "within_b": lambda within_a, within_b, between: within_b,
    "between": lambda within_a, within_b, between: between,
    "difference": _difference,
    "separation": _separation,
}
_SIDES = {
    "within_a": ("within_a",),
    "within_b": ("within_b",),
    "between": ("between",),
    "difference": ("within_a", "within_b"),
    "separation": ("within_a", "within_b", "between"),
}


def _estimate(
    quantity: str,
    capability: str,
    kernel: str,
    pairs: Pairs,
    prompts: Mapping[tuple[str, str], int],
    a: frozenset[str],
    b: frozenset[str],
) -> Similarity:
    sides = members(pairs, a, b)
    used = sorted({pair for side in _SIDES[quantity] for pair in sides[side]})
    models = sorted({model for pair in used for model in pair})
    value = value_of(quantity, pairs, a, b)
    found = None
    if value is not None:
        without = [{pair: pairs[pair] for pair in used if model not in pair} for model in models]
        found = jackknife(value, [value_of(quantity, left, a, b) for left in without])
    empty = [side for side in _SIDES[quantity] if not sides[side]]
    return Similarity(
        quantity=quantity,
        capability=capability,
        kernel=kernel,
        value=value,
        ci_low=found[0] if found else None,
        ci_high=found[1] if found else None,
        n_models=len(models),
        n_prompts=min((prompts[pair] for pair in used), default=None),
        n_pairs=len(used),
        reason=_reason(empty, len(models), found is None),
    )


def _reason(empty: list[str], n_models: int, no_interval: bool) -> str | None:
    if empty:
        names = {"within_a": "within A", "within_b": "within B", "between": "between A and B"}
        return f"no pair {' or '.join(names[side] for side in empty)} has a convergence"
    if n_models < 3:
        return "an interval needs 3 models"
    return "no interval: leaving out one model leaves no pair" if no_interval else None


def _unmatched(a: Operand, b: Operand, stand: Mapping[str, str | None]) -> list[Unmatched]:
    found = []
    for model in sorted({*a.models, *b.models}):
        reason = stand.get(model, "not asked")
        side = "both" if model in a.models and model in b.models else "A" if model in a.models else "B"
        if reason is not None:
            found.append(Unmatched(model, None, side, reason))
    return found


def _notes(a: Operand, b: Operand) -> tuple[str, ...]:
    both = sorted({*a.models} & {*b.models})
    notes = [f"Groups as the roster of {a.wave_id} declares them."]
    if both and a.models != b.models:
        notes.append(f"In both groups: {', '.join(both)}.")
    return tuple(notes)
