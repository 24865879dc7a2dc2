"""Reproducibility cards are complete or not written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lake.errors import CheckpointError
from pipelines.checkpoints.card import LossPoint, ReproducibilityCard, read_card

CARD = ReproducibilityCard(
    kind="lora",
    experiment="a-to-b",
    epoch=2,
    step=4,
    recipe_sha="r" * 64,
    data_sha="d" * 64,
    n_rows=8,
    base_sha="b" * 64,
    weights_sha="w" * 64,
    template_sha="t" * 64,
    seed=7,
    hyperparameters={"rank": 8},
    library_versions={"torch": "2.13.0"},
    command="driftlake nightly",
    code_version="unknown",
    hardware={"device": "cpu", "name": "a processor", "threads": 2, "memory_gib": 8.0},
    loss_curve=(LossPoint(1, 0.5, 2.0, 0.1), LossPoint(2, 1.0, 1.0, 0.1)),
    final_loss=1.5,
    seconds=3.0,
    started_at="2026-11-20T02:00:00+00:00",
)


def test_a_card_comes_back_as_it_was_written(tmp_path):
    CARD.write(tmp_path)
    assert read_card(tmp_path) == CARD


def test_the_run_id_carries_experiment_kind_and_the_cards_sha():
    assert CARD.run_id == f"a-to-b/lora/{CARD.sha[:12]}"
    assert replace(CARD, seed=8).sha != CARD.sha


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("base_sha", None, id="base-sha-of-an-adapter"),
        pytest.param("command", "", id="command"),
        pytest.param("hyperparameters", {}, id="no-hyperparameters"),
        pytest.param("library_versions", {"torch": None}, id="one-version-unknown"),
    ],
)
def test_a_card_with_a_null_field_is_refused_and_nothing_is_written(tmp_path, field, value):
    with pytest.raises(CheckpointError, match=rf"card of a-to-b/lora has no {field}; without it the run cannot"):
        replace(CARD, **{field: value}).write(tmp_path)
    assert not (tmp_path / "card.json").exists()


def test_a_base_from_scratch_has_no_base_sha(tmp_path):
    replace(CARD, kind="base", base_sha=None).write(tmp_path)
    assert read_card(tmp_path).base_sha is None


@pytest.mark.parametrize("text", ["not JSON", "{}", json.dumps({"kind": "lora"})])
def test_a_file_that_is_no_card_is_named_with_the_remedy(tmp_path, text):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(CheckpointError, match="card.json is not a reproducibility card .* Delete"):
        read_card(tmp_path)
