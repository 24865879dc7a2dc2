"""Who offers each model and what the key may spend are read from the endpoint's own pages, and stored by wave."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from lake.errors import RefusedKeyError
from lake.tables import RAW_CATALOG_ENDPOINTS, RAW_KEY_SNAPSHOTS
from pipelines.asking.catalogue import fetch_catalogue
from pipelines.asking.key_status import KeyStatus, fetch_key_status, key_row
from pipelines.asking.offers import fetch_offers, offer_rows
from pipelines.loading import frame_of
from pipelines.panels.records import EndpointSpec
from tests.pipelines.asking.conftest import WAVE_DATE

PRICE = {"prompt": "0.000001", "completion": "0.000004"}
LISTED = [
    {"id": "a/one", "context_length": 1000, "pricing": PRICE},
    {"id": "~a/latest", "alias_target": "a/one", "pricing": PRICE},
    {"id": "a/odd", "pricing": PRICE},
    {"id": "a/bare", "pricing": PRICE},
]
ODD = {"endpoints": [{"provider_name": 5}, "no object", {"provider_name": "P", "context_length": -1, "pricing": 3}]}


def test_offers_are_read_for_every_listed_model_an_alias_by_what_it_stands_for(server: Any, spec: EndpointSpec) -> None:
    server.control(catalogue=LISTED, endpoints={"a/odd": ODD, "a/bare": "no object"})
    models = ["a/one", "~a/latest", "a/odd", "a/bare", "a/unheard-of"]
    found = fetch_offers(spec, None, fetch_catalogue(spec, None), models)
    assert {model: offers.asked_as for model, offers in found.items()} == {
        "a/one": "a/one", "~a/latest": "a/one", "a/odd": "a/odd", "a/bare": "a/bare",
    }  # fmt: skip
    first, second = found["~a/latest"].offers
    assert (first.provider, first.tag, first.quantization) == ("ProviderA", "a", "bf16")
    assert (second.provider, second.quantization) == ("ProviderB", "fp8")
    assert first.price is not None
    assert (first.price.prompt_usd, first.price.completion_usd) == (1e-6, 4e-6)
    (odd,) = found["a/odd"].offers
    assert (odd.provider, odd.context_length, odd.price) == ("P", None, None)
    assert found["a/bare"].offers == ()


def test_an_endpoint_that_is_not_openrouter_has_no_offers(server: Any, spec: EndpointSpec) -> None:
    server.control(catalogue=LISTED)
    catalogue = fetch_catalogue(spec, None)
    assert fetch_offers(dataclasses.replace(spec, flavor="vllm"), None, catalogue, ["a/one"]) == {}


def test_a_model_without_a_page_of_offers_is_no_error(server: Any, spec: EndpointSpec) -> None:
    server.control(catalogue=LISTED)
    catalogue = fetch_catalogue(spec, None)
    server.control(catalogue=[])  # the catalogue knew it a moment ago, the page of offers is a 404
    assert fetch_offers(spec, None, catalogue, ["a/one"]) == {}


def test_offers_fit_their_table_and_hold_no_secret(server: Any, spec: EndpointSpec, key: str) -> None:
    leaky = {"endpoints": [{"provider_name": "P", "tag": key, "note": f"for {key}", "quantization": "fp8"}]}
    server.control(catalogue=LISTED, endpoints={"a/one": leaky})
    rows = offer_rows(spec, fetch_offers(spec, key, fetch_catalogue(spec, key), ["a/one"]), "test/1", WAVE_DATE)
    assert frame_of(RAW_CATALOG_ENDPOINTS, rows).height == 1
    assert key not in json.dumps(rows, default=str)
    assert (rows[0]["provider"], rows[0]["quantization"], rows[0]["prompt_usd"]) == ("P", "fp8", None)


def test_the_key_page_says_what_is_left(server: Any, spec: EndpointSpec, key: str) -> None:
    server.control(limit_usd=12.5)
    status = fetch_key_status(spec, key)
    assert status == KeyStatus(limit_remaining=12.5, usage=0.0, is_free_tier=False, limit=12.5)
    assert fetch_key_status(dataclasses.replace(spec, flavor="vllm"), key) is None
    assert fetch_key_status(spec, None) is None


def test_a_snapshot_of_the_key_fits_its_table_and_names_neither_key_nor_account(
    server: Any, spec: EndpointSpec, key: str
) -> None:
    server.control(limit_usd=12.5)
    status = fetch_key_status(spec, key)
    assert status is not None
    row = key_row(status, spec, {"wave_id": "test/1", "wave_date": WAVE_DATE}, "start")
    assert frame_of(RAW_KEY_SNAPSHOTS, [row]).height == 1
    assert "sk-or" not in str(row)
    assert "user_" not in str(row)


def test_a_refused_key_is_an_error_of_its_own(server: Any, spec: EndpointSpec) -> None:
    server.control(key="sk-or-v1-another-key-than-this-one")
    with pytest.raises(RefusedKeyError, match=r"refused the key at .*/key \(HTTP 401\)\. Check KEY"):
        fetch_key_status(spec, "sk-or-v1-secretsecretsecret1")
