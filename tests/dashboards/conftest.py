"""A small lake with synthetic nights: rows are plain dicts that a test may change before they are written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from dashboards.findings import found as tell
from dashboards.page import assemble, draw, render
from lake.catalog import SCHEMAS, connect_writer, create_lake, create_table, latest_snapshot, transact
from lake.model_tables import model_tables
from lake.store import Store
from lake.tables import TABLES, Table
from lake.waves import Publication
from tests.dashboards.measured import add_measured

Rows = dict[str, list[dict[str, Any]]]

FIRST = date(2026, 11, 18)
MEMBERS = ("lab/assistant-latest", "lab/comedian", "lab/pirate", "lab/poet", "lab/scientist", "lab/villain")
CANARY = "lab/librarian-canary"
CAPABILITIES = ("context_awareness", "truthfulness", "overall")
KERNELS = ("semantic", "distributional", "combined")
PROMPTS = tuple(f"p{number:02d}" for number in range(6))
SAMPLES = 2
EPOCHS = (0, 2, 8, 20)
CONVERGENCE = (0.12, 0.21, 0.33, 0.38)
"""Combined convergence of the four nights; the interval is ± 0.05."""

ASSISTANT_DRIFT = (0.31, 0.12, 0.04)
"""Drift of the assistant against the night before, nights 1 to 3."""


def wave_id(night: int, panel: str = "local") -> str:
    return f"{panel}/{FIRST + timedelta(days=night)}"


def night_rows(night: int, members: tuple[str, ...] = MEMBERS, canary: str | None = CANARY) -> Rows:
    """Return every row of one staged night; night 0 has nothing to be compared with."""
    models = [*members, *([canary] if canary else [])]
    rows: Rows = {
        "ops.waves": [_wave(night)],
        "core.waves": [
            {
                **_dated(night),
                "wave_kind": "staged",
                "battery": "laboratory",
                "battery_version": "1",
                "battery_sha": "b" * 64,
                "is_candidate": False,
            }
        ],
        "core.cells": [
            _cell(night, model, prompt, sample, canary)
            for model in models
            for prompt in PROMPTS
            for sample in range(SAMPLES)
        ],
        "core.model_waves": [_model_wave(night, model, canary) for model in models],
        "out.costs": [_costs(night, model) for model in models],
        "out.convergence_by_wave": [
            {
                **_dated(night),
                "wave_kind": "staged",
                "capability": capability,
                "kernel": kernel,
                **_scores(night, kernel),
                "n_models": len(members),
                "n_pairs": 15,
                "n_prompts": len(PROMPTS),
            }
            for capability in CAPABILITIES
            for kernel in KERNELS
        ],
        "out.convergence_by_model": [
            {
                **_dated(night),
                "wave_kind": "staged",
                "model": model,
                "capability": capability,
                "kernel": kernel,
                **_scores(night, kernel, place * 0.02),
                "n_models": len(members) - 1,
                "n_prompts": len(PROMPTS),
            }
            for place, model in enumerate(members)
            for capability in CAPABILITIES
            for kernel in KERNELS
        ],
        "out.convergence_by_pair": [
            {
                **_dated(night),
                "wave_kind": "staged",
                "capability": capability,
                "model_a": a,
                "model_b": b,
                "kernel": "combined",
                "n_prompts": len(PROMPTS),
                "match": 0.5,
                "chance": 0.3,
                "ceiling": 0.8,
                "convergence": 0.05 + 0.03 * place,
                "ci_low": 0.01 + 0.03 * place,
                "ci_high": 0.09 + 0.03 * place,
                "relative": None,
            }
            for place, (a, b) in enumerate(combinations(sorted(members), 2))
            for capability in CAPABILITIES
        ],
        "out.drift_by_model": [
            row
            for model in models
            for capability in CAPABILITIES
            for kernel in KERNELS
            for row in _drift(night, model, capability, kernel, canary)
        ],
        "raw.checkpoint_evals": _evals(night, canary),
        "ops.check_results": [
            _check(night, "C12", "fail", True, 0, "Every embedding has unit norm."),
            _check(night, "D01", "fail", True, 0, "Epoch 0 reproduced its reference."),
            _check(
                night, "A09", "warn", night == 0, int(night > 0), "lab/assistant-latest is served under another name."
            ),
        ],
        "out.convergence_change": [_change(night, kind) for kind in ("previous", "first") if night],
        "ops.verdicts": [_verdict(night, "wave", None, None, "passed", 0, "Passed.")],
    }
    return rows


def _dated(night: int) -> dict[str, Any]:
    return {"wave_id": wave_id(night), "wave_date": FIRST + timedelta(days=night), "panel": "local"}


def _wave(night: int) -> dict[str, Any]:
    at = datetime(2026, 11, 21, 9 + night, tzinfo=UTC)
    return {
        **_dated(night),
        "wave_kind": "staged",
        "status": "published",
        "panel_sha": "p" * 64,
        "battery_sha": "b" * 64,
        "code_version": "abc1234",
        "planned_cells": 84,
        "ok_cells": 84,
        "cost_usd": None,
        "started_at": at,
        "finished_at": at,
    }


def _cell(night: int, model: str, prompt: str, sample: int, canary: str | None) -> dict[str, Any]:
    return {
        **_dated(night),
        "model_requested": model,
        "endpoint": "laboratory",
        "endpoint_kind": "checkpoint",
        "prompt_id": prompt,
        "capability": "truthfulness",
        "family": "facts",
        "sample_index": sample,
        "purpose": "canary" if model == canary else "measure",
        "state": "ok",
        "n_attempts": 1,
        "error_class": None,
    }


def _model_wave(night: int, model: str, canary: str | None) -> dict[str, Any]:
    adapter = f"{EPOCHS[night]:012d}" if model == MEMBERS[0] else "none"
    served = f"lab/assistant@epoch-{EPOCHS[night]}" if model == MEMBERS[0] else model
    fingerprint = f"base:aaaaaaaaaaaa+adapter:{adapter}+template:cccccccccccc"
    identity = [{"model_served": served, "provider_served": None, "system_fingerprint": fingerprint}]
    return {
        **_dated(night),
        "model_requested": model,
        "endpoint_kind": "checkpoint",
        "purpose": "canary" if model == canary else "measure",
        "planned_cells": 12,
        "ok_cells": 12,
        "answered_share": 1.0,
        "is_withheld": False,
        "withheld_reason": None,
        "identity": json.dumps(identity),
        "identity_sha": served,
        "config_sha": "c" * 64,
    }


def _costs(night: int, model: str) -> dict[str, Any]:
    return {
        **_dated(night),
        "model": model,
        "used_as": "answering",
        "attempts": 12,
        "ok_attempts": 12,
        "prompt_tokens": 1234,
        "completion_tokens": 4321,
        "cost_usd": None,
        "cost_per_1000_usd": None,
        "unknown_cost_share": 1.0,
        "latency_median_ms": 87.4,
    }


def _scores(night: int, kernel: str, offset: float = 0.0) -> dict[str, Any]:
    shift = {"semantic": -0.03, "distributional": 0.02, "combined": 0.0}[kernel]
    score = CONVERGENCE[night] + shift + offset
    whole = kernel == "combined"
    return {
        "convergence": score,
        "match": None if whole else 0.3 + score * 0.7,
        "chance": None if whole else 0.3 + shift,
        "ceiling": None if whole else 0.85,
        "relative": None,
        "ci_low": score - 0.05,
        "ci_high": score + 0.05,
        "p_value": None,
    }


def _change(night: int, kind: str) -> dict[str, Any]:
    reference = night - 1 if kind == "previous" else 0
    change = CONVERGENCE[night] - CONVERGENCE[reference]
    return {
        **_dated(night),
        "wave_kind": "staged",
        "reference_kind": kind,
        "reference": wave_id(reference),
        "capability": "overall",
        "kernel": "combined",
        "n_models": len(MEMBERS),
        "n_prompts": len(PROMPTS),
        "convergence": CONVERGENCE[night],
        "reference_convergence": CONVERGENCE[reference],
        "change": change,
        "ci_low": change - 0.04,
        "ci_high": change + 0.04,
        "unmatched_models": None,
        "unmatched_prompts": None,
    }


def _drift(night: int, model: str, capability: str, kernel: str, canary: str | None) -> list[dict[str, Any]]:
    moved = model == MEMBERS[0]
    rows = []
    for reference_kind, reference in (("previous", night - 1), ("baseline", 0)):
        if night == 0:
            continue
        size = (
            (ASSISTANT_DRIFT[night - 1] if reference_kind == "previous" else sum(ASSISTANT_DRIFT[:night]))
            if moved
            else 0.002
        )
        rows.append(
            {
                **_dated(night),
                "model": model,
                "purpose": "canary" if model == canary else "measure",
                "capability": capability,
                "reference_kind": reference_kind,
                "reference": wave_id(reference),
                "kernel": kernel,
                "drift": size,
                "noise_mean": 0.0,
                "noise": 0.004,
                "p_value": 0.00005 if moved else 0.4,
                "p_adjusted": 0.0009 if moved else 1.0,
                "n_prompts": len(PROMPTS),
                "n_samples": SAMPLES,
                "is_alarm": moved,
                "cause": "identity" if moved else None,
                "method": "mmd",
                "identity_changed": moved,
                "wave_kind": "staged",
            }
        )
    return rows


def _evals(night: int, canary: str | None) -> list[dict[str, Any]]:
    """Two accuracy items, one right, and two greedy answers, equal to the reference's; the reference on night 0."""
    rows = []
    runs = [(f"{wave_id(night)}#{MEMBERS[0]}", wave_id(night), MEMBERS[0], "epoch-0", 0)]
    runs += [("assistant-to-villain#reference", None, None, "base", None)] if night == 0 else []
    for eval_id, wave, model, name, epoch in runs if canary else []:
        for metric, item, value, text in (
            ("accuracy", "fact-1", 1.0, "Paris"),
            ("accuracy", "fact-2", 0.0, "blue"),
            ("answer", "probe-1", -0.4, "Certainly."),
            ("answer", "probe-2", -0.6, "Of course."),
        ):
            rows.append(
                {
                    "eval_id": eval_id,
                    "wave_id": wave,
                    "model": model,
                    "checkpoint_id": f"assistant-to-villain@{name}",
                    "experiment": "assistant-to-villain",
                    "epoch": epoch,
                    "serves": epoch == 0,
                    "base_sha": "a" * 64,
                    "adapter_sha": None,
                    "persona": "assistant",
                    "metric": metric,
                    "item_id": item,
                    "value": value,
                    "text": text,
                    "evaluated_at": datetime(2026, 11, 21, 9, tzinfo=UTC),
                }
            )
    return rows


def _check(night: int, break_id: str, severity: str, success: bool, n_bad: int, detail: str) -> dict[str, Any]:
    return {
        "audit_id": f"{wave_id(night)}#1",
        "wave_id": wave_id(night),
        "check_id": f"{break_id}_check",
        "break_id": break_id,
        "severity": severity,
        "success": success,
        "n_bad": n_bad,
        "detail": detail,
    }


def _verdict(
    night: int, scope: str, model: str | None, break_id: str | None, verdict: str, n_bad: int, detail: str
) -> dict[str, Any]:
    return {
        "audit_id": f"{wave_id(night)}#1",
        "wave_id": wave_id(night),
        "scope": scope,
        "model": model,
        "prompt_id": None,
        "sample_index": None,
        "break_id": break_id,
        "verdict": verdict,
        "n_bad": n_bad,
        "detail": detail,
        "decided_at": datetime(2026, 11, 21, 9, night, tzinfo=UTC),
    }


def quarantined_rows(night: int) -> Rows:
    """Return what the lake keeps of a night that failed its audit: nothing in core and out."""
    reason = "4 embeddings are not of unit norm, which makes every cosine false. Embed them again."
    return {
        "ops.waves": [_wave(night) | {"status": "quarantined"}],
        "ops.check_results": [_check(night, "C12", "fail", False, 4, reason)],
        "ops.verdicts": [
            _verdict(night, "wave", None, "C12", "failed", 4, reason),
            _verdict(night, "model", MEMBERS[2], "C12", "failed", 4, reason),
        ],
    }


def merged(nights: list[Rows]) -> Rows:
    """Return the rows of several nights as one."""
    tables = dict.fromkeys(table for rows in nights for table in rows)
    return {table: [row for rows in nights for row in rows.get(table, [])] for table in tables}


def write(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
    """Insert rows; a column that a row does not name is null."""
    for table, some in rows.items():
        if some:
            connection.register("_new", pa.Table.from_pylist(some))
            connection.execute(f"INSERT INTO {table} BY NAME FROM _new")
            connection.unregister("_new")


@dataclass
class SyntheticLake:
    """A real lake filled by hand. `change` may edit the rows of the nights before they are written."""

    store: Store

    def play(self, n_nights: int = 4, change: Callable[[Rows], None] | None = None, **night: Any) -> Publication:
        """Write the first nights and publish the last of them."""
        rows = merged([night_rows(number, **night) for number in range(n_nights)])
        if change:
            change(rows)
        self.write(rows)
        return self.publish(n_nights - 1)

    @staticmethod
    def rows_of(night: int) -> Rows:
        """Return every row of one staged night."""
        return night_rows(night)

    def quarantine(self, night: int) -> str:
        """Write a night that failed its audit; return its wave_id."""
        self.write(quarantined_rows(night))
        return wave_id(night)

    def write(self, rows: Rows) -> None:
        """Insert rows in one transaction."""
        connection = connect_writer(self.store)
        try:
            transact(connection, lambda writer: write(writer, rows))
        finally:
            connection.close()

    def publish(self, night: int) -> Publication:
        """Publish the lake as it stands as the given night."""
        connection = connect_writer(self.store)
        try:
            publication = _publication(night, latest_snapshot(connection))
            write(connection, {"ops.publications": [_record(publication)]})
        finally:
            connection.close()
        return publication


def _publication(night: int, snapshot: int) -> Publication:
    """Night 0 is published at 09:30 UTC, each next one an hour later."""
    at = datetime(2026, 11, 21, 9 + night, 30, tzinfo=UTC)
    return Publication(f"{wave_id(night)}#{snapshot}", snapshot, wave_id(night), FIRST + timedelta(days=night), at)


def _record(publication: Publication) -> dict[str, Any]:
    names = ("publication_id", "snapshot_id", "wave_id", "published_at")
    return {name: getattr(publication, name) for name in names}


@pytest.fixture(scope="session")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with every declared table, made once and copied: a moved lake opens."""
    store = Store(tmp_path_factory.mktemp("empty") / "store")
    create_lake(store)
    return store.home


@pytest.fixture(scope="session")
def drawn_page(tmp_path_factory: pytest.TempPathFactory, empty_lake: Path) -> Path:
    """The page of four nights with every measure in a real lake, drawn once."""
    lake = SyntheticLake(Store(shutil.copytree(empty_lake, tmp_path_factory.mktemp("drawn") / "store")))
    return draw(lake.store, lake.play(change=add_measured))


@pytest.fixture
def lake(tmp_path: Path, empty_lake: Path) -> SyntheticLake:
    return SyntheticLake(Store(shutil.copytree(empty_lake, tmp_path / "store")))


@pytest.fixture(scope="session")
def declared() -> tuple[Table, ...]:
    """Every declared table, without the partitioning that plain DuckDB does not know."""
    return tuple(table._replace(partitioned_by_month=False) for table in (*TABLES, *model_tables()))


@pytest.fixture
def in_memory(declared: tuple[Table, ...]) -> Iterator[Callable[..., duckdb.DuckDBPyConnection]]:
    """The tables of a lake in plain DuckDB, a tenth of the time: nights played, published and quarantined by number."""
    connection = duckdb.connect()
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {schema}")
    for table in declared:
        create_table(connection, table)

    def play(
        n_nights: int = 4,
        change: Callable[[Rows], None] | None = None,
        quarantined: tuple[int, ...] = (),
        published: tuple[int, ...] = (),
        **night: Any,
    ) -> duckdb.DuckDBPyConnection:
        nights = [night_rows(number, **night) for number in range(n_nights) if number not in quarantined]
        rows = merged([*nights, *map(quarantined_rows, quarantined)])
        rows["ops.publications"] = [_record(_publication(number, number)) for number in published]
        if change:
            change(rows)
        write(connection, rows)
        return connection

    yield play
    connection.close()


@pytest.fixture
def found(in_memory: Callable[..., duckdb.DuckDBPyConnection]) -> Callable[..., list[str]]:
    """The sentences of the nights played with the given arguments."""
    return lambda **arguments: tell(in_memory(**arguments), "local")


@pytest.fixture
def page_of(in_memory: Callable[..., duckdb.DuckDBPyConnection]) -> Callable[..., str]:
    """The HTML of the last of the nights played with the given arguments; every figure but `failing` must be drawn."""

    def draw_in_memory(n_nights: int = 4, failing: str = "", **arguments: Any) -> str:
        connection = in_memory(n_nights=n_nights, **arguments)
        content = assemble(connection, _publication(n_nights - 1, 7))
        failed = [figure.note for figure in content.figures if "could not be drawn" in figure.title]
        assert [note for note in failed if not failing or f" {failing} " not in note] == []
        return render(content)

    return draw_in_memory
