"""Where an experiment stands: its verdicts in one line, or why it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from dashboards.experiments.wording import sentence
from dashboards.figures.parts import words
from dashboards.wording import counted, inert

if TYPE_CHECKING:
    from dashboards.experiments.reading import ExperimentReading

_SOURCES_TOLD = 4
VERDICTS = ("transfer", "generic change", "unclear", "no transfer")


def headline(reading: ExperimentReading) -> str:
    """Return the line on top: how many cells show transfer, or that there are no verdicts and why."""
    verdicts = reading.frame("experiment_verdicts")
    if verdicts.is_empty():
        return f"No verdicts: {why_no_verdicts(reading)}"
    epoch = reading.facts["headline_epoch"]
    shown = verdicts.filter(pl.col("verdict") == "transfer").height
    cells = counted(verdicts.height, "cell")
    rest = [f"{word} in {n}" for word in VERDICTS[1:] if (n := verdicts.filter(pl.col("verdict") == word).height)]
    others = f"; {', '.join(rest)}" if rest else ""
    alone = "" if has_control(reading) else ", without a control"
    return f"Transfer in {shown} of {cells} (source, behaviour) at the registered epoch {epoch}{alone}{others}."


def has_control(reading: ExperimentReading) -> bool:
    """Say whether an arm of the experiment converges toward the target itself."""
    return bool(reading.frame("experiment_matrix")["is_control"].any())


def why_no_verdicts(reading: ExperimentReading) -> str:
    """Return why out.transfer_verdicts has no row: a closed gate, a failed audit, or none yet."""
    closed = first_closed(reading)
    if closed:
        return f"the gate {words(closed['gate'])} closed for {about(closed['subject'])}. {_found(closed)}"
    facts = reading.facts
    if facts["verdict"] is None:
        return "the run has not been audited yet. `driftlake train` with the same file goes on where it stopped."
    if facts["verdict"] != "passed":
        return f"its audit failed{_break(facts['break_id'])}. {sentence(facts['detail'])}"
    return (
        "its audit passed, but out.transfer_verdicts has no row of it. `driftlake train` with the same file models "
        "it again."
    )


def first_closed(reading: ExperimentReading) -> dict[str, Any] | None:
    """Return the gate that ended the run, None where every gate let it pass."""
    closed = reading.frame("experiment_gates").filter(pl.col("is_first_closed"))
    return closed.row(0, named=True) if closed.height else None


def about(subject: str | None) -> str:
    """Return what a gate was decided about: source/behaviour/seed, or the whole matrix."""
    return inert(subject or "") or "the whole matrix"


def verdict_words(reading: ExperimentReading) -> str:
    """Return the state of the run in a word or two, for the head of the page."""
    facts = reading.facts
    if first_closed(reading):
        return "a gate closed"
    return {"passed": "passed", "failed": "failed its audit"}.get(facts["verdict"] or "", "not audited yet")


def superseded(reading: ExperimentReading) -> str | None:
    """Return that a later version is registered, None where this is the newest."""
    later = reading.facts["superseded_by"]
    return f"Version {later} of this experiment was registered later; its page says what it changed." if later else None


def names(cells: list[dict[str, Any]]) -> str:
    """Return cells by name: 'villain: capability, refusal; comedian: refusal'."""
    by_source: dict[str, list[str]] = {}
    for cell in cells:
        by_source.setdefault(inert(cell["source"]), []).append(inert(cell["behaviour"]))
    more = len(by_source) - _SOURCES_TOLD
    told = [f"{source}: {', '.join(behaviours)}" for source, behaviours in list(by_source.items())[:_SOURCES_TOLD]]
    return "; ".join(told) + (f"; and {counted(more, 'more source', 'more sources')}" if more > 0 else "")


def _found(gate: dict[str, Any]) -> str:
    return f"{sentence(gate['evidence'])[:-1]}{_break(gate['break_id'])}."


def _break(break_id: str | None) -> str:
    return f" ({inert(break_id)})" if break_id else ""
