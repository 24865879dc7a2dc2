"""Homogeneity of every wave: how alike answers to one prompt are, and how many really different ones there are.

A Python model because SQL has no eigenvalues. Grain: (wave_id, capability, kernel, measure, model), model null for
the wave as a whole. measure: repetition (samples of one model), similarity (answers of different models) or ensemble
(n models asked once against one model asked n times; the wave only). Mathematics: models_sql/homogeneity.py.

Intervals: over prompts and, for means over models, over models too. The effective numbers take the models as given,
because their number is what the measure depends on.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from models_sql import homogeneity
from models_sql.jackknife import Estimate, mean_of, over_prompts, seed_of

AT_ONCE = 128
"""Prompts whose kernels are held in memory together."""

KERNELS = {"semantic": "has_vector", "distributional": "has_tokens"}
PARTS = {"value": "", "above": "above_share", "effective": "effective", "effective_share": "effective_share"}
COUNTS = ("n_models", "n_prompts", "n_pairs")


class Slice:
    """The answers of one capability of one wave, by place: prompts, models, samples."""

    def __init__(self, answers: dict[str, np.ndarray], models: list[int], samples: list[int]) -> None:
        self.prompts, self.prompt = np.unique(answers["prompt_key"], return_inverse=True)
        self.model = np.searchsorted(models, answers["model_key"])
        self.sample = np.searchsorted(samples, answers["sample_index"])
        self.shape = (len(self.prompts), len(models), len(samples))
        self.answers = answers

    def present(self, kernel: str) -> np.ndarray:
        """Return which answers the kernel can read, shape (prompts, models, samples)."""
        found = np.zeros(self.shape, dtype=bool)
        found[self.prompt, self.model, self.sample] = self.answers[KERNELS[kernel]].astype(bool)
        return found

    def vectors(self, rows: pa.Table) -> np.ndarray:
        """Return the vectors of the answers as (prompts, models, samples, dimensions), 0 where there is none."""
        flat = rows.column("vector").combine_chunks().flatten().to_numpy()
        vectors = flat.reshape(len(rows), -1) if len(rows) else np.zeros((0, 1), dtype=np.float32)
        keys = rows.column("text_key").to_numpy()
        place = np.searchsorted(keys, self.answers["text_key"])
        known = (place < len(keys)) & (
            keys[np.minimum(place, len(keys) - 1)] == self.answers["text_key"] if len(keys) else False
        )
        found = np.zeros((*self.shape, vectors.shape[1]), dtype=np.float32)
        found[self.prompt[known], self.model[known], self.sample[known]] = vectors[place[known]]
        return found

    def semantic(self, vectors: np.ndarray, some: slice) -> np.ndarray:
        """Return the cosines of some prompts, (prompts, models, samples, models, samples)."""
        p, m, k = vectors[some].shape[:3]
        # on this grid products are exact, so that neither order nor company moves a digit
        block = np.ldexp(np.rint(np.ldexp(vectors[some].astype(np.float64), 25)), -25).reshape(p, m * k, -1)
        found = block @ block.transpose(0, 2, 1)
        found[:, range(m * k), range(m * k)] = 1.0
        return found.reshape(p, m, k, m, k)

    def distributional(
        self, shared: dict[str, np.ndarray], models: list[int], samples: list[int], some: slice
    ) -> np.ndarray:
        """Return the distributional kernels of some prompts; answers without a common token are 0."""
        _, m, k = self.shape
        wanted = self.prompts[some]
        mine = np.isin(shared["prompt_key"], wanted)
        prompt = np.searchsorted(wanted, shared["prompt_key"][mine])
        a = np.searchsorted(models, shared["model_a"][mine]), np.searchsorted(samples, shared["sample_a"][mine])
        b = np.searchsorted(models, shared["model_b"][mine]), np.searchsorted(samples, shared["sample_b"][mine])
        found = np.zeros((len(wanted), m, k, m, k))
        found[prompt, a[0], a[1], b[0], b[1]] = found[prompt, b[0], b[1], a[0], a[1]] = shared["kernel"][mine]
        flat = found.reshape(len(wanted), m * k, m * k)
        flat[:, range(m * k), range(m * k)] = 1.0
        return found


def row_of(measured: list[homogeneity.Measured], reason: str) -> dict[str, Any]:
    """Return the row of a measure: one capability's, or several that overall is the mean of."""
    row: dict[str, Any] = {name: sum(one.counts[name] for one in measured) for name in COUNTS}
    row["n_models"] = max(one.counts["n_models"] for one in measured)
    n_answers = [one.counts["n_answers"] for one in measured]
    row |= {
        "n_answers": _null(float(np.mean(n_answers))),
        "bins": np.sum([one.bins for one in measured], axis=0).tolist(),
    }
    for part, name in PARTS.items():
        row |= ends_of(mean_of([getattr(one, part) for one in measured]), name)
    row["reason"] = None
    if row["value"] is None:
        row |= {"reason": reason, "bins": None}
    elif row["ci_low"] is None:
        row["reason"] = "no interval: fewer than 3 models or 2 prompts"
    return row


def ends_of(estimate: Estimate, name: str) -> dict[str, float | None]:
    """Return an estimate and the ends of its interval under their names."""
    half = estimate.half_width()
    ends = {
        name or "value": estimate.value,
        f"{name}_ci_low": estimate.value - half,
        f"{name}_ci_high": estimate.value + half,
    }
    return {key.removeprefix("_"): _null(value) for key, value in ends.items()}


def _null(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def ensemble_row(
    prompts: list[homogeneity.Prompts], n: int, counts: dict[str, Any], seed: int | None
) -> dict[str, Any]:
    """Return the comparison of n models asked once with one model asked n times, on prompts that allow both."""
    both = [~np.isnan(one.of_models) & ~np.isnan(one.of_repeats) for one in prompts]
    of_models, of_repeats, difference = (
        mean_of([over_prompts(np.where(use, values(one), np.nan)) for one, use in zip(prompts, both, strict=True)])
        for values in (lambda o: o.of_models, lambda o: o.of_repeats, lambda o: o.of_models - o.of_repeats)
    )
    row = {
        **counts,
        "n_prompts": int(sum(use.sum() for use in both)),
        "n_answers": float(n) if n > 1 else None,
        "seed": seed,
    }
    row |= ends_of(difference, "") | ends_of(of_models, "of_models") | ends_of(of_repeats, "of_repeats")
    row["reason"] = None
    if row["value"] is None:
        row["reason"] = (
            "one model" if counts["n_models"] < 2 else "one sample a prompt" if n < 2 else "no prompt with both"
        )
    elif row["ci_low"] is None:
        row["reason"] = "no interval: fewer than 3 models or 2 prompts"
    return row


REPETITION_REASON = "no prompt with two samples of one model that the kernel can read"
SIMILARITY_REASON = "no prompt with two models that the kernel can read"


def kernel_rows(
    wave_id: str,
    kernel: str,
    models: list[int],
    parts: dict[str, homogeneity.Prompts],
    sets: dict[str, tuple[Any, ...]],
) -> list[dict[str, Any]]:
    """Return every row of one wave and kernel, by capability and overall."""
    rows = []
    for capability, names in [*((one, [one]) for one in parts), ("overall", list(parts))]:
        key = {"wave_id": wave_id, "capability": capability, "kernel": kernel}
        for place, model_key in [(None, None), *enumerate(models)]:
            for name, measure, reason in (
                ("repetition", homogeneity.repetition, REPETITION_REASON),
                ("similarity", homogeneity.similarity, SIMILARITY_REASON),
            ):
                row = row_of([measure(parts[one], place) for one in names], reason)
                rows.append({**key, "measure": name, "model_key": model_key, **row})
        n, _, is_drawn, seed = sets[names[0]]
        counts = {"n_models": len(models), "n_sets": sum(len(sets[one][1]) for one in names)}
        single = seed if is_drawn and capability != "overall" else None
        row = ensemble_row([parts[one] for one in names], n, counts, single)
        rows.append({**key, "measure": "ensemble", "model_key": None, **row})
    return rows


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("wave_id", "capability", "kernel", "measure", "reason")]
    + [("model_key", pa.int16()), ("seed", pa.int64()), ("bins", pa.list_(pa.int64())), ("n_answers", pa.float64())]
    + [(name, pa.int64()) for name in (*COUNTS, "n_sets")]
    + [(name, pa.float64()) for name in ("value", "ci_low", "ci_high")]
    + [
        (f"{name}{end}", pa.float64())
        for name in ("above_share", "effective", "effective_share", "of_models", "of_repeats")
        for end in ("", "_ci_low", "_ci_high")
    ]
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Return the measures of every wave in which a model counts."""
    dbt.config(materialized="table")
    answers, vectors, shared = dbt.ref("homogeneity_answers"), dbt.ref("text_vectors"), dbt.ref("shared_kernels")
    waves: dict[str, list[tuple[int, str]]] = {}
    for wave_id, slice_key, capability in (
        dbt.ref("wave_slices").project("wave_id, slice_key, capability").order("wave_id, capability").fetchall()
    ):
        waves.setdefault(wave_id, []).append((slice_key, capability))
    rows: list[dict[str, Any]] = []
    for wave_id, slices in waves.items():
        keys = ", ".join(str(key) for key, _ in slices)
        mine = answers.filter(f"slice_key IN ({keys})")
        models = [key for (key,) in mine.project("model_key").distinct().order("model_key").fetchall()]
        samples = [key for (key,) in mine.project("sample_index").distinct().order("sample_index").fetchall()]
        parts: dict[str, dict[str, homogeneity.Prompts]] = {kernel: {} for kernel in KERNELS}
        sets: dict[str, tuple[Any, ...]] = {}
        for slice_key, capability in slices:
            where = f"slice_key = {slice_key}"
            one = Slice(mine.filter(where).fetchnumpy(), models, samples)
            seed = seed_of(wave_id, capability, "ensemble")
            n, chosen, is_drawn = homogeneity.sets_of_models(len(models), len(samples), seed)
            sets[capability] = (n, chosen, is_drawn, seed)
            texts = mine.filter(where).project("text_key").distinct().set_alias("texts")
            found = vectors.set_alias("vectors").join(texts, "text_key", how="semi").order("text_key").to_arrow_table()
            dense, tokens = one.vectors(found), shared.filter(where).fetchnumpy()
            for kernel, by_prompt in parts.items():
                present = one.present(kernel)
                blocks = []
                for start in range(0, max(len(one.prompts), 1), AT_ONCE):
                    some = slice(start, start + AT_ONCE)
                    kernels = (
                        one.semantic(dense, some)
                        if kernel == "semantic"
                        else one.distributional(tokens, models, samples, some)
                    )
                    blocks.append(homogeneity.read(kernels, present[some], chosen, n))
                by_prompt[capability] = homogeneity.joined(blocks)
        for kernel, by_prompt in parts.items():
            rows += kernel_rows(wave_id, kernel, models, by_prompt, sets)
    return pa.Table.from_pylist(rows, schema=SCHEMA)
