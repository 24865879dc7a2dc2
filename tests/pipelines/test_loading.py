import os
import signal
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lake.catalog import connect_reader, create_lake
from lake.errors import StoreError
from lake.store import Store
from lake.tables import RAW_PLANNED_CELLS
from pipelines.loading import frame_of, load


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    create_lake(store)
    return store


def cells(n: int, **changes: Any) -> pl.DataFrame:
    row = {
        "wave_id": "p/2026-01-01",
        "wave_date": date(2026, 1, 1),
        "panel": "p",
        "model_requested": "m",
        "endpoint": "e",
        "prompt_id": "q",
        "purpose": "measure",
        "position": 0,
        "seed": 1,
    }
    return frame_of(RAW_PLANNED_CELLS, [row | {"sample_index": number} | changes for number in range(n)])


def count(store: Store) -> int:
    row = connect_reader(store, "head").execute("SELECT count(*) FROM raw.planned_cells").fetchone()
    assert row is not None
    return int(row[0])


def test_loading_twice_changes_nothing_and_later_rows_are_added(store: Store) -> None:
    assert load(store, {RAW_PLANNED_CELLS: cells(3)}) == {"planned_cells": 3}
    assert load(store, {RAW_PLANNED_CELLS: cells(3)}) == {}
    assert load(store, {RAW_PLANNED_CELLS: cells(5)}) == {"planned_cells": 2}
    assert count(store) == 5


def test_a_row_given_twice_is_loaded_once(store: Store) -> None:
    load(store, {RAW_PLANNED_CELLS: pl.concat([cells(2), cells(2)])})
    assert count(store) == 2


def test_the_lake_keeps_the_declared_types_after_a_load(store: Store) -> None:
    load(store, {RAW_PLANNED_CELLS: cells(1)})
    held = connect_reader(store, "head").execute("DESCRIBE raw.planned_cells").fetchall()
    assert [(row[0], row[1]) for row in held] == [(column.name, column.type) for column in RAW_PLANNED_CELLS.columns]


def test_an_undeclared_field_is_refused_by_name() -> None:
    with pytest.raises(StoreError, match=r"undeclared fields \['surprise'\]"):
        frame_of(RAW_PLANNED_CELLS, [{"surprise": 1}])


def test_a_missing_value_that_must_not_be_null_stops_the_load_before_anything_is_written(store: Store) -> None:
    with pytest.raises(StoreError, match="1 rows for raw.planned_cells have no panel"):
        load(store, {RAW_PLANNED_CELLS: cells(1, panel=None)})
    assert count(store) == 0


def test_ctrl_c_while_loading_stops_it_and_the_same_rows_load_again(store: Store) -> None:
    usual = signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        while signal.getsignal(signal.SIGINT) is usual:  # until dlt has put its own handler there
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    stopping = threading.Thread(target=interrupt)
    stopping.start()
    with pytest.raises(KeyboardInterrupt):
        load(store, {RAW_PLANNED_CELLS: cells(3)})
    stopping.join()
    assert load(store, {RAW_PLANNED_CELLS: cells(3)}) == {"planned_cells": 3}
    assert count(store) == 3
