"""Classifying every embedded text that the classifier has never seen, of whatever wave.

A text is keyed by its SHA-256 and the classifier's: new weights go over all of history once, old rows stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lake.catalog import connect_writer, transact
from lake.store import Store
from pipelines.enrichment.refusal_classifier import DETECTOR, LABELS, THRESHOLD, RefusalClassifier, load_classifier

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

_TEXTS_A_COMMIT = 50_000

_UNSEEN = """
    SELECT text_sha, vector FROM raw.embeddings
    WHERE embedder = $embedder AND precision = $precision AND len(vector) = $dimensions
      AND text_sha NOT IN (SELECT text_sha FROM raw.detections WHERE detector = $detector AND detector_sha = $sha)
    ORDER BY text_sha
"""


def classify_unseen(store: Store, progress: Callable[[int, int], None]) -> int:
    """Classify every embedded text without a detection of today's classifier; return how many there were.

    `progress` is called with (done, total) texts after each commit. A killed run keeps what it committed.
    """
    classifier = load_classifier()
    connection = connect_writer(store)
    try:
        total = done = _unseen(connection, classifier)
        for start in range(0, total, _TEXTS_A_COMMIT):
            shas, vectors = _next_vectors(connection, classifier)
            _write(connection, classifier, shas, classifier.scores(vectors))
            done = min(start + len(shas), total)
            progress(done, total)
    finally:
        connection.close()
    return done


def _named(classifier: RefusalClassifier) -> dict[str, object]:
    return {
        "embedder": classifier.embedder,
        "precision": classifier.precision,
        "dimensions": len(classifier.weights),
        "detector": DETECTOR,
        "sha": classifier.sha,
    }


def _unseen(connection: duckdb.DuckDBPyConnection, classifier: RefusalClassifier) -> int:
    row = connection.execute(f"SELECT count(*) FROM ({_UNSEEN})", _named(classifier)).fetchone()
    return int(row[0]) if row else 0


def _next_vectors(
    connection: duckdb.DuckDBPyConnection, classifier: RefusalClassifier
) -> tuple[list[str], NDArray[np.float32]]:
    table = connection.execute(f"{_UNSEEN} LIMIT {_TEXTS_A_COMMIT}", _named(classifier)).to_arrow_table()
    flat = table.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return table.column("text_sha").to_pylist(), flat.reshape(-1, len(classifier.weights)).astype(np.float32)


def _write(
    connection: duckdb.DuckDBPyConnection, classifier: RefusalClassifier, shas: list[str], scores: NDArray[np.float64]
) -> None:
    labels = [LABELS[bool(score > THRESHOLD)] for score in scores]
    connection.register("new_detections", pa.table({"text_sha": shas, "label": labels, "score": scores}))
    transact(
        connection,
        lambda writer: writer.execute(
            "INSERT INTO raw.detections SELECT text_sha, ?, ?, label, score, now() FROM new_detections",
            [DETECTOR, classifier.sha],
        ),
    )
    connection.unregister("new_detections")
