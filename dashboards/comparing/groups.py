"""Two groups of models of one wave: convergence within each and between them, with the two-way jackknife.

The pairs of the wave are built over it alone (models_sql.cut), with what each prompt adds to them, and have the digits
of out.convergence_by_pair. within: both models in the group; between: one in A, the other in B. A model in both groups
is in the pairs of both. The interval leaves out each model behind the number and each prompt (models_sql.pair_means),
as those of out.convergence_by_group and out.convergence_by_wave do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING

import numpy as np

from dashboards.comparing.batteries import capabilities
from dashboards.comparing.records import Comparison, Operand, Similarity, Unmatched
from dashboards.comparing.sentences import group_finding
from dashboards.comparing.unmatched import standing

if TYPE_CHECKING:
    import duckdb

    from models_sql.pair_means import Pair, PairsOfWave

SIDES = {"within_a": "within A", "within_b": "within B", "between": "between A and B"}
WEIGHTS: dict[str, tuple[float, float, float]] = {
    "within_a": (1, 0, 0),
    "within_b": (0, 1, 0),
    "between": (0, 0, 1),
    "difference": (-1, 1, 0),
    "separation": (0.5, 0.5, -1),
}
"""What each quantity takes of the means of SIDES."""


def compare_groups(connection: duckdb.DuckDBPyConnection, a: Operand, b: Operand) -> Comparison:
    """Return the comparison of two groups of a wave."""
    stand = standing(connection, a.wave_id)
    keys, wave = _pairs(connection, a.wave_id)
    groups = [
        frozenset(keys[m] for m in side.models if m in keys and m in stand and stand[m] is None) for side in (a, b)
    ]
    similarity = tuple(
        row
        for capability in ("overall", *capabilities(connection, a.wave_id))
        for kernel in ("combined", "semantic", "distributional")
        for row in similarities(wave, capability, kernel, groups[0], groups[1])
    )
    return Comparison(
        kind="groups",
        a=a,
        b=b,
        finding=group_finding(a.name, b.name, similarity),
        similarity=similarity,
        unmatched=tuple(_unmatched(a, b, stand)),
        notes=_notes(a, b),
    )


def _pairs(connection: duckdb.DuckDBPyConnection, wave_id: str) -> tuple[dict[str, int], PairsOfWave]:
    """Return the keys of the wave's models and their pairs."""
    from models_sql.cut import Cut, CutWave
    from models_sql.pair_means import PairsOfWave, pairs_of_wave

    cut = Cut(connection, [CutWave(wave_id, wave_id, wave_id.split("/", 1)[0])])
    scores, changes = (connection.table(cut.build(name)) for name in ("pair_scores", "pair_prompt_changes"))
    slices = connection.execute(
        f"SELECT grid_key, slice_key, capability FROM {cut.build('wave_slices')} ORDER BY ALL"
    ).fetchall()
    keys = dict(connection.execute(f"SELECT model, model_key FROM {cut.build('model_keys')}").fetchall())
    if not slices:
        return keys, PairsOfWave([], {})
    return keys, pairs_of_wave(scores, changes, slices[0][0], [(key, capability) for _, key, capability in slices])


def sides_of(pairs: Sequence[Pair], a: frozenset[int], b: frozenset[int]) -> np.ndarray:
    """Return which pairs lie within A, within B and between them, shape (3, pairs)."""
    sides = [(a.issuperset(p), b.issuperset(p), (p[0] in a and p[1] in b) or (p[0] in b and p[1] in a)) for p in pairs]
    return np.array(sides, dtype=bool).reshape(len(pairs), len(SIDES)).T


def similarities(
    wave: PairsOfWave, capability: str, kernel: str, a: frozenset[int], b: frozenset[int]
) -> Iterator[Similarity]:
    """Yield every quantity of two groups of model keys."""
    pairs, n_prompts = wave.pairs(capability, kernel), wave.n_prompts(capability, kernel)
    sides = sides_of(pairs, a, b)
    for quantity, weights in WEIGHTS.items():
        used = np.flatnonzero(sides[[k for k, weight in enumerate(weights) if weight]].any(axis=0))
        n_models = len({model for n in used for model in pairs[n]})
        found = wave.estimate(capability, kernel, sides, weights)
        half = found.half_width()
        empty = [
            name for name, weight, side in zip(SIDES.values(), weights, sides, strict=True) if weight and not any(side)
        ]
        yield Similarity(
            quantity=quantity,
            capability=capability,
            kernel=kernel,
            value=_null(found.value),
            ci_low=_null(found.value - half),
            ci_high=_null(found.value + half),
            n_models=n_models,
            n_prompts=min((n_prompts[n] for n in used), default=None),
            n_pairs=len(used),
            reason=_reason(empty, n_models, isnan(half)),
        )


def _null(value: float) -> float | None:
    return None if isnan(value) else value


def _reason(empty: list[str], n_models: int, no_interval: bool) -> str | None:
    if empty:
        return f"no pair {' or '.join(empty)} has a convergence"
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
