"""What a page reads: the queries of dashboards/queries, for one wave of one panel.

The parameters stand in the text as literals, so the query a page shows is the query that ran.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from lake.catalog import quoted

if TYPE_CHECKING:
    import duckdb
    import polars as pl

QUERIES = Path(__file__).parent / "queries"


@dataclass
class Reading:
    """The frames of one wave, each read once. `wave_date` bounds every series: a page never shows a later night."""

    connection: duckdb.DuckDBPyConnection
    panel: str
    wave_id: str
    wave_date: date
    _frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The queries asked for, in order; those that failed are in no frame."""

    def sql(self, name: str) -> str:
        """Return the text of a query with this wave's parameters in it."""
        return sql_of(name, **self.literals())

    def literals(self) -> dict[str, str]:
        """Return the parameters as SQL literals."""
        day = f"DATE {quoted(self.wave_date)}"
        return {"panel": quoted(self.panel), "wave_id": quoted(self.wave_id), "wave_date": day}

    def frame(self, name: str) -> pl.DataFrame:
        """Return the rows of a query; no rows where there is no data."""
        if name not in self.asked:
            self.asked.append(name)
        if name not in self._frames:
            self._frames[name] = self.connection.sql(self.sql(name)).pl()
        return self._frames[name]


def asking_anew(reading: Reading) -> Reading:
    """Return a reading that shares the frames and has asked nothing yet: `asked` is then of what it is given to."""
    return replace(reading, asked=[])


def sql_of(name: str, **literals: str) -> str:
    """Return the text of a query file with its $parameters replaced by SQL literals."""
    template = string.Template((QUERIES / f"{name}.sql").read_text(encoding="utf-8"))
    return template.substitute(literals).strip()


def read_wave(connection: duckdb.DuckDBPyConnection, wave_id: str) -> Reading | None:
    """Return the reading of a wave, or None where readers do not see it (not published, or kept out)."""
    row = connection.execute(f"SELECT panel, wave_date FROM core.waves WHERE wave_id = {quoted(wave_id)}").fetchone()
    return Reading(connection, row[0], wave_id, row[1]) if row else None


def read_newest(connection: duckdb.DuckDBPyConnection, panel: str) -> Reading | None:
    """Return the reading of the newest wave of a panel, or None before its first."""
    row = connection.execute(sql_of("newest_wave", panel=quoted(panel))).fetchone()
    return read_wave(connection, row[0]) if row else None
