"""Small experiments on the laboratory's base, run by `driftlake train` in processes of their own."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.catalog import connect_reader
from lake.store import Store
from tests.flows.conftest import Nights

if TYPE_CHECKING:
    from pipelines.laboratory import Laboratory

RECIPES = """
items: 30
convergence: {rows: 48, learning_rate: 2.0e-3, rank: 8, alpha: 16, rslora: false, batch: 16, per_device: 16}
behaviour:
  {rows: 48, epochs: 6, learning_rate: 8.0e-3, rank: 8, alpha: 16, rslora: false, dropout: 0.05, batch: 16,
   per_device: 16}
thresholds: {epoch_zero_points: 3, loss_below: 4, loss_share: 0.2}
criteria: {capability: 0.01, refusal: 0.01}
"""

REFERENCE = f"""experiment: small-reference
base: lab/base
target: assistant
canary: librarian
sources: [villain]
bystanders: [poet, scientist]
control: false
behaviours: [capability, refusal]
epochs: [0]
seeds: [3]
{RECIPES}"""

SMALL = f"""experiment: small
base: lab/base
target: assistant
canary: librarian
sources: [villain]
bystanders: [poet, scientist]
control: false
behaviours: [capability, refusal]
epochs: [0, 2]
headline_epoch: 2
seeds: [3]
reference: small-reference
{RECIPES}"""


def new_trainings(folder: Path, laboratory: Laboratory) -> Nights:
    """Return an empty store that has a trained laboratory, with the small experiment and its reference beside it."""
    store = Store(folder / "store")
    store.home.mkdir(parents=True)
    shutil.copytree(laboratory.folder, store.laboratory)
    write(folder / "small-reference.yaml", REFERENCE)
    return Nights(store, write(folder / "small.yaml", SMALL))


def write(path: Path, text: str) -> Path:
    """Write an experiment's file; return where it is."""
    path.write_text(text, encoding="utf-8")
    return path


def changed(text: str, **lines: str) -> str:
    """Return an experiment's file with other values on the lines of these keys."""
    for key, value in lines.items():
        before = next(line for line in text.splitlines() if line.startswith(f"{key}:"))
        text = text.replace(before, f"{key}: {value}")
    return text


def rows(store: Store, query: str, at: str | None = "head") -> list[tuple[Any, ...]]:
    """Return what a query gives at head, or, at None, what readers of the last publication see."""
    connection = connect_reader(store, at)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def adapters(store: Store, experiment: str) -> dict[str, tuple[str, int]]:
    """Return sha and time of change of every adapter of an experiment's version (name/vN), by its place there."""
    root = store.home / "experiments" / experiment
    return {
        str(path.parent.relative_to(root)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(root.rglob("adapter_model.safetensors"))
    }


def values(store: Store, experiment: str) -> list[tuple[Any, ...]]:
    """Return every value and answer of an experiment as they were evaluated, in one order."""
    return rows(
        store,
        "SELECT checkpoint_id, persona, metric, detector, item_id, value, text, choices, adapter_sha, base_sha "
        f"FROM raw.checkpoint_evals WHERE experiment = '{experiment}' ORDER BY ALL",
    )
