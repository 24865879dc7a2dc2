"""The page of one version of an experiment: one file beside the pages of the nights, drawn whole or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.experiments.reading import ExperimentReading, read_experiment
from dashboards.experiments.sentences import findings
from dashboards.experiments.standing import headline, superseded, verdict_words, why_no_verdicts
from dashboards.rendering import render_template, write_whole
from dashboards.wording import DASH, inert

if TYPE_CHECKING:
    import duckdb

    from dashboards.figures.parts import Figure


@dataclass(frozen=True)
class ExperimentContent:
    """What the page of a version says. `no_verdicts`: why there are none, null where there are some."""

    experiment: str
    version: int
    snapshot_id: int | None
    facts: tuple[tuple[str, str], ...]
    verdict_line: str
    no_verdicts: str | None
    superseded: str | None
    found: list[str]
    figures: list[Figure]


def draw_experiment(connection: duckdb.DuckDBPyConnection, experiment: str, version: int, site: Path) -> Path:
    """Draw the page of a version into the site; return it.

    `connection` is a reader at the publication of the run, or at "head" for one that was not published. Raises
    WaveError where it does not hold the version, StoreError where the site cannot be written. The index links the page
    when it is drawn next (`dashboards.page.draw_index`).
    """
    content = assemble_experiment(read_experiment(connection, experiment, version))
    path = experiment_path(site, experiment, version)
    write_whole(path, render_experiment(content))
    return path


def experiment_path(site: Path, experiment: str, version: int) -> Path:
    """Return where the page of a version lies: its name with every unsafe character replaced."""
    return site / f"experiment_{re.sub(r'[^A-Za-z0-9_.-]+', '_', experiment)}_{version}.html"


def assemble_experiment(reading: ExperimentReading) -> ExperimentContent:
    """Compute what the page of a version says; nothing is written."""
    facts = reading.facts
    return ExperimentContent(
        experiment=inert(reading.experiment),
        version=reading.version,
        snapshot_id=facts["snapshot_id"],
        facts=_facts(reading),
        verdict_line=headline(reading),
        no_verdicts=why_no_verdicts(reading) if reading.frame("experiment_verdicts").is_empty() else None,
        superseded=superseded(reading),
        found=findings(reading),
        figures=_figures(reading),
    )


def render_experiment(content: ExperimentContent) -> str:
    """Return the page as HTML."""
    return render_template("experiment.html.j2", content=content)


def _facts(reading: ExperimentReading) -> tuple[tuple[str, str], ...]:
    from dashboards.experiments.figures.card import utc

    facts, matrix = reading.facts, reading.frame("experiment_matrix")
    named: dict[str, Any] = {
        "Stands": verdict_words(reading),
        "Target": facts["target"],
        "Canary": facts["canary"],
        "Sources": len({row["source"] for row in matrix.to_dicts() if not row["is_control"]}),
        "Cells evaluated": f"{int(matrix['n_evaluated'].sum()):,} of {int(matrix['n_planned'].sum()):,}",
        "Registered epoch": facts["headline_epoch"],
        "Registered": utc(facts["registered_at"]),
        "Snapshot": DASH if facts["snapshot_id"] is None else facts["snapshot_id"],
        "Published": utc(facts["published_at"]),
        "Code": inert(facts["code_version"])[:20],
    }
    return tuple((name, inert(value)) for name, value in named.items())


def _figures(reading: ExperimentReading) -> list[Figure]:
    from dashboards.experiments.figures import card, gates, heat_map, losses, similarity, trajectories, verdicts
    from dashboards.figures import audit
    from dashboards.figures.failed import drawn

    of_the_results = (verdicts, heat_map, trajectories, similarity)
    of_the_run = (gates, losses, card, audit)
    has_results = any(reading.frame(name).height for name in ("experiment_verdicts", "experiment_trajectories"))
    return [drawn(module, reading) for module in ((*of_the_results, *of_the_run) if has_results else of_the_run)]
