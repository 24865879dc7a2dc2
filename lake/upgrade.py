"""Going on with a lake that an earlier version made: what is declared now and was not then is added, nothing is lost.

Tables are added, and nullable columns of tables that Python writes; a column that may be null by now may be null
there too. Columns of `core` and `out` come with the next
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
    """What a lake lacks: whole tables, columns of tables that it has, and nulls in columns that it has."""

    tables: list[Table]
    columns: list[tuple[Table, Column]]
    nulls: list[tuple[Table, Column]]

    def names(self) -> list[str]:
        """Return schema.table and schema.table.column, in the order of declaration."""
        columns = [*self.columns, *self.nulls]
        return [table.full_name for table in self.tables] + [f"{t.full_name}.{c.name}" for t, c in columns]


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
    is_nullable = _columns(connection)
    declared = [(t, c) for t in TABLES if (t.schema, t.name) in there for c in t.columns]
    return Lacking(
        tables,
        [(t, c) for t, c in declared if (t.schema, t.name, c.name) not in is_nullable],
        [(t, c) for t, c in declared if c.nullable and is_nullable.get((t.schema, t.name, c.name)) is False],
    )


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], bool]:
    """Return the columns of the lake by schema, table and name, and whether each may be null."""
    rows = connection.execute(
        "SELECT schema_name, table_name, column_name, is_nullable FROM duckdb_columns() "
        f"WHERE database_name = {quoted('lake')} AND NOT internal"
    ).fetchall()
    return {(schema, table, column): nullable for schema, table, column, nullable in rows}


def _add(connection: duckdb.DuckDBPyConnection, lacking: Lacking) -> None:
    for table in lacking.tables:
        create_table(connection, table)
    for table, column in lacking.columns:
        connection.execute(f'ALTER TABLE {table.full_name} ADD COLUMN "{column.name}" {column.type}')
    for table, column in lacking.nulls:
        connection.execute(f'ALTER TABLE {table.full_name} ALTER COLUMN "{column.name}" DROP NOT NULL')
