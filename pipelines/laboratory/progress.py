"""Progress of training: one line kept up to date on a terminal, about ten lines a run elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pipelines.checkpoints.training import Progress

_LINES_A_RUN = 10


class ProgressLine:
    """Shows percent, loss, tokens/s where they are measured, and seconds left of training runs.

    With `note`, each line goes there, about ten a run. Without, it goes to `stream` (standard error): one line
    kept up to date on a terminal, else about ten lines a run.
    """

    def __init__(self, note: Callable[[str], None] | None = None, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._note = note
        self._live = note is None and self._stream.isatty()
        self._shown: tuple[str, int] | None = None

    def __call__(self, progress: Progress) -> None:
        """Show where a run stands."""
        share = progress.done / progress.total
        step = (progress.what, int(share * (100 if self._live else _LINES_A_RUN)))
        if step == self._shown:
            return
        self._shown = step
        line = f"training {progress.what}: {share:4.0%}"
        if progress.loss is not None:
            line += f", loss {progress.loss:.2f}"
        if progress.tokens_per_second is not None:
            line += f", {progress.tokens_per_second:,.0f} tokens/s"
        if progress.seconds_left is not None and share < 1:
            line += f", about {progress.seconds_left:.0f} s left"
        self._write(line, final=share >= 1)

    def _write(self, line: str, *, final: bool) -> None:
        if self._note is not None:
            self._note(line)
        elif self._live:
            print(f"\r{line}\x1b[K", end="\n" if final else "", file=self._stream, flush=True)
        else:
            print(line, file=self._stream, flush=True)
