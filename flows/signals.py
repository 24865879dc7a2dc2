"""Ctrl-C and SIGTERM while answers are under way: the first waits for what is paid for, the second leaves at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from flows.progress import Step
from pipelines.asking.interruption import Interruption

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LEFT = 130


@contextmanager
def stopping_on_signals(step: Step) -> Iterator[Interruption]:
    """Yield what asking looks at; a signal sets it. The handlers that were there before come back with the end."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption  # signals reach the main thread only
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if interruption:
            os.write(sys.stderr.fileno(), b"\ndriftlake: left at once; what is in the journal is kept.\n")
            os._exit(LEFT)
        step.note("Stopping: nothing more is sent, and answers under way are waited for. Once more leaves at once.")
        interruption.set()

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
