"""A local OpenRouter, a clock that waits in no time, and the smallest panel that can be asked."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.asking.clock import Clock
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.records import Attempt, Cell, Question
from pipelines.panels.records import EndpointSpec, Prompt, RosterEntry

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"
SERVER = Path(__file__).with_name("openrouter_server.py")
WAVE_DATE = date(2026, 8, 1)


@dataclass
class LocalOpenRouter:
    """The server process as tests see it."""

    address: str

    @property
    def base_url(self) -> str:
        return f"{self.address}/v1"

    def control(self, **settings: Any) -> None:
        httpx.post(f"{self.address}/control", json=settings, trust_env=False).raise_for_status()

    def books(self) -> dict[str, Any]:
        return httpx.get(f"{self.address}/books", trust_env=False).json()


@pytest.fixture(scope="session")
def _server() -> Iterator[LocalOpenRouter]:
    with subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().strip()
        yield LocalOpenRouter(f"http://127.0.0.1:{port}")
        process.kill()


@pytest.fixture
def server(_server: LocalOpenRouter) -> LocalOpenRouter:
    _server.control()
    return _server


class HandMovedClock(Clock):
    """A clock whose sleep moves its hands and takes a millisecond."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.start = datetime(2026, 8, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.001)
        self.passed += seconds


@pytest.fixture
def clock() -> HandMovedClock:
    """A clock that waits in no time."""
    return HandMovedClock()


@dataclass
class Asked:
    """What came of one `ask`: attempts in order of arrival, notices, and the error that stopped it."""

    attempts: list[Attempt] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    error: Exception | None = None
    endpoint: OpenAICompatibleEndpoint | None = None

    @property
    def only(self) -> Attempt:
        assert len(self.attempts) == 1, [(a.outcome, a.error_class) for a in self.attempts]
        return self.attempts[0]

    def outcomes(self) -> list[str]:
        return [attempt.error_class or attempt.outcome for attempt in self.attempts]


def make_questions(
    models: list[str], prompts: int = 1, samples: int = 1, settings: dict[str, Any] | None = None, **entry: Any
) -> list[Question]:
    """Blocks of (prompt, sample) over all models, each cell with its own seed."""
    chosen = {"temperature": 1.0, "max_tokens": 50} if settings is None else settings
    entries = [RosterEntry(model=m, endpoint="openrouter", settings=chosen, **entry) for m in models]
    asked = [
        Prompt(f"p{n}", "truthfulness", "facts", "answers", ({"role": "user", "content": f"question {n}"},))
        for n in range(prompts)
    ]
    questions = []
    for prompt in asked:
        for sample in range(samples):
            for entry_ in entries:
                place = len(questions)
                cell = Cell(
                    "test/2026-08-01", WAVE_DATE, "test", entry_.model, "openrouter", prompt.prompt_id,
                    sample, "measure", place, place + 1,
                )  # fmt: skip
                questions.append(Question(cell, entry_, prompt))
    return questions


@pytest.fixture
def questions() -> Callable[..., list[Question]]:
    return make_questions


@pytest.fixture
def spec(server: LocalOpenRouter) -> EndpointSpec:
    return EndpointSpec(
        "openrouter", "openai_compatible", base_url=server.base_url, key_env="KEY", flavor="openrouter",
        max_in_flight=8, timeout_s=5.0, max_attempts=3,
    )  # fmt: skip


@pytest.fixture
def ask(spec: EndpointSpec) -> Callable[..., Asked]:
    """Ask questions of the local server, with a clock that waits in no time."""

    def asked(questions: list[Question], api_key: str | None = KEY, **settings: Any) -> Asked:
        result = Asked()
        settings.setdefault("clock", HandMovedClock())
        keep = settings.pop("keep", lambda _: None)
        endpoint = OpenAICompatibleEndpoint(
            settings.pop("spec", spec), api_key, notice=result.notices.append, **settings
        )
        result.endpoint = endpoint

        async def collect() -> None:
            async for attempt in endpoint.ask(questions):
                keep(attempt)
                if attempt.amends:
                    result.attempts = [
                        a for a in result.attempts if (a.key, a.attempt) != (attempt.key, attempt.attempt)
                    ]
                result.attempts.append(attempt)

        try:
            asyncio.run(asyncio.wait_for(collect(), 60))
        except Exception as error:
            result.error = error
        return result

    return asked


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def dump() -> Callable[[Asked], str]:
    """Everything that one `ask` let out, as text: to look for secrets in."""

    def everything(asked: Asked) -> str:
        parts = [repr(a) for a in asked.attempts] + asked.notices + [repr(asked.error), repr(asked.endpoint)]
        error = asked.error
        while error is not None:
            parts.append(json.dumps([str(error), repr(error)]))
            error = error.__cause__
        return "\n".join(parts)

    return everything
