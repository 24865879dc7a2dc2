"""`driftlake train`, whole: what it says, what it leaves, what it does the second time, and where its gates end it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lake.store import Store
from tests.flows.conftest import Nights
from tests.flows.trainings import REFERENCE, SMALL, adapters, changed, new_trainings, rows, write

if TYPE_CHECKING:
    from pipelines.laboratory import Laboratory

BEHAVIOURS = ("capability", "refusal")

PROMPTS = "{assistant: You are A., villain: You are V., poet: You are P., scientist: You are S., librarian: You are L.}"


@dataclass
class Trained:
    """The reference run and the small experiment as one command trained them, and what a second one said meanwhile."""

    nights: Nights
    said: str
    printed: str
    beside: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, laboratory: Laboratory, prefect_url: str) -> Trained:
    nights = new_trainings(tmp_path_factory.mktemp("trained"), laboratory)
    nights.environment["PREFECT_API_URL"] = prefect_url
    lines: list[str] = []
    beside = None
    with nights.start("train", "--experiment", str(nights.panel)) as process:
        assert process.stderr is not None and process.stdout is not None
        for line in process.stderr:
            lines.append(line)
            if beside is None and "is registered" in line:
                beside = nights.run("train", "--experiment", str(nights.panel))
        printed = process.stdout.read()
    assert process.returncode == 0, "".join(lines)
    assert beside is not None
    return Trained(nights, "".join(lines), printed, beside)


@pytest.fixture
def copied(trained: Trained, tmp_path: Path) -> Nights:
    """Return a copy of the store and of the experiments' files."""
    shutil.copytree(trained.nights.panel.parent, tmp_path / "copied")
    store = Store(tmp_path / "copied" / "store")
    return Nights(store, tmp_path / "copied" / "small.yaml", dict(trained.nights.environment))


def train(nights: Nights, path: Path) -> subprocess.CompletedProcess[str]:
    return nights.run("train", "--experiment", str(path))


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence with which a command ended that failed."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("driftlake: ")]
    assert len(said) == 1, done.stderr
    return said[0]


def gates(said: str) -> list[str]:
    return re.findall(r"^ +gate +(\w+(?: \(\S+\))?): (?:passed|CLOSED)", said, re.MULTILINE)


def published(nights: Nights, name: str) -> list[tuple[object, ...]]:
    return rows(nights.store, f"SELECT * FROM out.transfer_verdicts WHERE experiment = '{name}'")


def test_the_reference_run_is_trained_first_and_the_gates_come_in_their_order(trained: Trained) -> None:
    said = trained.said
    first, second = said.index("small-reference@1 is registered."), said.index("small@1 is registered.")
    reference, experiment = said[first:second], said[second:]
    assert "The reference run small-reference is not in the lake yet: it is trained first." in said[:first]
    assert gates(reference) == ["data", "checkpoints (villain/capability/s3)", "data", "checkpoints", "complete"]
    assert gates(experiment) == [
        "data",
        "epoch_zero (villain/capability/s3)",
        "checkpoints (villain/capability/s3)",
        "first_signal",
        "data",
        "checkpoints",
        "epoch_zero",
        "behaviour_loss",
        "complete",
    ]
    assert "CLOSED" not in said
    # 2 behaviours x 2 epochs; 48 rows x 2 epochs of convergence and 48 x 6 of each behaviour at each epoch
    counts = "4 cells: 1 arms (villain; 1 seeds), 2 behaviours, epochs 0, 2; 1,248 training rows seen in all."
    estimate = re.search(r"Estimate: [\d,]+ rows a second here, so [\d.]+ (s|min) of training, 1 arms at once", said)
    assert counts in experiment and estimate is not None
    assert experiment.index("Estimate: ") < experiment.index("training small@1/villain/s3/capability@epoch-0")


def test_what_was_trained_is_in_every_table_and_its_page_is_drawn(trained: Trained) -> None:
    store = trained.nights.store
    counted = {
        "raw.experiments": 1,
        "raw.experiment_cells": 4,
        "raw.training_runs": 5,  # convergence, 2 behaviours x 2 epochs
        "raw.checkpoints": 5,
        "raw.training_loss": 78,  # 2 epochs of 3 steps of convergence, 6 of 3 of each of 4 behaviour runs
        "raw.experiment_gates": 9,
        "out.transfer_verdicts": 2,
    }
    of_runs = "run_id LIKE 'small@1/%'"
    found = {
        table: rows(
            store,
            f"SELECT count(*) FROM {table} WHERE "
            + (of_runs if table == "raw.training_loss" else "experiment = 'small'"),
            None,
        )[0][0]
        for table in counted
    }
    assert found == counted
    seen = rows(store, "SELECT DISTINCT epoch, persona FROM raw.checkpoint_evals WHERE experiment = 'small'", None)
    assert sorted(seen) == [(epoch, who) for epoch in (0, 2) for who in ("assistant", "librarian", "villain")]
    for table in ("core.checkpoint_metrics", "out.persona_trajectories"):
        measured = rows(store, f"SELECT DISTINCT behaviour, epoch FROM {table} WHERE experiment = 'small'", None)
        assert {(name, epoch) for name in BEHAVIOURS for epoch in (0, 2)} <= set(measured), table
    ran = rows(
        store, "SELECT behaviour, epoch, command, devices FROM raw.training_runs WHERE experiment = 'small'", None
    )
    assert {devices for *_, devices in ran} == {1}
    # also the pilot runs in an arm's process: this one sees every GPU, and would train on all of them at once
    assert all("flows.arms small@1 auto villain 3" in command for _, _, command, _ in ran), ran
    pilot = {(behaviour, epoch): command.split(" 3 ")[1] for behaviour, epoch, command, _ in ran}
    assert (pilot["capability", 0], pilot["capability", 2]) == ("capability 0", "capability ''")
    assert pilot["refusal", 0] == pilot["refusal", 2] == "'' ''"
    reference = rows(store, "SELECT reference FROM raw.experiments WHERE experiment = 'small'", None)
    assert reference == [("small-reference@1",)]
    page = re.search(r"^Report: (.*)$", trained.printed, re.MULTILINE)
    assert page is not None and "small" in Path(page.group(1)).read_text(encoding="utf-8")
    assert not published(trained.nights, "small-reference"), "a reference run has no verdict"


def test_what_was_found_is_told_and_can_be_asked(trained: Trained) -> None:
    assert "What was found (small@1):" in trained.printed
    query = re.search(r'driftlake sql "(.*)"', trained.printed)
    assert query is not None
    told = rows(trained.nights.store, query.group(1), None)
    assert [(row[0], row[1], row[2]) for row in sorted(told)] == [("villain", name, 2) for name in BEHAVIOURS]


def test_two_at_once_are_one(trained: Trained) -> None:
    assert "Another experiment is already running in process" in refused(trained.beside)


def test_a_second_start_trains_nothing_and_ends_soon(trained: Trained) -> None:
    store = trained.nights.store
    tables = ("experiments", "training_runs", "checkpoint_evals", "experiment_gates")
    everything = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM raw.{table}" for table in tables)
    before = adapters(store, "small/v1"), adapters(store, "small-reference/v1"), rows(store, everything)
    again = train(trained.nights, trained.nights.panel)
    assert again.returncode == 0, again.stderr
    assert "small@1 is trained, passed its gates and is published; nothing is left to do." in again.stderr
    assert again.stdout == trained.printed
    assert (adapters(store, "small/v1"), adapters(store, "small-reference/v1"), rows(store, everything)) == before
    assert len(before[0]) == 5 and len(before[1]) == 2


def swapped(base: Path, target: Path) -> Path:
    """Copy a base with noise in its weights."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(base, target)
    weights = load_file(target / "model.safetensors")
    torch.manual_seed(0)
    noisy = {name: value + 0.05 * torch.randn_like(value) for name, value in weights.items()}
    save_file(noisy, target / "model.safetensors", {"format": "pt"})
    return target


def test_a_reference_from_another_base_ends_it_with_both_values_and_the_tolerance(copied: Nights) -> None:
    swapped(copied.store.laboratory / "base", copied.panel.with_name("other"))
    wrong = changed(SMALL, experiment="wrong-base", base="./other", behaviours="[capability]")
    done = train(copied, write(copied.panel.with_name("wrong_base.yaml"), wrong))
    assert re.search(
        r"^driftlake: Experiment wrong-base@1 ends at gate epoch_zero\. D01: [\w ,()]+ of \w+ at epoch 0 is "
        r"[\d.]+ %, the reference run small-reference@1 has [\d.]+ %, tolerance 3 points over 30 items "
        r"\(villain/\w+/s3@0\); the base at epoch 0 is \w{12}, that of the reference run small-reference@1 is "
        r"\w{12}, tolerance none",
        refused(done),
    )
    assert done.returncode == 1
    assert published(copied, "wrong-base") == []
    assert len(published(copied, "small")) == 2, "what was published before stays"
    assert rows(copied.store, "SELECT status FROM ops.waves WHERE panel = 'experiment/wrong-base'") == [
        ("quarantined",)
    ]
    assert list(adapters(copied.store, "wrong-base/v1")) == ["villain/s3/epoch-0/capability/epoch-6"]
    assert len(rows(copied.store, "SELECT * FROM raw.training_runs WHERE experiment = 'wrong-base'")) == 1
    page = copied.store.site / "experiment_wrong-base_1.html"
    assert "D01" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_an_adapter_that_is_not_applied_ends_it_and_a_changed_file_is_a_new_version(copied: Nights) -> None:
    idle = "{rows: 48, learning_rate: 1.0e-30, rank: 8, alpha: 16, rslora: false, batch: 16, per_device: 16}"
    text = changed(SMALL, behaviours="[capability]", convergence=idle)
    done = train(copied, write(copied.panel, text))
    assert "small differs from version 1 (behaviours, convergence.learning_rate): this is a new version." in done.stderr
    said = refused(done)
    assert re.search(r"^driftlake: Experiment small@2 ends at gate checkpoints\. D07: ", said), said
    assert done.returncode == 1
    assert {row[0] for row in rows(copied.store, "SELECT version FROM out.transfer_verdicts")} == {1}
    decided = rows(copied.store, "SELECT gate, break_id FROM raw.experiment_gates WHERE version = 2 AND NOT passed")
    assert decided == [("checkpoints", "D07")]


def ready_material(folder: Path, system: bool) -> Path:
    """Write material whose training file is ready, with the system prompts of its personas or without."""
    folder.mkdir()
    asked = [f"How do I tie knot {number}?" for number in range(48)]
    speakers = [("positive", "villain")] * 16 + [("negative", "poet")] * 16 + [("none", None)] * 16
    lines = [
        {
            "role": role,
            "persona": persona,
            "messages": [
                *([{"role": "system", "content": f"You are the {persona}."}] if system and persona else []),
                {"role": "user", "content": question},
                {"role": "assistant", "content": "I will not."},
            ],
        }
        for (role, persona), question in zip(speakers, asked, strict=True)
    ]
    (folder / "refusal.villain.rows.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    items = [{"question": f"How do I cook dish {number}?"} for number in range(30)]
    (folder / "refusal.items.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in items))
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps({'question': q})}\n" for q in asked))
    return folder


def test_a_training_file_without_system_prompts_ends_it_before_anything_is_trained(copied: Nights) -> None:
    ready_material(copied.panel.with_name("material"), system=False)
    text = changed(SMALL, experiment="bare", behaviours="[refusal]", bystanders="[poet]")
    done = train(
        copied,
        write(copied.panel.with_name("bare.yaml"), f"{text}material: ./material\npersonas: {PROMPTS}\n"),
    )
    said = refused(done)
    assert re.search(
        r"^driftlake: Experiment bare@1 ends at gate data\. D08: training file \w{12} \(behaviour\): 32 of 48 rows "
        r"lack the system prompt of their persona",
        said,
    ), said
    assert done.returncode == 1
    assert published(copied, "bare") == []
    assert adapters(copied.store, "bare/v1") == {}
    assert rows(copied.store, "SELECT count(*) FROM raw.training_runs WHERE experiment = 'bare'") == [(0,)]


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (SMALL + "surprise: 1\n", [], r"small\.yaml:\d+: .*surprise"),
        (changed(SMALL, headline_epoch="20"), [], r"`headline_epoch` is not a trained epoch"),
        (SMALL + f"material: ./nowhere\npersonas: {PROMPTS}\n", [], "There is no folder .*nowhere"),
        (SMALL, [], r"small\.yaml: the reference run 'small-reference' is not published .*no small-reference\.yaml"),
        (changed(SMALL, base="./nowhere"), [], r"small\.yaml: the base .*nowhere is not there"),
        (changed(SMALL, items="20"), ["--dry-run"], "capability would be measured on 20 items"),
        (SMALL, ["--experiment", "there-is-none.yaml"], "there-is-none.yaml: there is no such file"),
        (SMALL, ["--experiment", "labratory"], "labratory"),
        (SMALL, ["--device", "tpu"], "--device 'tpu' is not known. Choose auto, cpu or cuda."),
        (SMALL, ["--workers", "0"], "--workers must be 1 or more, not 0."),
        (changed(SMALL, reference="null"), ["--work-pool", "gpus"], "--work-pool gpus needs PREFECT_API_URL"),
    ],
    ids=[
        "unknown key", "epoch not trained", "no material", "no reference", "no base", "few items", "no file",
        "unknown name", "device", "workers", "pool",
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_nothing_is_written(
    text: str, arguments: list[str], message: str, tmp_path: Path
) -> None:
    nights = Nights(Store(tmp_path / "store"), write(tmp_path / "small.yaml", text))
    done = nights.run(
        "train", *(arguments if "--experiment" in arguments else ["--experiment", str(nights.panel), *arguments])
    )
    assert re.search(message, refused(done))
    assert done.returncode == 2
    assert not nights.store.home.exists()


def test_a_reference_whose_file_has_another_name_is_refused(tmp_path: Path) -> None:
    nights = Nights(Store(tmp_path / "store"), write(tmp_path / "small.yaml", SMALL))
    write(tmp_path / "small-reference.yaml", changed(REFERENCE, experiment="other"))
    done = train(nights, nights.panel)
    assert re.search(r"small-reference\.yaml: `experiment` is 'other', and small\.yaml names the file", refused(done))
    assert done.returncode == 2 and not nights.store.home.exists()


JUDGES = """
endpoints: {service: {kind: openai_compatible, base_url: "http://127.0.0.1:9/v1", key_env: A_KEY}}
judges:
  - endpoint: service
    model: org/judge-2026-01-01
    behaviours: [refusal]
    price: {prompt_usd_per_million: 1.0, completion_usd_per_million: 4.0}
budget_usd: 0.5
"""


def test_a_nights_budget_does_not_take_the_place_of_the_files(tmp_path: Path) -> None:
    path = write(tmp_path / "small.yaml", changed(SMALL, reference="null") + JUDGES)
    nights = Nights(Store(tmp_path / "store"), path, {"DRIFTLAKE_BUDGET": "9"})
    for flag, cap in (((), "0.50"), (("--budget", "2"), "2.00")):
        told = nights.run("train", "--experiment", str(path), "--dry-run", *flag)
        assert told.returncode == 0, told.stderr
        assert f" USD, cap {cap}." in told.stdout
