"""Calls a second, CPU a call and peak memory of asking, journal included, against other clients in the same run.

    python tests/benchmarks/bench_asking.py            50 ms latency, 32 and 128 in flight, and the memory: a minute
    python tests/benchmarks/bench_asking.py --quick    50 ms and 128 in flight only
    python tests/benchmarks/bench_asking.py --all      0, 50 and 200 ms, 32 and 128 in flight: two minutes
    python tests/benchmarks/bench_asking.py --memory   resident memory over 50,000 calls

One JSON line a combination. Every client is a process of its own, one after another; the server is another on the
same machine, so that absolute figures depend on the cores left for it and only those of one line compare.
Of driftlake it measures what a night does: typed outcomes, redaction, budget, journal and log of what was sent.
The others send the same bodies and keep nothing but the parsed answer. A client that is not installed is null.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx

from pipelines.asking.budget import Budget
from pipelines.asking.chat_request import chat_request
from pipelines.asking.journal import Journal
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.pricing import Price
from pipelines.asking.records import Cell, Question
from pipelines.asking.sent import SentLog
from pipelines.panels.records import EndpointSpec, Prompt, RosterEntry

SERVER = Path(__file__).with_name("answering_server.py")
LATENCIES_MS, WIDTHS = (0, 50, 200), (32, 128)
MODELS = [f"a/{n}" for n in range(10)]
MOST_PER_S = 2_500
"""Calls a second that no client is expected to pass: bounds how many a measurement takes."""

MEMORY_CALLS, MEMORY_STEP = 50_000, 10_000
KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"


def questions(count: int) -> list[Question]:
    """Cells over ten models."""
    entries = [RosterEntry(model, "openrouter", settings={"max_tokens": 500}) for model in MODELS]
    asked = []
    for n in range(count):
        entry = entries[n % 10]
        prompt = Prompt(f"p{n // 10}", "truthfulness", "f", "b", ({"role": "user", "content": f"question {n}"},))
        cell = Cell(
            "bench/x", date(2026, 8, 1), "bench", entry.model, "openrouter", prompt.prompt_id, 0, "measure", n, n
        )
        asked.append(Question(cell, entry, prompt))
    return asked


async def by_driftlake(
    spec: EndpointSpec, asked: list[Question], each: Callable[[int], None] = lambda answered: None
) -> None:
    """Ask as a night does; `each` is told how many are answered."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder), "openrouter") as journal:
        endpoint = OpenAICompatibleEndpoint(
            spec, KEY, prices=dict.fromkeys(MODELS, Price(1e-6, 4e-6)), budget=Budget(1e6),
            sent=SentLog(Path(folder), "openrouter"),
        )  # fmt: skip
        answered = 0
        async for attempt in endpoint.ask(asked):
            assert attempt.outcome == "ok", attempt
            journal.append(attempt)
            each(answered := answered + 1)


async def by_raw_httpx(spec: EndpointSpec, asked: list[Question]) -> None:
    """Ask in httpx's best form, a client a worker."""
    waiting = iter(asked)

    async def worker() -> None:
        async with httpx.AsyncClient(timeout=spec.timeout_s, trust_env=False) as client:
            for question in waiting:
                reply = await client.post(f"{spec.base_url}/chat/completions", json=chat_request(question, spec))
                assert reply.json()["choices"]

    await asyncio.gather(*(worker() for _ in range(spec.max_in_flight)))


async def by_raw_aiohttp(spec: EndpointSpec, asked: list[Question]) -> None:
    """Ask with one session of aiohttp."""
    import aiohttp

    waiting = iter(asked)

    async def worker(session: aiohttp.ClientSession) -> None:
        for question in waiting:
            async with session.post(f"{spec.base_url}/chat/completions", json=chat_request(question, spec)) as reply:
                assert (await reply.json())["choices"]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(worker(session) for _ in range(spec.max_in_flight)))


async def by_openai_sdk(spec: EndpointSpec, asked: list[Question]) -> None:
    """Ask with one client of OpenAI's own library."""
    import openai

    waiting = iter(asked)

    async def worker(client: openai.AsyncOpenAI) -> None:
        for question in waiting:
            body = chat_request(question, spec)
            model, messages = body.pop("model"), body.pop("messages")
            reply = await client.chat.completions.create(model=model, messages=messages, extra_body=body)
            assert reply.choices

    async with openai.AsyncOpenAI(base_url=spec.base_url, api_key=KEY, max_retries=0) as client:
        await asyncio.gather(*(worker(client) for _ in range(spec.max_in_flight)))


CLIENTS: dict[str, Callable[[EndpointSpec, list[Question]], Awaitable[None]]] = {
    "driftlake": by_driftlake,
    "raw_httpx": by_raw_httpx,
    "raw_aiohttp": by_raw_aiohttp,
    "openai_sdk": by_openai_sdk,
}


@contextmanager
def answering(latency_ms: int, in_flight: int) -> Iterator[EndpointSpec]:
    """Run the server and give its endpoint."""
    with subprocess.Popen([sys.executable, str(SERVER), str(latency_ms)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield EndpointSpec(
                "openrouter", "openai_compatible", base_url=f"http://127.0.0.1:{server.stdout.readline().strip()}/v1",
                flavor="openrouter", max_in_flight=in_flight,
            )  # fmt: skip
        finally:
            server.kill()


def measured(client: str, latency_ms: int, in_flight: int, calls: int) -> dict[str, float] | None:
    """Return calls a second, milliseconds of this process's CPU a call and its peak memory; None if not installed."""
    ask = CLIENTS[client]
    with answering(latency_ms, in_flight) as spec:
        try:
            asyncio.run(ask(spec, questions(in_flight)))  # type: ignore[arg-type]
        except ModuleNotFoundError:
            return None
        asked = questions(calls)
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        asyncio.run(ask(spec, asked))  # type: ignore[arg-type]
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "calls_per_s": round(calls / seconds, 1),
        "cpu_ms_per_call": round(1000 * cpu_s / calls, 3),
        "peak_mb": round(after.ru_maxrss / 1024, 1),
    }


def compared(latency_ms: int, in_flight: int, seconds: float) -> None:
    """Measure every client in a process of its own and print one line."""
    calls = int(seconds * min(MOST_PER_S, 1000 * in_flight / max(latency_ms, 1)))
    figures = {}
    for client in CLIENTS:
        one = [sys.executable, __file__, "--one", client, str(latency_ms), str(in_flight), str(calls)]
        figures[client] = json.loads(subprocess.run(one, check=True, capture_output=True, text=True).stdout)
    ratio = round(figures["driftlake"]["calls_per_s"] / figures["raw_httpx"]["calls_per_s"], 2)
    circumstances = {"latency_ms": latency_ms, "in_flight": in_flight, "calls": calls}
    print(json.dumps({"benchmark": "asking", **circumstances, **figures, "to_raw_httpx": ratio}), flush=True)


def memory() -> None:
    """Print the resident memory after each ten thousand calls, and what a call leaves behind in bytes."""
    held_mb: dict[int, float] = {}

    def look(answered: int) -> None:
        if answered % MEMORY_STEP == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            held_mb[answered] = pages * resource.getpagesize() / 2**20

    asked = questions(MEMORY_CALLS)
    with answering(0, 128) as spec:
        asyncio.run(by_driftlake(spec, asked, look))
    grown = (held_mb[MEMORY_CALLS] - held_mb[MEMORY_STEP]) * 2**20 / (MEMORY_CALLS - MEMORY_STEP)
    rounded = {calls: round(mb, 1) for calls, mb in held_mb.items()}
    print(json.dumps({"benchmark": "asking memory", "resident_mb": rounded, "bytes_per_call": round(grown, 1)}))


def main() -> None:
    """Measure what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--all", action="store_true")
    options.add_argument("--memory", action="store_true")
    options.add_argument("--seconds", type=float, default=2.0, help="how long a measurement of the ideal client takes")
    options.add_argument("--one", nargs=4, metavar=("CLIENT", "LATENCY_MS", "IN_FLIGHT", "CALLS"))
    chosen = options.parse_args()
    if chosen.one:
        client, *numbers = chosen.one
        print(json.dumps(measured(client, *map(int, numbers))))
        return
    if not chosen.memory:
        for latency_ms in LATENCIES_MS if chosen.all else (50,):
            for in_flight in (128,) if chosen.quick else WIDTHS:
                compared(latency_ms, in_flight, chosen.seconds)
    if not chosen.quick and not chosen.all:
        memory()


if __name__ == "__main__":
    main()
