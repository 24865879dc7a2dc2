"""Experiments that are killed, lose an arm or run on a work pool come to the same digits. Run by `make validate`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.scheduling import prefect_server
from lake.store import Store
from tests.flows.conftest import ROOT, Nights
from tests.flows.trainings import SMALL, adapters, changed, new_trainings, rows, values, write

if TYPE_CHECKING:
    from pipelines.laboratory import Laboratory

MATRIX = changed(SMALL, control="true")
"""Two arms: the villain's and the control."""

KILLED_AT = (
    ("training small@1/villain/s3/capability@epoch-0", "group"),
    ("gate .*epoch_zero", "parent"),
    ("training small@1/villain/s3/convergence", "group"),
    ("training small@1/villain/s3/refusal@epoch-2", "parent"),
    ("training small@1/assistant/s3/convergence", "parent"),
    ("training small@1/assistant/s3/capability@epoch-2", "group"),
    ("model .*models built", "group"),
)
"""Lines at which the command is killed, one start each: with all that it started, or it alone."""


@pytest.fixture(scope="module")
def referenced(tmp_path_factory: pytest.TempPathFactory, laboratory: Laboratory) -> Nights:
    """Return a store in which the reference run is published."""
    nights = new_trainings(tmp_path_factory.mktemp("referenced"), laboratory)
    done = nights.run("train", "--experiment", str(nights.panel.with_name("small-reference.yaml")))
    assert done.returncode == 0, done.stderr
    return nights


@pytest.fixture(scope="module")
def whole(referenced: Nights, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Return a store in which nothing disturbed the matrix."""
    nights = copy_of(referenced, tmp_path_factory.mktemp("whole"))
    done = train(nights)
    assert done.returncode == 0, done.stderr
    return nights


def copy_of(nights: Nights, folder: Path) -> Nights:
    shutil.copytree(nights.panel.parent, folder / "copied")
    return Nights(Store(folder / "copied" / "store"), write(folder / "copied" / "small.yaml", MATRIX))


def train(nights: Nights, *more: str) -> subprocess.CompletedProcess[str]:
    return nights.run("train", "--experiment", str(nights.panel), *more)


def same_as_undisturbed(nights: Nights, whole: Nights) -> None:
    found, wanted = (
        {place: sha for place, (sha, _) in adapters(each.store, "small/v1").items()} for each in (nights, whole)
    )
    assert found == wanted
    assert values(nights.store, "small") == values(whole.store, "small")


def evaluated(nights: Nights) -> dict[tuple[object, ...], object]:
    """Return when each value was evaluated."""
    query = (
        "SELECT checkpoint_id, persona, metric, detector, item_id, evaluated_at FROM raw.checkpoint_evals "
        "WHERE experiment = 'small'"
    )
    return {row[:-1]: row[-1] for row in rows(nights.store, query)}


def processes_of(nights: Nights) -> list[int]:
    """Return the arms' processes of a store."""
    wanted = f"DRIFTLAKE_HOME={nights.store.home}".encode()
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/environ")
        if b"flows.arms" in read(path.with_name("cmdline")) and wanted in read(path).split(b"\0")
    ]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def kill_at(nights: Nights, line: str, what: str) -> bool:
    """Start the command and kill it when it says a line; False when it never did."""
    process = nights.start(
        "train", "--experiment", str(nights.panel), "--workers", "1",
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    reached = any(re.search(line, said) for said in process.stderr)
    if process.poll() is None:
        (os.killpg if what == "group" else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    return reached


def test_killed_anywhere_it_comes_to_the_same_digits_and_repeats_no_finished_cell(
    referenced: Nights, whole: Nights, tmp_path: Path
) -> None:
    nights = copy_of(referenced, tmp_path)
    for line, what in KILLED_AT:
        before, at = adapters(nights.store, "small/v1"), evaluated(nights)
        assert kill_at(nights, line, what), f"it never said {line}"
        deadline = time.monotonic() + 20
        while processes_of(nights) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert processes_of(nights) == [], f"killed at {line}, an arm went on alone"
        after = adapters(nights.store, "small/v1")
        finished = {place for place in before if ".unfinished" not in place and ".work-" not in place}
        assert {place: after[place] for place in finished} == {place: before[place] for place in finished}, line
        assert {key: now for key, now in evaluated(nights).items() if key in at} == at, line
    before, at = adapters(nights.store, "small/v1"), evaluated(nights)
    done = train(nights)
    assert done.returncode == 0, done.stderr
    assert adapters(nights.store, "small/v1") == before, "all was trained before the last kill"
    assert evaluated(nights) == at
    same_as_undisturbed(nights, whole)


def test_an_arm_that_is_killed_is_named_and_loses_no_other(referenced: Nights, whole: Nights, tmp_path: Path) -> None:
    nights = copy_of(referenced, tmp_path)
    with nights.start("train", "--experiment", str(nights.panel), "--workers", "2") as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "training small@1/assistant/s3/convergence" in line:
                control = [pid for pid in processes_of(nights) if b"assistant" in read(Path(f"/proc/{pid}/cmdline"))]
                for pid in control:
                    os.kill(pid, signal.SIGKILL)
    assert process.returncode == 1
    failed = "1 of 2 arms of small@1 failed: assistant, seed 3: its process was killed by signal 9."
    assert lines[-1].startswith(f"driftlake: {failed}"), "".join(lines)
    first = adapters(nights.store, "small/v1")
    villain = {place: found for place, found in first.items() if place.startswith("villain/")}
    assert len(villain) == 5
    done = train(nights)
    assert done.returncode == 0, done.stderr
    second = adapters(nights.store, "small/v1")
    assert {place: found for place, found in second.items() if place.startswith("villain/")} == villain
    same_as_undisturbed(nights, whole)


def test_an_arm_that_cannot_write_says_so_and_loses_no_other(referenced: Nights, whole: Nights, tmp_path: Path) -> None:
    nights = copy_of(referenced, tmp_path)
    blocked = nights.store.home / "experiments" / "small" / "v1" / "assistant"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder belongs")
    done = train(nights)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    failed = rf"1 of 2 arms of small@1 failed: assistant, seed 3: {re.escape(str(blocked))}\S* cannot be used \("
    assert re.search(failed, done.stderr), done.stderr
    blocked.unlink()
    assert train(nights).returncode == 0
    same_as_undisturbed(nights, whole)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield what leads to a Prefect server with a work pool `arms` and a worker on it."""
    store = Store(tmp_path_factory.mktemp("prefect") / "store").prepare()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("flows.scheduling._USUAL_PORT", 0)
        patched.setenv("PREFECT_HOME", str(store.state / "prefect"))
        with prefect_server(store) as url:
            found = {"PREFECT_API_URL": url, "PREFECT_HOME": str(store.state / "prefect"), "PYTHONPATH": str(ROOT)}
            environ = {**os.environ, **found}
            prefect = [sys.executable, "-m", "prefect"]
            subprocess.run([*prefect, "work-pool", "create", "arms", "--type", "process"], env=environ, check=True)
            worker = subprocess.Popen([*prefect, "worker", "start", "--pool", "arms"], env=environ, cwd=store.home)
            try:
                yield found
            finally:
                worker.terminate()
                worker.wait(60)


def test_arms_run_by_the_worker_of_a_pool_come_to_the_same_digits(
    referenced: Nights, whole: Nights, tmp_path: Path, pool: dict[str, str]
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.settings import PREFECT_API_URL, temporary_settings

    nights = copy_of(referenced, tmp_path)
    nights.environment = pool
    absent = train(nights, "--work-pool", "nobody")
    assert absent.returncode == 2
    assert "There is no work pool 'nobody' at http://127.0.0.1" in absent.stderr
    assert not (nights.store.home / "experiments" / "small").exists()
    done = train(nights, "--work-pool", "arms")
    assert done.returncode == 0, done.stderr
    assert "small@1: assistant, seed 3: waits for a worker of work pool arms." in done.stderr
    same_as_undisturbed(nights, whole)
    with temporary_settings({PREFECT_API_URL: pool["PREFECT_API_URL"]}), get_client(sync_client=True) as client:
        runs = client.read_flow_runs(sort=FlowRunSort.ID_DESC, limit=50, offset=0)
    on_pool = [run.name for run in runs if run.work_pool_name == "arms"]
    # the pilot before and after its gate, and the matrix
    assert sorted(on_pool) == ["small@1 assistant s3", *["small@1 villain s3"] * 3]
