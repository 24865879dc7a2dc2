from pathlib import Path

import pytest

from lake.errors import StoreError
from lake.store import Store, open_store


def test_the_place_of_the_store_is_the_argument_and_no_variable_moves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTLAKE_HOME", str(tmp_path / "variable"))
    assert open_store(tmp_path / "argument").home == tmp_path / "argument"
    assert open_store().home.parts[-2:] == ("lake", "store")


def test_a_store_that_cannot_be_made_says_where_and_what_next(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written .* or set DRIFTLAKE_HOME"):
        Store(tmp_path / "file" / "store").prepare()


def test_the_journal_of_a_wave_lies_under_its_panel_and_date(tmp_path: Path) -> None:
    assert Store(tmp_path).wave_journal("local/2026-01-01") == tmp_path / "journal" / "local" / "2026-01-01"
