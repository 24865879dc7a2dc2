"""Says whether an answer declines what was asked: logistic regression on the embeddings that the lake holds.

The weights are trained by `pipelines.enrichment.train_refusal` on answers written for this project. It reads no
question, and of an answer only what all-MiniLM-L6-v2 reads, the first 256 word pieces. What it is worth on recorded
answers: `python -m tests.benchmarks.bench_refusal`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DETECTOR = "refusal_classifier"
LABELS = {True: "refusal", False: "answer"}
THRESHOLD = 0.5
"""Score above which an answer is labelled a refusal."""

TRAINING_DATA = Path(__file__).parent / "refusal_training.jsonl"
WEIGHTS = Path(__file__).parent / "refusal_weights.json"


@dataclass(frozen=True)
class RefusalClassifier:
    """One weight a dimension of the embedding, and a bias; `sha` is the SHA-256 of the file they come from."""

    sha: str
    embedder: str
    precision: str
    data_sha: str
    bias: float
    weights: tuple[float, ...]

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability that each answer declines, 0-1; `vectors` have unit norm, one a row.

        Row by row the same, whatever stands in the other rows. Raises ValueError for another number of dimensions.
        """
        import numpy as np

        if vectors.ndim != 2 or vectors.shape[1] != len(self.weights):
            raise ValueError(f"The refusal classifier reads {len(self.weights)} dimensions, not {vectors.shape}.")
        # einsum without optimisation adds in one order; a matrix product's order depends on the number of rows
        logits = np.einsum("ij,j->i", vectors.astype(np.float64), np.array(self.weights), optimize=False) + self.bias
        probabilities: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-logits))
        return probabilities


@lru_cache(maxsize=1)
def load_classifier() -> RefusalClassifier:
    """Return the classifier that is shipped."""
    content = WEIGHTS.read_bytes()
    kept = json.loads(content)
    return RefusalClassifier(
        sha=hashlib.sha256(content).hexdigest(),
        embedder=kept["embedder"],
        precision=kept["precision"],
        data_sha=kept["training_data_sha"],
        bias=kept["bias"],
        weights=tuple(kept["weights"]),
    )
