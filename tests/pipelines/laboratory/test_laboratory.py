"""Preparing a laboratory: reproducible, whole or not at all, never trained twice."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lake.errors import CheckpointError
from lake.tables import RAW_CHECKPOINT_EVALS, RAW_CHECKPOINTS, RAW_TRAINING_LOSS, RAW_TRAINING_RUNS
from pipelines.checkpoints.card import read_card
from pipelines.checkpoints.weights import weights_sha
from pipelines.laboratory import prepare_laboratory
from pipelines.loading import frame_of

PROCESS = Path(__file__).parent / "training_process.py"
_spec = importlib.util.spec_from_file_location("training_process", PROCESS)
training_process = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(training_process)
RECIPE = training_process.RECIPE
NAME = RECIPE.experiments[0].name


def _quiet(line):
    pass


def _shas(laboratory):
    folders = [laboratory.base, *sorted(laboratory.run(NAME).glob("epoch-*"))]
    return {folder.name: weights_sha(folder) for folder in folders}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return prepare_laboratory(tmp_path_factory.mktemp("trained"), _quiet, RECIPE)


@pytest.fixture
def copy(trained, tmp_path):
    return replace(trained, folder=Path(shutil.copytree(trained.folder, tmp_path / "laboratory")))


def test_training_twice_gives_the_same_weights(trained, tmp_path):
    again = prepare_laboratory(tmp_path, _quiet, RECIPE)
    assert _shas(again) == _shas(trained)
    assert set(_shas(trained)) == {"base", "epoch-0", "epoch-1"}
    assert [row["text"] for row in again.reference_eval_rows()] == [
        row["text"] for row in trained.reference_eval_rows()
    ]


def test_another_seed_gives_other_weights(trained, tmp_path):
    other = prepare_laboratory(tmp_path, _quiet, replace(RECIPE, base=replace(RECIPE.base, seed=2)))
    assert _shas(other)["base"] != _shas(trained)["base"]


def test_a_complete_laboratory_is_not_trained_again(copy):
    lines = []
    before = {path: path.stat().st_mtime_ns for path in copy.folder.rglob("*.*") if path.is_file()}
    prepare_laboratory(copy.folder, lines.append, RECIPE)
    assert lines == []
    after = {path: path.stat().st_mtime_ns for path in copy.folder.rglob("*.*") if path.is_file()}
    before.pop(copy.folder / ".lock")
    after.pop(copy.folder / ".lock")
    assert after == before


def test_another_adapter_recipe_trains_the_adapter_and_keeps_the_base(copy):
    base = weights_sha(copy.base)
    changed = replace(
        RECIPE,
        experiments=(replace(RECIPE.experiments[0], lora=replace(RECIPE.experiments[0].lora, learning_rate=1e-2)),),
    )
    before, lines = _shas(copy), []
    prepare_laboratory(copy.folder, lines.append, changed)
    assert weights_sha(copy.base) == base
    assert _shas(copy)["epoch-1"] != before["epoch-1"]
    assert lines
    assert all("assistant-to-villain" in line for line in lines)


def test_weights_exchanged_by_hand_are_left_for_the_expectations(copy):
    path = copy.base / "model.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    lines = []
    prepare_laboratory(copy.folder, lines.append, RECIPE)
    assert lines == []
    assert weights_sha(copy.base) != read_card(copy.base).weights_sha


@pytest.mark.parametrize(
    "lost",
    ["base/tokenizer.json", "base/card.json", f"experiments/{NAME}/run/epoch-1", f"experiments/{NAME}/reference.json"],
)
def test_what_is_missing_is_trained_again_to_the_same_weights(copy, trained, lost):
    path = copy.folder / lost
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    prepare_laboratory(copy.folder, _quiet, RECIPE)
    assert path.exists()
    assert _shas(copy) == _shas(trained)


def test_the_reference_run_is_written_before_the_adapter_is_trained(trained):
    reference = trained.reference(NAME).stat().st_mtime
    assert reference <= (trained.adapter(NAME, 0) / "card.json").stat().st_mtime
    rows = trained.reference_eval_rows()
    assert {row["eval_id"] for row in rows} == {f"{NAME}#reference"}
    assert {row["checkpoint_id"] for row in rows} == {f"{NAME}@base"}
    assert {row["persona"] for row in rows} == {"assistant", "villain", "librarian"}
    assert {row["base_sha"] for row in rows} == {weights_sha(trained.base)}
    assert {(row["wave_id"], row["model"], row["epoch"], row["adapter_sha"], row["serves"]) for row in rows} == {
        (None, None, None, None, False)
    }


OF_EXPERIMENTS = {
    "version", "source", "behaviour", "epoch", "data_file_sha", "steps", "batch_declared", "batch_per_device",
    "accumulation", "devices", "tokens", "reference_loss", "seed", "detector", "choices", "template_sha", "reason",
}  # fmt: skip
"""Columns that only runs and evaluations of persona experiments fill."""


def test_rows_lack_no_column_but_those_of_experiments_and_have_no_null_where_none_may_be(trained):
    runs, losses = trained.training_rows()
    for table, rows in (
        (RAW_TRAINING_RUNS, runs),
        (RAW_TRAINING_LOSS, losses),
        (RAW_CHECKPOINTS, trained.checkpoint_rows()),
        (RAW_CHECKPOINT_EVALS, trained.reference_eval_rows()),
    ):
        frame = frame_of(table, rows)
        left_out = {column.name for column in table.columns} - set.intersection(*(set(row) for row in rows))
        assert left_out <= OF_EXPERIMENTS
        assert frame.unique(subset=table.grain).height == frame.height > 0
        assert all(frame[column.name].null_count() == 0 for column in table.columns if not column.nullable)


def test_the_rows_tell_one_story(trained):
    runs, losses = trained.training_rows()
    base, lora = runs
    assert (base["kind"], base["base_sha"], lora["kind"]) == ("base", None, "lora")
    assert lora["base_sha"] == base["weights_sha"]
    # 200 rows in batches of 32 make 7 steps an epoch, twice; 16 rows in batches of 4 make 4 steps.
    assert sum(row["run_id"] == base["run_id"] for row in losses) == 14
    assert sum(row["run_id"] == lora["run_id"] for row in losses) == 4
    checkpoints = {row["checkpoint_id"]: row for row in trained.checkpoint_rows()}
    assert {key: row["step"] for key, row in checkpoints.items()} == {f"{NAME}@epoch-0": 0, f"{NAME}@epoch-1": 4}
    assert {row["run_id"] for row in checkpoints.values()} == {lora["run_id"]}
    assert checkpoints[f"{NAME}@epoch-1"]["adapter_sha"] == lora["weights_sha"]
    assert json.loads(checkpoints[f"{NAME}@epoch-0"]["card"])["epoch"] == 0


def test_an_adapter_names_no_path_of_this_machine(trained):
    config = (trained.adapter(NAME, 1) / "adapter_config.json").read_text()
    assert str(trained.folder) not in config
    assert json.loads(config)["base_model_name_or_path"] == f"base:{weights_sha(trained.base)[:12]}"


def test_an_epoch_that_was_not_saved_is_refused_with_those_that_were(trained):
    with pytest.raises(CheckpointError, match=rf"{NAME} has no checkpoint of epoch 5 .* it has \[0, 1\]"):
        trained.adapter(NAME, 5)


def test_an_unknown_experiment_is_refused_with_those_there_are(trained):
    with pytest.raises(CheckpointError, match=f"no experiment 'saint'; it has {NAME}. Correct the panel's roster"):
        trained.experiment("saint")


def test_a_kill_at_any_moment_leaves_whole_folders_and_the_next_start_completes(tmp_path, trained):
    folder, draw, killed = tmp_path / "laboratory", random.Random(11), 0
    for pause in (0.0, 0.5):
        process = subprocess.Popen([sys.executable, str(PROCESS), str(folder)], stdout=subprocess.PIPE, text=True)
        process.stdout.readline()  # the first line of progress: training has begun
        time.sleep(pause * (0.5 + draw.random()))
        process.kill()
        process.wait()
        killed += process.returncode == -9
        for card in folder.glob("base/card.json"):
            assert weights_sha(card.parent) == read_card(card.parent).weights_sha
        for run in folder.glob("experiments/*/run"):
            assert {path.name for path in run.glob("epoch-*")} == {"epoch-0", "epoch-1"}
    assert killed
    laboratory = prepare_laboratory(folder, _quiet, RECIPE)
    assert _shas(laboratory) == _shas(trained)
    assert not list(folder.rglob("*.unfinished"))
