"""What is reserved before a call bounds what it costs, at whatever provider it is answered."""

import dataclasses
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from lake.errors import BudgetError
from pipelines.asking.bounds import allowed, bounded_by_offers, max_price
from pipelines.asking.budget import Budget
from pipelines.asking.offers import ModelOffers, Offer
from pipelines.asking.pricing import Price
from pipelines.panels.records import RosterEntry

CHEAP = Offer("ProviderA", "{}", tag="provider-a/fp8", price=Price(1e-6, 4e-6))
DEAR = Offer("ProviderB", "{}", tag="provider-b", price=Price(3e-6, 12e-6, request_usd=0.001))
SILENT = Offer("ProviderC", "{}")
PRICE = Price(1e-6, 4e-6)


def bounded(provider=None):
    entry = RosterEntry("a/one", "openrouter", settings={"provider": provider} if provider else {})
    offers = {"a/one": ModelOffers("a/one", "a/one", datetime(2026, 8, 1, tzinfo=UTC), (CHEAP, DEAR, SILENT))}
    return bounded_by_offers({"a/one": PRICE, "a/two": PRICE}, offers, SimpleNamespace(roster=(entry,)))


def test_the_dearest_provider_that_may_answer_is_the_bound_and_the_base_price_stays():
    price = bounded()["a/one"]
    assert (price.prompt_usd, price.completion_usd) == (1e-6, 4e-6)
    # 100 tokens in and 50 out at ProviderB: 100 * 3e-6 + 50 * 12e-6 + 0.001.
    assert price.most(100, 50) == pytest.approx(0.0019, abs=1e-15)
    assert bounded()["a/two"] == PRICE


@pytest.mark.parametrize("pin", ["ProviderA", ["provider-a"], {"only": ["ProviderA"]}])
def test_a_pinned_provider_is_the_bound(pin):
    assert bounded(pin)["a/one"].most(100, 50) == pytest.approx(0.0003, abs=1e-15)


def test_an_order_with_fallbacks_allows_every_provider():
    entry = RosterEntry("a/one", "e", settings={"provider": {"order": ["ProviderA"], "allow_fallbacks": True}})
    assert allowed(entry, (CHEAP, DEAR)) == (CHEAP, DEAR)


def test_openrouter_is_told_to_route_to_nobody_dearer(server, ask, questions):
    assert max_price(bounded()["a/one"]) == {"prompt": 3.0, "completion": 12.0}
    settings = {"max_tokens": 50, "provider": "ProviderA"}
    ask(questions(["a/one"], settings=settings), prices={"a/one": PRICE}, budget=Budget(1.0))
    sent = server.books()["last_request"]["body"]["provider"]
    assert sent == {"max_price": {"prompt": 1.0, "completion": 4.0}, "order": ["ProviderA"], "allow_fallbacks": False}
    assert server.books()["schema_violations"] == 0


def test_at_128_in_flight_the_cap_holds(server, ask, questions, spec):
    # Worst case of a call 3.06e-4 USD, real cost about 3.3e-5: the cap ends it in the middle.
    server.control(latency_ms=100)
    budget = Budget(0.02)
    wide = dataclasses.replace(spec, max_in_flight=128)
    asked = ask(questions(["a/one", "a/two"], prompts=500), spec=wide, prices=dict.fromkeys(["a/one", "a/two"], PRICE),
                budget=budget)  # fmt: skip
    assert isinstance(asked.error, BudgetError)
    assert server.books()["most_at_once"] > 32
    assert 0.015 < server.books()["charged_usd"] <= 0.02
    assert budget.spent_usd == pytest.approx(server.books()["charged_usd"], abs=1e-9)


def test_a_call_dearer_than_its_bound_raises_what_is_reserved_for_its_model():
    budget = Budget(1.0)
    first = budget.reserve("m", Price(0.001, 0.0), 10, 0)  # 0.01 USD at most
    budget.settle(first, 0.04, "yes")
    assert budget.reserve("m", Price(0.001, 0.0), 10, 0).usd == pytest.approx(0.04, abs=1e-15)
    assert budget.reserve("other", Price(0.001, 0.0), 10, 0).usd == pytest.approx(0.01, abs=1e-15)
