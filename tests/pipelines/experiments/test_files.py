"""Experiment files: what is wrong is told with line and remedy, and what decides the results decides the sha."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake.errors import PanelError
from pipelines.experiments.files import EXPERIMENTS, experiment_names, experiment_of, load_experiment
from pipelines.experiments.records import cells
from pipelines.experiments.registering import changed_keys
from pipelines.panels.records import DeclaredPrice
from tests.pipelines.experiments.conftest import SMALL


def test_the_experiments_that_come_with_driftlake_load_and_the_default_names_its_reference():
    assert experiment_names() == ["laboratory", "laboratory-reference"]
    laboratory, reference = (load_experiment(name) for name in experiment_names())
    assert laboratory.reference == reference.name
    for key in ("target", "canary", "sources", "bystanders", "behaviours", "behaviour", "items", "seeds", "threads"):
        assert getattr(laboratory, key) == getattr(reference, key), f"{key}: epoch 0 would not be the reference's"
    assert len(list(cells(laboratory))) == 3 * 4 * 4


SAME = "personas: {assistant: Be kind., villain: Be bad., poet: 'Be  kind.', librarian: Be still.}"


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
        ("bystanders: [poet, scientist]", f"bystanders: [poet]\n{SAME}", "'assistant' and 'poet' have the same system"),
        (
            "rows: 16, learning_rate: 1.0e-2",
            "rows: 16, learning_rate: .inf",
            "learning_rate` should be a finite number",
        ),
        ("rows: 16, learning_rate: 1.0e-2", "rows: 16, learning_rate: 2.0", "learning_rate` .*less than or equal to 1"),
        ("accumulation: 2", "accumulation: 4", "`batch` is 8, per_device x accumulation is 4 x 4.*write 16"),
        ("refusal: 0.05}", "refusal: 5}", "criteria.refusal` .*less than or equal to 1.*above 0 to 1"),
        ("refusal: 0.05}", "refusal: .nan}", "criteria.refusal` should be a finite number"),
        ("seeds: [3]", "seeds: [-1]", r"seeds\[0\]` .*greater than or equal to 0.*0 to 4294967295"),
        ("seeds: [3]", "seeds: [4294967296]", r"seeds\[0\]` .*less than or equal to 4294967295"),
        ("items: 6", "thresholds: {epoch_zero_points: 0}", "epoch_zero_points` .*greater than 0"),
        ("items: 6", "thresholds: {epoch_zero_points: 101}", "epoch_zero_points` .*less than or equal to 100"),
        ("items: 6", "thresholds: {epoch_zero_points: .nan}", "epoch_zero_points` should be a finite number"),
        ("items: 6", "thresholds: {loss_below: .inf}", "loss_below` should be a finite number"),
        ("items: 6", "thresholds: {loss_share: 1.5}", "loss_share` .*less than or equal to 1"),
        ("items: 6", "reference: small", "the experiment is its own reference"),
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


JUDGES = """
endpoints: {service: {kind: openai_compatible, base_url: "https://judges.example/v1", key_env: A_KEY}}
judges: [{endpoint: service, model: org/judge-2026-01-01, behaviours: [refusal]}]
"""


def judged(tmp_path: Path, *edits: tuple[str, str], more: str = ""):
    text = SMALL + JUDGES + more
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return load_experiment(path)


def test_an_experiment_without_judges_has_the_sha_it_always_had(small):
    assert not {"judges", "endpoints", "budget_usd"} & small.declared.keys()
    assert small.judges == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("org/judge-2026-01-01", "org/judge-2026-02-02"),
        ("judges.example", "other.example"),
        ("[refusal]}]", "[refusal], votes: 3}]"),
        ("[refusal]}]", "[refusal], settings: {max_tokens: 99}}]"),
    ],
)
def test_what_decides_a_vote_makes_a_new_version(tmp_path: Path, small, before: str, after: str):
    one, other = judged(tmp_path), judged(tmp_path, (before, after))
    assert len({small.sha, one.sha, other.sha}) == 3
    assert changed_keys(one.declared, other.declared)


def test_budget_price_and_pace_make_none_and_are_kept(tmp_path: Path):
    one = judged(tmp_path)
    price = "price: {prompt_usd_per_million: 1.0, completion_usd_per_million: 4.0}"
    other = judged(
        tmp_path, ("[refusal]}]", f"[refusal], {price}}}]"), ("A_KEY}", "A_KEY, max_in_flight: 2}"),
        more="budget_usd: 3.0\n",
    )  # fmt: skip
    assert one.sha == other.sha
    again = experiment_of(other.file, other.path)
    assert again == other
    assert (again.budget_usd, again.endpoints["service"].max_in_flight) == (3.0, 2)
    assert again.judges[0].price == DeclaredPrice(1.0, 4.0)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("behaviours: [refusal]}]", "behaviours: [alignment]}]", "no answers to judge for alignment.*put misalignment"),
        ("endpoint: service", "endpoint: servce", "unknown endpoint 'servce'.*Did you mean 'service'"),
        ("org/judge-2026-01-01", "org/judge-latest", "moving name"),
        ("A_KEY", "sk-or-v1-abc", "is not the name of an environment variable"),
    ],
)
def test_a_judge_that_cannot_judge_is_refused_with_its_line(tmp_path: Path, before: str, after: str, message: str):
    with pytest.raises(PanelError, match=message) as caught:
        judged(tmp_path, (before, after))
    assert caught.value.line is not None
