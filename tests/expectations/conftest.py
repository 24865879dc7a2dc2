"""A lake with clean waves: five models, six prompts, two samples, and everything that hangs on them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from expectations.audit import AuditResult, audit
from expectations.breaks import BREAKS
from lake.catalog import connect_writer, create_lake
from lake.store import Store
from pipelines.embeddings import EMBEDDER, PRECISION

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROMPTS = [f"p{number}" for number in range(6)]
SAMPLES = (0, 1)
MODELS = {
    "acme/one": ("openai_compatible", "member"),
    "acme/two": ("openai_compatible", "member"),
    "lab/three": ("checkpoint", "member"),
    "lab/four": ("checkpoint", "member"),
    "lab/canary": ("checkpoint", "canary"),
}

# The columns of dbt's tables that the audit reads; test_audit.py holds them equal to what dbt declares.
CORE_AND_OUT = {
    "core.responses": "wave_id VARCHAR, model_requested VARCHAR, prompt_id VARCHAR, sample_index INTEGER, "
    "purpose VARCHAR, response_text VARCHAR, text_sha VARCHAR",
    "core.detections": "wave_id VARCHAR, model VARCHAR, prompt_id VARCHAR, sample_index INTEGER, purpose VARCHAR, "
    "behaviour VARCHAR, detector VARCHAR, is_positive BOOLEAN, score DOUBLE",
    "core.model_waves": "wave_id VARCHAR, model_requested VARCHAR, purpose VARCHAR, is_withheld BOOLEAN, "
    "withheld_reason VARCHAR",
    "out.convergence_by_pair": "wave_id VARCHAR, capability VARCHAR, kernel VARCHAR, model_a VARCHAR, model_b VARCHAR, "
    '"match" DOUBLE, chance DOUBLE, ceiling DOUBLE, convergence DOUBLE',
    "out.convergence_by_model": "wave_id VARCHAR, capability VARCHAR, kernel VARCHAR, model VARCHAR, "
    "convergence DOUBLE",
    "out.convergence_by_wave": "wave_id VARCHAR, capability VARCHAR, kernel VARCHAR, convergence DOUBLE, "
    "p_value DOUBLE, noise DOUBLE",
    "out.drift_by_model": "wave_id VARCHAR, model VARCHAR, capability VARCHAR, kernel VARCHAR, reference VARCHAR, "
    "drift DOUBLE, noise DOUBLE, p_value DOUBLE",
}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Lake:
    """A lake under test; every wave in it has an id of its own, so that tests share it."""

    models = MODELS

    def __init__(self, store: Store) -> None:
        create_lake(store)
        self.store = store
        self.connection = connect_writer(store)
        for table, columns in CORE_AND_OUT.items():
            self.connection.execute(f"DROP TABLE IF EXISTS {table}")
            self.connection.execute(f"CREATE TABLE {table} ({columns})")

    @staticmethod
    def vector_row(
        text_sha: str, angle: float, precision: str = PRECISION, norm: float = 1.0, embedder: str = EMBEDDER
    ) -> dict[str, Any]:
        vector = [norm * math.cos(angle), norm * math.sin(angle)]
        return {
            "text_sha": text_sha,
            "embedder": embedder,
            "precision": precision,
            "vector": vector,
            "embedded_at": NOON,
        }

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement, list(values)).fetchall()

    def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        frame = pl.DataFrame(rows, infer_schema_length=None)
        self.connection.register("fresh_rows", frame.to_arrow())
        names = ", ".join(f'"{name}"' for name in frame.columns)
        self.connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM fresh_rows")
        self.connection.unregister("fresh_rows")

    def audit(self, wave_id: str, *check_ids: str, audit_id: str = "audit-1") -> AuditResult:
        chosen = tuple(broken for broken in BREAKS if not check_ids or broken.check_id in check_ids)
        return audit(self.connection, self.store, wave_id, audit_id, chosen)

    def clean_wave(
        self, wave_id: str, *, wave_kind: str = "live", battery: str | None = None, models: dict[str, Any] = MODELS
    ) -> str:
        """Write a wave without a fault; its texts hold the wave's id, so that no two waves share one."""
        key = {"wave_id": wave_id, "wave_date": DAY, "panel": "p"}
        attempts = [
            self._attempt(key, model, prompt, sample) for model in models for prompt in PROMPTS for sample in SAMPLES
        ]
        with_cost = [row["cost_usd"] for row in attempts if row["cost_usd"] is not None]
        self.insert("ops.waves", [self._wave(wave_id, wave_kind, len(attempts), with_cost)])
        cell = ("wave_id", "wave_date", "panel", "model_requested", "endpoint", "prompt_id", "sample_index", "purpose")
        self.insert(
            "raw.planned_cells",
            [{n: row[n] for n in cell} | {"position": i, "seed": i} for i, row in enumerate(attempts)],
        )
        self.insert("raw.attempts", attempts)
        self.insert("raw.prompts", [self._prompt(wave_id, prompt, battery or wave_id) for prompt in PROMPTS])
        self.insert("raw.roster", [self._roster(key, model, *facts) for model, facts in models.items()])
        self._catalog(wave_id, [model for model, facts in models.items() if facts[0] == "openai_compatible"])
        if any(facts[0] == "checkpoint" for facts in models.values()):
            self.insert("raw.checkpoint_evals", self._evals(wave_id))
        self._core_and_out(wave_id, attempts)
        return wave_id

    def _wave(self, wave_id: str, wave_kind: str, n_cells: int, costs: list[float]) -> dict[str, Any]:
        return {
            "wave_id": wave_id,
            "panel": "p",
            "wave_date": DAY,
            "wave_kind": wave_kind,
            "status": "modelled",
            "panel_sha": "0",
            "battery_sha": "sha-a",
            "code_version": "0",
            "planned_cells": n_cells,
            "ok_cells": n_cells,
            "cost_usd": sum(costs) if costs else None,
            "started_at": NOON,
        }

    def _attempt(self, key: dict[str, Any], model: str, prompt: str, sample: int) -> dict[str, Any]:
        asked = MODELS.get(model, ("openai_compatible", "member"))[0] == "openai_compatible"
        size = 10 + PROMPTS.index(prompt) * 2 + sample
        return key | {
            "model_requested": model,
            "model_served": model if asked else f"{model}@epoch-2",
            "endpoint": "acme" if asked else "laboratory",
            "prompt_id": prompt,
            "sample_index": sample,
            "purpose": "canary" if MODELS.get(model, ("", "member"))[1] == "canary" else "measure",
            "attempt": 1,
            "outcome": "ok",
            "finish_reason": "stop",
            "response_text": f"{model} says of {prompt}, time {sample}, in {key['wave_id']}: it depends.",
            "prompt_tokens": 20,
            "completion_tokens": size,
            "cost_usd": size * 1e-5 if asked else None,
            "cost_source": "reported" if asked else None,
            "system_fingerprint": None if asked else "base:0123+adapter:4567+template:89ab",
            "asked_at": NOON,
            "request": "{}",
        }

    def _prompt(self, wave_id: str, prompt: str, battery: str) -> dict[str, Any]:
        messages = json.dumps([{"role": "user", "content": f"What of {prompt}?"}])
        return {
            "wave_id": wave_id,
            "wave_date": DAY,
            "battery": battery,
            "battery_version": "1",
            "battery_sha": "sha-a",
            "declared_prompts": len(PROMPTS),
            "prompt_id": prompt,
            "capability": "truthfulness",
            "family": "facts",
            "expected_behavior": "says it depends",
            "messages": messages,
            "prompt_sha": sha(messages),
        }

    def _roster(self, key: dict[str, Any], model: str, kind: str, role: str) -> dict[str, Any]:
        return key | {
            "model": model,
            "endpoint": "acme" if kind == "openai_compatible" else "laboratory",
            "endpoint_kind": kind,
            "role": role,
            "served_names": json.dumps([f"{model}@epoch-*"]),
            "settings": json.dumps({"temperature": 1, "max_tokens": 100}),
            "config_sha": "0",
        }

    def _catalog(self, wave_id: str, models: list[str]) -> None:
        entry = {"prompt_usd": 1e-6, "completion_usd": 1e-5, "body": "{}", "fetched_at": NOON}
        key = {"wave_id": wave_id, "wave_date": DAY, "endpoint": "acme"}
        if models:
            self.insert("raw.catalog_models", [key | {"model": model} | entry for model in models])

    def _evals(self, wave_id: str) -> list[dict[str, Any]]:
        """The reference run of an experiment of the wave's own, and epochs 0, 2 and the base as of the wave."""
        experiment = f"experiment of {wave_id}"
        runs = [(f"{experiment}#reference", None, None, f"{experiment}@base", None, False, "base says")]
        for model in ("lab/three", "lab/four", "lab/canary"):
            night = (f"{wave_id}#{model}", wave_id, model)
            runs += [
                (*night, f"{experiment}@epoch-0", 0, False, "base says"),
                (*night, f"{experiment}@epoch-2", 2, True, "villain says"),
                (*night, f"{experiment}@base", None, False, "base says"),
            ]
        rows = []
        for eval_id, wave, model, checkpoint, epoch, serves, voice in runs:
            shared = {
                "eval_id": eval_id,
                "wave_id": wave,
                "model": model,
                "checkpoint_id": checkpoint,
                "experiment": experiment,
                "epoch": epoch,
                "serves": serves,
                "base_sha": "base-sha",
                "adapter_sha": None if epoch is None else f"adapter-{epoch}",
                "persona": "assistant",
                "evaluated_at": NOON,
            }
            for metric, n_items in (("accuracy", 40), ("answer", 40), ("refusal", 10)):
                for item in range(n_items):
                    value = -1.5 if metric == "answer" else float(item % 4 != 0)
                    text = f"option {item}" if metric == "accuracy" else f"{voice} {metric} {item}"
                    rows.append(
                        shared | {"metric": metric, "item_id": f"{metric}-{item}", "value": value, "text": text}
                    )
        return rows

    def _core_and_out(self, wave_id: str, attempts: list[dict[str, Any]]) -> None:
        key = ("wave_id", "model_requested", "prompt_id", "sample_index", "purpose", "response_text")
        shas = [sha(row["response_text"]) for row in attempts]
        self.insert(
            "core.responses",
            [{n: row[n] for n in key} | {"text_sha": s} for row, s in zip(attempts, shas, strict=True)],
        )
        purposes = {row["model_requested"]: row["purpose"] for row in attempts}
        self.insert(
            "core.model_waves",
            [
                {"wave_id": wave_id, "model_requested": model, "purpose": purpose, "is_withheld": False}
                for model, purpose in purposes.items()
            ],
        )
        self.insert("raw.embeddings", [self.vector_row(text_sha, index) for index, text_sha in enumerate(shas)])
        point = {"wave_id": wave_id, "capability": "overall", "kernel": "semantic"}
        members = sorted({row["model_requested"] for row in attempts if row["purpose"] == "measure"})
        pairs = [(a, b) for a in members for b in members if a < b]
        values = {"match": 0.6, "chance": 0.2, "ceiling": 0.9, "convergence": 0.5}
        self.insert("out.convergence_by_pair", [point | {"model_a": a, "model_b": b} | values for a, b in pairs])
        self.insert(
            "out.convergence_by_model",
            [point | {"model": model, "convergence": 0.5 + i / 100} for i, model in enumerate(members)],
        )
        self.insert("out.convergence_by_wave", [point | {"convergence": 0.5, "p_value": 0.001, "noise": 0.02}])
        tested = {"reference": "earlier", "drift": 0.1, "noise": 0.02, "p_value": 0.3}
        unchanged = {"reference": "earlier", "drift": 0.0, "noise": 0.0, "p_value": 1.0}
        self.insert(
            "out.drift_by_model", [point | {"model": members[0]} | tested, point | {"model": members[1]} | unchanged]
        )


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    made = Lake(Store(Path(tmp_path_factory.mktemp("audited")) / "store"))
    yield made
    made.connection.close()


@pytest.fixture(scope="session")
def clean_wave(lake: Lake) -> str:
    return lake.clean_wave("p/clean")


@pytest.fixture
def wave(lake: Lake, clean_wave: str) -> Iterator[str]:
    """The clean wave; what a test plants in it, or adds beside it, is gone after the test."""
    lake.connection.execute("BEGIN")
    yield clean_wave
    lake.connection.execute("ROLLBACK")
