"""Folders and files that are there whole or not at all, whenever the process is killed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNFINISHED = ".unfinished"


@contextmanager
def whole_folder(target: Path, *, resumed: bool = False) -> Iterator[Path]:
    """Give a folder that becomes `target` when the block ends well; what was there before goes away then.

    It is empty, or, `resumed`, what a killed process left of it.
    """
    unfinished = target.with_name(f"{target.name}{UNFINISHED}")
    if not resumed:
        shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, exist_ok=True)
    yield unfinished
    for path in unfinished.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    if target.exists():
        shutil.rmtree(target)
    unfinished.rename(target)


def write_whole(path: Path, content: Any) -> None:
    """Write content as JSON; dates become text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}{UNFINISHED}")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, default=str)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
