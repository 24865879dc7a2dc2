"""As many requests at once as a model can bear: more while answers come as fast as ever, fewer when they do not."""

import heapq
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.asking.widths import FIRST_WIDTH, SHORTEST_ROUND, Width


def after(width, latencies):
    for latency_ms in latencies:
        width.answered(latency_ms)
    return width.now


def test_it_doubles_each_round_at_first_and_stops_at_what_is_allowed():
    width = Width(64)
    assert width.now == FIRST_WIDTH == 8
    assert after(width, [100.0] * 8) == 16
    assert after(width, [100.0] * 16) == 32
    assert after(width, [100.0] * 500) == 64
    assert Width(3).now == 3


def test_after_a_rate_limit_it_grows_by_one_a_round():
    width = Width(64)
    width.limit()
    assert width.now == 4.0
    # 4 + 1/4 + 1/4.25 + 1/4.485 + 1/4.708 = 4.921
    assert after(width, [100.0] * 4) == pytest.approx(4.921, abs=1e-3)


def test_a_round_twice_as_slow_narrows_it_and_one_slow_answer_does_not():
    width = Width(16)
    after(width, [100.0] * 2 * SHORTEST_ROUND)
    assert width.now == 16.0
    # One of 16 takes ten times as long: geometric mean 100 * 10 ** (1/16) = 115.
    assert after(width, [100.0] * 15 + [1000.0]) == 16.0
    assert after(width, [210.0] * 16) == 12.0  # 16 * 0.75


def test_a_model_that_failed_begins_again_with_one():
    width = Width(64)
    after(width, [100.0] * 100)
    width.restart()
    assert (width.now, width.usual_ms) == (1.0, None)
    assert after(width, [900.0]) == 2.0


@given(st.lists(st.floats(0, 1e7) | st.none(), max_size=300), st.integers(1, 128))
def test_it_stays_between_one_and_what_is_allowed(latencies, widest):
    width = Width(widest)
    for latency_ms in latencies:
        width.limit() if latency_ms is None else width.answered(latency_ms)
        assert 1 <= width.now <= widest


def played(width, answers, spread, seed, capacity=None):
    """A server that answers `capacity` requests at full speed and more of them slower. Mean width, answers a second."""
    draws, now, under_way, widths = random.Random(seed), 0.0, [], []
    while len(widths) < answers:
        while len(under_way) < int(width.now):
            crowd = max(1.0, (len(under_way) + 1) / capacity) if capacity else 1.0
            latency = 1000 * draws.lognormvariate(0, spread) * crowd
            heapq.heappush(under_way, (now + latency, latency))
        now, latency = heapq.heappop(under_way)
        width.answered(latency)
        widths.append(width.now)
    return sum(widths) / answers, 1000 * answers / now


@pytest.mark.parametrize("spread", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_uneven_answers_alone_do_not_narrow_it_and_a_crowded_server_does(spread, seed):
    free, _ = played(Width(128), 4000, spread, seed)
    crowded, throughput = played(Width(128), 4000, spread, seed, capacity=16)
    assert free > 110
    assert crowded < 100
    # 16 at a time, each exp(spread² / 2) seconds in the mean: what the server gives at most.
    assert throughput > 0.9 * 16 / math.exp(spread**2 / 2)
