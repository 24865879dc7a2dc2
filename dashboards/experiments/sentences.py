"""What one version of an experiment found, as plain sentences. The page and the command line print the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.experiments.figures.card import changes
from dashboards.experiments.figures.similarity import similarity_title
from dashboards.experiments.reading import ExperimentReading, read_experiment
from dashboards.experiments.shapes import canary_shape, control_sentence, movement_shape
from dashboards.experiments.standing import first_closed, headline, superseded
from dashboards.experiments.wording import sentence
from dashboards.figures.parts import words
from dashboards.verdicts import audit_sentences
from dashboards.wording import counted, inert, listed

if TYPE_CHECKING:
    import duckdb

_CHANGES_TOLD = 6
_VERDICTS_TOLD = 24


def experiment_sentences(connection: duckdb.DuckDBPyConnection, experiment: str, version: int) -> list[str]:
    """Return what a version found, most important first.

    `connection` is a reader at the publication, or at head for a run that was not published. Text stored by others is
    inert: no control characters. Raises WaveError where the snapshot does not hold the version.
    """
    return sentences(read_experiment(connection, experiment, version))


def sentences(reading: ExperimentReading) -> list[str]:
    """Return the sentences of a version: its verdicts, and what else was found."""
    return [headline(reading), *_verdicts(reading), *findings(reading)]


def findings(reading: ExperimentReading) -> list[str]:
    """Return what was found beside the verdicts: shape, control, similarity, gates, audit, versions."""
    return [*_shapes(reading), *_gates(reading), *_audit(reading), *_versions(reading)]


def _verdicts(reading: ExperimentReading) -> list[str]:
    rows = reading.verdicts()
    told = [_verdict(row) for row in rows[:_VERDICTS_TOLD]]
    more = len(rows) - len(told)
    return [*told, f"{more} more verdicts are in out.transfer_verdicts."] if more else told


def _verdict(row: dict[str, Any]) -> str:
    reason = f": {sentence(row['reason'])}" if row["reason"] else "."
    return f"{inert(row['source'])}, {inert(row['behaviour'])}: {inert(row['verdict'])}{reason}"


def _shapes(reading: ExperimentReading) -> list[str]:
    """Return whether the published shape is there; nothing where there is no trajectory, which the first line tells."""
    if reading.frame("experiment_trajectories").is_empty():
        return []
    told = [movement_shape(reading).sentence, canary_shape(reading).sentence, control_sentence(reading)]
    if reading.frame("experiment_similarity").height:
        told.append(f"{similarity_title(reading)}.")
    return told


def _gates(reading: ExperimentReading) -> list[str]:
    frame = reading.frame("experiment_gates")
    if frame.is_empty():
        return ["Gates: none was decided."]
    if first_closed(reading):
        passed = frame.filter(pl.col("passed"))["gate"].unique(maintain_order=True).to_list()
        return [f"Gates that passed before: {listed([words(gate) for gate in passed]) or 'none'}."]
    gates = [words(gate) for gate in frame["gate"].unique(maintain_order=True)]
    return [f"Gates: {counted(frame.height, 'decision')}, all passed ({listed(gates)})."]


def _audit(reading: ExperimentReading) -> list[str]:
    return audit_sentences(reading) if reading.facts["verdict"] else []


def _versions(reading: ExperimentReading) -> list[str]:
    changed = changes(reading)
    told = []
    if changed:
        what = "; ".join(f"{name} from {then} to {now}" for name, then, now in changed[:_CHANGES_TOLD])
        more = f"; {len(changed) - _CHANGES_TOLD} more on the page" if len(changed) > _CHANGES_TOLD else ""
        told.append(f"Version {reading.version} changed against version {reading.version - 1}: {what}{more}.")
    later = superseded(reading)
    return [*told, later] if later else told
