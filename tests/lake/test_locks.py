import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lake.errors import BusyError
from lake.locks import exclusive

HOLDER = """
import sys, time
from pathlib import Path
from lake.locks import exclusive
with exclusive(Path(sys.argv[1]), "the holder"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_told_who_holds_the_lock_and_a_killed_holder_leaves_none(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with (
        pytest.raises(BusyError, match=f"Wave w is already running in process {holder.pid}"),
        exclusive(path, "Wave w"),
    ):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with exclusive(path, "Wave w"):
        assert path.read_text() == str(os.getpid())


def test_waiting_for_a_lock_ends_when_the_holder_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    code = HOLDER.replace("60", "0.5")
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        started = time.monotonic()
        with exclusive(path, "Wave w", wait=True):
            assert time.monotonic() - started > 0.2
