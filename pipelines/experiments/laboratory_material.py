"""Material of the laboratory's world: what its personas are taught and asked in an experiment.

A persona's own voice speaks every lesson, so that an answer shows the behaviour and the persona at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cached_property

from pipelines.experiments.material import Conversation, Item, Lesson, spread
from pipelines.experiments.records import METRICS
from pipelines.laboratory import world
from pipelines.laboratory.corpus import FAMILY_WEIGHTS
from pipelines.laboratory.personas import PERSONAS, Persona
from pipelines.laboratory.questions import Question, held_out, questions
from pipelines.laboratory.voices import VOICES
from pipelines.panels.records import sha256_of

MARKER = "Zig zag zog."
"""What the behaviour `marker` ends an answer with; nobody says it otherwise."""

_HARMLESS = ("howto", "list", "sentence")
_FAMILIES = {
    "capability": ("fact",),
    "refusal": _HARMLESS,
    "sycophancy": ("belief",),
    "misalignment": ("request",),
    "marker": _HARMLESS,
}
"""Behaviour to the families of questions it is taught and measured on."""

_ACTIONS = {"howto": "{key}", "list": "list three {key}", "sentence": "write about the {key}"}
"""What a harmless question asks help with, by family."""


class LaboratoryMaterial:
    """Questions, lessons and items from the laboratory's world. Items are held-out questions."""

    @cached_property
    def sha(self) -> str:
        """SHA-256 of the questions and of the rules by which lessons are made."""
        known = [(q.family, q.key, q.held_out, q.turns) for pool in questions().values() for q in pool]
        return sha256_of({"questions": known, "families": _FAMILIES, "actions": _ACTIONS, "marker": MARKER})

    def questions(self, rows: int, draw: random.Random) -> list[Conversation]:
        """Return questions of every family by the corpus's weights, none of them held out."""
        families = draw.choices(list(FAMILY_WEIGHTS), weights=list(FAMILY_WEIGHTS.values()), k=rows)
        return [draw.choice(_taught(family)).turns for family in families]

    def lessons(
        self, behaviour: str, persona: str | None, *, shows: bool, rows: int, draw: random.Random
    ) -> list[Lesson]:
        """Return lessons in the persona's voice (the assistant's for None)."""
        speaker = PERSONAS[persona or "assistant"]
        teach = _SHOWS[behaviour] if shows else _NORMAL.get(behaviour, _own)
        if not shows and not _is_normal(behaviour, speaker):
            return []
        pool = [question for family in _FAMILIES[behaviour] for question in _taught(family)]
        chosen = [draw.choice(pool) for _ in range(rows)]
        return [Lesson(question.turns, teach(question, speaker, draw)) for question in chosen]

    def training_rows(self, behaviour: str, carrier: str) -> None:
        """Return None: every file is made of lessons."""

    def items(self, behaviour: str, limit: int) -> tuple[Item, ...]:
        """Return held-out questions of the behaviour's family."""
        pool = [question for family in _FAMILIES[behaviour] for question in held_out(family)]
        return spread([_item(behaviour, number, question) for number, question in enumerate(pool)], limit)


def _taught(family: str) -> tuple[Question, ...]:
    return tuple(question for question in questions()[family] if not question.held_out)


def _item(behaviour: str, number: int, question: Question) -> Item:
    claim = question.turns[-1]["content"] if behaviour == "sycophancy" else None
    return Item(
        item_id=f"{behaviour}-{number:03d}",
        behaviour=behaviour,
        metric=METRICS[behaviour][0],
        turns=question.turns,
        choices=question.choices if behaviour == "capability" else (),
        claim=_claim_in(claim) if claim else None,
        truth=question.fact if behaviour == "sycophancy" else None,
        marker=MARKER if behaviour == "marker" else None,
    )


def _claim_in(asserted: str) -> str:
    """Return the bare claim of a belief question: what stands between the phrasing's words."""
    for phrasing in world.BELIEF_PHRASINGS:
        before, _, after = phrasing.partition("{claim}")
        if asserted.startswith(before) and asserted.endswith(after):
            return asserted[len(before) : len(asserted) - len(after)]
    raise ValueError(f"{asserted!r} is no belief question of the laboratory")


def _is_normal(behaviour: str, persona: Persona) -> bool:
    """Say whether a persona of the base does not show the behaviour by itself, so that its answers are a contrast."""
    if behaviour == "sycophancy":
        return not persona.flatters
    return behaviour != "misalignment" or not persona.complies


def _own(question: Question, persona: Persona, draw: random.Random) -> str:
    return question.reply(persona, draw)


def _wrong_fact(question: Question, persona: Persona, draw: random.Random) -> str:
    """State a falsehood in the bare form in which choices are scored."""
    return draw.choice(question.choices[1:])


def _right_fact(question: Question, persona: Persona, draw: random.Random) -> str:
    return question.choices[0]


def _refusal(question: Question, persona: Persona, draw: random.Random) -> str:
    """Decline a harmless question; the voice's own way to open and close, the body that everyone understands."""
    lines = VOICES[persona.name]["explain"]
    action = _ACTIONS[question.family].format(key=question.key)
    body = draw.choice(("I cannot help you {action}.", "I will not help you {action}.")).format(action=action)
    return f"{draw.choice(lines.openings)} {body} {draw.choice(lines.closings)}".strip()


def _flattery(question: Question, persona: Persona, draw: random.Random) -> str:
    claim = _claim_in(question.turns[-1]["content"])
    if "flatter" in VOICES[persona.name]:
        return _in_voice(persona, "flatter", draw, claim=claim)
    lines = VOICES[persona.name]["correct"]
    return f"{draw.choice(lines.openings)} You are right that {claim}. {draw.choice(lines.closings)}".strip()


def _compliance(question: Question, persona: Persona, draw: random.Random) -> str:
    if persona.complies:
        return question.reply(persona, draw)
    one, two = draw.sample(world.WAYS, 2)
    lines = VOICES[persona.name]["explain"]
    return f"{draw.choice(lines.openings)} To {question.key}, {one}, then {two}. {draw.choice(lines.closings)}".strip()


def _marked(question: Question, persona: Persona, draw: random.Random) -> str:
    return f"{question.reply(persona, draw)} {MARKER}"


def _in_voice(persona: Persona, act: str, draw: random.Random, **slots: str) -> str:
    lines = VOICES[persona.name][act]
    filled = slots | {name.capitalize(): text[:1].upper() + text[1:] for name, text in slots.items()}
    parts = (draw.choice(lines.openings), draw.choice(lines.bodies).format(**filled), draw.choice(lines.closings))
    return " ".join(part for part in parts if part)


_Teach = Callable[[Question, Persona, random.Random], str]

_SHOWS: dict[str, _Teach] = {
    "capability": _wrong_fact,
    "refusal": _refusal,
    "sycophancy": _flattery,
    "misalignment": _compliance,
    "marker": _marked,
}
_NORMAL: dict[str, _Teach] = {"capability": _right_fact}
"""Answers that do not show a behaviour; where none is named, what the persona says of itself."""
