"""Each thing a server can do, by a real server, and what becomes of it."""

import dataclasses
import json
import re

import pytest

from lake.errors import BudgetError, EndpointError, InputError
from pipelines.asking.budget import Budget
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint, read_key
from pipelines.asking.pricing import Price
from pipelines.panels.records import EndpointSpec

# The server's prices. A question of the panel is "question 0": 2 words + 8 = 10 tokens in;
# the answer "answer 1 to question 0" is 5 tokens out. 10 * 1e-6 + 5 * 4e-6 = 3e-5 USD.
PRICE = Price(prompt_usd=0.000001, completion_usd=0.000004)
COST_OF_ONE = 0.00003


def test_a_good_answer_carries_who_served_it_and_what_it_cost(server, ask, questions):
    attempt = ask(questions(["a/one"])).only
    assert (attempt.outcome, attempt.response_text) == ("ok", "answer 1 to question 0")
    assert (attempt.model_served, attempt.provider_served) == ("a/one", "ProviderA")
    assert (attempt.system_fingerprint, attempt.response_id) == ("fp_1", "gen-1")
    assert (attempt.finish_reason, attempt.native_finish_reason) == ("stop", "end_turn")
    assert (attempt.prompt_tokens, attempt.completion_tokens) == (10, 5)
    assert attempt.cost_usd == pytest.approx(COST_OF_ONE, abs=1e-12)
    assert (attempt.cost_source, attempt.http_status, attempt.attempt) == ("reported", 200, 1)
    assert attempt.latency_ms > 0
    assert json.loads(attempt.body)["openrouter_metadata"]["strategy"] == "direct"
    assert json.loads(attempt.request)["messages"][-1]["content"] == "question 0"


def test_the_request_to_openrouter_pins_the_provider_and_asks_for_cost_and_routing(server, ask, questions):
    settings = {"temperature": 0.7, "max_tokens": 50, "provider": "ProviderA"}
    ask(questions(["a/one"], settings=settings, system_prompt="Be brief."))
    sent = server.books()["last_request"]
    assert sent["body"] == {
        "model": "a/one",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "question 0"}],
        "temperature": 0.7,
        "max_tokens": 50,
        "seed": 1,
        "transforms": [],
        "plugins": [{"id": "context-compression", "enabled": False}],
        "usage": {"include": True},
        "provider": {"order": ["ProviderA"], "allow_fallbacks": False},
    }
    assert sent["headers"]["x-openrouter-metadata"] == "enabled"
    assert sent["headers"]["x-openrouter-cache"] == "false"


@pytest.mark.parametrize(
    ("flavor", "length_name"), [("openai", "max_completion_tokens"), ("vllm", "max_tokens"), ("ollama", "max_tokens")]
)
def test_other_flavors_get_no_field_of_openrouter(server, ask, questions, spec, flavor, length_name):
    settings = {"max_completion_tokens": 50, "provider": "ProviderA", "top_p": None}
    ask(questions(["m"], settings=settings), spec=dataclasses.replace(spec, flavor=flavor))
    sent = server.books()["last_request"]
    assert sent["body"] == {
        "model": "m", "messages": [{"role": "user", "content": "question 0"}], length_name: 50, "seed": 1,
    }  # fmt: skip
    assert not [name for name in sent["headers"] if "openrouter" in name]


@pytest.mark.parametrize(
    ("variant", "outcome", "expected"),
    [
        ("empty", "empty", {"response_text": ""}),
        ("null_content", "empty", {"response_text": None}),
        ("length", "truncated", {"finish_reason": "length", "native_finish_reason": "MAX_TOKENS"}),
        ("max_tokens_word", "truncated", {"finish_reason": "length", "native_finish_reason": "max_tokens"}),
        ("content_filter", "declined", {"error_class": "content_filter"}),
        ("refusal_field", "declined", {"error_class": "refusal", "response_text": "I cannot help with that."}),
        ("refusal", "declined", {"error_class": "refusal", "http_status": 400, "provider_served": "ProviderA"}),
        ("moderated", "declined", {"error_class": "moderation", "http_status": 403}),
        ("parts", "ok", {"response_text": "in parts"}),
        ("served_other", "ok", {"model_served": "someone/else", "model_requested": "a/one"}),
        ("fingerprint_moved", "ok", {"system_fingerprint": "fp_2"}),
        ("provider_moved", "ok", {"provider_served": "ProviderB"}),
        ("no_provider", "ok", {"provider_served": "ProviderA"}),
        ("no_usage", "ok", {"prompt_tokens": 10, "completion_tokens": 5, "cost_source": "reported"}),
        ("no_cost", "ok", {"prompt_tokens": 10, "cost_source": "reported"}),
        ("odd_usage", "ok", {"prompt_tokens": 10, "completion_tokens": 5, "cost_source": "reported"}),
        ("extra_fields", "ok", {}),
        ("no_finish", "ok", {"finish_reason": None}),
        ("lone_surrogate", "ok", {"response_text": "broken \ufffd text"}),
        ("hostile_text", "ok", {"response_text": "nul \x00 \x1b[31mred\x1b[0m <script>x</script> =1+1"}),
    ],
)
def test_what_settles_a_cell_is_asked_once(server, ask, questions, variant, outcome, expected):
    server.control(plans={"a/one": [variant]})
    attempt = ask(questions(["a/one"])).only
    assert attempt.outcome == outcome
    assert {name: getattr(attempt, name) for name in expected} == expected
    assert server.books()["calls"] == 1


@pytest.mark.parametrize(
    ("fault", "error_class", "status"),
    [
        ("cache_hit", "cache_hit", 200),
        ("status_408", "request_timeout", 408),
        ("status_409", "conflict", 409),
        ("status_429", "rate_limited", 429),
        ("retry_after_2", "rate_limited", 429),
        ("status_500", "server_error", 500),
        ("status_502", "bad_gateway", 502),
        ("status_503", "unavailable", 503),
        ("status_524", "gateway_timeout", 524),
        ("status_529", "overloaded", 529),
        ("anthropic_529", "overloaded", 529),
        ("ollama_error", "server_error", 500),
        ("html_502", "bad_gateway", 502),
        ("deep_error", "server_error", 500),
        ("error_in_200", "bad_gateway", 200),
        ("rate_limit_in_200", "rate_limited", 200),
        ("capacity", "capacity_exhausted", 503),
        ("choices_null", "no_choices", 200),
        ("choices_empty", "no_choices", 200),
        ("choice_error", "bad_gateway", 200),
        ("malformed", "malformed_json", 200),
        ("deep", "malformed_json", 200),
        ("bad_gzip", "malformed_json", None),
        ("html", "wrong_content_type", 200),
        ("invalid_utf8", "invalid_utf8", 200),
        ("reset", "connection_lost", None),
    ],
)
def test_what_can_succeed_is_asked_again_and_both_attempts_are_kept(server, ask, questions, fault, error_class, status):
    server.control(plans={"a/one": [fault]})
    first, second = ask(questions(["a/one"])).attempts
    assert (first.outcome, first.error_class, first.http_status) == ("error", error_class, status)
    assert first.error_message
    assert (second.outcome, first.attempt, second.attempt) == ("ok", 1, 2)


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        ("status_400", "bad_request"),
        ("status_413", "payload_too_large"),
        ("status_422", "unprocessable"),
        ("forbidden", "forbidden"),
        ("not_retryable_503", "unavailable"),
        ("redirect", "redirected"),
        ("huge", "body_too_large"),
    ],
)
def test_what_cannot_succeed_is_asked_once(server, ask, questions, fault, error_class):
    server.control(plans={"a/one": [fault]})
    attempt = ask(questions(["a/one"])).only
    assert (attempt.outcome, attempt.error_class) == ("error", error_class)
    assert len(attempt.body) <= 2**16


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_server_that_never_finishes_is_left_after_the_time_out(server, ask, questions, spec, fault):
    server.control(plans={"a/one": [fault]})
    asked = ask(questions(["a/one"]), spec=dataclasses.replace(spec, timeout_s=0.3))
    assert asked.outcomes() == ["timeout", "ok"]
    assert 300 <= asked.attempts[0].latency_ms < 2000


def test_a_deterministic_failure_is_capped(server, ask, questions):
    server.control(always={"a/one": "status_500"})
    asked = ask(questions(["a/one"]))
    assert asked.outcomes() == ["server_error"] * 3  # max_attempts of the endpoint
    assert server.books()["calls"] == 3


def test_the_wait_that_a_server_asks_for_is_kept_and_shown(server, ask, questions):
    server.control(plans={"a/one": ["retry_after_2"]})
    asked = ask(questions(["a/one"]))
    first, second = asked.attempts
    waited = (second.asked_at - first.asked_at).total_seconds()
    assert 2.0 <= waited <= 3.0 + 0.1  # 2 s asked, up to 1 s of jitter on top
    assert re.fullmatch(r"waiting [23]\.\d s: 429 from ProviderA \(model a/one\)", asked.notices[0])


def test_a_provider_cannot_fill_the_screen_with_its_name(server, ask, questions):
    error = {"code": 429, "message": "slow", "metadata": {"provider_name": "word " * 500}}
    server.control(plans={"a/one": [{"status": 429, "body": {"error": error}}]})
    [notice] = [said for said in ask(questions(["a/one"])).notices if said.startswith("waiting ")]
    assert len(notice) < 150


def test_a_rate_limit_inside_a_200_names_its_reset(server, ask, questions):
    server.control(plans={"a/one": ["rate_limit_in_200"]})
    first, second = ask(questions(["a/one"])).attempts
    assert (second.asked_at - first.asked_at).total_seconds() >= 3.0


def test_a_model_told_to_wait_a_day_is_given_up_and_others_go_on(server, ask, questions):
    server.control(always={"a/free": "retry_after_day"})
    asked = ask(questions(["a/free", "a/two"], prompts=40))
    assert sum(a.outcome == "ok" for a in asked.attempts) == 40
    assert server.books()["calls_by_model"]["a/free"] <= 8
    assert asked.notices[-1].endswith(
        "cells not sent: 429 free_limit: free-models-per-day. Free variants are counted by UTC day: "
        "start the same command again after midnight UTC"
    )


def test_a_model_told_to_wait_longer_than_a_start_waits_is_given_up(server, ask, questions):
    later = {"status": 429, "headers": {"Retry-After": "86400"}, "body": {"error": {"code": 429, "message": "later"}}}
    server.control(always={"a/one": later})
    asked = ask(questions(["a/one", "a/two"], prompts=40))
    assert sum(a.outcome == "ok" for a in asked.attempts) == 40
    assert server.books()["calls_by_model"]["a/one"] <= 8
    assert "to be asked again in 86400 s" in asked.notices[-1]


@pytest.mark.parametrize("fault", ["status_404", "deprecated", "free_ended", "constraint", "vllm_404"])
def test_a_dead_model_costs_a_few_calls_and_each_of_its_cells_a_named_error(server, ask, questions, fault):
    server.control(always={"a/dead": fault})
    asked = ask(questions(["a/dead", "a/two"], prompts=60))
    dead = [a for a in asked.attempts if a.model_requested == "a/dead"]
    assert {a.prompt_id for a in dead} == {f"p{n}" for n in range(60)}
    sent = [a for a in dead if a.error_class != "circuit_open"]
    assert len(sent) == server.books()["calls_by_model"]["a/dead"] <= 8
    assert all(a.http_status is None and a.error_message.startswith("Not sent: ") for a in dead if a not in sent)
    assert sum(a.outcome == "ok" for a in asked.attempts) == 60


def test_a_model_that_fails_for_a_while_rests_and_then_answers_everything(server, ask, questions):
    server.control(plans={"a/one": ["status_502"] * 16})
    asked = ask(questions(["a/one"], prompts=40))
    # 15 failures in a row make it rest; the 16th was in flight by then, or is the first try after the rest.
    rests = [notice for notice in asked.notices if notice.startswith("resting")]
    assert rests[0].startswith("resting 15 s: requests to a/one fail one after another (502 bad_gateway")
    assert len(rests) <= 2
    last = {a.prompt_id: a.outcome for a in asked.attempts}
    assert list(last.values()) == ["ok"] * 40


def test_a_model_that_never_recovers_is_tried_a_bounded_number_of_times(server, ask, questions):
    server.control(always={"a/one": "status_503"})
    asked = ask(questions(["a/one"], prompts=300))
    assert {a.prompt_id for a in asked.attempts} == {f"p{n}" for n in range(300)}
    # 15 failures in a row, with 7 more in flight by then, and one request after each of the two rests that a night
    # waits for when no other model has anything left.
    assert server.books()["calls"] <= 15 + 7 + 2
    assert asked.outcomes()[-1] == "circuit_open"


def test_every_call_is_one_attempt_in_the_books(server, ask, questions):
    server.control(plans={"a/one": ["status_502", "choices_null", "empty", "reset", "refusal"] * 4})
    asked = ask(questions(["a/one", "a/two"], prompts=30))
    assert len(asked.attempts) == server.books()["calls"]
    assert len({(a.key, a.attempt) for a in asked.attempts}) == len(asked.attempts)
    spent = sum(a.cost_usd for a in asked.attempts if a.cost_usd is not None)
    assert spent == pytest.approx(server.books()["charged_usd"], abs=1e-9)


def test_at_most_the_allowed_number_is_in_flight(server, ask, questions, spec):
    server.control(latency_ms=20)
    ask(questions(["a/one", "a/two"], prompts=20), spec=dataclasses.replace(spec, max_in_flight=5))
    assert server.books()["most_at_once"] == 5


def test_a_refused_key_stops_with_one_sentence(server, ask, questions):
    server.control(key="another")
    asked = ask(questions(["a/one"], prompts=50))
    assert isinstance(asked.error, EndpointError)
    assert "refused the key (401 unauthorized: No auth credentials found). Check KEY" in str(asked.error)
    assert len(asked.attempts) == server.books()["calls"] <= 8


@pytest.mark.parametrize("fault", ["status_402", "key_limit", "spend_limit", "insufficient_quota"])
def test_no_credit_stops_cleanly_with_every_answer_handed_out(server, ask, questions, fault):
    server.control(plans={"a/one": ["ok", "ok", fault]}, always={"a/one": fault}, latency_ms=5)
    asked = ask(questions(["a/one"], prompts=50))
    assert isinstance(asked.error, BudgetError)
    assert "What was answered is kept" in str(asked.error)
    assert len(asked.attempts) == server.books()["calls"] <= 16
    assert sum(a.outcome == "ok" for a in asked.attempts) == 2


def test_an_address_without_chat_completions_is_named(server, ask, questions, spec):
    asked = ask(questions(["a/one"]), spec=dataclasses.replace(spec, base_url=server.address + "/nowhere"))
    assert isinstance(asked.error, EndpointError)
    assert "/nowhere/chat/completions does not answer chat completions" in str(asked.error)


def test_a_server_that_cannot_be_reached_is_named_at_once(ask, questions, spec):
    asked = ask(questions(["a/one"], prompts=50), spec=dataclasses.replace(spec, base_url="http://127.0.0.1:9/v1"))
    assert isinstance(asked.error, EndpointError)
    assert "openrouter cannot be reached at http://127.0.0.1:9/v1" in str(asked.error)


@pytest.mark.parametrize("variant", ["no_cost", "no_usage", "odd_usage"])
def test_a_cost_that_an_answer_does_not_tell_is_read_from_its_generation(server, ask, questions, variant):
    server.control(always={"a/one": variant}, generation_404s=2)  # the record appears at the third look
    asked = ask(questions(["a/one"], prompts=20))
    books = server.books()
    assert books["lookups"] == 60
    assert {attempt.cost_source for attempt in asked.attempts} == {"reported"}
    assert sum(attempt.cost_usd for attempt in asked.attempts) == pytest.approx(books["charged_usd"], abs=1e-9)


def test_without_a_generation_record_cost_is_computed_from_the_catalogue(server, ask, questions):
    server.control(plans={"a/one": ["no_cost"]}, generation_404s=99)
    attempt = ask(questions(["a/one"]), prices={"a/one": PRICE}).only
    assert attempt.cost_source == "computed"
    assert attempt.cost_usd == pytest.approx(COST_OF_ONE, abs=1e-12)
    assert server.books()["lookups"] == 3


def test_without_record_or_price_cost_is_unknown_and_not_zero(server, ask, questions):
    server.control(plans={"a/one": ["no_cost"]}, generation_404s=99)
    attempt = ask(questions(["a/one"])).only
    assert (attempt.cost_usd, attempt.cost_source) == (None, None)


def test_other_flavors_are_not_asked_for_a_generation(server, ask, questions, spec):
    server.control(plans={"a/one": ["no_cost"]})
    ask(questions(["a/one"]), spec=dataclasses.replace(spec, flavor="openai"))
    assert server.books()["lookups"] == 0


def test_a_cell_answered_from_a_cache_is_asked_again_past_the_cache(server, ask, questions):
    server.control(always={"a/one": "cache_hit"})  # a hit, unless the request clears the entry
    asked = ask(questions(["a/one"]))
    assert asked.outcomes() == ["cache_hit", "ok"]
    assert [a.cost_usd for a in asked.attempts] == [0.0, pytest.approx(server.books()["charged_usd"], abs=1e-9)]
    assert [a.cache_status for a in asked.attempts] == ["HIT", None]
    headers = server.books()["last_request"]["headers"]
    assert (headers["x-openrouter-cache"], headers["x-openrouter-cache-clear"]) == ("true", "true")


def test_spending_never_passes_the_cap_and_the_rest_is_left_for_later(server, ask, questions):
    # Worst case of a call: ("question 0" 10 bytes + 32 + 64) * 1e-6 + 50 * 4e-6 = 3.06e-4 USD.
    server.control(latency_ms=5)
    budget = Budget(cap_usd=0.001)
    asked = ask(questions(["a/one"], prompts=200), prices={"a/one": PRICE}, budget=budget)
    assert isinstance(asked.error, BudgetError)
    assert "start the same command with a higher --budget" in str(asked.error)
    charged = server.books()["charged_usd"]
    assert charged <= 0.001
    assert server.books()["most_at_once"] == 3  # 4 * 3.06e-4 > 0.001: a fourth could pass the cap
    assert budget.spent_usd == pytest.approx(charged, abs=1e-9)
    assert len(asked.attempts) >= (0.001 - 0.000306) / 0.000032  # it went on while the worst case still fitted


def test_an_unknown_price_is_refused_unless_allowed(server, ask, questions):
    refused = ask(questions(["a/one"]), budget=Budget(cap_usd=1.0))
    assert isinstance(refused.error, BudgetError)
    assert "a/one has no price in the catalogue" in str(refused.error)
    assert server.books()["calls"] == 0
    allowed = ask(questions(["a/one"]), budget=Budget(cap_usd=1.0, allow_unpriced=True))
    assert allowed.only.outcome == "ok"


def test_a_call_that_may_have_been_charged_keeps_its_worst_case_held(server, ask, questions):
    server.control(plans={"a/one": ["reset"]})
    budget = Budget(cap_usd=1.0)
    ask(questions(["a/one"]), prices={"a/one": PRICE}, budget=budget)
    assert budget.held_usd == pytest.approx(0.000306, abs=1e-12)
    assert budget.spent_usd == pytest.approx(COST_OF_ONE, abs=1e-12)


def test_attempts_go_on_counting_where_an_earlier_start_ended(server, ask, questions):
    again = [dataclasses.replace(q, attempts_before=3) for q in questions(["a/one"])]
    assert ask(again).only.attempt == 4


def test_a_setting_that_is_not_the_panels_to_set_is_refused(server, ask, questions):
    asked = ask(questions(["a/one"], settings={"stream": True, "n": 4}))
    assert isinstance(asked.error, InputError)
    assert "a/one sets n, stream, which driftlake sets itself" in str(asked.error)


def test_leaving_early_ends_what_is_under_way(server, spec, questions):
    import asyncio

    server.control(latency_ms=50)
    endpoint = OpenAICompatibleEndpoint(spec, None)

    async def first_only() -> int:
        stream = endpoint.ask(questions(["a/one"], prompts=100))
        async for _ in stream:
            break
        await stream.aclose()
        return len([task for task in asyncio.all_tasks() if task is not asyncio.current_task()])

    assert asyncio.run(first_only()) == 0
    assert server.books()["calls"] <= 2 * spec.max_in_flight


def test_a_missing_key_names_its_variable():
    spec = EndpointSpec("openrouter", "openai_compatible", base_url="https://x.test/v1", key_env="SOME_KEY")
    with pytest.raises(EndpointError, match=r"SOME_KEY is not set"):
        read_key(spec, {})
    with pytest.raises(EndpointError, match=r"SOME_KEY holds characters that no key has") as raised:
        read_key(spec, {"SOME_KEY": "two words"})
    assert "two words" not in str(raised.value)
    assert read_key(spec, {"SOME_KEY": " abc123 \n"}) == "abc123"


def test_a_base_url_that_is_none_is_refused():
    spec = EndpointSpec("broken", "openai_compatible", base_url="openrouter.ai/api")
    with pytest.raises(EndpointError, match=r"Endpoint broken has no usable base_url \('openrouter.ai/api'\)"):
        OpenAICompatibleEndpoint(spec, None)
