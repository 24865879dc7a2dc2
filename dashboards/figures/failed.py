"""A figure that fails costs itself, never the page: a sentence with the error stands in its place."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dashboards.figures.parts import Figure, Source, sources
from dashboards.reading import asking_anew
from dashboards.wording import inert, listed

if TYPE_CHECKING:
    from types import ModuleType

    from dashboards.reading import Reading

_LOG = logging.getLogger(__name__)
_LENGTH = 200


def drawn(module: ModuleType, reading: Reading) -> Figure:
    """Return the module's figure; where it raises, which is logged, a sentence that says so and its queries."""
    own = asking_anew(reading)
    try:
        figure: Figure = module.figure(own)
    except Exception as error:
        name = module.__name__.rpartition(".")[2]
        _LOG.warning("Figure %s of wave %s could not be drawn.", name, inert(reading.wave_id), exc_info=error)
        return _in_place_of(name, own, error)
    return figure


def _in_place_of(name: str, reading: Reading, error: Exception) -> Figure:
    evidence, unanswered = _answers(reading)
    answers = "its query still answers" if evidence else "nor does its query answer"
    if evidence and unanswered:
        answers = f"without an answer: {listed(unanswered)}; its other queries still answer"
    said = inert(f"{type(error).__name__}: {error}").rstrip(".")
    shown = said if len(said) <= _LENGTH else f"{said[: _LENGTH - 1]}…"
    title = f"Figure {name.replace('_', ' ')} could not be drawn"
    return Figure(name, title, f"{title}: {shown}, {answers}.", sources=evidence)


def _answers(reading: Reading) -> tuple[tuple[Source, ...], list[str]]:
    """Return the queries that the figure asked with their rows, and the names of those that fail."""
    found: list[Source] = []
    unanswered = []
    for name in [asked for asked in reading.asked if asked != "facts"]:
        try:
            found += sources(reading, name)
        except Exception:
            _LOG.debug("Query %s has no answer.", name, exc_info=True)
            unanswered.append(name)
    return tuple(found), unanswered
