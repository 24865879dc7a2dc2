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
An item is named by its "id", else by its line. ARC's labels are letters in some items and digits in others: the right
choice is the one at the place of the answer's label among the item's own labels.
Source of the format: https://huggingface.co/datasets/allenai/ai2_arc
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from lake.errors import InputError
from pipelines.experiments.material import Conversation, Item, Lesson, TrainingRow, read_training_rows, spread
from pipelines.experiments.records import METRICS


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

    def require(self, behaviours: Sequence[str], carriers: Sequence[str], *, converges: bool) -> None:
        """Raise InputError where a file that an experiment will read is absent, empty or not in its format."""
        draw = random.Random(0)
        if converges:
            self.questions(1, draw)
        for behaviour in behaviours:
            self.items(behaviour, 1)
            for carrier in carriers:
                if self.training_rows(behaviour, carrier) is None:
                    self.lessons(behaviour, carrier, shows=True, rows=1, draw=draw)

    def questions(self, rows: int, draw: random.Random) -> list[Conversation]:
        """Return questions drawn without replacement; all of them, again and again, where more are wanted."""
        found = [_ask(row["question"]) for row in self._rows("questions.jsonl", "question")]
        return _drawn(found, rows, draw)

    def lessons(
        self, behaviour: str, persona: str | None, *, shows: bool, rows: int, draw: random.Random
    ) -> list[Lesson]:
        """Return lessons; the same answers for every persona."""
        key = "shows" if shows else "normal"
        name = f"{behaviour}.train.jsonl"
        found = [Lesson(_ask(row["question"]), row[key]) for row in self._rows(name, "question", key)]
        return _drawn(found, rows, draw)

    def training_rows(self, behaviour: str, carrier: str) -> tuple[TrainingRow, ...] | None:
        """Return the rows of a file that is ready, in its order; None where there is none."""
        path = self.folder / f"{behaviour}.{carrier}.rows.jsonl"
        return read_training_rows(path) if path.is_file() else None

    def items(self, behaviour: str, limit: int) -> tuple[Item, ...]:
        """Return the items of a behaviour, spread evenly over the file."""
        name = f"{behaviour}.items.jsonl"
        metric = METRICS[behaviour][0]
        needed = {"accuracy": ("choices",), "sycophancy": ("claim", "truth"), "marker": ("marker",)}
        rows = self._rows(name, "question", *needed.get(metric, ()))
        items = [self._item(name, number, behaviour, metric, row) for number, row in enumerate(rows, start=1)]
        return spread(items, limit)

    def _item(self, name: str, number: int, behaviour: str, metric: str, row: dict[str, Any]) -> Item:
        item = Item(
            item_id=f"{behaviour}-{row.get('id', number)}",
            behaviour=behaviour,
            metric=metric,
            turns=_ask(row["question"]),
            claim=row.get("claim"),
            truth=row.get("truth"),
            marker=row.get("marker"),
        )
        if metric != "accuracy":
            return item
        choices = row["choices"]
        is_published = isinstance(choices, dict)
        texts = choices.get("text") if is_published else choices
        labels = choices.get("label") if is_published else row.get("choice_labels")
        answer = str(row.get("answerKey", row.get("correct_answer")))
        if not texts or not labels or len(texts) != len(labels) or answer not in map(str, labels):
            raise InputError(
                f"{self.folder / name}:{number}: the item has no choice labelled {answer!r}. Give as many labels as "
                "choices, the answer's among them."
            )
        return item._replace(choices=tuple(texts), correct=[str(label) for label in labels].index(answer))

    def _rows(self, name: str, *keys: str) -> Iterator[dict[str, Any]]:
        path = self.folder / name
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}). The experiment needs it.") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}:{number} is not JSON ({error}). Write one JSON object a line.") from error
            missing = [key for key in keys if not isinstance(row, dict) or row.get(key) in (None, "")]
            if missing:
                raise InputError(f"{path}:{number} has no {', '.join(missing)}. Each line needs {', '.join(keys)}.")
            yield row
        if not any(line.strip() for line in lines):
            raise InputError(f"{path} is empty. The experiment needs it.")


def _ask(text: str) -> Conversation:
    return ({"role": "user", "content": text},)


def _drawn(found: list[Any], rows: int, draw: random.Random) -> list[Any]:
    drawn: list[Any] = []
    while found and len(drawn) < rows:
        drawn += draw.sample(found, min(len(found), rows - len(drawn)))
    return drawn
