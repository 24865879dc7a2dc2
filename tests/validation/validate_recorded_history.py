"""Recorded answers of known history, imported and measured: changes are found, formatting and new names are none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from expectations.audit import AuditResult, audit
from expectations.breaks import BREAKS
from lake.catalog import connect_reader, connect_writer, create_lake
from lake.store import Store
from lake.waves import record_audit
from models_sql.run import build
from pipelines.importers.known import known_of
from pipelines.importers.rows import Request, read
from pipelines.importers.storing import store_import
from pipelines.importers.waves import waves_of
from tests.corpora import recorded

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Recorded:
    """Slices of recorded answers as panels of one lake, built once; audits are asked for by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "store")
        self.waves: list[str] = []
        create_lake(self.store.prepare())

    def add(self, panel: str, frame: pl.DataFrame, axis: Any, series: Any = "model") -> None:
        frame.write_parquet(self.folder / f"{panel}.parquet")
        request = Request((self.folder / f"{panel}.parquet",), panel, axis, series)
        found = read(request)
        due = list(waves_of(request, found.rows, known_of(self.store, request), NOW))
        store_import(self.store, request, found, due, NOW)
        self.waves += [wave.wave_id for wave in due]

    def audit(self, wave_id: str, *breaks: str) -> AuditResult:
        connection = connect_writer(self.store)
        try:
            chosen = tuple(broken for broken in BREAKS if broken.id in breaks)
            result = audit(connection, self.store, wave_id, f"{wave_id}#{NOW:%Y}", chosen)
            record_audit(connection, result.check_results, result.verdicts)
        finally:
            connection.close()
        return result

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = connect_reader(self.store, "head")
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    history = pl.read_parquet(recorded("alpaca_eval_history.parquet"))
    answers = pl.read_parquet(recorded("alpaca_eval_responses.parquet"))
    drift = pl.read_parquet(recorded("llmdrift_responses.parquet"))
    lake = Recorded(tmp_path_factory.mktemp("real"))
    lake.add("history", history.filter(pl.col("model") != "chatgpt"), "published_at")

    few = sorted(answers["prompt_id"].unique())[:60]
    some = answers.filter(pl.col("prompt_id").is_in(few))
    variants = {"gpt4_0613": None, "gpt4_0613_concise": "concise", "gpt4_0613_verbose": "verbose"}
    prompted = [
        # the source names the prompt in the model's name; here it is said where it belongs, one day each
        some.filter(pl.col("model") == name).with_columns(
            model=pl.lit("gpt4_0613"),
            system_prompt=pl.lit(prompt, pl.String),
            published_at=pl.lit(datetime(2024, 2, day, tzinfo=UTC)).dt.cast_time_unit("us"),
        )
        for day, (name, prompt) in enumerate(variants.items(), start=1)
    ]
    lake.add("prompted", pl.concat(prompted), "published_at")

    second = history.filter(
        (pl.col("model") == "chatgpt") & (pl.col("published_at").dt.date() == datetime(2023, 7, 27).date())
    )
    named = answers.filter(pl.col("model").is_in(["gpt-3.5-turbo-0301", "claude"]))
    constant = named.filter(pl.col("model") == "claude").with_columns(
        model=pl.lit("stuck"), response=pl.lit("I am a large language model.")
    )
    columns = answers.columns
    twins = pl.concat([second.select(columns), named, constant.select(columns)]).with_columns(
        published_at=pl.lit(datetime(2023, 7, 27, tzinfo=UTC)).dt.cast_time_unit("us")
    )
    lake.add("twins", twins, "published_at")

    asked = drift.filter(pl.col("prompt_id").is_in(sorted(drift["prompt_id"].unique())[:80]))
    lake.add("families", asked, "model_version_date", "model_family")

    screening = recorded("published_screening/level1_responses.jsonl")
    request = Request((screening,), "screening", "asked_at")
    found = read(request)
    (wave,) = waves_of(request, found.rows, known_of(lake.store, request), NOW)
    store_import(lake.store, request, found, [wave], NOW)
    lake.waves.append(wave.wave_id)
    lake.results = {  # type: ignore[attr-defined]
        "screening": lake.audit(wave.wave_id, "A01", "A02"),
        "twins": lake.audit("twins/2023-07-27", "A02", "A08"),
    }
    build(lake.store, ",".join(lake.waves), "+drift_by_model +convergence_by_wave")
    return lake


CHANGES = """
    SELECT wave_id, method, drift, changed_share, n_prompts, cause
    FROM out.drift_by_model
    WHERE panel = 'history' AND model = '{}' AND capability = 'overall' AND kernel = 'distributional'
      AND reference_kind = 'previous'
    ORDER BY wave_date
"""


def test_the_changed_answers_of_a_model_released_again_are_found_and_formatting_is_no_change(real: Recorded) -> None:
    released, formatted = real.rows(CHANGES.format("llama-2-70b-chat-hf"))
    # 798 of 805 answers changed; one is empty in both versions, so 804 can be compared
    changed = real.rows(
        "SELECT count(*) FILTER (a.response_text <> b.response_text), count(*) FROM raw.attempts AS a "
        "JOIN raw.attempts AS b USING (panel, model_requested, prompt_id) WHERE panel = 'history' AND "
        "model_requested LIKE 'llama%' AND a.wave_date = '2023-07-20' AND b.wave_date = '2023-07-27'"
    )
    assert changed == [(798, 805)]
    assert (released[0], released[1], released[5]) == ("history/2023-07-27", "distance", None)
    assert released[2] > 0.2 and released[3] == pytest.approx(798 / 804)
    assert released[4] == 799  # both answers have five tokens or more
    assert formatted[:4] == ("history/2024-02-19", "identical", 0.0, 0)


def test_a_renamed_key_changes_no_answer(real: Recorded) -> None:
    changed, renamed = real.rows(CHANGES.format("Yi-34B-Chat"))
    assert changed[3] == pytest.approx(775 / 805)  # the published count
    assert renamed[:5] == ("history/2024-01-03", "identical", 0.0, 0, renamed[4]) and renamed[4] >= 800


def test_another_prompt_is_called_configuration_and_never_drift(real: Recorded) -> None:
    found = real.rows(
        "SELECT DISTINCT wave_id, cause, drift FROM out.drift_by_model WHERE panel = 'prompted' ORDER BY 1"
    )
    assert found == [("prompted/2024-02-02", "configuration", None), ("prompted/2024-02-03", "configuration", None)]


def test_two_names_with_equal_answers_are_one_identity_and_a_constant_model_is_withheld_by_name(real: Recorded) -> None:
    withheld = real.rows(
        "SELECT model_requested FROM core.model_waves WHERE panel = 'twins' AND is_withheld ORDER BY 1"
    )
    assert withheld == [("gpt-3.5-turbo-0301",), ("stuck",)]
    detail = {row["model"]: row["detail"] for row in real.results["twins"].verdicts if row["scope"] == "model"}  # type: ignore[attr-defined]
    assert "gives the answers of chatgpt on all of 80" in detail["gpt-3.5-turbo-0301"]
    assert "One distinct answer to many prompts" in detail["stuck"]


def test_the_error_strings_of_nine_dead_models_are_caught_and_the_models_withheld(real: Recorded) -> None:
    errors = [row for row in real.results["screening"].verdicts if row["break_id"] == "A01"]  # type: ignore[attr-defined]
    assert len(errors) == 270
    withheld = real.rows("SELECT model_requested FROM core.model_waves WHERE panel = 'screening' AND is_withheld")
    assert {row["model"] for row in errors} <= {name for (name,) in withheld}
    assert len({row["model"] for row in errors}) == 9
    assert real.rows("SELECT DISTINCT error_class, outcome FROM raw.attempts WHERE panel = 'screening' ORDER BY 2") == [
        (None, "empty"),
        (None, "ok"),
    ]


def test_two_versions_of_a_family_are_compared_as_one_series_whose_identity_changed(real: Recorded) -> None:
    found = real.rows(
        "SELECT DISTINCT wave_id, model, identity_changed, cause FROM out.drift_by_model WHERE panel = 'families' "
        "AND reference_kind = 'previous' ORDER BY model"
    )
    assert found == [("families/2023-06-13", "gpt-3.5", True, None), ("families/2023-06-13", "gpt-4", True, None)]
