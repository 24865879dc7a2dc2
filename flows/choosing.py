"""Which panel a command runs: as its file has it, or with a roster that a published wave decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from flows.settings import Settings
from lake.catalog import connect_reader
from lake.store import Store
from pipelines.panels.escalation import Read, escalated, published_wave
from pipelines.panels.files import load_panel
from pipelines.panels.records import Panel
from pipelines.panels.resampling import with_samples
from pipelines.planning import frozen_source, wave_id_of

if TYPE_CHECKING:
    import duckdb


def chosen_panel(settings: Settings, day: date) -> Panel:
    """Return the panel that the settings name, with the roster they ask for.

    A wave that was started with an escalated roster keeps the publication it was taken from, even if the source was
    published again since. Raises InputError where the wave to escalate from cannot decide a roster.
    """
    panel = load_panel(settings.panel)
    if settings.escalate_from is not None:
        source = frozen_source(settings.store, wave_id_of(panel, day)) or {}
        asked_for = {"wave": settings.escalate_from, "top": settings.top}
        same = all(source.get(name) == value for name, value in asked_for.items())
        publication = source.get("publication") if same else None
        with reading(settings.store) as read:
            wave = published_wave(read, settings.escalate_from, publication)
        panel = escalated(panel, wave, settings.top)
    return with_samples(panel, settings.samples)


@contextmanager
def reading(store: Store) -> Iterator[Read]:
    """Yield what reads the lake at a snapshot (None: at head), over one connection each."""
    connections: dict[int | None, duckdb.DuckDBPyConnection] = {}

    def read(query: str, values: dict[str, Any], snapshot: int | None) -> list[tuple[Any, ...]]:
        if snapshot not in connections:
            connections[snapshot] = connect_reader(store, "head" if snapshot is None else snapshot)
        return connections[snapshot].execute(query, values).fetchall()

    try:
        yield read
    finally:
        for connection in connections.values():
            connection.close()
