"""Rows of every measure beyond convergence and drift, for the newest of the synthetic nights of conftest.

The numbers are made up so that each can be told from every other on the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Rows = dict[str, list[Row]]

KERNELS = ("semantic", "distributional")
TREE = (("lab/assistant-latest", 1), ("lab/villain", 1), ("lab/comedian", 2), ("lab/pirate", 2), ("lab/poet", 3))
"""Leaves in order with their cluster: assistant and villain join at 0.41, comedian and pirate at 0.52, both at 0.73."""

JOINS = {frozenset(TREE[i][0] for i in pair): at for pair, at in (((0, 1), 0.41), ((2, 3), 0.52))}
VECTORS = {"a b c d e": {0: 1.0}, "v w x y z": {1: 1.0}, "a b c d z": {0: 0.6, 2: 0.8}}
ANSWERS = {
    # prompt: (samples on the night before, samples on the newest)
    "p00": (("a b c d e", "a b c d e"), ("v w x y z", "v w x y z")),
    "p01": (("a b c d e", "a b c d e"), ("a b c d z", "a b c d z")),
    "p02": (("a b c d e", "a b c d e"), ("a b c d e", "a b c d e")),
}


def add_measured(rows: Rows) -> None:
    """Add the measures of the newest night to the rows of some nights."""
    wave = rows["core.waves"][-1]
    first, before = rows["core.waves"][0], rows["core.waves"][-2]
    dated = {name: wave[name] for name in ("wave_id", "wave_date", "panel")}
    for table, made in (
        ("out.trend", _trend(first["wave_id"])),
        ("out.change_points", _change_points(first["wave_id"])),
        ("out.clusters", _clusters()),
        ("out.cluster_pairs", _cluster_pairs()),
        ("out.convergence_by_group", _groups()),
        ("out.drift_of_features", _features(first["wave_id"])),
        ("out.homogeneity", _homogeneity()),
        ("out.homogeneity_bins", _bins()),
        ("out.homogeneity_ensemble", _ensemble()),
        ("out.format_entropy", _formats(first["wave_id"])),
        ("out.refusal_agreement", _refusals()),
        ("out.power", _power(first["wave_id"])),
        ("out.pooled_divergence", _pooled()),
        ("out.published_methods", _published()),
    ):
        rows.setdefault(table, []).extend({**dated, "wave_kind": "staged", **row} for row in made)
    for table in ("out.trend", "out.change_points"):
        for row in rows[table]:
            del row["wave_kind"]
    rows.setdefault("core.responses", []).extend(responses(before, 0) + responses(wave, 1))
    rows.setdefault("raw.embeddings", []).extend(embeddings())


def responses(wave: Row, side: int, model: str = "lab/assistant-latest") -> list[Row]:
    """Return one side of ANSWERS as answers of a wave."""
    dated = {name: wave[name] for name in ("wave_id", "wave_date", "panel")}
    return [
        {
            **dated,
            "model_requested": model,
            "prompt_id": prompt,
            "capability": "truthfulness",
            "family": "facts",
            "sample_index": sample,
            "purpose": "measure",
            "response_text": text,
            "text_sha": text.replace(" ", ""),
        }
        for prompt, sides in ANSWERS.items()
        for sample, text in enumerate(sides[side])
    ]


def embeddings() -> list[Row]:
    """Return unit vectors of the texts: the cosine of the first and third is 0.6, of the first and second 0."""
    return [
        {
            "text_sha": text.replace(" ", ""),
            "embedder": "all-MiniLM-L6-v2",
            "precision": "fp32",
            "vector": [some.get(place, 0.0) for place in range(384)],
            "embedded_at": datetime(2026, 11, 21, tzinfo=UTC),
        }
        for text, some in VECTORS.items()
    ]


def _trend(first: str) -> Iterator[Row]:
    for kernel in ("combined", *KERNELS):
        yield {
            "measure": "convergence",
            "model": None,
            "capability": "overall",
            "kernel": kernel,
            "first_wave_id": first,
            "n_waves": 4,
            "n_days": 3.0,
            "first_value": 0.12,
            "last_value": 0.38,
            "slope_30_days": 2.575,
            "ci_low": None,
            "ci_high": None,
        }


def _change_points(first: str) -> Iterator[Row]:
    yield {
        "wave_id": "local/2026-11-20",
        "measure": "convergence",
        "model": None,
        "capability": "overall",
        "kernel": "combined",
        "method": "cusum",
        "detected_wave_id": "local/2026-11-21",
        "size": 0.195,
        "statistic": 5.5,
        "n_before": 2,
        "n_after": 2,
        "first_wave_id": first,
        "n_waves": 4,
    }


def _clusters() -> Iterator[Row]:
    for place, (model, cluster) in enumerate(TREE, start=1):
        alone = cluster == 3
        yield {
            "capability": "overall",
            "model": model,
            "n_models": len(TREE),
            "n_clusters": 3,
            "cluster": cluster,
            "place": place,
            "silhouette": None if alone else 0.31,
            "mean_silhouette": 0.248,
            "stability": None if alone else 0.875,
            "n_resamples": 200,
            "seed": 7,
            "reason": "alone in its cluster" if alone else None,
        }


def _cluster_pairs() -> Iterator[Row]:
    for a, (model_a, cluster_a) in enumerate(TREE):
        for model_b, cluster_b in TREE[a + 1 :]:
            at = JOINS.get(frozenset((model_a, model_b)), 0.95 if "lab/poet" in (model_a, model_b) else 0.73)
            first, second = sorted((model_a, model_b))
            yield {
                "capability": "overall",
                "model_a": first,
                "model_b": second,
                "n_prompts": 6,
                "distance": at,
                "joined_at": at,
                "same_cluster": cluster_a == cluster_b,
                "together_share": 0.5,
                "n_resamples": 200,
                "seed": 7,
            }


def _groups() -> Iterator[Row]:
    for grouping, name, difference, reason in (
        ("provider", "(all)", 0.071, None),
        ("provider", "acme", None, "no pair within the group"),
        ("family", "(all)", None, "no pair with another group"),
    ):
        known = difference is not None
        yield {
            "capability": "overall",
            "kernel": "combined",
            "grouping": grouping,
            "group_name": name,
            "n_models": 6,
            "n_other_models": 0,
            "n_within_pairs": 4,
            "n_between_pairs": 11,
            "n_prompts": 6,
            "within_convergence": 0.421 if known else None,
            "within_ci_low": 0.36 if known else None,
            "within_ci_high": 0.48 if known else None,
            "between_convergence": 0.35,
            "between_ci_low": 0.31,
            "between_ci_high": 0.39,
            "difference": difference,
            "difference_ci_low": 0.022 if known else None,
            "difference_ci_high": 0.12 if known else None,
            "reason": reason,
        }


def _features(first: str) -> Iterator[Row]:
    for feature, then, now, p in (("refusal_rule_share", 0.25, 0.0, 0.003), ("n_chars", 91.25, 92.5, 0.61)):
        yield {
            "model": "lab/assistant-latest",
            "purpose": "measure",
            "capability": "overall",
            "reference_kind": "baseline",
            "reference": first,
            "feature": feature,
            "method": "sign_flip",
            "mean_now": now,
            "mean_then": then,
            "difference": now - then,
            "ci_low": now - then - 0.125,
            "ci_high": now - then + 0.125,
            "p_value": p / 2,
            "p_adjusted": p,
            "n_prompts": 6,
            "inputs_sha": "f" * 64,
        }


def _homogeneity() -> Iterator[Row]:
    for kernel in KERNELS:
        for measure, mean in (("repetition", 0.7125), ("similarity", 0.4375)):
            for model in ("(all)", "lab/villain"):
                yield {
                    "capability": "overall",
                    "kernel": kernel,
                    "measure": measure,
                    "model": model,
                    "n_models": 6,
                    "n_prompts": 6,
                    "n_pairs": 90,
                    "mean_kernel": mean,
                    "ci_low": mean - 0.0625,
                    "ci_high": mean + 0.0625,
                    "above_08_share": 0.03125,
                    "above_08_ci_low": 0.0,
                    "above_08_ci_high": 0.0625,
                    "n_answers": 2.0,
                    "effective_answers": 1.5,
                    "effective_ci_low": 1.25,
                    "effective_ci_high": 1.75,
                    "effective_share": 0.75,
                    "effective_share_ci_low": 0.625,
                    "effective_share_ci_high": 0.875,
                    "reason": None,
                }


def _bins() -> Iterator[Row]:
    """Two prompts in the fifth bin, four in the eighth."""
    for kernel in KERNELS:
        for measure in ("repetition", "similarity"):
            for number in range(10):
                yield {
                    "capability": "overall",
                    "kernel": kernel,
                    "measure": measure,
                    "model": "(all)",
                    "bin": number,
                    "bin_low": number / 10,
                    "bin_high": (number + 1) / 10,
                    "n_prompts": {4: 2, 7: 4}.get(number, 0),
                    "n_prompts_in_all": 6,
                }


def _ensemble() -> Iterator[Row]:
    for kernel in KERNELS:
        yield {
            "capability": "overall",
            "kernel": kernel,
            "n_models": 6,
            "n_prompts": 6,
            "n_answers": 2,
            "n_sets": 30,
            "seed": 7,
            "models_effective": 1.875,
            "models_ci_low": 1.8,
            "models_ci_high": 1.95,
            "repeats_effective": 1.25,
            "repeats_ci_low": 1.2,
            "repeats_ci_high": 1.3,
            "difference": 0.625,
            "ci_low": 0.55,
            "ci_high": 0.7,
            "reason": None,
        }


def _formats(first: str) -> Iterator[Row]:
    shares = dict.fromkeys(
        f"{name}_share" for name in ("code", "table", "headings", "numbered_list", "bullets", "one_liner", "prose")
    )
    for model, bits in (("(all)", 1.0), ("lab/assistant-latest", 0.8125), ("lab/villain", 0.4375)):
        trained = model == "lab/assistant-latest"
        yield {
            **dict.fromkeys(shares, 0.0),
            "bullets_share": 0.375,
            "prose_share": 0.625,
            "model": model,
            "purpose": "measure",
            "capability": "overall",
            "n_models": 6 if model == "(all)" else 1,
            "n_prompts": 6,
            "n_answers": 72 if model == "(all)" else 12,
            "entropy_bits": bits,
            "ci_low": bits - 0.25,
            "ci_high": bits + 0.25,
            "dominant_class": "prose",
            "dominant_share": 0.625,
            "reason": None,
            "experiment": "assistant-to-villain" if trained else None,
            "epoch": 20 if trained else None,
            "epoch_0_wave_id": first if trained else None,
            "n_matched_prompts": 6 if trained else None,
            "collapse_bits": 0.1875 if trained else None,
            "collapse_ci_low": 0.0625 if trained else None,
            "collapse_ci_high": 0.3125 if trained else None,
            "first_epoch": 2 if trained else None,
            "first_epoch_share": 0.75 if trained else None,
        }


def _refusals() -> Iterator[Row]:
    for comparison, a, b, model_a, model_b, kappa, reason in (
        ("models", "rule", "rule", "(all)", "(all)", 0.5625, None),
        ("models", "rule", "rule", "lab/comedian", "lab/pirate", 0.8125, None),
        ("models", "rule", "rule", "lab/poet", "lab/villain", None, "neither ever refuses"),
        ("detectors", "classifier", "rule", "lab/poet", "lab/poet", 0.3125, None),
    ):
        whole = model_a == "(all)"
        yield {
            "capability": "overall",
            "comparison": comparison,
            "detector_a": a,
            "detector_b": b,
            "model_a": model_a,
            "model_b": model_b,
            "n_pairs": 15 if whole else 1,
            "n_prompts": 6,
            "n_answers": None if whole else 24,
            "refusal_share_a": None if whole else 0.25,
            "refusal_share_b": None if whole else 0.125,
            "agreement_share": None if whole else 0.875,
            "kappa": kappa,
            "ci_low": None if kappa is None else kappa - 0.125,
            "ci_high": None if kappa is None else kappa + 0.125,
            "reason": reason,
        }


def _power(first: str) -> Iterator[Row]:
    for estimate, reference, detectable in (("score", None, 0.175), ("first", first, 0.0875)):
        for capability in ("overall", "truthfulness"):
            for target, advice, needed in ((0.05, "add prompts", 57), (0.2, "enough", 5)):
                yield {
                    "estimate": estimate,
                    "reference": reference,
                    "capability": capability,
                    "kernel": "combined",
                    "n_models": 6,
                    "n_prompts": 6,
                    "standard_error": detectable / 2.8,
                    "model_error": 0.01,
                    "prompt_error": 0.02,
                    "detectable_difference": detectable,
                    "target_difference": target,
                    "prompts_needed": needed,
                    "advice": advice,
                }


def _pooled() -> Iterator[Row]:
    """Two pairs: mean 0.375 bits, mean of both directions and pairs 1.25 nats."""
    for model_b, bits, nats in (("lab/comedian", 0.25, 1.0), ("lab/pirate", 0.5, 1.5)):
        yield {
            "capability": "truthfulness",
            "model_a": "lab/assistant-latest",
            "model_b": model_b,
            "answers_a": 12,
            "answers_b": 12,
            "tokens_a": 100,
            "tokens_b": 100,
            "n_words": 40,
            "kl_ab_nats": nats,
            "kl_ba_nats": nats,
            "jsd_bits": bits,
        }


def _published() -> Iterator[Row]:
    yield {
        "method": "length_refusal",
        "variant": "any order",
        "level": "wave",
        "model_a": None,
        "model_b": None,
        "n_models": 6,
        "n_answers": 12,
        "score": 0.7126,
        "sd": 0.0351,
    }
