"""A process killed while it asks loses nothing it was given, and its successor asks only what is missing."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from pipelines.asking.journal import Journal
from pipelines.asking.sent import held

SCRIPT = Path(__file__).with_name("asking_process.py")
CELLS, IN_FLIGHT, LATENCY_MS, KILLS = 2_000, 64, 200, 20
LONGEST_LIFE_S = 0.8
"""A start gets up to so long to ask: in the first 0.2 s nothing comes back, and then 320 answers a second do."""


def start(server, folder, cells=CELLS, in_flight=IN_FLIGHT):
    command = [sys.executable, str(SCRIPT), server.base_url, str(folder), str(cells), str(in_flight)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)


def begun(process):
    """Wait until a process asks; return how many cells it found missing."""
    said = process.stdout.readline().split()
    assert said[:1] == ["asking"], process.stderr.read()
    return int(said[1])


def books_at_rest(server):
    """Return the books once nothing is in flight: what a dead client had sent has then been read and counted."""
    deadline = time.monotonic() + 10
    while True:
        books, _ = server.books(), time.sleep(0.05)
        if not books["in_flight"] and books["calls"] == server.books()["calls"]:
            return books
        assert time.monotonic() < deadline, "the server does not come to rest"


def journaled(folder):
    """Return how many attempts each cell has in the journal, by the server's name of the cell."""
    attempts = Journal(folder, "openrouter").attempts()
    return Counter(f"{a.model_requested}|question {n}|{n + 1}" for a in attempts if (n := int(a.prompt_id[1:])) >= 0)


@pytest.fixture(scope="module")
def killed(_server, tmp_path_factory):
    """A wave killed twenty times: its folder, the cells lost at each kill, and the server's books at the end."""
    server, folder, draws = _server, tmp_path_factory.mktemp("killed"), random.Random(20260801)
    server.control(latency_ms=LATENCY_MS)
    lost, before, missing = [], Counter(), []
    for _ in range(KILLS):
        process = start(server, folder)
        missing.append(begun(process))
        time.sleep(draws.uniform(0, LONGEST_LIFE_S))
        process.kill()
        process.communicate()
        gone = Counter(books_at_rest(server)["calls_by_cell"]) - journaled(folder)
        lost.append(gone - before)
        before = gone
    process = start(server, folder)
    missing.append(begun(process))
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    return folder, lost, missing, books_at_rest(server)


def test_a_wave_killed_twenty_times_is_finished_by_the_next_start(killed):
    folder, _, missing, books = killed
    assert missing[0] == CELLS
    assert missing == sorted(missing, reverse=True)
    assert len(set(missing)) > KILLS / 5, "kills came while answers were arriving"
    assert books["most_at_once"] >= 32
    outcomes = Counter((a.key, a.outcome) for a in Journal(folder, "openrouter").attempts())
    assert len(outcomes) == CELLS
    assert set(outcomes.values()) == {1}
    assert {outcome for _, outcome in outcomes} == {"ok"}


def test_only_what_was_in_flight_at_a_kill_is_asked_twice(killed):
    _, lost, _, books = killed
    assert all(set(cells.values()) <= {1} for cells in lost)
    assert max(sum(cells.values()) for cells in lost) <= IN_FLIGHT
    asked = sum(lost, Counter())
    assert all(calls == 1 + asked[cell] for cell, calls in books["calls_by_cell"].items())
    assert books["calls"] == CELLS + sum(asked.values())


def test_every_answer_that_was_paid_for_is_in_the_journal_or_was_in_flight_at_a_kill(killed):
    folder, lost, _, books = killed
    attempts = list(Journal(folder, "openrouter").attempts())
    read = {a.response_id: a.cost_usd for a in attempts}
    unread = {number: cost for number, cost in books["charged_by_id"].items() if number not in read}
    assert len(unread) == sum(sum(cells.values()) for cells in lost)
    assert books["undelivered"] <= len(unread)
    assert sum(read.values()) + sum(unread.values()) == pytest.approx(books["charged_usd"], abs=1e-9)
    reserved = held(folder, "openrouter")
    assert reserved.calls >= len(unread)
    assert reserved.usd >= sum(unread.values())


def test_a_second_process_of_the_same_wave_says_so_and_leaves(server, tmp_path):
    server.control(latency_ms=LATENCY_MS)
    first = start(server, tmp_path, cells=64, in_flight=8)
    assert begun(first) == 64
    second = start(server, tmp_path, cells=64, in_flight=8)
    said, complaint = second.communicate(timeout=30)
    assert (said, second.returncode) == ("", 1)
    assert "BusyError: Another process is asking openrouter for this wave" in complaint
    assert "Let it finish, or stop it" in complaint
    first.communicate(timeout=30)
    assert (first.returncode, server.books()["calls"]) == (0, 64)
