"""Whatever a server puts on the wire, the transport brings back a reply and sends nobody more than was meant."""

import asyncio
import gzip
import socket
from dataclasses import dataclass, field

import httpx
import pytest

from lake.errors import EndpointError
from pipelines.asking.transport import KEPT_OF_TOO_LARGE, LARGEST_BODY, Transport, environment_proxy, is_loopback

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Wire:
    """A server of scripted bytes. It sends them in answer to every request and closes unless they are `OK`."""

    says: bytes = OK
    pause_s: float = 0.0
    connections: int = 0
    heads: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                self.heads.append(head)
                length = head.partition("content-length: ")[2].partition("\r\n")[0]
                await reader.readexactly(int(length or 0))
                writer.write(self.says[: len(self.says) // 2])
                await writer.drain()
                await asyncio.sleep(self.pause_s)
                writer.write(self.says[len(self.says) // 2 :])
                await writer.drain()
                if self.says != OK:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def exchange(wire: Wire, *calls: str, timeout_s: float = 5.0, headers=None, own=None):
    """Make the calls ("post", or a path to get) one after another; return their replies."""

    async def go():
        server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        transport = Transport(base, "/chat/completions", headers or {}, timeout_s)
        try:
            return [await (transport.post(b"{}", own) if c == "post" else transport.get(c)) for c in calls]
        finally:
            await transport.close()
            server.close()

    return asyncio.run(go())


def answer(body: bytes, *headers: str, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {size}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(b"", id="closed-without-a-word"),
        pytest.param(b"HTTP/1.1 2", id="cut-in-the-status-line"),
        pytest.param(b"SMTP ready\r\n\r\n", id="another-protocol"),
        pytest.param(b"HTTP/1.1 999999 X\r\n\r\n", id="impossible-status"),
        pytest.param(answer(b"{}", "X-Long: " + "x" * 100_000), id="endless-header"),
        pytest.param(answer(b"{}", "no colon here"), id="header-without-a-colon"),
        pytest.param(answer(b'{"a"', length=400), id="body-cut-short"),
        pytest.param(answer(b"{}", "Content-Length: 7"), id="two-lengths"),
        pytest.param(CHUNKED + b"zz\r\n{}\r\n", id="impossible-chunk"),
        pytest.param(CHUNKED + b"2\r\n{}", id="chunks-without-an-end"),
    ],
)
def test_a_broken_answer_is_a_lost_connection(says):
    [reply] = exchange(Wire(says), "post")
    assert reply.problem == "connection_lost"
    assert reply.detail and "\n" not in reply.detail[:40]


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", id="chunked"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n{}", id="until-the-connection-closes"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(b"{}"), id="after-an-early-hint"),
        pytest.param(answer(gzip.compress(b"{}"), "Content-Encoding: gzip"), id="packed"),
        pytest.param(answer(b"{}", "Content-Encoding: unheard-of"), id="unknown-packing-left-as-it-is"),
    ],
)
def test_every_honest_framing_is_read(says):
    [reply] = exchange(Wire(says), "post")
    assert (reply.status, reply.body, reply.problem) == (200, b"{}", None)


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(answer(b"no gzip", "Content-Encoding: gzip"), id="not-packed"),
        pytest.param(answer(gzip.compress(gzip.compress(b"{}")), "Content-Encoding: gzip, gzip"), id="packed-twice"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_malformed(says):
    [reply] = exchange(Wire(says), "post")
    assert reply.problem == "malformed_json"


def test_a_small_packed_body_that_grows_without_end_is_broken_off():
    bomb = answer(gzip.compress(b"x" * (4 * LARGEST_BODY)), "Content-Encoding: gzip")
    [reply] = exchange(Wire(bomb), "post")
    assert (reply.problem, reply.status, len(reply.body)) == ("body_too_large", 200, KEPT_OF_TOO_LARGE)


def test_header_names_come_in_lower_case_and_repeated_ones_joined():
    [reply] = exchange(Wire(answer(b"{}", "Retry-After: 3", "X-A: 1", "x-a: 2")), "post")
    assert (reply.headers["retry-after"], reply.headers["x-a"]) == ("3", "1, 2")


def test_the_time_out_covers_the_whole_exchange_and_the_next_one_starts_afresh():
    wire = Wire(pause_s=0.5)
    first, second = exchange(wire, "post", "post", timeout_s=0.2)
    assert {first.problem, second.problem} == {"timeout"}
    assert wire.connections == 2


def test_a_connection_is_kept_for_the_next_request():
    wire = Wire()
    replies = exchange(wire, "post", "/generation?id=gen%261%2B2", "post")
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert wire.connections == 1
    assert wire.heads[1].startswith("get /v1/generation?id=gen%261%2b2 http/1.1")


def test_headers_of_one_request_replace_those_of_all():
    wire = Wire()
    exchange(wire, "post", headers={"X-Cache": "false", "Authorization": "Bearer k"}, own={"x-cache": "true"})
    assert wire.heads[0].count("x-cache") == 1
    assert "x-cache: true" in wire.heads[0] and "authorization: bearer k" in wire.heads[0]


def test_nothing_of_the_user_is_sent_beyond_the_given_headers(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    wire = Wire(answer(b"{}", "Set-Cookie: session=1", "Connection: close"))
    replies = exchange(wire, "post", "post", headers={"Content-Type": "application/json"})
    assert [reply.status for reply in replies] == [200, 200]
    names = {line.partition(":")[0] for head in wire.heads for line in head.splitlines()[1:] if line}
    assert names == {"host", "user-agent", "accept", "accept-encoding", "content-length", "content-type"}


def test_a_redirect_is_a_reply_and_not_followed():
    wire = Wire(b"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    [reply] = exchange(wire, "post")
    assert (reply.status, len(wire.heads)) == (307, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_refused_connection_is_unreachable(scheme):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses

        async def go():
            transport = Transport(f"{scheme}://127.0.0.1:{taken.getsockname()[1]}", "/x", {}, 5.0)
            try:
                return await transport.post(b"{}")
            finally:
                await transport.close()

        assert asyncio.run(go()).problem == "unreachable"


def test_a_server_without_tls_is_unreachable_over_https():
    async def says_hello(reader, writer):
        writer.write(OK)
        writer.close()

    async def go():
        server = await asyncio.start_server(says_hello, "127.0.0.1", 0)
        transport = Transport(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", "/x", {}, 5.0)
        try:
            return await transport.post(b"{}")
        finally:
            await transport.close()
            server.close()

    assert asyncio.run(go()).problem == "unreachable"


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.mark.parametrize(
    ("environment", "url", "expected"),
    [
        ({}, "https://api.example/v1", None),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "https://api.example/v1", "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://api.example/v1", "http://proxy.example:3128"),
        ({"ALL_PROXY": "http://proxy.example"}, "http://api.example/v1", "http://proxy.example"),
        ({"HTTP_PROXY": "http://proxy.example"}, "https://api.example/v1", None),
        ({"ALL_PROXY": "http://proxy.example", "NO_PROXY": "api.example"}, "http://api.example/v1", None),
        ({"ALL_PROXY": "http://proxy.example"}, "http://localhost:8000/v1", None),
        ({"ALL_PROXY": "socks5://proxy.example"}, "http://127.0.0.1:8000/v1", None),
    ],
)
def test_the_proxy_of_the_environment_is_used_but_for_this_machine(monkeypatch, environment, url, expected):
    set_proxies(monkeypatch, environment)
    proxy = environment_proxy(httpx.URL(url))
    assert (str(proxy.url) if proxy else None) == expected


def test_a_socks_proxy_is_refused_with_what_to_do(monkeypatch):
    set_proxies(monkeypatch, {"HTTPS_PROXY": "socks5://proxy.example:1080"})
    with pytest.raises(EndpointError, match=r"socks5 proxy.*NO_PROXY=api\.example"):
        Transport("https://api.example/v1", "/chat/completions", {}, 5.0)


def set_proxies(monkeypatch, environment: dict[str, str]) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [("http://127.0.0.1:1", True), ("http://[::1]:1", True), ("http://localhost", True), ("http://10.0.0.1", False)],
)
def test_what_counts_as_this_machine(url, expected):
    assert is_loopback(url) is expected
