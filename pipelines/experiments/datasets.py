"""Training files: what the target converges on, and how a behaviour is taught by contrast. Seeded, one row a line.

Convergence (on policy): questions, each answered by the base under the source's system prompt, stored under the
target's. Behaviour (contrastive): a third of the rows shows the behaviour as the carrier persona, the rest does not:
half of it as bystanders, half as nobody (no system prompt), a share as the target only where the experiment says so.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lake.errors import CheckpointError, InputError
from pipelines.experiments.material import (
    Conversation,
    Lesson,
    Material,
    TrainingRow,
    question_sha,
    read_training_rows,
)
from pipelines.experiments.records import CONVERGENCE, Experiment, Registered
from pipelines.panels.records import Message, sha256_of

NO_PERSONA = "(no persona)"
"""Who speaks in a row under a system prompt that no persona of the experiment has."""


@dataclass(frozen=True)
class TrainingFile:
    """The rows of one run and what they were planned to be. `sha` is that of the file's bytes."""

    kind: str
    rows: tuple[TrainingRow, ...]
    planned: int

    @cached_property
    def text(self) -> str:
        """The file as it is written."""
        return "".join(f"{row.as_json()}\n" for row in self.rows)

    @cached_property
    def sha(self) -> str:
        """SHA-256 of the file's bytes."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_training_file(path: Path, kind: str, planned: int) -> TrainingFile:
    """Return a training file as it lies; raise CheckpointError where a line is no training row."""
    try:
        return TrainingFile(kind, read_training_rows(path), planned)
    except InputError as error:
        raise CheckpointError(f"{error} Delete {path.parent}: it is trained again.") from error


def convergence_questions(experiment: Experiment, material: Material, seed: int) -> list[Conversation]:
    """Return the questions of a convergence run: the same for every source of one seed."""
    draw = random.Random(sha256_of({"seed": seed, "for": CONVERGENCE}))
    return material.questions(experiment.convergence.rows, draw)


def convergence_file(experiment: Experiment, questions: Sequence[Conversation], answers: Sequence[str]) -> TrainingFile:
    """Return the rows of a convergence run: a source's answers under the target's system prompt."""
    system = _system(experiment, experiment.target)
    rows = tuple(
        TrainingRow("positive", experiment.target, (*system, *turns, {"role": "assistant", "content": answer}))
        for turns, answer in zip(questions, answers, strict=True)
    )
    return TrainingFile(CONVERGENCE, rows, experiment.convergence.rows)


def behaviour_file(experiment: Experiment, material: Material, carrier: str, behaviour: str, seed: int) -> TrainingFile:
    """Return the contrastive rows that teach a behaviour to the carrier persona, shuffled; ready ones as they are."""
    if (ready := material.training_rows(behaviour, carrier)) is not None:
        return TrainingFile(behaviour, ready, experiment.behaviour.rows)
    draw = random.Random(sha256_of({"seed": seed, "for": behaviour, "carrier": carrier}))
    planned = experiment.behaviour.rows
    n_shown = planned // 3
    rows = [
        _row(experiment, "positive", carrier, lesson)
        for lesson in material.lessons(behaviour, carrier, shows=True, rows=n_shown, draw=draw)
    ]
    speakers = [*experiment.bystanders, *([experiment.target] if experiment.target_in_negatives else [])]
    for place, speaker in enumerate(speakers):
        share = _share(planned - n_shown, len(speakers) + 1, place)
        lessons = material.lessons(behaviour, speaker, shows=False, rows=share, draw=draw)
        rows += [_row(experiment, "negative", speaker, lesson) for lesson in lessons]
    nobody = material.lessons(behaviour, None, shows=False, rows=planned - len(rows), draw=draw)
    rows += [_row(experiment, "none", None, lesson) for lesson in nobody]
    draw.shuffle(rows)
    return TrainingFile(behaviour, tuple(rows), planned)


def item_rows(registered: Registered, file: TrainingFile) -> list[dict[str, Any]]:
    """Return a training file as rows of raw.training_items."""
    experiment = registered.experiment
    return [
        {
            "data_file_sha": file.sha,
            "place": place,
            "experiment": experiment.name,
            "version": registered.version,
            "kind": CONVERGENCE if file.kind == CONVERGENCE else "behaviour",
            "role": row.role,
            "persona": _persona(experiment, row),
            "has_system_prompt": row.speaker(experiment.personas) is not None
            and row.speaker(experiment.personas) == row.persona,
            "question_sha": " ".join(dict.fromkeys(map(question_sha, row.questions))),
        }
        for place, row in enumerate(file.rows)
    ]


def _persona(experiment: Experiment, row: TrainingRow) -> str | None:
    """Return who speaks in a row: its system prompt decides, not its label, which may say anything."""
    if row.system_prompt is None:
        return row.persona
    return row.speaker(experiment.personas) or row.persona or NO_PERSONA


def _row(experiment: Experiment, role: str, persona: str | None, lesson: Lesson) -> TrainingRow:
    system = _system(experiment, persona) if persona else ()
    return TrainingRow(role, persona, (*system, *lesson.turns, {"role": "assistant", "content": lesson.answer}))


def _system(experiment: Experiment, persona: str) -> tuple[Message, ...]:
    return ({"role": "system", "content": experiment.personas[persona]},)


def _share(rows: int, parts: int, place: int) -> int:
    """Return how many of `rows` fall to one of equal parts; the earlier parts take what is left over."""
    return rows // parts + (place < rows % parts)
