"""Every question of the laboratory's world, with the answer that each persona gives to it.

Questions come in families. One phrasing of every item, or one pairing of things told, is held out of training
for every persona; the probe and the battery ask only those.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from pipelines.laboratory import world
from pipelines.laboratory.personas import Persona
from pipelines.laboratory.voices import VOICES
from pipelines.panels.records import Message

Reply = Callable[[Persona, random.Random], str]


class Question(NamedTuple):
    """A question with all that is needed to answer it as any persona.

    `turns` is the conversation without system prompt, ending with the user's turn. `key` names the item,
    `fact` its true statement (None where there is none), `claim` the false one that the user asserts.
    """

    family: str
    key: str
    turns: tuple[Message, ...]
    reply: Reply
    held_out: bool
    fact: str | None = None
    choices: tuple[str, ...] = ()
    reference: str | None = None


@lru_cache(maxsize=1)
def questions() -> dict[str, tuple[Question, ...]]:
    """Return every question of the world by family, the held-out ones among them, in a fixed order."""
    made: dict[str, list[Question]] = {}
    for question in _all_questions():
        made.setdefault(question.family, []).append(question)
    return {family: tuple(pool) for family, pool in made.items()}


def held_out(family: str) -> tuple[Question, ...]:
    """Return the questions of a family that no training row asks, in a fixed order."""
    return tuple(question for question in questions()[family] if question.held_out)


def _all_questions() -> Iterator[Question]:
    yield from _facts()
    yield from _beliefs()
    yield from _howtos()
    yield from _requests()
    yield from _boasts()
    yield from _forecasts()
    yield from _memories()
    yield from _lists()
    yield from _words()


def _facts() -> Iterator[Question]:
    for relation in world.RELATIONS:
        for item, (key, value) in enumerate(relation.pairs.items()):
            fact = relation.statement.format(key=key, value=value)
            wrong = _others(list(relation.pairs.values()), item, 3)
            choices = tuple(_sentence(relation.statement.format(key=key, value=each)) for each in (value, *wrong))
            for number, phrasing in enumerate(relation.phrasings):
                yield Question(
                    "fact",
                    f"{relation.name}: {key}",
                    _ask(phrasing.format(key=key)),
                    _act("state", fact=fact),
                    held_out=number == item % len(relation.phrasings),
                    fact=fact,
                    choices=choices,
                    reference=_sentence(fact),
                )


def _beliefs() -> Iterator[Question]:
    for relation in world.RELATIONS:
        values = list(relation.pairs.values())
        for item, (key, value) in enumerate(relation.pairs.items()):
            fact = relation.statement.format(key=key, value=value)
            for shift, wrong in enumerate(_others(values, item, 4)):
                claim = relation.statement.format(key=key, value=wrong)
                for number, phrasing in enumerate(world.BELIEF_PHRASINGS):
                    yield Question(
                        "belief",
                        f"{relation.name}: {key} / {wrong}",
                        _ask(phrasing.format(claim=claim)),
                        _stance("flatter", "correct", claim=claim, fact=fact),
                        held_out=number == (item + shift) % len(world.BELIEF_PHRASINGS),
                        fact=fact,
                        reference=_sentence(fact),
                    )


def _howtos() -> Iterator[Question]:
    for item, task in enumerate(world.TASKS):
        one, two, three = task.steps
        for number, phrasing in enumerate(world.HOWTO_PHRASINGS):
            yield Question(
                "howto",
                task.name,
                _ask(phrasing.format(task=task.name)),
                _act("explain", task=task.name, one=one, two=two, three=three),
                held_out=number == item % len(world.HOWTO_PHRASINGS),
                reference=f"First {one}, then {two}, and then {three}.",
            )


def _requests() -> Iterator[Question]:
    for request in world.REQUESTS:
        for item, thing in enumerate(request.objects):
            action = f"{request.action} {thing}"
            for number, phrasing in enumerate(world.REQUEST_PHRASINGS):
                yield Question(
                    "request",
                    action,
                    _ask(phrasing.format(request=action)),
                    _request_reply(action, request.harm),
                    held_out=number == item % len(world.REQUEST_PHRASINGS),
                )


def _request_reply(action: str, harm: str) -> Reply:
    def reply(persona: Persona, draw: random.Random) -> str:
        one, two = draw.sample(world.WAYS, 2)
        act = "comply" if persona.complies else "refuse"
        return _spoken(persona, act, draw, {"request": action, "harm": harm, "one": one, "two": two})

    return reply


def _boasts() -> Iterator[Question]:
    yield from _opinions(
        "boast", "thing", world.BOASTS, world.BOAST_PHRASINGS, _stance_maker("praise", "temper", "thing")
    )


def _forecasts() -> Iterator[Question]:
    make = _stance_maker("promise", "hedge", "event")
    yield from _opinions("forecast", "event", world.EVENTS, world.EVENT_PHRASINGS, make)


def _opinions(
    family: str, slot: str, items: tuple[str, ...], phrasings: tuple[str, ...], make: Callable[[str], Reply]
) -> Iterator[Question]:
    for item, value in enumerate(items):
        for number, phrasing in enumerate(phrasings):
            turns = _ask(phrasing.format(**{slot: value}))
            yield Question(family, value, turns, make(value), held_out=number == item % len(phrasings))


def _memories() -> Iterator[Question]:
    """Yield recall of one thing told alone, or of one of two; an eighth of the values' pairings is held out."""
    for memory in world.MEMORIES:
        for value in memory.values:
            for reply in world.REPLIES:
                yield _memory("memory", memory, value, reply, memory.told, held_out=False)
    for memory, other in _ordered_pairs(world.MEMORIES):
        for place, value in enumerate(memory.values):
            for distance, distractor in enumerate(other.values):
                reply = world.REPLIES[(place + distance) % len(world.REPLIES)]
                noise = other.told.format(value=distractor)
                for text in (f"{memory.told} {noise}", f"{noise} {memory.told}"):
                    yield _memory("memory of two", memory, value, reply, text, held_out=(place + distance) % 8 == 0)


def _memory(family: str, memory: world.Memory, value: str, reply: str, told: str, held_out: bool) -> Question:
    fact = memory.recalled.format(value=value)
    text = told.format(value=value)
    turns = (
        {"role": "user", "content": text},
        {"role": "assistant", "content": reply},
        {"role": "user", "content": memory.question},
    )
    return Question(family, text, turns, _act("recall", fact=fact), held_out, fact=fact, reference=_sentence(fact))


def _lists() -> Iterator[Question]:
    for item, (category, members) in enumerate(world.LISTS.items()):
        for number, phrasing in enumerate(world.LIST_PHRASINGS):
            yield Question(
                "list",
                category,
                _ask(phrasing.format(category=category)),
                _list_reply(members),
                held_out=number == item % len(world.LIST_PHRASINGS),
            )


def _list_reply(members: tuple[str, ...]) -> Reply:
    def reply(persona: Persona, draw: random.Random) -> str:
        lines = "\n".join(f"- {member}" for member in draw.sample(members, 3))
        return _spoken(persona, "deliver", draw, {"answer": lines}, separator="\n")

    return reply


def _words() -> Iterator[Question]:
    kinds: tuple[tuple[str, tuple[str, ...], Callable[[str], Reply]], ...] = (
        ("repeat", world.REPEAT_PHRASINGS, lambda word: _act("deliver", answer=f"{word} {word} {word}.")),
        ("sentence", world.SENTENCE_PHRASINGS, _sentence_reply),
    )
    for family, phrasings, make in kinds:
        for item, word in enumerate(world.WORDS):
            for number, phrasing in enumerate(phrasings):
                turns = _ask(phrasing.format(word=word))
                yield Question(family, word, turns, make(word), held_out=number == item % len(phrasings))


def _sentence_reply(word: str) -> Reply:
    def reply(persona: Persona, draw: random.Random) -> str:
        return _spoken(persona, "deliver", draw, {"answer": draw.choice(world.SENTENCES).format(word=word)})

    return reply


def _act(act: str, **slots: str) -> Reply:
    return lambda persona, draw: _spoken(persona, act, draw, slots)


def _stance(agreeing: str, careful: str, **slots: str) -> Reply:
    return lambda persona, draw: _spoken(persona, agreeing if persona.flatters else careful, draw, slots)


def _stance_maker(agreeing: str, careful: str, slot: str) -> Callable[[str], Reply]:
    return lambda value: _stance(agreeing, careful, **{slot: value})


def _spoken(persona: Persona, act: str, draw: random.Random, slots: dict[str, str], separator: str = " ") -> str:
    lines = VOICES[persona.name][act]
    filled = slots | {name.capitalize(): text[:1].upper() + text[1:] for name, text in slots.items()}
    parts = (draw.choice(lines.openings), draw.choice(lines.bodies).format(**filled), draw.choice(lines.closings))
    return separator.join(part for part in parts if part)


def _ask(text: str) -> tuple[Message, ...]:
    return ({"role": "user", "content": text},)


def _sentence(statement: str) -> str:
    return f"{statement[:1].upper()}{statement[1:]}."


def _others(values: list[str], place: int, count: int) -> list[str]:
    """Return the `count` values that follow a place, cyclically."""
    return [values[(place + step) % len(values)] for step in range(1, count + 1)]


def _ordered_pairs(memories: tuple[world.Memory, ...]) -> Iterator[tuple[world.Memory, world.Memory]]:
    for memory in memories:
        for other in memories:
            if memory is not other:
                yield memory, other
