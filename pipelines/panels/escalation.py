"""Screening in levels: the most convergent models of a published wave become the roster of the next panel.

Facts of the models come from raw.roster as of that wave; battery, samples, budget and settings are the next panel's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lake.errors import InputError
from pipelines.panels.files import panel_of
from pipelines.panels.records import Panel, sha256_of
from pipelines.panels.schema import PANEL_HINTS, PanelFile, RosterLine
from pipelines.panels.source import nearest, read_source

Read = Callable[[str, dict[str, Any], int | None], list[tuple[Any, ...]]]
"""Runs a query with named values at a snapshot of the lake, or at its head (None); ops is always read at head."""

FACTS = ("provider", "family", "architecture", "region", "open_weights", "base_model")

RANKING = """
    SELECT model, convergence FROM out.convergence_by_model
    WHERE wave_id = $wave_id AND capability = 'overall' AND kernel = 'combined' AND convergence IS NOT NULL
    ORDER BY convergence DESC, model
"""

ROSTER = f"""
    SELECT model, endpoint, endpoint_kind, role, served_names, {", ".join(FACTS)}
    FROM raw.roster WHERE wave_id = $wave_id ORDER BY model
"""


@dataclass(frozen=True)
class PublishedWave:
    """A wave as its publication has it: models by convergence, highest first, and roster rows by model.

    `withheld` are members of the roster that were not measured.
    """

    wave_id: str
    publication_id: str
    ranking: tuple[str, ...]
    roster: dict[str, dict[str, Any]]

    @property
    def withheld(self) -> list[str]:
        """Members without a convergence, by name."""
        return [m for m, row in self.roster.items() if row["role"] == "member" and m not in self.ranking]


def published_wave(read: Read, wave_id: str, publication_id: str | None = None) -> PublishedWave:
    """Return a wave as it was last published, or as one of its publications has it.

    Raises InputError for a wave that is not there, not published, or quarantined.
    """
    status = read("SELECT status FROM ops.waves WHERE wave_id = $wave_id", {"wave_id": wave_id}, None)
    if not status:
        known = [name for (name,) in read("SELECT wave_id FROM ops.waves ORDER BY wave_date DESC", {}, None)]
        raise InputError(f"There is no wave {wave_id!r}.{nearest(wave_id, known)} `driftlake status` lists the waves.")
    publications = read(
        "SELECT publication_id, snapshot_id FROM ops.publications WHERE wave_id = $wave_id ORDER BY published_at DESC",
        {"wave_id": wave_id},
        None,
    )
    if status == [("quarantined",)]:
        raise InputError(
            f"Wave {wave_id} is quarantined: what it says of its models is not to be believed. Name a published wave; "
            "`driftlake status` lists them."
        )
    chosen = [row for row in publications if publication_id in (None, row[0])]
    if not chosen:
        raise InputError(
            f"Wave {wave_id} is not published (it is {status[0][0]}). Finish it with `driftlake nightly` first, or "
            "name another; `driftlake status` lists the waves."
        )
    publication, snapshot = chosen[0]
    names = ("model", "endpoint", "endpoint_kind", "role", "served_names", *FACTS)
    rows = [dict(zip(names, row, strict=True)) for row in read(ROSTER, {"wave_id": wave_id}, snapshot)]
    ranking = tuple(model for model, _ in read(RANKING, {"wave_id": wave_id}, snapshot))
    return PublishedWave(wave_id, publication, ranking, {row["model"]: row for row in rows})


def escalated(panel: Panel, wave: PublishedWave, top: int) -> Panel:
    """Return the panel with the `top` most convergent models of a wave as its roster, in that order.

    A model that the panel's own roster has keeps its line there; any other is asked with the panel's defaults.
    `declared` says where the roster came from, so that the frozen plan does. Raises InputError where the wave
    measured fewer models, or one was asked at an endpoint that the panel does not have.
    """
    chosen = wave.ranking[:top]
    if len(chosen) < top:
        withheld = f" Withheld or not measured: {', '.join(wave.withheld)}." if wave.withheld else ""
        raise InputError(
            f"Wave {wave.wave_id} measured {len(chosen)} models, and --top {top} are wanted.{withheld} "
            f"Give --top {len(chosen)} or fewer, or name another wave."
        )
    source = read_source(panel.path)
    content = source.parse(PanelFile, PANEL_HINTS)
    own = {line.model: line for line in content.roster}
    lines = [own.get(model) or _line(panel, wave, model) for model in chosen]
    resolved = panel_of(source, content.model_copy(update={"roster": lines}))
    came_from = {"wave": wave.wave_id, "top": top, "publication": wave.publication_id}
    declared = {**resolved.declared, "roster_from": came_from}
    return replace(resolved, declared=declared, sha=sha256_of(declared))


def _line(panel: Panel, wave: PublishedWave, model: str) -> RosterLine:
    row = wave.roster[model]
    spec = panel.endpoints.get(row["endpoint"])
    if spec is None or spec.kind != row["endpoint_kind"] or spec.kind == "checkpoint":
        raise InputError(
            f"{model} was asked at endpoint {row['endpoint']} ({row['endpoint_kind']}) in wave {wave.wave_id}, and "
            f"panel {panel.name} cannot ask it there: it has {', '.join(panel.endpoints)}. Add that endpoint to the "
            "panel, or the model to its roster."
        )
    facts = {name: row[name] for name in FACTS}
    return RosterLine(model=model, endpoint=row["endpoint"], served_names=json.loads(row["served_names"]), **facts)
