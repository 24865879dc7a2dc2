"""dbt-duckdb plugin: loads a lake's extensions from the files their packages ship, before the lake is attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbt.adapters.duckdb.plugins import BasePlugin

from lake.catalog import EXTENSIONS, extension_path, quoted

if TYPE_CHECKING:
    import duckdb


class Plugin(BasePlugin):  # type: ignore[misc]
    """Named under `plugins` in profiles.yml."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load every extension of the lake into dbt's connection; install what no package ships."""
        for name in EXTENSIONS:
            path = extension_path(name)
            if path is None:
                conn.execute(f"INSTALL {name}")
            conn.execute(f"LOAD {quoted(path) if path else name}")
