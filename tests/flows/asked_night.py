"""One night at the local OpenRouter, as the command plays it in three starts: no credit, another's lock, to the end."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lake.waves import asking_lock
from tests.flows.asked_panel import KEY, MODELS, LocalOpenRouter, asked_panel, catalogue_entry, rows
from tests.flows.conftest import Nights
from tests.flows.hostile_answers import ALL_SECRETS, DEEP, SCRIPT, SECRETS, TEXTS, answer, failure
from tests.flows.traces import traces

FAULTS = [
    failure(429, "slow down", **{"Retry-After": "1"}),
    failure(502, f"broken {SCRIPT}"),
    "retry_after_2",
    "rate_limit_in_200",
    "error_in_200",
    "reset",
    "malformed",
    "invalid_utf8",
    "choices_null",
    "deep_error",
    {"status": 200, "headers": {}, "body": DEEP},
]
HOSTILE = [answer(text, number) for number, text in enumerate(TEXTS.values())]
SPEAKS_OF_SECRETS = answer(f"your key and account are {ALL_SECRETS}", 99)
CATALOGUE = [
    *(catalogue_entry(model, description=f"for {ALL_SECRETS}", canonical_slug=f"c {KEY}") for model in MODELS),
    KEY,
    {"id": 5, "name": ALL_SECRETS},
]
PROVIDERS = {"data": {"id": MODELS[0], "name": ALL_SECRETS, "endpoints": [{"provider_name": KEY, "tag": ALL_SECRETS}]}}
WAS_SENT = "error_class IS DISTINCT FROM 'circuit_open'"
GONE = failure(404, f"no such model {SCRIPT}")


@dataclass
class Start:
    """What one start of the command printed, what the server counted for it, and what the lake held after it."""

    done: subprocess.CompletedProcess[str]
    books: dict[str, Any]
    waves: list[tuple[Any, ...]]
    attempts: int
    publications: int


@dataclass
class Night:
    """The starts of one night, in their order, and where they left secrets ('place: secret')."""

    nights: Nights
    stopped: Start
    busy: Start
    finished: Start
    secrets_after_stop: list[str]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the head of the lake."""
        return rows(self.nights.store, query)


def played_night(folder: Path, server: LocalOpenRouter, prefect_url: str) -> Night:
    """Play the night. The second start meets the wave's lock in the hands of this process."""
    nights = asked_panel(folder, server.address)
    nights.environment["PREFECT_API_URL"] = prefect_url
    everywhere = {"key": KEY, "catalogue": CATALOGUE, "endpoints": {MODELS[0]: PROVIDERS}}

    def start(**control: Any) -> Start:
        server.control(**everywhere, **control)
        done = nights.nightly()
        return Start(
            done,
            server.books(),
            rows(nights.store, "SELECT status, cost_usd FROM ops.waves"),
            rows(nights.store, f"SELECT count(*) FROM raw.attempts WHERE {WAS_SENT}")[0][0],
            rows(nights.store, "SELECT count(*) FROM ops.publications")[0][0],
        )

    no_credit = failure(402, "Insufficient credits", from_provider=False)
    stopped = start(plans={"maker/steady": ["ok", "ok"]}, always={"maker/steady": no_credit, "maker/gone": GONE})
    left = traces(SECRETS, nights.store, stopped.done)
    with asking_lock(nights.store, f"asked/{datetime.now(UTC).date()}"):
        busy = start()
    finished = start(
        plans={"maker/steady": ["refusal"], "maker/faulty": FAULTS, "maker/odd": [*HOSTILE, SPEAKS_OF_SECRETS]},
        always={"maker/gone": GONE},
    )
    return Night(nights, stopped, busy, finished, left)
