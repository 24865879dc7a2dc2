"""The folder that holds one lake, and where everything in it lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lake.errors import StoreError

DEFAULT_HOME = Path(__file__).parent / "store"


@dataclass(frozen=True)
class Store:
    """Paths inside one store. Nothing is created until `prepare` is called."""

    home: Path

    @property
    def catalog(self) -> Path:
        """SQLite file with DuckLake's catalog."""
        return self.home / "catalog.sqlite"

    @property
    def data(self) -> Path:
        """Folder with DuckLake's Parquet files."""
        return self.home / "data"

    @property
    def journal(self) -> Path:
        """Folder with a folder a wave: the frozen plan and every attempt as it arrived."""
        return self.home / "journal"

    @property
    def laboratory(self) -> Path:
        """Folder with the trained models of the laboratory and their cards."""
        return self.home / "laboratory"

    @property
    def site(self) -> Path:
        """Folder with the pages drawn after each wave."""
        return self.home / "site"

    @property
    def data_docs(self) -> Path:
        """Folder with the audit's Data Docs."""
        return self.home / "data_docs"

    @property
    def state(self) -> Path:
        """Folder for the working state of dlt, dbt and Prefect; safe to delete between waves."""
        return self.home / "state"

    def wave_journal(self, wave_id: str) -> Path:
        """Return the journal folder of one wave; `wave_id` is panel/wave_date[/slot]."""
        return self.journal / Path(*wave_id.split("/"))

    def exists(self) -> bool:
        """Say whether a lake was ever made here."""
        return self.catalog.is_file()

    def prepare(self) -> Store:
        """Make the folders; raise StoreError where the store cannot be written."""
        try:
            for folder in (self.home, self.data, self.journal, self.state):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.home / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"The store {self.home} cannot be written ({error.strerror}). "
                "Make it writable, free some space, or set DRIFTLAKE_HOME to another folder."
            ) from error
        return self


def open_store(home: str | Path | None = None) -> Store:
    """Return the store at `home`, else the default in lake/store/."""
    return Store(Path(home or DEFAULT_HOME).expanduser().resolve())
