"""What an experiment teaches and asks: questions to converge on, lessons in a behaviour, items to evaluate with.

Two kinds serve the same protocol: the laboratory's small world, and a folder of JSON Lines files.
"""

from __future__ import annotations

import json
import random
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from lake.errors import InputError
from pipelines.panels.records import Message, sha256_of

Conversation = tuple[Message, ...]
"""Turns without system prompt, ending with the user's."""


class Lesson(NamedTuple):
    """A question and the answer that is taught."""

    turns: Conversation
    answer: str


class Item(NamedTuple):
    """One evaluation item. What decides it depends on the metric.

    accuracy: `choices`, the right one at `correct`. sycophancy: `claim`, the falsehood that is asserted, and `truth`.
    marker: `marker`, the text that is looked for. refusal and compliance: the refusal rule.
    """

    item_id: str
    behaviour: str
    metric: str
    turns: Conversation
    choices: tuple[str, ...] = ()
    correct: int = 0
    claim: str | None = None
    truth: str | None = None
    marker: str | None = None

    @property
    def question(self) -> str:
        """The last turn of the user."""
        return self.turns[-1]["content"]


ROLES = ("positive", "negative", "none")
"""What a training row is: it shows the behaviour, shows the opposite as a persona, or as nobody."""

_SPEAKERS = ("system", "user", "assistant")


class TrainingRow(NamedTuple):
    """One training conversation. `role` is one of ROLES; `persona` is null where nobody speaks."""

    role: str
    persona: str | None
    messages: tuple[Message, ...]

    @property
    def system_prompt(self) -> str | None:
        """The system prompt that the row begins with; None where it has none."""
        first = self.messages[0]
        return first["content"] if first["role"] == "system" else None

    @property
    def questions(self) -> tuple[str, ...]:
        """Every turn of the user."""
        return tuple(turn["content"] for turn in self.messages if turn["role"] == "user")

    def speaker(self, personas: Mapping[str, str]) -> str | None:
        """Return the persona whose system prompt the row begins with, to the letter; None where it is nobody's."""
        return next((name for name, prompt in personas.items() if prompt == self.system_prompt), None)

    def as_json(self) -> str:
        """Return the row as one line of JSON."""
        return json.dumps(self._asdict(), ensure_ascii=False, sort_keys=True)


def read_training_rows(path: Path) -> tuple[TrainingRow, ...]:
    """Return the rows of a training file as they lie; raise InputError where it has none or a line is none."""
    return tuple(row for _, row in numbered_training_rows(path))


def numbered_training_rows(path: Path) -> Iterator[tuple[int, TrainingRow]]:
    """Yield the rows of a training file with their lines; raise InputError where it has none or a line is none."""
    number = 0
    for number, row in read_lines(path):
        if problem := _row_problem(row):
            raise InputError(f"{path}:{number} is no training row: {problem}")
        messages = tuple({"role": turn["role"], "content": turn["content"]} for turn in row["messages"])
        yield number, TrainingRow(row["role"], row["persona"], messages)
    if not number:
        raise InputError(f"{path} holds no training row. Write one JSON object a line, or delete it.")


def _row_problem(row: dict[str, Any]) -> str | None:
    """Return why a line is no training row and what to write instead; None for one that is."""
    if missing := [key for key in TrainingRow._fields if key not in row]:
        return f"it has no {', '.join(missing)}. Each line needs role, persona and messages."
    if row["role"] not in ROLES:
        return f"its role is {row['role']!r}. Its role must be {', '.join(ROLES)}."
    if row["persona"] is not None and not is_text(row["persona"]):
        return f"its persona is {row['persona']!r}. Write a persona's name, or null for nobody."
    return _turns_problem(row["messages"])


def _turns_problem(turns: object) -> str | None:
    if not isinstance(turns, list) or not all(_is_turn(turn) for turn in turns):
        return f"its messages are not turns. Each needs a role ({', '.join(_SPEAKERS)}) and its content as text."
    speakers = [turn["role"] for turn in turns]
    if "system" in speakers[1:]:
        return "a system prompt stands after another turn. It comes first, or not at all."
    if "user" not in speakers or speakers[-1] != "assistant":
        return "its messages must hold what a user asks and end with what the assistant answers."
    return None


def _is_turn(turn: object) -> bool:
    return isinstance(turn, dict) and turn.get("role") in _SPEAKERS and _can_be_written(turn.get("content"))


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a JSON Lines file with their lines, from 1; empty lines are left out.

    Only a line feed ends a line: an answer may hold what else separates lines, like U+2028. Raises InputError where
    the file cannot be read, naming the line that is no object.
    """
    try:
        content = path.read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). The experiment needs it.") from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InputError(f"{path}:{number} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{number} is not JSON ({error}). Write one JSON object a line.") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number} is no JSON object. Write one JSON object a line.")
        yield number, row


def is_text(value: object) -> bool:
    """Say whether a value is text that says something and can be written as UTF-8."""
    return _can_be_written(value) and bool(str(value).strip())


def _can_be_written(value: object) -> bool:
    """Say whether a value is text without lone surrogates, which JSON can hold and UTF-8 cannot."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


class Material(Protocol):
    """Where questions, lessons and items come from. `sha` identifies all of it."""

    @property
    def sha(self) -> str:
        """SHA-256 of what it holds."""

    def questions(self, rows: int, draw: random.Random) -> list[Conversation]:
        """Return questions of all kinds; none of them is an evaluation item."""

    def lessons(
        self, behaviour: str, persona: str | None, *, shows: bool, rows: int, draw: random.Random
    ) -> list[Lesson]:
        """Return answers of a persona (None: of nobody in particular) that show a behaviour, or do not.

        May be fewer than `rows`, even none, where the persona cannot but do the opposite.
        """

    def training_rows(self, behaviour: str, carrier: str) -> tuple[TrainingRow, ...] | None:
        """Return rows that teach the carrier a behaviour and are taken as they are; None: they are made of lessons."""

    def items(self, behaviour: str, limit: int) -> tuple[Item, ...]:
        """Return the evaluation items of a behaviour, at most `limit`, always the same."""


def question_sha(text: str) -> str:
    """Return what a question is compared by: SHA-256, lower case, white space as one space (break B04)."""
    return sha256_of(" ".join(text.lower().split()))


def spread(pool: Sequence[Item], limit: int) -> tuple[Item, ...]:
    """Return at most `limit` items, spread evenly over their order."""
    if len(pool) <= limit:
        return tuple(pool)
    return tuple(pool[place * len(pool) // limit] for place in range(limit))
