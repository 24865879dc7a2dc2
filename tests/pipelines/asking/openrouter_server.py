"""A local OpenRouter for tests: a real HTTP server on loopback, run as a process of its own.

`python openrouter_server.py` prints its port and serves until killed. Each model answers by its plan, a list
of steps taken in turn; when they are used up, it answers well. It counts every call and charges for answers.

POST /control  {"plans": {model: [step, …]}, "always": {model: step}, "latency_ms": n, "key": k, "limit_usd": x}
               starts new books. A step is a name of FAULTS or VARIANTS, or {"status", "headers", "body"}.
GET  /books    {"calls", "answers", "charged_usd", "calls_by_model", "cells", "most_at_once", "last_request"}
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

PROMPT_USD, COMPLETION_USD = 0.000001, 0.000004


@dataclass(frozen=True)
class Canned:
    """A reply that does not depend on the request. `how` says what happens on the wire."""

    status: int = 200
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    how: Literal["send", "reset", "drip", "hang"] = "send"


def error(
    status: int, message: str, http: int | None = None, headers: dict[str, str] | None = None, **more: Any
) -> Canned:
    """An error in OpenRouter's shape; `http` is the HTTP status where it differs from the error's code."""
    metadata = {name: more.pop(name) for name in ("metadata",) if name in more}
    body = {"error": {"code": status, "message": message, **metadata}, **more}
    return Canned(http or status, json.dumps(body), headers or {})


MODERATED = {"reasons": ["violence"], "flagged_input": "how to", "provider_name": "ProviderA", "model_slug": "m"}

FAULTS: dict[str, Canned] = {
    **{
        f"status_{status}": error(status, f"status {status}", metadata={"provider_name": "ProviderA"})
        for status in (400, 402, 404, 408, 409, 413, 422, 429, 500, 502, 503, 524, 529)
    },
    "status_401": error(401, "No auth credentials found"),
    "forbidden": error(403, "This key may not do that"),
    "moderated": error(403, "Your input was flagged", metadata=MODERATED),
    "key_limit": error(403, "Key limit exceeded (total limit). Manage it in your settings."),
    "spend_limit": error(429, "You have reached your monthly spend limit."),
    "insufficient_quota": Canned(
        429, json.dumps({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})
    ),
    "retry_after_2": error(429, "slow down", headers={"Retry-After": "2"}, metadata={"provider_name": "ProviderA"}),
    "retry_after_day": error(429, "free-models-per-day", headers={"Retry-After": "86400"}),
    "refusal": error(400, "The provider refused", metadata={"error_type": "refusal", "provider_name": "ProviderA"}),
    "error_in_200": error(502, "Provider returned error", http=200, metadata={"provider_name": "ProviderA"}),
    "rate_limit_in_200": error(429, "Rate limit exceeded", http=200, metadata={"headers": {"X-RateLimit-Reset": "3"}}),
    "capacity": error(
        503, "No capacity", availability={"code": "capacity_exhausted", "retryable": True, "retry_after": 2}
    ),
    "deprecated": error(400, "Gone", availability={"code": "model_deprecated", "retryable": False}),
    "free_ended": error(404, "The free variant ended", availability={"code": "free_variant_ended"}),
    "constraint": error(404, "No allowed providers", availability={"code": "constraint_filtered"}),
    "not_retryable_503": error(503, "Not today", availability={"code": "x", "retryable": False}),
    "choices_null": Canned(200, json.dumps({"id": "gen-1", "choices": None})),
    "choices_empty": Canned(200, json.dumps({"id": "gen-1", "choices": []})),
    "malformed": Canned(200, '{"id": "gen-1", "choices": [{"mess'),
    "deep": Canned(200, "[" * 200_000 + "]" * 200_000),
    "deep_error": Canned(500, '{"error":' + "[" * 900 + "]" * 900 + "}"),
    "html": Canned(200, "<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    "html_404": Canned(404, "<html>Not found</html>", {"Content-Type": "text/html"}),
    "html_502": Canned(502, "<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    "redirect": Canned(307, "", {"Location": "http://127.0.0.1:9/elsewhere"}),
    "invalid_utf8": Canned(200, b'{"choices": [{"message": {"content": "caf\xe9"}, "finish_reason": "stop"}]}'),
    "huge": Canned(200, b"x" * (11 * 2**20)),
    "bad_gzip": Canned(200, b"not gzip", {"Content-Encoding": "gzip"}),
    "reset": Canned(how="reset"),
    "drip": Canned(how="drip"),
    "hang": Canned(how="hang"),
    "vllm_404": Canned(404, json.dumps({"object": "error", "message": "no such model", "type": "NotFoundError"})),
    "ollama_error": Canned(500, json.dumps({"error": "model runner has stopped"})),
    "anthropic_529": Canned(529, json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})),
}


def _choice(answer: dict[str, Any], **changes: Any) -> None:
    answer["choices"][0].update(changes)


def _message(answer: dict[str, Any], **changes: Any) -> None:
    answer["choices"][0]["message"].update(changes)


def _usage(answer: dict[str, Any], **changes: Any) -> None:
    answer["usage"].update(changes)


def _choice_error(answer: dict[str, Any]) -> None:
    _choice(answer, finish_reason="error", error={"code": 502, "message": "upstream broke"})
    answer.pop("usage")


VARIANTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "ok": lambda a: None,
    "empty": lambda a: _message(a, content=""),
    "null_content": lambda a: _message(a, content=None),
    "length": lambda a: _choice(a, finish_reason="length", native_finish_reason="MAX_TOKENS"),
    "content_filter": lambda a: _choice(a, finish_reason="content_filter"),
    "refusal_field": lambda a: _message(a, content=None, refusal="I cannot help with that."),
    "parts": lambda a: _message(a, content=[{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]),
    "choice_error": _choice_error,
    "served_other": lambda a: a.update(model="someone/else"),
    "fingerprint_moved": lambda a: a.update(system_fingerprint="fp_2"),
    "provider_moved": lambda a: a.update(provider="ProviderB"),
    "no_provider": lambda a: a.pop("provider"),
    "no_usage": lambda a: a.pop("usage"),
    "no_cost": lambda a: a["usage"].pop("cost"),
    "odd_usage": lambda a: _usage(a, prompt_tokens=-1, completion_tokens=True, cost="0.1"),
    "extra_fields": lambda a: a.update(unheard_of={"x": [1]}),
    "no_finish": lambda a: _choice(a, finish_reason=None),
    "max_tokens_word": lambda a: _choice(a, finish_reason="max_tokens", native_finish_reason=None),
    "cache_hit": lambda a: _usage(a, prompt_tokens=0, completion_tokens=0, total_tokens=0, cost=0),
    "lone_surrogate": lambda a: _message(a, content="broken \ud800 text"),
    "hostile_text": lambda a: _message(a, content="nul \x00 \x1b[31mred\x1b[0m <script>x</script> =1+1"),
}
UNCHARGED = frozenset({"cache_hit", "choice_error"})


class Books:
    """What was called and charged since the last /control."""

    def __init__(self, control: dict[str, Any]) -> None:
        self.plans = {model: list(steps) for model, steps in control.get("plans", {}).items()}
        self.always: dict[str, Any] = control.get("always", {})
        self.latency_s = control.get("latency_ms", 0) / 1000
        self.key, self.limit_usd = control.get("key"), control.get("limit_usd")
        self.catalogue: list[dict[str, Any]] = control.get("catalogue", [])
        self.calls_by_model: Counter[str] = Counter()
        self.cells: Counter[str] = Counter()
        self.charged_usd, self.answers, self.at_once, self.most_at_once = 0.0, 0, 0, 0
        self.last_request: dict[str, Any] = {}

    def step(self, model: str) -> Any:
        plan = self.plans.get(model)
        return plan.pop(0) if plan else self.always.get(model, "ok")

    def shown(self) -> dict[str, Any]:
        return {
            "calls": sum(self.calls_by_model.values()),
            "calls_by_model": self.calls_by_model,
            "cells": self.cells,
            "answers": self.answers,
            "charged_usd": self.charged_usd,
            "most_at_once": self.most_at_once,
            "last_request": self.last_request,
        }


def good_answer(request: dict[str, Any], number: int) -> dict[str, Any]:
    """An answer with every field that OpenRouter documents."""
    question = request["messages"][-1]["content"]
    text = f"answer {request.get('seed')} to {question}"
    prompt_tokens = sum(len(m["content"].split()) for m in request["messages"]) + 8
    completion_tokens = len(text.split())
    cost = prompt_tokens * PROMPT_USD + completion_tokens * COMPLETION_USD
    return {
        "id": f"gen-{number}",
        "object": "chat.completion",
        "created": 1_780_000_000,
        "model": request["model"],
        "provider": "ProviderA",
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "native_finish_reason": "end_turn",
                "logprobs": None,
                "message": {"role": "assistant", "content": text, "refusal": None},
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
            "cost": cost,
            "cost_details": {"upstream_inference_cost": None},
        },
        "openrouter_metadata": {
            "requested": request["model"],
            "strategy": "direct",
            "attempt": 1,
            "endpoints": {"total": 1, "available": [{"provider": "ProviderA", "selected": True}]},
        },
    }


class Server:
    """Routes requests; one object a process."""

    def __init__(self) -> None:
        self.books = Books({})

    def complete(self, body: bytes, headers: dict[str, str]) -> Canned:
        books, request = self.books, json.loads(body)
        model = request["model"]
        books.calls_by_model[model] += 1
        shown = {name: value for name, value in headers.items() if name != "authorization"}
        books.last_request = {"body": request, "headers": shown}
        if books.key is not None and headers.get("authorization") != f"Bearer {books.key}":
            return FAULTS["status_401"]
        step = books.step(model)
        if isinstance(step, dict):
            text = step["body"] if isinstance(step["body"], str) else json.dumps(step["body"])
            return Canned(step.get("status", 200), text, step.get("headers", {}))
        if step in FAULTS:
            return FAULTS[step]
        answer = good_answer(request, sum(books.calls_by_model.values()))
        cost = answer["usage"]["cost"]
        if books.limit_usd is not None and books.charged_usd + cost > books.limit_usd:
            return FAULTS["status_402"]
        answer = copy.deepcopy(answer)
        VARIANTS[step](answer)
        if step not in UNCHARGED:
            books.charged_usd += cost
        books.answers += 1
        books.cells[f"{model}|{request.get('seed')}"] += 1
        cache = {"X-OpenRouter-Cache-Status": "HIT"} if step == "cache_hit" else {}
        return Canned(200, json.dumps(answer), cache)

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Canned:
        if path == "/control":
            self.books = Books(json.loads(body))
            return Canned(200, "{}")
        if path == "/books":
            return Canned(200, json.dumps(self.books.shown()))
        if path == "/v1/models":
            return Canned(200, json.dumps({"data": self.books.catalogue}))
        if path == "/v1/key":
            data = {"limit_remaining": self.books.limit_usd, "usage": self.books.charged_usd, "is_free_tier": False}
            return Canned(200, json.dumps({"data": data}))
        if method == "POST" and path == "/v1/chat/completions":
            return self.complete(body, headers)
        return Canned(404, "<html>Not found</html>", {"Content-Type": "text/html"})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while (head := await reader.readuntil(b"\r\n\r\n")) and await self.one(head, reader, writer):
                pass
        writer.close()

    async def one(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False when the connection must not be used again."""
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        books = self.books
        books.at_once += 1
        books.most_at_once = max(books.most_at_once, books.at_once)
        try:
            reply = self.route(method, path, headers, body)
            if path.startswith("/v1/chat") and books.latency_s:
                await asyncio.sleep(books.latency_s)
        finally:
            books.at_once -= 1
        return await send(reply, writer)


async def send(reply: Canned, writer: asyncio.StreamWriter) -> bool:
    if reply.how == "reset":
        writer.transport.abort()
        return False
    if reply.how == "hang":
        await asyncio.sleep(30)
        return False
    body = reply.body if isinstance(reply.body, bytes) else reply.body.encode()
    size = 1000 if reply.how == "drip" else len(body)
    headers = {"Content-Type": "application/json", **reply.headers, "Content-Length": str(size)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {reply.status} X\r\n{lines}\r\n".encode() + body)
    while reply.how == "drip":
        writer.write(b" ")
        await asyncio.sleep(0.05)
        await writer.drain()
    await writer.drain()
    return True


async def main() -> None:
    server = await asyncio.start_server(Server().serve, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
