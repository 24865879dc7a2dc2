"""One model in trouble holds up no other, and costs a bounded number of requests."""

import math

import pytest

from pipelines.asking.lanes import FAILURES_IN_A_ROW, RESTS_S, Lanes


@pytest.fixture
def lanes(questions):
    return Lanes(questions(["a", "b"], prompts=30), widest=8)


def taken(lanes, now=0.0):
    lane, _ = lanes.pick(now)
    return (lane, lane.take(now)) if lane else (None, None)


def test_cells_go_out_in_the_order_they_came(lanes):
    assert [taken(lanes)[1].order for _ in range(10)] == list(range(10))


def test_a_paused_model_lets_the_others_pass(lanes):
    lanes.by_model["a"].slow_down(0.0, until=5.0)
    assert [taken(lanes)[0].model for _ in range(8)] == ["b"] * 8
    assert lanes.pick(0.0) == (None, 5.0)  # b is full, a is due at 5
    assert taken(lanes, now=5.0)[1].order == 0


def test_a_due_retry_goes_before_fresh_cells(lanes):
    lane, job = taken(lanes)
    lane.in_flight -= 1
    lane.retry(job, due=3.0)
    assert taken(lanes, now=1.0)[1].order == 1
    assert taken(lanes, now=3.0)[1] is job


def test_a_cell_that_could_not_be_sent_comes_first_again(lanes):
    lane, job = taken(lanes)
    lane.put_back(job)
    assert lane.in_flight == 0
    assert taken(lanes)[1] is job


def test_one_burst_of_rate_limits_halves_the_width_once_and_answers_widen_it(lanes):
    lane = lanes.by_model["a"]
    assert lane.slow_down(0.0, until=1.0)
    assert not lane.slow_down(0.5, until=2.0)
    assert (lane.width.now, lane.paused_until) == (4.0, 2.0)
    for _ in range(4):
        lane.settled(100.0)
    assert 4.8 < lane.width.now < 5.0  # four answers at width 4 widen it by nearly one
    for _ in range(200):
        lane.settled(100.0)
    assert lane.width.now == 8.0


def test_one_round_of_time_outs_halves_the_width_once_and_still_counts_as_failures(lanes):
    lane = lanes.by_model["a"]
    jobs = [lane.take(0.0) for _ in range(4)]
    for job in jobs:
        lane.narrow(job)
    assert lane.width.now == 4.0
    for _ in range(FAILURES_IN_A_ROW - 1):
        lane.failed(jobs[0], 0.0, "timeout")
    assert lane.failed(jobs[0], 0.0, "timeout") == RESTS_S[0]
    lane.in_flight = 0
    lane.resting_until = 0.0
    lane.narrow(lane.take(1.0))
    assert lane.width.now == 1.0  # a resting model is tried with one


def test_a_model_with_its_share_in_flight_lets_the_others_go_first(lanes):
    # Eight at once for two models: the first block is all of a slow model, then the other comes.
    a, b = lanes.by_model["a"], lanes.by_model["b"]
    for _ in range(4):
        a.take(0.0)
    assert [taken(lanes)[0].model for _ in range(4)] == ["b"] * 4
    b.in_flight = 0
    assert taken(lanes)[0] is b
    b.give_up()
    assert taken(lanes)[0] is a, "alone, a model may use everything"


def test_a_model_rests_longer_each_time_and_then_is_dead(lanes):
    lane = lanes.by_model["a"]
    _, job = taken(lanes)
    assert [lane.failed(job, 0.0, "x") for _ in range(FAILURES_IN_A_ROW - 1)] == [None] * (FAILURES_IN_A_ROW - 1)
    now, rests = 0.0, []
    while lane.dead is None:
        rest = lane.failed(job, now, "502")
        lane.in_flight = 0
        if rest is not None:
            rests.append(rest)
            assert lane.due() == now + rest
            now += rest
            job = lane.take(now)
    assert tuple(rests) == RESTS_S
    assert (lane.dead, lane.due()) == ("502", math.inf)


def test_failures_of_requests_sent_before_a_rest_say_nothing_of_the_time_after(lanes):
    lane = lanes.by_model["a"]
    _, job = taken(lanes)
    for _ in range(FAILURES_IN_A_ROW):
        lane.failed(job, 0.0, "x")
    assert [lane.failed(job, 100.0, "x") for _ in range(50)] == [None] * 50
    assert lane.dead is None


def test_an_answer_makes_a_resting_model_well(lanes):
    lane = lanes.by_model["a"]
    _, job = taken(lanes)
    for _ in range(FAILURES_IN_A_ROW):
        lane.failed(job, 0.0, "x")
    lane.settled(100.0)
    job = lane.take(100.0)
    assert [lane.failed(job, 100.0, "x") for _ in range(FAILURES_IN_A_ROW - 1)] == [None] * (FAILURES_IN_A_ROW - 1)


def test_all_rest_only_while_no_lane_with_cells_left_can_send(lanes):
    a, b = lanes.by_model["a"], lanes.by_model["b"]
    a.resting_until = 10.0
    assert not lanes.all_rest(5.0)
    b.resting_until = 20.0
    assert lanes.all_rest(5.0)
    assert not lanes.all_rest(15.0)
    b.give_up()
    assert lanes.all_rest(5.0)
    b.in_flight = 1
    b.resting_until = 0.0
    assert not lanes.all_rest(5.0)


def test_giving_up_hands_back_every_waiting_cell_in_order(lanes):
    lane, job = taken(lanes)
    lane.retry(job, due=9.0)
    assert [job.order for job in lane.give_up()] == list(range(0, 60, 2))
    assert lane.queued == 0
