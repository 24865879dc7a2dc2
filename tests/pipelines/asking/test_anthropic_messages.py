"""Anthropic's own API over a real connection: its request, its answers, its stop reasons, its errors, its money."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from lake.errors import BudgetError, EndpointError, InputError
from pipelines.asking.anthropic_messages import messages_request
from pipelines.asking.catalogue import fetch_catalogue
from pipelines.asking.dialects import dialect_of
from pipelines.asking.pricing import Price

PRICE = Price(prompt_usd=0.000003, completion_usd=0.000015)


def message(stop_reason="end_turn", content=None, usage=None, **more):
    """A message as the API sends it."""
    blocks = [{"type": "text", "text": "Lima."}] if content is None else content
    body = {
        "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-x", "content": blocks,
        "stop_reason": stop_reason, "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 3} if usage is None else usage,
    }  # fmt: skip
    return {"status": 200, "body": body | more}


def failure(status, error_type, text, headers=None):
    body = {"type": "error", "error": {"type": error_type, "message": text}, "request_id": "req_011"}
    return {"status": status, "headers": headers or {}, "body": body}


@pytest.fixture
def claude(spec):
    return dataclasses.replace(spec, name="anthropic", flavor="anthropic")


@pytest.fixture
def asked(server, ask, questions, claude):
    """Ask one model, whose server takes the given steps in turn and then answers well."""

    def asked(*steps, always=None, prompts=1, settings=None, entry=None, **more):
        server.control(plans={"claude-x": list(steps)}, always={"claude-x": always} if always else {})
        return ask(questions(["claude-x"], prompts=prompts, settings=settings, **(entry or {})), spec=claude, **more)

    return asked


def test_the_request_has_the_system_prompt_beside_the_turns_and_no_seed(asked, server):
    settings = {"temperature": 0.7, "max_completion_tokens": 50, "top_p": None}
    attempt = asked(settings=settings, entry={"system_prompt": "Be brief."}).only
    assert (attempt.outcome, attempt.response_text) == ("ok", "answer to question 0")
    sent = server.books()["last_request"]
    assert sent["body"] == {
        "model": "claude-x",
        "max_tokens": 50,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "question 0"}],
        "temperature": 0.7,
    }
    assert sent["headers"]["anthropic-version"] == "2023-06-01"


def test_the_key_goes_into_a_header_of_its_own(asked, server, key, claude):
    headers = dialect_of(claude).headers(key)
    assert headers == {"anthropic-version": "2023-06-01", "x-api-key": key}
    server.control(key=key)
    assert asked().only.outcome == "ok"


def test_an_answer_without_a_limit_on_its_length_is_not_asked_for(questions, claude):
    (question,) = questions(["claude-x"], settings={"temperature": 0.7})
    with pytest.raises(InputError, match="claude-x needs `max_tokens` at anthropic"):
        messages_request(question, claude)


@pytest.mark.parametrize(
    ("stop_reason", "outcome", "finish", "native"),
    [
        ("end_turn", "ok", "stop", "end_turn"),
        ("stop_sequence", "ok", "stop", "stop_sequence"),
        ("max_tokens", "truncated", "length", "max_tokens"),
        ("model_context_window_exceeded", "truncated", "length", "model_context_window_exceeded"),
        ("pause_turn", "truncated", "length", "pause_turn"),
        ("tool_use", "ok", "tool_calls", "tool_use"),
        ("unheard_of", "ok", "unheard_of", None),
        (None, "ok", None, None),
    ],
)
def test_each_stop_reason_has_its_outcome(asked, stop_reason, outcome, finish, native):
    attempt = asked(message(stop_reason)).only
    assert (attempt.outcome, attempt.finish_reason, attempt.native_finish_reason) == (outcome, finish, native)
    assert attempt.response_text == "Lima."


@pytest.mark.parametrize(
    ("details", "text"),
    [({"type": "refusal", "category": "cyber", "explanation": "Policy."}, "Policy."), (None, None)],
)
def test_a_refusal_is_a_decline_with_its_explanation(asked, details, text):
    attempt = asked(message("refusal", content=[], stop_details=details)).only
    assert (attempt.outcome, attempt.error_class, attempt.response_text) == ("declined", "refusal", text)


def test_text_blocks_are_joined_and_thoughts_are_no_answer(asked):
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Li"}, {"type": "text", "text": "ma."}]
    assert asked(message(content=blocks)).only.response_text == "Lima."
    assert asked(message(content=[])).only.outcome == "empty"


def test_the_three_parts_of_the_prompt_are_counted_together_and_priced(asked):
    usage = {"input_tokens": 12, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 8, "output_tokens": 3}
    attempt = asked(message(usage=usage), prices={"claude-x": PRICE}).only
    assert (attempt.prompt_tokens, attempt.completion_tokens) == (50, 3)
    assert (attempt.cost_usd, attempt.cost_source) == (pytest.approx(50 * 3e-6 + 3 * 15e-6, abs=1e-15), "computed")


@pytest.mark.parametrize("usage", [{"output_tokens": 3}, {"input_tokens": "12", "output_tokens": 3}, [], "none"])
def test_odd_usage_is_unknown_and_costs_null(asked, usage):
    attempt = asked(message(usage=usage), prices={"claude-x": PRICE}).only
    assert (attempt.outcome, attempt.prompt_tokens, attempt.cost_usd) == ("ok", None, None)


def test_a_fallback_is_seen_as_the_model_served_and_has_no_invented_cost(asked):
    iterations = [{"type": "message", "model": "claude-x"}, {"type": "fallback_message", "model": "claude-w"}]
    usage = {"input_tokens": 12, "output_tokens": 3, "iterations": iterations}
    attempt = asked(message(usage=usage, model="claude-w"), prices={"claude-x": PRICE}).only
    assert (attempt.model_requested, attempt.model_served) == ("claude-x", "claude-w")
    assert attempt.cost_usd is None


@pytest.mark.parametrize(
    ("step", "error_class"),
    [
        (failure(529, "overloaded_error", "Overloaded"), "overloaded"),
        (failure(429, "rate_limit_error", "Too fast", {"Retry-After": "3"}), "rate_limited"),
        (failure(500, "api_error", "Internal server error"), "server_error"),
        (failure(504, "timeout_error", "Request timeout"), "gateway_timeout"),
        ({"status": 200, "body": {"type": "message", "content": "?"}}, None),
    ],
)
def test_what_can_succeed_is_asked_again(asked, step, error_class):
    found = asked(step)
    assert found.outcomes() == ([error_class, "ok"] if error_class else ["empty"])
    if error_class:
        assert found.attempts[0].response_id == "req_011"


@pytest.mark.parametrize(
    ("step", "error_class"),
    [
        (
            failure(400, "invalid_request_error", "prompt is too long: 212345 tokens > 200000"),
            "context_length_exceeded",
        ),
        (failure(400, "invalid_request_error", "seed: Extra inputs are not permitted"), "bad_request"),
        (failure(413, "request_too_large", "Request exceeds the maximum size"), "payload_too_large"),
        (failure(403, "permission_error", "Your key may not use this model"), "forbidden"),
        (failure(404, "not_found_error", "model: claude-x"), "model_not_found"),
    ],
)
def test_what_cannot_succeed_is_asked_once(asked, step, error_class):
    attempt = asked(step).only
    assert (attempt.outcome, attempt.error_class) == ("error", error_class)


@pytest.mark.parametrize(
    ("step", "stopped_by"),
    [
        (failure(401, "authentication_error", "invalid x-api-key"), EndpointError),
        (failure(402, "billing_error", "There is an issue with your billing"), BudgetError),
        (failure(400, "invalid_request_error", "Your credit balance is too low to access the API."), BudgetError),
        (failure(400, "invalid_request_error", "You have reached your specified API usage limits."), BudgetError),
    ],
)
def test_a_refused_key_and_spent_money_stop_the_start(asked, server, step, stopped_by):
    found = asked(always=step, prompts=40)
    assert isinstance(found.error, stopped_by)
    assert server.books()["calls"] <= 8


def test_a_redirected_shape_that_is_no_message_is_asked_again(asked):
    assert asked({"status": 200, "body": {"completion": "Lima."}}).outcomes() == ["no_choices", "ok"]


def test_the_catalogue_is_read_in_one_page_with_the_key_in_its_header(key, claude):
    seen = []

    async def answer(reader, writer):
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        entry = {"type": "model", "id": "claude-x", "display_name": "X", "max_input_tokens": 200000}
        body = json.dumps({"data": [entry], "has_more": False}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def fetched():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        at = dataclasses.replace(claude, base_url=f"http://127.0.0.1:{port}/v1")
        async with server:
            return await asyncio.to_thread(fetch_catalogue, at, key)

    found = asyncio.run(fetched()).find("claude-x")
    assert seen[0].startswith("get /v1/models?limit=1000 ")
    assert f"x-api-key: {key}" in seen[0]
    assert "authorization" not in seen[0]
    assert (found.context_length, found.price) == (200_000, None)
