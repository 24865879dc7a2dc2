"""Catalogues are read as they are; what a wave costs and what would go wrong is known before anything is asked."""

import dataclasses
import json
from datetime import date
from pathlib import Path

import pytest

from lake.errors import EndpointError
from lake.tables import RAW_CATALOG_MODELS
from pipelines.asking.catalogue import (
    catalogue_rows,
    fetch_catalogue,
    fetch_catalogues,
    prices,
)
from pipelines.asking.forecast import forecast
from pipelines.asking.pages import Patience
from pipelines.panels.records import Battery, EndpointSpec, Panel, RosterEntry

NIGHT = date(2026, 8, 1)
LISTED = [
    {
        "id": "a/one",
        "canonical_slug": "a/one-20260101",
        "context_length": 1000,
        "pricing": {"prompt": "0.000001", "completion": "0.000004", "request": "0"},
        "supported_parameters": ["temperature", "max_tokens", "seed"],
    },
    {
        "id": "a/old",
        "context_length": 1000,
        "pricing": {"prompt": "0.000002", "completion": "0.000002"},
        "expiration_date": "2026-08-20",
        "supported_parameters": ["temperature", "max_tokens"],
    },
    {"id": "a/gone", "expiration_date": "2026-07-31T00:00:00Z", "pricing": {"prompt": "-1", "completion": "-1"}},
    {"id": "~a/latest", "alias_target": "a/one", "pricing": {"prompt": "0.000001", "completion": "0.000004"}},
    {"id": "a/small", "context_length": 51, "pricing": {"prompt": "0", "completion": "0"}},
    {"no_id": True},
    "not an object",
]


def panel_with(spec, *models, **entry):
    roster = tuple(RosterEntry(m, spec.name, settings={"temperature": 1, "max_tokens": 50}, **entry) for m in models)
    return Panel("test", Path("x"), Battery("b", "1", "s", ()), (), roster, {spec.name: spec}, 1, 7, "sha", {})


@pytest.fixture
def listed(server):
    server.control(catalogue=LISTED)
    return server


def test_the_catalogue_keeps_each_entry_and_reads_its_price(listed, spec):
    catalogue = fetch_catalogue(spec, None)
    assert set(catalogue.models) == {"a/one", "a/old", "a/gone", "~a/latest", "a/small"}
    one = catalogue.models["a/one"]
    assert (one.price.prompt_usd, one.price.completion_usd, one.context_length) == (1e-6, 4e-6, 1000)
    assert json.loads(one.body) == LISTED[0]
    assert catalogue.find("a/one-20260101") is one
    assert catalogue.models["a/gone"].price is None  # -1 stands for a price that varies


def test_rows_hold_exactly_the_declared_columns(listed, spec):
    panel = panel_with(spec, "a/one", "a/gone", "a/unheard-of")
    rows = catalogue_rows(panel, fetch_catalogues(panel, lambda _: None), "test/2026-08-01", NIGHT)
    assert [row["model"] for row in rows] == ["a/one", "a/gone"]
    assert all(list(row) == [column.name for column in RAW_CATALOG_MODELS.columns] for row in rows)
    assert (rows[1]["prompt_usd"], rows[1]["expiration_date"]) == (None, "2026-07-31T00:00:00Z")


def test_prices_are_known_for_listed_models_only(listed, spec):
    panel = panel_with(spec, "a/one", "a/gone", "a/unheard-of")
    assert set(prices(panel, fetch_catalogues(panel, lambda _: None))) == {"a/one"}


def test_a_panel_of_checkpoints_connects_to_nobody():
    nowhere = EndpointSpec("unused", "openai_compatible", base_url="http://127.0.0.1:9/v1")
    laboratory = EndpointSpec("laboratory", "checkpoint")
    panel = dataclasses.replace(
        panel_with(laboratory, "lab/one"), endpoints={"laboratory": laboratory, "unused": nowhere}
    )

    def no_key(spec):
        raise AssertionError(f"asked for the key of {spec.name}")

    assert fetch_catalogues(panel, no_key) == {}


def test_an_unreachable_catalogue_is_one_sentence(spec, server, clock):
    for base_url in ("http://127.0.0.1:9/v1", server.address):
        with pytest.raises(EndpointError, match=r"openrouter gave no catalogue at http://127\.0\.0\.1"):
            fetch_catalogue(
                dataclasses.replace(spec, base_url=base_url), "sk-or-v1-secretsecretsecret1", Patience(clock=clock)
            )


def test_the_price_of_a_wave_is_low_expected_and_high(listed, spec, questions):
    panel = panel_with(spec, "a/one")
    found = forecast(
        questions(["a/one", "a/unheard-of"], prompts=2), prices(panel, fetch_catalogues(panel, lambda _: None))
    )
    # "question 0" has 10 characters, the answer at most 50 tokens; two priced cells.
    # low:      round(10/6) = 2 tokens in, round(50 * .05) = 2 out: 2e-6 + 8e-6  = 1.00e-5
    # expected: round(10/4) = 2 tokens in, 25 out:                  2e-6 + 1e-4  = 1.02e-4
    # high:     10 bytes + 32 + 64 = 106 in, 50 out:              106e-6 + 2e-4  = 3.06e-4
    assert found.low_usd == pytest.approx(2 * 1.00e-5)
    assert found.expected_usd == pytest.approx(2 * 1.02e-4)
    assert found.high_usd == pytest.approx(2 * 3.06e-4)
    assert (found.cells, found.unpriced) == (4, ("a/unheard-of",))
    one, unheard_of = found.models
    assert (one.model, one.cells, one.high_usd) == ("a/one", 2, pytest.approx(2 * 3.06e-4))
    assert (unheard_of.cells, unheard_of.low_usd, unheard_of.expected_usd, unheard_of.high_usd) == (2, None, None, None)
