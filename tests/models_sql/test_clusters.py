"""Clusters of models: by hand, against scipy and scikit-learn, and null with a reason."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet, fcluster, linkage
from scipy.spatial.distance import squareform

from models_sql.models.steps.clusters import cluster_estimates

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake

NEAR = 1e-6


def test_two_pairs_and_a_stranger_make_three_clusters(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT model, n_models, n_clusters, cluster, silhouette, mean_silhouette, stability, n_resamples, reason "
        "FROM out.clusters WHERE panel = 'grouped' AND capability = 'overall' ORDER BY model"
    )
    # ann-bob and cat-dan are .2 apart, all others 1: silhouette (1 - .2) / 1 = .8, and 0 for eve in the mean
    common = (5, 3)
    near, mean = pytest.approx(0.8, abs=NEAR), pytest.approx(3.2 / 5, abs=NEAR)
    assert rows == [
        ("ann", *common, 1, near, mean, 1.0, 200, None),
        ("bob", *common, 1, near, mean, 1.0, 200, None),
        ("cat", *common, 2, near, mean, 1.0, 200, None),
        ("dan", *common, 2, near, mean, 1.0, 200, None),
        ("eve", *common, 3, None, mean, None, 200, "alone in its cluster"),
    ]
    pairs = built.rows(
        "SELECT model_a, model_b, n_prompts, distance, joined_at, together_share FROM out.cluster_pairs "
        "WHERE panel = 'grouped' AND capability = 'overall' AND same_cluster ORDER BY model_a"
    )
    near = pytest.approx(0.2, abs=NEAR)
    assert pairs == [("ann", "bob", 5, near, near, 1.0), ("cat", "dan", 5, near, near, 1.0)]


def test_leaves_stand_in_an_order_that_keeps_clusters_together(built: BuiltLake) -> None:
    rows = built.rows(
        "SELECT cluster FROM out.clusters WHERE panel = 'grouped' AND capability = 'overall' ORDER BY place"
    )
    clusters = [cluster for (cluster,) in rows]
    assert sorted(clusters) == [1, 1, 2, 2, 3]
    assert sum(a != b for a, b in pairwise(clusters)) == 2


def test_the_seed_is_recorded_and_belongs_to_the_wave_and_capability(built: BuiltLake) -> None:
    rows = built.rows("SELECT DISTINCT wave_id, capability, seed FROM out.clusters WHERE seed IS NOT NULL")
    assert rows and len({seed for _, _, seed in rows}) == len(rows)


@pytest.mark.parametrize(
    ("panel", "reason"),
    [
        ("half-permuted", "fewer than 3 models"),
        ("single", "no two models have a convergence"),
        ("alike", "no two models have a convergence"),
        ("empty", "no two models have a convergence"),
    ],
)
def test_too_little_to_cluster_is_null_with_the_reason(built: BuiltLake, panel: str, reason: str) -> None:
    rows = built.rows(
        f"SELECT DISTINCT n_clusters, cluster, silhouette, stability, reason FROM out.clusters WHERE panel = '{panel}'"
    )
    assert rows == [(None, None, None, None, reason)]


def test_a_model_without_a_number_against_the_others_is_left_out_by_name() -> None:
    scores: dict[tuple[int, int], tuple[float | None, int]] = {
        (a, b): (None if 2 in (a, b) else 0.5, 5) for a in range(1, 6) for b in range(a + 1, 6)
    }
    assert cluster_estimates.complete(scores) == ([1, 3, 4, 5], [2])
    del scores[3, 4]
    assert cluster_estimates.complete(scores) == ([1, 3, 5], [2, 4])


def test_branches_join_at_the_mean_distance_of_their_members() -> None:
    # .2 between the first two; the third is .6 and .8 from them: .7
    tree = cluster_estimates.tree_of(np.array([[0, 0.2, 0.6], [0.2, 0, 0.8], [0.6, 0.8, 0]]))
    assert cluster_estimates.joined_at(tree) == pytest.approx(np.array([[0, 0.2, 0.7], [0.2, 0, 0.7], [0.7, 0.7, 0]]))


distances = st.integers(4, 8).flatmap(
    lambda n: st.lists(
        st.floats(0.01, 1.2), min_size=n * (n - 1) // 2, max_size=n * (n - 1) // 2, unique_by=lambda x: round(x, 6)
    )
)


@settings(max_examples=60, deadline=None)
@given(upper=distances)
def test_labels_tree_and_silhouettes_are_those_of_scipy_and_scikit_learn(upper: list[float]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    square = squareform(np.array(upper))
    tree = cluster_estimates.tree_of(square)
    assert cluster_estimates.joined_at(tree) == pytest.approx(squareform(cophenet(linkage(upper, "average"))))
    for n_clusters in range(2, len(square)):
        labels = cluster_estimates.labels_of(tree, n_clusters)
        theirs = fcluster(tree, n_clusters, "maxclust")
        assert len(set(labels.tolist())) == n_clusters
        assert np.array_equal(labels[:, None] == labels, theirs[:, None] == theirs)
        expected = metrics.silhouette_samples(square, labels, metric="precomputed")
        found = cluster_estimates.silhouettes(square, labels)
        assert np.nan_to_num(found) == pytest.approx(expected)
        alone = np.array([(labels == label).sum() == 1 for label in labels])
        assert np.array_equal(np.isnan(found), alone)


@settings(max_examples=50, deadline=None)
@given(
    match=st.lists(st.floats(0.3, 0.9), min_size=6, max_size=6),
    link=st.lists(st.floats(0, 0.3), min_size=6, max_size=6),
)
def test_a_resample_that_draws_every_prompt_once_gives_the_convergence_itself(
    match: list[float], link: list[float]
) -> None:
    n = len(match)
    chance = float(np.mean(link))
    rows = {
        "kernel": np.array(["semantic"] * n),
        "model_a": np.ones(n, dtype=int),
        "model_b": np.full(n, 2),
        "prompt_key": np.arange(n),
        "match": np.array(match),
        "link": np.array(link),
        "chance": np.full(n, chance),
    }
    parts = cluster_estimates.Parts(rows, [(1, 2)], "semantic")
    expected = (np.mean(match) - chance) / (1 - chance)
    assert parts.resampled(np.ones((1, n))) == pytest.approx(expected)
    # twice as often changes nothing either; never drawn is null, not 0
    assert parts.resampled(np.full((1, n), 2.0)) == pytest.approx(expected)
    assert np.isnan(parts.resampled(np.zeros((1, n)))).all()
