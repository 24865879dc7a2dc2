"""The local OpenRouter is worth testing against: it fits the published shapes and does what it is told."""

import json
import socket
import time

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.pipelines.asking.openrouter import schemas
from tests.pipelines.asking.openrouter.answers import COMPLETION_USD, PROMPT_USD, VARIANTS
from tests.pipelines.asking.openrouter.faults import DATED, FAULTS, LEAKS

REQUEST = {"model": "a/one", "messages": [{"role": "user", "content": "question 0"}], "seed": 1, "max_tokens": 50}
# "question 0": 2 words + 8 = 10 tokens in; "answer 1 to question 0": 5 tokens out.
COST = 10 * PROMPT_USD + 5 * COMPLETION_USD
ENABLED = {"X-OpenRouter-Metadata": "enabled"}


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.base_url, trust_env=False, timeout=5) as client:
        yield client


def complete(http, headers=None, **changes):
    return http.post("/chat/completions", json=REQUEST | changes, headers=headers or {})


def fits(schema, body):
    assert list(Draft202012Validator(schema).iter_errors(body)) == []


@pytest.mark.parametrize("step", ["ok", "empty", "length", "content_filter", "refusal_field", "no_usage", "cache_hit"])
def test_an_answer_has_the_published_shape(server, http, step):
    server.control(plans={"a/one": [step]})
    answer = complete(http, ENABLED).json()
    fits(schemas.CHAT_RESULT, answer)
    assert "openrouter_metadata" in answer
    assert "openrouter_metadata" not in complete(http).json()


def test_the_pages_have_the_published_shape(server, http):
    server.control(models=["a/one", "a/two"], limit_usd=2.0)
    fits(schemas.MODELS_PAGE, http.get("/models").json())
    fits(schemas.ENDPOINTS_PAGE, http.get("/models/a/one/endpoints").json())
    fits(schemas.KEY_PAGE, http.get("/key").json())
    number = complete(http).json()["id"]
    fits(schemas.GENERATION_PAGE, http.get("/generation", params={"id": number}).json())
    assert http.get("/key").json()["data"]["limit_remaining"] == pytest.approx(2.0 - COST, abs=1e-12)
    assert http.get("/models/a/none/endpoints").status_code == 404


def test_an_error_has_the_published_shape(server, http):
    for name in ("status_429", "status_502", "moderated", "refusal", "capacity", "error_in_200", "rate_limit_in_200"):
        server.control(plans={"a/one": [name]})
        fits(schemas.ERROR_RESPONSE, complete(http).json())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"messages": []}, "$.messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "$.messages[0]"),
        ({"messages": [{"role": "user"}]}, "$.messages[0]"),
        ({"temperature": 2.5}, "$.temperature"),
        ({"seed": 1.5}, "$.seed"),
        ({"max_tokens": "50"}, "$.max_tokens"),
        ({"top_logprobs": 21}, "$.top_logprobs"),
        ({"provider": {"order": "ProviderA"}}, "$.provider"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "$.stop"),
        ({"model": None}, "$.model"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_and_counted(server, http, changes, said):
    assert complete(http).status_code == 200
    reply = complete(http, **changes)
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]
    assert (server.books()["schema_violations"], server.books()["answers"]) == (1, 1)


def test_what_driftlake_sends_fits(server, ask, questions):
    settings = {"temperature": 0.7, "max_tokens": 50, "provider": ["ProviderB"], "stop": ["x"], "top_p": 0.9}
    assert ask(questions(["a/one"], settings=settings, system_prompt="Be brief.")).only.provider_served == "ProviderB"
    assert server.books()["schema_violations"] == 0


@pytest.mark.parametrize("step", sorted({*VARIANTS, *FAULTS, *DATED, *LEAKS} - {"drip", "hang", "reset", "cut"}))
def test_every_step_is_a_reply_that_counts_as_one_call(server, http, step):
    server.control(plans={"a/one": [step]})
    with http.stream("POST", "/chat/completions", json=REQUEST) as reply:
        received = b"".join(reply.iter_raw())
    books = server.books()
    assert (books["calls"], books["steps"], books["calls_by_cell"]) == (1, {step: 1}, {"a/one|question 0|1": 1})
    assert len(received) == int(reply.headers["content-length"])
    assert books["in_flight"] == books["schema_violations"] == books["undelivered"] == 0


@pytest.mark.parametrize("step", ["reset", "cut"])
def test_a_connection_breaks_before_the_reply_or_in_its_middle(server, http, step):
    server.control(plans={"a/one": [step]})
    with pytest.raises(httpx.TransportError):
        complete(http)
    books = server.books()
    # Before the reply nothing was charged; in its middle the answer was made and paid for.
    assert (books["undelivered"], books["charged_usd"], books["undelivered_usd"]) == (
        (1, pytest.approx(COST), pytest.approx(COST)) if step == "cut" else (0, 0.0, 0.0)
    )


@pytest.mark.parametrize("step", ["drip", "hang"])
def test_a_reply_that_never_ends_is_in_flight_until_the_client_leaves(server, http, step):
    server.control(plans={"a/one": [step]})
    with pytest.raises(httpx.TimeoutException):
        http.post("/chat/completions", json=REQUEST, timeout=httpx.Timeout(5, read=0.02))
    deadline = time.monotonic() + 5
    while server.books()["in_flight"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (server.books()["in_flight"], server.books()["undelivered"]) == (0, 1)


def test_a_cached_reply_costs_nothing_and_a_request_can_switch_the_cache_off(server, http):
    server.control(always={"a/one": "cache_hit_if_allowed"})
    hit, made = complete(http), complete(http, {"X-OpenRouter-Cache": "false"})
    assert hit.headers["x-openrouter-cache-status"] == "HIT"
    assert hit.json()["usage"]["total_tokens"] == hit.json()["usage"]["cost"] == 0
    assert "x-openrouter-cache-status" not in made.headers
    assert server.books()["charged_usd"] == made.json()["usage"]["cost"] == pytest.approx(COST)
    server.control(always={"a/one": "cache_hit"})
    cleared = {"X-OpenRouter-Cache": "true", "X-OpenRouter-Cache-Clear": "true"}
    replies = [complete(http, headers) for headers in ({"X-OpenRouter-Cache": "false"}, cleared)]
    assert [reply.headers.get("x-openrouter-cache-status") for reply in replies] == ["HIT", None]


def test_what_an_answer_cost_is_known_afterwards_and_not_at_once(server, http):
    server.control(plans={"a/one": ["no_usage"]}, generation_404s=2)
    answer = complete(http).json()
    assert "usage" not in answer
    looks = [http.get("/generation", params={"id": answer["id"]}) for _ in range(3)]
    assert [look.status_code for look in looks] == [404, 404, 200]
    assert looks[2].json()["data"]["total_cost"] == server.books()["charged_by_id"][answer["id"]] == pytest.approx(COST)
    assert http.get("/generation", params={"id": "gen-2"}).status_code == 404
    assert (server.books()["lookups"], server.books()["calls"]) == (4, 1)


def test_a_key_that_is_used_up_is_refused_in_the_middle(server, http):
    server.control(limit_usd=2.5 * COST)
    assert [complete(http).status_code for _ in range(4)] == [200, 200, 402, 402]
    assert server.books()["charged_usd"] == pytest.approx(2 * COST)


def test_a_rate_limit_holds_for_each_model_and_says_when_there_is_room(server, http):
    server.control(rate_limits={"*": {"requests": 2, "window_s": 0.3}})
    assert [complete(http).status_code for _ in range(3)] == [200, 200, 429]
    assert complete(http, model="a/two").status_code == 200
    refused = complete(http)
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-limit"]) == ("1", "2")
    reset = int(refused.headers["x-ratelimit-reset"]) / 1000
    assert 0 < reset - time.time() + 0.1 < 0.5
    time.sleep(0.31)
    assert complete(http).status_code == 200


def test_answers_take_longer_the_more_are_in_flight(server):
    server.control(latency_ms=50, latency_growth_ms=50, latency_knee=1)
    body = json.dumps(REQUEST).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    host, port = server.address.removeprefix("http://").split(":")
    connections = [socket.create_connection((host, int(port))) for _ in range(4)]
    started = time.monotonic()
    for connection in connections:
        connection.sendall(head + body)
    took = []
    for connection in connections:
        assert connection.recv(1) == b"H"
        took.append(time.monotonic() - started)
        connection.close()
    # 50 ms, and 50 ms more for each call beyond the first: 50, 100, 150, 200.
    assert took[0] >= 0.05
    assert took[3] >= 0.2


def test_chance_is_the_same_whatever_the_order_of_calls(server, http):
    seen = []
    for order in (range(40), reversed(range(40))):
        server.control(seed=5, chances={"*": {"status_500": 0.3, "status_429": 0.2}}, cursed={"status_422": 0.1})
        seen.append({n: [complete(http, seed=n).status_code for _ in range(2)] for n in order})
    assert seen[0] == seen[1]
    statuses = [status for replies in seen[0].values() for status in replies]
    assert set(statuses) == {200, 422, 429, 500}
    assert all(replies[0] == replies[1] == 422 for replies in seen[0].values() if 422 in replies)
