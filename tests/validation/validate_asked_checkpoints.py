"""`driftlake train`, then `driftlake nightly` on a panel that asks what was trained: every stage, by the commands.

The small experiment and panel are those of tests/flows/test_experiment_checkpoints.py, with the laboratory's own models
and its moving alias beside the experiment's checkpoints. Run by `make validate`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lake.store import Store
from pipelines.laboratory import Laboratory
from tests.flows.conftest import Nights
from tests.flows.test_experiment_checkpoints import EXPERIMENT, IDS, PANEL, PLAIN, REFUSER, TURNED, rows

ALIAS, EARLY, EARLY_ID = "lab/assistant-latest", "lab/early", "small@1/villain/s3/refusal@epoch-0"
MORE = f"""  - {{model: {EARLY}, persona: assistant, checkpoint: {{id: {EARLY_ID}}}}}
  - {{model: {ALIAS}, persona: assistant, served_names: ["lab/assistant@epoch-*"],
     checkpoint: {{base: laboratory, experiment: assistant-to-villain, staged_epochs: [2]}}}}
"""

REFERENCE = (
    EXPERIMENT.replace("experiment: small", "experiment: small-reference")
    .replace("epochs: [0, 1]\nheadline_epoch: 1", "epochs: [0]")
    .replace("criteria: {refusal: 0.05}", "thresholds: {loss_below: 9}")
)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, laboratory: Laboratory) -> Nights:
    """Return a store in which the experiment was trained and one night asked, by the commands."""
    folder = tmp_path_factory.mktemp("asked")
    store = Store(folder / "store")
    store.home.mkdir()
    shutil.copytree(laboratory.folder, store.laboratory)
    panel = folder / "turned.yaml"
    panel.write_text(PANEL.replace("BASE", "laboratory") + MORE)
    (folder / "small.yaml").write_text(EXPERIMENT + "reference: small-reference\nthresholds: {loss_below: 9}\n")
    (folder / "small-reference.yaml").write_text(REFERENCE)
    made = Nights(store, panel)
    # so small a matrix may end at a late gate: what it trained is there to be asked all the same
    trained = made.run("train", "--experiment", str(folder / "small.yaml"), "--device", "cpu", "--workers", "1")
    assert "registered" in trained.stderr, trained.stderr
    asked = made.nightly()
    assert asked.returncode == 0, asked.stderr
    return made


def test_all_checkpoints_are_in_convergence_beside_the_laboratorys_own(nights: Nights) -> None:
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
    found = rows(
        nights.store,
        "SELECT check_id, success FROM ops.check_results WHERE wave_id LIKE 'turned/%' AND break_id IN ('D01', 'D07')",
    )
    assert found
    assert all(success for _, success in found)
    assert rows(nights.store, "SELECT * FROM ops.verdicts WHERE wave_id LIKE 'turned/%' AND verdict = 'failed'") == []
    page = (nights.store.site / "index.html").read_text(encoding="utf-8")
    assert "Epoch 0 of assistant-to-villain reproduced its reference" in page
    assert "Epoch 0 of small" not in page


def test_a_base_that_was_exchanged_stops_the_next_night_before_anything_is_asked(
    nights: Nights, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    other = Nights(Store(tmp_path / "store"), nights.panel)
    shutil.copytree(nights.store.home, other.store.home)
    path = other.store.laboratory / "base" / "model.safetensors"
    torch.manual_seed(0)
    weights = {name: value + 0.02 * torch.randn_like(value) for name, value in load_file(path).items()}
    save_file(weights, path, {"format": "pt"})
    other.panel = tmp_path / "exchanged.yaml"
    other.panel.write_text(PANEL.replace("panel: turned", "panel: exchanged").replace("BASE", "laboratory"))
    done = other.nightly()
    assert done.returncode != 0
    assert "was trained on base" in done.stderr
