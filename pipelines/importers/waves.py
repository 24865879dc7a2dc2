"""Waves of recorded answers: one a date of the time axis, each with its plan and the attempts the lake lacks.

The plan of a wave is its grid: every model of the wave, every prompt, each model's samples. A new wave that holds
95 % of the panel's prompts up to its date is planned with all of them: a source that lost a row between two versions
had it, and one that grew had not. A wave that the lake knows keeps its prompts and adds what its own rows answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from lake.tables import RAW_ATTEMPTS, RAW_PLANNED_CELLS
from lake.waves import Wave
from pipelines.code_version import code_version
from pipelines.importers.fields import SOURCE_FIELDS
from pipelines.importers.known import ENDPOINT, Known
from pipelines.importers.rows import Request
from pipelines.panels.records import Battery, EndpointSpec, Panel, Prompt, RosterEntry, sha256_of
from pipelines.planning import WavePlan

NEARLY_ALL = 0.95
"""Share of the panel's prompts up to its date from which on a new wave was meant to hold them all."""

PROMPT_COLUMNS = ("prompt_id", "capability", "family", "reference", "prompt")


@dataclass(frozen=True)
class ImportedWave:
    """One wave. `cells`: rows of raw.planned_cells; `attempts`: rows of raw.attempts that the lake lacks."""

    plan: WavePlan
    cells: pl.DataFrame
    attempts: pl.DataFrame
    n_changed: int

    @property
    def wave_id(self) -> str:
        """Its panel/date."""
        return self.plan.wave_id

    def wave(self) -> Wave:
        """Return its row of ops.waves."""
        plan = self.plan
        return Wave(
            wave_id=plan.wave_id,
            panel=plan.panel.name,
            wave_date=plan.wave_date,
            wave_kind="imported",
            status="planned",
            panel_sha=plan.panel.sha,
            battery_sha=plan.panel.battery.sha,
            code_version=plan.code_version,
            planned_cells=self.cells.height,
            started_at=plan.started_at,
        )


def waves_of(request: Request, rows: pl.DataFrame, known: Known, now: datetime) -> Iterator[ImportedWave]:
    """Yield the waves that usable rows belong to, oldest first."""
    asked = _prompts(rows).with_columns(wave_id=f"{request.panel}/" + pl.col("wave_date").dt.to_string("iso"))
    asked = pl.concat([asked.select("wave_id", *PROMPT_COLUMNS), known.prompts.select("wave_id", *PROMPT_COLUMNS)])
    for some in rows.sort("wave_date", "place").partition_by("wave_date", maintain_order=True):
        yield _wave(request, some["wave_date"][0], some, known, asked, now)


def _battery(wave_id: str, asked: pl.DataFrame, is_known: bool) -> pl.DataFrame:
    """Return the prompts that a wave is planned with; of two texts under one id the file's stands.

    `asked` holds what each wave of the panel asks, of the file first, then of the lake. Only what was asked up to the
    wave's date can be lost, and a text that changed under its id is no lost row. A later import never fills a known
    wave: answers that it never had would be missing from now on, and what was published would fail for it.
    """
    own = asked.filter(pl.col("wave_id") == wave_id).select(PROMPT_COLUMNS).unique("prompt_id", keep="first")
    if is_known:
        return own
    so_far = asked.filter(pl.col("wave_id") <= wave_id).select(PROMPT_COLUMNS).unique()
    unambiguous = so_far.filter(pl.col("prompt").n_unique().over("prompt_id") == 1).unique("prompt_id")
    if own.height < NEARLY_ALL * unambiguous.height:
        return own
    return pl.concat([own, unambiguous.join(own, on="prompt_id", how="anti")])


def _wave(
    request: Request, day: date, rows: pl.DataFrame, known: Known, asked: pl.DataFrame, now: datetime
) -> ImportedWave:
    wave_id = f"{request.panel}/{day.isoformat()}"
    own = pl.col("wave_id") == wave_id
    before = known.cells.filter(own).select("model_requested", "prompt_id", "sample_index")
    prompts = _battery(wave_id, asked, is_known=not known.prompts.filter(own).is_empty())
    panel = _panel(request, rows, prompts.sort("prompt_id"))
    plan = WavePlan(
        wave_id=wave_id,
        wave_date=day,
        wave_kind="imported",
        staged_night=None,
        panel=panel,
        folder=Path(),
        started_at=now,
        code_version=code_version(),
        cells=(),
    )
    attempts = _attempts(request, wave_id, rows)
    known_texts = known.attempts.filter(own).select(
        "model_requested", "prompt_id", "sample_index", "text_sha", before="attempt"
    )
    compared = attempts.join(known_texts, on=["model_requested", "prompt_id", "sample_index"], how="left")
    shas = pl.col("response_text").map_elements(_sha, return_dtype=pl.String)
    new = compared.with_columns(sha=shas).filter(pl.col("text_sha").is_null() | (pl.col("text_sha") != pl.col("sha")))
    changed = new.height - new["before"].null_count()
    new = new.with_columns(attempt=(pl.col("before").fill_null(0) + 1).cast(pl.Int32))
    cells = _cells(request, wave_id, day, rows, before, prompts)
    return ImportedWave(plan, cells, new.select(column.name for column in RAW_ATTEMPTS.columns), changed)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _prompts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row a date and prompt id; of several categories or references the first by name stands."""
    return (
        rows.group_by("wave_date", "prompt_id")
        .agg(
            pl.col("capability").min(),
            family=pl.col("category").min().fill_null("recorded"),
            reference=pl.col("reference").min(),
            prompt=pl.col("prompt").first(),
        )
        .select("wave_date", *PROMPT_COLUMNS)
        .sort("wave_date", "prompt_id")
    )


def _panel(request: Request, rows: pl.DataFrame, prompts: pl.DataFrame) -> Panel:
    asked = tuple(
        Prompt(prompt_id, capability, family, "not stated", ({"role": "user", "content": text},), reference)
        for prompt_id, capability, family, reference, text in prompts.select(PROMPT_COLUMNS).rows()
    )
    battery_sha = sha256_of([[prompt.prompt_id, prompt.capability, prompt.sha] for prompt in asked])
    battery = Battery(request.panel, battery_sha[:12], battery_sha, asked)
    roster = tuple(_entry(some) for some in rows.sort("series").partition_by("series", maintain_order=True))
    declared = {"panel": request.panel, "time_axis": request.axis, "series": request.series}
    return Panel(
        name=request.panel,
        path=Path(),
        battery=battery,
        prompts=asked,
        roster=roster,
        endpoints={ENDPOINT: EndpointSpec(ENDPOINT, "imported")},
        samples=int(rows["sample_idx"].n_unique()),
        seed=0,
        sha=sha256_of([declared, battery_sha, [[entry.model, entry.config_sha] for entry in roster]]),
        declared=declared,
    )


def _entry(rows: pl.DataFrame) -> RosterEntry:
    """Return the roster entry of a series: what it was asked under on this date, as far as anybody recorded it."""
    params = [json.loads(text) if _is_json(text) else text for text in rows["params"].drop_nulls().unique().sort()]
    prompts = rows["system_prompt"].unique().sort().to_list()
    settings: dict[str, Any] = {"recorded": params} if params else {}
    if len(params) == 1 and isinstance(params[0], dict):
        settings = params[0]
    if len(prompts) > 1:
        settings = settings | {"system_prompts": prompts}
    families = rows["model_family"].drop_nulls().unique().to_list()
    served = tuple(_pattern(name) for name in rows["model"].unique().sort())
    return RosterEntry(
        model=rows["series"][0],
        endpoint=ENDPOINT,
        family=families[0] if len(families) == 1 else None,
        served_names=served,
        settings=settings,
        system_prompt=prompts[0] if len(prompts) == 1 else None,
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _pattern(name: str) -> str:
    """Return a glob pattern that only this name matches."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _cells(
    request: Request, wave_id: str, day: date, rows: pl.DataFrame, before: pl.DataFrame, prompts: pl.DataFrame
) -> pl.DataFrame:
    """Return the grid of the wave as rows of raw.planned_cells, in the order of the file, then what it lacks."""
    in_file = rows.select(model_requested="series", prompt_id="prompt_id", sample_index="sample_idx")
    there = pl.concat([in_file, before.cast(in_file.schema)]).unique(maintain_order=True)
    samples = there.select("model_requested", "sample_index").unique(maintain_order=True)
    grid = samples.join(prompts.select("prompt_id").sort("prompt_id"), how="cross").select(there.columns)
    order = pl.concat([there, grid]).unique(maintain_order=True)
    values = {"wave_id": wave_id, "wave_date": day, "panel": request.panel, "endpoint": ENDPOINT, "purpose": "measure"}
    return order.with_row_index("position").select(
        **{
            column.name: pl.lit(values[column.name])
            if column.name in values
            else pl.lit(None, pl.Int64)
            if column.name == "seed"
            else pl.col(column.name).cast(pl.Int64)
            if column.name == "position"
            else pl.col(column.name)
            for column in RAW_PLANNED_CELLS.columns
        }
    )


def _attempts(request: Request, wave_id: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows as attempts, provenance in `request`, the source's labels in `body`."""
    from pipelines.asking.journal import FRAME_SCHEMA

    blank = pl.col("response").str.strip_chars() == ""
    midnight = pl.col("wave_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    said = {
        "wave_id": pl.lit(wave_id),
        "wave_date": pl.col("wave_date"),
        "panel": pl.lit(request.panel),
        "model_requested": pl.col("series"),
        "model_served": pl.col("model"),
        "endpoint": pl.lit(ENDPOINT),
        "prompt_id": pl.col("prompt_id"),
        "sample_index": pl.col("sample_idx"),
        "purpose": pl.lit("measure"),
        "attempt": pl.lit(1),
        "outcome": pl.when(blank).then(pl.lit("empty")).otherwise(pl.lit("ok")),
        "http_status": pl.col("http_code"),
        "response_text": pl.col("response"),
        "latency_ms": pl.col("latency_s") * 1000,
        "asked_at": pl.col("observed_at").fill_null(midnight),
        "request": pl.struct(
            pl.lit(request.axis).alias("time_axis"), "model", *SOURCE_FIELDS, "system_prompt", "params"
        ).struct.json_encode(),
        "body": pl.col("labels"),
    }
    return rows.select(said.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in FRAME_SCHEMA.items())
