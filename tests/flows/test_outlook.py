"""Before a night asks anything it knows what it will cost and run into; `driftlake plan` shows that, no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows import nightly, running
from flows.endpoints import keep_pages, look_ahead_of, note_keys, open_budget, open_endpoints
from flows.foreseen import foreseeing, foreseen
from flows.outlook import announce, given_as, look_ahead
from flows.preview import preview, table
from flows.progress import Step
from flows.running import _unsettled
from flows.settings import Settings
from flows.stages import ask_endpoint, load_wave, unanswered
from lake.catalog import create_lake
from lake.errors import BudgetError, DriftlakeError, EndpointError, InputError
from pipelines.asking import pages
from pipelines.asking.money import money
from pipelines.asking.ordering import plan_cells
from pipelines.asking.records import Question
from pipelines.asking.retrying import RetryPolicy
from pipelines.panels.files import load_panel
from pipelines.panels.records import Judge
from pipelines.planning import WavePlan, draft_plan, freeze_plan, wave_id_of
from tests.flows.asked_panel import (
    CELLS_A_MODEL,
    KEY,
    KEY_ENV,
    MODELS,
    LocalOpenRouter,
    asked_panel,
    catalogue_entry,
    local_openrouter,
    rows,
)
from tests.flows.conftest import Nights

NOW = datetime.now(UTC)
ENVIRON = {KEY_ENV: KEY}
STEADY = [{"model": "maker/steady"}]
VLLM = {"kind": "openai_compatible", "flavor": "vllm"}


@pytest.fixture(scope="module")
def _server() -> Iterator[LocalOpenRouter]:
    with local_openrouter() as server:
        yield server


@pytest.fixture
def server(_server: LocalOpenRouter) -> LocalOpenRouter:
    _server.control(key=KEY, limit_usd=5)
    return _server


def drafted(nights: Nights) -> WavePlan:
    return draft_plan(nights.store, load_panel(nights.panel), NOW.date(), None, NOW)


def shown(nights: Nights, budget: float | None = None) -> str:
    return preview(Settings(nights.store, str(nights.panel), None, budget, ""))


def test_plan_shows_price_and_problems_in_a_table_and_neither_asks_nor_writes(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    nights = asked_panel(tmp_path, server.address, roster=[*STEADY, {"model": "maker/unheard-of"}])
    text = shown(nights)
    lines = [line.split() for line in text.splitlines()]
    assert ["model", "cells", "low", "expected", "at", "most", "providers", "problems"] in lines
    # "What is to be said of the number 0?" has 35 characters, 36 for 10 and 11; answers at most 100 tokens; 24 cells.
    # low: 6 tokens in, 5 out: 26e-6 each. expected: 9 in, 50 out: 209e-6 each.
    # most: 35 or 36 bytes + 96 in, 100 out: 24 * 531e-6 + 4 * 1e-6.
    row = ["maker/steady", "24", "0.000624", "0.005016", "0.01275", "2", "quantization"]
    assert row in lines
    assert ["maker/unheard-of", "24", "?", "?", "?", "?", "unknown"] in lines
    assert ["total", "48", "0.000624", "0.005016", "0.01275"] in lines
    assert "key of openrouter: 5.00 USD left of 5.00" in text
    assert "stops: maker/unheard-of is not in the catalogue of openrouter" in text
    assert text.endswith("Nothing was asked.")
    assert server.books()["calls"] == 0
    assert not nights.store.home.exists()


def test_plan_needs_no_key_where_the_catalogue_is_public(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_ENV, raising=False)
    text = shown(asked_panel(tmp_path, server.address, roster=STEADY), budget=0.001)
    assert "0.005016 expected" in text
    assert "key of" not in text
    assert "stops: The budget, 0.0009 USD, is less than the expected price of 0.005016 USD" in text


def test_plan_and_night_price_the_judges_within_the_budget(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    server.control(
        catalogue=[catalogue_entry(model) for model in ("maker/steady", "maker/judge")], key=KEY, limit_usd=5
    )
    judges = [{"endpoint": "openrouter", "model": "maker/judge", "behaviours": ["refusal"], "votes": 3}]
    nights = asked_panel(tmp_path, server.address, roster=STEADY, judges=judges)
    text = shown(nights, budget=0.01)
    outlook = look_ahead_of(drafted(nights), 0.01, False, ENVIRON)
    assert outlook is not None
    asking, judging, whole = outlook.forecast, outlook.judging, outlook.whole
    assert judging.cells == 3 * asking.cells == 72  # three votes on each answer
    # 16 tokens a vote at most, at 4e-6, and a template of some hundred characters at 1e-6 a token
    assert judging.high_usd > 72 * (16 * 4e-6 + 600e-6)
    assert whole.high_usd == pytest.approx(asking.high_usd + judging.high_usd)
    assert "maker/judge judging refusal: at most 72 votes" in text
    # a tenth of the budget is kept for confirming alarms
    assert f"stops: The budget, 0.009 USD, is less than the expected price of {money(whole.expected_usd)} USD" in text
    announce(outlook, 0.01, Step("price"))
    assert "judging them, at most 72 votes" in capsys.readouterr().err
    assert server.books()["calls"] == 0


def test_a_judge_whose_endpoint_is_down_is_unpriced_and_stops_nothing(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PATIENT", RetryPolicy(max_attempts=1))
    nights = asked_panel(tmp_path, server.address, roster=STEADY)
    panel = load_panel(nights.panel)
    dead = replace(panel.endpoints["openrouter"], name="dead", base_url="http://127.0.0.1:9/v1")
    judge = Judge("refusal", "dead", "maker/judge", "maker/judge", "1", "sha", {"max_tokens": 16}, 1)
    judged = replace(panel, endpoints={**panel.endpoints, "dead": dead}, judges=(judge,))
    draft = drafted(nights)
    outlook = look_ahead_of(replace(draft, panel=judged), None, False, ENVIRON)
    assert outlook is not None
    assert outlook.judging.unpriced == ("maker/judge judging refusal",)
    assert not outlook.failed and outlook.forecast.expected_usd > 0


def test_plan_says_that_a_key_is_refused(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ENV, f"{KEY}0")
    with pytest.raises(EndpointError, match=rf"refused the key at .*/key \(HTTP 401\)\. Check {KEY_ENV}"):
        shown(asked_panel(tmp_path, server.address, roster=STEADY))


def test_plan_says_that_the_night_would_be_refused_for_a_price_that_nobody_states_unless_it_is_allowed(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_ENV, raising=False)
    server.control(catalogue=[catalogue_entry("maker/steady", pricing={"prompt": "-1", "completion": "-1"})])
    nights = asked_panel(tmp_path, server.address, roster=STEADY)
    assert re.search(r"stops: maker/steady has no price.*--allow-unpriced", shown(nights))
    allowed = preview(Settings(nights.store, str(nights.panel), None, None, "", allow_unpriced=True))
    assert "note: maker/steady has no price" in allowed
    assert "stops: maker/steady" not in allowed


def test_plan_says_that_a_cap_stops_at_a_model_without_a_limit_of_length(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_ENV, raising=False)
    endless = {"endpoint": "openrouter", "settings": {"temperature": 1.0}}
    nights = asked_panel(tmp_path, server.address, roster=STEADY, defaults=endless)
    assert re.search(r"stops: maker/steady has no max_tokens.*--allow-unpriced", shown(nights))
    uncapped = asked_panel(tmp_path, server.address, roster=STEADY, defaults=endless, budget_usd=None)
    assert "note: maker/steady has no max_tokens" in shown(uncapped)


def test_a_key_that_cannot_be_one_is_refused_by_plan_and_by_the_end_of_a_night_without_a_piece_of_it(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ENV, f"{KEY}\nsecond-half")
    nights = asked_panel(tmp_path, server.address, roster=STEADY)
    with pytest.raises(EndpointError, match=f"{KEY_ENV} holds characters that no key has") as raised:
        shown(nights)
    assert "second-half" not in str(raised.value)
    plan = drafted(nights)
    note_keys(plan, look_ahead_of(plan, None, False, ENVIRON), {KEY_ENV: f"{KEY}\nsecond-half"})
    assert list(plan.folder.glob("keys-*")) == []


@pytest.mark.parametrize(
    ("key", "refusal"),
    [
        pytest.param(f"{KEY}0", r"refused the key at .*/key \(HTTP 401\)", id="refused"),
        pytest.param(f"{KEY}\nrest", f"{KEY_ENV} holds characters that no key has", id="no-key"),
        pytest.param(" ", f"{KEY_ENV}, and that is not set", id="blank"),
    ],
)
def test_a_night_with_a_key_that_cannot_be_used_is_refused_before_anything_is_started(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, refusal: str
) -> None:
    def play(settings: Settings, night: running.Night) -> None:
        raise AssertionError("the flow was started")

    monkeypatch.setenv(KEY_ENV, key)
    monkeypatch.setattr(running, "_play", play)
    nights = asked_panel(tmp_path, server.address, roster=STEADY)
    with pytest.raises(DriftlakeError, match=refusal) as refused:
        nights.play_here()
    assert refused.value.exit_code == 2
    assert not nights.store.home.exists()


def test_a_flow_goes_by_what_was_read_before_it_started_and_reads_itself_under_a_scheduler(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    nights = asked_panel(tmp_path, server.address, roster=STEADY)
    plan = drafted(nights)
    outlook = look_ahead_of(plan, None, False, ENVIRON)
    monkeypatch.setattr(nightly, "scheduled_day", NOW.date)
    night = (nights.store, load_panel(nights.panel), NOW.date(), None, None, False)
    with foreseeing(plan.wave_id, outlook):
        assert nightly.price.fn(*night) is outlook
    itself = nightly.price.fn(*night)
    assert itself is not None
    assert itself is not outlook
    assert foreseen(plan.wave_id) is None


NOWHERE = VLLM | {"base_url": "http://127.0.0.1:9/v1"}


def two_endpoints(server: LocalOpenRouter, folder: Path, other: dict[str, Any] = NOWHERE) -> Nights:
    """Return a panel that asks maker/steady at the local OpenRouter and maker/odd at another endpoint."""
    openrouter = {
        "kind": "openai_compatible", "flavor": "openrouter", "base_url": f"{server.address}/v1", "key_env": KEY_ENV,
    }  # fmt: skip
    roster = [*STEADY, {"model": "maker/odd", "endpoint": "other"}]
    return asked_panel(folder, server.address, roster=roster, endpoints={"openrouter": openrouter, "other": other})


def test_an_endpoint_that_cannot_be_reached_is_a_problem_and_the_others_are_asked(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    monkeypatch.setattr(pages, "PATIENT", RetryPolicy(max_attempts=1))
    nights = two_endpoints(server, tmp_path)
    text = shown(nights)
    assert "stops: other gave no catalogue at http://127.0.0.1:9/v1/models (unreachable" in text
    assert ["maker/odd", "24", "?", "?", "?", "?", "endpoint"] in [line.split() for line in text.splitlines()]
    outlook = look_ahead_of(drafted(nights), None, False, ENVIRON)
    assert outlook is not None
    assert list(outlook.failed) == ["other"]
    assert played(nights).answered == CELLS_A_MODEL
    assert server.books()["calls_by_model"] == {"maker/steady": CELLS_A_MODEL}


class AskedHere:
    """The task `ask` without Prefect: submitted, it is done at once."""

    @staticmethod
    def submit(plan: WavePlan, name: str, endpoint: Any, laboratory: Any, leave_out: frozenset[str]) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(ask_endpoint(plan, name, endpoint, Step("ask"), NOW, leave_out))
        return done


def test_a_night_of_which_one_endpoint_cannot_be_asked_ends_with_its_exit_code_when_the_others_are_asked(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    monkeypatch.setattr(nightly, "ask", AskedHere)
    nights = two_endpoints(server, tmp_path, VLLM | {"base_url": f"{server.address}/nowhere"})  # 404: no waiting
    plan = freeze_plan(nights.store, load_panel(nights.panel), NOW.date(), None, NOW)
    outlook = look_ahead_of(plan, None, False, ENVIRON)
    stopped = nightly.ask_all(nights.store, plan, None, open_budget(plan, None, False), outlook)
    assert isinstance(stopped, EndpointError)
    assert str(stopped).startswith(f"other gave no catalogue at {server.address}/nowhere/models (HTTP 404)")
    assert stopped.exit_code == 2
    assert (len(unanswered(plan, "openrouter")), len(unanswered(plan, "other"))) == (0, CELLS_A_MODEL)


def test_a_resumed_night_goes_on_with_the_catalogue_of_its_first_start_where_there_is_none_now(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "PATIENT", RetryPolicy(max_attempts=1))
    nights = asked_panel(tmp_path, server.address, roster=STEADY)
    plan = freeze_plan(nights.store, load_panel(nights.panel), NOW.date(), None, NOW)
    first = look_ahead_of(plan, None, False, ENVIRON)
    assert first is not None
    keep_pages(plan, first)
    spec = replace(plan.panel.endpoints["openrouter"], base_url="http://127.0.0.1:9/v1")
    resumed = replace(plan, panel=replace(plan.panel, endpoints={"openrouter": spec}))
    again = look_ahead_of(resumed, None, False, ENVIRON, Step("price"))
    assert again is not None
    assert again.forecast == first.forecast
    assert "This wave goes on with the catalogue of its first start" in capsys.readouterr().err
    (plan.folder / "catalog-openrouter.json").unlink()
    with pytest.raises(EndpointError, match="gave no catalogue"):
        look_ahead_of(resumed, None, False, ENVIRON)


def test_a_panel_is_named_as_it_was_given() -> None:
    assert given_as(load_panel("level1")) == "level1"


def test_columns_are_aligned_and_what_steers_a_terminal_is_shown() -> None:
    assert table(("name", "n"), [("a", "10"), ("b\x1b[2J", "7")], ("n",)) == [
        "name       n",
        "a         10",
        r"b\x1b[2J   7",
    ]


@pytest.mark.parametrize(
    ("name", "cells"), [("extended", 11_250), ("frontier", 660), ("level1", 690), ("level2", 1_125), ("level3", 1_200)]
)
def test_every_panel_of_a_service_can_be_planned(server: LocalOpenRouter, name: str, cells: int) -> None:
    panel = load_panel(name)
    server.control(models=[entry.model for entry in panel.roster], catalogue=[])
    specs = {name: replace(spec, base_url=f"{server.address}/v1") for name, spec in panel.endpoints.items()}
    day = NOW.date()
    entries, prompts = {e.model: e for e in panel.roster}, {p.prompt_id: p for p in panel.prompts}
    planned = plan_cells(panel, wave_id_of(panel, day), day)
    questions = [Question(cell, entries[cell.model_requested], prompts[cell.prompt_id]) for cell in planned]
    outlook = look_ahead(replace(panel, endpoints=specs), questions, day, lambda spec: None, panel.budget_usd)
    assert (outlook.forecast.cells, outlook.forecast.unpriced) == (cells, ())
    assert {problem.kind for problem in outlook.problems if problem.stops} <= {"budget"}


def test_a_panel_of_which_no_model_is_known_is_refused_before_anything_is_frozen(
    server: LocalOpenRouter, tmp_path: Path
) -> None:
    nights = asked_panel(tmp_path, server.address, roster=[{"model": "maker/a"}, {"model": "maker/b"}])
    with pytest.raises(
        InputError, match=r"Not one of the 2 models of panel asked .* \(.*maker/.*maker/.*\)\. Nothing was asked"
    ) as refused:
        look_ahead_of(drafted(nights), None, True, ENVIRON)
    assert f"`driftlake plan --panel {nights.panel}` says" in str(refused.value)
    done = nights.nightly()
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert not nights.store.home.exists()
    assert server.books()["calls"] == 0


def test_an_unknown_price_is_refused_even_without_a_cap_unless_it_is_allowed(
    server: LocalOpenRouter, tmp_path: Path
) -> None:
    free_of_price = [catalogue_entry("maker/steady", pricing={"prompt": "-1", "completion": "-1"})]
    server.control(catalogue=free_of_price)
    nights = asked_panel(tmp_path, server.address, roster=STEADY, budget_usd=None)
    with pytest.raises(BudgetError, match=r"The price of maker/steady is unknown.*--allow-unpriced"):
        look_ahead_of(drafted(nights), None, False, ENVIRON)
    allowed = look_ahead_of(drafted(nights), None, True, ENVIRON)
    assert allowed is not None
    assert (allowed.forecast.unpriced, allowed.unasked) == (("maker/steady",), frozenset())


def test_a_price_that_the_panel_declares_is_a_known_price(server: LocalOpenRouter, tmp_path: Path) -> None:
    price = {"prompt_usd_per_million": 1.0, "completion_usd_per_million": 4.0}
    server.control(catalogue=[catalogue_entry("maker/steady", pricing={})])
    nights = asked_panel(tmp_path, server.address, roster=[{"model": "maker/steady", "price": price}])
    outlook = look_ahead_of(drafted(nights), None, False, ENVIRON)
    assert outlook is not None
    assert outlook.forecast.high_usd == pytest.approx(24 * 531e-6 + 4e-6)


def test_one_line_says_cells_price_and_cap_and_each_dead_model_is_named_first(
    server: LocalOpenRouter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nights = asked_panel(tmp_path, server.address, roster=[*STEADY, {"model": "maker/unheard-of"}])
    outlook = look_ahead_of(drafted(nights), None, False, ENVIRON)
    assert outlook is not None
    announce(outlook, 1.0, Step("price"), kept_usd=0.1)
    said = capsys.readouterr().err.splitlines()
    assert "maker/unheard-of is not in the catalogue of openrouter" in said[0]
    assert said[1].endswith("Not asked, because what they cost is unknown: maker/unheard-of.")
    assert (
        "24 cells, 0.005016 expected, at most 0.01275 USD, cap 1.00 (0.10 of it kept for confirming alarms)."
        in said[-1]
    )


def test_a_wave_of_servers_without_a_catalogue_price_is_asked_under_a_cap(
    server: LocalOpenRouter, tmp_path: Path
) -> None:
    endpoints = {"openrouter": VLLM | {"base_url": f"{server.address}/v1", "key_env": KEY_ENV}}
    server.control(catalogue=[{"id": "maker/steady", "max_model_len": 4096}])
    nights = asked_panel(tmp_path, server.address, roster=STEADY, endpoints=endpoints)
    asked = played(nights)
    assert asked.answered == CELLS_A_MODEL


class Played:
    """One start of a wave, stage by stage up to Load."""

    def __init__(self, plan: WavePlan, answered: int) -> None:
        self.plan, self.answered = plan, answered


def played(nights: Nights) -> Played:
    create_lake(nights.store)
    outlook = look_ahead_of(drafted(nights), None, False, ENVIRON)
    plan = freeze_plan(nights.store, load_panel(nights.panel), NOW.date(), None, NOW)
    step = Step("ask")
    leave_out = outlook.unasked if outlook is not None else frozenset()
    budget = open_budget(plan, None, False)
    endpoints = open_endpoints(nights.store, plan, budget, ENVIRON, step, outlook)
    results = [ask_endpoint(plan, name, endpoint, step, NOW, leave_out) for name, endpoint in endpoints.items()]
    note_keys(plan, outlook, ENVIRON)
    return Played(plan, sum(result.asked for result in results))


def test_catalogue_offers_and_key_are_kept_with_the_wave_and_a_second_start_adds_only_the_key(
    server: LocalOpenRouter, tmp_path: Path
) -> None:
    nights = asked_panel(tmp_path, server.address, roster=[*STEADY, {"model": "maker/odd"}])
    server.control(key=KEY, limit_usd=0.0015)  # an answer costs about 65e-6: the credit ends in the middle
    with pytest.raises(BudgetError, match="no credit left"):
        played(nights)
    dearer = {"prompt": "0.000002", "completion": "0.000008"}
    server.control(key=KEY, catalogue=[catalogue_entry(model, pricing=dearer) for model in MODELS])
    ahead = look_ahead_of(drafted(nights), None, False, ENVIRON)
    assert ahead is not None
    assert ahead.left_usd is not None
    assert ahead.left_usd < 1.0 - 0.001  # of the panel's 1 USD, what was spent before the credit ended
    second = played(nights)
    assert 0 < second.answered < 2 * CELLS_A_MODEL
    load_wave(nights.store, second.plan, None)
    load_wave(nights.store, second.plan, None)
    offers = rows(
        nights.store, "SELECT model, provider, quantization, prompt_usd FROM raw.catalog_endpoints ORDER BY ALL"
    )
    assert offers == [
        (model, provider, quantization, 1e-6)
        for model in ("maker/odd", "maker/steady")
        for provider, quantization in (("ProviderA", "bf16"), ("ProviderB", "fp8"))
    ]
    assert rows(nights.store, "SELECT DISTINCT prompt_usd FROM raw.catalog_models") == [(1e-6,)]
    keys = rows(nights.store, "SELECT moment, limit_usd FROM raw.key_snapshots ORDER BY taken_at")
    assert keys == [("start", 0.0015), ("start", None), ("end", None)]
    spent = rows(nights.store, "SELECT max(usage_usd) FROM raw.key_snapshots")[0][0]
    assert spent == pytest.approx(server.books()["charged_usd"], abs=1e-9)
    assert KEY not in json.dumps(rows(nights.store, "FROM raw.catalog_endpoints"), default=str)


def test_a_model_of_unknown_price_is_not_asked_and_the_others_are(server: LocalOpenRouter, tmp_path: Path) -> None:
    nights = asked_panel(tmp_path, server.address, roster=[*STEADY, {"model": "maker/unheard-of"}])
    assert played(nights).answered == CELLS_A_MODEL
    assert server.books()["calls_by_model"] == {"maker/steady": CELLS_A_MODEL}


def test_pages_of_the_key_that_cannot_be_had_at_the_end_stop_nothing(
    server: LocalOpenRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = asked_panel(tmp_path, server.address, roster=STEADY)
    plan = drafted(nights)
    outlook = look_ahead_of(plan, None, False, ENVIRON)
    plan.folder.mkdir(parents=True)
    server.control(key="sk-or-v1-another-key-than-this-one")
    note_keys(plan, outlook, ENVIRON)
    assert list(plan.folder.glob("keys-*")) == []


def test_a_wave_that_is_all_answered_needs_neither_key_nor_server(server: LocalOpenRouter, tmp_path: Path) -> None:
    nights = asked_panel(tmp_path, server.address, roster=STEADY)
    played(nights)
    nowhere: dict[str, Any] = {}
    assert look_ahead_of(drafted(nights), None, False, nowhere) is None


def test_cells_of_a_model_that_is_not_asked_end_in_a_name_and_are_due_no_more(
    server: LocalOpenRouter, tmp_path: Path
) -> None:
    server.control()
    nights = asked_panel(tmp_path, server.address, roster=[*STEADY, {"model": "maker/unheard-of"}])
    night = played(nights)
    assert night.answered == CELLS_A_MODEL == server.books()["calls"]
    load_wave(nights.store, night.plan, None)
    ended = rows(nights.store, "SELECT model_requested, outcome, error_class, count(*) FROM raw.attempts GROUP BY ALL")
    assert sorted(ended, key=str) == [
        ("maker/steady", "ok", None, CELLS_A_MODEL),
        ("maker/unheard-of", "error", "not_listed", CELLS_A_MODEL),
    ]
    assert _unsettled(nights.store, load_panel(nights.panel), night.plan.wave_id) == 0
