"""The reproducibility card: what was registered, on what it ran, every run, and what a later version changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.experiments.reading import content_of
from dashboards.figures.parts import Figure, Table, sources, words
from dashboards.wording import DASH, cell, count, counted, inert, listed, number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dashboards.experiments.reading import ExperimentReading

_SHA = 12

NOTE = (
    "What one needs to run it again and to see that it is the same. On a processor the same version and seed give the "
    "same adapter sha. The sha of the experiment is that of its content: order and comments do not count. Short shas "
    "are the first 12 digits; the query has them whole."
)


def figure(reading: ExperimentReading) -> Figure:
    """Return the card, the training files, the runs, and the difference from the version before."""
    runs = reading.frame("experiment_runs")
    tables = [_card(reading, runs), *_changed(reading), *_data(runs), *_runs(runs)]
    evidence = sources(reading, "experiment", "experiment_versions", "experiment_runs", "experiment_matrix")
    return Figure("card", _title(reading), NOTE, tables=tuple(tables), sources=evidence)


def _title(reading: ExperimentReading) -> str:
    facts = reading.facts
    sha = inert(facts["experiment_sha"])[:_SHA]
    return f"Reproducibility: version {facts['version']}, sha {sha}, registered {utc(facts['registered_at'])}"


def utc(moment: datetime | None) -> str:
    """Return a time in UTC to the minute, a dash for null."""
    from datetime import UTC

    return DASH if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _card(reading: ExperimentReading, runs: pl.DataFrame) -> Table:
    facts, matrix = reading.facts, reading.frame("experiment_matrix")
    planned, evaluated = int(matrix["n_planned"].sum()), int(matrix["n_evaluated"].sum())
    seeds = sorted({seed for some in matrix["seeds"] for seed in some})
    epochs = sorted({epoch for some in matrix["epochs"] for epoch in some})
    rows: list[tuple[str, object]] = [
        ("Experiment", f"{facts['experiment']}, version {facts['version']}"),
        ("Experiment sha", facts["experiment_sha"]),
        ("Registered at", utc(facts["registered_at"])),
        ("Registered by", facts["command"]),
        ("Code version", _distinct([facts["code_version"], *runs["code_version"]])),
        ("Base sha", facts["base_sha"]),
        ("Reference", facts["reference"] or "none named"),
        ("Target and canary", f"{facts['target']}, {facts['canary']}"),
        ("Epochs", ", ".join(map(str, epochs)) or None),
        ("Headline epoch", str(facts["headline_epoch"])),
        ("Criteria", _pairs(facts["criteria"])),
        ("Seeds", ", ".join(map(str, seeds)) or None),
        ("Cells", f"{evaluated:,} of {planned:,} evaluated"),
        ("Training", _training(runs)),
        ("Command", _distinct(runs["command"].to_list())),
        ("Hardware", _distinct([_pairs(text) for text in runs["hardware"]])),
        ("Libraries", _distinct([_pairs(text) for text in runs["library_versions"]])),
        *(
            (f"Hyper-parameters, {inert(kind)}", _distinct([_pairs(text) for text in rows["hyperparameters"]]))
            for kind, rows in _by_kind(runs)
        ),
    ]
    return Table("Card", ("What", "Value"), [(name, cell(value)) for name, value in rows], prose=frozenset({"Value"}))


def _by_kind(runs: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    for kind in runs["kind"].unique(maintain_order=True):
        yield kind, runs.filter(pl.col("kind") == kind)


def _training(runs: pl.DataFrame) -> str:
    if runs.is_empty():
        return "no run"
    tokens, seconds = sum(runs["tokens"].drop_nulls()), sum(runs["seconds"].drop_nulls())
    speed = f", {count(tokens / seconds)} tokens/s" if tokens and seconds else ""
    return f"{counted(runs.height, 'run')}, {count(tokens)} tokens in {count(seconds)} s of training{speed}"


def _distinct(values: list[Any]) -> str:
    found = list(dict.fromkeys(inert(value) for value in values if value is not None))
    return "; ".join(found[:4]) + (f" and {len(found) - 4:,} more" if len(found) > 4 else "") or DASH


def _pairs(text: str | None) -> str | None:
    """Return a JSON object as 'name value, name value'; other text as it is."""
    content = content_of(text)
    return ", ".join(f"{words(name)} {_plain(value)}" for name, value in content.items()) if content else text


def _plain(value: object) -> str:
    return inert(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _changed(reading: ExperimentReading) -> list[Table]:
    rows = changes(reading)
    if not rows:
        return []
    before = reading.version - 1
    return [
        Table(
            f"What version {reading.version} changed against version {before}",
            ("Setting", f"Version {before}", f"Version {reading.version}"),
            [(cell(name), cell(then), cell(now)) for name, then, now in rows],
            prose=frozenset({f"Version {before}", f"Version {reading.version}"}),
        )
    ]


def changes(reading: ExperimentReading) -> list[tuple[str, str, str]]:
    """Return what this version declares differently from the one before: (setting, was, is). Empty for the first."""
    contents = {row["version"]: content_of(row["content"]) for row in reading.frame("experiment_versions").to_dicts()}
    if reading.version not in contents or reading.version - 1 not in contents:
        return []
    then, now = dict(_flat(contents[reading.version - 1])), dict(_flat(contents[reading.version]))
    return [
        (name, then.get(name, DASH), now.get(name, DASH))
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]


def _flat(content: dict[str, Any], under: str = "") -> Iterator[tuple[str, str]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{under}{inert(key)}.")
        else:
            yield f"{under}{inert(key)}", _plain(value)


def _data(runs: pl.DataFrame) -> list[Table]:
    """Return one row a training file, with the runs that read it; none where nothing was trained."""
    columns = ("Kind", "Behaviour", "Seed", "Rows", "File sha", "Read by")
    files = runs.group_by("data_file_sha", maintain_order=True).agg(
        pl.col("kind", "behaviour", "seed", "n_rows").first(), pl.col("source").unique().sort(), pl.len()
    )
    rows = [
        (
            cell(row["kind"]),
            cell(row["behaviour"]),
            str(row["seed"]),
            count(row["n_rows"]),
            cell(_short_sha(row["data_file_sha"])),
            f"{counted(row['len'], 'run')}: {listed([cell(name) for name in row['source'] if name])}",
        )
        for row in files.to_dicts()
    ]
    return [Table("Training files", columns, rows, frozenset({"Seed", "Rows"}))] if rows else []


def _runs(runs: pl.DataFrame) -> list[Table]:
    columns = (
        "Kind", "Source", "Behaviour", "From epoch", "Seed", "Base sha", "Adapter sha", "Steps", "Batch", "Tokens",
        "Seconds", "Tokens/s", "Final loss",
    )  # fmt: skip
    rows = [
        (
            cell(row["kind"]),
            cell(row["source"]),
            cell(row["behaviour"]),
            DASH if row["epoch"] is None else str(row["epoch"]),
            str(row["seed"]),
            cell(_short_sha(row["base_sha"])),
            cell(_short_sha(row["weights_sha"])),
            count(row["steps"]),
            _batch(row),
            count(row["tokens"]),
            number(row["seconds"], 1),
            count(row["tokens_per_s"]),
            number(row["final_loss"], 3),
        )
        for row in runs.to_dicts()
    ]
    return [Table("Training runs", columns, rows, frozenset((*columns[3:5], *columns[7:])))] if rows else []


def _batch(row: dict[str, Any]) -> str:
    """Return the effective batch as its product: '16 = 4 x 4 x 1' (rows a device, accumulation, devices)."""
    parts = [row["batch_per_device"], row["accumulation"], row["devices"]]
    if any(part is None for part in parts):
        return count(row["batch_declared"])
    product = parts[0] * parts[1] * parts[2]
    declared = "" if row["batch_declared"] in (None, product) else f", declared {row['batch_declared']}"
    return f"{product} = {' x '.join(map(str, parts))}{declared}"


def _short_sha(sha: str | None) -> str | None:
    return None if sha is None else inert(sha)[:_SHA]
