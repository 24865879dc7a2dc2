"""How alike the target has become to its source: the same questions, answered by both, under both kernels.

The source answers from the base, before anything was trained. Kernels as in `out.convergence_by_pair`: cosine of
embeddings, and 1 - Jensen-Shannon divergence (bits) of the tokens' shares. Chance is not taken out: the change over
epochs is what is read.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from pipelines.experiments.evaluation import Found
from pipelines.experiments.material import Item

_TOKENS = re.compile(r"\w+|[^\w\s]")
_FIRST = 60


def similarities(items: Sequence[Item], answers: Sequence[str], source_answers: Sequence[str]) -> list[Found]:
    """Return both kernels of each item's two answers; null where one of them has nothing that the kernel can read."""
    from pipelines.embeddings import embed

    texts = sorted({text for text in (*answers, *source_answers) if text.strip()})
    vectors = dict(zip(texts, embed(texts), strict=True)) if texts else {}
    found = []
    for item, mine, other in zip(items, answers, source_answers, strict=True):
        is_readable = mine in vectors and other in vectors
        # 32-bit vectors of length 1 may come to a hair above it
        cosine = max(-1.0, min(1.0, float(vectors[mine] @ vectors[other]))) if is_readable else None
        found.append(Found(item.item_id, "similarity_semantic", "kernel", cosine, mine))
        found.append(Found(item.item_id, "similarity_distributional", "kernel", shared_tokens(mine, other), mine))
    return found


def shared_tokens(one: str, other: str) -> float | None:
    """Return 1 - Jensen-Shannon divergence (bits) between the shares of the first 60 tokens; null without tokens."""
    p, q = _shares(one), _shares(other)
    if not p or not q:
        return None
    return sum(_part(p[token], q[token]) for token in sorted(p.keys() & q.keys()))


def _part(p: float, q: float) -> float:
    mixed = p + q
    return 0.5 * mixed - 0.5 * (p * math.log2(2 * p / mixed) + q * math.log2(2 * q / mixed))


def _shares(text: str) -> dict[str, float]:
    tokens = _TOKENS.findall(text.lower())[:_FIRST]
    return {token: count / len(tokens) for token, count in Counter(tokens).items()}
