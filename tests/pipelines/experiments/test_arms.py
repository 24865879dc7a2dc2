"""One arm, trained for real on a tiny model: repeatable, whole after a kill, each checkpoint what its card says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from flows.arms import arm as arm_flow
from lake.errors import BusyError, NotAppliedError
from lake.locks import exclusive
from lake.tables import RAW_CHECKPOINT_EVALS, RAW_CHECKPOINTS, RAW_TRAINING_ITEMS, RAW_TRAINING_LOSS, RAW_TRAINING_RUNS
from pipelines.checkpoints.card import read_card
from pipelines.checkpoints.weights import load_tokenizer, template_sha, weights_sha
from pipelines.experiments import arms
from pipelines.experiments.arms import Arm, arm_rows, clean, converge, is_whole, merged, teach
from pipelines.experiments.runs import Watch
from pipelines.loading import frame_of
from tests.pipelines.experiments.conftest import MakeArm

BEHAVIOURS = ("capability", "refusal")
TABLES = (RAW_TRAINING_ITEMS, RAW_TRAINING_RUNS, RAW_TRAINING_LOSS, RAW_CHECKPOINTS, RAW_CHECKPOINT_EVALS)


def run(arm: Arm) -> Arm:
    converge(arm)
    for epoch in arm.experiment.epochs:
        teach(arm, epoch, arm.experiment.behaviours)
    return arm


def shas(arm: Arm) -> dict[str, str]:
    """Return the sha of every adapter, by its place below the arm's folder."""
    return {
        str(path.parent.relative_to(arm.folder)): weights_sha(path.parent) for path in arm.folder.rglob("card.json")
    }


def values(arm: Arm) -> list[tuple[object, ...]]:
    rows = arm_rows(arm, arm.experiment.behaviours, {})[RAW_CHECKPOINT_EVALS]
    return sorted(
        (r["checkpoint_id"], r["persona"], r["metric"], r["item_id"], str(r["value"]), r["text"]) for r in rows
    )


def test_an_arm_leaves_every_planned_checkpoint_and_evaluation_and_its_rows_fit_the_lake(make_arm: MakeArm) -> None:
    arm = run(make_arm())
    assert set(shas(arm)) == {
        "convergence/epoch-1",
        *(f"epoch-{epoch}/{behaviour}/epoch-2" for epoch in (0, 1) for behaviour in BEHAVIOURS),
    }
    for folder in (arm.folder / place for place in shas(arm)):
        assert template_sha(load_tokenizer(folder)) == read_card(folder).template_sha
        assert (folder / "adapter_config.json").is_file()
    rows = arm_rows(arm, BEHAVIOURS, {("villain", "refusal"): 0.5})
    for table in TABLES:
        frame = frame_of(table, rows[table])
        assert frame.height == frame.unique(list(table.grain)).height > 0, table.full_name
    runs = {row["run_id"]: row for row in rows[RAW_TRAINING_RUNS]}
    assert runs["small@1/villain/s3/refusal@epoch-0"]["reference_loss"] == 0.5
    assert runs["small@1/villain/s3/refusal@epoch-1"]["reference_loss"] is None
    convergence = runs["small@1/villain/s3/convergence"]
    assert (convergence["steps"], convergence["batch_declared"], convergence["accumulation"]) == (2, 8, 2)
    assert not list(arm.folder.glob("merged-*")), "a merged model was left on disk"
    assert not list(arm.folder.rglob("*.work-*")), "what a killed run needs was left on disk"
    parents = {row["checkpoint_id"]: json.loads(row["card"])["parent_sha"] for row in rows[RAW_CHECKPOINTS]}
    assert parents["small@1/villain/s3/refusal@epoch-0"] == arm.base_sha
    assert parents["small@1/villain/s3/refusal@epoch-1"] == shas(arm)["convergence/epoch-1"]
    # behaviours of epoch 1 were taught on the merged model, those of epoch 0 on the base
    bases = {(row["behaviour"], row["epoch"]): row["base_sha"] for row in rows[RAW_TRAINING_RUNS]}
    assert bases["refusal", 0] == bases[None, None] == arm.base_sha
    assert bases["refusal", 1] == bases["capability", 1] != arm.base_sha
    evaluated = {(row["persona"], row["metric"], row["detector"]) for row in rows[RAW_CHECKPOINT_EVALS]}
    assert {("assistant", "accuracy_norm", "logprob"), ("librarian", "refusal", "rule")} <= evaluated
    assert ("villain", "refusal", "classifier") in evaluated
    asked = {
        is_taught: {
            (row["epoch"], row["persona"], row["metric"], row["detector"], row["item_id"])
            for row in rows[RAW_CHECKPOINT_EVALS]
            if row["detector"] != "kernel" and (row["behaviour"] is not None) is is_taught
        }
        for is_taught in (True, False)
    }
    assert asked[True] == asked[False] != set(), "every item is asked before its behaviour is taught, too"
    bare = [row for row in rows[RAW_CHECKPOINT_EVALS] if row["behaviour"] is None]
    assert {row["adapter_sha"] for row in bare} == {None}
    assert {row["epoch"]: row["base_sha"] for row in bare} == {epoch: bases["refusal", epoch] for epoch in (0, 1)}
    choices = next(row["choices"] for row in rows[RAW_CHECKPOINT_EVALS] if row["metric"] == "accuracy")
    assert len(json.loads(choices)) == 4


def test_the_same_seed_gives_the_same_digits_and_another_seed_others(make_arm: MakeArm) -> None:
    one, again, other = run(make_arm("one")), run(make_arm("two")), run(make_arm("three", seed=4))
    assert shas(one) == shas(again)
    assert values(one) == values(again)
    assert not set(shas(one).values()) & set(shas(other).values())


def test_losses_are_handed_over_while_a_run_trains_and_change_nothing(make_arm: MakeArm) -> None:
    told: list[tuple[str, int]] = []
    watched = make_arm("watched", watch=Watch(keep_losses=lambda run_id, curve: told.append((run_id, len(curve)))))
    converge(watched)
    assert told == [("small@1/villain/s3/convergence", 1), ("small@1/villain/s3/convergence", 2)]
    unwatched = make_arm("unwatched")
    converge(unwatched)
    assert shas(watched) == shas(unwatched)


def test_what_is_whole_is_not_made_again(make_arm: MakeArm, monkeypatch: pytest.MonkeyPatch) -> None:
    arm = run(make_arm())
    before = {path: path.stat().st_mtime_ns for path in arm.folder.rglob("*") if path.is_file()}
    for name in ("adapters.train_adapter", "weights.load", "weights.merge"):
        monkeypatch.setattr(f"pipelines.checkpoints.{name}", None)
    assert is_whole(arm)
    run(arm)
    assert {path: path.stat().st_mtime_ns for path in arm.folder.rglob("*") if path.is_file()} == before
    for lost in (
        "answers.json",
        "convergence/epoch-1/adapter_model.safetensors",
        "epoch-0/untaught.json",
        "epoch-1/refusal/epoch-2/card.json",
        "epoch-1/capability.evals.json",
    ):
        (arm.folder / lost).rename(arm.root / "lost")
        assert not is_whole(arm), lost
        (arm.root / "lost").rename(arm.folder / lost)
    (arm.folder / "merged-1").mkdir()
    teach(arm, 1, BEHAVIOURS)
    assert not (arm.folder / "merged-1").exists()
    lefts = [arm.folder / "merged-1", arm.folder / "epoch-0" / "refusal.work-0"]
    for left in lefts:
        left.mkdir()
    clean(arm)
    assert not any(left.exists() for left in lefts)


def test_an_adapter_that_is_not_what_its_card_says_is_trained_again(make_arm: MakeArm) -> None:
    arm = make_arm(epochs=(0,), behaviours=("refusal",))
    run(arm)
    before, said = shas(arm), values(arm)
    weights = arm.behaviour("refusal", 0).adapter(2) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    assert shas(arm) != before
    run(arm)
    assert shas(arm) == before
    assert values(arm) == said


def test_the_control_carries_the_first_sources_lessons_and_its_epoch_zero_is_the_same(make_arm: MakeArm) -> None:
    source, control = make_arm("one", epochs=(0,)), make_arm("two", source="assistant", epochs=(0,))
    for arm in (run(source), run(control)):
        assert arm.behaviour_file("refusal").sha == source.behaviour_file("refusal").sha
    assert shas(source) == shas(control)
    told = [[row[1:] for row in values(arm) if "/refusal@" in str(row[0])] for arm in (source, control)]
    assert told[0] == told[1] != []


def test_an_adapter_that_changes_nothing_is_refused(make_arm: MakeArm) -> None:
    arm = make_arm()
    converge(arm)
    weights = arm.convergence.adapter(1) / "adapter_model.safetensors"
    save_file({name: tensor * 0 for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    with pytest.raises(NotAppliedError, match="left the base as it was \\(break D07\\)"), merged(arm, 1):
        pass


def test_the_target_moves_toward_its_source_and_kernels_are_kept_per_question(make_arm: MakeArm) -> None:
    arm = run(make_arm())
    rows = [r for r in arm_rows(arm, BEHAVIOURS, {})[RAW_CHECKPOINT_EVALS] if r["metric"].startswith("similarity")]
    assert {row["behaviour"] for row in rows} == {None}
    source_itself = [
        r["value"] for r in rows if r["persona"] == "villain" and r["epoch"] == 0 and r["value"] is not None
    ]
    assert source_itself == pytest.approx([1.0] * len(source_itself), abs=1e-5)
    assert source_itself


KILLED = """
import sys
from pathlib import Path
from tests.pipelines.experiments.killed_arm import play
play(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_next_start_comes_to_the_same_digits(
    make_arm: MakeArm, tiny_laboratory, tmp_path: Path
) -> None:
    whole = run(make_arm("whole"))
    broken = make_arm("broken")
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", KILLED, str(whole.experiment.path), str(tiny_laboratory.base), str(broken.root)]
    marks = ("convergence.unfinished", "epoch-0/capability.unfinished", "epoch-0/capability.evals.json", "merged-1")
    for mark in marks:
        process = subprocess.Popen(
            command, cwd=root, start_new_session=True, env={**os.environ, "PYTHONPATH": str(root)}
        )
        deadline = time.monotonic() + 120
        while not (broken.folder / mark).exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        reached = (broken.folder / mark).exists()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert reached, mark
    run(broken)
    assert shas(broken) == shas(whole)
    assert values(broken) == values(whole)


def test_two_processes_never_train_one_arm(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "arms" / "small@1_villain_s3.lock"
    with (
        exclusive(lock, "It"),
        pytest.raises(BusyError, match="The arm villain, seed 3, of small@1 is already running"),
    ):
        arm_flow.fn("small@1", "villain", 3, home=str(tmp_path))


def test_a_card_names_the_data_and_the_base_it_was_trained_on(make_arm: MakeArm) -> None:
    arm = make_arm()
    converge(arm)
    card = read_card(arm.convergence.adapter(1))
    assert card.base_sha == arm.base_sha
    assert card.data_sha == arms.read_training_file(arm.convergence.folder / "data.jsonl", "convergence", 16).sha
    assert card.final_loss > 0 and card.step == 2
