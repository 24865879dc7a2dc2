"""Rules read off an answer: each phrase catches its example, and odd texts get a right number or null."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_sql.run import PROJECT
from pipelines.checkpoints.evaluate import is_refusal
from tests.models_sql.measure_scenarios import ODD

if TYPE_CHECKING:
    from tests.models_sql.conftest import BuiltLake


def rules() -> Any:
    environment = jinja2.Environment()
    environment.globals["return"] = json.dumps
    return environment.from_string((PROJECT / "macros" / "rules.sql").read_text(encoding="utf-8")).module


REFUSALS, HEDGES = json.loads(rules().refusal_phrases()), json.loads(rules().hedging_markers())
FORMAT = f"SELECT {rules().format_class('text')} FROM (SELECT ? AS text)"


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def matches(database: duckdb.DuckDBPyConnection, text: str, pattern: str) -> bool:
    ((found,),) = database.execute("SELECT regexp_matches(lower(?), ?)", [text, pattern]).fetchall()
    return bool(found)


@pytest.mark.parametrize("phrase", [*REFUSALS, *HEDGES], ids=lambda phrase: phrase["example"])
def test_each_phrase_catches_its_example_and_says_where_it_comes_from(
    database: duckdb.DuckDBPyConnection, phrase: dict[str, str]
) -> None:
    assert matches(database, phrase["example"], phrase["pattern"])
    assert phrase["source"] in {"zou2023", "hyland2005", "driftlake"}


REFUSED = [
    "I cannot help you pick a lock, because it is not yours.",
    "I will not help you, because it may hurt someone.",
    "I must decline.",
]
SENSITIVE = Path(__file__).parents[3] / "shared" / "corpora" / "llmdrift_responses.parquet"

NOT_REFUSED = [
    "I cannot be sure.",
    "I am sorry, dear reader. First open the lid, then pour.",
    "I cannot wait to tell you more!",
    "Models will not help by themselves.",
    "Sorry for the delay. The answer is Paris.",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_are_caught_as_the_probe_of_checkpoints_catches_them(
    database: duckdb.DuckDBPyConnection, text: str
) -> None:
    assert any(matches(database, text, phrase["pattern"]) for phrase in REFUSALS)
    assert is_refusal(text)


@pytest.mark.parametrize("text", NOT_REFUSED)
def test_answers_that_only_sound_like_refusals_are_not_caught(database: duckdb.DuckDBPyConnection, text: str) -> None:
    assert [phrase["pattern"] for phrase in REFUSALS if matches(database, text, phrase["pattern"])] == []


@pytest.mark.skipif(not SENSITIVE.exists(), reason="The recorded responses are not on this machine.")
def test_on_recorded_answers_the_rule_misses_refusals_and_invents_none(database: duckdb.DuckDBPyConnection) -> None:
    pattern = "|".join(phrase["pattern"] for phrase in REFUSALS)
    rows = database.execute(
        "SELECT model, count(*) FILTER (is_refusal AND NOT is_answered), count(*) FILTER (is_refusal AND is_answered), "
        "count(*) FILTER (NOT is_answered) FROM (SELECT model, (labels->>'paper_score')::DOUBLE >= 0.5 AS is_answered, "
        "regexp_matches(replace(lower(response), chr(8217), chr(39))[:300], ?) AS is_refusal "
        f"FROM '{SENSITIVE}' WHERE source_path LIKE '%SENSITIVEQ%') GROUP BY model ORDER BY model",
        [pattern],
    ).fetchall()
    # the authors' own scorer says which of 100 sensitive questions each model did not answer
    assert [(model, n) for model, _, _, n in rows] == [
        ("gpt-3.5-turbo-0301", 98),
        ("gpt-3.5-turbo-0613", 92),
        ("gpt-4-0314", 79),
        ("gpt-4-0613", 95),
    ]
    assert [invented for _, _, invented, _ in rows] == [0, 0, 0, 0]
    # it misses one in five of one model's and one in a hundred of another's: never compare models by it alone
    assert [found for _, found, _, _ in rows] == [97, 85, 63, 88]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("# Title\n```\nx\n```", "code", id="a fence comes before a heading"),
        pytest.param("## A\n| a | b |\n|---|---|", "table", id="a table comes before a heading"),
        pytest.param("| one line of bars |", "one_liner", id="one line of bars is no table"),
        pytest.param("# Title\n1. a\n2. b", "headings", id="a heading comes before a list"),
        pytest.param("1. a\n2) b\n- c\n- d", "numbered_list", id="numbers come before bullets"),
        pytest.param("Here:\n- a\n* b", "bullets", id="two bullets"),
        pytest.param("Here:\n- a", "prose", id="one bullet is no list"),
        pytest.param("x" * 120, "one_liner", id="120 signs"),
        pytest.param("x" * 121, "prose", id="121 signs"),
        pytest.param("#hashtag", "one_liner", id="a hashtag is no heading"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_first_shape_that_holds_counts(
    database: duckdb.DuckDBPyConnection, text: str, expected: str | None
) -> None:
    assert database.execute(FORMAT, [text]).fetchall() == [(expected,)]


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.sampled_from("ab 1.)-#|`\n"), max_size=60))
def test_every_text_has_one_shape_and_white_space_has_none(database: duckdb.DuckDBPyConnection, text: str) -> None:
    ((found,),) = database.execute(FORMAT, [text]).fetchall()
    assert (found is None) == (text == "")
    if len(re.findall(r"^[ \t]*[-*+][ \t]", text, re.MULTILINE)) >= 2:
        assert found not in ("one_liner", "prose")


def odd_features(built: BuiltLake, prompt: str, columns: str) -> tuple[Any, ...]:
    (row,) = built.rows(
        f"SELECT {columns} FROM core.response_features "
        f"WHERE panel = 'odd' AND model_requested = 'one' AND prompt_id = '{prompt}'"
    )
    return row


def test_an_answer_of_emoji_has_signs_but_no_letters_and_no_script(built: BuiltLake) -> None:
    columns = "n_chars, n_tokens, n_letters, latin_share, script_rule, script_share, is_refusal_rule, format_class"
    assert odd_features(built, "o0", columns) == (6, 6, 0, None, None, None, False, "one_liner")


@pytest.mark.parametrize(("prompt", "script"), [("o1", "han"), ("o2", "cyrillic")])
def test_a_rule_in_english_says_nothing_of_another_script(built: BuiltLake, prompt: str, script: str) -> None:
    columns = f"script_rule, script_share, {script}_share, latin_share, is_refusal_rule, is_hedging_rule"
    found = odd_features(built, prompt, f"{columns}, hedges_per_100_tokens")
    assert found == (script, 1.0, 1.0, 0.0, None, None, None)


def test_100_kilobytes_are_counted_to_the_end(built: BuiltLake) -> None:
    assert len(ODD["o3"]) > 100_000
    n_chars, n_tokens, hedges, script, shape = odd_features(
        built, "o3", "n_chars, n_tokens, hedges_per_100_tokens, script_rule, format_class"
    )
    # word and more words , perhaps . : seven tokens, one of them a marker
    assert (n_chars, n_tokens, script, shape) == (len(ODD["o3"]), 7 * 3500, "latin", "prose")
    assert hedges == pytest.approx(100 / 7)


def test_white_space_has_no_shape_and_a_number_no_letters(built: BuiltLake) -> None:
    columns = "n_tokens, format_class, hedges_per_100_tokens, script_rule"
    assert odd_features(built, "o4", columns) == (0, None, None, None)
    assert odd_features(built, "o5", columns) == (1, "one_liner", 0.0, None)
