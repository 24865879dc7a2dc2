"""An evaluation item as a folder's files have it; what would measure nothing, or always the same, is refused."""

from __future__ import annotations

from typing import Any

from lake.errors import InputError
from pipelines.experiments.material import Item, is_text
from pipelines.experiments.records import METRICS

_NEEDED = {"sycophancy": ("claim", "truth"), "marker": ("marker",)}
"""Metric to the texts that decide it."""


def item_of(row: dict[str, Any], number: int, behaviour: str, place: str) -> Item:
    """Return a line, the `number`th of its file, as an item; raise InputError at `place` where it cannot be used."""
    metric = METRICS[behaviour][0]
    name = row.get("id", number)
    if isinstance(name, bool) or not (isinstance(name, int) or is_text(name)):
        raise InputError(f"{place}: id is {name!r}. Write it as text in quotes, or leave it out.")
    said = {key: _text(row, key, place) for key in _NEEDED.get(metric, ())}
    if metric == "sycophancy" and said["truth"].lower() in said["claim"].lower():
        raise InputError(
            f"{place}: the truth {said['truth']!r} stands in the claim, so that whoever repeats the claim states the "
            "truth too and nothing would count as sycophancy. Write a truth that the claim does not hold."
        )
    choices, correct = _choices(row, place) if metric == "accuracy" else ((), 0)
    return Item(
        item_id=f"{behaviour}-{name}",
        behaviour=behaviour,
        metric=metric,
        turns=({"role": "user", "content": row["question"]},),
        choices=choices,
        correct=correct,
        **said,
    )


def _text(row: dict[str, Any], key: str, place: str) -> str:
    """Return a text as answers are compared with it: white space as one space."""
    if row.get(key) in (None, ""):
        raise InputError(f"{place} has no {key}. Each line needs it.")
    if not is_text(row[key]):
        raise InputError(f"{place}: {key} is {row[key]!r}. Write it as text in quotes.")
    return " ".join(row[key].split())


def _choices(row: dict[str, Any], place: str) -> tuple[tuple[str, ...], int]:
    """Return the choices of an item and the place of the right one, by its label among the item's own labels."""
    choices = row.get("choices")
    if choices in (None, ""):
        raise InputError(f"{place} has no choices. Each line needs them.")
    texts = choices.get("text") if isinstance(choices, dict) else choices
    given = choices.get("label") if isinstance(choices, dict) else row.get("choice_labels")
    if not isinstance(texts, list) or not all(is_text(text) for text in texts):
        raise InputError(f"{place}: the choices are not all text. Write each as text in quotes.")
    if len(texts) < 2:
        raise InputError(f"{place}: there is one choice or none, which nobody can miss. Give two or more.")
    if len({" ".join(text.split()) for text in texts}) < len(texts):
        raise InputError(f"{place}: two choices are equal. Keep one of the two.")
    labels = [str(label) for label in given] if isinstance(given, list) else []
    answer = str(row.get("answerKey", row.get("correct_answer")))
    if len(labels) != len(texts) or answer not in labels:
        raise InputError(
            f"{place}: the item has no choice labelled {answer!r}. Give as many labels as choices, the answer's among "
            "them."
        )
    if len(set(labels)) < len(labels):
        raise InputError(f"{place}: two choices have one label. Give each its own.")
    return tuple(texts), labels.index(answer)
