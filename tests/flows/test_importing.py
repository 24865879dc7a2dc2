"""Recorded answers from a file to a publication: what is found, what is kept out, and nothing twice."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from expectations.audit import AuditResult, audit
from expectations.breaks import BREAKS
from flows.importing import import_effects, import_responses, request_of
from lake.catalog import connect_reader, connect_writer, create_lake
from lake.errors import InputError, NoLakeError
from lake.store import Store
from lake.waves import record_audit
from models_sql.run import build
from pipelines.importers.known import known_of
from pipelines.importers.rows import Request, read
from pipelines.importers.storing import store_import
from pipelines.importers.waves import waves_of
from tests.corpora import recorded

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STYLES = {"acme/one": "one answers {}", "acme/two": "two would rather say {} here"}


def rows(
    day: str, models: tuple[str, ...], prompts: int = 6, said: str = "words and more words"
) -> list[dict[str, Any]]:
    return [
        {"model": model, "prompt_id": f"p{n}", "prompt": f"Q{n}?", "timestamp": day}
        | {"response": STYLES[model].format(f"{said} number {n}")}
        for model in models
        for n in range(prompts)
    ]


def write(path: Path, found: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return path


def seen(store: Store, query: str) -> list[tuple[Any, ...]]:
    connection = connect_reader(store)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_an_import_is_published_once_and_a_changed_file_changes_what_it_changed(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    both = ("acme/one", "acme/two")
    given = [*rows("2024-01-01", both), *rows("2024-01-02", both)]
    path = write(tmp_path / "a.jsonl", [*given, {"model": "acme/one"}])
    request = request_of([path], "history", "asked_at")

    said = import_responses(store, request, embeddings=False, dry_run=True)
    assert "Would import into panel history: 24 answers of 2 models to 6 prompts in 2 waves; 1 rows kept out" in said
    assert "kept out 1: no prompt (first in row 25)" in said
    assert not store.home.exists()

    import_responses(store, request, embeddings=False)
    kinds = seen(store, "SELECT wave_id, wave_kind FROM core.waves ORDER BY 1")
    assert kinds == [("history/2024-01-01", "imported"), ("history/2024-01-02", "imported")]
    assert seen(store, "SELECT reason, file_row FROM raw.import_rejects") == [("no prompt", 25)]
    assert seen(store, "SELECT DISTINCT method, drift, p_value FROM out.drift_by_model") == [("identical", 0.0, 1.0)]
    scored = "SELECT count(convergence) > 0 FROM out.convergence_by_wave WHERE kernel "
    assert seen(store, f"{scored} = 'distributional'") == [(True,)]
    assert seen(store, f"{scored} <> 'distributional'") == [(False,)]  # nothing was embedded
    assert (store.site / "index.html").is_file()

    state = """
        SELECT (SELECT count(*) FROM ops.publications), (SELECT count(*) FROM raw.attempts),
            (SELECT count(*) FROM ops.check_results)
    """
    before = seen(store, state)
    copy = Path(shutil.copy(path, tmp_path / "copy.jsonl"))
    again = import_responses(store, request_of([copy], "history", "asked_at"), embeddings=False)
    assert "nothing was changed" in again and seen(store, state) == before

    changed = [row | {"response": "quite another text stands here"} if n == 12 else row for n, row in enumerate(given)]
    path = write(tmp_path / "b.jsonl", changed)
    said = import_responses(store, request_of([path], "history", "asked_at"), embeddings=False)
    assert "New to the lake: 1 answers, 1 of them in place of another text." in said
    drifted = seen(
        store,
        "SELECT model, changed_share FROM out.drift_by_model "
        "WHERE capability = 'overall' AND reference_kind = 'previous' AND drift > 0",
    )
    assert drifted == [("acme/one", pytest.approx(1 / 6))]
    # the wave that the change belongs to was published anew; the other was left alone
    published = seen(store, "SELECT wave_id, count(*) FROM ops.publications GROUP BY 1 ORDER BY 1")
    assert published == [("history/2024-01-01", 1), ("history/2024-01-02", 2)]
    revised = "SELECT DISTINCT wave_id, reason, revised_with FROM out.revisions WHERE table_name "
    late = ("history/2024-01-02", "new answers", "history/2024-01-02")
    assert seen(store, f"{revised} = 'drift_by_model'") == seen(store, f"{revised} = 'convergence_by_wave'") == [late]


def test_published_effects_are_imported_whole_and_once(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "store"), tmp_path / "effects.csv"
    head, row = "study,effect_id,estimate,p_value,again_estimate,again_p_value", "s,{},1.5,{},0.5,.01"
    path.write_text("\n".join([head, row.format("one", ".001"), row.format("two", "")]))
    assert "2 effects read, 2 new to the lake" in import_effects(store, path)
    assert "2 effects read, 0 new to the lake" in import_effects(store, path)
    connection = connect_reader(store, "head")
    assert connection.execute("SELECT effect_id, p_value, again_estimate FROM raw.effects ORDER BY 1").fetchall() == [
        ("one", 0.001, 0.5),
        ("two", None, 0.5),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("s,,1,.1,1,.1", "Row 1 of .* has no effect_id"),
        ("s,a,,.1,1,.1", "estimate is no number"),
        ("s,a,1,.1,1,1.5", "again_p_value is 1.5, which is out of range"),
        ("s,a,1,.1,1,.1\ns,a,1,.1,1,.1", "Row 2 of .* names effect 'a' of 's' again \\(first in row 1\\)"),
        ("s,a,1", "3 cells under 6 columns"),
    ],
)
def test_effects_that_cannot_be_used_are_refused_before_anything_is_written(
    tmp_path: Path, row: str, message: str
) -> None:
    path = tmp_path / "effects.csv"
    path.write_text(f"study,effect_id,estimate,p_value,again_estimate,again_p_value\n{row}\n")
    with pytest.raises(InputError, match=message):
        import_effects(Store(tmp_path / "store"), path)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axis": "written_at"}, "--time-axis 'written_at' is not known"),
        ({"series": "colour"}, "--series 'colour' is not known"),
        ({"maps": ["modle=x"]}, "is not ours=theirs"),
        ({"maps": ["model"]}, "is not ours=theirs"),
        ({"day": "yesterday"}, "--date 'yesterday' is not a date"),
        ({"capability": "humour"}, "--capability 'humour' is not known"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        request_of([Path("a.jsonl")], "p", **{"axis": "asked_at", **options})


def test_what_cannot_be_imported_makes_no_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(InputError, match="There is no file"):
        import_responses(store, request_of([tmp_path / "no.csv"], "p", "asked_at"))
    assert not store.home.exists()
    with pytest.raises(NoLakeError):
        connect_reader(store)


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
