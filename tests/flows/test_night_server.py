"""A night that is killed leaves nothing behind that runs, or that holds its output open."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

NIGHT = """
import os, sys, time
from pathlib import Path
from flows.environment import prepare_environment
from lake.store import Store

store = Store(Path(sys.argv[1])).prepare()
prepare_environment(store)

from flows.night_server import keep_server_to_this_process
keep_server_to_this_process(store)
from prefect.client.orchestration import get_client
client = get_client(sync_client=True)
assert client.api_healthcheck() is None
from prefect.server.api.server import SubprocessASGIServer
print(SubprocessASGIServer().server_process.pid, flush=True)
time.sleep(600)
"""


def is_running(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_the_server_of_a_killed_night_ends_and_its_output_is_closed(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    night = subprocess.Popen(
        [sys.executable, "-c", NIGHT, str(tmp_path / "store")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=root,
    )  # fmt: skip
    assert night.stdout is not None
    line = night.stdout.readline()
    assert line.strip().isdigit(), line + night.stdout.read()
    server = int(line)
    assert is_running(server)
    night.send_signal(signal.SIGKILL)
    night.communicate(timeout=60)  # returns only when nobody holds the pipe
    ended = subprocess.run(
        ["sh", "-c", f"for i in $(seq 100); do ps -o stat= -p {server} | grep -qv Z || exit 0; sleep 0.2; done; exit 1"]
    )
    assert ended.returncode == 0
    assert not is_running(server)
