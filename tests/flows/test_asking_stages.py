"""Asking and loading of a night, stage by stage: what stops it, what is kept, and what nobody gets to see."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows import running
from flows.endpoints import look_ahead_of, open_budget, open_endpoints
from flows.progress import Step
from flows.settings import Settings
from flows.stages import ask_endpoint, load_wave, register_plan, unanswered
from lake.catalog import create_lake
from lake.errors import BudgetError, DriftlakeError, EndpointError, InputError, WaveError
from pipelines.asking.openai_compatible import OpenAICompatibleEndpoint
from pipelines.asking.records import Endpoint
from pipelines.panels.files import load_panel
from pipelines.planning import WavePlan, freeze_plan
from tests.flows.asked_panel import (
    CELLS_A_MODEL,
    KEY,
    KEY_ENV,
    MODELS,
    LocalOpenRouter,
    asked_panel,
    local_openrouter,
    rows,
)
from tests.flows.conftest import ROOT, Nights
from tests.flows.hostile_answers import ALL_SECRETS, SECRETS, failure
from tests.flows.traces import traces

CELLS = len(MODELS) * CELLS_A_MODEL
LOADS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from flows.stages import load_wave
from lake.store import Store
from pipelines.panels.files import load_panel
from pipelines.planning import freeze_plan
store, now = Store(Path(sys.argv[1])), datetime.now(UTC)
print(load_wave(store, freeze_plan(store, load_panel(sys.argv[2]), now.date(), None, now), None))
"""


@pytest.fixture(scope="module")
def _server() -> Iterator[LocalOpenRouter]:
    with local_openrouter() as server:
        yield server


@pytest.fixture
def server(_server: LocalOpenRouter) -> LocalOpenRouter:
    _server.control()
    return _server


def frozen(nights: Nights) -> WavePlan:
    """Freeze today's plan."""
    now = datetime.now(UTC)
    return freeze_plan(nights.store, load_panel(nights.panel), now.date(), None, now)


def planned(nights: Nights) -> WavePlan:
    """Make the lake and freeze today's plan, as a start does before it asks."""
    create_lake(nights.store)
    plan = frozen(nights)
    register_plan(nights.store, plan)
    return plan


def opened(nights: Nights, plan: WavePlan, environ: dict[str, str], cap_usd: float | None = None) -> Endpoint | None:
    """Look ahead and open the panel's endpoint, as a start does."""
    outlook = look_ahead_of(plan, cap_usd, False, environ)
    budget = open_budget(plan, cap_usd, False)
    return open_endpoints(nights.store, plan, budget, environ, Step("ask"), outlook)["openrouter"]


def ask(nights: Nights, plan: WavePlan, cap_usd: float | None = None) -> None:
    """Ask what is unanswered, under a cap, with the key set."""
    endpoint = opened(nights, plan, {KEY_ENV: KEY}, cap_usd)
    ask_endpoint(plan, "openrouter", endpoint, Step("ask"), datetime.now(UTC))


def told(error: BaseException) -> str:
    """Return all that an error says where it is printed or logged."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.fixture
def nights(server: LocalOpenRouter, tmp_path: Path) -> Nights:
    return asked_panel(tmp_path, server.address)


def test_a_budget_stops_the_wave_what_was_answered_is_loaded_and_a_larger_one_finishes_it(
    nights: Nights, server: LocalOpenRouter
) -> None:
    plan = planned(nights)
    with pytest.raises(BudgetError, match="same command"):
        ask(nights, plan, cap_usd=0.002)
    books = server.books()
    assert 0 < books["calls"] < CELLS
    assert books["charged_usd"] <= 0.002
    load_wave(nights.store, plan, None)
    loaded = rows(nights.store, "SELECT status, ok_cells, cost_usd FROM ops.waves")
    assert loaded == [("loaded", books["calls"], pytest.approx(books["charged_usd"], abs=1e-9))]
    ask(nights, plan, cap_usd=1.0)
    assert server.books()["calls"] == CELLS
    assert unanswered(plan, "openrouter") == []


def test_no_key_is_needed_when_everything_is_answered(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(nights)
    played: list[Any] = []
    monkeypatch.delenv(KEY_ENV, raising=False)
    monkeypatch.setattr(running, "_play", lambda settings, night: played.append(night))
    settings = Settings(nights.store, str(nights.panel), None, None, "0 2 * * *")
    with pytest.raises(InputError, match=f"export {KEY_ENV}="):
        running.run_nightly(settings, None)
    ask(nights, plan)
    running.run_nightly(settings, None)
    assert [night.day for night in played] == [plan.wave_date]
    assert opened(nights, plan, {}) is None


def test_a_key_that_is_refused_is_not_told_on(nights: Nights, server: LocalOpenRouter) -> None:
    server.control(always=dict.fromkeys(MODELS, failure(401, "no such key", from_provider=False)))
    plan = planned(nights)
    with pytest.raises(EndpointError, match="refused the key") as stopped:
        ask(nights, plan)
    assert [secret for secret in SECRETS if secret in told(stopped.value)] == []
    assert traces(SECRETS, nights.store) == []


def test_an_error_that_nobody_foresaw_is_kept_without_secrets_and_so_are_the_answers_before_it(
    nights: Nights, server: LocalOpenRouter, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    right, seen = OpenAICompatibleEndpoint.attempt, []

    def wrong(self: OpenAICompatibleEndpoint, *arguments: Any, **named: Any) -> Any:
        seen.append(1)
        if len(seen) > 20:
            raise RuntimeError(f"nobody thought of {ALL_SECRETS}") from ValueError(KEY)
        return right(self, *arguments, **named)

    monkeypatch.setattr(OpenAICompatibleEndpoint, "attempt", wrong)
    plan = planned(nights)
    with pytest.raises(WaveError, match=r"an error in driftlake itself \(RuntimeError\)") as stopped:
        ask(nights, plan)
    monkeypatch.undo()
    assert [secret for secret in SECRETS if secret in told(stopped.value) + "".join(capfd.readouterr())] == []
    assert "nobody thought of [redacted key]" in (plan.folder / "crash-openrouter.txt").read_text()
    assert traces(SECRETS, nights.store) == []
    assert 0 < len(unanswered(plan, "openrouter")) <= CELLS - 15
    ask(nights, plan)
    assert unanswered(plan, "openrouter") == []


PAGES = {
    "no JSON": f"<html>{ALL_SECRETS}</html>",
    "a list": json.dumps([ALL_SECRETS]),
    "an error": json.dumps({"error": {"code": 500, "message": ALL_SECRETS}}),
    "entries of other types": json.dumps({"data": [ALL_SECRETS, None, {"id": 5}, {"id": "maker/odd", "pricing": KEY}]}),
    "nested without end": "[" * 100_000,
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("status", [200, 403])
def test_a_catalogue_that_cannot_be_read_gives_nothing_away(
    page: str, status: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Odd(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status, KEY)
            self.send_header("X-Account", ALL_SECRETS)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Odd) as odd:
        threading.Thread(target=odd.serve_forever, daemon=True).start()
        nights = asked_panel(tmp_path, f"http://127.0.0.1:{odd.server_port}")
        plan, said = frozen(nights), ""
        try:
            opened(nights, plan, {KEY_ENV: KEY})
        except DriftlakeError as error:
            said = told(error)
        odd.shutdown()
    assert said or status == 200
    assert [secret for secret in SECRETS if secret in said + "".join(capfd.readouterr())] == []
    assert traces(SECRETS, nights.store) == []


def test_two_panels_that_load_at_once_both_land(server: LocalOpenRouter, tmp_path: Path) -> None:
    both = [asked_panel(tmp_path, server.address, name) for name in ("one", "two")]
    for nights in both:
        ask(nights, planned(nights))
    loading = [
        subprocess.Popen(
            [sys.executable, "-c", LOADS, str(nights.store.home), str(nights.panel)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for nights in both
    ]  # fmt: skip
    said = [process.communicate(timeout=300) for process in loading]
    assert [process.returncode for process in loading] == [0, 0], said
    assert rows(both[0].store, "SELECT panel, count(*) FROM raw.attempts GROUP BY panel ORDER BY panel") == [
        ("one", CELLS),
        ("two", CELLS),
    ]
    assert rows(both[0].store, "SELECT panel, status, ok_cells FROM ops.waves ORDER BY panel") == [
        ("one", "loaded", CELLS),
        ("two", "loaded", CELLS),
    ]
