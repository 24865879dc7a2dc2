"""An import from its file to its publication, twice, and once more with a changed answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.importing import import_responses, request_of
from lake.catalog import connect_reader
from lake.store import Store

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
