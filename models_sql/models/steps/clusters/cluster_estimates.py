"""Clusters of the models of a wave: average linkage on 1 - combined convergence, silhouette, and stability.

A Python model because SQL cannot cluster. Grain: (wave_id, capability, model_a, model_b), model_a <= model_b; the
rows of a model with itself say where the model lies, those of two models how far apart they are.

Average linkage: Sokal and Michener 1958, by scipy. The number of clusters is that of the greatest mean silhouette
(Rousseeuw 1987), 2 to n - 1; of equals the fewest. Stability: prompts are drawn again with replacement within their
capability, convergence is computed anew, the tree is cut into as many clusters, and it counts whether a pair stays
together. In a resample chance is taken to first order, from the mean of each prompt's links (Hajek projection).
"""

from typing import Any

import numpy as np
import pyarrow as pa

from models_sql.jackknife import seed_of

RESAMPLES = 200
FEWEST_MODELS = 3
WEIGHTS = {"semantic": 0.4, "distributional": 0.6}


def tree_of(distances: np.ndarray) -> np.ndarray:
    """Return scipy's linkage matrix of average linkage, from a square matrix of distances."""
    from scipy.cluster.hierarchy import linkage

    return linkage(distances[np.triu_indices(len(distances), 1)], "average")


def labels_of(tree: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return the cluster of each model, numbered from 1 in order of the first model of each."""
    n = len(tree) + 1
    members = {k: [k] for k in range(n)}
    for step in range(n - n_clusters):
        a, b = int(tree[step, 0]), int(tree[step, 1])
        members[n + step] = members.pop(a) + members.pop(b)
    labels = np.zeros(n, dtype=int)
    for number, cluster in enumerate(sorted(members.values(), key=min), start=1):
        labels[cluster] = number
    return labels


def silhouettes(distances: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the silhouette of each model; null (nan) for a model that is alone in its cluster."""
    names = np.unique(labels)
    is_in = (labels[:, None] == names[None, :]).astype(float)
    sizes = is_in.sum(axis=0)
    sums = distances @ is_in
    own = np.searchsorted(names, labels)
    rows = np.arange(len(labels))
    with np.errstate(invalid="ignore", divide="ignore"):
        within = sums[rows, own] / (sizes[own] - 1)
        others = sums / sizes
        others[rows, own] = np.inf
        nearest = others.min(axis=1)
        greatest = np.maximum(within, nearest)
        found = np.where(greatest > 0, (nearest - within) / np.where(greatest > 0, greatest, 1), 0.0)
    return np.where(sizes[own] > 1, found, np.nan)


def best_cut(distances: np.ndarray, tree: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return labels, silhouettes and their mean (a model alone counts 0) under the best number of clusters."""
    best: tuple[np.ndarray, np.ndarray, float] | None = None
    for n_clusters in range(2, len(distances)):
        labels = labels_of(tree, n_clusters)
        found = silhouettes(distances, labels)
        mean = float(np.round(np.nan_to_num(found).mean(), 12))
        if best is None or mean > best[2]:
            best = (labels, found, mean)
    assert best is not None, "fewer than 3 models came this far"
    return best


class Parts:
    """Match, links and chance of every pair under one kernel in one capability, pairs in a given order."""

    def __init__(self, rows: dict[str, np.ndarray], pairs: list[tuple[int, int]], kernel: str) -> None:
        mine = rows["kernel"] == kernel
        self.prompts = np.unique(rows["prompt_key"])
        place = {pair: n for n, pair in enumerate(pairs)}
        both = zip(rows["model_a"][mine].tolist(), rows["model_b"][mine].tolist(), strict=True)
        pair = np.array([place.get(key, -1) for key in both], dtype=int)
        prompt = np.searchsorted(self.prompts, rows["prompt_key"][mine])
        shape = (len(self.prompts), len(pairs))
        self.match, self.link, self.shared = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.chance = np.full(len(pairs), np.nan)
        known = pair >= 0
        self.match[prompt[known], pair[known]] = rows["match"][mine][known]
        self.link[prompt[known], pair[known]] = rows["link"][mine][known]
        self.shared[prompt[known], pair[known]] = 1.0
        self.chance[pair[known]] = rows["chance"][mine][known]

    def resampled(self, weights: np.ndarray) -> np.ndarray:
        """Return convergence of each resample and pair; null (nan) where a pair keeps no prompt or no room."""
        with np.errstate(invalid="ignore", divide="ignore"):
            n = weights @ self.shared
            match, link = weights @ self.match / n, weights @ self.link / n
            chance = 2 * link - self.chance
            return np.where(1 - chance > 1e-5, (match - chance) / (1 - chance), np.nan)


def resamples(
    slices: list[dict[str, np.ndarray]], pairs: list[tuple[int, int]], rng: np.random.Generator
) -> np.ndarray:
    """Return combined convergence of each resample and pair, mean over the capabilities given."""
    total = np.zeros((RESAMPLES, len(pairs)))
    for rows in slices:
        parts = {kernel: Parts(rows, pairs, kernel) for kernel in WEIGHTS}
        n = len(parts["semantic"].prompts)
        weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)
        total += sum(share * parts[kernel].resampled(weights) for kernel, share in WEIGHTS.items())
    return total / len(slices)


def complete(scores: dict[tuple[int, int], tuple[float | None, int]]) -> tuple[list[int], list[int]]:
    """Return the models with a convergence with each other, and those left out, the least connected first."""
    models = sorted({model for pair in scores for model in pair})
    left_out: list[int] = []
    while True:
        missing = {
            model: sum(scores.get((min(model, o), max(model, o)), (None, 0))[0] is None for o in models if o != model)
            for model in models
        }
        worst = max(models, key=lambda model: (missing[model], model), default=None)
        if worst is None or missing[worst] == 0:
            return models, sorted(left_out)
        models.remove(worst)
        left_out.append(worst)


def slice_rows(
    scores: dict[tuple[int, int], tuple[float | None, int]], slices: list[dict[str, np.ndarray]], seed: int
) -> list[dict[str, Any]]:
    """Return the rows of one wave and capability; `scores` holds combined convergence and prompts of each pair."""
    models, left_out = complete(scores)
    alone = [{"model_a": m, "model_b": m, "reason": "no convergence with every other model"} for m in left_out]
    if len(models) < FEWEST_MODELS:
        few = [{"model_a": m, "model_b": m, "reason": f"fewer than {FEWEST_MODELS} models"} for m in models]
        return [{**row, "n_models": len(models)} for row in alone + few]
    place = {model: n for n, model in enumerate(models)}
    pairs = [(a, b) for a in models for b in models if a < b]
    a, b = np.triu_indices(len(models), 1)

    def square(values: np.ndarray) -> np.ndarray:
        found = np.zeros((len(models), len(models)))
        # a convergence above 1 is rounding
        found[a, b] = found[b, a] = np.maximum(1 - values, 0)
        return found

    distances = square(np.array([scores[pair][0] for pair in pairs], dtype=float))
    tree = tree_of(distances)
    labels, found, mean = best_cut(distances, tree)
    together, n_valid = stability(resamples(slices, pairs, np.random.default_rng(seed)), int(labels.max()), square)
    joined = joined_at(tree)
    order = {model: n for n, model in enumerate(leaves(tree))}
    common = {"n_models": len(models), "n_clusters": int(labels.max()), "mean_silhouette": mean}
    common |= {"n_resamples": n_valid, "seed": seed}
    rows: list[dict[str, Any]] = [{**row, "n_models": len(models)} for row in alone]
    for model, n in place.items():
        mates = [o for o in range(len(models)) if o != n and labels[o] == labels[n]]
        row = {"model_a": model, "model_b": model, "cluster": int(labels[n]), "place": order[n] + 1}
        if mates:
            row |= {"silhouette": float(found[n])}
            row |= {"stability": float(together[n, mates].mean()) if n_valid else None}
        else:
            row["reason"] = "alone in its cluster"
        rows.append({**common, **row})
    for pair in pairs:
        n, m = place[pair[0]], place[pair[1]]
        row = {"model_a": pair[0], "model_b": pair[1], "distance": float(distances[n, m]), "n_prompts": scores[pair][1]}
        row |= {"joined_at": float(joined[n, m]), "same_cluster": bool(labels[n] == labels[m])}
        row |= {"stability": float(together[n, m]) if n_valid else None}
        rows.append({**common, **row})
    return rows


def stability(convergence: np.ndarray, n_clusters: int, square: Any) -> tuple[np.ndarray, int]:
    """Return in which share of the resamples each two models are in one cluster, and how many resamples count."""
    counts: Any = 0.0
    n_valid = 0
    for values in convergence:
        if not np.isnan(values).any():
            labels = labels_of(tree_of(square(values)), n_clusters)
            counts = counts + (labels[:, None] == labels[None, :])
            n_valid += 1
    return np.asarray(counts) / max(n_valid, 1), n_valid


def leaves(tree: np.ndarray) -> list[int]:
    """Return the models in the order of the tree's leaves, so that no branches cross."""
    from scipy.cluster.hierarchy import leaves_list

    return [int(leaf) for leaf in leaves_list(tree)]


def joined_at(tree: np.ndarray) -> np.ndarray:
    """Return the distance at which each two models are first in one branch (cophenetic distance), square."""
    n = len(tree) + 1
    members = {k: [k] for k in range(n)}
    found = np.zeros((n, n))
    for step, (a, b, height, _) in enumerate(tree):
        left, right = members.pop(int(a)), members.pop(int(b))
        found[np.ix_(left, right)] = height
        found[np.ix_(right, left)] = height
        members[n + step] = left + right
    return found


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("wave_id", "capability", "reason")]
    + [("model_a", pa.int16()), ("model_b", pa.int16()), ("same_cluster", pa.bool_())]
    + [
        (name, pa.int64())
        for name in ("n_models", "n_clusters", "cluster", "place", "n_prompts", "n_resamples", "seed")
    ]
    + [(name, pa.float64()) for name in ("mean_silhouette", "silhouette", "stability", "distance", "joined_at")]
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Return the clusters of every wave in which two models have a convergence."""
    dbt.config(materialized="table")
    pair_scores, changes = dbt.ref("pair_scores"), dbt.ref("pair_prompt_changes")
    waves: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for wave_id, grid_key, slice_key, capability in dbt.ref("wave_slices").order("wave_id, capability").fetchall():
        waves.setdefault((wave_id, grid_key), []).append((slice_key, capability))
    rows: list[dict[str, Any]] = []
    for (wave_id, grid_key), slices in waves.items():
        scores: dict[str, dict[tuple[int, int], tuple[float | None, int]]] = {}
        combined = pair_scores.filter(f"grid_key = {grid_key} AND kernel = 'combined'")
        for capability, a, b, value, n in combined.project(
            "capability, model_a, model_b, convergence, n_prompts"
        ).fetchall():
            scores.setdefault(capability, {})[a, b] = (value, n)
        if not scores:
            continue
        columns = "kernel, model_a, model_b, prompt_key, match, link, chance"
        read = {
            capability: changes.filter(f"slice_key = {key}").project(columns).fetchnumpy() for key, capability in slices
        }
        for capability, found in sorted(scores.items()):
            parts = list(read.values()) if capability == "overall" else [read[capability]]
            made = slice_rows(found, parts, seed_of(wave_id, capability, "clusters"))
            rows += [{"wave_id": wave_id, "capability": capability, **row} for row in made]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
