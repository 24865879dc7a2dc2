"""What can be told of other people's metrics from the numbers alone: breaks of a study, as data.

A study is what was imported under one name into raw.foreign_metrics; of each file the newest import counts. The queries
(expectations/sql/studies, parameter $study) return subject and evidence. What they find is told, not decided on: the
numbers are somebody else's, and no verdict follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from expectations.audit import Finding
from expectations.breaks import Break
from expectations.suites import BadRow

if TYPE_CHECKING:
    import duckdb

FOLDER = "studies"


def _break(check_id: str, title: str, why: str, remedy: str, rows: tuple[str, str]) -> Break:
    break_id, _, name = check_id.partition("_")
    return Break(
        id=break_id,
        name=name,
        title=title,
        scope="wave",
        severity="warn",
        applies_to=frozenset({"imported"}),
        why=why,
        remedy=remedy,
        reads=("raw.foreign_metrics",),
        bad_row=rows[0],
        bad_rows=rows[1],
        folder=FOLDER,
    )


STUDY_BREAKS: tuple[Break, ...] = (
    _break(
        "D02_epoch_zero_spread",
        "Epoch 0 differs between sources",
        "At epoch 0 no source has acted yet: with the same base, data and seed the values must agree.",
        "Ask for the base, the training file and the seed of each source.",
        ("metric", "metrics"),
    ),
    _break(
        "D03_stored_baseline",
        "A stored baseline is not the epoch 0 of its trajectory",
        "A change is then measured from one point and drawn from another.",
        "Take the trajectory's own epoch 0.",
        ("baseline", "baselines"),
    ),
    _break(
        "C05_floor_or_ceiling",
        "A rate on the floor or the ceiling",
        "A detector that says the same everywhere cannot show a change.",
        "Read the metric as not measured.",
        ("metric", "metrics"),
    ),
    _break(
        "C07_not_a_count",
        "A share that its denominator cannot give",
        "Answers without a judgement were left out, or counted half, and nobody says so.",
        "Ask for the number of answers that were judged.",
        ("value", "values"),
    ),
    _break(
        "D12_batch",
        "A declared product is not that of its parts",
        "Another effective batch is another learning rate, and the declared one cannot be repeated.",
        "Take the parts, and say which of the two the results are of.",
        ("run", "runs"),
    ),
    _break(
        "E04_headline_changed",
        "The headline epoch differs between analyses",
        "An epoch chosen after the results is chosen by them.",
        "Quote the epoch that was fixed first, or all of them.",
        ("change", "changes"),
    ),
    _break(
        "E05_control_moved",
        "A control moved",
        "What moves the control is not transfer from the source.",
        "Compare every change with the control's.",
        ("change", "changes"),
    ),
)


def study_findings(
    connection: duckdb.DuckDBPyConnection, study: str, breaks: tuple[Break, ...] = STUDY_BREAKS
) -> list[Finding]:
    """Return what each check finds in a study, in the order of the checks. `connection` sees raw at head."""
    found = []
    for broken in breaks:
        rows = connection.execute(broken.query, {"study": study}).fetchall()
        bad = tuple(BadRow(None, None, None, f"{where}: {what}" if where else what) for where, what in rows)
        found.append(Finding(broken, bad, not bad))
    return found
