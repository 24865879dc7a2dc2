"""What the lake knows of its waves: where each stands, what its audit said, what was published."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from lake.catalog import connect_reader, latest_snapshot, transact
from lake.locks import exclusive
from lake.store import Store
from lake.tables import OPS_CHECK_RESULTS, OPS_VERDICTS, Table

if TYPE_CHECKING:
    import duckdb

Status = Literal["planned", "asked", "loaded", "modelled", "published", "quarantined"]


@dataclass(frozen=True, kw_only=True)
class Wave:
    """A row of ops.waves (column meanings: lake.tables.OPS_WAVES)."""

    wave_id: str
    panel: str
    wave_date: date
    wave_kind: str
    status: Status
    panel_sha: str
    battery_sha: str
    code_version: str
    planned_cells: int
    started_at: datetime
    ok_cells: int | None = None
    cost_usd: float | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Publication:
    """A row of ops.publications with the date of its wave."""

    publication_id: str
    snapshot_id: int
    wave_id: str
    wave_date: date
    published_at: datetime


def publishing_lock(store: Store) -> AbstractContextManager[None]:
    """Hold the one lock of a lake from Model to Publish; waits for another holder."""
    return exclusive(store.home / "publishing.lock", "Another wave's modelling", wait=True)


def asking_lock(store: Store, wave_id: str) -> AbstractContextManager[None]:
    """Hold the lock of one wave, so that no cell is asked by two processes; raises BusyError where it is held."""
    return exclusive(store.wave_journal(wave_id) / "wave.lock", f"Wave {wave_id}")


def register(connection: duckdb.DuckDBPyConnection, wave: Wave) -> None:
    """Write the wave's row unless it is there."""
    values = asdict(wave)
    names, marks = ", ".join(values), ", ".join("?" * len(values))

    def insert_once(writer: duckdb.DuckDBPyConnection) -> None:
        known = writer.execute("SELECT count(*) FROM ops.waves WHERE wave_id = ?", [wave.wave_id]).fetchone()
        if known and known[0] == 0:
            writer.execute(f"INSERT INTO ops.waves ({names}) VALUES ({marks})", list(values.values()))

    transact(connection, insert_once)


def update(connection: duckdb.DuckDBPyConnection, wave_id: str, status: Status, **values: object) -> None:
    """Set a wave's status and any other of its columns."""
    assignments = ", ".join(f"{name} = ?" for name in ("status", *values))
    transact(
        connection,
        lambda writer: writer.execute(
            f"UPDATE ops.waves SET {assignments} WHERE wave_id = ?", [status, *values.values(), wave_id]
        ),
    )


def find(connection: duckdb.DuckDBPyConnection, wave_id: str) -> Wave | None:
    """Return a wave, or None where the lake does not know it."""
    found = listed(connection, "wave_id = ?", [wave_id])
    return found[0] if found else None


def listed(connection: duckdb.DuckDBPyConnection, condition: str = "true", values: Sequence[object] = ()) -> list[Wave]:
    """Return the waves that meet a SQL condition, oldest wave_date first."""
    names = ", ".join(field.name for field in fields(Wave))
    rows = connection.execute(
        f"SELECT {names} FROM ops.waves WHERE {condition} ORDER BY wave_date, wave_id", list(values)
    ).fetchall()
    return [Wave(**dict(zip((field.name for field in fields(Wave)), row, strict=True))) for row in rows]


def record_audit(
    connection: duckdb.DuckDBPyConnection, check_results: list[dict[str, Any]], verdicts: list[dict[str, Any]]
) -> None:
    """Write an audit's results and its verdicts on rows and models, all or nothing.

    The verdict on the wave is written by `publish` or `quarantine`, with what follows from it.
    """

    def insert(writer: duckdb.DuckDBPyConnection) -> None:
        _insert(writer, OPS_CHECK_RESULTS, check_results)
        _insert(writer, OPS_VERDICTS, [verdict for verdict in verdicts if verdict["scope"] != "wave"])

    transact(connection, insert)


def publish(
    connection: duckdb.DuckDBPyConnection,
    wave: Wave,
    now: datetime,
    verdicts: Sequence[dict[str, Any]] = (),
    code_version: str | None = None,
) -> Publication:
    """Let readers see the lake as it stands now; return the publication. Call it under the publishing lock.

    `code_version` is the commit that built core and out. The verdict on the wave, among `verdicts`, is written in the
    same transaction: no wave has one without the other.
    """
    snapshot = latest_snapshot(connection)
    publication = Publication(f"{wave.wave_id}#{snapshot}", snapshot, wave.wave_id, wave.wave_date, now)

    def insert(writer: duckdb.DuckDBPyConnection) -> None:
        writer.execute(
            "INSERT INTO ops.publications (publication_id, snapshot_id, wave_id, published_at, code_version) "
            "VALUES (?, ?, ?, ?, ?)",
            [publication.publication_id, snapshot, wave.wave_id, now, code_version],
        )
        _insert(writer, OPS_VERDICTS, [verdict for verdict in verdicts if verdict["scope"] == "wave"])
        writer.execute(
            "UPDATE ops.waves SET status = 'published', finished_at = ? WHERE wave_id = ?", [now, wave.wave_id]
        )

    transact(connection, insert)
    return publication


def quarantine(
    connection: duckdb.DuckDBPyConnection, wave_id: str, now: datetime, verdicts: Sequence[dict[str, Any]]
) -> None:
    """Keep a wave from readers: its failed verdict and its status are written together."""

    def write(writer: duckdb.DuckDBPyConnection) -> None:
        _insert(writer, OPS_VERDICTS, [verdict for verdict in verdicts if verdict["scope"] == "wave"])
        writer.execute("UPDATE ops.waves SET status = 'quarantined', finished_at = ? WHERE wave_id = ?", [now, wave_id])

    transact(connection, write)


def insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Append rows to a table in one transaction; for the few rows that a decision leaves."""
    transact(connection, lambda writer: _insert(writer, table, rows))


def last_publication(store: Store, panel: str | None = None) -> Publication | None:
    """Return the newest publication (of a panel), or None before the first."""
    connection = connect_reader(store, "head")
    try:
        row = connection.execute(
            """
            SELECT publication_id, publications.snapshot_id, wave_id, wave_date, published_at
            FROM ops.publications JOIN ops.waves USING (wave_id)
            WHERE ? IS NULL OR panel = ?
            ORDER BY published_at DESC LIMIT 1
            """,
            [panel, panel],
        ).fetchone()
    finally:
        connection.close()
    return Publication(*row) if row else None


def revised(store: Store, publication: Publication) -> int:
    """Return how many published numbers the build of a wave changed, as a publication of it lists them."""
    connection = connect_reader(store, publication.snapshot_id)
    try:
        row = connection.execute(
            "SELECT count(*) FROM out.revisions WHERE list_contains(string_split(revised_with, ','), ?)",
            [publication.wave_id],
        ).fetchone()
    finally:
        connection.close()
    return int(row[0]) if row else 0


def _insert(writer: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    names = [column.name for column in table.columns]
    statement = f"INSERT INTO {table.full_name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    if rows:
        writer.executemany(statement, [[row.get(name) for name in names] for row in rows])
