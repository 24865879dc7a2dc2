"""HTTP/1.1 as far as a client of one API needs it, and every way in which a connection can go wrong."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .faults import Canned

DRIP_EVERY_S = 0.05
HANG_S = 30.0
ABORTED = struct.pack("ii", 1, 0)
"""SO_LINGER of a connection that ends in a reset instead of an orderly end."""


@dataclass(slots=True)
class Answered:
    """A reply, the seconds it takes, and how it ends: `over` is called once, with whether it could be delivered.

    `unread` is called when the client turns out not to have read a reply that had been sent.
    """

    reply: Canned
    latency_s: float = 0.0
    over: Callable[[bool], None] = lambda delivered: None
    unread: Callable[[], None] = lambda: None


class Router(Protocol):
    """Gives the reply to a request; header names are lower case."""

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answered:
        """Return it."""
        ...


class Connection(asyncio.Protocol):
    """One connection: requests in turn, one at a time."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self.received = bytearray()
        self.current: Answered | None = None
        self.sent: Answered | None = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while self.current is None and (request := self._next()) is not None:
            self.sent = None
            self.current = self.router.route(*request)
            if self.current.latency_s > 0:
                self.timer = asyncio.get_running_loop().call_later(self.current.latency_s, self._answer)
            else:
                self._answer()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if self.current is not None:
            self._end(delivered=False)
        elif self.sent is not None and isinstance(exc, ConnectionError):
            self.sent.unread()

    def _next(self) -> tuple[str, str, dict[str, str], bytes] | None:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self.received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0))
        if len(self.received) < end + 4 + size:
            return None
        body = bytes(self.received[end + 4 : end + 4 + size])
        del self.received[: end + 4 + size]
        method, path, _ = first.split(" ", 2)
        return method, path, headers, body

    def _answer(self) -> None:
        self.timer = None
        assert self.current is not None
        reply = self.current.reply
        if reply.how == "reset":
            self._end(delivered=True)
            self._reset()
        elif reply.how == "hang":
            self.timer = asyncio.get_running_loop().call_later(HANG_S, self._reset)
        else:
            self._send(reply)

    def _send(self, reply: Canned) -> None:
        body = reply.body if isinstance(reply.body, bytes) else reply.body.encode()
        headers = {"Content-Type": "application/json", **reply.headers}
        headers["Content-Length"] = str(1000 if reply.how == "drip" else len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(
            f"HTTP/1.1 {reply.status} X\r\n{lines}\r\n".encode()
            + (body[: len(body) // 2] if reply.how == "cut" else body)
        )
        if reply.how == "drip":
            self._drip()
        else:
            self._end(delivered=reply.how != "cut")
            if reply.how == "cut":
                self.transport.close()

    def _drip(self) -> None:
        self.transport.write(b" ")
        self.timer = asyncio.get_running_loop().call_later(DRIP_EVERY_S, self._drip)

    def _end(self, delivered: bool) -> None:
        answered, self.current = self.current, None
        self.sent = answered if delivered else None
        if answered is not None:
            answered.over(delivered)

    def _reset(self) -> None:
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTED)
        self.transport.abort()
