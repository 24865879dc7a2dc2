"""Every embedded text is classified once by each version of the classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lake.catalog import connect_writer, create_lake
from lake.store import Store
from pipelines.embeddings import DIMENSIONS, write_vectors
from pipelines.enrichment import detections
from pipelines.enrichment.detections import classify_unseen
from pipelines.enrichment.refusal_classifier import RefusalClassifier, load_classifier


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    create_lake(store)
    connection = connect_writer(store)
    weights = np.array(load_classifier().weights)
    along = (weights / np.linalg.norm(weights)).astype(np.float32)
    write_vectors(connection, ["declines", "answers"], np.stack([along, -along]))
    connection.execute("INSERT INTO raw.embeddings VALUES ('flat', 'all-MiniLM-L6-v2', 'fp32', [1.0, 0.0], now())")
    connection.execute(
        "INSERT INTO raw.embeddings SELECT 'other', embedder, 'bf16', vector, now() FROM raw.embeddings LIMIT 1"
    )
    connection.close()
    return store


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    connection = connect_writer(store)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_texts_are_classified_once_and_only_by_vectors_that_the_weights_fit(store: Store) -> None:
    seen: list[tuple[int, int]] = []
    assert classify_unseen(store, lambda done, total: seen.append((done, total))) == 2
    assert seen == [(2, 2)]
    assert classify_unseen(store, lambda *_: None) == 0
    assert rows(store, "SELECT text_sha, detector, label, score > .5 FROM raw.detections ORDER BY ALL") == [
        ("answers", "refusal_classifier", "answer", False),
        ("declines", "refusal_classifier", "refusal", True),
    ]
    assert rows(store, "SELECT DISTINCT detector_sha FROM raw.detections") == [(load_classifier().sha,)]


def test_new_weights_go_over_all_texts_and_the_old_detections_stay(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    classify_unseen(store, lambda *_: None)
    new = RefusalClassifier("new", "all-MiniLM-L6-v2", "fp32", "data", -9.0, (0.0,) * DIMENSIONS)
    monkeypatch.setattr(detections, "load_classifier", lambda: new)
    assert classify_unseen(store, lambda *_: None) == 2
    assert rows(store, "SELECT detector_sha = 'new', count(*) FROM raw.detections GROUP BY ALL ORDER BY ALL") == [
        (False, 2),
        (True, 2),
    ]


def test_many_texts_are_committed_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detections, "_TEXTS_A_COMMIT", 1)
    seen: list[tuple[int, int]] = []
    assert classify_unseen(store, lambda done, total: seen.append((done, total))) == 2
    assert seen == [(1, 2), (2, 2)]
