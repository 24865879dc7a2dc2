"""Ctrl-C and SIGTERM: while answers are under way the first waits for what is paid for; a schedule ends for sure."""

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


@contextmanager
def ending_on_interrupt(patience_s: float = 20.0) -> Iterator[None]:
    """Have Ctrl-C end this process: by KeyboardInterrupt, and for sure some seconds later.

    Prefect shuts a served flow down in many steps, and on a busy machine was seen to wait in one of them without end.
    Children that must not outlive us notice by themselves (flows/ending_with_parent.py). Main thread only.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        last = threading.Timer(patience_s, os._exit, (128 + number,))
        last.daemon = True
        last.start()
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
