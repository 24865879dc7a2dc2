"""Entropy of format classes with the jackknife, and how far it fell since epoch 0 where a model is a checkpoint.

A Python model because each prompt and model is left out in turn. Grain: (wave_id, model, capability), model null for
the wave as a whole. Entropy is Shannon's in bits of the shares of seven classes, plug-in: 0 = always one shape,
log2(7) = 2.81 = all alike. Overall is the mean of the capabilities.

collapse = entropy at epoch 0 - entropy at this epoch, over the prompts answered at epoch 0, at the first epoch after
it and at this one. first_epoch_share = the part of it that had happened by that first epoch; not confined to 0-1.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from models_sql.jackknife import Estimate, mean_of

CLASSES = ("code", "table", "headings", "numbered_list", "bullets", "one_liner", "prose")
LEAST_COLLAPSE = 1e-9
Counts = dict[str, np.ndarray]
"""Answers of each class by prompt."""


def entropy(counts: np.ndarray) -> np.ndarray:
    """Return the entropy in bits along the last axis; null (nan) without an answer."""
    total = counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = counts / total[..., None]
        parts = np.where(shares > 0, -shares * np.log2(np.where(shares > 0, shares, 1.0)), 0.0)
    return np.where(total > 0, parts.sum(axis=-1), np.nan)


def left_out(of_each: np.ndarray, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return what leaving out each row adds to a function of the sum of the rows."""
    total = of_each.sum(axis=0)
    return of(total - of_each) - of(total)


def measured(models: list[Counts], is_wave: bool) -> dict[str, Any]:
    """Return entropy, dominant share and shares of one capability, of one model or of a wave's models together."""
    prompts = sorted({prompt for counts in models for prompt in counts})
    none = np.zeros(len(CLASSES))
    by_prompt = np.array([np.sum([counts.get(p, none) for counts in models], axis=0) for p in prompts])
    by_model = np.array([np.sum(list(counts.values()), axis=0) for counts in models])
    total = by_prompt.sum(axis=0)
    dominant = int(np.argmax(total))

    def share(counts: np.ndarray) -> np.ndarray:
        n = counts.sum(axis=-1)
        return np.where(n > 0, counts[..., dominant] / np.where(n > 0, n, 1), np.nan)

    def estimate(of: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        leave_models = left_out(by_model, of) if is_wave else None
        return Estimate(float(of(total)), leave_models, (left_out(by_prompt, of),))

    return {
        "entropy": estimate(entropy),
        "dominant": estimate(share),
        "shares": total / total.sum(),
        "n_models": len(models),
        "n_answers": int(total.sum()),
        "n_prompts": len(prompts),
    }


def row_of(parts: list[dict[str, Any]], n_capabilities: int) -> dict[str, Any]:
    """Return the row of one capability, or of overall, whose parts are all the capabilities the model answered."""
    row = {name: sum(part[name] for part in parts) for name in ("n_answers", "n_prompts")}
    row |= {"n_models": max(part["n_models"] for part in parts), "reason": None}
    if len(parts) < n_capabilities:
        return row | {"reason": "a capability has no answer"}
    shares = np.mean([part["shares"] for part in parts], axis=0)
    dominant = int(np.argmax(shares))
    found = mean_of([part["entropy"] for part in parts])
    half = found.half_width()
    row |= {"entropy_bits": found.value, "ci_low": _null(found.value - half), "ci_high": _null(found.value + half)}
    row |= {"dominant_class": CLASSES[dominant], "dominant_share": float(shares[dominant])}
    row |= {f"{name}_share": float(share) for name, share in zip(CLASSES, shares, strict=True)}
    if len(parts) == 1:
        half = parts[0]["dominant"].half_width()
        row |= {"dominant_ci_low": _null(shares[dominant] - half), "dominant_ci_high": _null(shares[dominant] + half)}
    if row["ci_low"] is None:
        row["reason"] = "no interval: fewer than 3 models or 2 prompts"
    return row


def _null(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


class Path:
    """Entropies at epoch 0, at the first epoch after it and at this one, and what each prompt moves them by."""

    def __init__(self, origin: Counts, first: Counts, now: Counts) -> None:
        self.prompts = sorted(origin.keys() & first.keys() & now.keys())
        counts = [np.array([of[p] for p in self.prompts]).reshape(-1, len(CLASSES)) for of in (origin, first, now)]
        self.bits = np.array([entropy(c.sum(axis=0)) for c in counts])
        self.by_prompt = np.array([left_out(c, entropy) for c in counts]).reshape(3, -1)


def collapse_row(paths: list[Path]) -> dict[str, Any]:
    """Return the collapse of one capability, or of overall, the mean of whose capabilities it is."""
    n = sum(len(path.prompts) for path in paths)
    row: dict[str, Any] = {"n_matched_prompts": n}
    if not paths or any(not path.prompts for path in paths):
        return row | {"collapse_reason": "no prompt answered at all three epochs"}
    bits = np.mean([path.bits for path in paths], axis=0)

    def estimate(of: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        value = of(bits)
        moved = tuple(of(bits[:, None] + path.by_prompt / len(paths)) - value for path in paths)
        return Estimate(float(value), None, moved)

    fall = estimate(lambda b: b[0] - b[2])
    half = fall.half_width()
    row |= {"origin_entropy_bits": float(bits[0]), "collapse_bits": fall.value}
    row |= {"collapse_ci_low": _null(fall.value - half), "collapse_ci_high": _null(fall.value + half)}
    if fall.value <= LEAST_COLLAPSE:
        return row | {"collapse_reason": "no collapse"}

    def share(b: np.ndarray) -> np.ndarray:
        fell = b[0] - b[2]
        return np.where(fell > LEAST_COLLAPSE, (b[0] - b[1]) / np.where(fell > LEAST_COLLAPSE, fell, 1), np.nan)

    found = estimate(share)
    half = found.half_width()
    row |= {"first_epoch_share": found.value, "first_epoch_ci_low": _null(found.value - half)}
    row |= {"first_epoch_ci_high": _null(found.value + half)}
    return row | {
        "collapse_reason": None if row["first_epoch_ci_low"] is not None else "no interval: it hangs on one prompt"
    }


Answers = dict[tuple[str, str], dict[str, Counts]]
"""Counts by (wave_id, capability) and model."""


def paths_of(answers: Answers, epochs: dict[str, Any], capabilities: list[str]) -> list[Path]:
    """Return the path of each capability; without prompts where a wave lacks it."""
    ends = [(epochs[f"{end}_wave_id"], epochs[f"{end}_model"]) for end in ("origin", "first")]
    ends.append((epochs["wave_id"], epochs["model"]))
    return [Path(*(answers.get((wave, one), {}).get(model, {}) for wave, model in ends)) for one in capabilities]


def collapse(answers: Answers, epochs: dict[str, Any] | None, capabilities: list[str]) -> dict[str, Any]:
    """Return what is known of a model's collapse, with the reason where nothing is."""
    if epochs is None:
        return {"collapse_reason": "not a checkpoint"}
    row = {name: epochs[name] for name in ("experiment", "epoch", "first_epoch", "origin_wave_id")}
    if epochs["epoch"] == 0:
        return row | {"collapse_reason": "this is epoch 0"}
    if epochs["origin_wave_id"] is None:
        return row | {"collapse_reason": "epoch 0 was not asked"}
    return row | collapse_row(paths_of(answers, epochs, capabilities))


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("wave_id", "model", "purpose", "capability", "reason", "dominant_class")]
    + [(name, pa.string()) for name in ("experiment", "origin_wave_id", "collapse_reason")]
    + [
        (name, pa.int64())
        for name in ("n_models", "n_answers", "n_prompts", "epoch", "first_epoch", "n_matched_prompts")
    ]
    + [(name, pa.float64()) for name in ("entropy_bits", "ci_low", "ci_high", "dominant_share", "dominant_ci_low")]
    + [(name, pa.float64()) for name in ("dominant_ci_high", "origin_entropy_bits", "collapse_bits", "collapse_ci_low")]
    + [(name, pa.float64()) for name in ("collapse_ci_high", "first_epoch_share", "first_epoch_ci_low")]
    + [(name, pa.float64()) for name in ("first_epoch_ci_high", *(f"{name}_share" for name in CLASSES))]
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row a wave, model and capability in which there are answers."""
    dbt.config(materialized="table")
    answers: Answers = {}
    roles: dict[tuple[str, str], tuple[str, bool]] = {}
    columns = "wave_id, capability, model, purpose, is_counted, prompt_id, format_class, n_answers"
    for wave_id, capability, name, purpose, is_counted, prompt, kind, n in (
        dbt.ref("format_counts").project(columns).fetchall()
    ):
        roles[wave_id, name] = (purpose, is_counted)
        counts = answers.setdefault((wave_id, capability), {}).setdefault(name, {})
        counts.setdefault(prompt, np.zeros(len(CLASSES)))[CLASSES.index(kind)] = n
    epochs = dbt.ref("format_epochs")
    known = {(row[0], row[1]): dict(zip(epochs.columns, row, strict=True)) for row in epochs.fetchall()}
    declared: dict[str, list[str]] = {}
    for wave_id, capability in dbt.ref("wave_capabilities").filter("capability <> 'overall'").order("ALL").fetchall():
        declared.setdefault(wave_id, []).append(capability)
    rows: list[dict[str, Any]] = []
    for wave_id, name in sorted(roles) + sorted({(wave_id, "") for wave_id, _ in roles}):
        members = [name] if name else sorted(m for w, m in roles if w == wave_id and roles[w, m][1])
        found = {}
        for capability in declared[wave_id]:
            models = [answers.get((wave_id, capability), {}).get(one) for one in members]
            if any(models):
                found[capability] = measured([counts for counts in models if counts], is_wave=not name)
        for capability, names in [*((one, [one]) for one in found), ("overall", declared[wave_id])]:
            parts = [found[one] for one in names if one in found]
            if parts:
                key = {"wave_id": wave_id, "model": name or None, "capability": capability}
                key["purpose"] = roles[wave_id, name][0] if name else "measure"
                fall = collapse(answers, known.get((wave_id, name)), names) if name else {}
                rows.append({**key, **row_of(parts, len(names)), **fall})
    return pa.Table.from_pylist(rows, schema=SCHEMA)
