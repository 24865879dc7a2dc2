"""A user who stops asking pays for nothing more, and keeps what is paid for."""

import asyncio

import pytest

from lake.errors import StoppedError
from pipelines.asking.budget import Budget
from pipelines.asking.interruption import Interruption
from pipelines.asking.journal import Journal, journal_frame
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.pricing import Price
from pipelines.asking.sent import SentLog, held

PRICES = {"a/one": Price(1e-6, 4e-6)}


def test_nothing_new_is_sent_and_what_is_under_way_is_handed_out(server, spec, questions):
    server.control(latency_ms=100)
    interruption = Interruption()
    endpoint = OpenAICompatibleEndpoint(spec, None, interruption=interruption)
    kept = []

    async def stopped_at_the_third():
        async for attempt in endpoint.ask(questions(["a/one"], prompts=200)):
            kept.append(attempt)
            if len(kept) == 3:
                interruption.set()

    with pytest.raises(StoppedError, match="the same command goes on from there"):
        asyncio.run(stopped_at_the_third())
    assert len(kept) == server.books()["calls"] <= 3 + 2 * spec.max_in_flight


def test_who_begins_after_the_wish_to_stop_sends_nothing(server, spec, questions):
    interruption = Interruption()
    interruption.set()

    async def ask():
        endpoint = OpenAICompatibleEndpoint(spec, None, interruption=interruption)
        return [attempt async for attempt in endpoint.ask(questions(["a/one"], prompts=20))]

    with pytest.raises(StoppedError):
        asyncio.run(ask())
    assert server.books()["calls"] == 0


def test_an_answer_is_kept_before_its_cost_is_looked_up(server, spec, questions, tmp_path):
    # The generation record never comes: the lookup takes seconds, and a kill in between must cost no answer.
    server.control(always={"a/one": "no_cost"}, generation_404s=99)

    async def cut_off_when_all_are_answered():
        endpoint = OpenAICompatibleEndpoint(spec, None, sent=SentLog(tmp_path, "openrouter"))
        stream = endpoint.ask(questions(["a/one"], prompts=8))
        with Journal(tmp_path, "openrouter") as journal:
            for _ in range(8):
                journal.append(await asyncio.wait_for(anext(stream), 2))
            await stream.aclose()

    asyncio.run(cut_off_when_all_are_answered())
    assert len(Journal(tmp_path, "openrouter").settled()) == server.books()["calls"] == 8


def test_a_cost_that_came_later_stands_in_the_journal_once_and_frees_what_was_held(server, ask, questions, tmp_path):
    server.control(always={"a/one": "no_usage"}, generation_404s=1)
    log, budget = SentLog(tmp_path, "openrouter"), Budget(1.0)
    lines = []
    with Journal(tmp_path, "openrouter") as journal:
        asked = ask(questions(["a/one"], prompts=5), prices=PRICES, budget=budget, sent=log, keep=lines.append)
        for attempt in lines:
            journal.append(attempt)
    charged = server.books()["charged_usd"]
    assert len(lines) == 10, "each attempt, and each once more with its cost"
    assert len(asked.attempts) == len(list(journal.attempts())) == journal_frame([journal.path]).height == 5
    assert journal.spent_usd() == pytest.approx(charged, abs=1e-12)
    assert journal_frame([journal.path])["cost_usd"].sum() == pytest.approx(charged, abs=1e-12)
    assert budget.spent_usd == pytest.approx(charged, abs=1e-12)
    assert budget.held_usd == pytest.approx(0, abs=1e-12)
    assert held(tmp_path, "openrouter") == (0, 0.0)


def test_what_is_not_on_disk_yet_counts_as_in_flight(server, spec, questions):
    # The journal takes its time: no more than max_in_flight answers are read and not kept.
    kept = 0

    async def slowly():
        nonlocal kept
        most = 0
        async for _ in OpenAICompatibleEndpoint(spec, None).ask(questions(["a/one"], prompts=100)):
            await asyncio.sleep(0.002)
            most = max(most, (await asyncio.to_thread(server.books))["calls"] - kept)
            kept += 1
        return most

    assert asyncio.run(slowly()) <= spec.max_in_flight
    assert kept == 100
