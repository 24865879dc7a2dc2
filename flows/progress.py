"""What people see while a night runs: one line a step on standard error, updated in place on a terminal."""

from __future__ import annotations

import sys
import threading
import time

from lake.inert import one_line

_LINES_A_STEP = 10


class Step:
    """Progress of one step. `at` may be called from any thread; `note` prints a line of its own."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._started = time.monotonic()
        self._shown = -1
        self._lock = threading.Lock()
        self._live = sys.stderr.isatty()
        self._said = ""

    def at(self, done: int, total: int, unit: str = "") -> None:
        """Show that `done` of `total` are done; off a terminal about ten lines a step are printed."""
        share = int(_LINES_A_STEP * done / total) if total else _LINES_A_STEP
        with self._lock:
            if not self._live and share in (self._shown, 0):
                return
            self._shown = share
            elapsed = time.monotonic() - self._started
            left = f", about {elapsed / done * (total - done):.0f} s left" if 0 < done < total else ""
            self._write(f"  {self._title:<8} {done:,} of {total:,} {unit}{left}", final=False)

    def note(self, text: str) -> None:
        """Print one line that stays; what a server put into it cannot steer the terminal or look like another line."""
        with self._lock:
            self._write(f"  {self._title:<8} {one_line(text)}", final=True)

    def done(self, text: str) -> None:
        """Say in one sentence what the step did, and how long it took."""
        self.note(f"{text} ({time.monotonic() - self._started:.1f} s)")

    def _write(self, line: str, *, final: bool) -> None:
        if not self._live:
            print(line, file=sys.stderr, flush=True)
            return
        padding = " " * max(0, len(self._said) - len(line))
        print(f"\r{line}{padding}", end="\n" if final else "", file=sys.stderr, flush=True)
        self._said = "" if final else line
