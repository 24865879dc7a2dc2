"""Losses reach the lake while a run trains, at most twice a minute, and each of them once."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.arms import LossFeed
from lake.catalog import connect_reader, create_lake
from lake.store import Store, open_store
from pipelines.checkpoints.card import LossPoint

CURVE = [LossPoint(step, step / 4, 2.0 - step / 10, 1e-3) for step in range(1, 5)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(tmp_path).prepare()
    create_lake(store)
    return store


def losses(store: Store) -> list[tuple[str, int, float]]:
    connection = connect_reader(store, "head")
    try:
        return connection.sql("SELECT run_id, step, loss FROM raw.training_loss ORDER BY ALL").fetchall()
    finally:
        connection.close()


def test_losses_so_far_are_loaded_and_later_ones_added(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LossFeed, "SECONDS", 0.0)
    feed = LossFeed(store)
    feed("e@1/villain/s7/convergence", CURVE[:2])
    assert losses(store) == [("e@1/villain/s7/convergence", 1, 1.9), ("e@1/villain/s7/convergence", 2, 1.8)]
    feed("e@1/villain/s7/convergence", CURVE)
    assert [step for _, step, _ in losses(store)] == [1, 2, 3, 4]


def test_a_step_soon_after_another_loads_nothing(store: Store) -> None:
    LossFeed(store)("e@1/villain/s7/convergence", CURVE)
    assert losses(store) == []
