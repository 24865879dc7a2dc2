"""Recorded answers from a file to a publication: what is found, what is kept out, and nothing twice."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.importing import import_effects, import_responses, request_of
from lake.catalog import connect_reader
from lake.errors import InputError, NoLakeError
from lake.store import Store

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
