"""The macros behind the kernels, rendered as dbt renders them and run by DuckDB."""

from __future__ import annotations

import math
import re

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_sql.run import PROJECT
from tests.models_sql import second_opinion


def macro(file: str, name: str, *arguments: str) -> str:
    template = jinja2.Environment().from_string((PROJECT / "macros" / f"{file}.sql").read_text(encoding="utf-8"))
    return str(getattr(template.module, name)(*arguments))


TOKENS = f"SELECT {macro('kernels', 'tokens', '?')}"

TEXTS = st.text(st.sampled_from("abcXYZ äÖßéñ 019_ .,;:!?'\u2019-() 你好мир\n\t\u00a0\u3000"), max_size=80)


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_tokens_are_those_of_the_definition_in_python(database: duckdb.DuckDBPyConnection, text: str) -> None:
    ((tokens,),) = database.execute(TOKENS, [text]).fetchall()
    assert tokens == re.findall(r"\w+|[^\w\s]", text.lower())[:60]


def test_tokens_stop_after_sixty(database: duckdb.DuckDBPyConnection) -> None:
    ((tokens,),) = database.execute(TOKENS, [" ".join(f"w{n}" for n in range(100))]).fetchall()
    assert tokens == [f"w{n}" for n in range(60)]


@pytest.mark.parametrize(
    ("p", "q", "expected"),
    [
        pytest.param(0.2, 0.2, 0.2, id="equal shares count whole"),  # .5 x .4 - .5 x (.2 x 0 + .2 x 0)
        # .5 x 1 - .5 x (.75 log2 1.5 + .25 log2 .5) = .5 - .5 x (.4387 - .25) = .4056
        pytest.param(0.75, 0.25, 0.5 - 0.5 * (0.75 * math.log2(1.5) - 0.25), id="unequal shares count less"),
    ],
)
def test_a_token_adds_its_part_to_the_kernel(
    database: duckdb.DuckDBPyConnection, p: float, q: float, expected: float
) -> None:
    ((part,),) = database.execute(
        f"SELECT {macro('kernels', 'kernel_part', f'{p}::double', f'{q}::double')}"
    ).fetchall()
    assert part == pytest.approx(expected)


WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=5, max_size=70).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(x=WORDS, y=WORDS)
def test_the_parts_of_shared_tokens_add_up_to_one_minus_the_divergence(
    database: duckdb.DuckDBPyConnection, x: str, y: str
) -> None:
    p, q = second_opinion.frequencies(x), second_opinion.frequencies(y)
    assert p is not None and q is not None
    rows = [(p[token], q[token]) for token in sorted(p.keys() & q.keys())]
    values = ", ".join(f"({a!r}::double, {b!r}::double)" for a, b in rows) or "(0.0, 0.0)"
    part = macro("kernels", "kernel_part", "p", "q")
    total = macro("exact", "bounded_sum", part)
    condition = "true" if rows else "false"
    query = f"SELECT {total} FROM (VALUES {values}) AS shared (p, q) WHERE {condition}"
    ((kernel,),) = database.execute(query).fetchall()
    assert (kernel or 0.0) == pytest.approx(second_opinion.distributional(x, y), abs=1e-12)
    assert second_opinion.distributional(x, y) == pytest.approx(second_opinion.distributional(y, x))


FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-2000, 2000)


@settings(max_examples=200, deadline=None)
@given(values=st.lists(FINITE, min_size=1, max_size=20), seed=st.randoms())
def test_an_exact_sum_takes_any_finite_values_in_any_order(
    database: duckdb.DuckDBPyConnection, values: list[float], seed: object
) -> None:
    shuffled = sorted(values, key=lambda _: seed.random())  # type: ignore[attr-defined]
    columns = ", ".join(macro("exact", name, "v") for name in ("exact_sum", "exact_mean"))
    rows = [
        database.execute(f"SELECT {columns} FROM (SELECT unnest(?::double[]) AS v)", [some]).fetchone()
        for some in (values, shuffled)
    ]
    assert rows[0] is not None and str(rows[0]) == str(rows[1])
    if sum(abs(value) for value in values) < 1e300:
        size = max(abs(value) for value in values)
        assert rows[0][0] == pytest.approx(math.fsum(values), abs=1e-13 + 1e-13 * size)


@pytest.mark.parametrize(("values", "expected"), [("[]", None), ("[NULL]", None), ("[2e3, NULL, .5]", 2000.5)])
def test_an_exact_sum_leaves_nulls_out_and_is_null_over_none(
    database: duckdb.DuckDBPyConnection, values: str, expected: float | None
) -> None:
    query = f"SELECT {macro('exact', 'exact_sum', 'v')} FROM (SELECT unnest({values}::double[]) AS v)"
    assert database.execute(query).fetchall() == [(expected,)]


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(-1, 1), min_size=1, max_size=50), seed=st.randoms())
def test_an_exact_sum_has_the_same_digits_in_any_order(
    database: duckdb.DuckDBPyConnection, values: list[float], seed: object
) -> None:
    shuffled = sorted(values, key=lambda _: seed.random())  # type: ignore[attr-defined]
    totals = [
        database.execute(
            f"SELECT {macro('exact', 'exact_sum', 'v')} FROM (SELECT unnest(?::double[]) AS v)", [some]
        ).fetchall()[0][0]
        for some in (values, shuffled)
    ]
    assert totals[0] == totals[1]
    assert totals[0] == pytest.approx(math.fsum(values), abs=1e-13)
