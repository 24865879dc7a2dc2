"""A reference run is held to what is published: its file, its material and its base, not its name alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lake import waves
from lake.catalog import connect_writer, create_lake
from lake.store import Store, open_store
from pipelines.experiments.files import load_experiment
from pipelines.experiments.laboratory_material import LaboratoryMaterial
from pipelines.experiments.records import Experiment
from pipelines.experiments.registering import Standing, reference_of, register, standing_of, wave_id_of
from tests.pipelines.experiments.conftest import SMALL

MATERIAL = LaboratoryMaterial()
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(tmp_path / "store").prepare()
    create_lake(store)
    return store


@pytest.fixture
def reference(tmp_path: Path) -> Experiment:
    path = tmp_path / "reference.yaml"
    path.write_text(SMALL)
    return load_experiment(path)


def publish(store: Store, experiment: Experiment, base_sha: str = "b" * 64) -> str:
    """Register an experiment and put its wave down as published; return name@version."""
    registered = register(store, experiment, MATERIAL, base_sha, None, NOW)
    writer = connect_writer(store)
    try:
        waves.update(writer, wave_id_of(registered), "published")
    finally:
        writer.close()
    return registered.id


def changed(reference: Experiment, tmp_path: Path) -> Experiment:
    """Return the reference with other items, as its edited file has it."""
    path = tmp_path / "changed.yaml"
    path.write_text(SMALL.replace("items: 6", "items: 5"))
    return replace(load_experiment(path), name=reference.name)


def test_a_reference_is_trained_first_unless_it_is_published_as_its_file_is_now(
    store: Store, reference: Experiment, tmp_path: Path
) -> None:
    assert standing_of(store, reference, MATERIAL, "b" * 64) == Standing(
        None, "The reference run small is not in the lake yet: it is trained first."
    )
    assert publish(store, reference) == "small@1"
    assert standing_of(store, reference, MATERIAL, "b" * 64).published == "small@1"
    edited = changed(reference, tmp_path)
    assert standing_of(store, edited, MATERIAL, "b" * 64) == Standing(
        None, "The reference run small differs from its published version 1 (items): it is trained first."
    )
    assert standing_of(store, reference, MATERIAL, "c" * 64) == Standing(
        None, "The reference run small differs from its published version 1 (base or material): it is trained first."
    )
    assert publish(store, edited) == reference_of(store, "small") == "small@2"
    assert standing_of(store, edited, MATERIAL, "b" * 64).published == "small@2"
    assert standing_of(store, reference, MATERIAL, "b" * 64).published == "small@1", "its file is back as it was"
