"""Sends one request and brings back whatever came: a reply, or what went wrong on the way. Never raises for it.

httpx's requests and responses go straight through httpx-aiohttp's transport. httpcore searches its whole pool on
every request, and httpx's client in between costs as much as the transport, for cookies, redirects and
authentication, of which nothing here wants any (tests/benchmarks/bench_asking.py measures all of them).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError
from httpx_aiohttp import AiohttpTransport

from lake.errors import EndpointError
from pipelines.asking.outcomes import Reply

LARGEST_BODY = 10 * 2**20
"""Bytes after which an answer is broken off; the longest honest answers are a hundredth of it."""

KEPT_OF_TOO_LARGE = 2**16
"""Bytes kept of a body that was broken off, as evidence."""

KEEPALIVE_S = 30.0

DEFAULT_HEADERS = {"User-Agent": "driftlake", "Accept-Encoding": "gzip, deflate"}

BROKEN = (httpx.TransportError, aiohttp.ClientError, HttpProcessingError, OSError)
"""What httpx and aiohttp raise for a connection or an answer that broke."""


class Transport:
    """The connections to one server, as many as requests are in flight. For one event loop; `close` ends them.

    Requests go to `base_url` and the path beside it. Raises EndpointError for a proxy that cannot be used.
    """

    def __init__(self, base_url: str, post_path: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self._base, self._url, self._timeout_s = base_url, httpx.URL(base_url + post_path), timeout_s
        self._headers = httpx.Headers(DEFAULT_HEADERS | dict(headers))
        proxy = environment_proxy(self._url)
        # Certificates take 20 ms to load, so they are read once and only where a connection can need them.
        self._context = httpx.create_ssl_context(verify=self._url.scheme == "https" or proxy is not None)
        self._wire = AiohttpTransport(verify=self._context, proxy=proxy, client=self._session)

    def __repr__(self) -> str:
        return f"Transport({self._base!r})"

    async def post(self, content: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """Return the reply to a JSON body. The time-out covers the whole exchange, so a slow drip ends too."""
        return await self._exchange(httpx.Request("POST", self._url, headers=self._sent(headers), content=content))

    async def get(self, path: str) -> Reply:
        """Return the reply to a GET of a path below base_url, such as `/generation?id=…`."""
        return await self._exchange(httpx.Request("GET", self._base + path, headers=self._headers))

    async def close(self) -> None:
        """Close every connection."""
        await self._wire.aclose()

    async def _exchange(self, request: httpx.Request) -> Reply:
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._wire.handle_async_request(request)
                try:
                    return await _received(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return Reply(problem="timeout", detail=f"No complete answer within {self._timeout_s:g} s.")
        except httpx.DecodingError as error:
            return Reply(problem="malformed_json", detail=f"The body cannot be unpacked: {error}")
        except BROKEN as error:
            return _broken(error)

    def _sent(self, more: Mapping[str, str] | None) -> httpx.Headers:
        return httpx.Headers({**self._headers, **httpx.Headers(more)}) if more else self._headers

    def _session(self) -> aiohttp.ClientSession:
        # trust_env stays off: it would send a password of ~/.netrc to a server that was given no key.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S, ssl=self._context)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


async def _received(response: httpx.Response) -> Reply:
    # A body packed twice can be a million times what came over the wire: too much for one chunk of it.
    if "," in response.headers.get("content-encoding", ""):
        raise httpx.DecodingError("it is packed more than once")
    received = bytearray()
    async for chunk in response.aiter_bytes():
        received += chunk
        if len(received) > LARGEST_BODY:
            return Reply(
                status=response.status_code,
                body=bytes(received[:KEPT_OF_TOO_LARGE]),
                problem="body_too_large",
                detail=f"The body exceeds {LARGEST_BODY} bytes; its first {KEPT_OF_TOO_LARGE} are kept.",
            )
    return Reply(status=response.status_code, headers=dict(response.headers.items()), body=bytes(received))


def _broken(error: Exception) -> Reply:
    # httpx-aiohttp takes a refused or reset connection for a time-out; aiohttp's own error, its cause, knows better.
    cause = error.__cause__ if isinstance(error, httpx.TransportError) and error.__cause__ else error
    if isinstance(cause, aiohttp.ClientConnectorError):
        return Reply(problem="unreachable", detail=f"No connection: {cause}")
    return Reply(problem="connection_lost", detail=f"{type(cause).__name__}: {cause}")


def environment_proxy(url: httpx.URL) -> httpx.Proxy | None:
    """Return the proxy that the environment names for an address; this machine never needs one.

    The one reading of the environment below the flows: the standard proxy variables, which every client heeds.
    Raises EndpointError for a kind of proxy that cannot be used.
    """
    named = getproxies()
    address = named.get(url.scheme) or named.get("all")
    if not address or is_loopback(str(url)) or proxy_bypass(url.host):
        return None
    proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
    if proxy.url.scheme not in {"http", "https"}:
        raise EndpointError(
            f"The environment names a {proxy.url.scheme} proxy, and only http and https proxies can be used. "
            f"Set {url.scheme.upper()}_PROXY to one, or NO_PROXY={url.host} to go without."
        )
    return proxy


def is_loopback(url: str) -> bool:
    """Say whether a URL leads to this machine: it is then never sent through a proxy."""
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
