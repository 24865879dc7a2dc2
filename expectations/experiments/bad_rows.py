"""Bad rows of an experiment: what a break's query returns, and of which part of the matrix."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from expectations.breaks import SQL_FOLDER, Break

if TYPE_CHECKING:
    import duckdb

CONVERGENCE = "convergence"


class ExperimentRow(NamedTuple):
    """One bad row: where (source/behaviour/sSEED@epoch, shorter where it is about more) and what."""

    subject: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.evidence} ({self.subject})" if self.subject else self.evidence


def rows_of_query(
    connection: duckdb.DuckDBPyConnection, query: str, experiment: str, version: int
) -> list[tuple[Any, ...]]:
    """Return the rows of a query about one version; it may use the macros of sql/shared/experiments.sql."""
    connection.execute(_macros())
    offered = {"experiment": experiment, "version": version}
    # DuckDB refuses a parameter that the query does not use
    used = {name: value for name, value in offered.items() if f"${name}" in query}
    return connection.execute(query, used).fetchall()


@cache
def _macros() -> str:
    return (SQL_FOLDER / "shared" / "experiments.sql").read_text(encoding="utf-8")


def experiment_bad_rows(
    connection: duckdb.DuckDBPyConnection, broken: Break, experiment: str, version: int, subject: str = ""
) -> list[ExperimentRow]:
    """Return what a break's query finds in a version of an experiment, in its order.

    `subject` keeps only rows that concern this part of the matrix, as `concerns` says.
    """
    found = rows_of_query(connection, broken.query, experiment, version)
    rows = [ExperimentRow(where or "", what or "no detail") for where, what in found]
    return [row for row in rows if concerns(row.subject, subject)]


def concerns(found: str, asked: str) -> bool:
    """Say whether a row about `found` concerns the part `asked` of the matrix; '' is all of it.

    Rows inside the part concern it, and rows about more than it. So does the convergence of its source (and seed),
    on which its behaviours were trained.
    """
    theirs, ours = _parts(found), _parts(asked)
    return all(
        one in (None, other) or other is None or (place == "behaviour" and one == CONVERGENCE)
        for place, one, other in zip(("source", "behaviour", "seed", "epoch"), theirs, ours, strict=True)
    )


def _parts(subject: str) -> tuple[str | None, ...]:
    """Return source, behaviour, seed and epoch; None for what a subject leaves open."""
    path, _, epoch = subject.partition("@")
    words = [word for word in path.split("/") if word]
    seeds = [word for word in words[1:] if word[0] == "s" and word[1:].isdigit()]
    names = [word for word in words if word not in seeds]
    return (
        names[0] if names else None,
        names[1] if len(names) > 1 else None,
        seeds[0] if seeds else None,
        epoch or None,
    )
