"""The most convergent models of a published wave become the next panel's roster, and a started night keeps it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from flows.choosing import chosen_panel
from flows.settings import Settings, resolve
from lake.catalog import connect_writer, create_lake, transact
from lake.errors import InputError, NoLakeError
from lake.store import Store
from lake.waves import Wave, publish, quarantine, register
from pipelines.planning import draft_plan, freeze_plan, plan_rows, require_same_source

DAY = date(2026, 8, 2)
NOW = datetime(2026, 8, 2, 2, tzinfo=UTC)
SOURCE = "screening/2026-08-01"
SCORES = {"a/high": 0.9, "b/own": 0.8, "c/mid": 0.5, "d/low": 0.1}
LOCAL = {"kind": "openai_compatible", "flavor": "vllm", "base_url": "http://127.0.0.1:9/v1"}
PANEL = {
    "panel": "next",
    "battery": "level1",
    "samples": 3,
    "seed": 5,
    "budget_usd": 4.0,
    "defaults": {"endpoint": "here", "settings": {"max_tokens": 77}, "system_prompt": "Be brief."},
    "endpoints": {"here": LOCAL},
    "roster": [{"model": "b/own", "family": "own", "settings": {"max_tokens": 900}}, {"model": "z/other"}],
}


@dataclass
class Lake:
    """A store with one wave of four measured models, one withheld member and a canary; and the panel that follows."""

    store: Store
    panel: Path

    def write(self, statement: str, values: list[Any]) -> None:
        connection = connect_writer(self.store)
        try:
            connection.execute(statement, values)
        finally:
            connection.close()

    def measure(self, scores: dict[str, float]) -> None:
        """Put convergence into `out`, as a build of the wave would, in place of what was there."""
        connection = connect_writer(self.store)
        transact(connection, lambda writer: _measure(writer, scores))
        connection.close()

    def publish(self) -> None:
        connection = connect_writer(self.store)
        try:
            publish(connection, WAVE, datetime.now(UTC))
        finally:
            connection.close()

    def choose(self, top: int = 2, wave: str | None = SOURCE) -> Any:
        return chosen_panel(Settings(self.store, str(self.panel), None, None, "", False, wave, top), DAY)


WAVE = Wave(
    wave_id=SOURCE, panel="screening", wave_date=date(2026, 8, 1), wave_kind="live", status="loaded", panel_sha="a",
    battery_sha="b", code_version="c", planned_cells=1, started_at=NOW,
)  # fmt: skip


def _measure(writer: duckdb.DuckDBPyConnection, scores: dict[str, float]) -> None:
    same = {"wave_id": SOURCE, "wave_date": WAVE.wave_date, "panel": "screening", "wave_kind": "live"}
    rows = [
        same | {"model": model, "capability": capability, "kernel": "combined", "n_models": 3, "n_prompts": 9}
        | {"convergence": score if capability == "overall" else -score}
        for capability in ("overall", "truthfulness")
        for model, score in scores.items()
    ]  # fmt: skip
    writer.execute("DELETE FROM out.convergence_by_model")
    _insert(writer, "out.convergence_by_model", rows)


def _roster() -> list[dict[str, Any]]:
    return [
        {
            "wave_id": SOURCE, "wave_date": WAVE.wave_date, "panel": "screening", "model": model, "endpoint": "here",
            "endpoint_kind": "openai_compatible", "role": "canary" if model == "f/canary" else "member",
            "provider": f"maker of {model}", "family": "f", "architecture": "moe", "region": "EU", "open_weights": True,
            "base_model": None, "served_names": json.dumps([f"{model}-*"]), "settings": '{"max_tokens": 5}',
            "system_prompt": "Be long.", "config_sha": "x",
        }
        for model in (*SCORES, "e/withheld", "f/canary")
    ]  # fmt: skip


def _insert(writer: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    marks = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
    values = [value for row in rows for value in row.values()]
    writer.execute(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES {marks}", values)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("escalation") / "store")
    create_lake(store)
    connection = connect_writer(store)
    register(connection, WAVE)
    transact(connection, lambda writer: (_insert(writer, "raw.roster", _roster()), _measure(writer, SCORES)))
    connection.close()
    return store


@pytest.fixture
def lake(made: Store, tmp_path: Path) -> Lake:
    store = Store(tmp_path / "store")
    shutil.copytree(made.home, store.home)
    panel = tmp_path / "next.yaml"
    panel.write_text(yaml.safe_dump(PANEL))
    return Lake(store, panel)


def test_the_roster_is_the_most_convergent_models_in_order_asked_as_the_next_panel_asks(lake: Lake) -> None:
    lake.publish()
    panel = lake.choose(top=3)
    assert [entry.model for entry in panel.roster] == ["a/high", "b/own", "c/mid"]
    first = panel.roster[0]
    assert (first.settings, first.system_prompt, first.endpoint) == ({"max_tokens": 77}, "Be brief.", "here")
    assert (first.provider, first.family, first.architecture, first.region) == ("maker of a/high", "f", "moe", "EU")
    assert (first.open_weights, first.base_model, first.served_names) == (True, None, ("a/high-*",))
    assert (panel.name, panel.samples, panel.budget_usd, len(panel.prompts)) == ("next", 3, 4.0, 30)


def test_a_model_that_the_next_panel_lists_keeps_its_line_there(lake: Lake) -> None:
    lake.publish()
    own = lake.choose().entry("b/own")
    assert (own.family, own.provider, own.settings) == ("own", None, {"max_tokens": 900})


def test_the_frozen_plan_says_where_the_roster_came_from(lake: Lake) -> None:
    lake.publish()
    plan = freeze_plan(lake.store, lake.choose(), DAY, None, NOW)
    frozen = json.loads((plan.folder / "plan.json").read_text())
    source = frozen["panel"]["roster_from"]
    assert (source["wave"], source["top"]) == (SOURCE, 2)
    assert source["publication"].startswith(f"{SOURCE}#")
    assert {row["model"] for rows in plan_rows(plan).values() for row in rows if "role" in row} == {"a/high", "b/own"}


def test_a_resumed_night_keeps_its_roster_when_the_source_is_published_again(lake: Lake) -> None:
    lake.publish()
    first = freeze_plan(lake.store, lake.choose(), DAY, None, NOW)
    lake.measure({model: 1 - score for model, score in SCORES.items()})
    lake.publish()
    again = draft_plan(lake.store, lake.choose(), DAY, None, NOW)
    assert again.cells == first.cells
    other_day = chosen_panel(Settings(lake.store, str(lake.panel), None, None, "", False, SOURCE, 2), date(2026, 8, 3))
    assert [entry.model for entry in other_day.roster] == ["d/low", "c/mid"]


@pytest.mark.parametrize(
    ("started", "resumed", "message"),
    [
        (SOURCE, None, rf"add --escalate-from {SOURCE} --top 2 to finish it"),
        (None, SOURCE, r"started with the panel's own roster.*Leave --escalate-from and --top out"),
    ],
)
def test_a_night_is_finished_with_the_flags_it_was_started_with(
    lake: Lake, started: str | None, resumed: str | None, message: str
) -> None:
    lake.publish()
    freeze_plan(lake.store, lake.choose(wave=started), DAY, None, NOW)
    other = lake.choose(wave=resumed)
    with pytest.raises(InputError, match=message):
        draft_plan(lake.store, other, DAY, None, NOW)
    with pytest.raises(InputError, match=message):
        require_same_source(lake.store, other, DAY)


def test_another_number_of_models_is_another_roster(lake: Lake) -> None:
    lake.publish()
    freeze_plan(lake.store, lake.choose(), DAY, None, NOW)
    with pytest.raises(InputError, match="--top 2 to finish it"):
        draft_plan(lake.store, lake.choose(top=3), DAY, None, NOW)


def test_fewer_measured_models_than_wanted_is_refused_and_names_the_withheld(lake: Lake) -> None:
    lake.publish()
    with pytest.raises(
        InputError,
        match=r"measured 4 models, and --top 5 are wanted\. Withheld or not measured: e/withheld\. Give --top 4",
    ):
        lake.choose(top=5)


def test_a_wave_that_is_not_published_decides_nothing(lake: Lake) -> None:
    with pytest.raises(InputError, match=rf"Wave {SOURCE} is not published \(it is loaded\)\. Finish it"):
        lake.choose()


def test_a_quarantined_wave_decides_nothing_even_if_it_was_published_before(lake: Lake) -> None:
    lake.publish()
    connection = connect_writer(lake.store)
    quarantine(connection, SOURCE, NOW, [])
    connection.close()
    with pytest.raises(InputError, match=f"Wave {SOURCE} is quarantined"):
        lake.choose()


def test_a_wave_that_is_not_there_is_answered_with_the_nearest(lake: Lake) -> None:
    with pytest.raises(InputError, match=rf"no wave 'screening/2026-08-10'\. Did you mean '{SOURCE}'\?"):
        lake.choose(wave="screening/2026-08-10")


def test_without_a_lake_there_is_nothing_to_escalate_from(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(NoLakeError):
        chosen_panel(Settings(Store(tmp_path / "none"), str(lake.panel), None, None, "", False, SOURCE, 2), DAY)


def test_an_endpoint_that_the_next_panel_lacks_is_named(lake: Lake) -> None:
    lake.write("UPDATE raw.roster SET endpoint = 'elsewhere' WHERE model = 'a/high'", [])
    lake.publish()
    with pytest.raises(
        InputError, match=r"a/high was asked at endpoint elsewhere .* panel next cannot .* it has here\."
    ):
        lake.choose()


def test_top_needs_a_wave_and_is_at_least_two(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DRIFTLAKE_ESCALATE_FROM", "DRIFTLAKE_TOP"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="--top says how many models --escalate-from takes"):
        resolve("next", top=3)
    with pytest.raises(InputError, match="top must be a number of at least 2"):
        resolve("next", escalate_from=SOURCE, top=1)
    assert (resolve("next", escalate_from=SOURCE).top, resolve("next").escalate_from) == (8, None)
