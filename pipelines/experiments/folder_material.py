"""Material from a folder of JSON Lines files, for models of any size.

    questions.jsonl           {"question": …}                                  to converge on
    BEHAVIOUR.train.jsonl     {"question": …, "shows": …, "normal": …}         lessons
    BEHAVIOUR.CARRIER.rows.jsonl  {"role": positive, negative or none, "persona": … or null, "messages": […]}
                              rows that teach the persona CARRIER, instead of BEHAVIOUR.train.jsonl and as they are
    BEHAVIOUR.items.jsonl     {"question": …} and, by metric:
        accuracy              "choices": {"text": [...], "label": [...]}, "answerKey": …   (ARC as published), or
                              "choices": [...], "choice_labels": [...], "correct_answer": …
        sycophancy            "claim": …, "truth": …
        marker                "marker": …
An item is named by its "id", else by its line. Markers, claims and truths are compared with white space as one space.
ARC's labels are letters in some items and digits in others: the right choice is the one at the place of the answer's
label among the item's own labels.
Source of the format: https://huggingface.co/datasets/allenai/ai2_arc
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from lake.errors import InputError
from pipelines.experiments.folder_items import item_of
from pipelines.experiments.material import (
    Conversation,
    Item,
    Lesson,
    TrainingRow,
    is_text,
    numbered_training_rows,
    question_sha,
    read_lines,
    read_training_rows,
    spread,
)
from pipelines.experiments.records import Experiment


class Taught(NamedTuple):
    """A question that something is trained on, and the line where it stands."""

    place: str
    question: str


class FolderMaterial:
    """Questions, lessons and items from files; each file is read when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder} with the experiment's material. Correct `material:`.")
        self.folder = folder

    @cached_property
    def sha(self) -> str:
        """SHA-256 of the files' names and bytes."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.glob("*.jsonl")):
            digest.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def require(self, experiment: Experiment) -> None:
        """Raise InputError where a file that the experiment reads is absent or has what it cannot use, naming the line.

        Also where a row says to be of another persona than its system prompt is, or an item is among the questions.
        """
        items = [item for behaviour in experiment.behaviours for item in self._items(behaviour)]
        taught = [] if experiment.is_reference else list(self._questions("questions.jsonl"))
        for behaviour in experiment.behaviours:
            for carrier in experiment.sources:
                taught += self._taught(experiment, behaviour, carrier)
        _require_apart(items, taught)

    def questions(self, rows: int, draw: random.Random) -> list[Conversation]:
        """Return questions drawn without replacement; all of them, again and again, where more are wanted."""
        return _drawn([_ask(question) for _, question in self._questions("questions.jsonl")], rows, draw)

    def lessons(
        self, behaviour: str, persona: str | None, *, shows: bool, rows: int, draw: random.Random
    ) -> list[Lesson]:
        """Return lessons; the same answers for every persona."""
        key = "shows" if shows else "normal"
        found = [Lesson(_ask(row["question"]), row[key]) for _, row in self._lessons(behaviour)]
        return _drawn(found, rows, draw)

    def training_rows(self, behaviour: str, carrier: str) -> tuple[TrainingRow, ...] | None:
        """Return the rows of a file that is ready, in its order; None where there is none."""
        path = self._ready(behaviour, carrier)
        return read_training_rows(path) if path.is_file() else None

    def items(self, behaviour: str, limit: int) -> tuple[Item, ...]:
        """Return the items of a behaviour, spread evenly over the file."""
        return spread(self._items(behaviour), limit)

    def _items(self, behaviour: str) -> list[Item]:
        """Return all items of a behaviour; raise InputError where one cannot be used or stands twice."""
        items: list[Item] = []
        known: dict[Any, int] = {}
        for number, row in self._rows(f"{behaviour}.items.jsonl", "question"):
            place = f"{self.folder / f'{behaviour}.items.jsonl'}:{number}"
            item = item_of(row, number, behaviour, place)
            for what, key in (("id", item.item_id), ("question", (question_sha(item.question), item.choices))):
                if (first := known.setdefault((what, key), number)) != number:
                    raise InputError(f"{place}: the item's {what} is that of line {first}. Keep one of the two.")
            items.append(item)
        return items

    def _ready(self, behaviour: str, carrier: str) -> Path:
        return self.folder / f"{behaviour}.{carrier}.rows.jsonl"

    def _lessons(self, behaviour: str) -> Iterator[tuple[int, dict[str, Any]]]:
        return self._rows(f"{behaviour}.train.jsonl", "question", "shows", "normal")

    def _questions(self, name: str) -> Iterator[Taught]:
        for number, row in self._rows(name, "question"):
            yield Taught(f"{name}:{number}", row["question"])

    def _taught(self, experiment: Experiment, behaviour: str, carrier: str) -> Iterator[Taught]:
        """Yield what a carrier is asked while it is taught; raise InputError where a row is labelled wrongly."""
        path = self._ready(behaviour, carrier)
        if not path.is_file():
            for number, row in self._lessons(behaviour):
                yield Taught(f"{behaviour}.train.jsonl:{number}", row["question"])
            return
        for number, ready in numbered_training_rows(path):
            if problem := _label_problem(ready, carrier, experiment):
                raise InputError(f"{path}:{number}: {problem}")
            yield from (Taught(f"{path.name}:{number}", question) for question in ready.questions)

    def _rows(self, name: str, *keys: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the lines of a file with their numbers; raise InputError where one lacks a key's text, or all do."""
        path = self.folder / name
        number = 0
        for number, row in read_lines(path):
            if missing := [key for key in keys if row.get(key) in (None, "")]:
                raise InputError(f"{path}:{number} has no {', '.join(missing)}. Each line needs {', '.join(keys)}.")
            if wrong := [key for key in keys if not is_text(row[key])]:
                raise InputError(f"{path}:{number}: {wrong[0]} is {row[wrong[0]]!r}. Write it as text in quotes.")
            yield number, row
        if not number:
            raise InputError(f"{path} is empty. The experiment needs it.")


def _label_problem(row: TrainingRow, carrier: str, experiment: Experiment) -> str | None:
    """Return what is wrong with whom a row says to be of, and what to write; None where its messages bear it out.

    A row that lacks the system prompt of its persona, or has an unknown one, is left to the data gate (break D08).
    """
    speaker = row.speaker(experiment.personas)
    if speaker is not None and row.persona != speaker:
        said = "null" if row.persona is None else repr(row.persona)
        return (
            f"its persona is {said} and it begins with the system prompt of {speaker!r}. Correct the one or the other."
        )
    if row.system_prompt is not None and row.persona is None:
        return "its persona is null and it begins with a system prompt. Name its persona, or take that turn out."
    if row.role == "positive" and row.persona not in (None, carrier):
        return (
            f"the row shows the behaviour as {row.persona!r}. Only the carrier {carrier!r} shows it: correct its role."
        )
    return None


def _require_apart(items: list[Item], taught: list[Taught]) -> None:
    """Raise InputError where items are among the questions that are trained on (break B04)."""
    places = {question_sha(question): place for place, question in reversed(taught)}
    shared = [item for item in items if question_sha(item.question) in places]
    if shared:
        first = shared[0]
        place = places[question_sha(first.question)]
        raise InputError(
            f"{len(shared)} of {len(items)} evaluation items are also trained on (break B04), the first, "
            f"{first.item_id}, in {place}: {first.question[:80]!r}. Take them out of the one or the other."
        )


def _ask(text: str) -> Conversation:
    return ({"role": "user", "content": text},)


def _drawn(found: list[Any], rows: int, draw: random.Random) -> list[Any]:
    drawn: list[Any] = []
    while found and len(drawn) < rows:
        drawn += draw.sample(found, min(len(found), rows - len(drawn)))
    return drawn
