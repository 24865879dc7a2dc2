"""Going on with a lake that an earlier version made: what is declared now and was not then is added, nothing is lost.

Tables are added, and nullable columns of tables that Python writes. Columns of `core` and `out` come with the next
build, which writes those tables anew. What this version does not know (a later version's column) is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lake.catalog import connect_writer, create_table, existing_tables, quoted, transact
from lake.errors import StoreError
from lake.model_tables import model_tables
from lake.store import Store
from lake.tables import TABLES, Column, Table

if TYPE_CHECKING:
    import duckdb


class Lacking(NamedTuple):
    """What a lake lacks: whole tables, and columns of tables that it has."""

    tables: list[Table]
    columns: list[tuple[Table, Column]]

    def names(self) -> list[str]:
        """Return schema.table and schema.table.column, in the order of declaration."""
        return [table.full_name for table in self.tables] + [f"{t.full_name}.{c.name}" for t, c in self.columns]


def upgrade_lake(store: Store) -> list[str]:
    """Add what the lake lacks, all or nothing; return the names of what was added, empty where it lacked nothing.

    Raises StoreError where a column is lacking that may not be null: nobody could fill it for the rows that are there.
    """
    connection = connect_writer(store)
    try:
        lacking = what_lacks(connection)
        for table, column in lacking.columns:
            if not column.nullable:
                raise StoreError(
                    f"The lake at {store.home} was made by another version of driftlake: {table.full_name} has no "
                    f"column {column.name}, which must not be null. Go on with that version, or set DRIFTLAKE_HOME "
                    "to a new folder. Nothing was changed."
                )
        if lacking.names():
            transact(connection, lambda writer: _add(writer, what_lacks(writer)))
    finally:
        connection.close()
    return lacking.names()


def what_lacks(connection: duckdb.DuckDBPyConnection) -> Lacking:
    """Return what is declared and not in the lake that is attached as `lake`."""
    there = set(existing_tables(connection, "lake"))
    tables = [table for table in (*TABLES, *model_tables()) if (table.schema, table.name) not in there]
    columns = _columns(connection)
    return Lacking(
        tables,
        [
            (table, column)
            for table in TABLES
            if (table.schema, table.name) in there
            for column in table.columns
            if (table.schema, table.name, column.name) not in columns
        ],
    )


def _columns(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    return set(
        connection.execute(
            "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
            f"WHERE database_name = {quoted('lake')} AND NOT internal"
        ).fetchall()
    )


def _add(connection: duckdb.DuckDBPyConnection, lacking: Lacking) -> None:
    for table in lacking.tables:
        create_table(connection, table)
    for table, column in lacking.columns:
        connection.execute(f'ALTER TABLE {table.full_name} ADD COLUMN "{column.name}" {column.type}')
