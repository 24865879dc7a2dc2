"""What would go wrong is named by model before anything is asked: from catalogue, offers, key and prices."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipelines.asking.catalogue import fetch_catalogue
from pipelines.asking.forecast import Forecast
from pipelines.asking.key_status import KeyStatus
from pipelines.asking.offers import ModelOffers, Offer
from pipelines.asking.problems import Known, Problem, problems, unaffordable
from pipelines.asking.records import Question
from pipelines.panels.records import EndpointSpec

NIGHT = date(2026, 8, 1)
PRICE = {"prompt": "0.000001", "completion": "0.000004"}
LISTED = [
    {"id": "a/one", "context_length": 1000, "pricing": PRICE,
     "supported_parameters": ["temperature", "max_tokens", "seed"]},
    {"id": "a/old", "context_length": 1000, "pricing": PRICE, "expiration_date": "2026-08-20",
     "supported_parameters": ["temperature", "max_tokens"]},
    {"id": "a/gone", "expiration_date": "2026-07-31T00:00:00Z", "pricing": {"prompt": "-1", "completion": "-1"}},
    {"id": "~a/latest", "alias_target": "a/one", "pricing": PRICE},
    {"id": "a/small", "context_length": 51, "pricing": {"prompt": "0", "completion": "0"}},
    {"id": "a/x:free", "pricing": {"prompt": "0", "completion": "0"}},
]  # fmt: skip

Questions = Callable[..., list[Question]]


@pytest.fixture
def known(server: Any, spec: EndpointSpec) -> Known:
    server.control(catalogue=LISTED)
    return Known({"openrouter": fetch_catalogue(spec, None)})


def offered(*offers: Offer) -> dict[str, ModelOffers]:
    return {"a/one": ModelOffers("a/one", "a/one", datetime(2026, 8, 1, tzinfo=UTC), offers)}


def kinds(found: list[Problem]) -> list[tuple[str, bool]]:
    return [(problem.kind, problem.stops) for problem in found]


def test_what_would_go_wrong_is_named_by_model(known: Known, questions: Questions) -> None:
    settings = {"temperature": 1, "max_tokens": 50, "top_k": 5}
    asked = questions(["a/one", "a/old", "a/gone", "~a/latest", "a/small", "a/unheard-of"], settings=settings)
    found = problems(asked, known, NIGHT)
    assert [(p.model, p.kind, p.stops) for p in found] == [
        ("a/one", "ignored", False),
        ("a/old", "expiring", False),  # 2026-08-20 is 19 days after the wave
        ("a/old", "ignored", False),
        ("a/gone", "retired", True),
        ("a/gone", "unpriced", False),
        ("~a/latest", "alias", False),
        ("a/small", "context", True),  # "question 0": 10 characters / 4 = 2 tokens, + 50 > 51
        ("a/unheard-of", "unknown", True),
    ]
    messages = {(p.model, p.kind): p.message for p in found}
    assert "would silently ignore top_k:" in messages["a/one", "ignored"]
    assert "would silently ignore seed, top_k:" in messages["a/old", "ignored"]


FULL, EIGHT, UNSAID = Offer("Alpha", "{}", "alpha", "bf16"), Offer("Beta AI", "{}", "beta/fp8", "fp8"), Offer("C", "{}")


@pytest.mark.parametrize(
    ("pin", "offers", "expected"),
    [
        pytest.param(None, (FULL,), [], id="one-provider"),
        pytest.param(None, (FULL, UNSAID), [], id="one-quantization-that-is-known"),
        pytest.param(None, (FULL, EIGHT), [("quantization", False)], id="two-quantizations"),
        pytest.param("alpha", (FULL, EIGHT), [], id="pinned-by-tag"),
        pytest.param("Beta AI", (FULL, EIGHT), [], id="pinned-by-name"),
        pytest.param("beta", (FULL, EIGHT), [], id="pinned-by-tag-without-variant"),
        pytest.param("Gamma", (FULL, EIGHT), [("pin", True)], id="pinned-to-one-that-does-not-serve-it"),
        pytest.param({"order": ["Gamma", "Alpha"]}, (FULL, EIGHT), [], id="one-of-two-pins-serves-it"),
        pytest.param(["Alpha", "beta"], (FULL, EIGHT), [("quantization", False)], id="pinned-to-two-quantizations"),
        pytest.param({"quantizations": ["bf16"]}, (FULL, EIGHT), [], id="quantization-chosen"),
        pytest.param(None, (), [("pin", True)], id="served-by-nobody"),
    ],
)
def test_providers_and_quantizations_that_would_differ_are_named(
    known: Known, questions: Questions, pin: Any, offers: tuple[Offer, ...], expected: list[tuple[str, bool]]
) -> None:
    settings = {"max_tokens": 50} | ({"provider": pin} if pin else {})
    found = problems(
        questions(["a/one"], settings=settings), dataclasses.replace(known, offers=offered(*offers)), NIGHT
    )
    assert kinds(found) == expected


def test_a_pin_that_nobody_serves_says_who_does(known: Known, questions: Questions) -> None:
    asked = questions(["a/one"], settings={"max_tokens": 50, "provider": "Gamma"})
    (problem,) = problems(asked, dataclasses.replace(known, offers=offered(FULL, EIGHT)), NIGHT)
    assert problem.message == "a/one is pinned to Gamma, and none of them serves it today (Alpha, Beta AI does)."


@pytest.mark.parametrize(
    ("key", "cells", "expected"),
    [
        pytest.param(None, 20, [], id="fits"),
        pytest.param(None, 21, [("free_limit", False)], id="longer-than-a-minute"),
        pytest.param(None, 51, [("free_limit", True), ("free_limit", False)], id="unknown-key-has-50-a-day"),
        pytest.param(KeyStatus(None, 0.0, is_free_tier=False), 51, [("free_limit", False)], id="after-a-purchase"),
        pytest.param(
            KeyStatus(None, 0.0, is_free_tier=False, free_limit=1000, free_remaining=30),
            31,
            [("free_limit", True), ("free_limit", False)],
            id="used-up-but-for-30",
        ),
    ],
)
def test_a_plan_beyond_the_free_limits_is_named(
    known: Known, questions: Questions, key: KeyStatus | None, cells: int, expected: list[tuple[str, bool]]
) -> None:
    keys = {"openrouter": key} if key else {}
    found = problems(questions(["a/x:free"], prompts=cells), dataclasses.replace(known, keys=keys), NIGHT)
    assert kinds(found) == expected


def test_a_used_up_key_is_named(known: Known, questions: Questions) -> None:
    keys = {"openrouter": KeyStatus(0.0, 5.0, is_free_tier=False)}
    (problem,) = problems(questions(["a/one"]), dataclasses.replace(known, keys=keys), NIGHT)
    assert (problem.kind, problem.stops) == ("credit", True)


EXPECTED = Forecast(10, low_usd=1.0, expected_usd=2.0, high_usd=4.0, unpriced=())


@pytest.mark.parametrize(
    ("left", "cap", "expected"),
    [
        (None, None, []),
        (4.0, 4.0, []),
        (3.0, None, [("credit", False)]),
        (1.5, 9.0, [("credit", True)]),
        (None, 3.0, [("budget", False)]),
        (9.0, 1.0, [("budget", True)]),
    ],
)
def test_credit_and_cap_are_held_against_the_price(
    left: float | None, cap: float | None, expected: list[tuple[str, bool]]
) -> None:
    assert kinds(unaffordable(EXPECTED, {"openrouter": KeyStatus(left, 0.0, is_free_tier=False)}, cap)) == expected
