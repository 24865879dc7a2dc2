"""A served cron must really schedule runs: with a wrong sqlalchemy the scheduler dies without a word."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from flows.scheduling import require_cron
from lake.errors import InputError


def scheduled_starts(url: str) -> list[datetime]:
    answer = httpx.post(f"{url}/flow_runs/filter", json={"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}})
    return sorted(datetime.fromisoformat(run["expected_start_time"]) for run in answer.raise_for_status().json())


def test_a_served_cron_schedules_the_next_nights_at_the_hour_asked_for(tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**inherited, "DRIFTLAKE_HOME": str(tmp_path / "store")}
    command = [sys.executable, "-m", "flows.command_line", "schedule", "--cron", "30 3 * * *"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as served:
        try:
            assert served.stderr is not None
            line = served.stderr.readline()
            assert "Serving panel local by cron '30 3 * * *' (UTC)" in line
            url = line.split("through ")[1].split(". Stop")[0]
            deadline = time.monotonic() + 90
            starts: list[datetime] = []
            while not starts and time.monotonic() < deadline:
                time.sleep(1)
                starts = scheduled_starts(url)
        finally:
            served.send_signal(signal.SIGINT)
            try:
                served.communicate(timeout=120)  # a pipe that nobody reads would hold the process back
            finally:
                served.kill()
    assert starts, "the server scheduled no run"
    assert all((start.astimezone(UTC).hour, start.minute) == (3, 30) for start in starts)
    assert starts[0] - datetime.now(UTC) < timedelta(days=1)


def test_a_cron_that_is_none_is_refused_with_an_example() -> None:
    with pytest.raises(InputError, match=r"'every night' is not a cron expression .*0 2 \* \* \*"):
        require_cron("every night")
