"""The dbt Python models by themselves: nulls, and how much they read at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pytest

from models_sql.models.steps.convergence import half_widths, semantic_pair_prompts
from models_sql.models.steps.drift import drift_tests, pool_tests


def test_a_half_width_without_a_variance_is_null() -> None:
    database = duckdb.connect()
    variances = (
        "SELECT * FROM (VALUES (1, 'c', 'k', NULL::DOUBLE, NULL::DOUBLE), (2, 'c', 'k', 0.0, NULL), "
        "(3, 'c', 'k', 4.0, 1e9), (4, 'c', 'k', 4.0, NULL)) "
        "AS v (estimate_key, capability, kernel, variance, degrees_of_freedom)"
    )
    dbt = SimpleNamespace(config=lambda **_: None, ref=lambda name: database.sql(variances))
    found = half_widths.model(dbt, None).column("half_width").to_pylist()
    # with so many degrees of freedom t is the normal quantile 1.96, and the standard error is 2
    assert found == [None, 0.0, pytest.approx(2 * 1.959964, abs=1e-5), None]


class Relation:
    """A relation that writes down how many comparisons each read holds."""

    def __init__(self, relation: duckdb.DuckDBPyRelation, read: list[int]) -> None:
        self.relation, self.read = relation, read

    def filter(self, condition: str) -> Relation:
        return Relation(self.relation.filter(condition), self.read)

    def order(self, columns: str) -> Relation:
        return Relation(self.relation.order(columns), self.read)

    def fetchnumpy(self) -> dict[str, Any]:
        rows = self.relation.fetchnumpy()
        self.read.append(len(set(rows["comparison_key"].tolist())))
        return rows


def test_kernels_are_read_a_few_comparisons_at_a_time_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_tests, "AT_ONCE", 3)
    # comparisons 1 to 8 but 4 (no kernel), one prompt of one sample a side each, in no order
    table = duckdb.connect().sql(
        "SELECT key AS comparison_key, 'c' AS capability, 'p' AS prompt_id, 1 AS n_now, 1 AS n_then, "
        "a AS place_a, b AS place_b, key * 10.0 + a + b AS semantic, 0.0 AS distributional, 0.0 AS combined "
        "FROM range(8, 0, -1) AS keys (key), range(2) AS places_a (a), range(2) AS places_b (b) "
        "WHERE a <= b AND key <> 4"
    )
    read: list[int] = []
    found = dict(drift_tests.in_turn(Relation(table, read), [1, 2, 3, 4, 5, 6, 7, 8]))
    assert list(found) == [1, 2, 3, 5, 6, 7, 8]
    for key, [(capability, matrix, n_now)] in found.items():
        assert (capability, n_now) == ("c", 1)
        assert np.array_equal(matrix[0], [[key * 10, key * 10 + 1], [key * 10 + 1, key * 10 + 2]])
    assert read == [3, 2, 2]


def test_products_of_vectors_are_those_of_their_definition_and_the_same_in_any_company() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((11, 6, 384)) + 0.5
    vectors = (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)
    # the last model answered four prompts only, and so shares too few with anyone; another two miss one each
    present = np.ones((11, 6), dtype=bool)
    present[4:, 5] = present[2, 1] = present[7, 3] = False
    vectors[~present] = 0

    def parts(prompts: list[int], models: list[int]) -> dict[tuple[int, int, int], tuple[float, float]]:
        found = semantic_pair_prompts.products(vectors[np.ix_(prompts, models)], present[np.ix_(prompts, models)])
        return {
            (prompts[p], *sorted((models[a], models[b]))): (match, chance_part)
            for rows in found
            for p, a, b, match, chance_part in zip(*rows, strict=True)
        }

    everything = parts(list(range(11)), list(range(6)))
    assert {model for _, a, b in everything for model in (a, b)} == {0, 1, 2, 3, 4}
    exact = vectors.astype(np.float64)
    for (prompt, a, b), (match, chance_part) in everything.items():
        others = [p for p in range(11) if p != prompt and present[p, a] and present[p, b]]
        links = sum(exact[prompt, a] @ exact[p, b] + exact[prompt, b] @ exact[p, a] for p in others)
        assert match == pytest.approx(exact[prompt, a] @ exact[prompt, b], abs=1e-6)
        assert chance_part == pytest.approx(links, abs=1e-5)
    # prompts and models in another order; then without the models that others miss nothing by
    assert parts([10, 3, 7, 0, 5, 2, 9, 1, 8, 4, 6], [4, 2, 5, 0, 3, 1]) == everything
    fewer = parts(list(range(11)), [3, 0])
    assert fewer == {key: value for key, value in everything.items() if key[1:] == (0, 3)}


def test_pairs_that_share_too_few_prompts_have_no_products() -> None:
    vectors = np.ones((4, 2, 384), dtype=np.float32)
    assert list(semantic_pair_prompts.products(vectors, np.ones((4, 2), dtype=bool))) == []


def test_answers_without_any_vector_have_the_distributional_kernel_and_no_other() -> None:
    connection = duckdb.connect()
    answers = connection.sql(
        "SELECT w AS wave_key, false AS is_confirmation, 'truthfulness' AS capability, 'p' || p AS prompt_id, "
        "10 * w + p AS text_key FROM range(4) t(w), range(6) u(p)"
    )
    vectors = connection.sql("SELECT 0 AS text_key, [0.0, 1.0]::FLOAT[2] AS vector WHERE false")
    tokens = connection.sql(
        "SELECT 10 * w + p AS text_key, token_key, .2 AS frequency "
        "FROM range(4) t(w), range(6) u(p), (SELECT unnest(range(5)) AS token_key)"
    )
    texts = pool_tests.Texts(answers, vectors, tokens, [0, 1, 2, 3])
    (groups,) = texts.prompts(3, False, [0, 1, 2]).values()
    (prompts,) = texts.kernels(groups[0])
    semantic, distributional, combined = prompts.kernels
    different = ~np.eye(4, dtype=bool)
    assert np.isnan(semantic[:, different]).all() and np.isnan(combined[:, different]).all()
    assert distributional == pytest.approx(1.0)
    assert prompts.vectors is None
