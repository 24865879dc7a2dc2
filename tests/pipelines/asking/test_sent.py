"""What was sent and never settled is known to the next start, and its worst case is kept from being spent again."""

import asyncio

import pytest

from lake.errors import BudgetError, StoreError
from pipelines.asking.budget import Budget
from pipelines.asking.journal import Journal
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.pricing import Price
from pipelines.asking.records import CellKey
from pipelines.asking.sent import SentLog, held

PRICE = Price(1e-6, 4e-6)
WORST_USD = 0.000306
"""("question 0" 10 bytes + 32 + 64) * 1e-6 + 50 tokens * 4e-6."""


def key_of(n):
    return CellKey("a/one", f"p{n}", 0, "measure")


def test_without_a_log_nothing_is_held(tmp_path):
    assert held(tmp_path, "openrouter") == (0, 0.0)


def test_requests_without_an_attempt_are_held_at_their_worst_case(tmp_path):
    log = SentLog(tmp_path, "openrouter")
    log.sent(key_of(1), 1, 0.25)
    log.sent(key_of(1), 2, 0.5)
    log.close()
    assert held(tmp_path, "openrouter") == (2, 0.75)


def test_a_line_cut_short_by_a_crash_is_skipped_and_the_next_stands_by_itself(tmp_path):
    log = SentLog(tmp_path, "openrouter")
    log.sent(key_of(1), 1, 0.25)
    log.close()
    with log.path.open("ab") as file:
        file.write(b'["a/one", "p2", 0, "mea')
    log.sent(key_of(3), 1, 0.5)
    log.close()
    assert held(tmp_path, "openrouter") == (2, 0.75)


def test_a_log_that_cannot_be_written_stops_asking_before_money_goes_out(server, ask, questions, tmp_path):
    (tmp_path / "openrouter.sent.jsonl").mkdir()
    asked = ask(questions(["a/one"]), sent=SentLog(tmp_path, "openrouter"))
    assert isinstance(asked.error, StoreError)
    assert "so nothing more is sent" in str(asked.error)
    assert server.books()["calls"] == 0


def test_answered_calls_hold_nothing_and_calls_without_a_cost_hold_their_worst(server, ask, questions, tmp_path):
    # One cell is reset once and then answered, one is refused with a 400, one is answered at once.
    server.control(plans={"a/one": ["reset", "ok"], "a/two": ["status_400"]})
    with Journal(tmp_path, "openrouter") as journal:
        prices = {"a/one": PRICE, "a/two": PRICE}
        budget = Budget(1.0)
        asked = ask(questions(["a/one", "a/two"]), prices=prices, budget=budget, sent=SentLog(tmp_path, "openrouter"))
        for attempt in asked.attempts:
            journal.append(attempt)
    assert sorted(asked.outcomes()) == ["bad_request", "connection_lost", "ok"]
    calls, usd = held(tmp_path, "openrouter")
    assert calls == 1
    assert usd == pytest.approx(WORST_USD, abs=1e-12)
    assert budget.held_usd == usd


def test_calls_under_way_when_asking_is_cut_off_are_held_by_the_next_start(server, spec, questions, tmp_path):
    server.control(latency_ms=100)
    prices = {"a/one": PRICE}

    async def cut_off_after_the_third():
        endpoint = OpenAICompatibleEndpoint(
            spec, None, prices=prices, budget=Budget(1.0), sent=SentLog(tmp_path, "openrouter")
        )
        stream = endpoint.ask(questions(["a/one"], prompts=40))
        with Journal(tmp_path, "openrouter") as journal:
            for _ in range(3):
                journal.append(await anext(stream))
            await stream.aclose()

    asyncio.run(cut_off_after_the_third())
    calls, usd = held(tmp_path, "openrouter")
    assert 0 < calls <= 2 * spec.max_in_flight
    assert calls + 3 == server.books()["calls"], "each call the server counted is an attempt or is held"
    assert usd == pytest.approx(calls * WORST_USD, abs=calls * 1.1e-6)  # "question 10" is a byte longer
    with pytest.raises(BudgetError, match=r"USD may be, and the next call"):
        Budget(usd + WORST_USD / 2, held_usd=usd).reserve("a/one", PRICE, 106, 50)
