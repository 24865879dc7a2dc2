"""The measures once more, written straight from their definitions: no sum vectors, no joins, nothing clever.

What the SQL gives is held against this. Answers are {model: {prompt_id: [text, ...]}}.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations, permutations

import numpy as np
from scipy.stats import t

Answers = dict[str, dict[str, list[str]]]
Vector = Callable[[str], np.ndarray]
Links = list[tuple[str, str, float]]


def frequencies(text: str) -> dict[str, float] | None:
    tokens = re.findall(r"\w+|[^\w\s]", text.lower())[:60]
    if len(tokens) < 5:
        return None
    return {token: count / len(tokens) for token, count in Counter(tokens).items()}


def distributional(x: str, y: str) -> float:
    """1 - Jensen-Shannon divergence in bits, from its definition over the union of tokens."""
    p, q = frequencies(x), frequencies(y)
    assert p is not None and q is not None
    divergence = 0.0
    for token in p.keys() | q.keys():
        a, b = p.get(token, 0.0), q.get(token, 0.0)
        m = (a + b) / 2
        divergence += (a * math.log2(a / m) if a else 0) / 2 + (b * math.log2(b / m) if b else 0) / 2
    return 1 - divergence


def semantic(vector: Vector) -> Callable[[str, str], float]:
    return lambda x, y: float(vector(x).astype(float) @ vector(y).astype(float))


def mean_kernel(kernel: Callable[[str, str], float], xs: list[str], ys: list[str]) -> float:
    return float(np.mean([kernel(x, y) for x in xs for y in ys]))


def matches(kernel: Callable[[str, str], float], a: dict[str, list[str]], b: dict[str, list[str]]) -> dict[str, float]:
    return {p: mean_kernel(kernel, a[p], b[p]) for p in sorted(a.keys() & b.keys())}


def semantic_links(kernel: Callable[[str, str], float], a: dict[str, list[str]], b: dict[str, list[str]]) -> Links:
    shared = sorted(a.keys() & b.keys())
    return [(p, q, mean_kernel(kernel, a[p], b[q])) for p, q in permutations(shared, 2)]


def distributional_links(capability: str, a: dict[str, list[str]], b: dict[str, list[str]]) -> Links:
    shared = sorted(a.keys() & b.keys())
    links: Links = []
    for r in range(min(20, max(1, 3000 // len(shared)))):
        order = sorted(shared, key=lambda p: hashlib.sha256(f"0|{capability}|{r}|{p}".encode()).hexdigest())
        for p, q in zip(order, [*order[1:], order[0]], strict=True):
            links.append((p, q, distributional(a[p][r % len(a[p])], b[q][r % len(b[q])])))
            links.append((q, p, distributional(a[q][r % len(a[q])], b[p][r % len(b[p])])))
    return links


def convergence(match: dict[str, float], links: Links, without: str | None = None) -> float:
    m = np.mean([k for p, k in match.items() if p != without])
    c = np.mean([k for p, q, k in links if without not in (p, q)])
    return float((m - c) / (1 - c))


def pair_parts(
    kernel_name: str, capability: str, answers: Answers, vector: Vector
) -> dict[tuple[str, str], tuple[dict[str, float], Links]]:
    """Return (match by prompt, links of chance) of every pair that shares 5 prompts or more."""
    parts = {}
    kernel = semantic(vector) if kernel_name == "semantic" else distributional
    if kernel_name == "distributional":
        answers = {
            model: {p: kept for p, texts in of_prompt.items() if (kept := [x for x in texts if frequencies(x)])}
            for model, of_prompt in answers.items()
        }
    for a, b in combinations(sorted(answers), 2):
        if len(answers[a].keys() & answers[b].keys()) < 5:
            continue
        links = (
            semantic_links(kernel, answers[a], answers[b])
            if kernel_name == "semantic"
            else distributional_links(capability, answers[a], answers[b])
        )
        parts[a, b] = matches(kernel, answers[a], answers[b]), links
    return parts


Parts = dict[str, dict[tuple[str, str], tuple[dict[str, float], Links]]]


def wave_score(
    parts: Parts, without_model: str | None = None, without: tuple[str, str] | None = None, of: str | None = None
) -> float:
    """Mean over capabilities of the mean over pairs, or over those of one model. `without` is (capability, prompt)."""
    scores = []
    for capability, pairs in parts.items():
        prompt = without[1] if without and without[0] == capability else None
        scores.append(
            np.mean(
                [
                    convergence(match, links, prompt)
                    for pair, (match, links) in pairs.items()
                    if without_model not in pair and (of is None or of in pair)
                ]
            )
        )
    return float(np.mean(scores))


def interval(parts: Parts, of: str | None = None, reference: Parts | None = None) -> tuple[float, float]:
    """95 % interval of a wave's score, of one model's, or of the difference to a reference: two-way jackknife."""

    def score(**without: object) -> float:
        now = wave_score(parts, of=of, **without)  # type: ignore[arg-type]
        return now - (wave_score(reference, of=of, **without) if reference else 0)  # type: ignore[arg-type]

    models = sorted({model for pairs in parts.values() for pair in pairs for model in pair} - {of})
    leave_models = np.array([score(without_model=model) for model in models])
    n = len(models)
    v_models = (n - 1) / n * ((leave_models - leave_models.mean()) ** 2).sum()
    v_prompts, over_df = 0.0, v_models**2 / (n - 1)
    for capability, pairs in parts.items():
        prompts = sorted({p for match, _ in pairs.values() for p in match})
        leave = np.array([score(without=(capability, p)) for p in prompts])
        v = (len(prompts) - 1) / len(prompts) * ((leave - leave.mean()) ** 2).sum()
        v_prompts, over_df = v_prompts + v, over_df + v**2 / (len(prompts) - 1)
    variance = v_models + v_prompts
    half = t.ppf(0.975, variance**2 / over_df) * math.sqrt(variance)
    return score() - half, score() + half


def mmd(kernel: Callable[[str, str], float], now: dict[str, list[str]], then: dict[str, list[str]]) -> float:
    """MMD squared a prompt, unbiased, mean over the prompts of both."""

    def repeat(texts: list[str]) -> float:
        return float(np.mean([kernel(x, y) for x, y in permutations(texts, 2)]))

    values = [
        repeat(now[p]) + repeat(then[p]) - 2 * mean_kernel(kernel, now[p], then[p]) for p in now.keys() & then.keys()
    ]
    return float(np.mean(values))
