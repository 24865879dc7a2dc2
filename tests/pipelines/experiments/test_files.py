"""Experiment files: what is wrong is told with line and remedy, and what decides the results decides the sha."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake.errors import PanelError
from pipelines.experiments.files import EXPERIMENTS, experiment_names, experiment_of, load_experiment
from pipelines.experiments.records import cells
from tests.pipelines.experiments.conftest import SMALL


def test_the_experiments_that_come_with_driftlake_load_and_the_default_names_its_reference():
    assert experiment_names() == ["laboratory", "laboratory-reference"]
    laboratory, reference = (load_experiment(name) for name in experiment_names())
    assert laboratory.reference == reference.name
    for key in ("target", "canary", "sources", "bystanders", "behaviours", "behaviour", "items", "seeds", "threads"):
        assert getattr(laboratory, key) == getattr(reference, key), f"{key}: epoch 0 would not be the reference's"
    assert len(list(cells(laboratory))) == 3 * 4 * 4


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("canary: librarian", "canary: villain", "the canary 'villain' takes part in training"),
        ("sources: [villain]", "sources: [assistant]", "the target is among the sources"),
        ("sources: [villain]", "sources: [nobody]", "persona 'nobody' has no system prompt"),
        ("epochs: [0, 1]", "epochs: [1, 2]", "must rise and begin with 0"),
        ("headline_epoch: 1", "headline_epoch: 5", "is not a trained epoch"),
        ("criteria: {capability: 0.05, refusal: 0.05}", "criteria: {refusal: 0.05}", "no criterion for capability"),
        ("behaviours: [capability, refusal]", "behaviours: [cheating]", "cheating"),
        ("seeds: [3]", "seeds: [3, 3]", "names something twice"),
        ("items: 6", "itmes: 6", "Did you mean 'items'"),
        ("bystanders: [poet, scientist]", "bystanders: [villain]", "is a bystander and takes part"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_line(tmp_path: Path, before: str, after: str, message: str):
    path = tmp_path / "wrong.yaml"
    assert before in SMALL
    path.write_text(SMALL.replace(before, after))
    with pytest.raises(PanelError, match=message) as caught:
        load_experiment(path)
    assert caught.value.line is not None


def test_comments_and_order_change_no_sha_and_any_setting_does(tmp_path: Path, small):
    path = tmp_path / "other.yaml"
    lines = SMALL.strip().splitlines()
    path.write_text("# a comment\n" + "\n".join(reversed(lines)))
    assert load_experiment(path).sha == small.sha
    path.write_text(SMALL.replace("items: 6", "items: 7"))
    assert load_experiment(path).sha != small.sha


def test_what_is_stored_of_an_experiment_gives_it_back(small):
    assert experiment_of(small.declared, small.path) == small


def test_no_yaml_of_the_folder_is_forgotten():
    assert {path.stem for path in EXPERIMENTS.glob("*.yaml")} == set(experiment_names())
