"""Every word, message and status that servers refuse with, the class it means, and what is done about it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from pipelines.asking.error_classes import ACTIONS, ADVICE, BY_STATUS, SERVER_WORDS, classify
from pipelines.asking.retry_hints import duration, wait_asked, wait_asked_in_body

NOW = datetime(2026, 8, 1, tzinfo=UTC)


def test_every_class_that_can_be_given_has_an_action():
    given = {*BY_STATUS.values(), *SERVER_WORDS.values(), *ADVICE, "server_error", "redirected", "unexpected_status"}
    assert given <= ACTIONS.keys()


@pytest.mark.parametrize(
    ("status", "words", "message", "error_class", "action"),
    [
        (503, ["capacity_exhausted"], "", "capacity_exhausted", "retry"),
        (503, ["temporarily_unavailable"], "", "temporarily_unavailable", "retry"),
        (400, ["model_deprecated"], "", "model_deprecated", "drop_model"),
        (404, ["free_variant_ended"], "", "free_variant_ended", "drop_model"),
        (404, ["constraint_filtered"], "", "constraint_filtered", "drop_model"),
        (404, [], "No allowed providers are available for the selected model.", "constraint_filtered", "drop_model"),
        (404, [], "No endpoints found matching your data policy", "constraint_filtered", "drop_model"),
        (404, ["not_found"], "", "model_not_found", "drop_model"),
        (410, [], "Gone", "model_deprecated", "drop_model"),
        (429, ["rate_limit_exceeded"], "Rate limit exceeded: free-models-per-min.", "rate_limited", "retry"),
        (429, ["rate_limit_exceeded"], "Rate limit exceeded: free-models-per-day. Add 10 credits", "free_limit",
         "drop_model"),
        (None, [], "Rate limit exceeded: free-models-per-day", "free_limit", "drop_model"),
        (429, ["rate_limit_exceeded"], "You have reached your monthly spend limit.", "spend_limit", "stop_credit"),
        (402, [], "Insufficient credits", "payment_required", "stop_credit"),
        (402, ["rate_limit_exceeded"], "", "payment_required", "stop_credit"),
        (401, ["authentication"], "", "unauthorized", "stop_key"),
        (403, [], "Your input was flagged", "moderation", "settle"),
        (403, [], "This key may not do that", "forbidden", "give_up"),
        (400, ["content_policy_violation"], "", "moderation", "settle"),
        (400, ["invalid_prompt"], "messages must not be empty", "bad_request", "give_up"),
        (400, ["token_limit_exceeded"], "", "context_length_exceeded", "give_up"),
        (404, ["provider_unavailable"], "", "unavailable", "retry"),
        (418, [], "", "bad_request", "give_up"),
        (520, [], "", "server_error", "retry"),
        (None, ["server_error"], "", "provider_error", "retry"),
        (None, [], "", "provider_error", "retry"),
    ],
)  # fmt: skip
def test_words_come_before_messages_and_both_before_the_status(status, words, message, error_class, action):
    assert classify(status, words, message) == error_class
    assert ACTIONS[error_class] == action


@pytest.mark.parametrize(
    ("status", "words", "message", "error_class"),
    [
        (429, [], "You exceeded your current quota", "rate_limited"),
        (429, ["insufficient_quota"], "", "rate_limited"),
        (401, ["authentication"], "bad key at the provider", "forbidden"),
        (402, [], "Insufficient credits", "payment_required"),
        (403, [], "insufficient balance", "forbidden"),
    ],
)
def test_what_a_provider_says_of_its_own_account_stops_no_other_model(status, words, message, error_class):
    assert classify(status, words, message, is_upstream=True) == error_class


def test_a_quota_of_the_provider_leaves_the_other_models_asked(server, ask, questions):
    metadata = {"provider_name": "ProviderA", "raw": "quota"}
    error = {"code": 429, "message": "You exceeded your current quota", "metadata": metadata}
    server.control(always={"a/one": {"status": 429, "body": {"error": error}}})
    asked = ask(questions(["a/one", "a/two"], prompts=20))
    assert asked.error is None
    assert sum(a.outcome == "ok" for a in asked.attempts if a.model_requested == "a/two") == 20
    assert {a.error_class for a in asked.attempts if a.model_requested == "a/one"} == {"rate_limited", "circuit_open"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360.0), ("20ms", 0.02), ("7.66s", 7.66), ("1h2m3s", 3723.0), ("1d", 86400.0), ("1.5ms", 0.0015),
        ("0s", 0.0), ("", None), (None, None), ("soon", None), ("5", None), ("s", None), ("-3s", None),
    ],
)  # fmt: skip
def test_a_duration_is_read_as_go_writes_it(text, seconds):
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": format_datetime(datetime(2026, 8, 1, 0, 0, 45, tzinfo=UTC), usegmt=True)}, 45.0),
        ({"retry-after": format_datetime(datetime(2026, 7, 31, tzinfo=UTC), usegmt=True)}, 0.0),
        ({"retry-after": "-5", "x-ratelimit-reset": "4"}, 4.0),
        ({"x-ratelimit-reset": str(int(NOW.timestamp() * 1000) + 9000)}, 9.0),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 9)}, 9.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "later"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_as_seconds_date_or_point_in_time(headers, seconds):
    assert wait_asked(headers, NOW) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("error", "availability", "seconds"),
    [
        ({}, {"retry_after": 2}, 2.0),
        ({"metadata": {"retry_after_seconds": 3}}, {}, 3.0),
        ({"metadata": {"headers": {"Retry-After": "Sat, 01 Aug 2026 00:00:30 GMT"}}}, {}, 30.0),
        ({"metadata": {"headers": {"X-RateLimit-Reset": "3"}}}, {}, 3.0),
        ({"retry_after": "5"}, {}, 5.0),
        ({"metadata": {"headers": "none"}}, {"retry_after": "soon"}, None),
        ({"metadata": None}, {}, None),
    ],
)
def test_a_wait_is_found_inside_a_body(error, availability, seconds):
    assert wait_asked_in_body(error, availability, NOW) == seconds
