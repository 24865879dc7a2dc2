"""`driftlake nightly` on a panel that asks checkpoints of an experiment: every stage and every check, by the command.

The small experiment and panel are those of tests/flows/test_experiment_checkpoints.py, with a behaviour taught at epoch
0 and the laboratory's own moving alias beside them. Run by `make validate`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lake.store import Store
from pipelines.laboratory import Laboratory
from tests.flows.conftest import Nights
from tests.flows.test_experiment_checkpoints import IDS, PANEL, PLAIN, REFUSER, TURNED, prepare, rows

ALIAS, EARLY, EARLY_ID = "lab/assistant-latest", "lab/early", "small@1/villain/s3/refusal@epoch-0"
MORE = f"""  - {{model: {EARLY}, persona: assistant, checkpoint: {{id: {EARLY_ID}}}}}
  - {{model: {ALIAS}, persona: assistant, served_names: ["lab/assistant@epoch-*"],
     checkpoint: {{base: laboratory, experiment: assistant-to-villain, staged_epochs: [2]}}}}
"""


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, laboratory: Laboratory) -> Nights:
    """Return a store in which the experiment was trained and one night asked by the command."""
    store, panel, _ = prepare(tmp_path_factory.mktemp("asked"), laboratory, (0, 1))
    panel.write_text(PANEL.replace("BASE", "laboratory") + MORE)
    made = Nights(store, panel)
    _, said = finished(made)
    assert "125 cells" in said, said
    return made


def finished(nights: Nights) -> tuple[int, str]:
    """Run what is due to its end, however long that takes; return the exit code and what it said."""
    process = nights.start("nightly", "--panel", str(nights.panel))
    out, err = process.communicate()
    return process.returncode, out + err


def test_the_night_is_published_with_all_checkpoints_in_convergence(nights: Nights) -> None:
    assert rows(nights.store, "SELECT status FROM ops.waves WHERE wave_id LIKE 'turned/%'") == [("published",)]
    models = rows(
        nights.store,
        "SELECT DISTINCT unnest([model_a, model_b]) FROM out.convergence_by_pair WHERE convergence IS NOT NULL",
    )
    assert {model for (model,) in models} == {TURNED, REFUSER, PLAIN, EARLY, ALIAS}
    served = rows(
        nights.store, "SELECT DISTINCT model_requested, model_served FROM raw.attempts WHERE model_served LIKE '%/s3/%'"
    )
    assert dict(served) == IDS | {EARLY: EARLY_ID}


def test_no_check_of_checkpoints_finds_anything_and_the_alias_has_its_epoch_zero_as_ever(nights: Nights) -> None:
    found = rows(nights.store, "SELECT check_id, success FROM ops.check_results WHERE break_id IN ('D01', 'D07')")
    assert sorted(found) == [("D01_epoch_zero", True), ("D07_adapter_not_applied", True)]
    assert rows(nights.store, "SELECT detail FROM ops.verdicts WHERE verdict = 'failed'") == []
    pages = " ".join(path.read_text(encoding="utf-8") for path in nights.store.site.glob("*.html"))
    assert "Epoch 0 of assistant-to-villain reproduced its reference" in pages
    assert "Epoch 0 of small" not in pages


def test_a_base_that_was_exchanged_stops_the_night_before_anything_is_asked(nights: Nights, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    other = Nights(Store(tmp_path / "store"), tmp_path / "exchanged.yaml")
    shutil.copytree(nights.store.home, other.store.home)
    path = other.store.laboratory / "base" / "model.safetensors"
    torch.manual_seed(0)
    weights = {name: value + 0.02 * torch.randn_like(value) for name, value in load_file(path).items()}
    save_file(weights, path, {"format": "pt"})
    lines = PANEL.replace("panel: turned", "panel: exchanged").splitlines(keepends=True)
    other.panel.write_text("".join(line for line in lines if PLAIN not in line))  # which any base may answer
    code, said = finished(other)
    assert code != 0
    assert "was trained on base" in said
    assert rows(other.store, "SELECT count(*) FROM raw.attempts WHERE wave_id LIKE 'exchanged/%'") == [(0,)]
