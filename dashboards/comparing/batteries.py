"""What the waves of a comparison were asked."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from lake.catalog import quoted
from lake.errors import InputError

if TYPE_CHECKING:
    import duckdb


class WaveFacts(NamedTuple):
    """A row of core.waves."""

    wave_id: str
    panel: str
    wave_date: date
    wave_kind: str
    battery_sha: str


def facts_of(connection: duckdb.DuckDBPyConnection, wave_id: str) -> WaveFacts:
    """Return what readers see of a wave."""
    row = connection.execute(
        f"SELECT {', '.join(WaveFacts._fields)} FROM core.waves WHERE wave_id = {quoted(wave_id)}"
    ).fetchone()
    return WaveFacts(*(row or ()))


def require_one_battery(a: WaveFacts, b: WaveFacts) -> None:
    """Raise InputError with both SHAs where two waves were asked different questions."""
    if a.battery_sha != b.battery_sha:
        raise InputError(
            f"{a.wave_id} and {b.wave_id} asked different batteries (SHA-256 {a.battery_sha} and {b.battery_sha}): "
            "answers to different questions cannot be compared. Choose two waves of one battery: "
            'driftlake sql "select wave_id, battery_sha from core.waves"'
        )


def capabilities(connection: duckdb.DuckDBPyConnection, wave_id: str) -> list[str]:
    """Return the capabilities of a wave's battery, sorted."""
    rows = connection.execute(
        f"SELECT DISTINCT capability FROM raw.prompts WHERE wave_id = {quoted(wave_id)} ORDER BY ALL"
    ).fetchall()
    return [row[0] for row in rows]
