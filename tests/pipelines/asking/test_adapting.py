"""Concurrency finds what a server can bear, over the real wire and the machine's clock."""

import dataclasses

from pipelines.asking.clock import Clock


def test_a_server_that_slows_down_is_asked_less_at_once(server, ask, questions, spec):
    # Eight at a time take 4 ms each; each further one adds 5 ms to all, so 64 at once would take 284 ms each.
    server.control(latency_ms=4, latency_knee=8, latency_growth_ms=5)
    asked = ask(questions(["a/one"], prompts=400), spec=dataclasses.replace(spec, max_in_flight=64), clock=Clock())
    assert {attempt.outcome for attempt in asked.attempts} == {"ok"}
    late = sorted(attempt.latency_ms for attempt in asked.attempts[-200:])
    assert late[100] < 142, "half of what it would be at full width"
    assert server.books()["most_at_once"] > 8


def test_a_rate_limit_is_kept_without_losing_a_cell(server, ask, questions, spec):
    server.control(rate_limits={"a/one": {"requests": 10, "window_s": 1}})
    cells = questions(["a/one", "a/two"], prompts=25)
    asked = ask(cells, spec=dataclasses.replace(spec, max_in_flight=16, max_attempts=4), clock=Clock())
    settled = [attempt.key for attempt in asked.attempts if attempt.outcome == "ok"]
    assert len(settled) == len(set(settled)) == 50
    limited = [attempt for attempt in asked.attempts if attempt.error_class == "rate_limited"]
    assert {attempt.model_requested for attempt in limited} == {"a/one"}
    assert len(limited) <= 16, "a pause for the whole model, not a refusal a cell"
    assert [notice for notice in asked.notices if notice.startswith("waiting ") and "429" in notice]
