"""Cohen's kappa: of two models on which prompts to refuse, and of two detectors on which answers are refusals.

A Python model because each prompt and model is left out in turn. Grain: (wave_id, capability, comparison, detector_a,
detector_b, model_a, model_b); models are null in the row of a wave as a whole, the mean over its pairs.

kappa = (observed - expected) / (1 - expected), Cohen 1960. Two models: agreement on a prompt is over all pairs of
samples, expected from the two rates (one sample a prompt: Cohen's own kappa). Two detectors: over the same answers.
Overall takes the prompts of all capabilities together.
"""

from itertools import combinations
from math import fsum, nan
from typing import Any

import numpy as np
import pyarrow as pa

from models_sql.jackknife import Estimate, exact_mean

FEWEST_PROMPTS = 5
Ratings = dict[str, dict[int, bool]]
"""What a rater says of each sample, by prompt."""


def kappa_of(observed: np.ndarray, rate_a: np.ndarray, rate_b: np.ndarray) -> np.ndarray:
    """Return kappa; null (nan) where chance leaves no room to agree more: both always or both never say refusal."""
    expected = rate_a * rate_b + (1 - rate_a) * (1 - rate_b)
    room = 1 - expected
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(room > 1e-12, (observed - expected) / np.where(room > 1e-12, room, 1), nan)


class Agreement:
    """Two raters over the prompts that both rated, in order of prompt_id."""

    def __init__(self, a: Ratings, b: Ratings, is_paired: bool) -> None:
        self.prompts: list[str] = []
        self.terms: list[tuple[float, float, float, float]] = []
        self.n_answers = 0
        for prompt in sorted(a.keys() & b.keys()):
            of_a, of_b = a[prompt], b[prompt]
            if is_paired:
                both = sorted(of_a.keys() & of_b.keys())
                of_a, of_b = ({s: of[s] for s in both} for of in (of_a, of_b))
            if of_a and of_b:
                rate_a, rate_b = (sum(of.values()) / len(of) for of in (of_a, of_b))
                same = rate_a * rate_b + (1 - rate_a) * (1 - rate_b)
                weight = 1.0
                if is_paired:
                    same, weight = sum(of_a[s] == of_b[s] for s in of_a) / len(of_a), float(len(of_a))
                self.prompts.append(prompt)
                self.terms.append((weight, weight * same, weight * rate_a, weight * rate_b))
                self.n_answers += len(of_a) + (0 if is_paired else len(of_b))

    def measured(self) -> tuple[Estimate, dict[str, Any]]:
        """Return kappa, each prompt left out in turn, and what stands beside it."""
        terms = np.array(self.terms).reshape(-1, 4)
        row = {"n_prompts": len(terms), "n_answers": self.n_answers, "reason": None}
        if len(terms) == 0:
            return Estimate(nan), row | {"reason": "no prompt that both rated"}
        total = np.array([fsum(column) for column in terms.T.tolist()])
        observed, rate_a, rate_b = (total[1:] / total[0]).tolist()
        row |= {"refusal_share_a": rate_a, "refusal_share_b": rate_b, "agreement_share": observed}
        if len(terms) < FEWEST_PROMPTS:
            return Estimate(nan), row | {"reason": f"fewer than {FEWEST_PROMPTS} prompts that both rated"}
        value = float(kappa_of(*(total[1:] / total[0])))
        rest = total - terms
        found = Estimate(value, None, (kappa_of(*(rest[:, 1:] / rest[:, :1]).T) - value,))
        if np.isnan(value):
            row["reason"] = "neither ever refuses" if rate_a == 0 else "both always refuse"
        elif np.isnan(found.half_width()):
            row["reason"] = "no interval: it hangs on one prompt"
        return found, row


def row_of(estimate: Estimate) -> dict[str, float | None]:
    """Return kappa and the ends of its interval."""
    half = estimate.half_width()
    ends = {"kappa": estimate.value, "ci_low": estimate.value - half, "ci_high": estimate.value + half}
    return {name: None if np.isnan(value) else value for name, value in ends.items()}


def of_wave(pairs: dict[tuple[str, str], tuple[Estimate, list[str]]], n_models: int) -> dict[str, Any]:
    """Return the mean over the pairs that have a kappa, with the two-way jackknife over models and prompts."""
    known = {pair: found for pair, found in pairs.items() if not np.isnan(found[0].value)}
    row: dict[str, Any] = {
        "n_pairs": len(known),
        "n_prompts": len({p for _, prompts in known.values() for p in prompts}),
    }
    if not known:
        why = "fewer than 2 models" if n_models < 2 else "no pair of models has a kappa"
        return row | {"reason": why}
    mean = exact_mean(np.array([found.value for found, _ in known.values()]))
    models = sorted({model for pair in known for model in pair})
    left = [exact_mean(np.array([f.value for pair, (f, _) in known.items() if m not in pair])) for m in models]
    moved: dict[str, list[float]] = {}
    for found, prompts in known.values():
        for prompt, change in zip(prompts, found.by_prompt[0].tolist(), strict=True):
            moved.setdefault(prompt, []).append(change)
    by_prompt = np.array([fsum(moved[p]) / len(known) if not np.isnan(moved[p]).any() else nan for p in sorted(moved)])
    found = Estimate(mean, np.array(left) - mean, (by_prompt,))
    reason = None
    if np.isnan(found.half_width()):
        reason = (
            "no interval: fewer than 3 models" if len(models) < 3 else "no interval: it hangs on one prompt or model"
        )
    return row | row_of(found) | {"reason": reason}


def slice_rows(ratings: dict[tuple[str, str], Ratings]) -> list[dict[str, Any]]:
    """Return every row of one wave and capability; `ratings` by (detector, model)."""
    rows: list[dict[str, Any]] = []
    for detector in sorted({detector for detector, _ in ratings}):
        models = sorted(model for of, model in ratings if of == detector)
        pairs = {}
        key = {"comparison": "models", "detector_a": detector, "detector_b": detector}
        for a, b in combinations(models, 2):
            both = Agreement(ratings[detector, a], ratings[detector, b], is_paired=False)
            found, row = both.measured()
            pairs[a, b] = (found, both.prompts)
            rows.append({**key, "model_a": a, "model_b": b, **row_of(found), **row, "n_pairs": 1})
        rows.append({**key, "n_models": len(models), **of_wave(pairs, len(models))})
    for (first, model), (second, other) in combinations(sorted(ratings, key=lambda key: (key[1], key[0])), 2):
        if model == other:
            found, row = Agreement(ratings[first, model], ratings[second, model], is_paired=True).measured()
            key = {"comparison": "detectors", "detector_a": first, "detector_b": second}
            rows.append({**key, "model_a": model, "model_b": model, **row_of(found), **row, "n_pairs": 1})
    return rows


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("wave_id", "capability", "comparison", "detector_a", "detector_b")]
    + [(name, pa.string()) for name in ("model_a", "model_b", "reason")]
    + [(name, pa.int64()) for name in ("n_prompts", "n_answers", "n_pairs", "n_models")]
    + [(name, pa.float64()) for name in ("refusal_share_a", "refusal_share_b", "agreement_share")]
    + [(name, pa.float64()) for name in ("kappa", "ci_low", "ci_high")]
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Return the agreement of every pair of models and of every pair of detectors, by capability and overall."""
    dbt.config(materialized="table")
    detections = dbt.ref("refusal_detections")
    columns = "capability, detector, model, prompt_id, sample_index, is_refusal"
    rows: list[dict[str, Any]] = []
    for (wave_id,) in detections.project("wave_id").distinct().order("wave_id").fetchall():
        name = wave_id.replace("'", "''")
        slices: dict[str, dict[tuple[str, str], Ratings]] = {"overall": {}}
        for capability, detector, who, prompt, sample, is_refusal in (
            detections.filter(f"wave_id = '{name}'").project(columns).fetchall()
        ):
            for one in (capability, "overall"):
                ratings = slices.setdefault(one, {}).setdefault((detector, who), {})
                ratings.setdefault(prompt, {})[sample] = is_refusal
        for capability, ratings in sorted(slices.items()):
            rows += [{"wave_id": wave_id, "capability": capability, **row} for row in slice_rows(ratings)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
