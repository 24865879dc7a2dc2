"""The user's wish to stop, carried from the main thread to the threads that ask."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Interruption:
    """Set once, from any thread or signal handler; who asks sends nothing new from then on."""

    def __init__(self) -> None:
        self._is_set = threading.Event()
        self._callbacks: list[Callable[[], object]] = []

    def __bool__(self) -> bool:
        return self._is_set.is_set()

    def set(self) -> None:
        """Stop whoever asks; those who begin to ask later are stopped at once."""
        self._is_set.set()
        for callback in list(self._callbacks):
            callback()

    def on_set(self, callback: Callable[[], object]) -> None:
        """Call `callback` when the wish comes, or now if it came already. It must not block."""
        self._callbacks.append(callback)
        if self:
            callback()
