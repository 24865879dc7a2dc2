"""What was sent and what it could have cost, on disk before each request, so that a kill -9 forgets no money.

A journal holds what came back. A process killed while requests were under way leaves no line there for them, and
they may have been paid for: this log beside the journal is how the next start knows of them.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from lake.errors import StoreError
from pipelines.asking.journal import Journal
from pipelines.asking.records import UNSENT, CellKey


class Held(NamedTuple):
    """Calls that may have been charged although nobody said so, and the most they can have cost in USD."""

    calls: int
    usd: float


class SentLog:
    """Requests of one endpoint in one wave, one JSON line each: cell, attempt, worst case in USD, and what is known.

    Written by the process that holds the endpoint's journal.
    """

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.path = folder / f"{quote(endpoint, safe='')}.sent.jsonl"
        self._descriptor: int | None = None

    def sent(self, key: CellKey, attempt: int, worst_usd: float) -> None:
        """Note a request that goes out now."""
        self._append([*key, attempt, worst_usd, "sent"])

    def unsettled(self, key: CellKey, attempt: int, worst_usd: float) -> None:
        """Note that a request came to an end without saying what it cost."""
        self._append([*key, attempt, worst_usd, "unsettled"])

    def settled(self, key: CellKey, attempt: int) -> None:
        """Note that the cost of an unsettled request became known after all."""
        self._append([*key, attempt, 0.0, "settled"])

    def close(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _append(self, row: list[object]) -> None:
        line = json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            if self._descriptor is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
                _end_last_line(self._descriptor)
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error
        if written < len(line):
            raise self._unwritable("the disk took only a part of a line")

    def _unwritable(self, why: str) -> StoreError:
        return StoreError(
            f"{self.path} cannot be written ({why}), so nothing more is sent: money spent unseen would be lost. "
            "Free some space and start the same command again."
        )


def held(folder: Path, endpoint: str, purpose: str | None = None) -> Held:
    """Return what earlier starts sent and never settled: requests without an attempt, and attempts without a cost.

    `purpose` counts the cells of one purpose alone. A line that a crash cut short is skipped: its request was not sent.
    """
    path = SentLog(folder, endpoint).path
    if not path.exists():
        return Held(0, 0.0)
    sent: dict[tuple[CellKey, int], list[float]] = defaultdict(list)
    unsettled: Counter[tuple[CellKey, int]] = Counter()
    with path.open("rb") as file:
        for line in file:
            row = _row(line)
            if row is None:
                continue
            key, worst_usd, what = row
            if purpose is not None and key[0].purpose != purpose:
                continue
            if what == "sent":
                sent[key].append(worst_usd)
            else:
                unsettled[key] += 1 if what == "unsettled" else -1
    journaled = Counter((a.key, a.attempt) for a in Journal(folder, endpoint).attempts() if a.error_class not in UNSENT)
    still = [worst for key, costs in sent.items() for worst in costs[: len(costs) - journaled[key] + unsettled[key]]]
    return Held(len(still), sum(still))


def _row(line: bytes) -> tuple[tuple[CellKey, int], float, str] | None:
    try:
        model, prompt, sample, purpose, attempt, worst_usd, what = json.loads(line)
    except ValueError:
        return None
    return (CellKey(model, prompt, sample, purpose), attempt), worst_usd, what


def _end_last_line(descriptor: int) -> None:
    """Put a line end behind a line that a crash cut short, so that the next one stands by itself."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")
