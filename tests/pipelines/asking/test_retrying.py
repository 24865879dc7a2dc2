"""How long to wait: what the server asked for in full, jitter on top, and never beyond the caps."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.asking.error_classes import ACTIONS, BY_STATUS, DECLINES, SERVER_WORDS, class_of_status
from pipelines.asking.retry_hints import wait_asked, wait_asked_in_body
from pipelines.asking.retrying import RetryPolicy

NOW = datetime(2026, 8, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "37"}, 37.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Sat, 01 Aug 2026 12:01:30 GMT"}, 90.0),
        ({"retry-after": "Sat, 01 Aug 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "soon", "x-ratelimit-reset": "5"}, 5.0),
        ({"x-ratelimit-reset": str(NOW.timestamp() + 20)}, 20.0),
        ({"x-ratelimit-reset": str(int((NOW.timestamp() + 20) * 1000))}, 20.0),
        ({"x-ratelimit-reset": str(NOW.timestamp() - 20)}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_headers_ask_for_seconds_or_a_moment(headers, expected):
    assert wait_asked(headers, NOW) == expected


@pytest.mark.parametrize(
    ("error", "availability", "expected"),
    [
        ({}, {"retry_after": 8}, 8.0),
        ({"metadata": {"retry_after": "3"}}, {}, 3.0),
        ({"metadata": {"retry_after_seconds": 4}}, {"retry_after": None}, 4.0),
        ({"metadata": {"headers": {"X-RateLimit-Reset": int((NOW.timestamp() + 6) * 1000)}}}, {}, 6.0),
        ({"metadata": "text"}, {}, None),
        ({"metadata": {"headers": ["x"]}}, {}, None),
    ],
)
def test_bodies_ask_too(error, availability, expected):
    assert wait_asked_in_body(error, availability, NOW) == expected


@given(
    requests=st.integers(1, 6),
    elapsed=st.floats(0, 1000),
    asked=st.none() | st.floats(0, 1000),
    seed=st.integers(0, 2**32),
)
def test_a_wait_keeps_every_cap(requests, elapsed, asked, seed):
    policy = RetryPolicy(max_attempts=4, max_seconds=900, first_wait_s=1, longest_wait_s=4)
    wait = policy.wait(requests, elapsed, asked, random.Random(seed))
    if requests >= 4:
        assert wait is None
    elif wait is not None:
        # Doubled each time: 1, 2, 4 s.
        assert (asked or 0) <= wait <= (asked or 0) + (1, 2, 4)[requests - 1]
        assert elapsed + wait <= 900
    else:
        assert elapsed + (asked or 0) + 4 > 900


def test_jitter_spreads_over_the_whole_wait():
    draws = random.Random(1)
    waits = [RetryPolicy().wait(3, 0.0, None, draws) for _ in range(2000)]
    # Uniform on 0..4 s: mean 2 with a standard error of 4 / sqrt(12 * 2000) = 0.026; a tenth lies below 0.4.
    assert sum(waits) / len(waits) == pytest.approx(2.0, abs=0.12)
    assert 0.06 < sum(wait < 0.4 for wait in waits) / len(waits) < 0.14


def test_every_class_that_can_be_given_has_an_action():
    assert set(BY_STATUS.values()) <= set(ACTIONS)
    assert set(SERVER_WORDS.values()) <= set(ACTIONS)
    assert set(ACTIONS) >= {class_of_status(status) for status in range(100, 700)}
    assert {name for name, action in ACTIONS.items() if action == "settle"} == DECLINES
