"""A server that does nothing but answer, so that a benchmark measures who asks. Run as a process of its own.

`python answering_server.py LATENCY_MS` prints its port and gives every POST the same good answer of OpenRouter's
shape after that time, until killed. It says nothing of HTTP that the clients of the benchmark do not say to it.
"""

import asyncio
import json
import sys

ANSWER = {
    "id": "gen-1780000000-abcdefghijklmnopqrst",
    "object": "chat.completion",
    "created": 1_780_000_000,
    "model": "a/1",
    "provider": "ProviderA",
    "system_fingerprint": "fp_1",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "native_finish_reason": "end_turn",
            "logprobs": None,
            "message": {"role": "assistant", "content": "Some six hundred characters. " * 21, "refusal": None},
        }
    ],
    "usage": {
        "prompt_tokens": 24,
        "completion_tokens": 126,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
        "cost": 0.000528,
        "cost_details": {"upstream_inference_cost": None},
    },
}

BODY = json.dumps(ANSWER).encode()
HEADERS = (
    "Date: Sat, 01 Aug 2026 02:00:00 GMT",
    "Content-Type: application/json",
    f"Content-Length: {len(BODY)}",
    "Connection: keep-alive",
    "CF-RAY: 0123456789abcdef-FRA",
    "Access-Control-Allow-Origin: *",
    "Vary: Accept-Encoding",
    "X-Content-Type-Options: nosniff",
    "X-Generation-Id: gen-1780000000-abcdefghijklmnopqrst",
    "Server: cloudflare",
)
REPLY = ("HTTP/1.1 200 OK\r\n" + "\r\n".join(HEADERS) + "\r\n\r\n").encode() + BODY


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s, self.received = latency_s, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.received = b""  # no client here sends a second request before it has its answer
        asyncio.get_running_loop().call_later(self.latency_s, self.transport.write, REPLY)


async def main() -> None:
    loop = asyncio.get_running_loop()
    latency_s = float(sys.argv[1]) / 1000
    server = await loop.create_server(lambda: Answering(latency_s), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
