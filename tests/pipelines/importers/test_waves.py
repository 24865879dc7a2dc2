"""Recorded answers as waves: their plans, their configuration, and what is new to the lake."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lake.catalog import connect_reader, connect_writer, create_lake
from lake.errors import InputError
from lake.store import Store
from lake.waves import register
from pipelines.importers.known import Known, known_of
from pipelines.importers.rows import Request, read
from pipelines.importers.storing import store_import
from pipelines.importers.waves import ImportedWave, waves_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def rows(model: str, day: str, prompts: range, said: str = "says", **more: Any) -> list[dict[str, Any]]:
    return [
        {"model": model, "prompt_id": f"p{n:02}", "prompt": f"Q{n}?", "response": f"{model} {said} {n}"}
        | {"published_at": day, **more}
        for n in prompts
    ]


def waves(store: Store, found: list[dict[str, Any]], **options: Any) -> list[ImportedWave]:
    request, recorded = _read(store, found, **options)
    return list(waves_of(request, recorded.rows, known_of(store, request), NOW))


def imported(store: Store, found: list[dict[str, Any]], **options: Any) -> dict[str, int]:
    create_lake(store)
    request, recorded = _read(store, found, **options)
    due = [w for w in waves_of(request, recorded.rows, known_of(store, request), NOW) if w.attempts.height]
    return store_import(store, request, recorded, due, NOW)


def _read(store: Store, found: list[dict[str, Any]], **options: Any) -> Any:
    store.home.mkdir(parents=True, exist_ok=True)
    path = store.home.parent / f"{store.home.name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    request = Request((path,), "recorded", options.pop("axis", "published_at"), **options)
    return request, read(request)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_wave_a_date_holds_its_models_and_every_prompt_of_the_date(store: Store) -> None:
    found = waves(
        store,
        [*rows("a", "2024-01-02", range(4)), *rows("b", "2024-01-02", range(2)), *rows("a", "2024-01-01", range(2))],
    )
    assert [(w.wave_id, w.cells.height, w.attempts.height) for w in found] == [
        ("recorded/2024-01-01", 2, 2),
        ("recorded/2024-01-02", 8, 6),  # b was not asked two of the four prompts: planned, missing
    ]


def test_a_row_lost_between_versions_is_a_missing_cell_and_no_other_battery(store: Store) -> None:
    found = waves(store, [*rows("a", "2024-01-01", range(40)), *rows("a", "2024-01-02", range(39))])
    assert [(w.cells.height, w.attempts.height) for w in found] == [(40, 40), (40, 39)]
    assert found[0].plan.panel.battery.sha == found[1].plan.panel.battery.sha


def remembered(found: list[ImportedWave]) -> Known:
    """Return what a lake that holds these waves knows of them."""
    cell = ("wave_id", "model_requested", "prompt_id", "sample_index")
    asked = [(wave.wave_id, prompt) for wave in found for prompt in wave.plan.panel.prompts]
    prompts = [
        (wave_id, p.prompt_id, p.capability, p.family, p.reference, p.messages[0]["content"]) for wave_id, p in asked
    ]
    columns = ("wave_id", "prompt_id", "capability", "family", "reference", "prompt")
    texts = pl.col("response_text").map_elements(lambda text: sha256(text.encode()).hexdigest(), return_dtype=pl.String)
    return Known(
        attempts=pl.concat(w.attempts.select(*cell, "attempt", text_sha=texts) for w in found),
        cells=pl.concat(w.cells.select(*cell, "position") for w in found),
        prompts=pl.DataFrame(prompts, dict.fromkeys(columns, pl.String), orient="row"),
        waves=pl.DataFrame({"wave_id": [w.wave_id for w in found]}),
        imports=pl.DataFrame(),
    )


def test_a_source_that_grew_fills_no_wave_before_it_in_one_import_or_in_two(store: Store) -> None:
    small, grown = rows("a", "2024-01-01", range(29)), rows("a", "2024-01-02", range(30))
    together = waves(store, [*small, *grown])
    assert [(w.cells.height, w.attempts.height) for w in together] == [(29, 29), (30, 30)]
    request, recorded = _read(store, small)
    (late,) = waves_of(request, recorded.rows, remembered(together[1:]), NOW)
    assert late.plan.panel.battery.sha == together[0].plan.panel.battery.sha


def test_a_corrected_answer_renews_a_known_wave_with_the_prompts_that_it_had(store: Store) -> None:
    small = rows("a", "2024-01-01", range(29))
    # a larger battery came into the lake from a later date and from an earlier one, after the wave itself
    (wave,) = waves(store, small)
    around = waves(store, [*rows("a", "2023-12-31", range(30)), *rows("a", "2024-01-02", range(30))])
    known = remembered([wave, *around])
    request, recorded = _read(store, [{**small[3], "response": "corrected"}])
    (again,) = waves_of(request, recorded.rows, known, NOW)
    assert (again.cells.height, again.attempts.height, again.n_changed) == (29, 1, 1)
    assert again.plan.panel.battery.sha == wave.plan.panel.battery.sha
    request, recorded = _read(store, rows("a", "2024-01-01", range(40, 41)))
    (more,) = waves_of(request, recorded.rows, known, NOW)
    assert (more.cells.height, more.attempts.height) == (30, 1), "a prompt that the wave answers now is planned"


def test_two_versions_of_a_family_are_two_waves_of_one_series(store: Store) -> None:
    found = waves(
        store,
        [
            *rows("gpt-4-0314", "2023-03-14", range(3), model_family="gpt-4", model_version_date="2023-03-14"),
            *rows("gpt-4-0613", "2023-03-14", range(3), model_family="gpt-4", model_version_date="2023-06-13"),
        ],
        axis="model_version_date",
        series="model_family",
    )
    entries = [w.plan.panel.roster[0] for w in found]
    assert [(e.model, e.served_names) for e in entries] == [("gpt-4", ("gpt-4-0314",)), ("gpt-4", ("gpt-4-0613",))]
    assert entries[0].config_sha == entries[1].config_sha
    assert found[1].attempts["model_served"].unique().to_list() == ["gpt-4-0613"]


def test_another_system_prompt_or_setting_is_another_configuration(store: Store) -> None:
    found = waves(
        store,
        [
            *rows("a", "2024-01-01", range(3)),
            *rows("a", "2024-01-02", range(3), system_prompt="Be brief."),
            *rows("a", "2024-01-03", range(3), params={"temperature": 0.1}),
        ],
    )
    entries = [w.plan.panel.roster[0] for w in found]
    assert len({e.config_sha for e in entries}) == 3
    assert entries[1].system_prompt == "Be brief." and entries[2].settings == {"temperature": 0.1}


def test_provenance_stays_with_the_answer_and_what_nobody_recorded_is_null(store: Store) -> None:
    (wave,) = waves(
        store, rows("a", "2024-01-01", range(1), source_repo="r", source_commit="c", licence="MIT", labels={"x": 1})
    )
    attempt = wave.attempts.row(0, named=True)
    said = json.loads(attempt["request"])
    assert (said["source_repo"], said["source_commit"], said["licence"], said["time_axis"]) == (
        "r",
        "c",
        "MIT",
        "published_at",
    )
    assert json.loads(attempt["body"]) == {"x": 1}
    for name in ("cost_usd", "latency_ms", "finish_reason", "prompt_tokens", "provider_served"):
        assert attempt[name] is None
    assert wave.cells["seed"].to_list() == [None]


def test_importing_again_appends_nothing_and_a_changed_answer_is_a_second_attempt(store: Store) -> None:
    first = rows("a", "2024-01-01", range(5))
    assert imported(store, first)["attempts"] == 5
    assert imported(store, first) == {}
    changed = [{**row, "response": "corrected"} if row["prompt_id"] == "p03" else row for row in first]
    assert imported(store, changed)["attempts"] == 1
    assert imported(store, changed) == {}
    late = rows("b", "2024-01-01", range(6))
    assert imported(store, late)["attempts"] == 6
    reader = connect_reader(store, "head")
    count = "SELECT count(*), count(DISTINCT battery_sha), min(declared_prompts) FROM raw.prompts"
    assert reader.execute(count).fetchall() == [(6, 1, 6)]  # p05 came late: the plan was renewed, whole
    assert reader.execute("SELECT planned_cells, ok_cells, status FROM ops.waves").fetchall() == [(12, 11, "loaded")]
    assert reader.execute("SELECT count(*) FROM raw.planned_cells").fetchone() == (12,)
    assert reader.execute(
        "SELECT attempt, response_text FROM raw.attempts WHERE model_requested = 'a' AND prompt_id = 'p03' ORDER BY 1"
    ).fetchall() == [
        (1, "a says 3"),
        (2, "corrected"),
    ]
    assert reader.execute("SELECT count(*), sum(n_rows) FROM raw.imports").fetchone() == (3, 16)


def test_axes_series_and_asked_panels_are_never_mixed(store: Store) -> None:
    imported(store, rows("a", "2024-01-01", range(2), observed_at="2024-01-01"))
    for options in ({"axis": "asked_at"}, {"series": "model_family"}):
        with pytest.raises(InputError, match="Different axes never share a series"):
            known_of(store, Request((), "recorded", **{"axis": "published_at", **options}))
    (wave,) = waves(store, rows("a", "2024-01-01", range(2)))
    connection = connect_writer(store)
    connection.execute("UPDATE ops.waves SET wave_kind = 'live'")
    register(connection, wave.wave())
    connection.close()
    with pytest.raises(InputError, match="is asked, not imported"):
        known_of(store, Request((), "recorded", "published_at"))
    with pytest.raises(InputError, match="is no name"):
        known_of(store, Request((), "a/b", "published_at"))
