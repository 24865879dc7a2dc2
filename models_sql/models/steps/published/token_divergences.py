"""The distributional part of hybrid, as published: how far apart two models' token frequencies are in a capability.

Tokens: `\\w+|[^\\w\\s]` of the lowercased answer between a start and an end mark. The vocabulary of a capability is
its 1000 most frequent tokens (of equally frequent ones the first by code point; the published code takes the first
it meets). A model's distribution is the mean of its answers' frequencies, each with 1e-8 added to all 1000 places
(also the empty ones of a smaller vocabulary) and again before the KL divergence. Both in nats; JS is the distance,
the root of the divergence. Grain: (wave_id, capability, model_a, model_b), model_a < model_b.
"""

import re
from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

PLACES = 1000
EPSILON = 1e-8
TOKEN = re.compile(r"\w+|[^\w\s]")


def tokens_of(text: str) -> list[str]:
    """Return the tokens of an answer between the marks of start and end."""
    return ["<start>", *TOKEN.findall(text.lower().strip()), "<end>"]


def distributions(answers: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Return each model's distribution over the vocabulary of all answers, shape (1000,), sum 1."""
    counted = {model: [Counter(tokens_of(text)) for text in texts] for model, texts in answers.items()}
    total: Counter[str] = Counter()
    for counters in counted.values():
        for counter in counters:
            total.update(counter)
    frequent = sorted(total, key=lambda token: (-total[token], token))[:PLACES]
    place = {token: number for number, token in enumerate(frequent)}
    return {model: np.mean([_smoothed(c, place) for c in counters], axis=0) for model, counters in counted.items()}


def _smoothed(counter: Counter[str], place: dict[str, int]) -> np.ndarray:
    counts = np.zeros(PLACES)
    for token, count in counter.items():
        if token in place:
            counts[place[token]] = count
    if counts.sum() == 0:
        counts[:] = 1.0
    shares = counts / counts.sum() + EPSILON
    return np.asarray(shares / shares.sum())


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """Return the KL divergence of q from p in nats, after smoothing both again."""
    p, q = ((x / x.sum() + EPSILON) / (1 + EPSILON * len(x)) for x in (p, q))
    return float(np.sum(p * np.log(p / q)))


def js_distance(p: np.ndarray, q: np.ndarray) -> float:
    """Return the root of the Jensen-Shannon divergence, base e: 0 = equal, at most sqrt(ln 2)."""
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    return float(np.sqrt(max(0.0, (np.sum(p * np.log(p / middle)) + np.sum(q * np.log(q / middle))) / 2)))


def model(dbt: Any, session: Any) -> pa.Table:
    """Return one row a pair and capability."""
    dbt.config(materialized="table")
    waves = {row[0] for row in dbt.ref("published_pairs").project("wave_id").distinct().fetchall()}
    answers: dict[tuple[str, str], dict[str, list[str]]] = {}
    texts = dbt.ref("published_answers").project("wave_id, capability, model, prompt_id, sample_index, response_text")
    for wave_id, capability, name, _, _, text in texts.order("ALL").fetchall():
        if wave_id in waves:
            answers.setdefault((wave_id, capability), {}).setdefault(name, []).append(text)
    rows = []
    for (wave_id, capability), by_model in answers.items():
        found = distributions(by_model)
        for a, b in combinations(sorted(found), 2):
            p, q = found[a], found[b]
            names = {"wave_id": wave_id, "capability": capability, "model_a": a, "model_b": b}
            rows.append({**names, "kl_ab": kl(p, q), "kl_ba": kl(q, p), "js": js_distance(p, q)})
    return pa.Table.from_pylist(rows, schema=SCHEMA)


SCHEMA = pa.schema(
    {
        "wave_id": pa.string(),
        "capability": pa.string(),
        "model_a": pa.string(),
        "model_b": pa.string(),
        "kl_ab": pa.float64(),
        "kl_ba": pa.float64(),
        "js": pa.float64(),
    }
)
