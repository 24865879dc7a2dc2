"""The static site: one self-contained page a publication, and index.html, the newest of them.

A page opens from disk without network: styles and figures are inline, there is no script, and a
content security policy forbids everything else. Files are written whole or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.experiments import experiment_path
from dashboards.findings import sentences
from dashboards.reading import Reading, read_wave, sql_of
from dashboards.rendering import render_template, write_whole
from dashboards.verdicts import Notice, notices
from dashboards.wording import inert, night
from lake.catalog import connect_reader
from lake.errors import WaveError
from lake.store import Store
from lake.waves import Publication

if TYPE_CHECKING:
    import duckdb

    from dashboards.figures.parts import Figure


@dataclass(frozen=True)
class Content:
    """What a page says of one publication."""

    publication: Publication
    facts: dict[str, Any]
    found: list[str]
    figures: list[Figure]

    @property
    def published_at(self) -> datetime:
        """When, in UTC: the lake gives it in the machine's time zone."""
        return self.publication.published_at.astimezone(UTC)


@dataclass(frozen=True)
class ArchivedPage:
    """An earlier publication and, where its page lies on disk, the link to it from index.html."""

    wave_id: str
    snapshot_id: int
    published: str
    link: str | None


@dataclass(frozen=True)
class ExperimentLink:
    """A run of a persona experiment and, where its page lies on disk, the link to it from index.html."""

    name: str
    status: str
    started: str
    link: str | None


def draw(store: Store, publication: Publication) -> Path:
    """Draw a publication's page and index.html; return the page.

    The page shows the lake at the publication's snapshot; only the audit is read at head.
    Raises WaveError where the snapshot lacks the wave, StoreError where the site cannot be written.
    """
    path = page_path(store, publication)
    connection = connect_reader(store, publication.snapshot_id)
    try:
        content = assemble(connection, publication)
        write_whole(path, render(content, home="../index.html"))
        published = _publications(connection)
        if not published or published[0].publication_id == publication.publication_id:
            _write_index(store, connection, content)
            return path
    finally:
        connection.close()
    draw_index(store)
    return path


def draw_index(store: Store, quarantined: str | None = None) -> Path:
    """Draw index.html anew: the newest publication, notices of waves quarantined since, the list of earlier pages.

    Raises WaveError where `quarantined` names a wave that the lake does not hold as quarantined.
    """
    connection = connect_reader(store)
    try:
        if quarantined is not None:
            _require_quarantined(connection, quarantined)
        newest = next(iter(_publications(connection)), None)
    finally:
        connection.close()
    connection = connect_reader(store, newest.snapshot_id if newest else None)  # an experiment may be published since
    try:
        return _write_index(store, connection, assemble(connection, newest) if newest else None)
    finally:
        connection.close()


def draw_quarantine(store: Store, wave_id: str) -> Path:
    """Put the notice of a quarantined wave at the top of index.html; return that page. Raises as `draw_index`."""
    return draw_index(store, wave_id)


def _require_quarantined(connection: duckdb.DuckDBPyConnection, wave_id: str) -> None:
    if wave_id not in connection.sql(sql_of("quarantined")).pl()["wave_id"]:
        raise WaveError(
            f"Wave {inert(wave_id)} is not quarantined, so there is no notice to draw. "
            "`driftlake status` shows where it stands."
        )


def page_path(store: Store, publication: Publication) -> Path:
    """Return where a publication's page lies: its id with every unsafe character replaced."""
    return store.site / re.sub(r"[^A-Za-z0-9-]+", "_", publication.publication_id) / "index.html"


def assemble(connection: duckdb.DuckDBPyConnection, publication: Publication) -> Content:
    """Read a publication through a reader at its snapshot and compute what its page says; nothing is written."""
    reading = read_wave(connection, publication.wave_id)
    if reading is None:
        raise WaveError(
            f"Snapshot {publication.snapshot_id} does not hold wave {publication.wave_id}, so its page cannot be "
            "drawn. Run `driftlake nightly` for that date: it models and publishes the wave again."
        )
    return Content(publication, _facts(reading), sentences(reading), _figures(reading))


def _facts(reading: Reading) -> dict[str, Any]:
    return {"panel": inert(reading.panel), "night": night(reading.wave_id), **reading.frame("facts").row(0, named=True)}


def _figures(reading: Reading) -> list[Figure]:
    from dashboards.figures import (
        audit,
        beside,
        by_model,
        changes,
        clusters,
        completeness,
        convergence,
        drift,
        features,
        formats,
        groups,
        homogeneity,
        pairs,
        power,
        refusals,
        trend,
    )
    from dashboards.figures.failed import drawn

    over_nights = (convergence, changes, trend, drift, features)
    of_this_night = (pairs, clusters, by_model, groups, homogeneity, formats, refusals)
    about_the_measures = (power, beside, completeness, audit)
    return [drawn(module, reading) for module in (*over_nights, *of_this_night, *about_the_measures)]


def _write_index(store: Store, connection: duckdb.DuckDBPyConnection, content: Content | None) -> Path:
    path = store.site / "index.html"
    archive = [_archived(store, publication) for publication in _publications(connection)]
    experiments = [_linked(store, *row) for row in connection.execute(sql_of("experiments")).fetchall()]
    write_whole(path, render(content, notices=notices(connection), archive=archive, experiments=experiments))
    return path


def _publications(connection: duckdb.DuckDBPyConnection) -> list[Publication]:
    """Return every publication, newest first."""
    return [Publication(*row) for row in connection.execute(sql_of("archive")).fetchall()]


def _archived(store: Store, publication: Publication) -> ArchivedPage:
    path = page_path(store, publication)
    link = path.relative_to(store.site).as_posix() if path.is_file() else None
    published = f"{publication.published_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return ArchivedPage(inert(publication.wave_id), publication.snapshot_id, published, link)


def _linked(store: Store, wave_id: str, status: str, started_at: datetime) -> ExperimentLink:
    name, _, version = wave_id.removeprefix("experiment/").rpartition("@")
    path = experiment_path(store.site, name, int(version) if version.isdecimal() else 0)
    link = path.relative_to(store.site).as_posix() if path.is_file() else None
    return ExperimentLink(
        inert(f"{name}@{version}"), inert(status), f"{started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC", link
    )


def render(
    content: Content | None,
    *,
    home: str | None = None,
    notices: list[Notice] | None = None,
    archive: list[ArchivedPage] | None = None,
    experiments: list[ExperimentLink] | None = None,
) -> str:
    """Return the page as HTML; without content it says that nothing is published. `home` links to the newest page."""
    return render_template(
        "page.html.j2",
        content=content,
        home=home,
        notices=notices or [],
        archive=archive or [],
        experiments=experiments or [],
    )
