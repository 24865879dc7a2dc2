from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from lake.catalog import connect_reader, connect_writer, create_lake
from lake.store import Store
from lake.tables import RAW_ATTEMPTS
from pipelines.embeddings import DIMENSIONS, _model, beginning, embed, embed_wave
from pipelines.loading import frame_of, load

NOW = datetime(2026, 1, 1, 2, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    create_lake(store)
    return store


def answer(store: Store, wave_id: str, texts: list[str], outcome: str = "ok") -> None:
    rows = [
        {
            "wave_id": wave_id,
            "wave_date": date(2026, 1, 1),
            "panel": "p",
            "model_requested": "m",
            "endpoint": "e",
            "prompt_id": f"q{number}",
            "sample_index": 0,
            "purpose": "measure",
            "attempt": 1,
            "outcome": outcome,
            "response_text": text,
            "asked_at": NOW,
            "request": "{}",
        }
        for number, text in enumerate(texts)
    ]
    load(store, {RAW_ATTEMPTS: frame_of(RAW_ATTEMPTS, rows)})


def test_only_unseen_texts_of_usable_answers_are_embedded(store: Store) -> None:
    seen: list[tuple[int, int]] = []
    answer(store, "p/1", ["Paris.", "Paris.", "It is Paris, of course."])
    assert embed_wave(store, "p/1", lambda done, total: seen.append((done, total))) == 2
    assert seen == [(2, 2)]
    assert embed_wave(store, "p/1", lambda *_: None) == 0
    answer(store, "p/2", ["Paris.", "Rome."])
    assert embed_wave(store, "p/2", lambda *_: None) == 1
    answer(store, "p/3", ["HTTP 500"], outcome="error")
    assert embed_wave(store, "p/3", lambda *_: None) == 0


def test_a_vector_is_stored_bit_for_bit_under_the_sha_of_its_text_with_its_precision(store: Store) -> None:
    answer(store, "p/1", ["Grüße, 世界"])
    embed_wave(store, "p/1", lambda *_: None)
    row = (
        connect_reader(store, "head")
        .execute(
            "SELECT vector::FLOAT[384], embedder, precision FROM raw.embeddings WHERE text_sha = sha256('Grüße, 世界')"
        )
        .fetchone()
    )
    assert row is not None
    assert row[1:] == ("all-MiniLM-L6-v2", "fp32")
    assert np.array_equal(np.array(row[0], np.float32), embed(["Grüße, 世界"])[0])


def test_vectors_are_unit_norm_and_in_the_order_given() -> None:
    texts = ["a long sentence about the weather in the north of the country", "yes", "the cat sat"]
    vectors = embed(texts)
    assert vectors.shape == (3, DIMENSIONS)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(vectors[1], embed(["yes"])[0], atol=1e-5)


def test_a_lake_without_the_wave_has_nothing_to_embed(store: Store) -> None:
    assert embed_wave(store, "nothing", lambda *_: None) == 0
    assert connect_writer(store).execute("SELECT count(*) FROM raw.embeddings").fetchone() == (0,)


@pytest.mark.parametrize("word", ["word ", "wörd, ", "很长的 回答\n", "a.b-c\t", "end.\r\n"])
def test_what_is_cut_off_a_long_text_was_never_read(word: str) -> None:
    text = word * 30_000
    assert len(beginning(text)) < len(text)
    long_since_full = [beginning(text), text]
    first, second = _encoded(long_since_full)
    assert np.array_equal(first, second)


def test_a_text_without_an_end_of_a_word_stays_whole() -> None:
    assert beginning("x" * 60_000) == "x" * 60_000
    assert beginning("short text") == "short text"


def _encoded(texts: list[str]) -> list[np.ndarray]:
    """Vectors of texts one by one, nothing cut before the tokenizer."""
    return [_model().encode([text], normalize_embeddings=True, convert_to_numpy=True)[0] for text in texts]
