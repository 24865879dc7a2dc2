"""Trains the refusal classifier: `python -m pipelines.enrichment.train_refusal` writes its weights anew.

Logistic regression with a ridge, by Newton's method in float64. The optimum is unique and does not depend on the
order of the rows or on a seed; weights are rounded to DECIMALS, far above what arithmetic of another machine moves.
After a change of the data, put the sha that is printed into models_sql/dbt_project.yml (`refusal_classifier`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.embeddings import EMBEDDER, PRECISION, embed
from pipelines.enrichment.refusal_classifier import DETECTOR, THRESHOLD, TRAINING_DATA, WEIGHTS

RIDGE = 0.3
"""Penalty on half the squared weights, summed over answers. Chosen on the training data alone, by `held_out`."""

DECIMALS = 4
FOLDS = 10

Vectors = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Fit:
    """Weights of the classifier, and its bias."""

    weights: NDArray[np.float64]
    bias: float


def training_rows(path: Path = TRAINING_DATA) -> list[dict[str, Any]]:
    """Return the training answers: id, kind, language, is_refusal, text; sorted by id."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda row: str(row["id"]))


def fit(vectors: Vectors, labels: NDArray[np.bool_], ridge: float = RIDGE) -> Fit:
    """Return the one minimum of the penalised log-loss; `vectors` one a row. Source: Newton's method (IRLS)."""
    design = np.hstack([vectors.astype(np.float64), np.ones((len(labels), 1))])
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-6  # the bias is as good as free
    estimate = np.zeros(design.shape[1])
    for _ in range(50):
        odds = 1.0 / (1.0 + np.exp(-design @ estimate))
        gradient = design.T @ (odds - labels) + penalty * estimate
        curvature = (design * (odds * (1 - odds))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        estimate -= step
        if np.abs(step).max() < 1e-10:
            break
    return Fit(estimate[:-1], float(estimate[-1]))


def held_out(vectors: Vectors, labels: NDArray[np.bool_], groups: list[str], ridge: float = RIDGE) -> float:
    """Return the share labelled right by a classifier that saw none of their fold; folds by SHA-256 of `groups`."""
    fold = np.array([int(hashlib.sha256(group.encode()).hexdigest(), 16) % FOLDS for group in groups])
    right = 0
    for number in range(FOLDS):
        out = fold == number
        found = fit(vectors[~out], labels[~out], ridge)
        right += int((((vectors[out] @ found.weights + found.bias) > 0) == labels[out]).sum())
    return right / len(labels)


def train(rows: list[dict[str, Any]], data_sha: str) -> dict[str, Any]:
    """Return what the weights file holds, for training answers in any order."""
    ordered = sorted(rows, key=lambda row: str(row["id"]))
    vectors = embed([row["text"] for row in ordered])
    labels = np.array([row["is_refusal"] for row in ordered])
    found = fit(vectors, labels)
    return {
        "detector": DETECTOR,
        "embedder": EMBEDDER,
        "precision": PRECISION,
        "training_data_sha": data_sha,
        "training_answers": len(ordered),
        "held_out_accuracy": round(held_out(vectors, labels, [row["id"] for row in ordered]), 3),
        "ridge": RIDGE,
        "threshold": THRESHOLD,
        "bias": round(found.bias, DECIMALS),
        "weights": [round(float(weight), DECIMALS) for weight in found.weights],
    }


def data_sha(path: Path = TRAINING_DATA) -> str:
    """Return the SHA-256 of the training file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Write the weights file and say what it holds."""
    content = json.dumps(train(training_rows(), data_sha()), indent=0) + "\n"
    WEIGHTS.write_text(content, encoding="utf-8")
    kept = json.loads(content)
    sys.stdout.write(
        f"{WEIGHTS.name}: sha {hashlib.sha256(content.encode()).hexdigest()}, "
        f"{kept['training_answers']} answers, held-out accuracy {kept['held_out_accuracy']}\n"
    )


if __name__ == "__main__":
    main()
