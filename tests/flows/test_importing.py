"""Imports that are refused, and effects that others published; tests/validation plays whole imports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flows.importing import import_effects, import_responses, request_of
from lake.catalog import connect_reader
from lake.errors import InputError, NoLakeError
from lake.store import Store


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


def test_a_name_under_which_a_panel_is_asked_is_refused() -> None:
    with pytest.raises(InputError, match="--panel local is a panel that is asked"):
        request_of([Path("a.jsonl")], "local", "asked_at")
