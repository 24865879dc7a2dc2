"""Calls a second and CPU a call of asking, journal included, against raw httpx in the same run.

`python tests/benchmarks/bench_asking.py [--calls N] [--latency-ms N] [--in-flight N]` prints one JSON line.
The server is a process of its own on the same machine, so absolute figures depend on the cores left for it.
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
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import httpx

from pipelines.asking.chat_request import chat_request
from pipelines.asking.journal import Journal
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.records import Cell, Question
from pipelines.panels.records import EndpointSpec, Prompt, RosterEntry

SERVER = Path(__file__).parents[1] / "pipelines" / "asking" / "openrouter_server.py"


def questions(count: int) -> list[Question]:
    """Cells over ten models."""
    entries = [RosterEntry(f"a/{n}", "openrouter", settings={"max_tokens": 50}) for n in range(10)]
    asked = []
    for n in range(count):
        entry = entries[n % 10]
        prompt = Prompt(f"p{n // 10}", "truthfulness", "f", "b", ({"role": "user", "content": f"question {n}"},))
        cell = Cell(
            "bench/x", date(2026, 8, 1), "bench", entry.model, "openrouter", prompt.prompt_id, 0, "measure", n, n
        )
        asked.append(Question(cell, entry, prompt))
    return asked


async def by_driftlake(spec: EndpointSpec, asked: list[Question]) -> None:
    """Ask as a night does: typed outcomes, redaction, journal."""
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder), "openrouter") as journal:
        async for attempt in OpenAICompatibleEndpoint(spec, None).ask(asked):
            assert attempt.outcome == "ok", attempt
            journal.append(attempt)


async def by_raw_httpx(spec: EndpointSpec, asked: list[Question]) -> None:
    """Ask in httpx's best form, a client a worker, and keep nothing but the parsed answer."""
    waiting = iter(asked)

    async def worker() -> None:
        async with httpx.AsyncClient(timeout=spec.timeout_s, trust_env=False) as client:
            for question in waiting:
                reply = await client.post(f"{spec.base_url}/chat/completions", json=chat_request(question, spec))
                assert reply.json()["choices"]

    await asyncio.gather(*(worker() for _ in range(spec.max_in_flight)))


def measured(
    ask: Callable[[EndpointSpec, list[Question]], Awaitable[None]], spec: EndpointSpec, calls: int
) -> dict[str, float]:
    """Return calls a second and milliseconds of this process's CPU a call."""
    asked = questions(calls)
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    asyncio.run(ask(spec, asked))  # type: ignore[arg-type]
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"calls_per_s": round(calls / seconds, 1), "cpu_ms_per_call": round(1000 * cpu / calls, 3)}


def main() -> None:
    """Run both and print the figures and their ratio."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=4000)
    options.add_argument("--latency-ms", type=int, default=50)
    options.add_argument("--in-flight", type=int, default=128)
    chosen = options.parse_args()
    with subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = f"http://127.0.0.1:{server.stdout.readline().strip()}"
            httpx.post(f"{address}/control", json={"latency_ms": chosen.latency_ms}, trust_env=False).raise_for_status()
            spec = EndpointSpec(
                "openrouter", "openai_compatible", base_url=f"{address}/v1", flavor="openrouter",
                max_in_flight=chosen.in_flight,
            )  # fmt: skip
            measured(by_raw_httpx, spec, chosen.in_flight)
            raw, ours = measured(by_raw_httpx, spec, chosen.calls), measured(by_driftlake, spec, chosen.calls)
        finally:
            server.kill()
    ratio = ours["calls_per_s"] / raw["calls_per_s"]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"driftlake": ours, "raw_httpx": raw, "ratio_calls_per_s": round(ratio, 3), "peak_mb": round(peak_mb, 1)}
    print(json.dumps({"benchmark": "asking", **vars(chosen), **figures}))


if __name__ == "__main__":
    main()
