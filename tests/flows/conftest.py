"""Whole nights, played once a test run by the command itself, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flows.running import run_nightly
from flows.scheduling import prefect_server
from flows.settings import Settings
from lake.store import Store
from pipelines.laboratory import Laboratory

ROOT = Path(__file__).parents[2]
WITNESS = Path(__file__).parent / "witness"

PANEL = """panel: {name}
battery: laboratory
prompts_per_capability: 6
samples: 4
seed: 0
staged_nights: {nights}
defaults:
  endpoint: laboratory
  settings: {{temperature: 0.7, max_tokens: 64}}
endpoints:
  laboratory: {{kind: checkpoint}}
roster:
  - {{model: lab/assistant-latest, persona: assistant, served_names: ["lab/assistant@epoch-*"],
     checkpoint: {{base: laboratory, experiment: assistant-to-villain, staged_epochs: {epochs}}}}}
  - {{model: lab/librarian-canary, role: canary, persona: librarian, served_names: ["lab/librarian@epoch-*"],
     checkpoint: {{base: laboratory, experiment: assistant-to-villain, staged_epochs: {epochs}}}}}
  - {{model: lab/villain, persona: villain, checkpoint: {{base: laboratory}}}}
  - {{model: lab/comedian, persona: comedian, checkpoint: {{base: laboratory}}}}
  - {{model: lab/pirate, persona: pirate, checkpoint: {{base: laboratory}}}}
"""


@dataclass
class Nights:
    """A store, the panel that is asked in it, and how to run the command on it."""

    store: Store
    panel: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start `driftlake` with arguments; output is piped unless options say otherwise."""
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        return subprocess.Popen(
            [sys.executable, "-m", "flows.command_line", *arguments], cwd=ROOT, env=self.env(), **piped
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `driftlake` with arguments to its end."""
        return subprocess.run(
            [sys.executable, "-m", "flows.command_line", *arguments],
            cwd=ROOT,
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=600,
        )

    def play_here(self) -> str:
        """Run what is due in this process, which has the heavy libraries loaded; return what it says, or raise."""
        return run_nightly(Settings(self.store, str(self.panel), None, None, "0 2 * * *"), None)

    def nightly(self) -> subprocess.CompletedProcess[str]:
        """Run what is due for the panel."""
        return self.run("nightly", "--panel", str(self.panel))

    def env(self) -> dict[str, str]:
        """Return the environment of the child: the test's own, less what would lead it elsewhere."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DRIFTLAKE_"))}
        return kept | {"DRIFTLAKE_HOME": str(self.store.home)} | self.environment


def make_nights(folder: Path, laboratory: Laboratory, name: str, epochs: list[int]) -> Nights:
    """Return an empty store that has a trained laboratory, and a panel with as many staged nights as epochs."""
    store = Store(folder / "store")
    store.home.mkdir(parents=True)
    shutil.copytree(laboratory.folder, store.laboratory)
    panel = folder / f"{name}.yaml"
    panel.write_text(PANEL.format(name=name, nights=len(epochs), epochs=epochs))
    return Nights(store, panel)


@dataclass
class Played:
    """Nights that were played, what the command printed, what readers saw meanwhile as (answers, waves), and errors."""

    nights: Nights
    printed: str = ""
    seen: list[tuple[int, int]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Ask the store once by the command `driftlake sql`."""
        got = self.nights.run("sql", "select count(*), count(distinct wave_id) from core.responses", "--format", "csv")
        if got.returncode == 0:
            answers, waves = got.stdout.splitlines()[1].split(",")
            self.seen.append((int(answers), int(waves)))
        else:
            self.errors.append(got.stderr)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory, laboratory: Laboratory) -> Played:
    """Return four staged nights (epochs 0, 0, 2, 20) as the command played them, with a reader at work all the time.

    Every connection of every process is witnessed.
    """
    folder = tmp_path_factory.mktemp("played")
    nights = make_nights(folder, laboratory, "small", [0, 0, 2, 20])
    nights.environment = {
        "PYTHONPATH": os.pathsep.join((str(WITNESS), str(ROOT))),
        "DRIFTLAKE_TEST_CONNECTIONS": str(folder / "connections"),
    }
    result = Played(nights)
    said, complained = folder / "stdout", folder / "stderr"
    with said.open("w") as out, complained.open("w") as err:
        writing = nights.start("nightly", "--panel", str(nights.panel), stdout=out, stderr=err)
        while writing.poll() is None:
            if nights.store.exists():
                result.read()
            time.sleep(3)
    assert writing.returncode == 0, complained.read_text()
    result.printed = said.read_text()
    return result


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of one Prefect server for many nights: starting one costs more than a night of few answers."""
    store = Store(tmp_path_factory.mktemp("prefect") / "store")
    store.prepare()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("flows.scheduling._USUAL_PORT", 0)  # another test process may have its eye on it
        patched.setenv("PREFECT_HOME", str(store.state / "prefect"))
        with prefect_server(store) as url:
            del os.environ["PREFECT_API_URL"]  # it is given to the nights that ask for it, and to no other test
            yield url


@pytest.fixture
def new_nights(tmp_path: Path, laboratory: Laboratory, prefect_url: str) -> Callable[[str, list[int]], Nights]:
    """Return what makes an empty store with a trained laboratory and a panel of that name and those epochs."""

    def make(name: str, epochs: list[int]) -> Nights:
        nights = make_nights(tmp_path / name, laboratory, name, epochs)
        nights.environment["PREFECT_API_URL"] = prefect_url
        return nights

    return make
