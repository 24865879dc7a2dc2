"""What stops a start, and that the same command afterwards asks only what is missing."""

import asyncio
import dataclasses
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.asking.clock import Clock
from pipelines.asking.journal import Journal, remaining
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.records import SETTLED

COST = 0.00003
"""USD of one answer to "question 0": 10 tokens in at 1e-6, 5 tokens out at 4e-6."""

STEPS = (
    "ok", "ok", "empty", "length", "refusal", "moderated", "status_429", "status_500", "status_502", "status_400",
    "status_529", "error_in_200", "rate_limit_in_200", "choices_null", "choices_empty", "choice_error", "malformed",
    "html", "invalid_utf8", "reset", "no_usage", "cache_hit", "capacity", "retry_after_2",
)  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.sampled_from(STEPS), max_size=80), dead=st.sampled_from(["ok", "status_404", "deprecated"]))
def test_whatever_a_server_does_the_books_agree_and_a_later_start_finishes(
    server, ask, questions, tmp_path_factory, plan, dead
):
    server.control(plans={"a/one": plan}, always={"a/other": dead})
    cells = questions(["a/one", "a/two", "a/other"], prompts=20)
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder, "openrouter") as journal:
        for _ in range(40):
            asked = ask(remaining(cells, journal))
            assert asked.error is None
            for attempt in asked.attempts:
                journal.append(attempt)
            if not [q for q in remaining(cells, journal) if q.cell.model_requested != "a/other"]:
                break
    attempts = list(journal.attempts())
    sent = [a for a in attempts if a.error_class != "circuit_open"]
    books = server.books()
    assert len(sent) == books["calls"]
    assert len({(a.key, a.attempt) for a in attempts}) == len(attempts)
    settled = Counter(a.key for a in attempts if a.outcome in SETTLED)
    assert set(settled.values()) == {1}
    assert len(settled) == (60 if dead == "ok" else 40)
    spent = sum(a.cost_usd for a in attempts if a.cost_usd is not None)
    unreported = sum(1 for a in attempts if a.outcome == "ok" and a.cost_usd is None)
    assert spent <= books["charged_usd"] + 1e-9
    if not unreported:
        assert spent == pytest.approx(books["charged_usd"], abs=1e-9)


def test_a_wave_stopped_by_money_is_finished_by_the_same_command(server, ask, questions, spec, tmp_path):
    cells, wide = questions(["a/one", "a/two"], prompts=50), dataclasses.replace(spec, max_in_flight=32)
    server.control(limit_usd=40.5 * COST, latency_ms=5)
    with Journal(tmp_path, "e") as journal:
        first = ask(cells, spec=wide)
        for attempt in first.attempts:
            journal.append(attempt)
        books = server.books()
        assert type(first.error).__name__ == "BudgetError"
        assert "add credit or raise the key's limit, and start the same command again" in str(first.error)
        assert len(first.attempts) == books["calls"]
        # 402 came while others were in flight: what was under way is kept, and nothing was sent after it was known.
        assert len(journal.settled()) == books["answers"] == 40
        assert books["calls"] <= 40 + 32
        assert journal.spent_usd() == pytest.approx(books["charged_usd"], abs=1e-9)
        server.control()
        second = ask(remaining(cells, journal), spec=wide)
    assert second.error is None
    assert len(second.attempts) == server.books()["calls"] == 100 - 40
    assert not {a.key for a in second.attempts} & {a.key for a in first.attempts if a.outcome in SETTLED}


def test_a_key_used_up_before_the_start_costs_one_round_of_refusals(server, ask, questions):
    server.control(limit_usd=0.0)
    asked = ask(questions(["a/one"], prompts=50))
    assert type(asked.error).__name__ == "BudgetError"
    assert set(asked.outcomes()) == {"payment_required"}
    assert (len(asked.attempts), server.books()["charged_usd"]) == (server.books()["calls"], 0.0)
    assert len(asked.attempts) <= 8


def test_cells_that_nothing_can_save_keep_no_others_from_being_asked(server, ask, questions, tmp_path):
    hopeless = {"seed": 1, "cursed": {"status_500": 0.2}}
    cells = questions(["a/one"], prompts=150)
    with Journal(tmp_path, "e") as journal:
        # The first start ends for lack of money in the middle: what failed until then comes before what is left.
        for limit_usd, expected in ((75 * COST, "BudgetError"), (None, "NoneType")):
            server.control(**hopeless, limit_usd=limit_usd)
            asked = ask(remaining(cells, journal))
            assert type(asked.error).__name__ == expected
            for attempt in asked.attempts:
                journal.append(attempt)
        left = {q.cell.prompt_id for q in remaining(cells, journal)}
    failed = {a.prompt_id for a in journal.attempts() if a.error_class == "server_error"}
    assert left == failed
    assert 15 < len(failed) < 45


def test_a_rate_limit_that_a_server_enforces_is_waited_out(server, ask, questions):
    server.control(rate_limits={"*": {"requests": 15, "window_s": 1.0}})
    started = time.monotonic()
    asked = ask(questions(["a/free"], prompts=40), clock=Clock())
    books = server.books()
    assert asked.outcomes().count("ok") == books["answers"] == 40
    # 15 a window: the 31st answer comes two windows after the first. A refusal pauses the model, so few are made.
    assert time.monotonic() - started >= 2.0
    assert books["steps"]["rate_limited"] == len(asked.attempts) - 40 <= 4 * 8
    assert any("429 from" in notice for notice in asked.notices)


def test_asking_nothing_connects_to_nobody(spec):
    endpoint = OpenAICompatibleEndpoint(dataclasses.replace(spec, base_url="http://127.0.0.1:9/v1"), None)

    async def attempts():
        return [attempt async for attempt in endpoint.ask([])]

    assert asyncio.run(attempts()) == []
