"""Rates of two sides over tables filled by hand."""

from __future__ import annotations

from itertools import count

import duckdb
import numpy as np
import pytest

from dashboards.comparing.rates import Pairing, compared_rates
from dashboards.comparing.records import Rate
from models_sql.paired import binary_interval

PROMPTS = 14


def rates(states: dict[str, list[str]], refusals: dict[str, list[bool]], *, is_counted: bool = True) -> list[Rate]:
    """Return the rates of model m between waves a and b, one or more samples of a prompt in turn."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE SCHEMA core; "
        "CREATE TABLE core.cells (wave_id VARCHAR, model_requested VARCHAR, prompt_id VARCHAR, purpose VARCHAR, "
        "state VARCHAR); "
        "CREATE TABLE core.response_features (wave_id VARCHAR, model_requested VARCHAR, prompt_id VARCHAR, "
        "purpose VARCHAR, is_refusal_rule BOOLEAN, is_hedging_rule BOOLEAN, n_chars BIGINT, format_class VARCHAR)"
    )
    for wave, some in states.items():
        for place, state in zip(count(), some, strict=False):
            connection.execute(
                f"INSERT INTO core.cells VALUES ('{wave}', 'm', 'p{place % PROMPTS}', 'measure', '{state}')"
            )
    for wave, flags in refusals.items():
        for place, flag in zip(count(), flags, strict=False):
            connection.execute(
                f"INSERT INTO core.response_features VALUES ('{wave}', 'm', 'p{place % PROMPTS}', 'measure', {flag}, "
                "NULL, NULL, NULL)"
            )
    pairing = Pairing("m", "a", "m", "b", "m", is_counted)
    return compared_rates(connection, [pairing], by_label=True)


def test_answers_that_a_verdict_keeps_out_were_answered() -> None:
    whole, own = rates({"a": ["ok"] * 14, "b": ["quarantined"] * 11 + ["error"] * 3}, {}, is_counted=False)
    for rate in (whole, own):
        assert (rate.rate, rate.a, rate.b) == ("ok", 1.0, pytest.approx(11 / 14))


@pytest.mark.parametrize("n_samples", [1, 2])
def test_a_rate_that_did_not_change_has_the_interval_of_the_features_of_drift(n_samples: int) -> None:
    flags = [place % 3 == 0 for place in range(PROMPTS)] * n_samples
    found = [rate for rate in rates({}, {"a": flags, "b": flags}) if rate.rate == "refusal_rule"]
    low, high = binary_interval(np.zeros(PROMPTS))
    assert [(rate.ci_low, rate.ci_high, rate.p_value, rate.method) for rate in found] == [
        (low, high, 1.0, "mcnemar")
    ] * 2
