"""What the page of an experiment reads: a run is a wave, with the name and version of its experiment."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.reading import Reading
from dashboards.wording import inert
from lake.catalog import quoted
from lake.errors import WaveError

if TYPE_CHECKING:
    import duckdb

DETECTORS = ("judge", "logprob", "classifier", "rule", "kernel")
"""Which detector speaks for a behaviour that no verdict names one for, the first that is there."""


@dataclass(kw_only=True)
class ExperimentReading(Reading):
    """The frames of one version of an experiment, each read once."""

    experiment: str
    version: int

    def literals(self) -> dict[str, str]:
        """Return the parameters as SQL literals."""
        return {**super().literals(), "experiment": quoted(self.experiment), "version": str(self.version)}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What was registered and where it stands: the row of experiment.sql."""
        return self.frame("experiment").row(0, named=True)

    @cached_property
    def declared(self) -> dict[str, Any]:
        """The file of this version as registered; empty where it is no JSON object."""
        own = self.frame("experiment_versions").filter(pl.col("version") == self.version)
        return content_of(own["content"][0]) if own.height else {}

    def ordered(self, key: str, names: Iterable[str]) -> list[str]:
        """Return names in the order in which the file lists them under `key`, those it does not list after them."""
        listed = self.declared.get(key)
        known = [str(name) for name in listed] if isinstance(listed, list) else []
        return sorted(set(names), key=lambda name: (known.index(name) if name in known else len(known), name))

    def verdicts(self) -> list[dict[str, Any]]:
        """Return the rows of out.transfer_verdicts, by source and behaviour as the file lists them."""
        frame = self.frame("experiment_verdicts")
        sources = self.ordered("sources", frame["source"])
        behaviours = self.ordered("behaviours", frame["behaviour"])
        return sorted(
            frame.to_dicts(), key=lambda row: (sources.index(row["source"]), behaviours.index(row["behaviour"]))
        )


def read_experiment(connection: duckdb.DuckDBPyConnection, experiment: str, version: int) -> ExperimentReading:
    """Return the reading of a version. Raises WaveError where the reader's snapshot does not hold it."""
    found = connection.execute(
        "SELECT cast(registered_at AS DATE) FROM raw.experiments "
        f"WHERE experiment = {quoted(experiment)} AND version = {int(version)}"
    ).fetchone()
    if found is None:
        raise WaveError(
            f"The lake as it is read here has no experiment {inert(experiment)} in version {version}, so it has no "
            "page. `driftlake train --experiment FILE` registers and runs it; one that was not published lies at head."
        )
    return ExperimentReading(
        connection,
        f"experiment/{experiment}",
        f"experiment/{experiment}@{version}",
        found[0],
        experiment=experiment,
        version=int(version),
    )


def content_of(text: str | None) -> dict[str, Any]:
    """Return a stored JSON object; an empty one where the text is none."""
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def main_series(reading: ExperimentReading, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the metric and detector that the verdict on a behaviour is about.

    Without a verdict: the first detector of DETECTORS that there is, and never accuracy per character.
    """
    chosen = {
        behaviour: _stated(reading, behaviour) or _first(frame, behaviour)
        for behaviour in frame["behaviour"].unique().to_list()
    }
    rows = [row for row in frame.to_dicts() if (row["metric"], row["detector"]) == chosen[row["behaviour"]]]
    return pl.DataFrame(rows, schema=frame.schema)


def _stated(reading: ExperimentReading, behaviour: str) -> tuple[str, str] | None:
    verdicts = reading.frame("experiment_verdicts").filter(pl.col("behaviour") == behaviour)
    stated = verdicts.filter(pl.col("metric").is_not_null() & pl.col("detector").is_not_null())
    return (stated["metric"][0], stated["detector"][0]) if stated.height else None


def _first(frame: pl.DataFrame, behaviour: str) -> tuple[str, str]:
    found = frame.filter(pl.col("behaviour") == behaviour).select("metric", "detector").unique().rows()
    return min(found, key=lambda pair: (pair[0].endswith("_norm"), _place(pair[1]), pair))


def _place(detector: str | None) -> int:
    return DETECTORS.index(detector) if detector in DETECTORS else len(DETECTORS)
