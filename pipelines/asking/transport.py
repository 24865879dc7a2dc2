"""Sends one request and brings back whatever came: a reply, or what went wrong on the way. Never raises for it.

A connection is a client of its own: httpcore searches its pool on every request, so that one client with
128 connections is many times slower than 128 clients with one each.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl

import httpx

from pipelines.asking.outcomes import Reply

LARGEST_BODY = 10 * 2**20
"""Bytes after which an answer is broken off; the longest honest answers are a hundredth of it."""

KEPT_OF_TOO_LARGE = 2**16
"""Bytes kept of a body that was broken off, as evidence."""

KEEPALIVE_S = 30.0


class Transport:
    """As many connections to one server as requests are in flight. For one event loop; `close` ends them."""

    def __init__(self, url: str, headers: dict[str, str], timeout_s: float) -> None:
        self._url, self._headers, self._timeout_s = url, headers, timeout_s
        self._context: ssl.SSLContext | bool = httpx.create_ssl_context() if url.startswith("https:") else False
        self._idle: list[httpx.AsyncClient] = []
        self._all: list[httpx.AsyncClient] = []

    def __repr__(self) -> str:
        return f"Transport({self._url!r})"

    async def post(self, content: bytes) -> Reply:
        """Return the reply to a JSON body. The time-out covers the whole exchange, so a slow drip ends too."""
        client = self._idle.pop() if self._idle else self._client()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(client, content)
        except (TimeoutError, httpx.TimeoutException):
            return Reply(problem="timeout", detail=f"No complete answer within {self._timeout_s:g} s.")
        except httpx.ConnectError as error:
            return Reply(problem="unreachable", detail=f"No connection: {error}")
        except httpx.DecodingError as error:
            return Reply(problem="malformed_json", detail=f"The body cannot be unpacked: {error}")
        except httpx.TransportError as error:
            return Reply(problem="connection_lost", detail=f"{type(error).__name__}: {error}")
        finally:
            self._idle.append(client)

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(client.aclose() for client in self._all), return_exceptions=True)
        self._all.clear()
        self._idle.clear()

    async def _exchange(self, client: httpx.AsyncClient, content: bytes) -> Reply:
        async with client.stream("POST", self._url, content=content) as response:
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
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(status=response.status_code, headers=headers, body=bytes(received))

    def _client(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            headers=self._headers,
            timeout=None,
            verify=self._context,
            trust_env=not is_loopback(self._url),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE_S),
        )
        self._all.append(client)
        return client


def is_loopback(url: str) -> bool:
    """Say whether a URL leads to this machine: it is then never sent through a proxy."""
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
