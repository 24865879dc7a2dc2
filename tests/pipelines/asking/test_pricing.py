"""Prices are read from strings, conditions count at their dearest, and a budget never overspends."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lake.errors import BudgetError
from pipelines.asking.budget import Budget
from pipelines.asking.catalogue import Catalogue, CatalogueModel, prices
from pipelines.asking.pricing import Price, amount, declared_prices, most_prompt_tokens, parse_price, unpriced
from pipelines.panels.records import Battery, DeclaredPrice, EndpointSpec, Panel, RosterEntry


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.000001", 1e-6),
        (0, 0.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("free", None),
        (True, None),
        (None, None),
    ],
)
def test_an_amount_is_a_finite_number_of_at_least_zero(value, expected):
    assert amount(value) == expected


def test_conditions_count_at_their_dearest():
    price = parse_price(
        {
            "prompt": "0.000001",
            "completion": "0.000004",
            "overrides": [
                {"min_prompt_tokens": 200000, "prompt": "0.000003"},
                {"utc_start": "08:00", "utc_end": "20:00", "completion": "0.000008"},
            ],
        }
    )
    assert price.of(1000, 100) == pytest.approx(1e-3 + 4e-4)
    assert price.most(1000, 100) == pytest.approx(3e-3 + 8e-4)
    assert price.conditional


def test_reasoning_and_cache_writes_bound_a_call_too():
    pricing = {"prompt": "1e-6", "completion": "2e-6", "internal_reasoning": "9e-6", "input_cache_write": "5e-6"}
    assert parse_price(pricing).most(10, 10) == pytest.approx(50e-6 + 90e-6)


def test_tokens_read_from_a_cache_have_their_own_price():
    price = parse_price({"prompt": "1e-6", "completion": "2e-6", "input_cache_read": "1e-7"})
    assert price.of(100, 10, 40) == pytest.approx(60e-6 + 4e-6 + 20e-6)


@pytest.mark.parametrize("pricing", [None, [], {}, {"prompt": "1e-6"}, {"prompt": "-1", "completion": "-1"}])
def test_a_price_that_is_not_stated_is_unknown(pricing):
    assert parse_price(pricing) is None


def test_prompt_tokens_are_bounded_by_bytes():
    # "é😀" has 2 + 4 = 6 bytes; one message adds 32, the prompt 64.
    assert most_prompt_tokens([{"role": "user", "content": "é😀"}]) == 6 + 32 + 64


@given(
    cap=st.floats(0.01, 1.0),
    calls=st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400), st.floats(0.5, 1)), min_size=20, max_size=60),
)
def test_spending_never_passes_the_cap(cap, calls):
    budget, price, open_ones = Budget(cap), Price(1e-4, 1e-4), []
    for prompt_tokens, completion_tokens, share in calls:
        try:
            held = budget.reserve("m", price, prompt_tokens, completion_tokens)
        except BudgetError:
            break
        if held is None:
            assert open_ones, "told to wait with nothing in flight"
            budget.settle(*open_ones.pop(0), "yes")
        else:
            open_ones.append((held, held.usd * share))
    for held, cost in open_ones:
        budget.settle(held, cost, "yes")
    assert budget.spent_usd <= cap * (1 + 1e-12)


def test_a_call_waits_while_the_worst_case_of_those_in_flight_leaves_no_room():
    budget, price = Budget(1.0), Price(0.01, 0.0)
    first = budget.reserve("m", price, 60, 0)  # 0.6 USD at most
    assert budget.reserve("m", price, 60, 0) is None  # 0.6 + 0.6 > 1
    budget.settle(first, 0.1, "yes")
    assert budget.reserve("m", price, 60, 0) is not None  # 0.1 + 0.6 <= 1


def test_threads_together_never_pass_the_cap():
    budget, price = Budget(0.5), Price(0.001, 0.0)

    def spend():
        while True:
            try:
                held = budget.reserve("m", price, 10, 0)
            except BudgetError:
                return
            if held is not None:
                budget.settle(held, held.usd, "yes")

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.49 - 1e-9 <= budget.spent_usd <= 0.5 + 1e-9  # 50 calls of 0.01, the last one lost to rounding at most


def test_money_spent_by_earlier_starts_counts():
    with pytest.raises(BudgetError, match=r"0\.90 USD are spent"):
        Budget(1.0, spent_usd=0.9).reserve("m", Price(0.01, 0.0), 20, 1)


def test_a_call_without_a_bound_on_its_answer_is_refused():
    with pytest.raises(BudgetError, match="m has no bound on the length of its answers"):
        Budget(1.0).reserve("m", Price(0.01, 0.0), 20, None)


def test_settling_twice_counts_once():
    budget = Budget(1.0)
    held = budget.reserve("m", Price(0.01, 0.0), 10, 0)
    budget.settle(held, 0.1, "yes")
    budget.settle(held, 0.1, "yes")
    assert budget.spent_usd == 0.1


def panel_of(*entries, **endpoints):
    """A panel with the given roster, asked at endpoints of the given flavors."""
    specs = {name: EndpointSpec(name, "openai_compatible", flavor=flavor) for name, flavor in endpoints.items()}
    battery = Battery("none", "1", "", ())
    return Panel("test", Path("test.yaml"), battery, (), entries, specs, 1, 0, "", {})


def test_a_declared_price_is_read_as_usd_a_million_tokens():
    entry = RosterEntry(model="m", endpoint="paid", price=DeclaredPrice(2.5, 10.0))
    price = declared_prices(panel_of(entry, RosterEntry(model="n", endpoint="paid"), paid="openai"))["m"]
    assert price.of(1_000, 100) == pytest.approx(0.0025 + 0.001)
    assert price.most(1_000, 100) == pytest.approx(0.0025 + 0.001)
    assert not price.conditional


def test_a_catalogue_knows_a_price_better_than_the_panel():
    declared = DeclaredPrice(2.5, 10.0)
    entries = [RosterEntry(model=model, endpoint="paid", price=declared) for model in ("listed", "silent", "absent")]
    listed = {
        "listed": CatalogueModel("listed", "{}", price=Price(1e-6, 2e-6)),
        "silent": CatalogueModel("silent", "{}"),
    }
    catalogue = Catalogue("paid", datetime(2026, 8, 1, tzinfo=UTC), listed)
    found = prices(panel_of(*entries, paid="openai"), {"paid": catalogue})
    assert {model: price.prompt_usd for model, price in found.items()} == {
        "listed": 1e-6, "silent": 2.5e-6, "absent": 2.5e-6,
    }  # fmt: skip


def test_what_is_paid_for_at_a_price_that_nobody_states_is_unpriced():
    flavors = {"router": "openrouter", "open": "openai", "claude": "anthropic", "gpu": "vllm", "desk": "ollama"}
    entries = [RosterEntry(model=f"{name}/m", endpoint=name) for name in flavors]
    panel = panel_of(*entries, other=None, **flavors)
    assert unpriced(panel, {}) == ["router/m", "open/m", "claude/m"]
    assert unpriced(panel, {"open/m": Price(0.0, 0.0)}) == ["router/m", "claude/m"]
