"""Nights that are cut short, fail, or must not alarm: what each leaves behind, and what the next start makes of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lake.catalog import connect_reader, create_lake
from lake.store import Store

if TYPE_CHECKING:
    from tests.flows.conftest import Nights

    MakeNights = Callable[[str, list[int]], Nights]

CELLS_A_NIGHT = 5 * 30 * 4  # models x prompts x samples


def rows(store: Store, query: str, at: str | None = None) -> list[tuple[Any, ...]]:
    connection = connect_reader(store, at)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


STAGES = ("ask", "load", "publish")
"""What a night says as it goes on; it is killed at the first line of each: in the middle of asking, before Draw."""


def kill_after(nights: Nights, said: str) -> bool:
    """Start the night and kill it, with all its children, at the first line of a stage; False when it never came."""
    process = nights.start("nightly", "--panel", str(nights.panel), stdout=subprocess.DEVNULL, start_new_session=True)
    assert process.stderr is not None
    reached = any(line.strip().startswith(said) for line in process.stderr)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return reached


@pytest.mark.slow
def test_killed_after_every_stage_the_same_command_completes_the_night(new_nights: MakeNights) -> None:
    nights = new_nights("killed", [2])
    assert [stage for stage in STAGES if not kill_after(nights, stage)] == []
    done = nights.nightly()
    assert done.returncode == 0, done.stderr
    keys = [
        (row["model_requested"], row["prompt_id"], row["sample_index"])
        for path in nights.store.journal.rglob("*.jsonl")
        for row in map(json.loads, path.read_text().splitlines())
    ]
    assert len(keys) == len(set(keys)) == CELLS_A_NIGHT, "a cell was asked twice or never"
    stored = "SELECT count(*), count(DISTINCT (model_requested, prompt_id, sample_index)) FROM core.responses"
    usable = rows(nights.store, "SELECT count(*), count(*) FROM core.cells WHERE state = 'ok'")
    assert rows(nights.store, stored) == usable
    assert rows(nights.store, "SELECT count(*) FROM raw.attempts") == [(CELLS_A_NIGHT,)]
    assert rows(nights.store, "SELECT status, ok_cells FROM ops.waves") == [("published", usable[0][0])]
    assert rows(nights.store, "SELECT count(*) FROM ops.publications") == [(1,)]
    page = re.search(r"Report: (.*)", done.stdout)
    assert page is not None
    assert Path(page.group(1)).is_file(), "the night was killed between Publish and Draw, and nobody drew it later"


def test_a_lake_whose_making_was_killed_is_made_by_the_next_start(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.prepare()
    store.catalog.with_name("catalog.sqlite.unfinished").write_bytes(b"half")
    assert not store.exists()
    create_lake(store)
    assert rows(store, "SELECT count(*) FROM ops.waves") == [(0,)]


def swap_base(store: Store) -> None:
    """Put other weights under the checkpoints: the base with noise added, under the same name and config."""
    import torch
    from safetensors.torch import load_file, save_file

    path = store.laboratory / "base" / "model.safetensors"
    weights = load_file(path)
    torch.manual_seed(0)
    save_file({name: value + 0.02 * torch.randn_like(value) for name, value in weights.items()}, path, {"format": "pt"})


def test_a_base_swapped_under_a_checkpoint_fails_the_model_by_name_and_the_rest_is_published(
    new_nights: MakeNights,
) -> None:
    nights = new_nights("swapped", [2])
    swap_base(nights.store)
    nights.play_here()
    failed = rows(
        nights.store,
        "SELECT DISTINCT model FROM ops.verdicts "
        "WHERE scope = 'model' AND verdict = 'failed' AND break_id IN ('D01', 'D07')",
    )
    assert ("lab/assistant-latest",) in failed
    said = rows(nights.store, "SELECT detail FROM ops.check_results WHERE break_id = 'D01' AND NOT success")
    assert any("lab/assistant-latest" in detail for (detail,) in said)
    published = rows(nights.store, "SELECT DISTINCT model_requested FROM core.responses")
    assert ("lab/assistant-latest",) not in published
    assert ("lab/villain",) in published
