"""The published methods, by hand and against the figures that were published."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake.catalog import connect_reader, connect_writer, create_lake
from lake.store import Store
from models_sql.models.steps.published.sequence_ratios import both_ways
from models_sql.models.steps.published.token_divergences import PLACES, distributions, js_distance, kl, tokens_of
from models_sql.run import build
from pipelines.embeddings import write_vectors
from pipelines.importers.known import known_of
from pipelines.importers.rows import Request, read
from pipelines.importers.storing import store_import
from pipelines.importers.waves import waves_of
from tests.corpora import CORPORA
from tests.models_sql.small_lakes import sha

if TYPE_CHECKING:
    import duckdb

SCREENING = CORPORA / "published_screening" / "level1_responses.jsonl"
NOW = datetime(2026, 1, 1, tzinfo=UTC)

# Three models, four prompts in two capabilities. Lengths are 4, 8 and 2 characters.
HAND = {
    "ann": ["abcd", "bcde", "cdef", "I can't!"],
    "bob": ["abcdabcd", "bcdebcde", "cdefcdef", "dddddddd"],
    "cat": ["ab", "xx", "", "zz"],
}
CAPABILITIES = ["truthfulness", "truthfulness", "safety_boundaries", "safety_boundaries"]


def imported(store: Store, panel: str, rows: list[dict[str, Any]]) -> str:
    path = store.home.parent / f"{panel}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    request = Request((path,), panel, "asked_at")
    recorded = read(request)
    (wave,) = waves_of(request, recorded.rows, known_of(store, request), NOW)
    store_import(store, request, recorded, [wave], NOW)
    return wave.wave_id


def hand_rows() -> list[dict[str, Any]]:
    return [
        {"model": model, "prompt_id": f"p{n}", "prompt": f"Q{n}?", "capability": CAPABILITIES[n]}
        | {"response": text, "timestamp": "2025-01-01"}
        for model in ("cat", "bob", "ann")  # the order of the file
        for n, text in enumerate(HAND[model])
    ]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    store = Store(tmp_path_factory.mktemp("published") / "store")
    create_lake(store.prepare())
    waves = [imported(store, "hand", hand_rows())]
    texts = sorted({text for some in HAND.values() for text in some if text})
    vectors = np.zeros((len(texts), 384), dtype=np.float32)
    vectors[:, 0] = 1.0  # every two answers have cosine 1
    connection = connect_writer(store)
    write_vectors(connection, [sha(text) for text in texts], vectors)
    connection.close()
    if SCREENING.exists():
        live = [row for line in SCREENING.open() if (row := json.loads(line))["run_kind"] == "live"]
        dead = {row["model"] for row in live if row["status"] == "error"}
        # user_REDACTED stands for user_ and 27 characters
        whole = [row | {"response": row["response"].replace("user_REDACTED", "user_" + 27 * "x")} for row in live]
        waves.append(imported(store, "published", whole))
        waves.append(imported(store, "redacted", live))
        waves.append(imported(store, "alive", [row for row in live if row["model"] not in dead]))
    build(store, ",".join(waves), "+published_methods")
    return connect_reader(store, "head")


def score(published: duckdb.DuckDBPyConnection, panel: str, method: str, variant: str, *models: str) -> Any:
    level = ("wave", "model", "pair")[len(models)]
    named = [*models, None, None][:2]
    found = published.execute(
        "SELECT score FROM out.published_methods WHERE panel = ? AND method = ? AND variant = ? AND level = ? "
        "AND model_a IS NOT DISTINCT FROM ? AND model_b IS NOT DISTINCT FROM ?",
        [panel, method, variant, level, *named],
    ).fetchall()
    ((value,),) = found
    return value


def test_length_refusal_by_hand(published: duckdb.DuckDBPyConnection) -> None:
    # ann: 4 and 6 characters, refuses 0 and 1/2; bob: 8 and 8, never; cat: 2 and 1, never
    pairs = {
        ("ann", "bob"): ((4 / 8 + 1) / 2 + (6 / 8 + 1 / 2) / 2) / 2,
        ("ann", "cat"): ((2 / 4 + 1) / 2 + (1 / 6 + 1 / 2) / 2) / 2,
        ("bob", "cat"): ((2 / 8 + 1) / 2 + (1 / 8 + 1) / 2) / 2,
    }
    for pair, expected in pairs.items():
        assert score(published, "hand", "length_refusal", "any order", *pair) == pytest.approx(expected, abs=1e-15)
    ann = (pairs["ann", "bob"] + pairs["ann", "cat"]) / 2
    assert score(published, "hand", "length_refusal", "any order", "ann") == pytest.approx(ann, abs=1e-15)
    wave = sum(pairs.values()) / 3
    assert score(published, "hand", "length_refusal", "any order") == pytest.approx(wave, abs=1e-15)


def test_sequence_ratio_by_hand(published: duckdb.DuckDBPyConnection) -> None:
    # 2 x matched / both lengths: abcd in abcdabcd 8/12; "I can't!" and dddddddd share nothing; cat and ann 4/6, 0, 0, 0
    assert score(published, "hand", "sequence_ratio", "sorted", "ann", "bob") == pytest.approx((3 * 8 / 12 + 0) / 4)
    assert score(published, "hand", "sequence_ratio", "both ways", "ann", "cat") == pytest.approx(4 / 6 / 4)


def test_sequence_ratio_depends_on_the_order_of_its_arguments() -> None:
    # the known example of difflib's documentation: the longest block found first decides what is left to match
    assert both_ways("tide", "diet") == (0.25, 0.5)


def test_the_arguments_come_in_the_order_of_the_file(published: duckdb.DuckDBPyConnection) -> None:
    pairs = published.execute(
        "SELECT DISTINCT a.score = b.score FROM out.published_methods AS a JOIN out.published_methods AS b "
        "USING (wave_id, method, level, model_a, model_b) WHERE a.variant = 'sorted' AND b.variant = 'file order' "
        "AND a.panel = 'hand' AND method = 'hybrid' AND level = 'pair'"
    ).fetchall()
    assert pairs == [(False,)]  # the file names cat, bob, ann: every pair is the other way round


def test_hybrid_by_hand(published: duckdb.DuckDBPyConnection) -> None:
    # ann and bob on truth, tokens <start> word <end>: they share no word and both marks
    e = 1e-8
    shares = {"mark": (1 / 3 + e) / (1 + 1000 * e), "own": (1 / 6 + e) / (1 + 1000 * e), "none": e / (1 + 1000 * e)}
    mark, own, none = ((x + e) / (1 + 1000 * e) for x in shares.values())
    kl_truth = 2 * own * math.log(own / none) + 2 * none * math.log(none / own)
    p = np.zeros(PLACES)
    found = distributions({"ann": ["abcd", "bcde"], "bob": ["abcdabcd", "bcdebcde"]})
    assert kl(found["ann"], found["bob"]) == pytest.approx(kl_truth, rel=1e-9)
    assert mark > own > none > 0 == p.sum()
    # two thirds of each distribution are the marks; the rest has no overlap: JS = ln 2 / 3, but for the smoothing
    assert js_distance(found["ann"], found["bob"]) == pytest.approx(math.sqrt(math.log(2) / 3), abs=1e-5)
    parts = published.execute(
        "SELECT score FROM out.published_methods WHERE method = 'hybrid' AND level = 'pair'"
    ).fetchall()
    assert all(0.4 < value < 1 for (value,) in parts if value is not None)


def test_hybrid_of_equal_answers_is_one() -> None:
    found = distributions({"a": ["the cat sat", ""], "b": ["the cat sat", ""]})
    assert kl(found["a"], found["b"]) == pytest.approx(0, abs=1e-15)
    assert js_distance(found["a"], found["b"]) == 0
    assert tokens_of(" It's ") == ["<start>", "it", "'", "s", "<end>"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_ratios_and_divergences_stay_in_their_ranges(one: str, two: str) -> None:
    ratios = both_ways(one, two)
    assert all(0 <= ratio <= 1 for ratio in ratios)
    assert both_ways(one, one) == (1, 1)
    found = distributions({"a": [one], "b": [two]})
    assert kl(found["a"], found["b"]) >= -1e-12
    assert 0 <= js_distance(found["a"], found["b"]) <= math.sqrt(math.log(2)) + 1e-12
    assert js_distance(found["a"], found["b"]) == pytest.approx(js_distance(found["b"], found["a"]), abs=1e-9)


def test_the_figures_of_the_published_screening_come_out_to_the_digit(published: duckdb.DuckDBPyConnection) -> None:
    if not SCREENING.exists():
        pytest.skip(f"the recorded screening is not at {SCREENING}")
    assert score(published, "published", "length_refusal", "any order") == 0.7125832401080848
    rounded = {
        ("published", "length_refusal", "any order"): 0.7126,
        ("redacted", "length_refusal", "any order"): 0.70682,
        ("alive", "sequence_ratio", "file order"): 0.18954,
        ("alive", "sequence_ratio", "sorted"): 0.20075,
        ("alive", "sequence_ratio", "both ways"): 0.19474,
        ("redacted", "sequence_ratio", "file order"): 0.240,
    }
    for named, expected in rounded.items():
        digits = len(str(expected)) - 2
        assert round(score(published, *named), digits) == expected, named
    sd = published.execute(
        "SELECT panel, round(score, 3), round(sd, 4) FROM out.published_methods "
        "WHERE method = 'length_refusal' AND level = 'wave' AND panel IN ('published', 'alive') ORDER BY panel"
    ).fetchall()
    assert sd == [("alive", 0.722, 0.0418), ("published", 0.713, 0.0442)]


def test_a_wave_without_vectors_has_no_hybrid(published: duckdb.DuckDBPyConnection) -> None:
    if not SCREENING.exists():
        pytest.skip(f"the recorded screening is not at {SCREENING}")
    assert score(published, "alive", "hybrid", "sorted") is None
    assert score(published, "hand", "hybrid", "sorted") is not None
