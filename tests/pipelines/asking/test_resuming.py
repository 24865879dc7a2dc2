"""A process killed while it asks loses nothing it was given, and its successor asks only what is missing."""

import asyncio
import dataclasses
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.asking.journal import Journal, remaining
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.records import SETTLED

SCRIPT = Path(__file__).with_name("asking_process.py")
CELLS, IN_FLIGHT, LATENCY_MS = 200, 8, 40


def start(server, folder):
    command = [sys.executable, str(SCRIPT), server.base_url, str(folder), str(CELLS)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
    said = process.stdout.readline().split()
    assert said[:1] == ["asking"]
    return process, int(said[1])


def wait_for_lines(path, count):
    deadline = time.monotonic() + 30
    while path.read_bytes().count(b"\n") < count and time.monotonic() < deadline:
        time.sleep(0.002)


def test_a_killed_process_loses_nothing_and_no_cell_is_answered_twice(server, tmp_path):
    server.control(latency_ms=LATENCY_MS)
    draws = random.Random(20260801)
    kills, left = 3, []
    for _ in range(kills):
        process, missing = start(server, tmp_path)
        left.append(missing)
        # Somewhere in the first 30 of the at least 100 answers that are missing.
        wait_for_lines(tmp_path / "openrouter.jsonl", CELLS - missing + draws.randint(1, 30))
        time.sleep(draws.uniform(0, LATENCY_MS / 1000))
        process.kill()
        process.communicate()
        time.sleep(2 * LATENCY_MS / 1000)
    process, missing = start(server, tmp_path)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert CELLS == left[0] > left[1] > left[2] > missing > 0, "each kill came while it was asking"

    attempts = list(Journal(tmp_path, "openrouter").attempts())
    per_cell = Counter(attempt.key for attempt in attempts if attempt.outcome in SETTLED)
    assert len(per_cell) == CELLS
    assert set(per_cell.values()) == {1}
    assert server.books()["calls"] <= CELLS + kills * IN_FLIGHT


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


def test_a_wave_stopped_by_money_is_finished_by_the_same_command(server, ask, questions, tmp_path):
    cells = questions(["a/one"], prompts=30)
    server.control(limit_usd=0.0005)
    with Journal(tmp_path, "e") as journal:
        first = ask(cells)
        for attempt in first.attempts:
            journal.append(attempt)
        answered = len(journal.settled())
        assert type(first.error).__name__ == "BudgetError"
        assert 0 < answered < 30
        server.control()
        second = ask(remaining(cells, journal))
    assert second.error is None
    assert len(second.attempts) == server.books()["calls"] == 30 - answered


def test_asking_nothing_connects_to_nobody(spec):
    endpoint = OpenAICompatibleEndpoint(dataclasses.replace(spec, base_url="http://127.0.0.1:9/v1"), None)

    async def attempts():
        return [attempt async for attempt in endpoint.ask([])]

    assert asyncio.run(attempts()) == []
