"""Did a model that answers once a prompt change? Tonight's answers against those of a pool of earlier waves.

D: mean over prompts of (mean kernel within the pool - mean kernel of the new answer with the pool): sees change that
differs by prompt, and, negative, answers that vary less. T: squared length of the mean over prompts of (new embedding -
pool mean): sees a shift that all prompts share. Each misses what the other sees.

Null: within each prompt any of the L + 1 answers is equally likely the new one, independently over prompts; every draw
names one of each prompt's answers the new one and takes both statistics anew. (Good 2005, Permutation, Parametric and
Bootstrap Tests, 3.) Of two p-values the smaller counts twice: Holm 1979, Scandinavian Journal of Statistics 6.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TIE = 1e-12
"""Statistics that differ by less are equal: they differ in the order of addition only."""

SHIFT_BITS = 30
"""Embeddings less their pool lie on a grid of 2^-30, on which sums are exact in any order."""

FIRST_DRAWS = 999
"""Draws after which a test that is far from any alarm ends."""

CLEAR = 0.02
"""A smallest p above this is far from any alarm. (Ending early: Besag and Clifford 1991, Biometrika 78.)"""

AT_ONCE = 1000
"""Draws whose embeddings are summed together."""


class Prompts(NamedTuple):
    """Prompts answered by the same number of waves, the new wave last.

    `kernels`: shape (kernels, prompts, answers, answers), nan for every answer of a prompt that a kernel cannot read.
    `vectors`: shape (prompts, answers, dimensions), or None where a text has no embedding.
    """

    kernels: np.ndarray
    vectors: np.ndarray | None


class Tested(NamedTuple):
    """One kernel's test: D with its null, T (nan where this kernel has none), and the p of both and of the two."""

    difference: float
    noise_mean: float
    noise: float
    p_difference: float
    shift: float
    p_shift: float
    p_value: float
    n_prompts: int
    n_draws: int


def differences(kernels: np.ndarray) -> np.ndarray:
    """Return D of each prompt with each of its answers as the new one, shape (..., prompts, answers)."""
    others = kernels.shape[-1] - 1
    with_others = (kernels * (1 - np.eye(others + 1))).sum(axis=-1)
    all_pairs = with_others.sum(axis=-1, keepdims=True) / 2
    found: np.ndarray = (all_pairs - with_others) / (others * (others - 1) / 2) - with_others / others
    return found


def shifts(vectors: np.ndarray) -> np.ndarray:
    """Return each answer less the mean of the others, shape as given."""
    n = vectors.shape[1]
    found: np.ndarray = (n * vectors - vectors.sum(axis=1, keepdims=True)) / (n - 1)
    return found


class Sums:
    """Sums over prompts of what D and T are made of; row 0 is what was observed, the others are draws."""

    def __init__(self, n_kernels: int, draws: int, dimensions: int) -> None:
        self.difference = np.zeros((draws + 1, n_kernels))
        self.shift = np.zeros((draws + 1, dimensions))
        self.n_read = np.zeros(n_kernels, dtype=int)
        self.n_shifted = 0

    def __add__(self, other: Sums) -> Sums:
        total = Sums(len(self.n_read), len(self.difference) - 1, self.shift.shape[1])
        for name, value in vars(self).items():
            setattr(total, name, value + getattr(other, name))
        return total

    def add(self, prompts: Prompts, rng: np.random.Generator) -> None:
        """Add some prompts."""
        n_prompts, n_answers = prompts.kernels.shape[1:3]
        draws = len(self.difference) - 1
        chosen = np.vstack([np.full(n_prompts, n_answers - 1), rng.integers(0, n_answers, (draws, n_prompts))])
        flat = chosen + np.arange(n_prompts) * n_answers
        values = differences(prompts.kernels)
        readable = ~np.isnan(values).any(axis=-1)
        for number, of_kernel in enumerate(values):
            self.difference[:, number] += np.nan_to_num(of_kernel).ravel()[flat].sum(axis=1)
            self.n_read[number] += int(readable[number].sum())
        if prompts.vectors is None:
            return
        self.n_shifted += n_prompts
        moves = shifts(prompts.vectors.astype(np.float64)).reshape(n_prompts * n_answers, -1)
        moves = np.ldexp(np.rint(np.ldexp(moves, SHIFT_BITS)), -SHIFT_BITS)
        for start in range(0, draws + 1, AT_ONCE):
            some = flat[start : start + AT_ONCE]
            is_chosen = np.zeros((len(some), n_prompts * n_answers))
            np.put_along_axis(is_chosen, some, 1.0, axis=1)
            self.shift[start : start + AT_ONCE] += is_chosen @ moves

    def tested(self, kernel: int, has_shift: bool) -> Tested | None:
        """Return the test of one kernel; None where it could read no prompt."""
        n_prompts, n_draws = int(self.n_read[kernel]), len(self.difference) - 1
        if n_prompts == 0:
            return None
        difference = self.difference[:, kernel] / n_prompts
        p_difference = share_reached(np.abs(difference))
        shift, p_shift = np.nan, np.nan
        if has_shift and self.n_shifted:
            shift_lengths = ((self.shift / self.n_shifted) ** 2).sum(axis=1)
            shift, p_shift = float(shift_lengths[0]), share_reached(shift_lengths)
        return Tested(
            float(difference[0]),
            float(difference[1:].mean()),
            float(difference[1:].std()),
            p_difference,
            shift,
            p_shift,
            p_difference if np.isnan(p_shift) else min(1.0, 2 * min(p_difference, p_shift)),
            n_prompts,
            n_draws,
        )


def share_reached(statistics: np.ndarray) -> float:
    """Return (b + 1) / (draws + 1), b the draws that reach the first value."""
    reached = int((statistics[1:] >= statistics[0] - TIE).sum())
    return (reached + 1) / len(statistics)


def pool_tests(
    by_capability: dict[str, list[Prompts]], seeds: dict[str, int], draws: int
) -> dict[str, list[Tested | None]]:
    """Return the tests of every capability and of all together (`overall`), one a kernel; the first has T as well.

    A test in which nothing is near an alarm after FIRST_DRAWS draws ends there; else `draws` fresh ones decide.
    """
    for n in (min(FIRST_DRAWS, draws), draws):
        sums = {name: _summed(groups, seeds[name], n) for name, groups in sorted(by_capability.items())}
        rest = list(sums.values())
        sums["overall"] = sum(rest[1:], rest[0])
        found = {
            name: [total.tested(kernel, has_shift=kernel == 0) for kernel in range(len(total.n_read))]
            for name, total in sums.items()
        }
        if min((test.p_value for tests in found.values() for test in tests if test), default=1.0) > CLEAR:
            break
    return found


def _summed(groups: list[Prompts], seed: int, draws: int) -> Sums:
    dimensions = next((group.vectors.shape[2] for group in groups if group.vectors is not None), 0)
    sums = Sums(groups[0].kernels.shape[0], draws, dimensions)
    rng = np.random.default_rng([seed, draws])
    for group in groups:
        sums.add(group, rng)
    return sums
