"""`python -m flows.ending_with_parent MODULE ARGUMENTS…`: run a module until the process that started it is gone.

Standard input is a pipe whose other end only the parent holds. However the parent ends, kill -9 included, the system
closes it, and what reads here ends itself and its group: on Linux and macOS alike, without asking who the parent is.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import IO


def started(
    module: str, arguments: Sequence[str], log: IO[bytes], environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a module that ends with this process. It writes to `log` and holds none of this process's descriptors.

    It has a session of its own: Ctrl-C stops this process, which still needs it to say how it ended.
    """
    return subprocess.Popen(
        [sys.executable, "-m", __name__, module, *arguments],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=environ,
        cwd=Path(__file__).parents[1],
        start_new_session=True,
    )


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
