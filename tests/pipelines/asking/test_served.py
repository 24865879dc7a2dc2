"""Who answered: by the reply's own fields, by the router's account of itself, and whether anybody answered at all."""

from __future__ import annotations

import dataclasses

import pytest

from pipelines.asking.served import Served, served


def router(requested="a/auto", selected=None, attempts=None):
    available = [{"provider": "ProviderX", "model": "x/other", "selected": False}, *([selected] if selected else [])]
    routing = {"requested": requested, "endpoints": {"total": 2, "available": available}}
    return {"openrouter_metadata": routing | ({"attempts": attempts} if attempts else {})}


CHOSEN = {"provider": "ProviderA", "model": "a/one-20260101", "selected": True}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, Served(None, None)),
        ({"model": "a/one", "provider": "ProviderB"}, Served("a/one", "ProviderB")),
        (router(selected=CHOSEN), Served("a/one-20260101", "ProviderA")),
        ({"model": "a/auto"} | router(selected=CHOSEN), Served("a/one-20260101", "ProviderA")),
        ({"model": "a/two"} | router(selected=CHOSEN), Served("a/two", "ProviderA")),
        ({"model": "a/auto", "provider": "ProviderB"} | router(selected=CHOSEN), Served("a/one-20260101", "ProviderB")),
        (
            {"model": "a/auto", "provider": "ProviderA"}
            | router(
                selected=CHOSEN,
                attempts=[
                    {"provider": "ProviderA", "model": "a/one-20260101", "status": 502},
                    {"provider": "ProviderC", "model": "c/fallback", "status": 200},
                ],
            ),
            Served("c/fallback", "ProviderC"),
        ),
        (
            {"model": 3, "provider": [], "openrouter_metadata": {"endpoints": {"available": [None, 3]}}},
            Served(None, None),
        ),
        ({"openrouter_metadata": "none"}, Served(None, None)),
        ({"model": "a/one", "openrouter_metadata": {"attempts": {"0": {}}, "endpoints": []}}, Served("a/one", None)),
    ],
)
def test_the_last_attempt_knows_best_then_the_reply_then_what_was_chosen(body, expected):
    assert served(body) == expected


def answer(usage=(0, 0), text="Lima.", **more):
    counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage), "cost": 0}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"status": 200, "body": {"id": "gen-9", "model": "a/one", "choices": [choice], "usage": counted} | more}


def test_an_alias_that_rolled_over_is_seen_in_what_was_routed_to(server, ask, questions):
    server.control(plans={"a/auto": [answer((9, 2), **({"model": "a/auto"} | router(selected=CHOSEN)))]})
    attempt = ask(questions(["a/auto"])).only
    assert (attempt.model_requested, attempt.model_served, attempt.provider_served) == (
        "a/auto", "a/one-20260101", "ProviderA",
    )  # fmt: skip
    assert '"openrouter_metadata"' in attempt.body


def test_an_answer_whose_counters_are_all_zero_came_from_a_cache(server, ask, questions):
    server.control(plans={"a/one": [answer()]})
    replayed, fresh = ask(questions(["a/one"])).attempts
    assert (replayed.outcome, replayed.error_class, replayed.response_text) == ("error", "cache_hit", None)
    assert (replayed.cache_status, replayed.cost_usd) == (None, 0.0)
    assert "Lima." in replayed.body
    assert fresh.outcome == "ok"


@pytest.mark.parametrize(
    ("step", "outcomes"),
    [
        (answer((0, 0), text=""), ["empty"]),
        (answer((9, 0)), ["ok"]),
        (answer((0, 2)), ["ok"]),
        (answer((9, 2)) | {"headers": {"X-OpenRouter-Cache-Status": "HIT"}}, ["cache_hit", "ok"]),
        (answer((9, 2)) | {"headers": {"X-OpenRouter-Cache-Status": "MISS"}}, ["ok"]),
        (answer((0, 0), text="") | {"headers": {"X-OpenRouter-Cache-Status": "hit"}}, ["cache_hit", "ok"]),
    ],
)
def test_only_a_hit_or_an_answer_for_nothing_is_taken_for_a_cached_one(server, ask, questions, step, outcomes):
    server.control(plans={"a/one": [step]})
    assert ask(questions(["a/one"])).outcomes() == outcomes


def test_a_server_that_counts_nothing_is_no_cache(server, ask, questions, spec):
    server.control(plans={"m": [answer()]})
    assert ask(questions(["m"]), spec=dataclasses.replace(spec, flavor="vllm")).only.outcome == "ok"
