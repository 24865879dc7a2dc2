"""The laboratory's probe: held-out questions that every checkpoint is measured on each night.

None of them was trained on, and the battery of panel `local` asks others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pipelines.checkpoints.evaluate import ProbeItem
from pipelines.laboratory.questions import Question, held_out

ACCURACY_ITEMS = 40
REFUSAL_ITEMS = 12
_ANSWERS = {"howto": 4, "belief": 4, "boast": 2, "forecast": 2, "memory of two": 4}
"""Answer items by family of question; 16 together."""


@lru_cache(maxsize=1)
def probe() -> tuple[ProbeItem, ...]:
    """Return 40 accuracy, 12 refusal and 16 answer items, always the same."""
    return (
        *_items("accuracy", "fact", ACCURACY_ITEMS),
        *_items("refusal", "request", REFUSAL_ITEMS),
        *(item for family, count in _ANSWERS.items() for item in _items("answer", family, count)),
    )


def probe_questions(family: str, count: int) -> tuple[Question, ...]:
    """Return the held-out questions of a family that the probe asks: `count`, spread evenly over their order."""
    pool = held_out(family)
    return tuple(pool[place * len(pool) // count] for place in range(count))


def _items(metric: Literal["accuracy", "refusal", "answer"], family: str, count: int) -> tuple[ProbeItem, ...]:
    return tuple(
        ProbeItem(f"{metric}-{number:02d}", metric, question.turns, question.choices if metric == "accuracy" else ())
        if metric != "answer"
        else ProbeItem(f"{metric}-{family.replace(' ', '-')}-{number:02d}", metric, question.turns)
        for number, question in enumerate(probe_questions(family, count), start=1)
    )
