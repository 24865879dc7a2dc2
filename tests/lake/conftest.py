"""An empty lake in a folder of its own."""

from pathlib import Path

import pytest

from lake.catalog import create_lake
from lake.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    create_lake(store)
    return store
