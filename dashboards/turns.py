"""Changes of level in the panel's convergence that this night brought to light, as sentences for the first lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from dashboards.wording import counted, night, number

if TYPE_CHECKING:
    from dashboards.reading import Reading


def turn_sentences(reading: Reading) -> list[str]:
    """Return one sentence a change point of the panel's combined convergence whose CUSUM alarmed on this night."""
    rows = reading.frame("change_points").filter(
        (pl.col("measure") == "convergence")
        & (pl.col("kernel") == "combined")
        & (pl.col("method") == "cusum")
        & (pl.col("detected_wave_id") == reading.wave_id)
    )
    return [
        f"Change point: convergence has another level since {night(row['wave_id'])}, "
        f"{'up' if row['size'] > 0 else 'down'} "
        f"by {number(abs(row['size']), 3)} (combined, CUSUM, no interval; {counted(row['n_before'], 'night')} before, "
        f"{row['n_after']} after)."
        for row in rows.to_dicts()
    ]
