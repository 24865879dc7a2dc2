"""Where recorded answers of public models lie: beside this clone, or where DRIFTLAKE_CORPORA says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CORPORA = Path(os.environ.get("DRIFTLAKE_CORPORA") or Path(__file__).parents[2] / "shared" / "corpora")


def recorded(name: str) -> Path:
    """Return a file of the corpora; skip the test, saying so, where it is absent."""
    path = CORPORA / name
    if not path.exists():
        pytest.skip(f"the recorded answers are not at {path}")
    return path
