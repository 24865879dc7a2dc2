"""What was read of the endpoints before a flow starts, for the flow to go by.

Prefect takes seconds to start; a night that is refused should not have to wait for it. A flow that a scheduler
starts finds nothing here and looks ahead itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.outlook import Outlook

_FORESEEN: ContextVar[dict[str, Outlook] | None] = ContextVar("foreseen", default=None)


@contextmanager
def foreseeing(wave_id: str, outlook: Outlook | None) -> Iterator[None]:
    """Let what runs inside take the outlook of a wave; None lets it look itself."""
    token = _FORESEEN.set({wave_id: outlook} if outlook is not None else None)
    try:
        yield
    finally:
        _FORESEEN.reset(token)


def foreseen(wave_id: str) -> Outlook | None:
    """Return the outlook that was made for a wave in this start; None where there is none."""
    return (_FORESEEN.get() or {}).get(wave_id)
