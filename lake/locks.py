"""Locks between processes. The kernel releases them when a process dies, so a kill -9 leaves none behind."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lake.errors import BusyError


@contextmanager
def exclusive(path: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold the lock file `path` while the block runs.

    Raises BusyError naming `what` and the holder's process id when another process holds it
    (or waits for it, with `wait`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise BusyError(
                f"{what} is already running in process {holder}. "
                "Let it finish, or stop that process and start the same command again: nothing is lost."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
