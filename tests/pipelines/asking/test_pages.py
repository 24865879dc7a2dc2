"""A page of an endpoint is read with patience, within limits of time and size, and without showing the key."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lake.errors import EndpointError, RefusedKeyError
from pipelines.asking import transport
from pipelines.asking.catalogue import catalogue_rows, fetch_catalogue, kept_catalogue
from pipelines.asking.pages import Patience, open_pages
from pipelines.asking.retrying import RetryPolicy
from pipelines.panels.records import Battery, EndpointSpec, Panel, RosterEntry
from tests.pipelines.asking.conftest import WAVE_DATE, HandMovedClock

PAGE = b'{"data": [{"id": "a/one", "pricing": {"prompt": "0.000001", "completion": "0.000004"}}]}'


class Scripted(ThreadingHTTPServer):
    """Answers each GET with the next of `script` (status, headers, body; None hangs up), the last for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.script: list[tuple[int, dict[str, str], bytes] | None] = []
        self.asked, self.drip_s = 0, 0.0

    def spec(self) -> EndpointSpec:
        base = f"http://127.0.0.1:{self.server_port}/v1"
        return EndpointSpec("shop", "openai_compatible", base_url=base, key_env="SHOP_KEY", flavor="openrouter")


class Answering(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        step = self.server.script[min(self.server.asked, len(self.server.script) - 1)]
        self.server.asked += 1
        if step is None:
            self.close_connection = True
            return
        status, headers, body = step
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for byte in [body[i : i + 1] for i in range(len(body))] if self.server.drip_s else [body]:
                self.wfile.write(byte)
                self.wfile.flush()
                time.sleep(self.server.drip_s)
        except OSError:
            pass  # the client left, as it should

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[Scripted]:
    with Scripted() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def patience(said: list[str] | None = None, clock: HandMovedClock | None = None) -> Patience:
    return Patience(notice=(said if said is not None else []).append, clock=clock or HandMovedClock())


@pytest.mark.parametrize("failure", [(503, {}, b"down"), (429, {"Retry-After": "7"}, b"{}"), (500, {}, PAGE)])
def test_a_page_that_fails_for_a_moment_is_read_all_the_same_and_each_wait_is_said(shop, failure):
    shop.script = [failure, (200, {}, PAGE)]
    said, clock = [], HandMovedClock()
    assert set(fetch_catalogue(shop.spec(), None, patience(said, clock)).models) == {"a/one"}
    assert shop.asked == 2
    assert len(said) == 1
    assert said[0].startswith("shop gave no page at /models (")
    assert "tried again in" in said[0]
    if "Retry-After" in failure[1]:
        assert 7 <= clock.passed <= 8  # what was asked, and up to a second of jitter


def test_a_server_that_hangs_up_is_called_again(shop):
    shop.script = [None, None, None, (200, {}, PAGE)]  # aiohttp itself tries a GET a second time, in silence
    assert set(fetch_catalogue(shop.spec(), None, patience()).models) == {"a/one"}


def test_a_page_that_keeps_failing_is_an_error_after_four_tries(shop):
    shop.script = [(502, {}, b"")]
    with pytest.raises(EndpointError, match=r"shop gave no catalogue at .*/models \(HTTP 502, after 4 tries\)"):
        fetch_catalogue(shop.spec(), None, patience())
    assert shop.asked == 4


def test_a_server_that_asks_for_an_hour_is_not_waited_for(shop):
    shop.script = [(429, {"Retry-After": "3600"}, b"")]
    clock = HandMovedClock()
    with pytest.raises(EndpointError, match="HTTP 429"):
        fetch_catalogue(shop.spec(), None, patience(clock=clock))
    assert (shop.asked, clock.passed) == (1, 0.0)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_will_not_pass_is_not_tried_again(shop, status):
    shop.script = [(status, {}, b"{}")]
    with pytest.raises(EndpointError) as raised:
        fetch_catalogue(shop.spec(), None, patience())
    assert isinstance(raised.value, RefusedKeyError) is (status != 404)
    assert shop.asked == 1


def test_a_page_that_drips_ends_at_the_time_limit_of_the_whole_exchange(shop):
    shop.script, shop.drip_s = [(200, {}, PAGE)], 0.1  # every byte comes long before any time-out of a single read
    impatient = Patience(retries=RetryPolicy(max_attempts=1))
    with (
        pytest.raises(EndpointError, match=r"timeout: No complete answer within 0\.5 s"),
        open_pages(shop.spec(), None, 0.5, impatient) as pages,
    ):
        pages.get("/models")


def test_a_page_without_end_is_broken_off(shop, monkeypatch):
    monkeypatch.setattr(transport, "LARGEST_BODY", 1000)
    shop.script = [(200, {}, b'{"data": "' + b"x" * 5000 + b'"}')]
    with pytest.raises(EndpointError, match="body_too_large: The body exceeds 1000 bytes"):
        fetch_catalogue(shop.spec(), None, patience())


@pytest.mark.parametrize("key", ["sk-or-v1-first\nsecret-half", "sk-or-v1-first\r\nsecret-half", "sk-ör-secret-half"])
def test_a_key_that_no_header_can_hold_is_shown_in_no_message(shop, key):
    shop.script = [(401, {}, b"{}")]
    with pytest.raises(EndpointError) as raised:
        fetch_catalogue(shop.spec(), key, patience())
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert "SHOP_KEY" in str(raised.value) or "the key" in str(raised.value)


def test_a_catalogue_is_read_back_from_the_rows_that_a_wave_keeps(shop):
    shop.script = [(200, {}, PAGE)]
    spec = shop.spec()
    fetched = fetch_catalogue(spec, None, patience())
    roster = (RosterEntry("a/one", "shop", settings={}), RosterEntry("a/two", "shop", settings={}))
    panel = Panel("t", None, Battery("b", "1", "s", ()), (), roster, {"shop": spec}, 1, 7, "sha", {})
    rows = [
        row | {"fetched_at": str(row["fetched_at"])}
        for row in catalogue_rows(panel, {"shop": fetched}, "t/1", WAVE_DATE)
    ]
    assert kept_catalogue("shop", rows) == fetched
    assert kept_catalogue("shop", []) is None
