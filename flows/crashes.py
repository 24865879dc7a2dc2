"""An error that nobody foresaw, while asking: kept in a file without secrets, and told in one sentence.

Its own text may hold what a server sent or a header carried, so neither it nor its traceback reaches a log.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from lake.errors import WaveError
from pipelines.asking.redaction import Redactor


def crashed(folder: Path, endpoint: str, error: Exception, redactor: Redactor) -> WaveError:
    """Return the error to raise instead, `from None`; the traceback is written beside the wave's journal."""
    path = folder / f"crash-{endpoint}.txt"
    told = redactor.text("".join(traceback.format_exception(error)))
    path.write_text(told, encoding="utf-8", errors="replace")
    return WaveError(
        f"Asking {endpoint} stopped at an error in driftlake itself ({type(error).__name__}); its traceback, without "
        f"keys, is in {path}. What was answered is kept. Start the same command again; if it stops again, report it."
    )
