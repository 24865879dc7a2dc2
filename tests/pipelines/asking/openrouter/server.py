"""The server: what each address answers, and the process that serves it.

Each model answers by its plan, a list of steps taken in turn; when they are used up, by chance or well. It counts
every call and charges for answers.

POST /control  starts new books. Its fields, all optional:
    plans        {model: [step, …]}    taken in turn
    always       {model: step}         when the plan is used up
    chances      {model or "*": {step: probability}}    drawn for each call by (seed, cell, how often it was asked)
    cursed       {step: share}         cells that always get this step, drawn by (seed, cell)
    seed         of chances and curses
    latency_ms; latency_growth_ms for each call in flight beyond latency_knee
    key          the only key that is taken; limit_usd: what it may spend; is_free_tier
    rate_limits  {model or "*": {"requests": n, "window_s": s}}, 429 with Retry-After and X-RateLimit-* beyond it
    catalogue    entries of /models, given out as they stand
    models       slugs that /models lists too, each with a complete entry
    endpoints    {model: page}         instead of the page made from the catalogue
    generation_404s    how often /generation does not know an answer yet
    now          ISO time from which dates in replies count (else the machine's)
    A step is a name in FAULTS, DATED, LEAKS (faults.py) or VARIANTS (answers.py), or {"status", "headers", "body"}.
GET  /books    calls, calls_by_model, calls_by_cell (model|prompt|seed), steps, answers, cells (answers by model|seed),
               charged_usd, charged_by_id, undelivered and undelivered_usd (replies whose client was gone, or that
               broke off), in_flight, most_at_once, lookups (of /generation), schema_violations, last_violation,
               last_request
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from jsonschema import Draft202012Validator

from . import answers
from .books import Books, Control, cell_name
from .faults import DATED, FAULTS, LEAKS, Canned, error
from .schemas import CHAT_REQUEST
from .wire import Answered, Connection

REQUESTS = Draft202012Validator(CHAT_REQUEST)
FORMS_KEPT = 2_000


def page(data: Any) -> Canned:
    """A page of JSON under `data`."""
    return Canned(200, json.dumps({"data": data}))


class Server:
    """Routes requests; one object a process."""

    def __init__(self) -> None:
        self.control, self.books = Control({}), Books()
        self._forms: dict[str, str] = {}

    def route(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answered:
        """Return the reply to a request, how long it takes and what is booked when it is over."""
        if method == "POST" and path in {"/v1/chat/completions", "/v1/messages"}:
            return self._call(path, headers, body)
        if path == "/control":
            self.control, self.books = Control(json.loads(body)), Books()
            return Answered(Canned(200, "{}"))
        if path == "/books":
            return Answered(Canned(200, json.dumps(self.books.shown())))
        return Answered(self._page(path, headers))

    def _call(self, path: str, headers: dict[str, str], body: bytes) -> Answered:
        books = self.books
        books.begin()
        charged_before = books.charged_usd
        reply = self._complete(path, headers, body)
        cost = books.charged_usd - charged_before

        def over(delivered: bool) -> None:
            books.in_flight -= 1
            if not delivered:
                books.lost(cost)

        return Answered(reply, self.control.latency(books.in_flight), over, partial(books.lost, cost))

    def _complete(self, path: str, headers: dict[str, str], body: bytes) -> Canned:
        try:
            request = json.loads(body)
        except ValueError:
            return self._violation("The request is not JSON.")
        if violation := self._misfit(request):
            self.books.calls_by_model[str(request.get("model") if isinstance(request, dict) else None)] += 1
            return self._violation(violation)
        return self._ruled(path, headers, request)

    def _ruled(self, path: str, headers: dict[str, str], request: dict[str, Any]) -> Canned:
        """Count a request that fits its shape, and reply as the key, the rate limit and the plan say."""
        books, control, model = self.books, self.control, request["model"]
        cell = cell_name(model, answers.text_of(request["messages"][-1]), request.get("seed"))
        books.calls_by_model[model] += 1
        books.calls_by_cell[cell] += 1
        shown = {name: value for name, value in headers.items() if name not in {"authorization", "x-api-key"}}
        books.last_request = {"body": request, "headers": shown}
        secret = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("x-api-key", "")
        if control.key is not None and secret != control.key:
            return FAULTS["status_401"]
        if (wait := books.admits(model, control.rate_limits)) is not None:
            return self._limited(model, wait)
        step = control.step(model, cell, books.calls_by_cell[cell])
        books.steps[step if isinstance(step, str) else "custom"] += 1
        if (fault := self._fault(step, secret)) is not None:
            return fault
        if path == "/v1/messages":
            return self._message(request)
        if step in answers.CACHED and _is_fresh(step, headers):
            step = "ok"
        return self._answer(request, step, headers.get("x-openrouter-metadata") == "enabled", secret)

    def _fault(self, step: Any, secret: str) -> Canned | None:
        if isinstance(step, dict):
            text = step["body"] if isinstance(step["body"], str) else json.dumps(step["body"])
            return Canned(step.get("status", 200), text, step.get("headers", {}))
        if step in DATED:
            return DATED[step](self.control.now())
        return LEAKS[step](secret) if step in LEAKS else FAULTS.get(step)

    def _answer(self, request: dict[str, Any], step: str, with_routing: bool, secret: str) -> Canned:
        books, control = self.books, self.control
        answer = answers.good_answer(request, books.next_generation(), with_routing)
        usage = answer["usage"]
        cost = 0.0 if step in answers.UNCHARGED else usage["cost"]
        if control.limit_usd is not None and books.charged_usd + cost > control.limit_usd:
            return FAULTS["status_402"]
        tokens = (usage["prompt_tokens"], usage["completion_tokens"])
        answers.VARIANTS[step](answer)
        books.answered(request["model"], answer.get("provider", "ProviderA"), tokens, cost)
        books.cells[f"{request['model']}|{request.get('seed')}"] += 1
        headers = {"X-Generation-Id": answer["id"]}
        if step in answers.CACHED:
            headers["X-OpenRouter-Cache-Status"] = "HIT"
        if step == "leak_in_answer":
            headers |= {"X-Debug": secret, "Set-Cookie": f"session={secret}"}
            answer["debug"] = {"authorization": f"Bearer {secret}"}
            answer["choices"][0]["message"]["content"] += f" (asked with {secret})"
        return Canned(200, json.dumps(answer), headers, "cut" if step == "cut" else "send")

    def _message(self, request: dict[str, Any]) -> Canned:
        answer = answers.anthropic_answer(request, self.books.next_generation())
        tokens = (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"])
        cost = tokens[0] * answers.PROMPT_USD + tokens[1] * answers.COMPLETION_USD
        self.books.answered(request["model"], "Anthropic", tokens, cost)
        return Canned(200, json.dumps(answer))

    def _limited(self, model: str, wait_s: float) -> Canned:
        limit = self.control.rate_limits.get(model) or self.control.rate_limits["*"]
        headers = {
            "X-RateLimit-Limit": f"{limit['requests']:g}",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int((self.control.now().timestamp() + wait_s) * 1000)),
        }
        self.books.steps["rate_limited"] += 1
        message = f"Rate limit exceeded: {limit['requests']:g} requests in {limit['window_s']:g} s"
        return error(
            429, message, headers={**headers, "Retry-After": str(math.ceil(wait_s))}, metadata={"headers": headers}
        )

    def _misfit(self, request: Any) -> str:
        """What does not fit the published shape; "" if it fits. Requests of one form are looked at once."""
        form = _form(request)
        if form not in self._forms:
            if len(self._forms) >= FORMS_KEPT:
                self._forms.clear()
            found = next(REQUESTS.iter_errors(request), None)
            missing = "" if isinstance(request, dict) and isinstance(request.get("model"), str) else "model is missing"
            self._forms[form] = f"{found.json_path}: {found.message[:200]}" if found else missing
        return self._forms[form]

    def _violation(self, said: str) -> Canned:
        self.books.schema_violations += 1
        self.books.last_violation = said
        return error(400, f"Invalid request: {said}")

    def _page(self, path: str, headers: dict[str, str]) -> Canned:
        control, books = self.control, self.books
        address = urlsplit(path)
        is_refused = control.key is not None and headers.get("authorization") != f"Bearer {control.key}"
        catalogue = [*control.catalogue, *(answers.model_entry(slug) for slug in control.models)]
        if address.path == "/v1/models":
            return page(catalogue)
        if address.path == "/v1/key":
            used = answers.key_page(control.limit_usd, books.charged_usd, control.is_free_tier)
            return FAULTS["status_401"] if is_refused else page(used)
        if address.path == "/v1/generation":
            asked = parse_qs(address.query).get("id", [""])[0]
            return FAULTS["status_401"] if is_refused else self._generation(asked)
        if address.path.startswith("/v1/models/") and address.path.endswith("/endpoints"):
            slug = unquote(address.path.removeprefix("/v1/models/").removesuffix("/endpoints"))
            if slug in control.endpoints:
                return page(control.endpoints[slug])
            found = [entry for entry in catalogue if isinstance(entry, dict) and entry.get("id") == slug]
            return page(answers.endpoints_page(found[0])) if found else error(404, f"Model {slug} not found")
        return Canned(404, "<html>Not found</html>", {"Content-Type": "text/html"})

    def _generation(self, asked: str) -> Canned:
        books, digits = self.books, asked.removeprefix("gen-")
        books.lookups += 1
        number = int(digits) if digits.isascii() and digits.isdigit() else 0
        found = books.generation(number)
        if found is not None:
            books.lookups_of[number] += 1
        if found is None or books.lookups_of[number] <= self.control.generation_404s:
            return error(404, f"Generation {asked} not found")
        model, provider, tokens, cost = found
        return page(answers.generation_page(number, model, provider, tokens, cost))


def _is_fresh(step: str, headers: dict[str, str]) -> bool:
    is_off = headers.get("x-openrouter-cache", "").lower() == "false"
    is_cleared = headers.get("x-openrouter-cache-clear", "").lower() == "true"
    return is_cleared or (is_off and step == "cache_hit_if_allowed")


def _form(request: Any) -> str:
    """A request without what differs from cell to cell: the texts of its messages and its seed."""
    if not isinstance(request, dict) or not isinstance(request.get("messages"), list):
        return repr(request)
    rest = {name: value for name, value in request.items() if name not in {"messages", "seed"}}
    messages = [
        {name: type(value) if isinstance(value, str) and name == "content" else value for name, value in m.items()}
        if isinstance(m, dict)
        else m
        for m in request["messages"]
    ]
    return repr((rest, messages, type(request.get("seed"))))


async def main() -> None:
    """Serve on a free port of loopback, print it, and go on until killed."""
    loop, router = asyncio.get_running_loop(), Server()
    server = await loop.create_server(lambda: Connection(router), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()
