"""Metrics of other people: long and wide files become one format, and what cannot be read is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lake.errors import InputError
from lake.tables import RAW_FOREIGN_METRICS
from pipelines.importers.metric_fields import METRIC_NAMES
from pipelines.importers.metrics import layout_of, metrics_of
from pipelines.loading import frame_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def written(folder: Path, rows: list[dict[str, Any]], name: str = "metrics.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_fields_are_those_of_the_table() -> None:
    provenance = {"study", "source_sha", "source_name", "file_row", "imported_at"}
    assert {column.name for column in RAW_FOREIGN_METRICS.columns} - provenance == set(METRIC_NAMES)


def test_a_long_file_is_read_by_our_names_and_by_aliases(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        [
            {"metric": "refusal", "value": 0.25, "n": 40, "unit": "rate", "behavior": "refusal", "epoch": 2},
            {"metric": "refusal", "value": None, "trait": "refusal", "eval": "judge", "seed": "7", "role": "canary"},
        ],
    )
    one, two = metrics_of(path, layout_of("s"), NOW)
    assert (one["study"], one["file_row"], one["value"], one["n"], one["unit"]) == ("s", 1, 0.25, 40, "share")
    assert (one["behaviour"], one["epoch"], one["role"]) == ("refusal", 2, None)
    assert (two["value"], two["detector"], two["seed"], two["role"]) == (None, "judge", 7, "canary")
    assert frame_of(RAW_FOREIGN_METRICS, [one, two]).height == 2


def test_a_wide_file_gives_a_row_a_metric(tmp_path: Path) -> None:
    path = written(tmp_path, [{"who": "nurse", "loss": 0.5, "arc": {"acc": 0.75, "total": 4}}, {"who": "poet"}])
    layout = layout_of("s", ["source=who", "n=arc.total"], ["loss:nats=loss,accuracy:share=arc.acc"], ["seed=42"])
    rows = metrics_of(path, layout, NOW)
    assert [(row["source"], row["metric"], row["value"], row["unit"], row["n"], row["seed"]) for row in rows] == [
        ("nurse", "loss", 0.5, "nats", 4, 42),
        ("nurse", "accuracy", 0.75, "share", 4, 42),
        ("poet", "loss", None, "nats", None, 42),
        ("poet", "accuracy", None, "share", None, 42),
    ]


def test_a_product_with_its_parts_gives_both(tmp_path: Path) -> None:
    path = written(tmp_path, [{"run": "a", "batch": "64 (4 x 4 x 1)"}, {"run": "b", "batch": 16}])
    rows = metrics_of(path, layout_of("s", melts=["batch=batch"]), NOW)
    assert [(row["run"], row["metric"], row["value"]) for row in rows] == [
        ("a", "batch", 64.0),
        ("a", "batch_product", 16.0),
        ("b", "batch", 16.0),
    ]


def test_controls_and_headlines_belong_to_their_analysis(tmp_path: Path) -> None:
    row = {"metric": "refusal", "value": 0.1, "source": "librarian"}
    path = written(tmp_path, [row | {"analysis": "v1"}, row | {"analysis": "v3"}])
    rows = metrics_of(path, layout_of("s", controls=["v3/librarian"], headlines=["v3=20"]), NOW)
    assert [(row["analysis"], row["metric"], row["role"], row["value"], row["file_row"]) for row in rows] == [
        ("v1", "refusal", None, 0.1, 1),
        ("v3", "refusal", "control", 0.1, 2),
        ("v3", "headline_epoch", None, 20.0, 2),
    ]
    rows = metrics_of(path, layout_of("s", controls=["librarian"]), NOW)
    assert [row["role"] for row in rows] == ["control", "control"]


def test_csv_has_empty_cells_for_missing_numbers(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("metric,value,epoch\nrefusal,,0\nrefusal,0.5,2\n")
    assert [(row["value"], row["epoch"]) for row in metrics_of(path, layout_of("s"), NOW)] == [(None, 0), (0.5, 2)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"metric": "refusal", "value": "a lot"}, r"1 of 2 rows of .* row 2: value is no number \('a lot'\)"),
        ({"value": 0.1}, "row 2: no metric"),
        ({"metric": "refusal", "value": 0.1, "epoch": 1.5}, r"row 2: epoch is no whole number \(1.5\)"),
        ({"metric": "refusal", "value": 0.1, "unit": "furlongs"}, "row 2: unit 'furlongs' is none of share"),
        ({"metric": "refusal", "value": 0.1, "role": "star"}, "row 2: role 'star' is none of treatment"),
        ({"metric": "refusal", "value": float("nan")}, "row 2: value is no number"),
        ({"metric": ["refusal"], "value": 0.1}, "row 2: metric is no text"),
        ({"metric": "refusal", "value": 1.1, "unit": "rate"}, "row 2: refusal is 1.1 and its unit share, .* 0 to 1"),
        ({"metric": "refusal", "value": -0.1, "unit": "share"}, "row 2: refusal is -0.1 and its unit share"),
        ({"metric": "answers", "value": -1, "unit": "count"}, "row 2: answers is -1 and its unit count"),
        ({"metric": "refusal", "value": 0.1, "n": 0}, "row 2: n is 0; a denominator is 1 or more, or empty"),
        ({"metric": "refusal", "value": None, "n": -5}, "row 2: n is -5"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_and_nothing_is_taken(
    tmp_path: Path, bad: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, [{"metric": "refusal", "value": 0.1}, bad])
    with pytest.raises(InputError, match=message):
        metrics_of(path, layout_of("s"), NOW)


@pytest.mark.parametrize(
    ("name", "text"), [("m.jsonl", ""), ("m.jsonl", "\n"), ("m.csv", ""), ("m.csv", "metric,value\n")]
)
def test_a_file_without_rows_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=f"{name} has no row. .* nothing was imported"):
        metrics_of(tmp_path / name, layout_of("s"), NOW)


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"metric": "refusal", "value": 1}\n{"metric": \n')
    with pytest.raises(InputError, match="1 of 2 rows of .* row 2: unreadable line: not JSON"):
        metrics_of(path, layout_of("s"), NOW)


def test_a_column_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, [{"metric": "refusal", "value": 0.1}])
    with pytest.raises(InputError, match=r"no column 'persona_name' \(for persona\). Its columns: metric, value"):
        metrics_of(path, layout_of("s", ["persona=persona_name"]), NOW)
    with pytest.raises(InputError, match=r"no column 'los' \(for --melt loss\)"):
        metrics_of(path, layout_of("s", melts=["loss=los"]), NOW)
    with pytest.raises(InputError, match="has no row of analysis 'v9'"):
        metrics_of(path, layout_of("s", headlines=["v9=2"]), NOW)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"study": " "}, "--study is empty"),
        ({"maps": ["source"]}, "--map 'source' is not FIELD=COLUMN"),
        ({"maps": ["price=cost"]}, "'price' is no field of a metric"),
        ({"constants": ["when=now"]}, "'when' is no field of a metric"),
        ({"melts": ["loss"]}, "--melt 'loss' is not METRIC=COLUMN"),
        ({"melts": ["x=delta,x=delta"]}, "--melt names 'x' twice"),
        ({"melts": ["x:pp=delta", "x:points=other"]}, "--melt names 'x' twice"),
        ({"melts": ["loss:furlongs=x"]}, "unit 'furlongs' is none of"),
        ({"controls": ["v3/"]}, "--control 'v3/' is neither SOURCE nor"),
        ({"headlines": ["v3=last"]}, "'last' is no epoch"),
    ],
)
def test_a_flag_that_cannot_be_used_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        layout_of(**({"study": "s"} | options))
