"""What an experiment teaches and asks: questions to converge on, lessons in a behaviour, items to evaluate with.

Two kinds serve the same protocol: the laboratory's small world, and a folder of JSON Lines files.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

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


class TrainingRow(NamedTuple):
    """One training conversation. `role` is one of ROLES; `persona` is null where nobody speaks."""

    role: str
    persona: str | None
    messages: tuple[Message, ...]

    def as_json(self) -> str:
        """Return the row as one line of JSON."""
        return json.dumps(self._asdict(), ensure_ascii=False, sort_keys=True)


def read_training_rows(path: Path) -> tuple[TrainingRow, ...]:
    """Return the rows of a training file as they lie; raise InputError where it has none or a line is none."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            messages = tuple({"role": turn["role"], "content": turn["content"]} for turn in row["messages"])
            rows.append(TrainingRow(row["role"], row["persona"], messages))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}:{number} is no training row ({error}). Each line needs role, persona and messages."
            ) from error
        speakers = [turn["role"] for turn in messages]
        if row["role"] not in ROLES or "user" not in speakers or speakers[-1] != "assistant":
            raise InputError(
                f"{path}:{number} is no training row. Its role must be {', '.join(ROLES)}, and its messages must hold "
                "what a user asks and end with what the assistant answers."
            )
    if not rows:
        raise InputError(f"{path} holds no training row. Write one JSON object a line, or delete it.")
    return tuple(rows)


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
