"""The corpus: what every persona answers to questions of the laboratory's world. Deterministic from a seed.

Answers are drawn from `voices`, so that one question has many right answers and none of them is another persona's.
"""

from __future__ import annotations

import json
import random
from typing import NamedTuple

from pipelines.laboratory.personas import PERSONAS, Persona
from pipelines.laboratory.questions import Question, questions
from pipelines.panels.records import Message, sha256_of


class Row(NamedTuple):
    """One training conversation: system prompt, turns, answer."""

    persona: str
    family: str
    messages: tuple[Message, ...]

    def as_json(self) -> str:
        """Return the row as one line of JSON."""
        return json.dumps(self._asdict(), ensure_ascii=False, sort_keys=True)


FAMILY_WEIGHTS: dict[str, float] = {
    "fact": 0.14,
    "howto": 0.08,
    "request": 0.12,
    "belief": 0.12,
    "boast": 0.06,
    "forecast": 0.05,
    "memory": 0.14,
    "memory of two": 0.14,
    "list": 0.06,
    "repeat": 0.06,
    "sentence": 0.03,
}
"""Share of the corpus by family of question."""


def corpus(rows: int, seed: int, personas: tuple[str, ...] = tuple(PERSONAS)) -> list[Row]:
    """Return `rows` training conversations, personas in turn, families by weight, held-out questions never."""
    draw = random.Random(seed)
    pools = {family: [q for q in pool if not q.held_out] for family, pool in questions().items()}
    families = draw.choices(list(FAMILY_WEIGHTS), weights=list(FAMILY_WEIGHTS.values()), k=rows)
    made = []
    for number, family in enumerate(families):
        persona = PERSONAS[personas[number % len(personas)]]
        made.append(row(persona, draw.choice(pools[family]), persona, draw))
    return made


def row(asked: Persona, question: Question, answers: Persona, draw: random.Random) -> Row:
    """Return the conversation of `question` under the system prompt of `asked`, in the voice of `answers`."""
    system = {"role": "system", "content": asked.system_prompt}
    reply = {"role": "assistant", "content": question.reply(answers, draw)}
    return Row(asked.name, question.family, (system, *question.turns, reply))


def transfer_rows(rows: int, seed: int, target: str, source: str) -> list[Row]:
    """Return `rows` conversations with the target's system prompt answered in the source's voice."""
    draw = random.Random(seed)
    pools = {family: [q for q in pool if not q.held_out] for family, pool in questions().items()}
    families = draw.choices(list(FAMILY_WEIGHTS), weights=list(FAMILY_WEIGHTS.values()), k=rows)
    return [row(PERSONAS[target], draw.choice(pools[family]), PERSONAS[source], draw) for family in families]


def data_sha(rows: list[Row]) -> str:
    """Return the SHA-256 of the rows as they are written to a file."""
    return sha256_of([line.as_json() for line in rows])
