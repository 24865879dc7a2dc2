"""What OpenAI, vLLM and Ollama do differently, by bodies as they send them over a real connection."""

from __future__ import annotations

import dataclasses
import json

import pytest

from lake.errors import BudgetError
from pipelines.asking.budget import Budget
from pipelines.asking.catalogue import fetch_catalogue
from pipelines.asking.pricing import Price

PRICE = Price(prompt_usd=0.000002, completion_usd=0.000008)


def completion(text="Lima.", finish="stop", usage=(12, 3), **more):
    """A chat completion with only what all servers send; `more` goes beside the choices, `choice` into the choice."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    choice |= more.pop("choice", {})
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    counted = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return {"status": 200, "body": body | {"usage": counted} | more}


def refused(status, headers=None, **body):
    return {"status": status, "headers": headers or {}, "body": body}


@pytest.fixture
def asked_as(server, ask, questions, spec):
    """Ask one model of a flavor whose server takes the given steps in turn, then answers well."""

    def asked(flavor, *steps, prompts=1, settings=None, always=None, **more):
        server.control(plans={"m": list(steps)}, always={"m": always} if always else {})
        questions_ = questions(["m", *more.pop("others", [])], prompts=prompts, settings=settings)
        return ask(questions_, spec=dataclasses.replace(spec, flavor=flavor), **more)

    return asked


# OpenAI


def test_openai_reports_no_cost_and_it_is_computed_from_the_price_that_is_known(asked_as):
    attempt = asked_as("openai", completion(service_tier="default"), prices={"m": PRICE}).only
    assert (attempt.outcome, attempt.cost_source) == ("ok", "computed")
    assert attempt.cost_usd == pytest.approx(12 * 2e-6 + 3 * 8e-6, abs=1e-15)
    assert asked_as("openai", completion()).only.cost_usd is None


@pytest.mark.parametrize(
    ("asked", "served", "is_priced"),
    [
        (None, "default", True),
        ("flex", "flex", True),
        ("auto", "default", True),
        (None, "priority", False),
        ("auto", "priority", False),
        ("flex", "default", False),
    ],
)
def test_an_answer_of_another_tier_than_was_asked_has_no_invented_cost(asked_as, asked, served, is_priced):
    settings = {"max_tokens": 50, "service_tier": asked}
    attempt = asked_as("openai", completion(service_tier=served), prices={"m": PRICE}, settings=settings).only
    assert (attempt.cost_usd is not None) is is_priced
    assert attempt.outcome == "ok"


def test_openai_refuses_in_a_field_of_its_own(asked_as):
    step = completion(text=None, choice={"message": {"content": None, "refusal": "I can't help with that."}})
    attempt = asked_as("openai", step).only
    assert (attempt.outcome, attempt.error_class) == ("declined", "refusal")
    assert attempt.response_text == "I can't help with that."


QUOTA = {
    "message": "You exceeded your current quota, please check your plan and billing details.",
    "type": "insufficient_quota",
    "param": None,
    "code": "insufficient_quota",
}
RATE = {"message": "Rate limit reached for gpt-4o on requests per min (RPM)", "type": "requests", "param": None,
        "code": "rate_limit_exceeded"}  # fmt: skip


def test_an_exhausted_quota_stops_and_a_rate_limit_waits_though_both_are_429(asked_as):
    stopped = asked_as("openai", refused(429, error=QUOTA))
    assert isinstance(stopped.error, BudgetError)
    assert stopped.only.error_class == "spend_limit"
    assert asked_as("openai", refused(429, error=RATE)).outcomes() == ["rate_limited", "ok"]


@pytest.mark.parametrize(
    ("headers", "least_s", "most_s"),
    [
        ({"retry-after-ms": "2500", "retry-after": "30"}, 2.5, 3.6),
        ({"Retry-After": "7"}, 7, 8.1),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360, 361.1),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20ms"}, 0.02, 1.1),
        ({"x-ratelimit-remaining-requests": "99", "x-ratelimit-reset-requests": "6m0s",
          "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "7.66s"}, 7.66, 8.7),
        ({"x-ratelimit-remaining-requests": "99", "x-ratelimit-reset-requests": "6m0s"}, 0, 1.1),
    ],
)  # fmt: skip
def test_the_wait_is_that_of_the_limit_that_was_reached(asked_as, headers, least_s, most_s):
    first, second = asked_as("openai", refused(429, headers, error=RATE)).attempts
    assert least_s <= (second.asked_at - first.asked_at).total_seconds() <= most_s


def test_a_model_that_takes_no_temperature_costs_a_few_calls_and_says_what_to_do(asked_as, server):
    message = "Unsupported value: 'temperature' does not support 0.7 with this model."
    error = {"message": message, "type": "invalid_request_error", "param": "temperature", "code": "unsupported_value"}
    asked = asked_as("openai", always=refused(400, error=error), prompts=40, others=["two"])
    assert server.books()["calls_by_model"]["m"] <= 8
    assert sum(a.outcome == "ok" for a in asked.attempts) == 40
    assert "unsupported_setting: Unsupported value: 'temperature'" in asked.notices[-1]
    assert "Set it to null" in asked.attempts[0].error_message


def test_a_prompt_that_openai_flagged_is_a_decline(asked_as):
    message = "Invalid prompt: your prompt was flagged as potentially violating our usage policy."
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_prompt"}
    attempt = asked_as("openai", refused(400, error=error)).only
    assert (attempt.outcome, attempt.error_class) == ("declined", "moderation")


def test_a_reply_without_an_id_keeps_the_one_in_its_headers(asked_as):
    first, _ = asked_as("openai", refused(500, {"x-request-id": "req_7"}, error={"message": "x"})).attempts
    assert first.response_id == "req_7"


# vLLM


@pytest.mark.parametrize(
    ("stop_reason", "native"), [(None, None), (128009, "128009"), ("</s>", "</s>")]
)  # fmt: skip
def test_vllm_says_beside_the_finish_what_ended_an_answer(asked_as, stop_reason, native):
    attempt = asked_as("vllm", completion(choice={"stop_reason": stop_reason})).only
    assert (attempt.outcome, attempt.finish_reason, attempt.native_finish_reason) == ("ok", "stop", native)
    assert attempt.cost_usd is None


MISSING = "The model `m` does not exist."
TOO_LONG = (
    "This model's maximum context length is 4096 tokens. However, you requested 5051 tokens "
    "(5001 in the messages, 50 in the completion). Please reduce the length of the messages or completion."
)


@pytest.mark.parametrize(
    ("body", "status", "error_class"),
    [
        ({"object": "error", "message": MISSING, "type": "NotFoundError", "param": None, "code": 404}, 404,
         "model_not_found"),
        ({"error": {"message": MISSING, "type": "NotFoundError", "param": "model", "code": 404}}, 404,
         "model_not_found"),
        ({"object": "error", "message": TOO_LONG, "type": "BadRequestError", "param": None, "code": 400}, 400,
         "context_length_exceeded"),
        ({"error": {"message": TOO_LONG, "type": "BadRequestError", "param": "input_tokens", "code": 400}}, 400,
         "context_length_exceeded"),
        ({"error": {"message": "The decoder prompt (length 5001) is longer than the maximum model length of 4096.",
                    "type": "BadRequestError", "code": 400}}, 400, "context_length_exceeded"),
    ],
)  # fmt: skip
def test_vllm_writes_its_errors_in_two_shapes(asked_as, body, status, error_class):
    attempt = asked_as("vllm", refused(status, **body)).only
    assert (attempt.outcome, attempt.error_class) == ("error", error_class)


def test_vllm_that_breaks_an_answer_off_is_asked_again(asked_as):
    assert asked_as("vllm", completion(text="Li", finish="abort")).outcomes() == ["provider_error", "ok"]


def test_an_adapter_shows_its_base_in_the_catalogue(server, spec):
    listed = [
        {"id": "base", "object": "model", "root": "org/base", "parent": None, "max_model_len": 4096},
        {"id": "persona", "object": "model", "root": "/adapters/persona", "parent": "base", "max_model_len": None},
    ]
    server.control(catalogue=listed)
    catalogue = fetch_catalogue(dataclasses.replace(spec, flavor="vllm", key_env=None), None)
    assert catalogue.find("base").context_length == 4096
    assert json.loads(catalogue.find("persona").body)["parent"] == "base"


# Ollama


@pytest.mark.parametrize(
    "body",
    [
        {"error": "model 'm' not found, try pulling it first"},
        {"error": {"message": "model 'm' not found, try pulling it first", "type": "not_found_error", "code": None}},
        {"error": {"message": "model 'm' not found, try pulling it first", "type": "api_error", "code": None}},
    ],
)
def test_a_model_that_ollama_has_not_pulled_is_dead_at_once(asked_as, server, body):
    asked = asked_as("ollama", always=refused(404, **body), prompts=40)
    assert server.books()["calls"] <= 8
    assert "404 model_not_found: model 'm' not found, try pulling it first" in asked.notices[-1]


def test_an_error_of_ollama_is_a_bare_string(asked_as):
    asked = asked_as("ollama", refused(500, error="llama runner process has terminated"))
    assert asked.outcomes() == ["server_error", "ok"]
    assert asked.attempts[0].error_message == "llama runner process has terminated"


def test_a_context_that_ollama_names_is_a_context_problem(asked_as):
    message = "request (7900 tokens) exceeds the available context size (4096 tokens), try increasing it"
    assert asked_as("ollama", refused(400, error={"message": message})).only.error_class == "context_length_exceeded"


def long_prompt(questions, text):
    (question,) = questions(["m"])
    messages = ({"role": "user", "content": text},)
    return [dataclasses.replace(question, prompt=dataclasses.replace(question.prompt, messages=messages))]


PROSE = "The bus leaves the old town at seven and comes back at noon. "  # 61 bytes, about 14 tokens


@pytest.mark.parametrize(
    ("text", "counted", "is_cut"),
    [
        (PROSE * 300, 4_200, False),  # 18,300 bytes, 4.4 a token: read in full
        (PROSE * 300, 2_050, True),  # 8.9 a token: a context of 4,096, cut to half
        (PROSE * 200, 2_050, True),  # 5.95 a token, at the edge of a power of two
        (PROSE * 200, 2_200, False),  # 5.5 a token, at no edge
        (PROSE * 30, 100, False),  # 1,830 bytes fit the smallest context: an odd count proves nothing
        (PROSE * 300, 0, False),  # no count, no statement
        ("速" * 4_000, 4_200, False),  # 12,000 bytes, 2.9 a token
    ],
)
def test_a_prompt_that_ollama_cut_in_silence_is_no_answer_to_the_question(
    server, ask, questions, spec, text, counted, is_cut
):
    server.control(plans={"m": [completion(text="It leaves at nine.", usage=(counted, 5))]})
    attempt = ask(long_prompt(questions, text), spec=dataclasses.replace(spec, flavor="ollama")).only
    assert (attempt.outcome, attempt.error_class) == (("error", "context_cut") if is_cut else ("ok", None))
    if is_cut:
        assert f"only {counted} tokens of it were read" in attempt.error_message
        assert "Raise OLLAMA_CONTEXT_LENGTH" in attempt.error_message
        assert attempt.response_text is None
        assert "It leaves at nine." in attempt.body


# Money of self-hosted servers


@pytest.mark.parametrize("flavor", ["vllm", "ollama"])
def test_a_self_hosted_server_is_asked_under_a_budget_and_costs_null(asked_as, flavor):
    budget = Budget(cap_usd=0.000001)
    asked = asked_as(flavor, completion(), completion(), prompts=2, budget=budget, settings={"temperature": 0})
    assert asked.error is None
    assert [(a.outcome, a.cost_usd) for a in asked.attempts] == [("ok", None)] * 2
    assert (budget.spent_usd, budget.held_usd) == (0.0, 0.0)


def test_a_self_hosted_server_with_a_declared_price_is_paid_for(asked_as):
    budget = Budget(cap_usd=0.01)
    attempt = asked_as("vllm", completion(), budget=budget, prices={"m": PRICE}).only
    assert attempt.cost_usd == pytest.approx(12 * 2e-6 + 3 * 8e-6, abs=1e-15)
    assert budget.spent_usd == attempt.cost_usd
