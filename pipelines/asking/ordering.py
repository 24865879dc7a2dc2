"""Which cells a wave has, in which order they are asked, and which seed each carries.

The order is seeded blocks of (prompt, sample) across all models, so that a wave cut short is still matched:
whatever block was finished was finished by every model. Shuffles sort by SHA-256, so they are the same on
every machine, Python version and process.
"""

from __future__ import annotations

import hashlib
from datetime import date

from pipelines.asking.records import Cell, CellKey
from pipelines.panels.records import Panel

SEED_LIMIT = 2**31 - 1
"""Seeds are 1..2**31-1: the range that every API accepts."""


def plan_cells(panel: Panel, wave_id: str, wave_date: date, staged_night: int | None = None) -> list[Cell]:
    """Return every cell of a wave, in the order of asking; `position` counts from 0.

    A staged night of the laboratory has the same order and seeds on whatever date it is played.
    """
    night = night_key(wave_id, wave_date, staged_night)
    blocks = [(prompt.prompt_id, sample) for prompt in panel.prompts for sample in range(panel.samples)]
    blocks.sort(key=lambda block: digest(panel.seed, night, "block", *block))
    cells: list[Cell] = []
    for prompt_id, sample in blocks:
        for entry in sorted(panel.roster, key=lambda e: digest(panel.seed, night, "model", prompt_id, sample, e.model)):
            cells.append(
                Cell(
                    wave_id=wave_id,
                    wave_date=wave_date,
                    panel=panel.name,
                    model_requested=entry.model,
                    endpoint=entry.endpoint,
                    prompt_id=prompt_id,
                    sample_index=sample,
                    purpose=entry.purpose,
                    position=len(cells),
                    seed=cell_seed(panel.seed, night, CellKey(entry.model, prompt_id, sample, entry.purpose)),
                )
            )
    return cells


def night_key(wave_id: str, wave_date: date, staged_night: int | None) -> str:
    """Return what tells one night's draws from another's: staged-N, else the date (and slot) of the wave."""
    if staged_night is not None:
        return f"staged-{staged_night}"
    slot = wave_id.split(wave_date.isoformat(), 1)[-1].strip("/")
    return f"{wave_date.isoformat()}/{slot}" if slot else wave_date.isoformat()


def cell_seed(panel_seed: int, night: str, key: CellKey) -> int:
    """Return the sampling seed of a cell, 1..2**31-1."""
    digits = digest(panel_seed, night, "seed", *key)
    return int.from_bytes(digits[:8], "big") % SEED_LIMIT + 1


def digest(*parts: object) -> bytes:
    """Return the SHA-256 of the parts; no two different lists of parts give the same text."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
