"""The distributional kernel between answers that lie side by side: 1 - Jensen-Shannon divergence in bits."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.sparse import csr_array


def distributional_kernels(frequencies: csr_array, texts: np.ndarray) -> np.ndarray:
    """Return the kernel of every two answers of a prompt, shape (prompts, answers, answers).

    `frequencies`: share of each token in each text, shape (texts, tokens); rows without tokens are texts too short to
    read. `texts`: row of each answer, shape (prompts, answers). Prompts with such a text are nan.
    """
    n_prompts, n_answers = texts.shape
    own = entropies(frequencies)[texts]
    found = np.ones((n_prompts, n_answers, n_answers))
    for i, j in combinations(range(n_answers), 2):
        mixed = entropies((frequencies[texts[:, i]] + frequencies[texts[:, j]]) / 2)
        kernel = 1 - mixed + (own[:, i] + own[:, j]) / 2
        found[:, i, j] = found[:, j, i] = np.where(texts[:, i] == texts[:, j], 1.0, kernel)
    too_short = (np.diff(frequencies.indptr) == 0)[texts].any(axis=1)
    found[too_short] = np.nan
    return found


def entropies(shares: csr_array) -> np.ndarray:
    """Return the entropy of every row in bits."""
    parts = np.append(-shares.data * np.log2(shares.data), 0.0)
    return np.where(np.diff(shares.indptr) > 0, np.add.reduceat(parts, shares.indptr[:-1]), 0.0)
